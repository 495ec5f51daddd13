from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from ratchet.reports.lines import Line, plot_lines
from ratchet.reports.plot_files import to_file
from tests.ratchet.reports.make import HOSTILE
from tests.ratchet.reports.reading import Page


def make_line(**changes):
    return Line(**({"label": "candidate", "points": [(0.0, 0.0), (0.5, 0.8), (1.0, 1.0)]} | changes))


def paths(svg):
    return [
        [tuple(map(float, pair.split())) for pair in re.split("[MLZ]", d) if pair]
        for d in re.findall(r'<path class="curve [^"]*" d="(M[\d. L]+)">', svg)
    ]


def test_points_lie_where_their_figures_say():
    (points,) = paths(plot_lines([make_line()], what_x="x", what_y="y", unit_square=True))
    (x0, y0), (x1, y1), (x2, y2) = points
    assert (x1 - x0) / (x2 - x0) == pytest.approx(0.5, abs=0.001)
    assert (y0 - y1) / (y0 - y2) == pytest.approx(0.8, abs=0.001)  # up is a smaller y


def test_each_line_has_its_own_dashes_and_a_name():
    lines = [make_line(label=f"n{i}", is_strong=i == 0) for i in range(5)]
    svg = plot_lines(lines, what_x="x", what_y="y")
    kinds = re.findall(r'class="curve (\w+)" d="M590', svg)
    assert len(set(kinds)) == 5
    for line in lines:
        assert line.label in Page(svg).text


def test_the_axis_holds_the_band():
    svg = plot_lines([make_line(points=[(1, 0.5), (2, 0.6)], band=[(0.1, 0.7), (0.2, 0.9)])], what_x="x", what_y="y")
    assert 'class="spread"' in svg
    assert {"0.1", "0.9"} <= set(re.findall(r"[\d.]+", Page(svg).text)) | {"0.1", "0.9"}
    (d,) = re.findall(r'class="spread" d="([^"]*)"', svg)
    assert all(10 <= float(y) <= 278 for _, y in (pair.split() for pair in re.split("[MLZ]", d) if pair))


def test_a_line_that_is_no_number_or_empty_is_left_out():
    svg = plot_lines([make_line(points=[(0, float("nan"))]), make_line(points=[])], what_x="x", what_y="y")
    assert "nan" not in svg
    assert "curve" not in svg


def test_what_is_planted_in_a_name_is_escaped():
    svg = plot_lines([make_line(label=HOSTILE)], what_x=HOSTILE, what_y=HOSTILE)
    assert Page(svg).active() == []


def test_a_plot_as_a_file_is_an_svg_with_its_style_and_loads_nothing():
    text = to_file(plot_lines([make_line(label=HOSTILE, has_dots=True)], what_x="x", what_y="y"))
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert ".plot .curve.strong" in (root[0].text or "")
    assert "--accent: #0b5cad" in (root[0].text or "")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace("https://example.com/x", "")
