from __future__ import annotations

import json
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.monitoring.retrain import RetrainDecision, decide_retrain
from ratchet.monitoring.sensed import SpanObservation
from ratchet.spans.calendar import Calendar
from ratchet.spec.watching import Retrain

CALENDAR = Calendar("America/New_York")
KEY = "2013-03-01"
POLICY = Retrain(every_spans=7, k=2, n=3, cool_down_spans=1)


def day(age):
    """The span that many spans before the key; the month before it has 28 days."""
    return CALENDAR.shift(KEY, -age)


def observe(age, *drifted, quality="pass", drift=None, staleness="pass", has_champion=True):
    return SpanObservation(
        span=day(age),
        drift=drift or ("fail" if drifted else "pass"),
        drifted=drifted,
        quality=quality,
        staleness=staleness,
        has_champion=has_champion,
    )


def quiet(*ages):
    return [observe(age) for age in ages]


LAST_REQUEST, TRAINED_THROUGH = day(3), day(6)


def decide(observations, *, requests=(LAST_REQUEST,), trained_through=TRAINED_THROUGH, policy=POLICY, **changes):
    return decide_retrain(
        observations,
        **{
            "key": KEY,
            "requests": requests,
            "champion_trained_through": trained_through,
            "policy": policy,
            "calendar": CALENDAR,
            **changes,
        },
    )


def reasons(decision):
    return [reason for reason, _ in decision.reasons]


def test_nothing_sensed_holds_and_says_what_was_looked_at():
    decision = decide(quiet(2, 1, 0))
    assert (decision.verdict, decision.reasons) == ("hold", ())
    for words in (
        f"No column drifted on {KEY}",
        "quality holds",
        "not stale",
        f"3 spans since the last request, {day(3)}",
    ):
        assert words in decision.words


class TestDrift:
    @pytest.mark.parametrize(
        ("drifted", "verdict"),
        [
            pytest.param([(), ("temp",), ("temp",)], "request", id="newest-two"),
            pytest.param([("temp",), (), ("temp",)], "request", id="newest-and-oldest"),
            pytest.param([("temp",), ("temp",), ("temp",)], "request", id="all"),
            pytest.param([(), (), ("temp",)], "hold", id="one-too-few"),
            pytest.param([("temp",), ("temp",), ()], "hold", id="not-on-the-newest"),
            pytest.param([(), ("humid",), ("temp",)], "hold", id="two-columns-once-each"),
            pytest.param([("temp",), ("temp",), ("humid",)], "hold", id="another-column-on-the-newest"),
        ],
    )
    def test_the_same_column_must_drift_on_k_of_n_and_on_the_newest(self, drifted, verdict):
        decision = decide([observe(age, *columns) for age, columns in zip((2, 1, 0), drifted, strict=True)])
        assert decision.verdict == verdict
        assert reasons(decision) == (["drift"] if verdict == "request" else [])
        assert decision.drifted == (("temp",) if verdict == "request" else ())

    def test_only_columns_that_reach_k_are_named_with_figures(self):
        decision = decide(
            [observe(2, "humid"), observe(1, "temp", "wind"), observe(0, "temp", "humid", "wind", "dewp")]
        )
        assert decision.drifted == ("humid", "temp", "wind")
        assert "Drift of humid on 2, temp on 2, wind on 2 of the newest 3 spans" in decision.words

    def test_spans_older_than_the_newest_n_do_not_count(self):
        assert decide([observe(3, "temp"), *quiet(2, 1), observe(0, "temp")]).verdict == "hold"

    def test_later_spans_do_not_count(self):
        decision = decide([*quiet(2, 1), observe(0, "temp"), observe(-1, "temp")])
        assert decision.verdict == "hold"

    def test_k_and_n_of_one_ask_at_once(self):
        assert decide([observe(0, "temp")], policy=Retrain(k=1, n=1)).verdict == "request"

    def test_undecided_on_the_newest_is_undecided_and_on_an_older_one_counts_as_none(self):
        assert decide([*quiet(2, 1), observe(0, drift="undecided")]).verdict == "undecided"
        older = [observe(2), observe(1, drift="undecided"), observe(0, "temp")]
        assert decide(older).verdict == "hold"

    def test_a_failed_drift_must_name_a_column(self):
        with pytest.raises(ValueError, match="must name a column"):
            observe(0, drift="fail")


