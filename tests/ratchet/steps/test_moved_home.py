"""A home that was moved, or mounted elsewhere, is read as before."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from ratchet.steps.champion import champion_evidence, read_state
from ratchet.steps.decide_retrain import decide_retrain
from ratchet.steps.sense_drift import sense_drift
from ratchet.steps.sense_quality import sense_quality
from ratchet.steps.sense_skew import sense_skew
from ratchet.steps.sense_staleness import sense_staleness
from tests.factories.lives import WATCHED, Life
from tests.factories.models import Model, day


def test_a_home_that_was_moved_answers_as_before(life: Life, tmp_path: Path):
    model = life("watched")
    home = shutil.copytree(model.project.home, tmp_path / "elsewhere")
    moved = Model(project=replace(model.project, home=str(home)))
    shutil.rmtree(model.project.home)
    project, spec, span = moved.project, moved.spec, day(WATCHED)
    before = moved.objects()
    champion = read_state(project, spec).champion
    assert champion is not None
    assert champion_evidence(project, champion).candidate_digest == champion.digest
    drift, skew = sense_drift(project, spec, span), sense_skew(project, spec, span)
    quality, staleness = sense_quality(project, spec, span), sense_staleness(project, spec, span)
    decided = decide_retrain(project, spec, span, drift=drift, skew=skew, quality=quality, staleness=staleness)
    assert (drift.verdict, quality.verdict, decided.verdict) == ("pass", "pass", "pass")
    assert moved.objects() == before
    assert all(str(model.project.home).encode() not in data for data in before.values())
