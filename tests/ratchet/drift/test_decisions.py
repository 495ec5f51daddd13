from __future__ import annotations

import inspect
import json
import math

import numpy as np
import polars as pl
import pytest

from ratchet.drift import cells, decisions, distances, noise, results
from ratchet.drift.decisions import compare_columns
from ratchet.drift.results import DriftResult
from ratchet.identity import ModelId
from ratchet.spec.watching import Drift, DriftBound
from ratchet.statistics.column import ColumnStatistics
from ratchet.statistics.scan import scan_statistics
from ratchet.statistics.table import StatisticsTable


def categorical(values, *, n_null=0, column="c"):
    return ColumnStatistics(
        column=column, role="categorical", n=sum(values.values()) + n_null, n_null=n_null, values=values
    )


def scan(values, edges=(0.0, 1.0)):
    return scan_statistics(pl.DataFrame({"x": values}, schema={"x": pl.Float64}), {"x": "numeric"}, {"x": edges})["x"]


def compare(baseline, current, **policy):
    result = compare_columns({baseline.column: baseline}, {current.column: current}, Drift(**policy))
    return result.columns[0]


BASELINE = categorical({"card": 8000, "cash": 2000})


class TestVerdict:
    def test_the_bound_is_inclusive(self):
        current = categorical({"card": 6000, "cash": 4000})
        distance = compare(BASELINE, current).distance
        assert compare(BASELINE, current, max_distance=distance).check.verdict == "pass"
        assert compare(BASELINE, current, max_distance=distance - 1e-9).check.verdict == "fail"

    def test_a_column_has_its_own_bound_when_the_policy_names_it(self):
        current = categorical({"card": 6000, "cash": 4000})
        found = compare(BASELINE, current, max_distance=0.1, columns={"c": DriftBound(max_distance=0.5)})
        assert (found.check.verdict, found.bound, found.check.bound) == ("pass", 0.5, 0.5)

    @pytest.mark.parametrize(("n", "verdict"), [(499, "undecided"), (500, "pass")], ids=["one-too-few", "just-enough"])
    def test_too_few_examples_on_either_side_are_undecided_not_pass(self, n, verdict):
        few = categorical({"card": n - n // 5, "cash": n // 5})
        assert compare(BASELINE, few, min_examples=500).check.verdict == verdict
        assert compare(few, BASELINE, min_examples=500).check.verdict == verdict

    def test_an_undecided_column_says_why_and_has_no_distance(self):
        found = compare(BASELINE, categorical({"card": 5}))
        assert (found.distance, found.check.observed) == (None, None)
        assert found.check.reason == "the current side has 5 examples, fewer than 500"

    def test_a_distance_that_chance_explains_cannot_fail(self):
        baseline, current = categorical({"a": 10, "b": 10}), categorical({"a": 13, "b": 7})
        found = compare(baseline, current, min_examples=10, max_distance=0.05)
        assert 0.05 < found.distance <= found.noise_floor
        assert found.check.verdict == "undecided"
        assert "by chance" in found.check.reason

    def test_the_same_distance_fails_when_there_are_enough_examples(self):
        baseline, current = categorical({"a": 1000, "b": 1000}), categorical({"a": 1300, "b": 700})
        assert compare(baseline, current, max_distance=0.05).check.verdict == "fail"

    @pytest.mark.parametrize("seed", range(5))
    def test_two_samples_of_one_distribution_do_not_drift_even_with_no_tolerance(self, seed):
        rng = np.random.default_rng(seed)
        edges = tuple(np.linspace(-2, 2, 15))
        baseline, current = scan(rng.normal(size=20_000), edges), scan(rng.normal(size=2_000), edges)
        assert compare(baseline, current, max_distance=0.1).check.verdict == "pass"

    def test_a_shift_of_one_standard_deviation_fails(self):
        rng = np.random.default_rng(0)
        edges = tuple(np.linspace(-2, 2, 15))
        found = compare(scan(rng.normal(size=9_000), edges), scan(rng.normal(1, 1, size=900), edges))
        assert found.check.verdict == "fail"
        assert found.ks == pytest.approx(0.383, abs=0.06)
        assert found.psi > 0.25
        assert found.linf > 0.05


class TestMissingValues:
    def test_a_column_that_has_vanished_fails(self):
        found = compare(scan([0.5] * 600), scan([None] * 600))
        assert (found.check.verdict, found.distance, found.ks) == ("fail", 1.0, None)
        assert "no value any more" in found.check.reason

    def test_it_fails_even_where_it_was_nearly_empty_and_the_distance_is_within_the_bound(self):
        found = compare(scan([0.5] * 100 + [None] * 9_900), scan([None] * 9_000))
        assert found.distance < 0.1
        assert found.check.verdict == "fail"

    def test_it_does_not_fail_where_chance_explains_it(self):
        assert compare(scan([0.5] + [None] * 9_999), scan([None] * 600)).check.verdict == "pass"

    def test_only_nan_is_no_value_either(self):
        assert compare(scan([0.5] * 600), scan([float("nan")] * 600)).check.verdict == "fail"

    @pytest.mark.parametrize("current", [[None] * 600, [0.5] * 600], ids=["still-null", "values-now"])
    def test_a_baseline_without_a_value_is_undecided(self, current):
        found = compare(scan([None] * 600), scan(current))
        assert (found.check.verdict, found.distance) == ("undecided", None)

    def test_more_nulls_are_drift(self):
        found = compare(categorical({"a": 1000}), categorical({"a": 800}, n_null=200))
        assert found.check.verdict == "fail"
        assert found.contributions[0].cell == "(null)"

    @pytest.mark.parametrize(
        ("baseline", "current", "side"),
        [({}, {"c": BASELINE}, "baseline"), ({"c": BASELINE}, {}, "current"), ({}, {}, "baseline")],
        ids=["new", "gone", "named-by-the-policy-only"],
    )
    def test_a_column_without_statistics_is_undecided(self, baseline, current, side):
        policy = Drift(columns={"c": DriftBound(max_distance=0.2)})
        (check,) = compare_columns(baseline, current, policy).checks
        assert check.verdict == "undecided"
        assert f"the {side} side has no statistics" in check.reason

    def test_sides_counted_differently_are_undecided(self):
        values = [0.5] * 600
        assert "histogram edges" in compare(scan(values), scan(values, edges=(0.0, 2.0))).check.reason
        other = categorical({"0.5": 600}, column="x")
        assert "was numeric and is categorical" in compare(scan(values), other).check.reason


class TestResult:
    def test_the_distance_can_be_told_again_from_the_contributions(self):
        found = compare(BASELINE, categorical({"card": 6000, "cash": 3000, "coin": 1000}))
        total = 0.0
        for part in found.contributions:
            p, q = part.n_baseline / found.n_baseline, part.n_current / found.n_current
            m = (p + q) / 2
            bits = sum(side / 2 * math.log2(side / m) for side in (p, q) if side)
            assert part.bits == pytest.approx(bits, abs=1e-11)
            total += bits
        assert math.sqrt(total) == pytest.approx(found.distance)

    def test_the_three_largest_contributions_come_largest_first(self):
        baseline = categorical(dict.fromkeys("abcde", 1000))
        found = compare(baseline, categorical({"a": 1010, "b": 300, "c": 990, "d": 1900, "e": 800}))
        assert [part.cell for part in found.contributions] == ["b", "d", "e"]

    def test_equal_sides_have_no_contributions(self):
        assert compare(BASELINE, BASELINE).contributions == ()

    def test_the_verdict_is_the_worst_of_the_columns(self):
        few, moved = categorical({"card": 5}), categorical({"card": 2000, "cash": 8000})
        baseline = {"same": BASELINE, "few": BASELINE, "moved": BASELINE}

        def verdict(*columns):
            sides = {"same": BASELINE, "few": few, "moved": moved}
            pick = {column: sides[column] for column in columns}
            return compare_columns({column: baseline[column] for column in columns}, pick, Drift()).verdict

        assert verdict("same") == "pass"
        assert verdict("same", "few") == "undecided"
        assert verdict("same", "few", "moved") == "fail"

    def test_no_column_at_all_is_undecided(self):
        assert compare_columns({}, {}, Drift()).verdict == "undecided"

    def test_drifted_names_the_columns_that_failed_furthest_first(self):
        current = {"near": categorical({"card": 6000, "cash": 4000}), "far": categorical({"cash": 9000})}
        result = compare_columns(
            dict.fromkeys(("near", "far", "same"), BASELINE), {**current, "same": BASELINE}, Drift()
        )
        assert result.drifted == ("far", "near")

    def test_json_there_and_back(self):
        baseline = {"x": scan([0.5, None, 3.0] * 300), "c": BASELINE, "gone": BASELINE}
        current = {"x": scan([2.0, None, float("inf")] * 300), "c": BASELINE}
        result = compare_columns(baseline, current, Drift())
        text = json.dumps(result.to_json(), allow_nan=False)
        assert DriftResult.from_json(json.loads(text)) == result
        assert json.loads(text)["verdict"] == "fail"

    def test_json_of_another_version_is_refused(self):
        with pytest.raises(ValueError, match=r"schema version 1\. Got 2"):
            DriftResult.from_json({"schema_version": 2, "columns": []})


class TestReadsNoExample:
    def test_two_windows_are_compared_from_the_statistics_table_alone(self, tmp_path):
        table = StatisticsTable(str(tmp_path), ModelId("flights"))
        rng = np.random.default_rng(4)
        spans = [f"2013-01-{day:02d}" for day in range(1, 9)]
        written = {span: {"x": scan(rng.normal(i // 4, 1, size=400))} for i, span in enumerate(spans)}
        table.write_spans(written, dict.fromkeys(spans, 1), {})
        result = compare_columns(table.merged(spans[:4]), table.merged(spans[4:]), Drift())
        assert result.drifted == ("x",)
        # The home holds nothing else: there was no example to read.
        assert [path.name for path in (tmp_path / "tables" / "flights").iterdir()] == ["statistics"]

    @pytest.mark.parametrize(
        "module", [cells, decisions, distances, noise, results], ids=lambda module: module.__name__
    )
    def test_no_module_of_the_room_can_read_a_frame_or_a_store(self, module):
        source = inspect.getsource(module)
        for word in ("polars", "ratchet.storage", "ratchet.spans", "open(", "deltalake"):
            assert word not in source
