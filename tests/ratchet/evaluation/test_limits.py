from __future__ import annotations

from dataclasses import replace

import pytest

from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.fairness import GroupFairness, GroupRates
from ratchet.evaluation.found import FoundSlice, FoundSlices
from ratchet.evaluation.limits import check_limits
from ratchet.evaluation.results import Metrics
from ratchet.spec.fairness import Fairness, FairnessColumn
from tests.ratchet.evaluation.test_gate import POLICY, TINY, a_slice, around, decide, figures

BOUNDS = Fairness(
    columns={"sex": FairnessColumn()}, max_parity_difference=0.1, min_parity_ratio=0.8, max_odds_difference=0.2
)


def policy(**changes):
    return POLICY.model_copy(update=changes)


def check(evaluation, name, **changes):
    return next(one for one in check_limits(evaluation, policy(**changes)) if one.name == name)


def calibrated(error, **changes):
    evaluation = figures(**changes)
    candidate = replace(evaluation.contenders[0], calibration_error=error)
    return replace(evaluation, contenders=(candidate, *evaluation.contenders[1:]))


def a_group(value, *, is_compared=True):
    rate = around(0.4)
    return GroupRates(
        value=value,
        n_examples=300,
        n_positive=90,
        is_compared=is_compared,
        selection_rate=rate,
        true_positive_rate=rate,
        false_positive_rate=rate,
    )


def fair(contender="candidate", **distances):
    given = {"parity_difference": around(0.01), "parity_ratio": around(0.95), "odds_difference": around(0.01)}
    groups = (a_group("f"), a_group("m"), a_group("x", is_compared=False))
    one = GroupFairness(column="sex", contender=contender, groups=groups, **{**given, **distances})
    return replace(figures(), fairness=(one,))


def found_slice(high, *, against="champion"):
    return FoundSlice(
        feature="weight",
        value="above 5",
        against=against,
        n_examples=300,
        n_positive=90,
        candidate_auc=0.6,
        other_auc=0.7,
        difference=Interval(value=-0.2, low=-0.3, high=high),
        p_value=0.01,
    )


def found(*rows):
    return replace(figures(), found=FoundSlices(n_looked_at=40, rows=rows))


def test_nothing_is_asked_by_default():
    assert list(check_limits(figures(), POLICY)) == []


def test_what_is_asked_counts_in_the_gate():
    gate = decide(calibrated(around(0.2)), policy=policy(max_calibration_error=0.1))
    assert (gate.verdict, gate.check("calibration").verdict) == ("fail", "fail")


# How far value and high end lie above a bound that may not be exceeded.
AT_MOST = [
    pytest.param(-0.01, 0.0, "pass", id="high-at-the-bound"),
    pytest.param(-0.01, TINY, "undecided", id="high-just-above"),
    pytest.param(0.0, 0.01, "undecided", id="value-at-the-bound"),
    pytest.param(TINY, 0.01, "fail", id="value-just-above"),
]


class TestCalibration:
    @pytest.mark.parametrize(("value", "high", "verdict"), AT_MOST)
    def test_bound_is_inclusive(self, value, high, verdict):
        error = Interval(value=0.05 + value, low=0.02, high=0.05 + high)
        assert check(calibrated(error), "calibration", max_calibration_error=0.05).verdict == verdict

    def test_without_a_figure_it_is_undecided(self):
        assert check(figures(), "calibration", max_calibration_error=0.05).verdict == "undecided"
        faulty = replace(figures(), contenders=(Metrics(name="candidate", fault="NaN"),))
        assert check(faulty, "calibration", max_calibration_error=0.05).verdict == "undecided"

    def test_too_few_examples_are_undecided(self):
        small = calibrated(around(0.01), n_examples=499)
        assert check(small, "calibration", max_calibration_error=0.05).verdict == "undecided"


