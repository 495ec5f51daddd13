"""Which spans a candidate is fitted on, tuned on and tested on: later spans judge earlier ones, and none does two."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.errors import TrainingError

if TYPE_CHECKING:
    from ratchet.spans.calendar import Calendar
    from ratchet.spec.evaluation import Evaluate
    from ratchet.spec.training import Train


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Span keys, oldest first; the three parts follow each other and never overlap."""

    train_spans: tuple[str, ...]
    validate_spans: tuple[str, ...]
    test_spans: tuple[str, ...]

    @property
    def spans(self) -> tuple[str, ...]:
        """Return all spans of the window, oldest first."""
        return (*self.train_spans, *self.validate_spans, *self.test_spans)


def select_window(
    key: str,
    calendar: Calendar,
    labelled_spans: Collection[str],
    train: Train,
    evaluate: Evaluate,
    known_after_spans: int,
) -> Window:
    """Return the newest window whose labels are known when ``key`` has been ingested.

    The window is cut by the calendar: the newest ``test_spans`` calendar spans, the ``validate_spans`` before them, the
    ``train_spans`` before those. A span that is not labelled and validated leaves a hole, and shifts nothing; else
    one bad day would move the bar that a model is measured by.

    Parameters
    ----------
    key : str
        The span that the training run is for.
    labelled_spans : collection of str
        Spans that were validated and whose labels were ingested, in any order.
    known_after_spans : int
        A span's label is known this many spans after it ended; newer ones are left out even if listed.

    Raises
    ------
    TrainingError
        If there is no test span, no validation span, or fewer than ``min_train_spans`` to fit on.
    """
    newest = calendar.shift(key, -known_after_spans)
    test = _newest(calendar, newest, evaluate.test_spans)
    validate = _newest(calendar, calendar.shift(test[0], -1), train.validate_spans)
    fitted = _newest(calendar, calendar.shift(validate[0], -1), train.train_spans)
    there = frozenset(labelled_spans)
    window = Window(
        train_spans=tuple(span for span in fitted if span in there),
        validate_spans=tuple(span for span in validate if span in there),
        test_spans=tuple(span for span in test if span in there),
    )
    _check("to test on", window.test_spans, test, needed=1)
    _check("to validate on", window.validate_spans, validate, needed=1)
    _check("to train on", window.train_spans, fitted, needed=train.min_train_spans)
    return window


def find_shortage(
    key: str,
    calendar: Calendar,
    labelled_spans: Collection[str],
    train: Train,
    evaluate: Evaluate,
    known_after_spans: int,
) -> str | None:
    """Return in words why `select_window` would refuse; None when it would not."""
    try:
        select_window(key, calendar, labelled_spans, train, evaluate, known_after_spans)
    except TrainingError as error:
        return str(error.args[0])
    return None


def _newest(calendar: Calendar, last: str, n_spans: int) -> list[str]:
    return calendar.range(calendar.shift(last, 1 - n_spans), last)


def _check(purpose: str, found: tuple[str, ...], asked: list[str], *, needed: int) -> None:
    if len(found) < needed:
        there = f"only {len(found)} of them ({found[0]} to {found[-1]})" if found else "none of them"
        raise TrainingError(
            f"{needed} labelled and validated span(s) are needed {purpose}, from {asked[0]} to {asked[-1]}; "
            f"{there} are there. Ingest the missing spans and their labels, or train for a later span."
        )
