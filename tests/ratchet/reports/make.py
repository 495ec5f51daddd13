"""Results to make pages of; whoever needs another one changes what matters to the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from ratchet.drift.curves import Curves
from ratchet.drift.decisions import compare_columns
from ratchet.drift.results import ColumnDrift, Contribution, DriftResult, Figures, Test
from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.calibration import CalibrationBin, ScoreCurve
from ratchet.evaluation.curves import Curves as ContenderCurves
from ratchet.evaluation.curves import compute_curves
from ratchet.evaluation.decisions import Decided, Decisions, KpiLead
from ratchet.evaluation.fairness import GroupFairness, GroupRates
from ratchet.evaluation.found import FoundSlice, FoundSlices
from ratchet.evaluation.gate import GateResult, decide_gate
from ratchet.evaluation.results import Difference, Evaluation, Metrics, SliceRow
from ratchet.explanation.cost import FeatureCost
from ratchet.explanation.dependence import Dependence, DependencePoint
from ratchet.explanation.permutation import Importance
from ratchet.explanation.results import Explanation, GroupBenefit, LearningPoint
from ratchet.monitoring.ageing import Ageing, StalenessCurve, staleness_curve
from ratchet.reports.drift import render_drift
from ratchet.reports.evaluation import render_evaluation
from ratchet.reports.look import render_look
from ratchet.reports.staleness import render_staleness
from ratchet.reports.statistics import Window, render_statistics
from ratchet.reports.validation import render_validation
from ratchet.spec.evaluation import Evaluate
from ratchet.spec.watching import Drift
from ratchet.statistics.column import ColumnStatistics, Kind
from ratchet.statistics.look import TableLook, look_at
from ratchet.statistics.scan import scan_statistics
from ratchet.statistics.suggestions import suggest
from ratchet.validation.result import WARNED, Anomaly, ValidationResult
from ratchet.verdicts import Check

HOSTILE = """<script>alert('x')</script><img src="https://example.com/x" onerror=alert(1)>&"'`{{ 7 * 6 }}"""


def make_interval(value: float, width: float = 0.02) -> Interval:
    return Interval(value=value, low=round(value - width, 12), high=round(value + 1.1 * width, 12))


def make_decisions(unit: str) -> Decisions:
    named = {"candidate": 0.41, "champion": 0.37, "rule": None}
    return Decisions(
        unit=unit,
        contenders=tuple(
            Decided(
                name=name,
                threshold=threshold,
                true_positive=3_001 + i,
                false_positive=2_011 + i,
                true_negative=6_021 + i,
                false_negative=1_031 + i,
                accuracy=make_interval(0.73 + i / 1000),
                kpi=make_interval(-0.61 + i / 1000),
            )
            for i, (name, threshold) in enumerate(named.items())
        ),
        leads=(KpiLead(other="champion", interval=make_interval(0.0321)),),
    )


def make_curve(name: str) -> ScoreCurve:
    bins = tuple(
        CalibrationBin(n_examples=1_000 + i, mean_score=0.05 + i / 10, share=make_interval(0.06 + i / 12))
        for i in range(10)
    )
    return ScoreCurve(name=name, calibration=bins, histogram=tuple(range(20)))


def make_fairness(value: str) -> GroupFairness:
    rates = make_interval(0.345), make_interval(0.654), make_interval(0.234)
    return GroupFairness(
        column="sex",
        contender="candidate",
        groups=tuple(
            GroupRates(
                value=group,
                n_examples=5_432,
                n_positive=2_109,
                is_compared=group != "x",
                selection_rate=rates[0],
                true_positive_rate=rates[1],
                false_positive_rate=rates[2],
            )
            for group in (value, "m", "x")
        ),
        parity_difference=make_interval(0.0765),
        parity_ratio=make_interval(0.876),
        odds_difference=make_interval(0.0543),
    )


