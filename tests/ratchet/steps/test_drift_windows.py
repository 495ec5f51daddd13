from __future__ import annotations

import numpy as np
import polars as pl

from ratchet.identity import ModelId
from ratchet.spans.calendar import Calendar
from ratchet.spec.watching import Drift
from ratchet.statistics.scan import scan_statistics
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.drift_windows import choose_windows, read_sides

CALENDAR = Calendar("UTC")
YEARS = CALENDAR.range("2022-01-01", "2024-12-31")


def choose(span, trained_on, known=YEARS, **policy):
    drift = Drift(**policy)
    return choose_windows(span, trained_on, set(known), drift, CALENDAR, season_spans=drift.season_spans)


class TestChooseWindows:
    TRAINED = CALENDAR.range("2024-04-01", "2024-05-30")

    def test_the_newest_spans_stand_against_those_trained_on_and_the_window_before(self):
        found = choose("2024-06-09", self.TRAINED, window_spans=3)
        assert found.baseline == tuple(self.TRAINED)
        assert found.current == ("2024-06-07", "2024-06-08", "2024-06-09")
        assert found.previous == ("2024-06-04", "2024-06-05", "2024-06-06")
        assert found.seasons == ()

    def test_a_span_that_is_not_known_is_left_out_of_every_window(self):
        known = set(YEARS) - {"2024-06-08", "2024-06-05", "2024-04-02"}
        found = choose("2024-06-09", self.TRAINED, known, window_spans=3)
        assert (found.current, found.previous) == (("2024-06-07", "2024-06-09"), ("2024-06-04", "2024-06-06"))
        assert "2024-04-02" not in found.baseline

    def test_a_season_reaches_back_to_the_training_spans_so_that_a_lasting_drift_is_not_its_own_excuse(self):
        # A week earlier is later than the training spans: two weeks earlier is the first that the champion has seen.
        (season,) = choose("2024-06-09", self.TRAINED, window_spans=1, season_spans=(7,)).seasons
        assert season.period == ("2024-05-26",)
        assert season.before == tuple(span for span in self.TRAINED if span != "2024-05-26")

    def test_a_year_earlier_is_held_against_the_spans_before_it(self):
        (season,) = choose("2024-06-09", self.TRAINED, window_spans=2, season_spans=(365,)).seasons
        assert season.period == ("2023-06-09", "2023-06-10")
        assert (season.before[0], season.before[-1], len(season.before)) == ("2023-04-02", "2023-05-31", 60)

    def test_without_enough_history_there_is_no_season(self):
        policy = {"window_spans": 2, "season_spans": (365,)}
        assert choose("2024-06-09", self.TRAINED, YEARS[YEARS.index("2023-06-10") :], **policy).seasons == ()
        half = [span for span in YEARS if span >= "2023-05-02"]
        assert len(choose("2024-06-09", self.TRAINED, half, **policy).seasons) == 1
        assert choose("2024-06-09", self.TRAINED, half[1:], **policy).seasons == ()

    def test_without_training_spans_or_newest_ones_there_is_no_season(self):
        assert choose("2024-06-09", [], season_spans=(7,)).seasons == ()
        assert choose("2024-06-09", self.TRAINED, self.TRAINED[:9], season_spans=(7,), window_spans=2).current == ()


def scan(values, edges=(0.0, 1.0)):
    return scan_statistics(pl.DataFrame({"x": values}), {"x": "numeric"}, {"x": edges})


def test_all_sides_are_read_at_once_and_old_edges_cost_the_history_only(tmp_path):
    rng = np.random.default_rng(0)
    table = StatisticsTable(str(tmp_path), ModelId("parcels"))
    spans = CALENDAR.range("2024-01-01", "2024-01-20")
    days = {span: scan(rng.normal(size=50)) for span in spans}
    days["2024-01-15"] = scan(rng.normal(size=50), edges=(0.0, 2.0))  # in the window before only
    table.write_spans(days, dict.fromkeys(spans, 1), {})
    policy = Drift(window_spans=3, season_spans=(7,))
    windows = choose_windows("2024-01-20", spans[:12], set(spans), policy, CALENDAR, season_spans=(7,))
    sides = read_sides(table, windows, policy)
    assert (sides.baseline["x"].n, sides.current["x"].n) == (600, 150)
    assert (sides.history.previous, set(sides.history.variation)) == ({}, {"x"})
    assert [season.period["x"].n for season in sides.history.seasons] == [150]
