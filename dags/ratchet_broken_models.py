"""Names, as an Airflow import error, every model folder of which no DAG can be built. Holds no DAG itself.

Raised in the file that holds the DAGs, the same error would stop those of every other model.
"""

from __future__ import annotations

from ratchet.project import Project
from ratchet_airflow.pipelines.building import build_all, check_models_path, raise_broken

_project = Project.from_environment()
check_models_path(_project)
raise_broken(build_all(_project))
