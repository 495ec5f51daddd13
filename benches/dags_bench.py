"""What an Airflow DAG processor pays for 200 models, in processes that import nothing else.

``python -m benches.dags_bench MODELS_PATH ANSWER`` is one such process.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benches.measuring import Row, figure_row

MODELS_PATH = Path(__file__).parents[1] / "include" / "models"
N_MODELS, N_DAGS_A_MODEL = 200, 5
N_PROCESSES = 2
ROWS = {  # key of the answer: name, unit, budget
    "import": ("import of the DAG builders, after airflow.sdk", "CPU s", None),
    "build": (f"specs and DAGs of {N_MODELS} models built, after imports", "CPU s", 2.0),
    "serialize": (f"DAGs of {N_MODELS} models serialized", "CPU s", 3.0),
    "memory": (f"peak memory of {N_MODELS} models built and serialized, above imports", "MB", 300.0),
}


def run() -> list[Row]:
    """Return one row each for imports, building, serialization and peak memory: the least of two processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_models(folder / "models")
        measured = [_measure(folder) for _ in range(N_PROCESSES)]
    return [
        figure_row(name, min(one[key] for one in measured), unit=unit, budget=budget)
        for key, (name, unit, budget) in ROWS.items()
    ]


def copy_models(target: Path) -> None:
    """Make 200 model folders of that of flights; they differ in their names."""
    for number in range(N_MODELS):
        path = target / f"flights_{number:03}"
        shutil.copytree(MODELS_PATH / "flights", path, ignore=shutil.ignore_patterns("__pycache__"))
        spec_path = path / "spec.yaml"
        spec_path.write_text(spec_path.read_text().replace("name: flights\n", f"name: {path.name}\n", 1))


def _measure(folder: Path) -> dict[str, float]:
    answer = folder / "answer.json"
    command = [sys.executable, "-m", "benches.dags_bench", str(folder / "models"), str(answer)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")} | {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
    }
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=300)
    measured: dict[str, float] = json.loads(answer.read_text())
    return measured


def measure_here(models_path: Path) -> dict[str, float]:
    """Return the figures of this process, which must not have imported Airflow before."""
    import airflow.sdk  # noqa: F401  # what a DAG processor has imported before it reads a DAG file
    import psutil
    from airflow.serialization.serialized_objects import DagSerialization

    started = time.process_time()
    from ratchet.project import Project
    from ratchet_airflow.pipelines.building import build_all

    imported = time.process_time()
    memory_before = psutil.Process().memory_info().rss
    built = build_all(Project(home="/nowhere", models_path=models_path, tracking_uri="sqlite://"))
    done = time.process_time()
    serialized = [DagSerialization.to_dict(dag) for dag in built.dags.values()]
    finished = time.process_time()
    if built.errors or len(serialized) != N_MODELS * N_DAGS_A_MODEL:
        raise ValueError(f"{N_MODELS * N_DAGS_A_MODEL} DAGs must be built. Got {len(serialized)}, {built.errors}.")
    return {
        "import": imported - started,
        "build": done - imported,
        "serialize": finished - done,
        "memory": (_peak_bytes() - memory_before) / 1e6,
    }


def _peak_bytes() -> int:
    # Kilobytes everywhere but on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(measure_here(Path(sys.argv[1]))))
