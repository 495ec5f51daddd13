"""Imports the heavy libraries in the scheduler, once, before it forks its workers.

Airflow imports this file by name in each of its components, from ``$AIRFLOW_HOME/config``. Every task is a fork of a
LocalExecutor worker, itself a fork of the scheduler, so what is loaded here costs a task nothing. Libraries only: a
package of ours would stay as it was until the scheduler is restarted.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings

# Airflow copies every public name of this module into its own settings.
__all__: list[str] = []

# Imported here, never used: their thread pools (Polars, Delta Lake, OpenMP) start at the first use, and a fork after
# that leaves a task with locks that nobody will release.
_LIBRARIES = (
    "numpy",
    "pandas",
    "polars",
    "pyarrow.dataset",
    "deltalake",
    "scipy.stats",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "skops.io",
    "optuna",
    "mlflow",
    "mlflow.sklearn",
    "great_expectations",
)
_FORKING_COMMANDS = (["scheduler"], ["celery"])

if os.environ.get("RATCHET_PRELOAD") == "1" and sys.argv[1:2] in _FORKING_COMMANDS:
    # skops looks for each NumPy function in every module there is, Airflow's deprecated names included.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _library in _LIBRARIES:
            importlib.import_module(_library)
