from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import TrainingError
from ratchet.spans.calendar import Calendar
from ratchet.spec.evaluation import Evaluate
from ratchet.spec.training import Train
from ratchet.training.window import Window, select_window

CALENDAR = Calendar("America/New_York")
JANUARY = CALENDAR.range("2013-01-01", "2013-01-31")
TRAIN = Train(train_spans=10, min_train_spans=5, validate_spans=3, estimator="sklearn.linear_model.LogisticRegression")
EVALUATE = Evaluate(test_spans=2)


def select(labelled: list[str], *, key: str = "2013-01-31", known_after_spans: int = 1, train: Train = TRAIN) -> Window:
    return select_window(key, CALENDAR, labelled, train, EVALUATE, known_after_spans)


def test_test_spans_are_the_newest_then_validation_then_training() -> None:
    window = select(JANUARY)
    assert window.test_spans == ("2013-01-29", "2013-01-30")
    assert window.validate_spans == ("2013-01-26", "2013-01-27", "2013-01-28")
    assert (window.train_spans[0], window.train_spans[-1], len(window.train_spans)) == ("2013-01-16", "2013-01-25", 10)


@pytest.mark.parametrize(("known_after_spans", "newest"), [(0, "2013-01-31"), (1, "2013-01-30"), (5, "2013-01-26")])
def test_a_label_is_not_used_before_it_is_known(known_after_spans: int, newest: str) -> None:
    assert select(JANUARY, known_after_spans=known_after_spans).spans[-1] == newest


@pytest.mark.parametrize(
    ("gap", "part"), [("2013-01-29", "test_spans"), ("2013-01-27", "validate_spans"), ("2013-01-20", "train_spans")]
)
def test_a_gap_leaves_a_hole_and_shifts_nothing(gap: str, part: str) -> None:
    whole, holed = select(JANUARY), select([span for span in JANUARY if span != gap])
    for name in ("train_spans", "validate_spans", "test_spans"):
        expected = tuple(span for span in getattr(whole, name) if span != gap)
        assert getattr(holed, name) == expected
    assert gap in getattr(whole, part)


def test_a_short_history_trains_on_what_there_is() -> None:
    assert select(JANUARY[20:]).train_spans == tuple(JANUARY[20:25])


@pytest.mark.parametrize(
    ("labelled", "words"),
    [
        pytest.param([], "needed to test on, from 2013-01-29 to 2013-01-30; none of them", id="nothing at all"),
        pytest.param(JANUARY[:28], "needed to test on", id="no test span"),
        pytest.param(JANUARY[:25] + JANUARY[28:], "needed to validate on, from 2013-01-26", id="no validation span"),
        pytest.param(JANUARY[21:], r"5 .* to train on.*only 4 of them \(2013-01-22 to 2013-01-25\)", id="one too few"),
    ],
)
def test_too_few_spans_are_refused_with_what_is_there_and_what_is_needed(labelled: list[str], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        select(labelled)


@given(st.sets(st.sampled_from(JANUARY)), st.sampled_from(JANUARY[20:]), st.integers(0, 4))
def test_later_spans_judge_earlier_ones_and_none_does_two(labelled: set[str], key: str, known_after: int) -> None:
    try:
        window = select(sorted(labelled), key=key, known_after_spans=known_after)
    except TrainingError:
        return
    assert list(window.spans) == sorted(set(window.spans))
    assert set(window.spans) <= labelled
    assert window.spans[-1] <= CALENDAR.shift(key, -known_after)
    assert len(window.train_spans) >= TRAIN.min_train_spans
