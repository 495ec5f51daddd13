"""What a DAG file may import costs next to nothing: it is parsed every half a minute, in every component."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIGHT = ["errors", "verdicts", "identity", "project", "crashpoints", "spec", "storage", "ledger", "spans.calendar"]
HEAVY = {
    *("polars", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "skops", "skl2onnx", "onnxruntime", "optuna"),
    *("mlflow", "great_expectations", "deltalake", "datasketches", "matplotlib", "boto3", "airflow"),
}


def modules_of(name: str) -> list[str]:
    """Return a module, or a room with all its modules; of storage only its door, whose tables need Delta."""
    path = ROOT / "include" / "ratchet" / Path(*name.split("."))
    if path.with_suffix(".py").exists():
        return [f"ratchet.{name}"]
    inside = [] if name == "storage" else [f".{file.stem}" for file in path.glob("*.py") if file.stem != "__init__"]
    return [f"ratchet.{name}{module}" for module in ["", *sorted(inside)]]


@pytest.mark.parametrize("name", LIGHT)
def test_a_light_room_imports_nothing_heavy(name):
    modules = modules_of(name)
    source = f"import {', '.join(modules)}, sys; print(*{{module.partition('.')[0] for module in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True)
    assert set(done.stdout.split()) & HEAVY == set()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "include" / "ratchet").glob("*/__init__.py")), ids=lambda path: path.parent.name
)
def test_the_door_of_a_room_holds_a_docstring_and_nothing_else(path):
    if path.parent.name == "cli":
        pytest.skip("the door of cli is the command itself")
    docstring, *others = ast.parse(path.read_text()).body
    assert isinstance(docstring, ast.Expr)
    assert [ast.unparse(node) for node in others] in ([], ["from __future__ import annotations"])
