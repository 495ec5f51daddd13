from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ratchet.evaluation.results import SliceRow
from ratchet.reports.evaluation import render_evaluation
from tests.ratchet.reports.make import (
    EMPTY_EVALUATION,
    make_curves,
    make_evaluation,
    make_explanation,
    make_gate,
    make_interval,
)
from tests.ratchet.reports.reading import Page


def render(evaluation=None, **changes):
    evaluation = make_evaluation() if evaluation is None else evaluation
    return Page(render_evaluation(evaluation, **({"title": "flights", "words": "on three days"} | changes)))


def figures_of(evaluation):
    for of in evaluation.contenders:
        for one in (of.auc, of.average_precision, of.log_loss, of.brier, of.calibration_error):
            yield from (one.value, one.low, one.high)
    for of in evaluation.differences:
        yield from (of.interval.value, of.interval.low, of.interval.high)
    for of in evaluation.slices:
        yield from (of.n_examples, of.n_positive, of.candidate_auc, of.champion_auc)
        if of.difference:
            yield from (of.difference.value, of.difference.low, of.difference.high)
    yield from more_figures_of(evaluation)
    yield from (evaluation.n_examples, evaluation.n_positive, evaluation.resamples, evaluation.seed)


def more_figures_of(evaluation):
    intervals = []
    for of in evaluation.decisions.contenders:
        yield from (of.threshold, of.true_positive, of.false_positive, of.true_negative, of.false_negative)
        intervals += [of.accuracy, of.kpi]
    for of in evaluation.curves[0].calibration:
        yield from (of.n_examples, of.mean_score)
        intervals.append(of.share)
    for of in (*evaluation.crossed, *evaluation.found.rows):
        yield from (of.n_examples, of.candidate_auc)
        intervals.append(of.difference)
    for of in evaluation.fairness:
        intervals += [of.parity_difference, of.parity_ratio, of.odds_difference]
        for group in of.groups:
            yield from (group.n_examples, group.n_positive)
            intervals += [group.selection_rate, group.true_positive_rate, group.false_positive_rate]
    for interval in intervals:
        yield from (interval.value, interval.low, interval.high)


def test_every_figure_is_in_the_page():
    evaluation = make_evaluation()
    missing = {str(of) for of in figures_of(evaluation) if of is not None} - render(evaluation).figures
    assert missing == set()


def test_words_names_and_confidence_are_in_the_page():
    text = render().text
    for words in ("on three days", "candidate", "minus champion", "origin=EWR", "carrier=(missing)", "97.5%", "12,345"):
        assert words in text


def test_what_was_looked_for_and_who_was_compared_is_told():
    text = render(make_evaluation(slice_value="points")).text
    for words in ("points and UA", "dest = points", "KPI: points", "sex, decisions of the candidate", "[x]"):
        assert words in text
    assert "Of 41 slices" in text
    assert render(replace(make_evaluation(), decisions=None)).text.count("No decision was compared") == 1


def test_intervals_drawn_by_span_say_of_how_many():
    assert "1,200 of 28 spans" in render(replace(make_evaluation(), resample_by="span", n_units=28)).text


def test_the_calibration_of_both_is_drawn():
    page = render()
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert {"Calibration: share of positives over mean score", "Distribution of scores"} <= set(labels)


def test_without_a_gate_there_is_no_verdict():
    page = render()
    assert "before the gate judged" in page.text
    assert ("span", "class", "badge pass") not in page.attributes


def test_every_check_of_the_gate_is_in_the_page():
    gate = make_gate()
    page = render(gate=gate)
    assert gate.verdict == "fail"
    assert ("span", "class", "badge fail") in page.attributes
    for check in gate.checks:
        assert check.reason in page.text
        assert check.name in page.text
        for side in (check.observed, check.bound):
            assert (side in page.text) if isinstance(side, str) else side is None or repr(side) in page.figures
    assert "better than the champion (superiority)" in page.text
    assert "Trained for: drift" in page.text


@pytest.mark.parametrize("comparison", ["non_inferiority", "superiority", None])
def test_each_comparison_is_told_in_words(comparison):
    words = {"non_inferiority": "not worse than", "superiority": "better than", None: "Cold start"}
    assert words[comparison] in render(gate=replace(make_gate(), comparison=comparison)).text


def test_an_empty_evaluation_is_undecided_and_says_so():
    page = render(EMPTY_EVALUATION, gate=make_gate(EMPTY_EVALUATION))
    assert ("span", "class", "badge undecided") in page.attributes
    for words in ("There is no contender", "No AUC could be computed", "No difference could be computed"):
        assert words in page.text


def test_a_fault_stands_in_place_of_figures():
    assert "Its scores cannot be used: 3 are NaN" in render(make_evaluation(fault="3 are NaN")).text


def test_the_bounds_of_the_gate_are_drawn():
    page = render(gate=make_gate())
    lines = [value for tag, name, value in page.attributes if (tag, name) == ("line", "class")]
    # champion, linear, dummy, rule, and one through all slices.
    assert lines.count("bound") == 5
    assert "bound" not in [value for tag, name, value in render().attributes if (tag, name) == ("line", "class")]


def test_many_slices_are_all_in_the_table_and_the_lowest_in_the_plot():
    slices = tuple(
        SliceRow(column="dest", value=f"D{i:03}", n_examples=300, n_positive=90, difference=make_interval(i / 1000))
        for i in range(60)
    )
    page = render(replace(make_evaluation(), slices=slices))
    assert "40 of 60" in page.text
    # Once in the table; a row of the plot has the name twice, shown and whole.
    assert page.text.count("dest=D059") == 1
    assert page.text.count("dest=D000") == 3


class TestExplained:
    def test_every_figure_of_benefit_and_cost_is_in_the_page(self):
        found = make_explanation()
        page = render(explanation=found, curves=make_curves())
        figures = {repr(end) for of in found.importance for end in (of.drop.value, of.drop.low, of.drop.high)}
        figures |= {repr(of.null_share) for of in found.costs} | {repr(of.bytes_per_example) for of in found.costs}
        figures |= {"0.317", "0.00123", "2001", "20002", *map(repr, found.seconds.values())}
        assert figures - page.figures == set()
        for words in ("temp (under the floor)", "weather: temp, humid", "Not fitted: without origin", "Learning curve"):
            assert words in page.text

    def test_only_what_there_is_is_drawn(self):
        empty = replace(
            make_explanation(), importance=(), dependence=(), learning=(), groups=(), costs=(), not_refitted=()
        )
        text = render(explanation=empty).text
        assert "could not be told: it takes test examples of both classes" in text
        for words in ("Learning curve", "Without a group", "How the score depends", "Over all thresholds"):
            assert words not in text

    def test_an_explanation_is_read_as_it_was_written(self):
        found = make_explanation()
        assert type(found).from_json(json.loads(json.dumps(found.to_json()))) == found
        with pytest.raises(ValueError, match="schema_version 1"):
            type(found).from_json({**found.to_json(), "schema_version": 2})
