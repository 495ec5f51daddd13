from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ratchet_airflow.local

SOURCE = Path(ratchet_airflow.local.__path__[0]) / "airflow_local_settings.py"


def libraries() -> tuple[str, ...]:
    for statement in ast.parse(SOURCE.read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "_LIBRARIES":
            names: tuple[str, ...] = ast.literal_eval(statement.value)
            return names
    raise AssertionError(f"{SOURCE} has no _LIBRARIES")


class TestPreload:
    @pytest.mark.parametrize("name", libraries())
    def test_each_library_is_installed(self, name: str) -> None:
        assert importlib.util.find_spec(name.partition(".")[0]) is not None

    @pytest.mark.parametrize(
        ("command", "wanted"),
        [
            pytest.param("triggerer", "1", id="a-component-that-does-not-fork"),
            pytest.param("scheduler", "0", id="switched-off"),
        ],
    )
    def test_nothing_heavy_is_imported_otherwise(self, command: str, wanted: str) -> None:
        run = f"sys.argv = ['airflow', {command!r}]; runpy.run_path({str(SOURCE)!r})"
        code = f"import sys, runpy; {run}; print(*sys.modules)"
        loaded = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"RATCHET_PRELOAD": wanted},
            capture_output=True,
            text=True,
            check=True,
        )
        assert not {name.partition(".")[0] for name in libraries()} & set(loaded.stdout.split())
