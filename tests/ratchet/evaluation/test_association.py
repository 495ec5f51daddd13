from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ratchet.evaluation.association import association


def categorical(values: np.ndarray) -> pl.Series:
    return pl.Series(values.astype(str))


class TestCramersV:
    @pytest.mark.parametrize("seed", range(5))
    def test_is_the_bias_corrected_one_of_an_independent_computation(self, seed: int):
        rng = np.random.default_rng(seed)
        a = rng.integers(0, 4, 500)
        b = np.where(rng.random(500) < 0.4, a, rng.integers(0, 6, 500))
        table = pl.DataFrame({"a": a, "b": b}).pivot("b", index="a", values="b", aggregate_function="len").fill_null(0)
        counts = table.drop("a").to_numpy()
        chi2 = stats.chi2_contingency(counts, correction=False).statistic
        n, (r, k) = counts.sum(), counts.shape
        phi2 = max(0, chi2 / n - (r - 1) * (k - 1) / (n - 1))
        wanted = np.sqrt(phi2 / (min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1))
        found = association(categorical(a), categorical(b), ("categorical", "categorical"))
        assert found == pytest.approx(wanted, abs=1e-9)

    def test_is_1_for_a_renaming_and_about_0_for_independent_columns_of_many_values(self):
        rng = np.random.default_rng(0)
        a, b = rng.integers(0, 60, 2000), rng.integers(0, 60, 2000)
        assert association(categorical(a), categorical(a + 7), ("categorical", "categorical")) == 1.0
        found = association(categorical(a), categorical(b), ("categorical", "categorical"))
        assert found is not None
        assert found < 0.05  # uncorrected it would be 0.17

    def test_a_missing_value_may_tell_as_much_as_another(self):
        a = pl.Series(["x", None] * 100)
        assert association(a, pl.Series(["m", "f"] * 100), ("categorical", "categorical")) == 1.0


class TestOthers:
    @pytest.mark.parametrize("seed", range(3))
    def test_two_numbers_have_the_rank_correlation_of_scipy(self, seed: int):
        rng = np.random.default_rng(seed)
        a = rng.normal(size=300)
        b = np.exp(a) * -1 + rng.normal(size=300)
        found = association(pl.Series(a), pl.Series(b), ("numeric", "numeric"))
        assert found == pytest.approx(abs(stats.spearmanr(a, b).statistic), abs=1e-9)

    @pytest.mark.parametrize("turned", [False, True])
    def test_a_number_and_a_category_have_the_correlation_ratio(self, turned: bool):
        rng = np.random.default_rng(1)
        group = rng.integers(0, 3, 600)
        value = group * 2.0 + rng.normal(size=600)
        f = stats.f_oneway(*(value[group == g] for g in range(3))).statistic
        eta2 = f * 2 / (f * 2 + 597)
        wanted = np.sqrt(1 - (1 - eta2) * 599 / 597)
        pair = (pl.Series(value), categorical(group))
        roles = ("numeric", "categorical")
        found = association(*pair[::-1], roles[::-1]) if turned else association(*pair, roles)  # type: ignore[arg-type]
        assert found == pytest.approx(wanted, abs=1e-9)

    @pytest.mark.parametrize(("n", "is_measured"), [(99, False), (100, True)])
    def test_fewer_than_100_examples_measure_nothing(self, n: int, is_measured: bool):
        a = pl.Series([1.0, 2.0] * 50)[:n]
        assert (association(a, a, ("numeric", "numeric")) is not None) is is_measured

    def test_a_column_that_does_not_vary_measures_nothing(self):
        assert association(pl.Series([1.0] * 200), pl.Series([1.0, 2.0] * 100), ("numeric", "numeric")) is None

    def test_what_is_no_finite_number_is_left_out(self):
        a = pl.Series([float(i) for i in range(150)])
        b = a.set(a > 120, float("inf"))
        assert association(a, b, ("numeric", "numeric")) == 1.0
