"""That every distance can be computed again from the page is tried in ``tests/ratchet/drift/test_by_hand.py``."""

from __future__ import annotations

from dataclasses import replace

from ratchet.drift.results import DriftResult
from ratchet.reports.drift import render_drift
from tests.ratchet.reports.make import make_drift
from tests.ratchet.reports.reading import Page


def render(result):
    return Page(render_drift(result, title="flights"))


def test_every_figure_is_in_the_page():
    result = make_drift()
    page = render(result)
    wanted = set()
    for of in result.columns:
        wanted |= {of.bound, of.distance, of.previous, of.season}
        if of.figures and of.test:
            wanted |= {*of.figures.values.values(), *(part.bits for part in of.figures.cells), of.figures.unit}
            wanted |= {of.test.noise_floor, of.test.variation, of.test.p_value, of.test.adjusted, of.test.n_effective}
            for part in of.figures.cells:
                assert f"{part.cell} {part.n_baseline} " in page.text
        assert of.check.reason in page.text
        assert of.column in page.text
    assert {str(of) for of in wanted - {None}} - page.figures == set()
    assert "1.5 0.2 0.1 2.0 0.7 0.6 4.25 1.0 1.0" in page.text


def test_the_column_furthest_above_its_bound_comes_first_and_one_without_distance_last():
    text = render(make_drift()).text
    _, _, blocks = text.partition("Where the distances come from")
    assert blocks.index("origin") < blocks.index("temp") < blocks.index("precip")


def test_each_verdict_is_in_words_and_counted():
    page = render(make_drift())
    for words in ("1 of 3 columns drifted: origin; 1 undecided.", "0.2059 fail", "0.0300 pass"):
        assert words in page.text
    assert ("span", "class", "badge undecided") in page.attributes


def test_what_a_distance_was_held_against_is_said():
    text = render(make_drift()).text
    assert "Told from 8.6 windows of the training spans: the 6,072 current examples differ as 72 independent" in text
    assert "Windows of the training spans are too few to tell" in text
    assert "The same period 365 spans earlier, or a multiple of them, showed the same change: 0.0456 from now." in text
    assert "a false-discovery rate of 0.0125" in text


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


def test_a_bound_of_zero_is_no_division_by_it():
    (column, *_) = make_drift().columns
    assert "temp" in render(DriftResult(columns=(replace(column, bound=0.0),))).text
