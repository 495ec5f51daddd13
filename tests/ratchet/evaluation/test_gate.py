from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from ratchet.errors import InputError
from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.contenders import evaluate_contenders
from ratchet.evaluation.gate import GateResult, decide_gate, explain
from ratchet.evaluation.results import Difference, Evaluation, Metrics, SliceRow
from ratchet.spec.evaluation import Evaluate

POLICY = Evaluate(
    test_spans=3,
    min_examples=500,
    floor=0.6,
    margin_over_dummy=0.05,
    margin_over_rule=0.02,
    margin_over_linear=-0.01,
    non_inferiority_margin=0.01,
    superiority_margin=0.0,
    max_slice_drop=0.05,
    resamples=100,
)
TINY = 1e-9
NOISE = 1e-14


def around(value, low=None, high=None):
    return Interval(
        value=value, low=value - 0.005 if low is None else low, high=value + 0.005 if high is None else high
    )


def figures(*, champion=None, slices=(), **changes):
    """An evaluation that passes everything, but for what is changed."""
    leads = {"champion": champion or around(0.02), "linear": around(0.05), "dummy": around(0.2), "rule": around(0.1)}
    leads |= {name: changes.pop(name) for name in tuple(changes) if name in leads}
    auc = changes.pop("auc", around(0.7))
    metrics = (Metrics(name="candidate", auc=auc), *(Metrics(name=name, auc=around(0.6)) for name in leads))
    values = {"n_examples": 1000, "n_positive": 300, "confidence": 0.95, "resamples": 100, "seed": 0}
    differences = tuple(Difference(other=name, interval=lead) for name, lead in leads.items() if lead)
    return Evaluation(contenders=metrics, differences=differences, slices=tuple(slices), **{**values, **changes})


def decide(evaluation, *, reasons=("schedule",), policy=POLICY, **spans):
    spans = {"test_spans": ["d8", "d9"], "candidate_spans": ["d1", "d2"], "champion_spans": ["d0"], **spans}
    return decide_gate(evaluation, policy, reasons=reasons, **spans)


def a_slice(high, *, value="EWR", low=-0.2):
    return SliceRow(
        column="origin", value=value, n_examples=300, n_positive=90, difference=Interval(value=low, low=low, high=high)
    )


def test_a_candidate_that_proves_everything_passes():
    gate = decide(figures())
    assert gate.verdict == "pass"
    names = ["predictions", "examples", "unseen", "floor", "dummy", "rule", "linear", "champion", "slices"]
    assert [check.name for check in gate.checks] == names
    assert all(check.observed is not None and check.reason for check in gate.checks)


def case(value, low, verdict, id):
    return pytest.param(value, low, verdict, id=id)


class TestMarginsToBeat:
    """The low end must exceed the bound; the difference itself must exceed it, or the check fails."""

    @pytest.mark.parametrize("name", ["dummy", "rule", "champion"])
    @pytest.mark.parametrize(
        ("value", "low", "verdict"),
        [
            case(0.01, TINY, "pass", "low-just-above"),
            case(0.01, 0.0, "undecided", "low-at-the-bound"),
            case(0.01, NOISE, "undecided", "float-noise-is-no-lead"),
            case(TINY, -0.01, "undecided", "value-just-above"),
            case(0.0, -0.01, "fail", "value-at-the-bound"),
            case(-TINY, -0.01, "fail", "value-just-below"),
        ],
    )
    def test_bound_is_exclusive(self, name, value, low, verdict):
        margin = {"dummy": 0.05, "rule": 0.02, "champion": 0.03}[name]
        lead = Interval(value=margin + value, low=margin + low, high=margin + 0.02)
        policy = POLICY.model_copy(update={"superiority_margin": 0.03})
        gate = decide(figures(**{"champion": around(0.2), name: lead}), reasons=("drift",), policy=policy)
        assert gate.check(name).verdict == verdict
        assert gate.verdict == verdict

    def test_a_candidate_equal_to_the_rule_does_not_beat_it(self):
        policy = POLICY.model_copy(update={"margin_over_rule": 0.0})
        gate = decide(figures(rule=Interval(value=0, low=0, high=0)), policy=policy)
        assert gate.check("rule").verdict == "fail"


