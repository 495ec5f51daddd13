"""One LightGBM model fitted by several workers, each on rows of its own: no process ever holds the whole set.

Stretch by stretch, a checkpoint after each (see `long_fit`). A worker that dies costs the stretch it was in: its share
is read by the one that takes its place, and all go on from the bytes of the last checkpoint.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from ratchet.errors import RatchetError, SpecError, TrainingError
from ratchet.features.transform import OF_LIGHTGBM, build_pipeline
from ratchet.packaging.native import load_native
from ratchet.spec.estimators import estimator_kind
from ratchet.training.boosting import LIGHTGBM_LOSSES
from ratchet.training.fit import limited_threads
from ratchet.training.long_fit import LongFit, go_on, loss_of_a_guess, with_estimator
from ratchet.training.parallel.cluster import WorkersLostError
from ratchet.training.parallel.losses import losses_of
from ratchet.training.parallel.part import Ground, Part, Stretch, advance_part, door_of, open_door
from ratchet.training.parallel.shares import deal, sample_on
from ratchet.training.span_fit import lightgbm_objective, lightgbm_settings
from ratchet.training.teachable import check_teachable

if TYPE_CHECKING:
    from distributed import Future
    from numpy.typing import NDArray

    from ratchet.features.transform import Parameters
    from ratchet.spec.label import Label, LabelKind
    from ratchet.spec.model import ModelSpec
    from ratchet.training.checkpoints import Checkpoints, RoundLoss
    from ratchet.training.fit import LabelledMatrix
    from ratchet.training.long_fit import Watcher
    from ratchet.training.parallel.cluster import Cluster
    from ratchet.training.resources import WorkerUsage
    from ratchet.training.span_sample import ReadSpan, Sampled

MOST_RESTARTS = 2
_MAX_SEED = 2**31
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one worker had of a fit: how many rows, and what it took."""

    n_rows: int
    usage: WorkerUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFit:
    """A fit by several workers.

    Parameters
    ----------
    long : LongFit
        The pipeline and its rounds.
    seen : Sampled
        What the workers told of the spans.
    shares : tuple of Share
        One a worker of those that were there at the end.
    restarts : int
        How often a worker died and its stretch was fitted again.
    """

    long: LongFit
    seen: Sampled
    shares: tuple[Share, ...]
    restarts: int


def fit_on_workers(
    spans: Sequence[str],
    read: ReadSpan,
    held_out: LabelledMatrix,
    spec: ModelSpec,
    parameters: Parameters | None = None,
    *,
    cluster: Cluster,
    checkpoints: Checkpoints,
    watcher: Watcher,
) -> SharedFit:
    """Return the spec's LightGBM pipeline, fitted on spans that the workers read.

    Parameters
    ----------
    read : callable
        A span's labelled examples; called by the workers, so it can be sent to them.
    held_out : LabelledMatrix
        What the loss of each round is told on beside the training rows; it decides nothing.

    Raises
    ------
    TrainingError
        If the examples cannot teach a model, or workers died more often than twice.
    SpecError
        If a setting of the estimator needs all rows at once.
    """
    pipeline, name = build_pipeline(spec, parameters), spec.train.estimator
    every, counter = spec.train.checkpoint_rounds, estimator_kind(name).rounds
    if every is None or counter is None or name not in OF_LIGHTGBM:
        raise TrainingError(f"{name} is not shared among workers, or train.checkpoint_rounds is not set.")
    wanted = int(pipeline[-1].get_params()[counter])
    with limited_threads(pipeline[-1], spec.train.threads):
        try:
            settings = _settings(pipeline[-1], spec.label)
            seen = sample_on(cluster, spans, read, spec)
            check_teachable(seen.sample, spec.label, n_examples=seen.n_examples, of_classes=seen.of_classes)
            transform = pipeline[:-1].fit(seen.features())
            way = OnWorkers(
                name=name,
                kind=spec.label.kind,
                cluster=cluster,
                ground=Ground(
                    read=read,
                    transform=transform,
                    sample=np.asarray(transform.transform(seen.sample.features), dtype=np.float64),
                    settings=settings,
                    is_whole=len(seen.sample.labels) == seen.n_examples,
                ),
                shares=deal(spans, seen.lengths, cluster.n_workers),
                lengths=dict(zip(spans, seen.lengths, strict=True)),
                held_out=transform.transform(held_out.features),
                held_out_labels=held_out.labels,
                seed=spec.train.seed,
            )
            reached, ended = go_on(way, wanted, every, checkpoints, watcher, guess=loss_of_a_guess(spec.label))
        except WorkersLostError as error:
            raise TrainingError(f"Workers died while they read the spans: {error}. See their memory.") from error
        except RatchetError:
            raise
        except (ValueError, TypeError) as error:
            raise TrainingError(f"{name} refused to be fitted: {error}") from error
    fitted = with_estimator(pipeline, way.read(reached.data))
    return SharedFit(
        long=LongFit(pipeline=fitted, rounds=reached.rounds, losses=reached.losses, ended=ended),
        seen=seen,
        shares=tuple(way.told),
        restarts=way.restarts,
    )


