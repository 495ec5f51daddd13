"""A boosted fit that may be killed, stopped and gone on with: stretch by stretch, a checkpoint after each.

It stops by itself when the loss on its own training examples is no number or has run away, and keeps the checkpoint
before that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.crashpoints import crash_point
from ratchet.errors import RatchetError, TrainingError
from ratchet.features.transform import build_pipeline
from ratchet.spec.estimators import estimator_kind
from ratchet.training.boosting import Boosting, Matrices, boosting
from ratchet.training.checkpoints import Checkpoint, Checkpoints, RoundLoss
from ratchet.training.fit import limited_threads
from ratchet.training.teachable import check_teachable

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ratchet.features.transform import Parameters
    from ratchet.spec.label import Label
    from ratchet.spec.model import ModelSpec
    from ratchet.training.fit import LabelledMatrix

# A loss that has doubled since its least, and stands above where it began, does not come back. Nor does one of twice
# the loss of a coin: weights of classes move a sound model towards the coin, and never as far as that.
RUNS_AWAY = 2.0
COIN = math.log(2)  # of two outcomes; of more classes it is that of a die with so many sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Who is asked and told between stretches.

    ``stop_reason`` answers why the fit shall stop, None as long as it shall not. ``tell`` gets the checkpoint that was
    reached (or resumed from) and the number of rounds that are wanted.
    """

    stop_reason: Callable[[], str | None] = lambda: None
    tell: Callable[[Checkpoint, int], None] = lambda _, __: None


@dataclass(frozen=True, slots=True, kw_only=True)
class LongFit:
    """What a long fit has come to; ``ended`` says why before its preset rounds, None when it reached them."""

    pipeline: Pipeline
    rounds: int
    losses: tuple[RoundLoss, ...]
    ended: str | None


def fit_in_rounds(
    examples: LabelledMatrix,
    held_out: LabelledMatrix,
    spec: ModelSpec,
    parameters: Parameters | None,
    *,
    checkpoints: Checkpoints,
    watcher: Watcher,
) -> LongFit:
    """Return the spec's boosted pipeline, fitted in stretches of ``train.checkpoint_rounds``.

    Parameters
    ----------
    examples, held_out : LabelledMatrix
        What is fitted on, and what the loss of each round is told on beside it; that one decides nothing.
    parameters : mapping, optional
        Settings on top of the spec's fixed ones.

    Raises
    ------
    TrainingError
        If the examples cannot teach a model, or the loss is lost before the first checkpoint.
    """
    check_teachable(examples, spec.label)
    pipeline, name = build_pipeline(spec, parameters), spec.train.estimator
    every, counter = spec.train.checkpoint_rounds, estimator_kind(name).rounds
    if every is None or counter is None:
        raise TrainingError(f"{name} is not fitted in rounds, or train.checkpoint_rounds is not set.")
    wanted = int(pipeline[-1].get_params()[counter])
    with limited_threads(pipeline[-1], spec.train.threads):
        try:
            transform = pipeline[:-1].fit(examples.features)
            matrices = Matrices(
                fitted=transform.transform(examples.features),
                labels=examples.labels,
                held_out=transform.transform(held_out.features),
                held_out_labels=held_out.labels,
                kind=spec.label.kind,
            )
            way = boosting(name, pipeline[-1], matrices, seed=spec.train.seed)
            reached, ended = go_on(way, wanted, every, checkpoints, watcher, guess=loss_of_a_guess(spec.label))
        except RatchetError:
            raise
        except (ValueError, TypeError) as error:
            raise TrainingError(f"{name} refused to be fitted: {error}") from error
    estimator = without_threads(way.read(reached.data))
    return LongFit(
        pipeline=with_estimator(pipeline, estimator), rounds=reached.rounds, losses=reached.losses, ended=ended
    )


def loss_of_a_guess(label: Label) -> float:
    """Return the log loss of a guess among the outcomes; errors of numbers have no such bound."""
    return math.inf if label.kind == "regression" else math.log(len(label.classes or (False, True)))


def find_loss_of_sense(losses: Iterable[RoundLoss], *, guess: float = COIN) -> str | None:
    """Return in words where the training loss stopped being a number, or ran away; None when it did neither.

    Parameters
    ----------
    guess : float
        The loss of a guess, twice of which no sound fit reaches.
    """
    first = least = None
    for loss in losses:
        told = [value for value in (loss.train, loss.validation) if value is not None]
        if not all(map(math.isfinite, told)):
            return f"the loss became {next(v for v in told if not math.isfinite(v))} in round {loss.round}"
        if loss.train is None:
            continue
        first, least = (loss.train, loss.train) if first is None or least is None else (first, min(least, loss.train))
        if loss.train > max(RUNS_AWAY * least, first) or loss.train > RUNS_AWAY * guess:
            return f"the training loss ran away: {loss.train:.4g} in round {loss.round}, {least:.4g} at its least"
    return None


def go_on(
    way: Boosting, wanted: int, every: int, checkpoints: Checkpoints, watcher: Watcher, *, guess: float = COIN
) -> tuple[Checkpoint, str | None]:
    """Return what a fit has reached, stretch by stretch from its newest checkpoint, and why it ended before its end."""
    reached = checkpoints.newest(at_most=wanted)
    watcher.tell(reached or Checkpoint(rounds=0, data=b"", losses=()), wanted)
    while reached is None or reached.rounds < wanted:
        # Asked after the first stretch only: a model of no rounds is none.
        if reached is not None and (reason := watcher.stop_reason()) is not None:
            return reached, f"stopped after {reached.rounds} of {wanted} rounds: {reason}"
        start = reached.rounds if reached is not None else 0
        # Cut at multiples, so that a fit with more rounds finds the same checkpoints.
        stop = min((start // every + 1) * every, wanted)
        data, losses = way.advance(reached.data if reached is not None else None, start, stop)
        following = Checkpoint(rounds=stop, data=data, losses=(*(reached.losses if reached else ()), *losses))
        if (fault := find_loss_of_sense(following.losses, guess=guess)) is not None:
            if reached is None:
                raise TrainingError(
                    f"The fit has no sense: {fault}, before the first checkpoint after {stop} rounds. "
                    "Lower the learning rate."
                )
            return reached, f"stopped by itself, kept round {reached.rounds} of {wanted}: {fault}"
        reached = following
        if stop % every == 0:
            checkpoints.keep(reached)
            crash_point(f"fit.checkpoint_{stop}")
        watcher.tell(reached, wanted)
    return reached, None


def without_threads(estimator: Any) -> Any:
    """Return the estimator without a number of threads, which is the machine's and not the model's."""
    if "n_jobs" in estimator.get_params():
        estimator.set_params(n_jobs=None)
    return estimator


def with_estimator(pipeline: Pipeline, estimator: Any) -> Pipeline:
    """Return the pipeline with that estimator as its last step."""
    from sklearn.pipeline import Pipeline

    return Pipeline([*pipeline.steps[:-1], ("estimator", estimator)])
