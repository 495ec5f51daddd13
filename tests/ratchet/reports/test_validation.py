from __future__ import annotations

from dataclasses import replace

import pytest

from ratchet.reports.validation import render_validation
from tests.ratchet.reports.make import make_failed_validation, make_passed_validation
from tests.ratchet.reports.reading import Page


def render(**results):
    return Page(render_validation({span.replace("_", "-"): of for span, of in results.items()}, title="flights"))


def badges(page):
    return [value for tag, name, value in page.attributes if (tag, name) == ("span", "class") and "badge" in value]


def test_everything_an_anomaly_says_is_in_the_page():
    result = make_failed_validation()
    page = render(span=result)
    for anomaly in result.anomalies:
        for words in (anomaly.column, anomaly.expected, anomaly.seen, anomaly.what_to_do):
            assert words in page.text
        for words in (*anomaly.example_keys, *anomaly.where):
            assert words in page.text
        assert anomaly.n_unexpected is None or str(anomaly.n_unexpected) in page.figures
    assert "0.4%" in page.text
    assert "1 of 3 expectations failed, 1 warned" in page.text
    assert badges(page) == ["badge fail"]


def test_critical_anomalies_come_before_warnings():
    text = render(span=make_failed_validation()).text
    assert text.index("humid critical") < text.index("visib warning: stops nothing")


def test_an_anomaly_of_the_whole_table_is_called_so():
    result = make_failed_validation()
    anomaly = replace(result.anomalies[1], column=None)
    assert "the table" in render(span=replace(result, anomalies=(anomaly,))).text


def test_expectations_met_are_listed_and_a_warning_is_none_of_them():
    text = render(span=make_failed_validation()).text
    _, _, met = text.partition("Expectations met")
    assert "dest: expect_set the 3 listed values" in met
    assert "visib" not in met
    assert "humid" not in met


def test_a_range_takes_the_worst_verdict_and_counts_what_was_met():
    page = render(day_1=make_passed_validation(), day_2=make_failed_validation())
    assert badges(page) == ["badge fail", "badge pass", "badge fail"]
    assert "1 of 2 spans passed, 1 stopped: day-2." in page.text
    assert "the 3 listed values 2 of 2" in page.text
    assert "1,785" in page.text  # 943 and 842 examples


@pytest.mark.parametrize("verdict", ["pass", "fail", "undecided"])
def test_the_verdict_is_in_words(verdict):
    page = render(span=replace(make_passed_validation(), verdict=verdict))
    assert badges(page) == [f"badge {verdict}"]
    assert ("No anomaly is recorded, and yet it did not pass." in page.text) == (verdict != "pass")


def test_no_span_is_undecided_never_a_pass():
    page = render()
    assert badges(page) == ["badge undecided"]
    assert "There is no span to judge" in page.text


def test_without_an_expectation_the_page_says_why_it_failed():
    result = replace(make_failed_validation(), n_expectations=0, checks=())
    page = render(span=result)
    assert "There is no expectation to judge by." in page.text
    assert badges(page) == ["badge fail"]
