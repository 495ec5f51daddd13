from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ratchet.errors import SpecError
from ratchet.spec.functions import load_functions


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    path = tmp_path / "flights"
    path.mkdir()
    (path / "features.py").write_text("LIMIT = 3\ndef add_hour(x): return x + 1\ndef add_day(x): return x + 2\n")
    return path


def test_functions_come_in_the_order_of_their_names(model_path: Path) -> None:
    add_day, add_hour = load_functions(model_path, ["features.add_day", "features.add_hour"])
    assert (add_day(1), add_hour(1)) == (3, 2)


def test_two_folders_may_hold_a_module_of_the_same_name(model_path: Path) -> None:
    other = model_path.parent / "trains"
    other.mkdir()
    (other / "features.py").write_text("def add_hour(x): return x + 100\n")
    (first,), (second,) = (load_functions(path, ["features.add_hour"]) for path in (model_path, other))
    assert (first(0), second(0), first.__module__) == (1, 100, "ratchet_models.flights.features")


def test_nothing_is_left_on_the_search_path_or_in_the_folder(model_path: Path) -> None:
    before = list(sys.path)
    load_functions(model_path, ["features.add_hour"])
    assert sys.path == before
    assert "features" not in sys.modules
    assert [path.name for path in model_path.iterdir()] == ["features.py"]


def test_a_module_runs_once_for_its_bytes_and_again_after_an_edit(model_path: Path) -> None:
    (first,) = load_functions(model_path, ["features.add_hour"])
    (again,) = load_functions(model_path, ["features.add_hour"])
    # As long as before and within the same second: what a cache by time and size would miss.
    (model_path / "features.py").write_text("LIMIT = 3\ndef add_hour(x): return x + 7\ndef add_day(x): return x + 2\n")
    (edited,) = load_functions(model_path, ["features.add_hour"])
    assert first is again
    assert edited(0) == 7


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("feature.add_hour", "feature.py, which is missing. Did you mean 'features'", id="no file"),
        pytest.param("features.add_hours", "no function 'add_hours'. Did you mean 'add_hour'", id="no function"),
        pytest.param("features.zzz", "It has: add_hour, add_day", id="nothing near"),
        pytest.param("features.limit", "no function 'limit'", id="wrong case"),
    ],
)
def test_what_is_missing_is_named_with_the_near_miss(model_path: Path, name: str, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        load_functions(model_path, [name])


def test_a_value_is_no_function(model_path: Path) -> None:
    (model_path / "features.py").write_text("limit = 3\n")
    with pytest.raises(SpecError, match=r"must name a function\. .* holds a int"):
        load_functions(model_path, ["features.limit"])


@pytest.mark.parametrize("source", ["def broken(:\n", "import no_such_library\n", "1 / 0\n"])
def test_a_file_that_does_not_run_is_named_every_time(model_path: Path, source: str) -> None:
    (model_path / "features.py").write_text(source)
    for _ in range(2):
        with pytest.raises(SpecError, match=r"features\.py does not run: .*(SyntaxError|ModuleNotFound|ZeroDivision)"):
            load_functions(model_path, ["features.broken"])
    assert "ratchet_models.flights.features" not in sys.modules