class TestQuality:
    @pytest.mark.parametrize(
        ("verdicts", "verdict"),
        [
            pytest.param(("pass", "fail", "fail"), "request", id="newest-two"),
            pytest.param(("fail", "pass", "fail"), "request", id="newest-and-oldest"),
            pytest.param(("fail", None, "fail"), "request", id="none-due-between"),
            pytest.param(("pass", "pass", "fail"), "hold", id="one-too-few"),
            pytest.param(("pass", "undecided", "fail"), "hold", id="undecided-is-no-failure"),
            pytest.param(("fail", "fail", "pass"), "hold", id="recovered"),
            pytest.param(("fail", "fail", "undecided"), "undecided", id="undecided-on-the-newest"),
            pytest.param(("fail", "fail", None), "hold", id="no-label-due"),
        ],
    )
    def test_it_must_fail_on_k_of_n_and_on_the_newest(self, verdicts, verdict):
        decision = decide([observe(age, quality=one) for age, one in zip((2, 1, 0), verdicts, strict=True)])
        assert decision.verdict == verdict
        assert reasons(decision) == (["quality"] if verdict == "request" else [])


class TestGaps:
    @pytest.mark.parametrize("age", [0, 1, 2])
    def test_a_missing_span_leaves_it_undecided_and_is_named(self, age):
        decision = decide([observe(one, "temp", quality="fail") for one in (2, 1, 0) if one != age])
        assert (decision.verdict, decision.reasons) == ("undecided", ())
        assert f"nothing was sensed on {day(age)}" in decision.words

    def test_a_span_older_than_the_newest_n_may_be_missing(self):
        assert decide(quiet(4, 2, 1, 0)).verdict == "hold"

    def test_schedule_and_staleness_still_ask(self):
        decision = decide([observe(2), observe(0, staleness="fail")], requests=(day(7),))
        assert decision.verdict == "request"
        assert reasons(decision) == ["staleness", "schedule"]
        assert f"nothing was sensed on {day(1)}" in decision.words

    def test_spans_before_the_first_are_no_gap(self):
        seen = [observe(1, "temp"), observe(0, "temp")]
        assert decide(seen).verdict == "undecided"
        assert decide(seen, first_span=day(1)).verdict == "request"
        assert decide(seen, first_span=day(2)).verdict == "undecided"

    def test_without_any_observation_it_is_not_known_whether_there_is_a_champion(self):
        decision = decide([], trained_through=None)
        assert (decision.verdict, decision.reasons) == ("undecided", ())

    def test_a_span_observed_twice_is_refused(self):
        with pytest.raises(ValueError, match="observed once"):
            decide([observe(0), observe(0)])


class TestSchedule:
    @pytest.mark.parametrize(("age", "verdict"), [(6, "hold"), (7, "request"), (8, "request")])
    def test_it_asks_from_the_due_span_on(self, age, verdict):
        decision = decide(quiet(2, 1, 0), requests=(day(age), day(20)))
        assert decision.verdict == verdict
        assert reasons(decision) == (["schedule"] if verdict == "request" else [])
        assert f"{age} spans since the last request, {day(age)}" in decision.words

    @pytest.mark.parametrize(("age", "verdict"), [(6, "hold"), (7, "request")])
    def test_without_a_request_it_counts_from_the_training_spans(self, age, verdict):
        assert decide(quiet(2, 1, 0), requests=(), trained_through=day(age)).verdict == verdict

    def test_without_anything_on_record_it_is_due(self):
        decision = decide(quiet(2, 1, 0), requests=(), trained_through=None)
        assert (decision.verdict, reasons(decision)) == ("request", ["schedule"])

    def test_daily_without_a_cool_down_asks_every_night(self):
        policy = Retrain(every_spans=1, cool_down_spans=0)
        assert decide(quiet(2, 1, 0), requests=(day(1),), policy=policy).verdict == "request"


