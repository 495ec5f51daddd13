"""What a search is judged by where the train spans are more than memory holds."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.steps import train_sample
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.select_window import select_window
from ratchet.steps.train_sample import read_train_examples
from ratchet.steps.tune import tune
from tests.factories.lives import LOADED, Life
from tests.factories.models import day


def test_a_sample_is_even_and_one_span_is_read_at_a_time(life: Life, monkeypatch: pytest.MonkeyPatch):
    model = life("loaded")
    model.edit({"train.estimator": "sklearn.linear_model.SGDClassifier", "train.feed": "spans"})
    project, spec = model.project, model.spec
    window = select_window(project, spec, day(LOADED), reasons=("cold_start",))
    whole = read_labelled_examples(project, spec, window.train_spans, versions=window.data_version)
    asked: list[int] = []

    def read(*args: Any, **named: Any) -> Any:
        asked.append(len(args[2]))
        return read_labelled_examples(*args, **named)

    monkeypatch.setattr(train_sample, "read_labelled_examples", read)
    given: dict[str, Any] = {"versions": window.data_version}
    assert read_train_examples(project, spec, window.train_spans, **given).equals(whole)
    assert asked == [1] * len(window.train_spans)
    for at_most, step in ((whole.height, 1), (whole.height - 1, 2), (whole.height // 3, 4)):
        taken = read_train_examples(project, spec, window.train_spans, **given, at_most=at_most)
        assert taken.equals(whole.gather_every(step))
    asked.clear()
    assert 0.5 < tune(project, spec, window).validation_auc < 1
    assert asked == [1] * len(window.train_spans)
