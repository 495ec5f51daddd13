"""What training tells while it is at work."""

from __future__ import annotations

import pytest

from ratchet.steps import fitting
from ratchet.steps import train as module
from ratchet.steps.select_window import select_window
from ratchet.steps.tune import tune
from ratchet.training.tracking import TrackingRun
from tests.factories.lives import LOADED, Life
from tests.factories.models import at, day


def test_the_page_of_its_run_is_told_before_the_fit_begins(life: Life, monkeypatch: pytest.MonkeyPatch):
    model, told = life("loaded"), []

    def page(uri: str, run: TrackingRun) -> str:
        assert uri == model.project.tracking_uri
        return f"page of {run.run_id}"

    def break_off(*_: object) -> None:
        raise RuntimeError("the fit begins")

    monkeypatch.setattr(module, "run_url", page)
    monkeypatch.setattr(fitting, "fit_matrix", break_off)
    window = select_window(model.project, model.spec, day(LOADED), reasons=("cold_start",))
    tuned = tune(model.project, model.spec, window)
    with pytest.raises(RuntimeError, match="the fit begins"):
        module.train(model.project, model.spec, window, tuned, at=at(day(LOADED)), on_run=told.append)
    assert len(told) == 1
    assert told[0].startswith("page of ")
