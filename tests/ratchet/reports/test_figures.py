from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.evaluation.bootstrap import Interval
from ratchet.reports.figures import NOTHING, count, decimals, figure, interval, observed, share
from tests.ratchet.reports.reading import Page


@pytest.mark.parametrize(
    ("value", "signed", "shown"),
    [
        (0.12345, False, "0.1235"),
        (-0.00001, False, "0.0000"),
        (-0.00001, True, "0.0000"),
        (0.0001, True, "+0.0001"),
        (-0.5, True, "-0.5000"),
        (12.0, False, "12.0000"),
    ],
)
def test_a_figure_is_rounded_and_zero_has_no_sign(value, signed, shown):
    assert decimals(value, signed=signed) == shown


@given(st.floats(allow_nan=False))
def test_the_exact_figure_is_never_lost(value):
    (exact,) = Page(figure(value)).figures
    assert float(exact) == value


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(1, 8, "12.5%"), (0, 8, "0.0%"), (8, 8, "100.0%"), (1, 10_000, "0.01%"), (99_996, 100_000, "99.996%")],
)
def test_a_share_is_told_from_none_and_from_all(part, whole, shown):
    assert Page(share(part, whole)).text == shown


def test_what_is_not_known_says_so():
    assert {figure(None), count(None), share(None), share(1, 0), interval(None), observed(None)} == {NOTHING}


@pytest.mark.parametrize(
    ("value", "shown"), [(2545.0, "2,545"), (0, "0"), (-0.02, "-0.02"), (0.650161086845, "0.650161"), ("<b>", "<b>")]
)
def test_what_a_check_observed_is_a_number_or_words(value, shown):
    assert Page(observed(value)).text == shown


def test_an_interval_shows_both_ends():
    assert Page(interval(Interval(value=0, low=-0.1, high=0.2), signed=True)).text == "-0.1000 to +0.2000"