def _settings(estimator: Any, label: Label) -> dict[str, Any]:
    known = lightgbm_objective(label)["objective"]
    settings = lightgbm_settings(estimator, label)
    if settings["objective"] != known:
        # Absolute errors, for one, need the median of a leaf's rows: LightGBM takes the mean of those of the workers.
        raise SpecError(
            f"train: rows are shared with the objective {known} alone. Got {settings['objective']}. Say engine: local."
        )
    return settings | {"metric": LIGHTGBM_LOSSES[label.kind]}


@dataclass(slots=True, kw_only=True)
class OnWorkers:
    """The way to go on (see `Boosting`): the rounds of a stretch are fitted by a team of workers."""

    name: str
    kind: LabelKind
    cluster: Cluster
    ground: Ground
    shares: Sequence[tuple[str, ...]]
    lengths: dict[str, int]
    held_out: NDArray[np.float64]
    held_out_labels: NDArray[Any]
    seed: int
    restarts: int = 0
    told: list[Share] = field(default_factory=list)
    _team: list[str] = field(default_factory=list)
    _parts: dict[tuple[int, str], Future[Any]] = field(default_factory=dict)

    def advance(self, data: bytes | None, start: int, stop: int) -> tuple[bytes, tuple[RoundLoss, ...]]:
        """Return the model after ``stop`` rounds, and the loss of each since ``start``.

        Raises
        ------
        TrainingError
            If workers died for the third time in this fit.
        """
        while True:
            try:
                return self._advance(data, start, stop)
            except WorkersLostError as error:
                if self.restarts == MOST_RESTARTS:
                    raise TrainingError(
                        f"Workers died {MOST_RESTARTS + 1} times; {start} rounds are kept. See the memory of a worker "
                        f"({max(self._rows())} rows), then repeat the training: it goes on from there."
                    ) from error
                self.restarts += 1
                _log.warning("%s; begun again from round %d (%d of %d)", error, start, self.restarts, MOST_RESTARTS)

    def read(self, data: bytes) -> Any:
        """Return the fitted estimator in these bytes."""
        return load_native(self.name, data)

    def _rows(self) -> list[int]:
        return [sum(self.lengths[span] for span in share) for share in self.shares]

    def _advance(self, data: bytes | None, start: int, stop: int) -> tuple[bytes, tuple[RoundLoss, ...]]:
        client, key = self.cluster.client, secrets.token_bytes(32)
        self._team = self.cluster.team(len(self.shares), preferred=self._team)
        parts = self._load()
        doors = [client.submit(open_door, urlsplit(w).hostname, workers=[w], pure=False) for w in self._team]
        addresses = self.cluster.gather(
            [client.submit(door_of, d, workers=[w], pure=False) for d, w in zip(doors, self._team, strict=True)],
            self._team,
        )
        seed = (self.seed + start) % _MAX_SEED
        of = zip(parts, doors, self._team, strict=True)
        tasks = [
            client.submit(advance_part, part, door, addresses, rank, key, data, (start, stop), seed, **_only(worker))
            for rank, (part, door, worker) in enumerate(of)
        ]
        told: list[Stretch] = self.cluster.gather(tasks, self._team)
        self.told = [Share(n_rows=one.n_rows, usage=one.usage) for one in told]
        reached = told[0].data
        if reached is None:
            raise TrainingError("The first worker told no model.")
        held_out = (self.held_out, self.held_out_labels)
        return reached, losses_of(reached, start, told, held_out, kind=self.kind)

    def _load(self) -> list[Future[Any]]:
        """Return the part of each of the team, made where there is none yet."""
        client = self.cluster.client
        wanted = list(enumerate(self._team))
        self._parts = {at: part for at, part in self._parts.items() if at in wanted}
        for rank, worker in wanted:
            if (rank, worker) not in self._parts:
                # Sent once to each: as an argument it would pass through the scheduler.
                ground = client.scatter(self.ground, workers=[worker], hash=False)
                lengths = [self.lengths[span] for span in self.shares[rank]]
                self._parts[rank, worker] = client.submit(Part, ground, self.shares[rank], lengths, **_only(worker))
        parts = [self._parts[at] for at in wanted]
        self.cluster.finish(parts, self._team)
        return parts


def _only(worker: str) -> dict[str, Any]:
    return {"workers": [worker], "allow_other_workers": False, "pure": False}
