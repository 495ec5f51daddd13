"""All DAGs of all model folders, and what is wrong with those that have none.

An import error of a DAG file stops *every* DAG of that file: Airflow marks them all, and the scheduler starts no run of
a marked one. So the file that holds the DAGs leaves broken models out in silence, and a second file without any DAG
raises the error that names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ratchet.errors import SpecError
from ratchet.spec.loading import find_models, load_spec
from ratchet_airflow.assets import model_of
from ratchet_airflow.pipelines.arrival import build_arrival
from ratchet_airflow.pipelines.audit import build_audit
from ratchet_airflow.pipelines.ingest import build_ingest
from ratchet_airflow.pipelines.release import build_release
from ratchet_airflow.pipelines.score import build_score
from ratchet_airflow.pipelines.train import build_train
from ratchet_airflow.pipelines.watch import build_watch

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec

_BUILDERS: tuple[Callable[[ModelSpec], DAG], ...] = (
    build_ingest,
    build_score,
    build_watch,
    build_train,
    build_release,
    build_audit,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The DAGs by id, and the error of each model that has none."""

    dags: Mapping[str, DAG] = field(default_factory=dict)
    errors: Mapping[str, Exception] = field(default_factory=dict)


def build_model(spec: ModelSpec) -> dict[str, DAG]:
    """Return the DAGs of one model, by id."""
    return {dag.dag_id: dag for dag in (*(build(spec) for build in _BUILDERS), *build_arrival(spec))}


def build_all(project: Project, *, only_dag_id: str | None = None) -> Built:
    """Return the DAGs of every model that can be built.

    Parameters
    ----------
    only_dag_id : str, optional
        The DAG whose task is about to run: only its model is read.
    """
    names = find_models(project) if only_dag_id is None else [model_of(only_dag_id)]
    dags: dict[str, DAG] = {}
    errors: dict[str, Exception] = {}
    for name in names:
        try:
            dags |= build_model(load_spec(project, name))
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one model, the others keep their DAGs
            errors[name] = error
    return Built(dags=dags, errors=errors)


def check_models_path(project: Project) -> None:
    """Raise ``SpecError`` if there is no folder of models: no model folder and no DAG look the same."""
    if not project.models_path.is_dir():
        raise SpecError(
            f"{project.models_path} is no folder. RATCHET_MODELS must name the folder of the model folders."
        )


def raise_broken(built: Built) -> None:
    """Raise one error that names every broken model; return when there is none.

    Raises
    ------
    SpecError
        With the file, line and key of each.
    """
    if not built.errors:
        return
    n_models = len(built.errors) + len({model_of(dag_id) for dag_id in built.dags})
    told = "\n".join(f"{name}: {error}" for name, error in sorted(built.errors.items()))
    raise SpecError(f"{len(built.errors)} of {n_models} models have no DAGs until this is mended:\n{told}")