def make_evaluation(*, fault: str | None = None, slice_value: str = "EWR") -> Evaluation:
    aucs = {"candidate": 0.712345678912, "champion": 0.698111222333, "linear": 0.67, "dummy": 0.5, "rule": 0.61}
    return Evaluation(
        n_examples=12_345,
        n_positive=4_321,
        confidence=0.975,
        resamples=1_200,
        seed=7,
        contenders=tuple(
            Metrics(name=name, fault=fault)
            if fault and name == "linear"
            else Metrics(
                name=name,
                auc=make_interval(auc),
                average_precision=make_interval(0.5 + auc / 10),
                log_loss=make_interval(0.6 + auc / 11),
                brier=make_interval(0.2 + auc / 12),
                calibration_error=make_interval(auc / 13),
            )
            for name, auc in aucs.items()
        ),
        differences=tuple(
            Difference(other=name, interval=make_interval(round(aucs["candidate"] - auc, 12), 0.009))
            for name, auc in aucs.items()
            if name != "candidate" and not (fault and name == "linear")
        ),
        slices=(
            SliceRow(
                column="origin",
                value=slice_value,
                n_examples=4_000,
                n_positive=1_234,
                candidate_auc=0.701,
                champion_auc=0.699,
                difference=make_interval(0.002111, 0.015),
            ),
            SliceRow(
                column="origin",
                value="JFK",
                n_examples=3_000,
                n_positive=999,
                candidate_auc=0.68,
                champion_auc=0.75,
                difference=make_interval(-0.07, 0.01),
            ),
            SliceRow(column="carrier", value=None, n_examples=12, n_positive=3, candidate_auc=0.5432),
        ),
        decisions=make_decisions(slice_value),
        curves=tuple(make_curve(name) for name in ("candidate", "champion")),
        crossed=(
            SliceRow(
                column="origin and carrier",
                value=f"{slice_value} and UA",
                n_examples=2_222,
                n_positive=777,
                candidate_auc=0.6543,
                champion_auc=0.7654,
                difference=make_interval(-0.0411, 0.012),
            ),
        ),
        found=FoundSlices(
            n_looked_at=41,
            rows=(
                FoundSlice(
                    feature="dest",
                    value=f"= {slice_value}",
                    against="champion",
                    n_examples=1_111,
                    n_positive=444,
                    candidate_auc=0.6001,
                    other_auc=0.6789,
                    difference=make_interval(-0.0788),
                    p_value=0.0123,
                ),
            ),
        ),
        fairness=(make_fairness(slice_value),),
    )


def make_gate(evaluation: Evaluation | None = None) -> GateResult:
    return decide_gate(
        evaluation or make_evaluation(),
        Evaluate(test_spans=2, floor=0.6, max_slice_drop=0.04),
        reasons=("drift",),
        test_spans=("2013-02-01", "2013-02-02"),
        candidate_spans=("2013-01-01",),
        champion_spans=("2012-12-31",),
    )


def make_curves() -> ContenderCurves:
    labels = np.arange(400) % 5 == 0
    noise = np.random.default_rng(0).random(400)
    scores = {name: 0.5 * labels * weight + 0.5 * noise for name, weight in (("candidate", 0.6), ("linear", 0.3))}
    return compute_curves(labels, scores | {"dummy": np.full(400, 0.2)})


def make_explanation(text: str = "") -> Explanation:
    """One feature that brings something, one under the floor, whose refit was not possible."""
    return Explanation(
        n_examples=2_001,
        n_refit_examples=20_002,
        confidence=0.95,
        floor=0.00123,
        importance=(
            Importance(feature=f"carrier{text}", drop=make_interval(0.0931, 0.02)),
            Importance(feature="temp", drop=Interval(value=0.0001, low=-0.0002, high=0.0003)),
        ),
        dependence=(
            Dependence(
                feature=f"carrier{text}",
                kind="categorical",
                points=(
                    DependencePoint(value=f"UA{text}", score=0.21, low=0.1, high=0.4),
                    DependencePoint(value="B6", score=0.33, low=0.2, high=0.5),
                ),
            ),
            Dependence(
                feature="temp",
                kind="numeric",
                points=tuple(DependencePoint(value=10.0 * i, score=0.2 + i / 50, low=0.1, high=0.5) for i in range(5)),
            ),
        ),
        learning=(
            LearningPoint(n_examples=10_001, test_auc=make_interval(0.64), train_auc=0.81),
            LearningPoint(n_examples=51_003, test_auc=make_interval(0.66), train_auc=None),
        ),
        groups=(GroupBenefit(group="weather", features=("temp", f"humid{text}"), drop=make_interval(0.004, 0.01)),),
        costs=(
            FeatureCost(feature=f"carrier{text}", null_share=0.0123, bytes_per_example=2.04),
            FeatureCost(feature="temp", null_share=0.0, bytes_per_example=8.0, cpu_microseconds=0.317),
        ),
        not_refitted=(f"without origin: A fit needs 50{text}",),
        seconds={"importance": 0.55, "refits": 1.45},
    )


