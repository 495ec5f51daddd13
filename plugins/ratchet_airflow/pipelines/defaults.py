"""What every DAG and every task of a model is given."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, conf

from ratchet.identity import ModelId
from ratchet.spans.calendar import Calendar
from ratchet_airflow.assets import Purpose, dag_id
from ratchet_airflow.pipelines.docs import describe
from ratchet_airflow.retries import RETRIES, ErrorRetryPolicy

if TYPE_CHECKING:
    from ratchet.spec.cadence import Cadence
    from ratchet.spec.model import ModelSpec

# A task that reads and writes; one that fits.
LIGHT = timedelta(minutes=30)
HEAVY = timedelta(hours=6)
# How long a span lasts at the most, with room to spare.
_LONGEST: dict[Cadence, timedelta] = {
    "hour": timedelta(hours=2),
    "day": timedelta(hours=27),
    "week": timedelta(days=7, hours=3),
    "month": timedelta(days=31, hours=3),
}


def build_dag(spec: ModelSpec, purpose: Purpose, *, schedule: Any, **kwargs: Any) -> DAG:
    """Return an empty DAG of a model.

    Not registered by its ``with`` block: only ``dags/ratchet_dags.py`` hands DAGs to Airflow, and building them to find
    the broken ones must leave no second copy.
    """
    return DAG(
        dag_id(ModelId(spec.name), purpose),
        schedule=schedule,
        start_date=first_run(spec),
        catchup=False,
        max_active_runs=1,
        max_active_tasks=4,
        tags=[spec.name, "ratchet"],
        description=f"{spec.name}: {purpose}",
        doc_md=describe(spec, purpose),
        default_args={
            "owner": spec.owner,
            "retries": RETRIES,
            "retry_policy": ErrorRetryPolicy(),
            "execution_timeout": LIGHT,
        },
        auto_register=False,
        **_configured(),
        **kwargs,
    )


@cache  # Airflow would parse its settings anew for each DAG: a tenth of what building them costs
def _configured() -> dict[str, Any]:
    return {
        "max_consecutive_failed_dag_runs": conf.getint("core", "max_consecutive_failed_dag_runs_per_dag"),
        "disable_bundle_versioning": conf.getboolean("dag_processor", "disable_bundle_versioning"),
    }


def first_run(spec: ModelSpec) -> datetime:
    """Return when the first span has ended: a run at its beginning would be for the one before it."""
    return _end_of(spec, spec.source.first_span)


def last_run(spec: ModelSpec) -> datetime | None:
    """Return when the last span has ended, for a source that has a last one."""
    return _end_of(spec, spec.source.last_span) if spec.source.last_span else None


def waiting_time(spec: ModelSpec) -> timedelta:
    """Return how long a sensor may wait from the start of a span to its deadline."""
    return _LONGEST[spec.source.span] + timedelta(hours=spec.source.deadline_hours)


def _end_of(spec: ModelSpec, span: str) -> datetime:
    calendar = Calendar.of(spec.source)
    _, end = calendar.bounds(calendar.parse(span))
    return end
