"""Each bound of the gate from both sides, for labels of several classes and of numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.gate import decide_gate
from ratchet.evaluation.results import Difference, Evaluation, Metrics, SliceRow
from ratchet.spec.evaluation import Evaluate

POLICY = Evaluate(
    test_spans=3,
    floor=0.3,
    margin_over_dummy=0.05,
    margin_over_rule=0.02,
    margin_over_linear=-0.01,
    non_inferiority_margin=0.01,
    superiority_margin=0.03,
    max_slice_drop=0.05,
)
TINY = 1e-9
NAMES = {"multiclass": "macro AUC", "regression": "skill"}
KINDS = pytest.mark.parametrize("kind", list(NAMES))


def around(value):
    return Interval(value=value, low=value - 0.005, high=value + 0.005)


def metrics(kind, name, quality, **changes):
    if kind == "regression":
        return Metrics(name=name, further={"skill": quality, "mae": around(3.0)}, **changes)
    return Metrics(name=name, auc=quality, calibration_error=around(0.05), further={"accuracy": around(0.6)}, **changes)


def figures(kind, *, quality=None, slices=(), **changes):
    """An evaluation that passes everything, but for what is changed."""
    leads = {"champion": around(0.1), "linear": around(0.05), "dummy": around(0.2), "rule": around(0.1)}
    leads |= {name: changes.pop(name) for name in tuple(changes) if name in leads}
    values = {"n_examples": 1000, "n_positive": 0, "confidence": 0.95, "resamples": 100, "seed": 0}
    if kind == "multiclass":
        values["class_counts"] = (500, 300, 200)
    return Evaluation(
        kind=kind,
        quality=NAMES[kind],
        contenders=tuple(
            metrics(kind, name, (quality or around(0.7)) if name == "candidate" else around(0.6))
            for name in ("candidate", *leads)
        ),
        differences=tuple(Difference(other=name, interval=lead) for name, lead in leads.items()),
        slices=tuple(slices),
        **{**values, **changes},
    )


def decide(evaluation, *, reasons=("drift",), policy=POLICY):
    return decide_gate(
        evaluation, policy, reasons=reasons, test_spans=["d8"], candidate_spans=["d1"], champion_spans=["d0"]
    )


@KINDS
class TestBounds:
    def test_a_candidate_that_proves_everything_passes_in_its_own_words(self, kind):
        gate = decide(figures(kind))
        assert gate.verdict == "pass"
        what = NAMES[kind][0].upper() + NAMES[kind][1:]
        assert gate.check("champion").reason.startswith(f"{what} above the champion (superiority): 0.1000")
        assert not any("AUC" in check.reason.replace("acro AUC", "") for check in gate.checks)

    @pytest.mark.parametrize("name", ["dummy", "rule", "champion"])
    @pytest.mark.parametrize(
        ("value", "low", "verdict"),
        [
            pytest.param(0.01, TINY, "pass", id="low-just-above"),
            pytest.param(0.01, 0.0, "undecided", id="low-at-the-bound"),
            pytest.param(TINY, -0.01, "undecided", id="value-just-above"),
            pytest.param(0.0, -0.01, "fail", id="value-at-the-bound"),
        ],
    )
    def test_a_margin_must_be_exceeded(self, kind, name, value, low, verdict):
        margin = {"dummy": 0.05, "rule": 0.02, "champion": 0.03}[name]
        gate = decide(figures(kind, **{name: Interval(value=margin + value, low=margin + low, high=margin + 0.02)}))
        assert gate.check(name).verdict == gate.verdict == verdict

    @pytest.mark.parametrize(("name", "bound"), [("floor", 0.3), ("linear", -0.01), ("champion", -0.01)])
    @pytest.mark.parametrize(
        ("value", "low", "verdict"),
        [
            pytest.param(0.005, 0.0, "pass", id="low-at-the-bound"),
            pytest.param(0.005, -TINY, "undecided", id="low-just-below"),
            pytest.param(0.0, -0.01, "undecided", id="value-at-the-bound"),
            pytest.param(-TINY, -0.01, "fail", id="value-just-below"),
        ],
    )
    def test_a_tolerance_may_be_met(self, kind, name, bound, value, low, verdict):
        interval = Interval(value=bound + value, low=bound + low, high=bound + 0.02)
        gate = decide(figures(kind, **{"quality" if name == "floor" else name: interval}), reasons=("schedule",))
        assert gate.check(name).verdict == gate.verdict == verdict

    def test_a_tie_keeps_the_champion(self, kind):
        gate = decide(figures(kind, champion=Interval(value=0, low=0, high=0)), reasons=("schedule",))
        assert gate.check("champion").verdict == "fail"
        assert f"the difference of {NAMES[kind]} is" in gate.check("champion").reason

    @pytest.mark.parametrize(("high", "verdict"), [(-0.05, "pass"), (-0.05 - TINY, "fail")])
    def test_a_slice_fails_only_where_its_whole_interval_lies_below_the_bound(self, kind, high, verdict):
        row = SliceRow(
            column="depot",
            value="north",
            n_examples=300,
            n_positive=0,
            difference=Interval(value=-0.2, low=-0.3, high=high),
        )
        gate = decide(figures(kind, slices=[row]))
        assert gate.check("slices").verdict == gate.verdict == verdict

    @pytest.mark.parametrize(("n", "verdict"), [(500, "pass"), (499, "undecided")])
    def test_so_many_examples_are_enough(self, kind, n, verdict):
        gate = decide(figures(kind, n_examples=n))
        assert gate.check("examples").verdict == gate.verdict == verdict

    def test_answers_with_a_fault_fail_by_name(self, kind):
        faulty = replace(metrics(kind, "candidate", None), fault="3 of 1000 answers are NaN")
        found = figures(kind)
        gate = decide(replace(found, contenders=(faulty, *found.contenders[1:])))
        assert gate.check("predictions").verdict == "fail"
        assert "3 of 1000 answers are NaN" in gate.check("predictions").reason

    def test_without_an_example_nothing_is_a_pass(self, kind):
        changes = {"class_counts": (0, 0, 0)} if kind == "multiclass" else {}
        empty = Evaluation(
            kind=kind,
            quality=NAMES[kind],
            contenders=(Metrics(name="candidate"), Metrics(name="champion")),
            differences=(),
            slices=(),
            n_examples=0,
            n_positive=0,
            confidence=0.95,
            resamples=100,
            seed=0,
            **changes,
        )
        assert decide(empty).verdict == "undecided"


@pytest.mark.parametrize(("rarest", "verdict"), [(10, "pass"), (9, "undecided"), (0, "undecided")])
def test_each_class_needs_ten_examples(rarest, verdict):
    gate = decide(figures("multiclass", class_counts=(600, 400 - rarest, rarest)))
    assert gate.check("examples").verdict == gate.verdict == verdict
    assert f"{rarest} of the rarest of 3 classes" in gate.check("examples").reason


@pytest.mark.parametrize(
    ("value", "high", "verdict"),
    [(0.09, 0.1, "pass"), (0.09, 0.1 + TINY, "undecided"), (0.1 + TINY, 0.2, "fail")],
)
def test_the_calibration_error_of_several_classes_is_judged(value, high, verdict):
    error = Interval(value=value, low=0.0, high=high)
    found = figures("multiclass")
    candidate = replace(found.contenders[0], calibration_error=error)
    policy = POLICY.model_copy(update={"max_calibration_error": 0.1})
    gate = decide(replace(found, contenders=(candidate, *found.contenders[1:])), policy=policy)
    assert gate.check("calibration").verdict == gate.verdict == verdict