class TestStaleness:
    @pytest.mark.parametrize(("staleness", "verdict"), [("fail", "request"), ("pass", "hold"), ("undecided", "hold")])
    def test_its_verdict_on_the_newest_span_asks(self, staleness, verdict):
        assert decide([*quiet(2, 1), observe(0, staleness=staleness)]).verdict == verdict

    def test_its_verdict_on_an_older_span_does_not(self):
        assert decide([observe(2), observe(1, staleness="fail"), observe(0)]).verdict == "hold"


class TestCoolDown:
    @pytest.mark.parametrize(
        ("cool_down", "age", "verdict"),
        [(2, 1, "hold"), (2, 2, "hold"), (2, 3, "request"), (0, 1, "request")],
        ids=["within", "its-last-span", "just-over", "none"],
    )
    def test_its_last_span_still_holds(self, cool_down, age, verdict):
        policy = POLICY.model_copy(update={"cool_down_spans": cool_down})
        decision = decide([observe(one, "temp") for one in (2, 1, 0)], requests=(day(age),), policy=policy)
        assert decision.verdict == verdict
        assert reasons(decision) == ["drift"]
        assert ("cool-down" in decision.words) == (verdict == "hold")

    def test_it_does_not_hold_back_a_cold_start(self):
        decision = decide([observe(0, has_champion=False)], requests=(day(1),), trained_through=None)
        assert (decision.verdict, reasons(decision)) == ("request", ["cold_start"])


class TestIdempotence:
    @pytest.mark.parametrize("has_champion", [True, False])
    def test_its_own_request_and_later_ones_change_nothing(self, has_champion):
        seen = [observe(age, "temp", has_champion=has_champion) for age in (2, 1, 0)]
        first = decide(seen, requests=(day(7),))
        assert first.verdict == "request"
        assert decide(seen, requests=(day(7), KEY)) == first
        assert decide(seen, requests=(day(-2), KEY, day(7))) == first

    def test_the_order_of_observations_and_requests_changes_nothing(self):
        seen = [observe(2, "temp"), observe(1), observe(0, "temp")]
        decisions = {decide(order, requests=(day(4), day(9))).words for order in permutations(seen)}
        assert decisions == {decide(seen, requests=(day(9), day(4))).words}


class TestHistory:
    @pytest.mark.parametrize(("age", "verdict"), [(-1, "history"), (0, "request"), (1, "request")])
    def test_a_span_before_the_newest_training_span_asks_for_nothing(self, age, verdict):
        decision = decide([observe(one, "temp") for one in (2, 1, 0)], trained_through=day(age))
        assert decision.verdict == verdict
        if verdict == "history":
            assert decision.reasons == ()
            assert f"{KEY} lies before {day(-1)}" in decision.words


class TestColdStart:
    def test_no_champion_asks_for_training(self):
        decision = decide([observe(0, has_champion=False, staleness="undecided")], trained_through=None, requests=())
        assert (decision.verdict, decision.reasons) == ("request", (("cold_start", "There is no champion yet."),))
        assert decision.words == f"Training is asked for on {KEY}: There is no champion yet."


