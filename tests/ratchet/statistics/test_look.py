from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ratchet.errors import DataError, EmptyDataError
from ratchet.statistics.look import look_at
from ratchet.statistics.suggestions import suggest

FOLDERS = [folder / "shared" / "data" for folder in Path(__file__).parents[4:]]
DATA = next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[0])
N = 4_000


def make_frame(seed=0, **columns):
    rng = np.random.default_rng(seed)
    label = rng.random(N) < 0.3
    base = {
        "y": label,
        "at": [dt.date(2013, 1, 1) + dt.timedelta(days=i // 100) for i in range(N)],
        "noise": rng.normal(size=N),
        "weak": rng.normal(size=N) + 0.6 * label,
    }
    return pl.DataFrame(base | columns)


def acts(frame, **kwargs):
    kwargs = {"label": "y", "time": "at"} | kwargs
    return {one.column: one.act for one in suggest(look_at(frame, **kwargs))}


class TestAssociation:
    def test_auc_of_a_column_is_that_of_scikit_learn(self):
        from sklearn.metrics import roc_auc_score

        frame = make_frame()
        found = look_at(frame, label="y").column("weak").association.auc
        expected = roc_auc_score(frame["y"], frame["weak"])
        assert found.low < expected < found.high

    @pytest.mark.parametrize("seed", range(5))
    def test_noise_of_many_values_tells_nothing(self, seed):
        rng = np.random.default_rng(seed)
        frame = make_frame(seed, city=[f"c{i}" for i in rng.integers(0, 500, N)])
        assert look_at(frame, label="y").column("city").association.auc.value == pytest.approx(0.5, abs=0.04)

    def test_a_column_whose_middle_is_positive_is_found(self):
        rng = np.random.default_rng(1)
        x = rng.normal(size=N)
        frame = pl.DataFrame({"y": np.abs(x) < 0.5, "x": x})
        assert look_at(frame, label="y").column("x").association.auc.value > 0.98

    def test_it_is_told_period_by_period(self):
        frame = make_frame().with_columns(
            late=pl.when(pl.col("at") >= dt.date(2013, 1, 21)).then(pl.col("y").cast(pl.Float64)).otherwise(0.0)
        )
        look = look_at(frame, label="y", time="at")
        by_period = look.column("late").association.by_period
        assert by_period[0].value == pytest.approx(0.5)
        assert by_period[-1].value == pytest.approx(1.0)

    def test_too_few_of_a_class_tell_nothing(self):
        frame = pl.DataFrame({"y": [True] * 9 + [False] * 100, "x": range(109)})
        assert look_at(frame, label="y").column("x").association.auc is None


class TestSuggestions:
    def test_a_planted_leak_is_found_and_a_weak_feature_is_not(self):
        frame = make_frame()
        leaked = frame.with_columns(later=pl.col("y").cast(pl.Float64) + 0.1 * pl.col("noise"))
        assert acts(leaked) == {"later": "leak"}
        assert acts(frame) == {}

    @pytest.mark.parametrize(
        ("column", "act"),
        [
            pytest.param([7.5] * N, "drop", id="constant"),
            pytest.param([None] * (N - 1) + [1.0], "drop", id="nearly-empty"),
            pytest.param([f"id-{i}" for i in range(N)], "drop", id="identifier"),
            pytest.param([f"p{i % 90}@example.com" for i in range(N)], "drop", id="personal"),
            pytest.param([i * 7 % 13 for i in range(N)], "categorical", id="codes"),
            pytest.param([-1.0 if i % 4 else float(i) for i in range(N)], "look", id="sentinel"),
        ],
    )
    def test_a_column_to_clean_is_named(self, column, act):
        assert acts(make_frame(x=column))["x"] == act

    def test_of_two_columns_that_say_the_same_one_is_left_out(self):
        frame = make_frame().with_columns(again=pl.col("noise") * 3 + 1)
        assert acts(frame) == {"again": "drop"}


class TestMissingness:
    def test_words_for_nothing_nan_and_null_are_missing(self):
        values = ["unknown", " N/A ", "", None, "a"] * (N // 5)
        numbers = [float("nan"), None, 1.0, 2.0] * (N // 4)
        look = look_at(make_frame(text=values, number=numbers), label="y", time="at")
        shares = {of.column: of.share for of in look.missing}
        assert shares == {"text": 0.8, "number": 0.5}

    def test_columns_missing_together_are_named_and_what_that_tells_of_the_label(self):
        frame = make_frame().with_columns(
            a=pl.when("y").then(None).otherwise(1.0), b=pl.when("y").then(None).otherwise(pl.col("noise"))
        )
        a, b = look_at(frame, label="y", time="at").missing
        assert (a.together, b.together) == (("b",), ("a",))
        assert (a.lift, a.is_telling) == (1.0, True)


class TestHostileTables:
    def test_a_table_without_rows_is_refused(self):
        with pytest.raises(EmptyDataError, match="no row"):
            look_at(pl.DataFrame({"y": []}), label="y")

    def test_a_column_that_is_not_there_is_named(self):
        with pytest.raises(DataError, match="no column 'z'"):
            look_at(make_frame(), label="z")

    def test_a_label_of_three_words_is_refused(self):
        with pytest.raises(DataError, match="two values, or numbers"):
            look_at(pl.DataFrame({"y": ["a", "b", "c"]}), label="y")

    def test_one_row_infinite_values_and_one_class_are_looked_at(self):
        frame = pl.DataFrame({"y": [True, True], "x": [float("inf"), None], "z": [1e308, -1e308]})
        look = look_at(frame.vstack(frame), label=None)
        assert look.n == 4
        assert look_at(pl.DataFrame({"x": [1.0]})).column("x").looks == "constant"

    def test_200000_rows_of_20_columns_take_less_than_4_seconds_of_processor_time(self):
        rng = np.random.default_rng(0)
        frame = pl.DataFrame({f"n{i}": rng.normal(size=200_000) for i in range(20)})
        start = time.process_time()
        look_at(frame.with_columns(y=pl.col("n0") > 1), label="y")
        assert time.process_time() - start < 4


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not here")
class TestRealData:
    def test_chicago_taxi_leaks_by_tips_and_payment_and_lacks_a_census_tract(self):
        taxi = pl.read_csv(DATA / "chicago_taxi" / "data.csv.gz")
        taxi = taxi.with_columns(big=pl.col("tips") > 0.2 * pl.col("fare"))
        found = acts(taxi, label="big", time="trip_start_timestamp")
        assert {column for column, act in found.items() if act == "leak"} == {"tips", "payment_type"}
        assert found["pickup_census_tract"] == "drop"

    def test_bank_marketing_leaks_by_duration_and_knows_no_contact_at_first(self):
        bank = pl.read_csv(DATA / "bank_marketing" / "bank-full.csv.gz")
        months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        month = bank["month"].replace_strict(months, range(1, 13), return_dtype=pl.Int64)
        year = 2008 + (month.diff() < 0).fill_null(value=False).cast(pl.Int64).cum_sum()
        look = look_at(bank.with_columns(at=pl.date(year, month, bank["day"])), label="y", time="at")
        assert [one.column for one in suggest(look) if one.act == "leak"] == ["duration"]
        contact = next(of for of in look.missing if of.column == "contact")
        assert look.periods[:2] == ("2008-05", "2008-06")
        assert contact.by_period[:2] == (1.0, 1.0)
        assert contact.by_period[3] < 0.01
        assert contact.is_telling
