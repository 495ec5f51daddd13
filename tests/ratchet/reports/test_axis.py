from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.reports.axis import Axis

FIGURES = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)


@given(st.lists(FIGURES, max_size=8))
def test_every_figure_lies_on_the_axis_and_labels_are_few(figures):
    axis = Axis.around(figures, left=100, right=500)
    assert all(100 - 1e-3 <= axis.at(of) <= 500 + 1e-3 for of in figures)
    places = [x for x, _ in axis.ticks()]
    assert 2 <= len(places) <= 9
    assert places[0] == pytest.approx(100)
    assert places[-1] == pytest.approx(500)


@pytest.mark.parametrize(
    ("figures", "labels"),
    [
        ([], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0.5, 0.6935], ["0.50", "0.55", "0.60", "0.65", "0.70"]),
        ([-0.05, 0.06], ["-0.06", "-0.04", "-0.02", "0.00", "0.02", "0.04", "0.06"]),
        ([0, 0.1], ["0.00", "0.02", "0.04", "0.06", "0.08", "0.10"]),
        ([3, 40], ["0", "10", "20", "30", "40"]),
    ],
)
def test_labels_are_round_numbers(figures, labels):
    assert [words for _, words in Axis.around(figures, left=0, right=1).ticks()] == labels


def test_one_figure_alone_still_makes_an_axis():
    axis = Axis.around([0.5], left=0, right=10)
    assert axis.low <= 0.5 <= axis.high
    assert axis.low < axis.high