@given(
    st.lists(
        st.tuples(st.sampled_from(["pass", "fail", "undecided"]), st.sampled_from(["pass", "fail", "undecided", None])),
        min_size=5,
        max_size=5,
    ),
    st.integers(1, 5),
    st.integers(1, 5),
)
@settings(max_examples=100, deadline=None)
def test_more_nights_needed_never_ask_more(nights, k, n):
    def asks(k, n):
        policy = Retrain(k=min(k, n), n=n, every_spans=100)
        seen = [
            observe(age, *(["temp"] if drift == "fail" else []), drift=drift, quality=quality)
            for age, (drift, quality) in enumerate(nights)
        ]
        return set(reasons(decide(seen, policy=policy)))

    k = min(k, n)
    assert asks(min(k + 1, n), n) <= asks(k, n)
    expected = set()
    if nights[0][0] == "fail" and sum(drift == "fail" for drift, _ in nights[:n]) >= k:
        expected.add("drift")
    if nights[0][1] == "fail" and sum(quality == "fail" for _, quality in nights[:n]) >= k:
        expected.add("quality")
    assert asks(k, n) == expected


def test_json_comes_back():
    decision = decide([observe(age, "temp", quality="fail") for age in (2, 1, 0)])
    assert RetrainDecision.from_json(json.loads(json.dumps(decision.to_json()))) == decision
    observation = observe(0, "temp", quality=None)
    assert SpanObservation.from_json(json.loads(json.dumps(observation.to_json()))) == observation


def test_the_calendar_is_asked_so_months_of_any_length_are_counted():
    assert day(1) == "2013-02-28"
    assert (
        "on 2 of the newest 3 spans, 2013-03-01 included"
        in decide([observe(2), observe(1, "t"), observe(0, "t")]).words
    )


class TestFlapping:
    """F25: a sensor that fires again and again, or turns on and off."""

    @settings(deadline=None)
    @given(
        nights=st.lists(st.sampled_from(["", "temp", "origin"]), min_size=5, max_size=40),
        cool_down=st.integers(1, 6),
    )
    def test_at_most_one_request_a_cool_down_and_one_answer_a_night(self, nights, cool_down):
        policy, calendar = Retrain(every_spans=366, k=2, n=3, cool_down_spans=cool_down), CALENDAR
        spans = [calendar.shift(KEY, i) for i in range(len(nights))]
        seen = [
            SpanObservation(
                span=span,
                drift="fail" if column else "pass",
                drifted=(column,) if column else (),
                staleness="pass",
                has_champion=True,
            )
            for span, column in zip(spans, nights, strict=True)
        ]
        requests = []
        for number, span in enumerate(spans):
            answers = {
                decide_retrain(
                    seen[: number + 1],
                    key=span,
                    requests=requests,
                    champion_trained_through=calendar.shift(KEY, -1),
                    policy=policy,
                    calendar=calendar,
                    first_span=KEY,
                ).verdict
                for _ in range(3)
            }
            assert len(answers) == 1
            if "request" in answers:
                requests.append(span)
        apart = [calendar.distance(a, b) for a, b in pairwise(requests)]
        assert all(gap > cool_down for gap in apart)


class TestSkew:
    @pytest.mark.parametrize("drifted", [(), ("temp",)], ids=["nothing-else", "drift-too"])
    def test_it_is_an_alarm_and_changes_no_decision(self, drifted):
        def decide(skew):
            nights = [
                SpanObservation(
                    span=day(age),
                    drift="fail" if drifted else "pass",
                    drifted=drifted,
                    staleness="pass",
                    has_champion=True,
                    skew=skew if age == 0 else None,
                )
                for age in range(3)
            ]
            return decide_retrain(
                nights,
                key=KEY,
                requests=(day(2),),
                champion_trained_through=day(10),
                policy=POLICY,
                calendar=CALENDAR,
            )

        with_skew, without = decide("fail"), decide("pass")
        assert (with_skew.verdict, with_skew.reasons) == (without.verdict, without.reasons)
        assert (len(with_skew.alarms), without.alarms) == (1, ())
        assert with_skew.words.startswith(without.words)
        assert "it is no reason to" in with_skew.words
        assert RetrainDecision.from_json(json.loads(json.dumps(with_skew.to_json()))) == with_skew
