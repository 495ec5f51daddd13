from __future__ import annotations

import numpy as np
import pytest

from ratchet.drift.decisions import History, compare_columns
from ratchet.drift.variation import measure_variation, merge_spans
from ratchet.spec.watching import Drift
from ratchet.statistics.column import ColumnStatistics

EDGES = np.linspace(-3, 3, 15)


def scan(values):
    """A day counted by bin; as values, because no sketch is needed here."""
    counts = np.bincount(np.searchsorted(EDGES, values), minlength=len(EDGES) + 1)
    values = {str(i): int(n) for i, n in enumerate(counts) if n}
    return {"x": ColumnStatistics(column="x", role="categorical", n=sum(values.values()), values=values)}


def make_days(rng, n, *, spread, shift=0.0, size=300):
    """Days of rows that are alike: each day has a level of its own."""
    return [scan(rng.normal(shift + rng.normal(0, spread), 1, size=size)) for _ in range(n)]


def verdict(days, newest, n_spans, *, with_variation=True, **policy):
    baseline, current = merge_spans(days), merge_spans(newest)
    variation = measure_variation(days, n_spans, baseline) if with_variation else {}
    history = History(variation=variation, previous={}, seasons=())
    found = compare_columns(baseline, current, Drift(min_examples=100, **policy), history)
    return next(column for column in found.columns if column.column == "x")


class TestDaysThatDiffer:
    def test_they_would_be_drift_every_week_if_rows_were_independent_and_are_none(self):
        rng = np.random.default_rng(3)
        cries = {True: 0, False: 0}
        for _ in range(100):
            days = make_days(rng, 67, spread=0.8)
            for known in cries:
                found = verdict(days[:60], days[60:], 7, with_variation=known)
                cries[known] += found.check.verdict == "fail"
        assert cries[False] > 50
        assert cries[True] <= 3

    @pytest.mark.parametrize("n_days", [22, 60])
    @pytest.mark.parametrize("seed", range(2))
    def test_the_p_values_are_honest(self, seed, n_days):
        rng = np.random.default_rng(seed)
        p_values = []
        for _ in range(150):
            days = make_days(rng, n_days + 7, spread=0.5, size=120)
            found = verdict(days[:n_days], days[n_days:], 7)
            assert found.test is not None
            p_values.append(found.test.p_value)
        for level in (0.01, 0.05):
            # Four standard errors above what is meant; few windows are told from few others.
            most = level + 4 * np.sqrt(level * (1 - level) / 150) + 0.02
            assert np.mean(np.array(p_values) <= level) <= most

    @pytest.mark.parametrize("seed", range(5))
    def test_a_shift_beyond_what_days_differ_by_fails(self, seed):
        rng = np.random.default_rng(seed)
        days, newest = make_days(rng, 60, spread=0.3), make_days(rng, 7, spread=0.3, shift=1.5)
        found = verdict(days, newest, 7)
        assert found.check.verdict == "fail"
        assert found.test is not None
        assert found.test.n_effective is not None
        assert found.test.n_effective < found.n_current / 2

    def test_independent_rows_count_nearly_whole(self):
        rng = np.random.default_rng(1)
        found = verdict(make_days(rng, 60, spread=0.0), make_days(rng, 7, spread=0.0), 7)
        assert found.test is not None
        assert found.test.n_effective is not None
        assert found.test.n_effective > 0.6 * found.n_current

    def test_weekdays_are_no_drift_of_a_single_day(self):
        rng = np.random.default_rng(2)
        weeks = [scan(rng.normal(2.0 * (i % 7 == 6), 1, size=300)) for i in range(62)]
        sunday = [weeks[55]]
        assert verdict(weeks[:55], sunday, 1, with_variation=False).check.verdict == "fail"
        assert verdict(weeks[:55], sunday, 1).check.verdict == "pass"


class TestFewSpans:
    @pytest.mark.parametrize(("n", "is_known"), [(20, False), (21, True)])
    def test_three_windows_are_needed(self, n, is_known):
        days = make_days(np.random.default_rng(0), n, spread=0.1)
        assert bool(measure_variation(days, 7, merge_spans(days))) is is_known

    def test_a_column_that_some_spans_lack_has_none(self):
        days = make_days(np.random.default_rng(0), 9, spread=0.1)
        partly = [day | ({"c": day["x"]} if i else {}) for i, day in enumerate(days)]
        assert set(measure_variation(partly, 3, merge_spans([day | {"c": day["x"]} for day in days]))) == {"x"}

    def test_spans_without_examples_are_no_window(self):
        empty = scan([])
        days = [empty] * 6 + make_days(np.random.default_rng(0), 6, spread=0.1)
        found = measure_variation(days, 3, merge_spans(days))["x"]
        assert 0 <= found.mean < 1

    def test_spans_that_are_all_the_same_vary_as_chance_at_least(self):
        day = scan([0.5, 1.0, -1.0] * 100)
        days = [day] * 9
        moved = scan([0.5, 1.0, 2.9] * 100)
        assert verdict(days, [day] * 3, 3).check.verdict == "pass"
        assert verdict(days, [moved] * 3, 3).check.verdict == "fail"