class TestTolerances:
    """The low end may meet the bound exactly; so may the figure itself."""

    @pytest.mark.parametrize(("name", "bound"), [("floor", 0.6), ("linear", -0.01), ("champion", -0.01)])
    @pytest.mark.parametrize(
        ("value", "low", "verdict"),
        [
            case(0.005, TINY, "pass", "low-just-above"),
            case(0.005, 0.0, "pass", "low-at-the-bound"),
            case(0.005, -NOISE, "pass", "float-noise-is-no-loss"),
            case(0.005, -TINY, "undecided", "low-just-below"),
            case(0.0, -0.01, "undecided", "value-at-the-bound"),
            case(-TINY, -0.01, "fail", "value-just-below"),
        ],
    )
    def test_bound_is_inclusive(self, name, bound, value, low, verdict):
        interval = Interval(value=bound + value, low=bound + low, high=bound + 0.02)
        gate = decide(figures(**{"auc" if name == "floor" else name: interval}))
        assert gate.check(name).verdict == verdict
        assert gate.verdict == verdict


class TestChampion:
    @pytest.mark.parametrize(
        ("reasons", "comparison"),
        [
            (("schedule",), "non_inferiority"),
            (("staleness",), "non_inferiority"),
            (("cold_start",), "non_inferiority"),
            (("drift", "schedule"), "non_inferiority"),
            (("drift",), "superiority"),
            (("quality",), "superiority"),
            (("manual",), "superiority"),
            (("drift", "quality", "manual"), "superiority"),
            ((), "superiority"),
        ],
    )
    def test_the_reasons_choose_the_comparison(self, reasons, comparison):
        slightly_worse = Interval(value=-0.002, low=-0.005, high=0.004)
        gate = decide(figures(champion=slightly_worse), reasons=reasons)
        assert gate.comparison == comparison
        assert gate.verdict == ("pass" if comparison == "non_inferiority" else "fail")

    @pytest.mark.parametrize("comparison", ["superiority", "non_inferiority"])
    @pytest.mark.parametrize("reasons", [("schedule",), ("drift",)])
    def test_the_spec_may_ask_for_one_comparison_whatever_the_reasons(self, comparison, reasons):
        policy = POLICY.model_copy(update={"comparison": comparison})
        slightly_worse = Interval(value=-0.002, low=-0.005, high=0.004)
        gate = decide(figures(champion=slightly_worse), reasons=reasons, policy=policy)
        assert gate.comparison == comparison
        assert gate.verdict == ("pass" if comparison == "non_inferiority" else "fail")

    @pytest.mark.parametrize("reasons", [("schedule",), ("drift",)])
    @pytest.mark.parametrize("half_width", [0.0, 0.005])
    def test_a_tie_keeps_the_champion(self, reasons, half_width):
        gate = decide(figures(champion=Interval(value=0, low=-half_width, high=half_width)), reasons=reasons)
        assert gate.verdict == gate.check("champion").verdict == "fail"
        assert "tie" in gate.check("champion").reason

    def test_a_zero_tolerance_may_be_met_but_not_missed(self):
        policy = POLICY.model_copy(update={"non_inferiority_margin": 0.0})
        assert decide(figures(champion=Interval(value=0.01, low=0, high=0.02)), policy=policy).verdict == "pass"
        assert (
            decide(figures(champion=Interval(value=0.01, low=-TINY, high=0.02)), policy=policy).verdict == "undecided"
        )

    def test_a_champion_without_sound_scores_is_undecided(self):
        evaluation = figures()
        broken = tuple(one for one in evaluation.differences if one.other != "champion")
        kept = {"contenders": evaluation.contenders, "slices": ()}
        values = {name: getattr(evaluation, name) for name in ("n_examples", "n_positive", "confidence", "resamples")}
        gate = decide(Evaluation(**values, seed=0, differences=broken, **kept))
        assert (gate.check("champion").verdict, gate.check("slices").verdict) == ("undecided", "undecided")


