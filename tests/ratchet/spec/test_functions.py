from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ratchet.errors import SpecError
from ratchet.spec.functions import load_functions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "parcels"
    folder.mkdir()
    (folder / "source.py").write_text("LIMIT = 3\ndef read(window): return 'first'\ndef _own(): ...\n")
    return folder


def test_functions_come_in_the_order_of_their_names(folder: Path):
    (folder / "features.py").write_text("def add(frame): return 'added'\n")
    add, read = load_functions(folder, ["features.add", "source.read"])
    assert (add(None), read(None)) == ("added", "first")


def test_an_edit_is_seen_at_once_and_the_folder_stands_on_no_search_path(folder: Path):
    load_functions(folder, ["source.read"])
    (folder / "source.py").write_text("def read(window): return 'other'\n")
    (read,) = load_functions(folder, ["source.read"])
    assert read(None) == "other"
    assert str(folder) not in sys.path
    assert "source" not in sys.modules


def test_two_folders_may_hold_modules_of_one_name(folder: Path, tmp_path: Path):
    other = tmp_path / "letters"
    other.mkdir()
    (other / "source.py").write_text("def read(window): return 'a letter'\n")
    (letters,), (parcels,) = load_functions(other, ["source.read"]), load_functions(folder, ["source.read"])
    assert (letters(None), parcels(None)) == ("a letter", "first")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("source.raed", "has no function 'raed'. Did you mean 'read'?", id="near-miss"),
        pytest.param("source.zzz", "has no function 'zzz'. It has: read.", id="no-near-miss"),
        pytest.param("sorce.read", "which is missing. Did you mean 'source'?", id="file"),
        pytest.param("source.LIMIT", "holds a int of that name", id="no-function"),
    ],
)
def test_what_is_missing_brings_its_near_miss(folder: Path, name: str, words: str):
    with pytest.raises(SpecError, match=words):
        load_functions(folder, [name])


@pytest.mark.parametrize("source", ["def read(:\n", "import no_such_module\n", "1 / 0\n", "\0"])
def test_a_file_that_does_not_run_is_a_fault_of_the_model_folder(folder: Path, source: str):
    (folder / "source.py").write_text(source)
    with pytest.raises(SpecError, match="source.py does not run: "):
        load_functions(folder, ["source.read"])
    assert "ratchet_models.parcels.source" not in sys.modules
