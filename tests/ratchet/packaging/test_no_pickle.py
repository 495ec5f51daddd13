"""Unpickling runs whatever the bytes say: nothing that ships may do it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BANNED = frozenset({"pickle", "cPickle", "_pickle", "cloudpickle", "joblib", "dill", "shelve", "marshal"})
# Says who fits the members of an ensemble; it reads and writes no file.
LETS_WORKERS_FIT = ["joblib", "parallel_config"]
BANNED_CALLS = frozenset({"read_pickle", "to_pickle"})
FILES = sorted(path for folder in ("include", "plugins", "dags") for path in (ROOT / folder).rglob("*.py"))


def offences(source: str) -> list[str]:
    """Name each import or call of a banned module, and each ``allow_pickle=True``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(alias.name for alias in node.names)]
            names = [] if names == LETS_WORKERS_FIT else names
        elif isinstance(node, ast.Call):
            names = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            names = names if ast.unparse(node.func).endswith(("import_module", "__import__")) else []
        elif isinstance(node, ast.Attribute) and node.attr in BANNED_CALLS:
            found.append(node.attr)
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            found.append("allow_pickle")
        found += [name for name in names if BANNED & set(name.split("."))]
    return found


def test_there_is_something_to_scan() -> None:
    assert any(path.name == "package.py" for path in FILES)


def test_no_file_that_ships_imports_a_pickle() -> None:
    found = {str(path.relative_to(ROOT)): names for path in FILES if (names := offences(path.read_text()))}
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import joblib as j",
        "from joblib import load, parallel_config",
        "from pickle import loads",
        "from sklearn.externals import joblib",
        "def f():\n    import cloudpickle.compat",
        "import importlib; importlib.import_module('pickle')",
        "__import__('dill')",
        "pd.read_pickle(path)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_the_scan_finds(source: str) -> None:
    assert offences(source)


@pytest.mark.parametrize(
    "source", ["import json", "from joblib import parallel_config", "np.load(path, allow_pickle=False)", "x = 'pickle'"]
)
def test_the_scan_lets_pass(source: str) -> None:
    assert not offences(source)
