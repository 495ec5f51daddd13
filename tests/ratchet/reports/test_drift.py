from __future__ import annotations

import math
from dataclasses import replace

from ratchet.drift.results import ColumnDrift, Contribution, DriftResult
from ratchet.reports.drift import render_drift
from ratchet.verdicts import Check
from tests.ratchet.reports.make import make_drift
from tests.ratchet.reports.reading import Page


def render(result):
    return Page(render_drift(result, title="flights"))


def test_every_figure_is_in_the_page():
    result = make_drift()
    page = render(result)
    wanted = set()
    for of in result.columns:
        wanted |= {of.bound, of.n_baseline, of.n_current, of.distance, of.noise_floor, of.linf, of.psi, of.ks}
        for part in of.contributions:
            wanted |= {part.n_baseline, part.n_current, part.bits}
            assert part.cell in page.text
        assert of.check.reason in page.text
        assert of.column in page.text
    assert {str(of) for of in wanted - {None}} - page.figures == set()


def test_the_parts_in_the_page_add_up_to_the_distance_squared():
    page = render(make_drift())
    rest = round(0.205912823331**2 - 0.021 - 0.0191, 12)
    assert repr(rest) in page.figures
    assert repr(round(0.205912823331**2, 12)) in page.figures
    assert f"all other cells {rest:.8f}" in page.text


def test_a_distance_can_be_computed_again_from_the_counts_in_the_page():
    counts = ((700, 400), (300, 400))
    parts = []
    for n_baseline, n_current in counts:
        p, q = n_baseline / 1000, n_current / 800
        m = (p + q) / 2
        parts.append(p / 2 * math.log2(p / m) + q / 2 * math.log2(q / m))
    # Of the two cells one takes away: the parts of this formula may be negative, the sum is not.
    column = ColumnDrift(
        column="a",
        check=Check(name="drift of a", verdict="fail", reason="above", observed=math.sqrt(sum(parts)), bound=0.1),
        bound=0.1,
        n_baseline=1000,
        n_current=800,
        distance=round(math.sqrt(sum(parts)), 12),
        contributions=tuple(
            Contribution(cell=f"c{i}", n_baseline=n, n_current=m, bits=round(bits, 12))
            for i, ((n, m), bits) in enumerate(zip(counts, parts, strict=True))
        ),
    )
    text = render(DriftResult(columns=(column,))).text
    assert "p/2 · log2(p/m) + q/2 · log2(q/m)" in text
    assert "all other cells 0.00000000" in text
    assert f"Sum 1,000 800 {sum(parts):.8f} √ = {math.sqrt(sum(parts)):.6f}" in text


def test_the_column_furthest_above_its_bound_comes_first_and_one_without_distance_last():
    text = render(make_drift()).text
    _, _, blocks = text.partition("Where the distances come from")
    assert blocks.index("origin") < blocks.index("temp") < blocks.index("precip")


def test_each_verdict_is_in_words_and_counted():
    page = render(make_drift())
    for words in ("1 of 3 columns drifted: origin; 1 undecided.", "0.2059 fail", "0.0300 pass"):
        assert words in page.text
    assert ("span", "class", "badge undecided") in page.attributes


def test_columns_that_pass_are_folded_and_the_others_are_not():
    page = render(make_drift())
    folds = [(name, value) for tag, name, value in page.attributes if tag == "details"]
    assert folds == [
        ("class", "block column fail"),
        ("open", ""),
        ("class", "block column pass"),
        ("class", "block column undecided"),
        ("open", ""),
    ]


def test_no_column_is_undecided():
    page = render(DriftResult(columns=()))
    assert "No column was compared" in page.text
    assert ("span", "class", "badge undecided") in page.attributes


def test_a_distance_of_zero_has_no_parts_to_share():
    (column, *_) = make_drift().columns
    page = render(DriftResult(columns=(replace(column, distance=0.0, contributions=()),)))
    assert "all other cells 0.00000000 n/a" in page.text
