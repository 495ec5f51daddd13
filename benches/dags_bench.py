"""What an Airflow DAG processor pays for 200 models, in processes that import nothing else.

``python -m benches.dags_bench MODELS_PATH ANSWER`` is one such process. It times each model by itself: that model is
the same work in every process, its collections of garbage included, so the least is taken model by model. After every
fifth model come bare Airflow DAGs with as many tasks: where those alone exceed a budget, the machine is too slow or too
busy for it, and it does not apply.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches.measuring import Row, Taken, figure_row, ratio_row

if TYPE_CHECKING:
    from airflow.sdk import DAG

ROOT = Path(__file__).parents[1]
MODELS_PATH, PLUGINS_PATH = ROOT / "include" / "models", ROOT / "plugins"
N_MODELS, N_DAGS_A_MODEL = 200, 6
N_PROCESSES = 2
BARE_EVERY = 5


def run() -> list[Row]:
    """Return the rows of building, of serialization and of peak memory: the least of two processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_models(folder / "models")
        measured = [_measure(folder) for _ in range(N_PROCESSES)]
    memory = min(one["memory"] for one in measured)
    return [
        *judged_rows(f"specs and DAGs of {N_MODELS} models built, after imports", measured, "build", budget=2.0),
        *judged_rows(f"DAGs of {N_MODELS} models serialized", measured, "serialize", budget=3.0),
        figure_row(f"peak memory of {N_MODELS} models, above imports", memory, unit="MB", budget=300.0),
    ]


def judged_rows(name: str, measured: list[dict[str, Any]], key: str, *, budget: float) -> list[Row]:
    """Return the figure against its budget, where bare Airflow keeps that, and the ratio of the two."""
    ours, bare = (_least(measured, kind) for kind in (key, f"bare {key}"))
    applies = bare.cpu * BARE_EVERY <= budget
    whole = Taken(wall=bare.wall * BARE_EVERY, cpu=bare.cpu * BARE_EVERY)
    return [
        figure_row(name, ours.cpu, unit="CPU s", budget=budget if applies else None),
        ratio_row(f"{name}, against bare Airflow DAGs with as many tasks", ours, whole),
    ]


def _least(measured: list[dict[str, Any]], key: str) -> Taken:
    seconds = float(sum(min(same) for same in zip(*(one[key] for one in measured), strict=True)))
    return Taken(wall=seconds, cpu=seconds)


def copy_models(target: Path) -> None:
    """Make 200 model folders of that of flights; they differ in their names."""
    for number in range(N_MODELS):
        path = target / f"flights_{number:03}"
        shutil.copytree(MODELS_PATH / "flights", path, ignore=shutil.ignore_patterns("__pycache__"))
        spec_path = path / "spec.yaml"
        spec_path.write_text(spec_path.read_text().replace("name: flights\n", f"name: {path.name}\n", 1))


def _measure(folder: Path) -> dict[str, Any]:
    answer = folder / "answer.json"
    command = [sys.executable, "-m", "benches.dags_bench", str(folder / "models"), str(answer)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")} | {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS_PATH),  # without it the timetable of the DAGs is not known
    }
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=300)
    measured: dict[str, Any] = json.loads(answer.read_text())
    return measured


def measure_here(models_path: Path) -> dict[str, Any]:
    """Return the figures of this process, which must not have imported Airflow before."""
    import airflow.sdk  # noqa: F401  # what a DAG processor has imported before it reads a DAG file
    import psutil
    from airflow.serialization.serialized_objects import DagSerialization

    from ratchet.project import Project
    from ratchet.spec.loading import find_models, load_spec
    from ratchet_airflow.pipelines.building import build_model

    project = Project(home="/nowhere", models_path=models_path, tracking_uri="sqlite://")
    taken: dict[str, Any] = {"build": [], "bare build": [], "serialize": [], "bare serialize": []}

    def timed(key: str, work: Callable[[], list[Any]]) -> list[Any]:
        started = time.process_time()
        made = work()
        taken[key].append(time.process_time() - started)
        return made

    def build(name: str) -> list[DAG]:
        return list(build_model(load_spec(project, name)).values())

    def serialize(dags: list[DAG]) -> list[Any]:
        return [DagSerialization.to_dict(dag) for dag in dags]

    gc.freeze()  # as the DAG processor does before it forks
    before = psutil.Process().memory_info().rss
    kept = []
    for number, name in enumerate(find_models(project)):
        dags = timed("build", partial(build, name))
        kept.append((dags, timed("serialize", partial(serialize, dags))))
        if number % BARE_EVERY == 0:
            bare = timed("bare build", partial(_bare, dags))
            timed("bare serialize", partial(serialize, bare))
    if [len(serialized) for _, serialized in kept] != [N_DAGS_A_MODEL] * N_MODELS:
        raise ValueError(f"{N_MODELS} models must have {N_DAGS_A_MODEL} DAGs each.")
    return taken | {"memory": (_peak_bytes() - before) / 1e6}


def _bare(dags: list[DAG]) -> list[DAG]:
    """Return DAGs with as many tasks, in the same order of running, that do nothing."""
    from airflow.sdk import DAG, BaseOperator, chain

    made = []
    for dag in dags:
        with DAG(f"bare_{dag.dag_id}", schedule=None) as bare:
            chain(*(BaseOperator(task_id=task.task_id) for task in dag.tasks))
        made.append(bare)
    return made


def _peak_bytes() -> int:
    # Kilobytes everywhere but on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(measure_here(Path(sys.argv[1]))))
