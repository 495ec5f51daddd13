from __future__ import annotations

import math
import re

import pytest

from ratchet.reports.plots import Bar, Whisker, plot_bars, plot_whiskers
from tests.ratchet.reports.make import HOSTILE
from tests.ratchet.reports.reading import Page


def make_whisker(**changes):
    return Whisker(**({"label": "candidate", "value": 0.7, "low": 0.6, "high": 0.8} | changes))


def make_bar(**changes):
    return Bar(**({"label": "temp", "value": 0.2, "bound": 0.1, "floor": 0.05, "verdict": "fail"} | changes))


def positions(svg, pattern):
    return [float(x) for x in re.findall(pattern, svg)]


def test_a_dot_lies_within_its_whisker_in_proportion():
    svg = plot_whiskers([make_whisker(low=0.6, value=0.65, high=0.8)], what="AUC", reference=0.5)
    ((low, high),) = re.findall(r'd="M([\d.]+) [\d.]+H([\d.]+)', svg)
    (dot,) = positions(svg, r'<circle class="dot " cx="([\d.]+)"')
    assert (dot - float(low)) / (float(high) - float(low)) == pytest.approx(0.25, abs=0.001)


def test_the_axis_reaches_the_reference_and_every_bound():
    svg = plot_whiskers([make_whisker(bound=0.95)], what="AUC", reference=0.5, bound=0.1)
    lines = positions(svg, r'class="(?:bound|reference)" x1="([\d.]+)"')
    assert len(lines) == 3
    assert all(184 <= x <= 620 for x in lines)


def test_figures_are_written_beside_their_row():
    assert "0.7000 [0.6000, 0.8000]" in plot_whiskers([make_whisker()], what="AUC", reference=0.5)
    assert "+0.7000 [+0.6000, +0.8000]" in plot_whiskers([make_whisker()], what="AUC", reference=0, signed=True)


def test_a_row_that_is_no_number_is_left_out():
    svg = plot_whiskers([make_whisker(low=-math.inf), make_whisker(value=math.nan)], what="AUC", reference=0.5)
    assert "nan" not in svg
    assert "inf" not in svg


def test_no_row_makes_an_axis_alone():
    for svg in (plot_whiskers([], what="AUC", reference=0.5), plot_bars([], what="distance")):
        assert Page(svg).tags[0] == "svg"


def test_a_bar_is_as_long_as_its_value():
    svg = plot_bars([make_bar(value=0.2), make_bar(value=0.4)], what="distance")
    short, long = positions(svg, r'class="bar fail" .* width="([\d.]+)" height')
    assert long == pytest.approx(2 * short, abs=0.2)


def test_a_verdict_is_written_beside_its_bar_and_none_is_drawn_without_a_value():
    svg = plot_bars([make_bar(value=None, floor=None, verdict="undecided")], what="distance")
    assert 'class="bar' not in svg
    assert 'class="floor' not in svg
    assert Page(svg).text.startswith("0.00")
    assert Page(svg).text.endswith("undecided")


def test_a_long_name_is_shortened_and_kept_whole_beside():
    svg = plot_bars([make_bar(label="x" * 23), make_bar(label="y" * 22)], what="distance")
    assert ">" + "x" * 21 + "…<title>" + "x" * 23 + "<" in svg
    assert ">" + "y" * 22 + "<title>" in svg


def test_what_is_planted_in_a_name_is_escaped():
    for svg in (
        plot_bars([make_bar(label=HOSTILE)], what=HOSTILE),
        plot_whiskers([make_whisker(label=HOSTILE)], what=HOSTILE, reference=0),
    ):
        assert Page(svg).active() == []
        assert HOSTILE in Page(svg).text
