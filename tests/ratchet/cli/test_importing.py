"""``ratchet import``: what it prints, and how it ends."""

from __future__ import annotations

from pathlib import Path

from ratchet.project import Project
from tests.factories.lives import Life
from tests.factories.models import make_model
from tests.factories.onnx_models import by_feature, parcels_elsewhere, write
from tests.ratchet.cli.conftest import Ratchet, assert_told

SAID = ("--trained-until", "2023-12-31", "--by", "ada")


def test_a_file_that_is_cut_short_is_refused_in_one_message(ratchet: Ratchet, project: Project, tmp_path: Path):
    model, data = make_model(project), by_feature()
    path = write(tmp_path, data[: len(data) // 2])
    assert_told(ratchet(model, "import", "parcels", str(path), *SAID), "E-MODEL", "cut short")


def test_whose_and_until_when_must_be_said(ratchet: Ratchet, project: Project, tmp_path: Path):
    answer = ratchet(make_model(project), "import", "parcels", str(write(tmp_path, by_feature())))
    assert answer.code == 2
    assert "--trained-until" in answer.err


def test_a_model_that_knows_nothing_fails_its_gate_and_the_champion_stays(ratchet: Ratchet, life: Life, tmp_path: Path):
    model = life("champion")
    model.edit({"explain.examples": 0})
    before = model.ledger.read_state().champion
    path = write(tmp_path, by_feature(parcels_elsewhere(knows=False)))
    answer = ratchet(model, "import", "parcels", str(path), *SAID, "--reason", "a try")
    assert (answer.code, answer.err) == (1, "")
    lines = answer.out.splitlines()
    assert lines[1].startswith("parcels 2024-03-12: version 2, imported by ada on ")
    assert lines[3].startswith("parcels 2024-03-12: gate: fail (superiority): ")
    assert model.ledger.read_state().champion == before
    entry = list(model.ledger.entries())[-1]
    assert (entry.kind, entry.author.name, entry.body["reasons"]) == ("gate", "ada", ["imported"])