class TestColdStart:
    def cold(self, **changes):
        evaluation = figures(**changes)
        return Evaluation(
            **{
                **{name: getattr(evaluation, name) for name in ("n_examples", "n_positive", "confidence", "resamples")},
                "seed": 0,
                "contenders": tuple(one for one in evaluation.contenders if one.name != "champion"),
                "differences": tuple(one for one in evaluation.differences if one.other != "champion"),
                "slices": (),
            }
        )

    def test_it_is_said_and_passes(self):
        gate = decide(self.cold(), champion_spans=None, reasons=("cold_start",))
        assert (gate.verdict, gate.comparison) == ("pass", None)
        assert gate.check("champion").reason.startswith("Cold start")

    @pytest.mark.parametrize("name", ["dummy", "rule", "linear"])
    def test_the_baselines_must_be_beaten(self, name):
        assert decide(self.cold(**{name: around(-0.1)}), champion_spans=None).verdict == "fail"

    def test_missing_scores_of_a_champion_are_no_cold_start(self):
        gate = decide(self.cold(), champion_spans=["d0"])
        assert gate.verdict == gate.check("champion").verdict == "undecided"

    def test_an_evaluated_champion_is_no_cold_start(self):
        with pytest.raises(InputError, match="champion_spans must name"):
            decide(figures(), champion_spans=None)


class TestExamples:
    @pytest.mark.parametrize(
        ("n", "n_positive", "verdict"),
        [
            pytest.param(500, 150, "pass", id="at-the-minimum"),
            pytest.param(499, 150, "undecided", id="one-too-few"),
            pytest.param(500, 10, "pass", id="just-enough-positives"),
            pytest.param(500, 9, "undecided", id="too-few-positives"),
            pytest.param(500, 490, "pass", id="just-enough-negatives"),
            pytest.param(500, 491, "undecided", id="too-few-negatives"),
            pytest.param(0, 0, "undecided", id="none"),
        ],
    )
    def test_too_few_are_undecided(self, n, n_positive, verdict):
        gate = decide(figures(n_examples=n, n_positive=n_positive))
        assert gate.verdict == gate.check("examples").verdict == verdict

    def test_too_few_cannot_fail_either(self):
        gate = decide(figures(n_examples=499, champion=around(-0.3), dummy=around(-0.3), slices=[a_slice(-0.1)]))
        assert gate.verdict == "undecided"

    def test_empty_input_is_undecided(self):
        evaluation = evaluate_contenders(
            [], {name: [] for name in ("candidate", "champion", "dummy")}, pl.DataFrame(), policy=POLICY, seed=0
        )
        gate = decide(evaluation, test_spans=[], candidate_spans=[], champion_spans=[])
        assert {check.verdict for check in gate.checks} == {"undecided"}


class TestUnseen:
    @pytest.mark.parametrize("name", ["candidate", "champion"])
    def test_an_overlap_is_undecided_and_names_the_spans(self, name):
        gate = decide(figures(), **{f"{name}_spans": ["d1", "d9"]})
        assert gate.verdict == "undecided"
        reason = gate.check("unseen").reason
        assert reason == f"{name.capitalize()} was trained on 1 of the test spans: d9."

    @pytest.mark.parametrize("name", ["candidate_spans", "champion_spans", "test_spans"])
    def test_unknown_spans_are_undecided(self, name):
        gate = decide(figures(), **{name: []})
        assert gate.verdict == gate.check("unseen").verdict == "undecided"

    def test_a_long_overlap_is_cut_and_counted(self):
        days = [f"d{i}" for i in range(9)]
        reason = decide(figures(), test_spans=days, candidate_spans=days).check("unseen").reason
        assert "9 of the test spans: d0, d1, d2, d3, d4 and 4 more" in reason