class TestFairness:
    @pytest.mark.parametrize(("value", "high", "verdict"), AT_MOST)
    @pytest.mark.parametrize(("name", "bound"), [("parity difference", 0.1), ("odds difference", 0.2)])
    def test_a_distance_may_meet_its_bound(self, name, bound, value, high, verdict):
        interval = Interval(value=bound + value, low=0.05, high=bound + high)
        evaluation = fair(**{name.replace(" ", "_"): interval})
        assert check(evaluation, f"sex {name}", fairness=BOUNDS).verdict == verdict

    @pytest.mark.parametrize(
        ("value", "low", "verdict"),
        [
            pytest.param(0.01, 0.0, "pass", id="low-at-the-bound"),
            pytest.param(0.01, -TINY, "undecided", id="low-just-below"),
            pytest.param(0.0, -0.01, "undecided", id="value-at-the-bound"),
            pytest.param(-TINY, -0.01, "fail", id="value-just-below"),
        ],
    )
    def test_the_ratio_must_reach_its_bound(self, value, low, verdict):
        interval = Interval(value=0.8 + value, low=0.8 + low, high=0.99)
        assert check(fair(parity_ratio=interval), "sex parity ratio", fairness=BOUNDS).verdict == verdict

    def test_only_the_candidate_and_only_bounds_that_are_set_are_judged(self):
        only = BOUNDS.model_copy(update={"max_parity_difference": None, "max_odds_difference": None})
        assert [one.name for one in check_limits(fair(), policy(fairness=only))] == ["sex parity ratio"]
        assert list(check_limits(fair("champion"), policy(fairness=BOUNDS))) == []

    def test_smaller_groups_are_told(self):
        reason = check(fair(), "sex parity ratio", fairness=BOUNDS).reason
        assert "among 2 groups of sex (1 smaller ones are shown only)" in reason

    def test_what_could_not_be_computed_is_undecided(self):
        assert check(fair(odds_difference=None), "sex odds difference", fairness=BOUNDS).verdict == "undecided"


SLICES = [
    pytest.param(-0.05, "pass", id="high-at-the-bound"),
    pytest.param(-0.05 - TINY, "fail", id="high-just-below"),
]


class TestSlices:
    @pytest.mark.parametrize(("high", "verdict"), SLICES)
    def test_crossed_slices_have_the_bound_of_slices(self, high, verdict):
        evaluation = replace(figures(), crossed=(a_slice(high),))
        assert check(evaluation, "crossed slices", crossed_slices="judged").verdict == verdict
        assert list(check_limits(evaluation, policy(crossed_slices="shown"))) == []

    @pytest.mark.parametrize(("high", "verdict"), SLICES)
    def test_found_slices_have_it_too(self, high, verdict):
        evaluation = found(found_slice(high))
        one = check(evaluation, "found slices", found_slices="judged")
        assert (one.verdict, one.observed) == (verdict, high)
        assert "of 40 slices looked at, corrected for their number" in one.reason
        assert list(check_limits(evaluation, policy(found_slices="shown"))) == []

    def test_a_slice_that_is_weak_against_the_rest_stops_nothing(self):
        assert check(found(found_slice(-0.2, against="rest")), "found slices", found_slices="judged").verdict == "pass"

    def test_where_none_was_looked_for_it_is_undecided(self):
        assert check(figures(), "found slices", found_slices="judged").verdict == "undecided"

    def test_a_cold_start_has_nothing_to_lose(self):
        evaluation = found(found_slice(-0.2))
        alone = replace(evaluation, contenders=evaluation.contenders[:1])
        assert list(check_limits(alone, policy(found_slices="judged", crossed_slices="judged"))) == []


@pytest.mark.parametrize(("n", "verdict"), [(9, "undecided"), (10, "pass")])
def test_intervals_need_enough_of_what_they_are_drawn_by(n, verdict):
    assert check(figures(n_units=n, resample_by="span"), "units").verdict == verdict