def make_staleness() -> StalenessCurve:
    nights = ("2013-02-01", "2013-02-08", "2013-02-15", "2013-02-22")
    spans = tuple(f"2013-03-{i:02}" for i in range(1, 29))
    aucs = {
        span: {night: 0.7 - 0.01 * (i // 7 - m) for m, night in enumerate(nights[: i // 7 + 1])}
        for i, span in enumerate(spans)
    }
    found = Ageing(nights=nights, step_spans=7, spans=spans, aucs=aucs)
    return staleness_curve(found, tolerance=0.006, resamples=100, confidence=0.95, seed=0)


EMPTY_EVALUATION = Evaluation(
    n_examples=0, n_positive=0, confidence=0.95, resamples=500, seed=0, contenders=(), differences=(), slices=()
)


def make_anomaly(**changes: object) -> Anomaly:
    values: dict[str, object] = {
        "column": "humid",
        "expected": "all values from 0 to 100",
        "seen": "3 of 842 (0.3563%) are not",
        "n_unexpected": 3,
        "share": 0.003563,
        "example_keys": ("2013-01-01-EWR-1545", "2013-01-01-LGA-0533"),
        "what_to_do": "look the examples up at the source.",
        "where": ("expectations.yaml:88",),
    }
    return Anomaly(**(values | changes))  # type: ignore[arg-type]


def make_failed_validation(text: str = "") -> ValidationResult:
    warning = make_anomaly(
        column=text or "visib",
        severity="warning",
        n_unexpected=None,
        share=None,
        example_keys=(),
        where=(),
        seen=text or "4.2",
    )
    return ValidationResult(
        verdict="fail",
        environment="serving",
        n_examples=842,
        n_expectations=3,
        checks=(
            Check(name="humid: expect_between", verdict="fail", reason="expected x; seen: y", observed="3", bound="x"),
            Check(
                name="visib: expect_mean", verdict="pass", reason=f"{WARNED}expected x", observed="4", bound="a mean"
            ),
            Check(name=f"{text}dest: expect_set", verdict="pass", reason="met", bound=f"the 3 listed values{text}"),
        ),
        anomalies=(warning, make_anomaly(example_keys=(text or "2013-01-01-EWR-1545", "2013-01-01-LGA-0533"))),
    )


def make_passed_validation() -> ValidationResult:
    return ValidationResult(
        verdict="pass",
        environment="serving",
        n_examples=943,
        n_expectations=1,
        checks=(Check(name="dest: expect_set", verdict="pass", reason="met", bound="the 3 listed values"),),
        anomalies=(),
    )


def make_figures(cells: Mapping[str, tuple[int, int]], *, distance: float, is_numeric: bool = False) -> Figures:
    curves = Curves(at=(1.5, 2.0, 4.25), baseline=(0.2, 0.7, 1.0), current=(0.1, 0.6, 1.0)) if is_numeric else None
    return Figures(
        values={
            "jensen_shannon": distance,
            "psi": 0.18,
            "l_infinity": 0.2,
            "chi_squared": 0.0437,
            "ks": curves.ks if curves else None,
            "wasserstein": 0.0821 if curves else None,
        },
        cells=tuple(
            Contribution(cell=name, n_baseline=n, n_current=m, bits=distance**2 / len(cells))
            for name, (n, m) in cells.items()
        ),
        curves=curves,
        unit=1.2345678 if curves else None,
    )


def make_test(*, floor: float, variation: float | None = None) -> Test:
    return Test(
        noise_floor=floor,
        variation=variation,
        n_windows=None if variation is None else 8.6,
        n_effective=None if variation is None else 71.5,
        p_value=0.00321,
        adjusted=0.00642,
    )


def make_drift(text: str = "") -> DriftResult:
    """One column of each verdict."""
    return DriftResult(
        false_discovery_rate=0.0125,
        columns=(
            ColumnDrift(
                column="temp",
                check=Check(
                    name="drift of temp",
                    verdict="pass",
                    reason="distance 0.0300, at most 0.2",
                    observed=0.03,
                    bound=0.2,
                ),
                distance_name="jensen_shannon",
                bound=0.2,
                n_baseline=21_860,
                n_current=6_072,
                figures=make_figures({"[1, 2)": (158, 41), "(null)": (7, 9)}, distance=0.03, is_numeric=True),
                test=make_test(floor=0.032431969399, variation=0.34567),
                previous=0.0123,
                season_spans=365,
                season=0.0456,
            ),
            ColumnDrift(
                column=text or "origin",
                check=Check(name="drift of origin", verdict="fail", reason="above 0.1", observed=0.31, bound=0.1),
                distance_name="jensen_shannon",
                bound=0.1,
                n_baseline=1_000,
                n_current=800,
                figures=make_figures({text or "EWR": (500, 240), "LGA": (200, 320)}, distance=0.205912823331),
                test=make_test(floor=0.041),
            ),
            ColumnDrift(
                column="precip",
                check=Check(name="drift of precip", verdict="undecided", reason=f"too few examples{text}", bound=0.15),
                distance_name="wasserstein",
                bound=0.15,
                n_baseline=21_861,
                n_current=12,
            ),
        ),
    )


def make_history(text: str = "") -> dict[str, dict[str, ColumnStatistics]]:
    """Return the statistics of two days, the second with longer flights, other carriers and nulls.

    So few that the sketch of quantiles holds them all: with more it tosses coins, and pages would differ.
    """
    kinds: dict[str, Kind] = {"distance": "numeric", f"carrier{text}": "categorical", "tail": "categorical"}
    days = {}
    for day, farther, nulls in (("2013-02-01", 0, 0), ("2013-02-02", 40, 30)):
        frame = pl.DataFrame(
            {
                "distance": [None] * nulls + [float(100 + farther + i % 50) for i in range(200 - nulls)],
                f"carrier{text}": [f"UA{text}" if i < 150 - farther else "B6" for i in range(200)],
                "tail": [f"N{i}SECRET" for i in range(200)],
            }
        )
        days[day] = scan_statistics(frame, kinds, {"distance": (110.0, 130.0, 150.0)})
    return days


def make_look(text: str = "") -> TableLook:
    """Return the look at a table with a leak, an empty column, codes and two columns missing together."""
    n = 900
    return look_at(
        pl.DataFrame(
            {
                "y": [i % 3 == 0 for i in range(n)],
                "at": [1_400_000_000 + 86_400 * (i // 60) for i in range(n)],
                f"leak{text}": [float(i % 3 == 0) + i % 7 / 100 for i in range(n)],
                "carrier": [f"UA{text}" if i % 5 else "unknown" for i in range(n)],
                "code": [i % 11 for i in range(n)],
                "first": [None if i % 4 else float(i) for i in range(n)],
                "second": [None if i % 4 else float(-i) for i in range(n)],
                "tail": [f"N{i}SECRET" for i in range(n)],
            }
        ),
        label="y",
        time="at",
    )


def make_pages(text: str = "") -> Mapping[str, Callable[[], str]]:
    """Return every page, with a text in every place that takes one."""
    title, facts = f"flights 2013-02-02{text}", {f"Goal{text}": f"Tell late flights{text}"}
    evaluation = make_evaluation(fault=text or None, slice_value=text or "EWR")
    gate = make_gate(evaluation)
    return {
        "evaluation": lambda: render_evaluation(evaluation, title=title, words=title, gate=gate, facts=facts),
        "evaluation-explained": lambda: render_evaluation(
            evaluation,
            title=title,
            words=title,
            gate=gate,
            curves=make_curves(),
            explanation=make_explanation(text),
        ),
        "staleness": lambda: render_staleness(make_staleness(), title=title, words=title, made_how=title),
        "evaluation-without-gate": lambda: render_evaluation(evaluation, title=title, words=title),
        "evaluation-empty": lambda: render_evaluation(
            EMPTY_EVALUATION, title=title, words="", gate=make_gate(EMPTY_EVALUATION)
        ),
        "validation-of-one-span": lambda: render_validation(
            {title: make_failed_validation(text)}, title=title, facts=facts
        ),
        "validation-of-a-range": lambda: render_validation(
            {"2013-02-01": make_passed_validation(), title: make_failed_validation(text)}, title=title
        ),
        "validation-empty": lambda: render_validation({}, title=title),
        "drift": lambda: render_drift(make_drift(text), title=title, facts=facts),
        "statistics": lambda: render_statistics(
            "2013-02-02",
            make_history(text),
            title=title,
            before=Window(kind="before", name=f"2013-02-01{text}", columns=make_history(text)["2013-02-01"]),
            labels={span: columns[f"carrier{text}"] for span, columns in make_history(text).items()},
            bounds={"distance": 0.1, f"carrier{text}": 0.1},
            notes=[f"Not compared{text}"] if text else [],
            facts=facts,
        ),
        "statistics-of-a-first-span": lambda: render_statistics(
            "2013-02-01", {"2013-02-01": make_history(text)["2013-02-01"]}, title=title
        ),
        "look": lambda: render_look(
            look := make_look(text), suggest(look), {"spec.yaml": f"-old{text}\n+new{text}"}, title=title, facts=facts
        ),
        "drift-empty": lambda: render_drift(compare_columns({}, {}, Drift()), title=title),
    }