class TestSlices:
    @pytest.mark.parametrize(
        ("high", "verdict"),
        [
            pytest.param(-0.05 - TINY, "fail", id="just-below"),
            pytest.param(-0.05 - NOISE, "pass", id="float-noise-is-no-loss"),
            pytest.param(-0.05, "pass", id="at-the-bound"),
            pytest.param(-0.05 + TINY, "pass", id="just-above"),
        ],
    )
    def test_a_slice_fails_when_its_whole_interval_lies_below(self, high, verdict):
        gate = decide(figures(slices=[a_slice(high), a_slice(0.1, value="JFK")]))
        assert gate.verdict == gate.check("slices").verdict == verdict
        assert "origin=EWR" in gate.check("slices").reason

    def test_small_slices_are_shown_only(self):
        small = SliceRow(column="origin", value="LGA", n_examples=5, n_positive=1, candidate_auc=0.0, champion_auc=1.0)
        gate = decide(figures(slices=[small]))
        assert gate.verdict == "pass"
        assert "1 smaller ones are shown only" in gate.check("slices").reason


class TestPoisonedCandidates:
    @pytest.mark.parametrize(
        ("scores", "words"),
        [
            pytest.param(np.full(600, np.nan), "600 of 600 scores are NaN", id="all-nan"),
            pytest.param(np.append(np.linspace(0, 1, 599), np.inf), "1 of 600", id="one-infinite"),
            pytest.param(np.linspace(0, 1.2, 600), "outside [0, 1]", id="too-high"),
            pytest.param(np.full(600, 0.5), "all 600 scores are 0.5", id="constant"),
        ],
    )
    def test_the_gate_fails_and_does_not_crash(self, scores, words):
        labels = np.arange(600) % 3 == 0
        others = {name: np.linspace(0, 1, 600) for name in ("champion", "linear", "rule")}
        others["dummy"] = np.full(600, 0.3)
        slices = pl.DataFrame({"origin": ["EWR", "JFK"] * 300})
        evaluation = evaluate_contenders(labels, {"candidate": scores, **others}, slices, policy=POLICY, seed=0)
        gate = decide(evaluation)
        assert gate.verdict == gate.check("predictions").verdict == "fail"
        reason = gate.check("predictions").reason
        assert reason.startswith("E-PREDICTIONS")
        assert words in reason
        assert gate.check("champion").verdict == "undecided"


class TestResult:
    def test_the_worst_check_is_the_verdict(self):
        gate = decide(figures(champion=Interval(value=0.001, low=-0.05, high=0.05), dummy=around(-0.2)))
        assert (gate.check("champion").verdict, gate.check("dummy").verdict) == ("undecided", "fail")
        assert gate.verdict == "fail"

    def test_a_verdict_that_is_not_the_worst_check_is_refused(self):
        values = decide(figures(dummy=around(-0.2))).to_json()
        with pytest.raises(ValueError, match="worst of its checks, 'fail'"):
            GateResult.from_json({**values, "verdict": "pass"})

    def test_a_gate_without_checks_is_undecided(self):
        with pytest.raises(ValueError, match="undecided"):
            GateResult(verdict="pass", comparison=None, reasons=(), n_examples=0, checks=())

    def test_json_comes_back(self):
        gate = decide(figures(slices=[a_slice(0.0)]), reasons=("schedule", "drift"))
        assert GateResult.from_json(json.loads(json.dumps(gate.to_json(), allow_nan=False))) == gate

    def test_an_unknown_check_is_named(self):
        with pytest.raises(KeyError, match="no check 'fairness'"):
            decide(figures()).check("fairness")

    def test_explain_is_a_table_of_every_check(self):
        gate = decide(figures(dummy=around(-0.2)))
        lines = explain(gate).splitlines()
        assert lines[0].split() == ["check", "observed", "interval", "bound", "verdict", "reason"]
        assert len(lines) == len(gate.checks) + 2
        row = next(line for line in lines if line.startswith("dummy "))
        assert row.split()[:6] == ["dummy", "-0.2", "[-0.2050,", "-0.1950]", "0.05", "fail"]
        assert lines[-1] == "gate: fail (non-inferiority; schedule; 1000 examples)"
