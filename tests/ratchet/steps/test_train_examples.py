"""Fed by spans, no step that looks at the train examples reads more than one span at a time."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.evaluation.governance import assess
from ratchet.steps import examples as reading
from ratchet.steps.assess_data import _examples
from ratchet.steps.evaluate import EvaluateResult
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.results import read_result
from ratchet.steps.seen_examples import Seen, read_seen
from ratchet.steps.select_window import select_window
from ratchet.steps.train_examples import read_train_examples, sample_evenly
from ratchet.steps.tune import tune
from tests.factories.lives import LOADED, Life, gate_of
from tests.factories.models import Model, day

BAYES = "sklearn.naive_bayes.GaussianNB"


class TestSampleEvenly:
    @given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=8), at_most=st.integers(1, 60))
    def test_it_is_every_so_manyth_row_however_they_are_cut_into_parts(self, lengths: list[int], at_most: int):
        whole = pl.DataFrame({"row": range(sum(lengths))}, schema={"row": pl.Int64})
        ends = [sum(lengths[: i + 1]) for i in range(len(lengths))]
        parts = (whole.slice(end - n, n) for end, n in zip(ends, lengths, strict=True))
        found = sample_evenly(parts, at_most=at_most)
        assert found.n_examples == whole.height
        assert found.frame.height <= at_most
        step = next(2**i for i in range(12) if -(-whole.height // 2**i) <= at_most)
        assert found.frame["row"].to_list() == list(range(0, whole.height, step))
        assert found.is_sample == (whole.height > at_most)

    def test_what_is_whole_says_nothing_and_a_sample_says_of_how_many(self):
        parts = [pl.DataFrame({"row": [1, 2, 3]}), pl.DataFrame({"row": [4]})]
        assert sample_evenly(iter(parts), at_most=4).words == ""
        assert sample_evenly(iter(parts), at_most=3).words == "on an even sample of 2 of 4 train examples"


@pytest.fixture
def model(life: Life) -> Model:
    return life("gated")


@pytest.fixture
def read_at_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many spans each reading was of."""
    seen: list[int] = []
    original = reading.read_labelled

    def counted(project: Any, spec: Any, spans: Any, **named: Any) -> pl.DataFrame:
        seen.append(len(spans))
        return original(project, spec, spans, **named)

    monkeypatch.setattr(reading, "read_labelled", counted)
    return seen


def feed_by_spans(model: Model, **changes: Any) -> None:
    model.edit({"train.estimator": BAYES, "train.parameters": {}, "train.feed": "spans", **changes})


def test_while_all_fit_the_sample_it_is_what_is_read_at_once(model: Model, read_at_once: list[int]):
    spans = [day(number) for number in (3, 1, 2)]
    whole = read_train_examples(model.project, model.spec, spans)
    feed_by_spans(model)
    fed = read_train_examples(model.project, model.spec, spans)
    assert read_at_once == [3, 1, 1, 1]
    assert fed.frame.equals(whole.frame)
    assert not fed.is_sample
    few = read_train_examples(model.project, model.spec, spans, at_most=100)
    assert (whole.frame.height, few.frame.height) == (450, 57)
    assert few.frame.equals(whole.frame.gather_every(8))


class TestReadSeen:
    def seen(self, model: Model, **changes: Any) -> Seen:
        evaluated = read_result(model.project, _evaluation_of(model), EvaluateResult)
        test = read_labelled_examples(model.project, model.spec, evaluated.test_spans)
        return read_seen(model.project, model.spec, evaluated, test, **changes)

    def test_it_is_the_same_as_of_all_at_once_while_all_fit(self, model: Model, read_at_once: list[int]):
        whole = self.seen(model)
        feed_by_spans(model)
        read_at_once.clear()
        assert self.seen(model) == whole
        # The test spans are held whole; each other span is read by itself, and once.
        assert sorted(read_at_once[1:]) == [1] * len(
            read_result(model.project, _evaluation_of(model), EvaluateResult).candidate_spans
        )

    def test_of_a_sample_only_the_features_are_and_they_say_so(self, model: Model):
        whole = self.seen(model)
        feed_by_spans(model)
        found = self.seen(model, at_most=700)
        assert found.sampled.startswith("on an even sample of ")
        assert found.overlap == whole.overlap
        assert [of.distinct_share for of in found.features] == [of.distinct_share for of in whole.features]
        for seen, all_of in zip(found.features, whole.features, strict=True):
            assert seen.auc == pytest.approx(all_of.auc, abs=0.1)
        assert any(seen.auc != of.auc for seen, of in zip(found.features, whole.features, strict=True))


def test_a_search_fits_on_the_sample_and_says_so(model: Model, read_at_once: list[int], monkeypatch):
    feed_by_spans(model, **{"train.search": {"trials": 1, "space": {"var_smoothing": {"low": 1e-9, "high": 1e-3}}}})
    monkeypatch.setattr("ratchet.steps.train_examples.MAX_SAMPLE", 700)
    window = select_window(model.project, model.spec, day(LOADED), reasons=("cold_start",))
    read_at_once.clear()
    found = tune(model.project, model.spec, window)
    assert read_at_once == [1] * len(window.train_spans) + [len(window.validate_spans)]
    assert "; fitted on an even sample of " in found.words
    monkeypatch.undo()
    assert "sample" not in tune(model.project, model.spec, window).words


def test_governance_is_told_exactly_from_one_span_at_a_time(model: Model, read_at_once: list[int]):
    model.edit({"governance.quasi_identifiers": ["carrier"], "governance.groups.carrier": {"min_examples": 10}})
    evaluated = read_result(model.project, _evaluation_of(model), EvaluateResult)
    whole = _examples(model.project, model.spec, evaluated)
    feed_by_spans(model)
    fed = _examples(model.project, model.spec, evaluated)
    assert read_at_once == [len(evaluated.train_spans), *[1] * len(evaluated.train_spans)]
    assert len(fed.columns) < len(whole.columns)
    assert assess(fed, model.spec) == assess(whole, model.spec)


def _evaluation_of(model: Model) -> str:
    assert gate_of(model).verdict == "pass"
    (name,) = [one for one in model.store.list("runs/parcels/evaluate") if one.endswith("/result.json")]
    return name
