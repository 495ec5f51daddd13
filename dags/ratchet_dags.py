"""The Airflow DAGs of every model folder. Wiring only: no DAG is ever written by hand.

A model of which none can be built is left out here, and named by ``ratchet_broken_models.py``.
"""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from ratchet.project import Project
from ratchet_airflow.pipelines.building import build_all, raise_broken

# Set when a task is about to run: only its own model is read then.
_only = get_parsing_context().dag_id
_built = build_all(Project.from_environment(), only_dag_id=_only)
if _only is not None:
    raise_broken(_built)
globals().update(_built.dags)
