from __future__ import annotations

from ratchet.reports.statistics import Window, render_statistics, shown_values
from tests.ratchet.reports.make import make_history
from tests.ratchet.reports.reading import Page

HISTORY = make_history()
BEFORE = Window(kind="before", name="2013-02-01", columns=HISTORY["2013-02-01"])


def render(**kwargs):
    return Page(render_statistics("2013-02-02", HISTORY, title="flights", **kwargs))


def test_columns_further_away_than_their_bound_are_named_and_the_one_furthest_beyond_comes_first():
    page = render(before=BEFORE, bounds={"distance": 0.9, "carrier": 0.05, "tail": 1.0})
    assert "1 of 3 columns are further away than their bound: carrier." in page.text
    assert page.text.index("carrier categorical") < page.text.index("distance numeric")


def test_figures_stand_beside_those_of_the_span_before():
    page = render(before=BEFORE)
    now, before = HISTORY["2013-02-02"]["distance"], HISTORY["2013-02-01"]["distance"]
    assert {repr(now.mean), repr(before.mean), repr(now.skewness)} <= page.figures


def test_without_anything_to_compare_with_the_page_says_so():
    assert "There is nothing to compare with yet" in render().text


def test_values_of_a_column_that_names_each_example_are_not_shown():
    assert "SECRET" not in render_statistics("2013-02-02", HISTORY, title="flights", before=BEFORE)
    assert shown_values(HISTORY["2013-02-02"]["tail"]) == {}
    assert list(shown_values(HISTORY["2013-02-02"]["carrier"])) == ["UA", "B6"]


def test_statistics_over_other_edges_are_not_compared():
    from dataclasses import replace

    moved = replace(BEFORE.columns["distance"], edges=(1.0, 2.0, 3.0))
    page = render(before=Window(kind="before", name="x", columns={"distance": moved}), bounds={"distance": 0.0})
    assert "None of 3 columns is further" in page.text


def test_the_mean_of_a_label_of_numbers_is_shown_over_time():
    labels = {span: columns["distance"] for span, columns in HISTORY.items()}
    page = render(labels=labels)
    assert "Mean of the outcomes known of each span" in page.text
    assert repr(min(of.mean for of in labels.values())) in page.figures


def test_the_balance_of_the_label_is_shown_over_time():
    labels = {span: columns["carrier"] for span, columns in HISTORY.items()}
    page = render(labels=labels)
    assert "The label over time" in page.text
    assert repr(min(of.values["B6"] / 200 for of in labels.values())) in page.figures
