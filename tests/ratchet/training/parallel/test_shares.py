"""Who reads which spans, and the sample that the workers take together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.training.fit import LabelledMatrix, labelled_matrix
from ratchet.training.parallel.shares import deal, sample_on, step_for
from ratchet.training.span_sample import sample_spans
from tests.ratchet.features.make import make_frame, make_spec

LENGTHS = st.lists(st.integers(0, 500), min_size=1, max_size=30)


class Here:
    """A cluster whose tasks are done when they are handed in."""

    client: Any

    def __init__(self) -> None:
        self.client = self

    def submit(self, function: Callable[..., Any], *args: Any, **_: Any) -> Any:
        return function(*args)

    def gather(self, done: Sequence[Any]) -> list[Any]:
        return list(done)


@given(LENGTHS, st.integers(1, 8))
def test_every_span_that_holds_a_row_is_dealt_once_and_no_share_is_empty(lengths: list[int], n_shares: int):
    spans = [f"span-{number:02}" for number in range(len(lengths))]
    shares = deal(spans, lengths, n_shares)
    assert sorted(span for share in shares for span in share) == [s for s, n in zip(spans, lengths, strict=True) if n]
    assert all(share == tuple(sorted(share)) and share for share in shares)
    assert len(shares) == min(n_shares, sum(map(bool, lengths)))


@given(LENGTHS, st.integers(1, 8))
def test_no_share_exceeds_the_least_by_more_than_a_span(lengths: list[int], n_shares: int):
    of = dict(zip(map(str, range(len(lengths))), lengths, strict=True))
    rows = [sum(of[span] for span in share) for share in deal(list(of), lengths, n_shares)]
    assert not rows or max(rows) - min(rows) <= max(lengths)


@pytest.mark.parametrize(
    ("n_rows", "at_most", "step"), [(0, 10, 1), (10, 10, 1), (11, 10, 2), (20, 10, 2), (21, 10, 4)]
)
def test_the_sample_is_thinned_from_one_row_over_the_limit(n_rows: int, at_most: int, step: int):
    assert step_for(n_rows, at_most) == step


@pytest.mark.parametrize("at_most", [40, 100, 200, 10_000])
def test_workers_take_the_sample_that_one_process_takes(at_most: int):
    spec, spans = make_spec(), [f"2013-01-{number:02}" for number in range(1, 8)]
    frames = {span: make_frame(60 + number, seed=number, span=span) for number, span in enumerate(spans)}
    frames[spans[3]] = frames[spans[3]].clear()

    def read(span: str) -> LabelledMatrix:
        return labelled_matrix(frames[span], spec)

    together = sample_on(Here(), spans, read, spec, at_most=at_most)  # type: ignore[arg-type]  # all it needs
    alone = sample_spans(spans, read, spec, at_most=at_most)
    assert together.sample.features.equals(alone.sample.features)
    np.testing.assert_array_equal(together.sample.labels, alone.sample.labels)
    assert together.features().equals(alone.features())
    assert (together.lengths, together.of_classes, together.complete) == (
        *(alone.lengths, alone.of_classes, alone.complete),
    )
