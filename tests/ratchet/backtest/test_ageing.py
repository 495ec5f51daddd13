from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from ratchet.backtest.ageing import score_ages
from ratchet.errors import TrainingError
from ratchet.monitoring.ageing import Ageing, StalenessCurve, staleness_curve
from ratchet.spec.model import ModelSpec
from ratchet.steps.results import read_object
from ratchet.training.window import Window
from tests.factories.lives import Life, life
from tests.factories.models import day, days, parcels_spec
from tests.ratchet.cli.conftest import Ratchet, assert_told, ratchet

__all__ = ["life", "ratchet"]


def make_parcels(n_days: int, *, turn: float, n: int = 250) -> pl.DataFrame:
    """Parcels of some days; what makes them late turns by so many radians a day from the distance to the weight."""
    rng, frames = np.random.default_rng(0), []
    for number in range(1, n_days + 1):
        distance, weight = rng.normal(size=n), rng.normal(size=n)
        odds = 3 * (np.cos(turn * number) * distance + np.sin(turn * number) * weight)
        frames.append(
            pl.DataFrame(
                {
                    "span": day(number),
                    "parcel_id": [f"{number}-{i:03}" for i in range(n)],
                    "distance": distance,
                    "weight": weight,
                    "carrier": "A",
                    "hour": 0.0,
                    "is_late": rng.random(n) < 1 / (1 + np.exp(-odds)),
                }
            )
        )
    return pl.concat(frames)


def windows_of(nights: list[int], n_train: int) -> dict[str, Window]:
    return {
        day(night): Window(
            train_spans=tuple(days(night - n_train + 1, night)), validate_spans=(day(night),), test_spans=(day(night),)
        )
        for night in nights
    }


def curve_of(frame: pl.DataFrame, spec: ModelSpec, nights: list[int], last: int) -> StalenessCurve:
    step, spans = nights[1] - nights[0], days(nights[0] + 1, last)
    aucs = score_ages(frame, spec, windows_of(nights, 4), spans, {})
    found = Ageing(nights=tuple(map(day, nights)), step_spans=step, spans=tuple(spans), aucs=aucs)
    return staleness_curve(found, tolerance=0.02, resamples=200, confidence=0.95, seed=0)


class TestAWorld:
    NIGHTS = (4, 8, 12, 16, 20)

    def test_that_turns_is_retrained_often(self):
        curve = curve_of(make_parcels(24, turn=0.09), parcels_spec(), list(self.NIGHTS), 24)
        losses = [of.loss.value for of in curve.ages]
        assert losses == sorted(losses)
        assert curve.ages[1].loss.low > 0
        assert curve.recommended == 4
        assert curve.gain.low > 0.1

    def test_that_stands_still_is_retrained_seldom(self):
        curve = curve_of(make_parcels(24, turn=0.0), parcels_spec(), list(self.NIGHTS), 24)
        assert curve.is_longest
        assert curve.gain.high < 0.02

    @pytest.mark.parametrize(("n_late", "is_judged"), [(10, True), (9, False)])
    def test_a_model_is_scored_on_later_spans_alone_and_on_those_with_enough_of_each_class(self, n_late, is_judged):
        frame = make_parcels(12, turn=0.0)
        late = (pl.col("span") == day(10)) & pl.col("is_late")
        few = pl.concat([frame.filter(~late), frame.filter(late).head(n_late)])
        found = score_ages(few, parcels_spec(), windows_of([4, 8], 4), days(5, 12), {})
        expected = {span: {day(4), day(8)} if span > day(8) else {day(4)} for span in days(5, 12)}
        if not is_judged:
            del expected[day(10)]
        assert {span: set(of) for span, of in found.items()} == expected

    def test_a_night_that_cannot_be_trained_on_is_named(self):
        frame = make_parcels(12, turn=0.0, n=10)
        with pytest.raises(TrainingError, match=f"As on {day(4)}: A fit needs 50 labelled examples"):
            score_ages(frame, parcels_spec(), windows_of([4], 4), days(5, 12), {})


class TestTheCommand:
    def test_it_recommends_a_period_and_writes_a_page_once(self, ratchet: Ratchet, life: Life):
        model = life("second")
        arguments = ("staleness", "parcels", "--from", day(8), "--to", day(18), "--every", "3")
        answer = ratchet(model, *arguments)
        assert (answer.code, answer.err) == (0, "")
        first, page = answer.out.splitlines()
        assert first.startswith("parcels: retrain every 6 spans, the longest that was tried (now every 30): AUC 0.9")
        html = read_object(model.project, page.removeprefix("page: ")).decode()
        assert "What a retraining period costs" in html
        (name,) = [one for one in model.store.list("runs/parcels/staleness_curve") if one.endswith("staleness.json")]
        told = json.loads(model.store.read(name))
        assert told["nights"] == [day(8), day(11), day(14), day(17)]
        assert [of["span"] for of in told["spans"]] == days(9, 18)
        assert ratchet(model, *arguments).out == answer.out
        assert len(model.store.list("runs/parcels/staleness_curve")) == 3

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--from", day(8), "--to", day(8)), "1 to 40 nights can be asked for. Got 0"),
            (("--from", day(8), "--to", day(60), "--every", "1"), "Got 52"),
            (("--from", day(3), "--to", day(18)), "labelled and validated span(s) are needed"),
            (("--from", day(14), "--to", day(18), "--every", "2"), "too few to tell periods apart"),
        ],
    )
    def test_what_cannot_be_told_is_refused(self, ratchet: Ratchet, life: Life, arguments: tuple[str, ...], words: str):
        assert_told(ratchet(life("second"), "staleness", "parcels", *arguments), words)
