"""Ages and periods on AUCs of which it is known what each step of age costs."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.errors import TrainingError
from ratchet.monitoring.ageing import MIN_SPANS, Ageing, staleness_curve

COST = 0.01


def make_ageing(*, n_nights: int = 6, step: int = 5, cost: float = COST, noise: float = 0.0, seed: int = 0) -> Ageing:
    """Each step of age costs so much; good and bad days are the same for all models, ``noise`` is each model's own."""
    rng = np.random.default_rng(seed)
    nights = tuple(f"n{i}" for i in range(n_nights))
    spans = tuple(f"s{i:03}" for i in range(n_nights * step))
    aucs = {}
    for i, span in enumerate(spans):
        block, day = i // step, 0.7 + 0.05 * rng.normal()
        aucs[span] = {nights[m]: day - cost * (block - m) + noise * rng.normal() for m in range(block + 1)}
    return Ageing(nights=nights, step_spans=step, spans=spans, aucs=aucs)


def tell(found: Ageing, *, tolerance: float = 0.02, seed: int = 0):
    return staleness_curve(found, tolerance=tolerance, resamples=200, confidence=0.95, seed=seed)


def test_each_age_costs_what_it_was_made_to_cost_whatever_the_day():
    curve = tell(make_ageing())
    assert [of.loss.value for of in curve.ages] == pytest.approx([COST * a for a in range(6)])
    assert [of.n_spans for of in curve.ages] == [30, 25, 20, 15, 10, 5]
    # Within a block of five spans the newest model is 1 to 5 spans old.
    assert [of.age_spans for of in curve.ages] == [3, 8, 13, 18, 23, 28]


def test_a_period_costs_the_mean_of_the_ages_it_serves():
    curve = tell(make_ageing())
    assert [of.every_spans for of in curve.periods] == [5, 10, 15]
    assert [of.loss.value for of in curve.periods] == pytest.approx([0, COST / 2, COST])
    # On spans 10 to 29 the first model is 2 to 5 steps old; a period of one step serves none older than 0.
    assert tell(make_ageing(), tolerance=0).gain.value == pytest.approx(COST * 3.5)


@pytest.mark.parametrize(
    ("tolerance", "every"),
    [(COST / 2 - 1e-9, 5), (COST / 2 + 1e-9, 10), (COST - 1e-9, 10), (COST + 1e-9, 15), (0.0, 5)],
)
def test_the_longest_period_within_the_tolerance_is_recommended_to_the_bound(tolerance, every):
    curve = tell(make_ageing(), tolerance=tolerance)
    assert curve.recommended == every
    assert curve.is_longest == (every == 15)


def test_a_loss_that_is_not_proven_to_be_small_is_not_tolerated():
    sure, unsure = (tell(make_ageing(noise=noise, seed=3), tolerance=0.006) for noise in (0.0, 0.05))
    assert (sure.recommended, unsure.recommended) == (10, 5)
    assert unsure.periods[1].loss.high > 0.006


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_holds_the_truth(seed):
    curve = tell(make_ageing(n_nights=10, step=10, noise=0.03, seed=seed), seed=seed)
    held = [of.loss.low <= COST * of.steps <= of.loss.high for of in curve.ages]
    assert sum(held) >= len(held) - 2


def test_models_that_do_not_age_are_retrained_as_seldom_as_was_tried():
    curve = tell(make_ageing(cost=0.0, noise=0.001))
    assert curve.is_longest
    assert curve.gain.low < 0.001


def test_a_span_that_a_model_could_not_be_judged_on_is_left_out_and_shifts_nothing():
    whole = make_ageing()
    aucs = {span: of for span, of in whole.aucs.items() if span not in ("s000", "s017")}
    curve = tell(Ageing(nights=whole.nights, step_spans=5, spans=whole.spans, aucs=aucs))
    assert [of.loss.value for of in curve.ages] == pytest.approx([COST * a for a in range(6)])
    assert [of.n_spans for of in curve.ages] == [28, 24, 19, 14, 10, 5]
    assert "s017" not in {of.span for of in curve.spans}


@pytest.mark.parametrize(("n_nights", "step"), [(1, 30), (2, MIN_SPANS - 1)], ids=["one-night", "few-spans"])
def test_too_little_is_refused(n_nights, step):
    with pytest.raises(TrainingError, match="too few to tell periods apart"):
        tell(make_ageing(n_nights=n_nights, step=step))


def test_just_enough_is_told():
    assert tell(make_ageing(n_nights=2, step=MIN_SPANS)).recommended in (5, 10)
