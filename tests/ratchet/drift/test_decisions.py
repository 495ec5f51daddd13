from __future__ import annotations

import inspect
import json

import numpy as np
import polars as pl
import pytest

from ratchet.drift import (
    cells,
    curves,
    decisions,
    discovery,
    distances,
    measuring,
    noise,
    results,
    seasons,
    variation,
)
from ratchet.drift.decisions import History, compare_columns
from ratchet.drift.results import DriftResult
from ratchet.drift.seasons import Season
from ratchet.identity import ModelId
from ratchet.spec.watching import DEFAULT_BOUNDS, Drift, DriftBound
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
        assert found.check.reason == "not enough data: the current side has 5 examples, fewer than 500"

    def test_a_distance_that_chance_explains_cannot_fail(self):
        baseline, current = categorical({"a": 10, "b": 10}), categorical({"a": 13, "b": 7})
        found = compare(baseline, current, min_examples=10, max_distance=0.05)
        assert 0.05 < found.distance <= found.test.noise_floor
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
        values = found.figures.values
        assert values["ks"] == pytest.approx(0.383, abs=0.06)
        assert values["wasserstein"] == pytest.approx(1.0, abs=0.1)
        assert values["psi"] > 0.25
        assert values["l_infinity"] > 0.05
        assert values["chi_squared"] > 0.3


class TestWhichDistanceDecides:
    MOVED = categorical({"card": 6000, "cash": 4000})

    @pytest.mark.parametrize("name", ["jensen_shannon", "psi", "l_infinity", "chi_squared"])
    def test_the_spec_chooses_it_with_a_bound_of_its_own(self, name):
        found = compare(BASELINE, self.MOVED, distance=name)
        assert (found.distance_name, found.bound) == (name, DEFAULT_BOUNDS[name])
        assert found.distance == found.figures.values[name] == found.check.observed
        assert compare(BASELINE, self.MOVED, distance=name, max_distance=found.distance).check.verdict == "pass"
        below = 0.999 * found.distance
        assert compare(BASELINE, self.MOVED, distance=name, max_distance=below).check.verdict == "fail"

    @pytest.mark.parametrize("name", ["ks", "wasserstein"])
    def test_distances_of_numbers_leave_others_to_jensen_shannon(self, name):
        rng = np.random.default_rng(0)
        found = compare(scan(rng.normal(size=2000)), scan(rng.normal(1, 1, size=2000)), distance=name, max_distance=0.9)
        assert (found.distance_name, found.bound) == (name, 0.9)
        found = compare(BASELINE, self.MOVED, distance=name, max_distance=0.9)
        assert (found.distance_name, found.bound) == ("jensen_shannon", 0.1)

    def test_a_column_may_have_a_distance_of_its_own_and_then_has_its_bound(self):
        found = compare(BASELINE, self.MOVED, max_distance=0.7, columns={"c": DriftBound(distance="psi")})
        assert (found.distance_name, found.bound) == ("psi", 0.2)

    def test_one_that_is_not_defined_is_undecided(self):
        found = compare(scan([0.5] * 600), scan([0.5] * 300 + [3.0] * 300), distance="wasserstein")
        assert (found.check.verdict, found.distance) == ("undecided", None)
        assert found.check.reason == "the Wasserstein distance is not defined for these values"


class TestFalseDiscoveries:
    def test_many_columns_ask_more_of_each_than_one_does(self):
        base, moved = categorical({"a": 500, "b": 500}), categorical({"a": 232, "b": 268})
        sides = {f"c{i}": base for i in range(200)}, {f"c{i}": base for i in range(1, 200)} | {"c0": moved}
        policy = Drift(max_distance=0.01, min_examples=100, false_discovery_rate=0.5)
        alone = compare_columns({"c0": base}, {"c0": moved}, policy).columns[0]
        among = compare_columns(*sides, policy).columns[0]
        assert alone.test.p_value == among.test.p_value == pytest.approx(alone.test.adjusted)
        assert among.test.adjusted > 4 * among.test.p_value


class TestNotEnoughData:
    """F61: neither "no drift" nor a reason to train."""

    @pytest.mark.parametrize("rows", [0, 5])
    def test_a_window_of_few_rows_is_undecided_on_every_column(self, rows):
        current = {"x": scan([0.5] * rows), "c": categorical({"cash": rows} if rows else {})}
        result = compare_columns({"x": scan([0.5] * 900), "c": BASELINE}, current, Drift())
        assert (result.verdict, result.drifted) == ("undecided", ())
        assert all(check.reason.startswith("not enough data: the current side has") for check in result.checks)


class TestSeason:
    SUMMER, WINTER = categorical({"hot": 900, "cold": 100}), categorical({"hot": 100, "cold": 900})

    def history(self, period, before):
        season = Season(n_spans=365, period={"c": period}, before={"c": before})
        return History(variation={}, previous={"c": self.WINTER}, seasons=(season,))

    def compare(self, current, history, **policy):
        return compare_columns({"c": self.WINTER}, {"c": current}, Drift(**policy), history).columns[0]

    def test_a_change_that_the_same_period_earlier_showed_too_is_named_season_and_is_no_drift(self):
        found = self.compare(self.SUMMER, self.history(period=self.SUMMER, before=self.WINTER))
        assert (found.check.verdict, found.season_spans, found.season) == ("pass", 365, 0.0)
        assert "season" in found.check.reason
        assert found.previous == found.distance

    def test_it_is_drift_where_the_spec_says_so(self):
        history = self.history(period=self.SUMMER, before=self.WINTER)
        assert self.compare(self.SUMMER, history, season_is_drift=True).check.verdict == "fail"

    def test_a_period_earlier_that_brought_no_change_explains_none(self):
        # Hot now and hot then, but it had been hot before that too: what changed is not the season.
        found = self.compare(self.SUMMER, self.history(period=self.SUMMER, before=self.SUMMER))
        assert (found.check.verdict, found.season_spans) == ("fail", None)

    def test_another_change_than_then_is_drift(self):
        flood = categorical({"wet": 1000})
        assert self.compare(flood, self.history(period=self.SUMMER, before=self.WINTER)).check.verdict == "fail"

    def test_a_period_counted_over_other_edges_explains_nothing(self):
        rng = np.random.default_rng(0)
        cold, hot = rng.normal(size=900), rng.normal(3, 1, size=900)
        season = Season(n_spans=7, period={"x": scan(hot, (0.0, 9.0))}, before={"x": scan(cold, (0.0, 9.0))})
        history = History(variation={}, previous={"x": scan(cold, (0.0, 9.0))}, seasons=(season,))
        found = compare_columns({"x": scan(cold)}, {"x": scan(hot)}, Drift(), history).columns[0]
        assert (found.check.verdict, found.previous) == ("fail", None)


class TestMissingValues:
    def test_a_column_that_has_vanished_fails(self):
        found = compare(scan([0.5] * 600), scan([None] * 600))
        assert (found.check.verdict, found.distance, found.figures.values["ks"]) == ("fail", 1.0, None)
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
        assert max(found.figures.cells, key=lambda part: part.bits).cell == "(null)"

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
        with pytest.raises(ValueError, match=r"schema version 2\. Got 1"):
            DriftResult.from_json({"schema_version": 1, "columns": []})


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
        "module",
        [cells, curves, decisions, discovery, distances, measuring, noise, results, seasons, variation],
        ids=lambda module: module.__name__,
    )
    def test_no_module_of_the_room_can_read_a_frame_or_a_store(self, module):
        source = inspect.getsource(module)
        for word in ("polars", "ratchet.storage", "ratchet.spans", "open(", "deltalake"):
            assert word not in source
