"""What one worker of a shared LightGBM fit holds and does: its own rows as bins, and the rounds fitted on them."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.crashpoints import crash_point
from ratchet.errors import TrainingError
from ratchet.training.parallel.lightgbm_network import connected
from ratchet.training.parallel.mesh import Address, Mesh, open_door
from ratchet.training.resources import WorkerUsage, worker_usage

if TYPE_CHECKING:
    from lightgbm import Booster
    from numpy.typing import NDArray

    from ratchet.training.fit import LabelledMatrix
    from ratchet.training.span_sample import ReadSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all workers share: how a span is read and transformed, the sample that the bins are cut by, the settings.

    ``settings`` name the metric by which a round is told. ``is_whole`` says that the sample is all rows.
    """

    read: ReadSpan
    transform: Any
    sample: NDArray[np.float64]
    settings: Mapping[str, Any]
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some rounds: the model after them (of the first worker alone), and the loss of each on this worker's rows."""

    data: bytes | None
    losses: tuple[float, ...]
    n_rows: int
    usage: WorkerUsage


class Part:
    """A worker's rows, read once into LightGBM's bins."""

    def __init__(self, ground: Ground, spans: Sequence[str], lengths: Sequence[int]) -> None:
        self.ground, self.spans, self.lengths = ground, tuple(spans), tuple(lengths)
        self.dataset = self._make_dataset()
        # The raw scores of each row after so many rounds; those before the newest, if another worker did not get there.
        self._scores: dict[int, NDArray[np.float64]] = {}

    def advance(self, data: bytes | None, start: int, stop: int, *, seed: int, mesh: Mesh | None, n: int) -> Stretch:
        """Fit more rounds, from the bytes of a model, together with the others of the mesh."""
        from lightgbm import Booster

        settings = {**self.ground.settings, "random_state": seed}
        before = Booster(model_str=data.decode()) if data is not None else None
        if before is not None:
            self.dataset.set_init_score(self._scores_after(start, before))
        if mesh is not None:
            settings |= {"tree_learner": "data", "num_machines": n}
        with connected(mesh, n) if mesh is not None else nullcontext() as network:
            booster = Booster(settings, self.dataset)
            if before is not None:
                _begin_with(booster, before)
            losses = []
            for number in range(start + 1, stop + 1):
                crash_point(f"fit.worker_round_{number}")
                booster.update()
                if network is not None:
                    network.check()
                losses.append(float(booster.eval_train()[0][2]))
            text = booster.model_to_string(num_iteration=-1)
            self._scores = {r: s for r, s in self._scores.items() if r == start} | {stop: _raw_scores(booster)}
        is_first = mesh is None or mesh.rank == 0
        return Stretch(
            data=text.encode() if is_first else None,
            losses=tuple(losses),
            n_rows=sum(self.lengths),
            usage=worker_usage(),
        )

    def _matrix(self, span: str) -> tuple[NDArray[np.float64], NDArray[Any]]:
        examples: LabelledMatrix = self.ground.read(span)
        if len(examples.labels) != self.lengths[self.spans.index(span)]:
            raise TrainingError(f"The examples of {span} changed while a model was fitted on them.")
        return np.asarray(self.ground.transform.transform(examples.features), dtype=np.float64), examples.labels

    def _make_dataset(self) -> Any:
        import lightgbm

        labels: dict[str, NDArray[Any]] = {}
        matrix = self._matrix

        class Rows(lightgbm.Sequence):
            def __init__(self, span: str, length: int) -> None:
                self.span, self.length, self.batch_size = span, length, length

            def __getitem__(self, index: Any) -> NDArray[np.float64]:
                features, labels[self.span] = matrix(self.span)
                rows: NDArray[np.float64] = features[index]
                return rows

            def __len__(self) -> int:
                return self.length

        # Every worker cuts the same bins, and those are of all spans.
        settings = {**self.ground.settings, "bin_construct_sample_cnt": len(self.ground.sample)}
        if not self.ground.is_whole:
            # Too rare to split by in the sample is not too rare in all rows.
            settings["feature_pre_filter"] = False
        bins = lightgbm.Dataset(self.ground.sample, params=settings).construct()
        pieces: list[lightgbm.Sequence] = [Rows(*of) for of in zip(self.spans, self.lengths, strict=True)]
        dataset = lightgbm.Dataset(pieces, reference=bins, params=settings, free_raw_data=True).construct()
        dataset.set_label(np.concatenate([labels[span] for span in self.spans]).astype(np.float32))
        dataset.reference = None  # the sample is not held any longer
        return dataset

    def _scores_after(self, rounds: int, model: Booster) -> NDArray[np.float64]:
        found = self._scores.get(rounds)
        if found is None:
            # A worker that is new here reads its spans once more: what it computes is equal to the bit.
            threads = self.ground.settings.get("n_jobs", 1)
            scored = [
                np.asarray(model.predict(self._matrix(span)[0], raw_score=True, num_threads=threads), dtype=np.float64)
                for span in self.spans
            ]
            found = self._scores[rounds] = np.concatenate(scored)
        return found


def advance_part(
    part: Part,
    door: socket.socket,
    doors: Sequence[Address],
    rank: int,
    key: bytes,
    data: bytes | None,
    stretch: tuple[int, int],
    seed: int,
) -> Stretch:
    """Join the others and fit a stretch with them; the task of one worker."""
    mesh = Mesh.join(rank, door, doors, key=key) if len(doors) > 1 else None
    try:
        return part.advance(data, *stretch, seed=seed, mesh=mesh, n=len(doors))
    finally:
        # Also when the work failed: the others learn of it at once.
        if mesh is not None:
            mesh.close()
        door.close()


def door_of(door: socket.socket) -> Address:
    """Return where a worker's socket listens."""
    host, port = door.getsockname()[:2]
    return str(host), int(port)


def _begin_with(booster: Booster, before: Booster) -> None:
    """Let the trees of a model stand before those that are to be fitted, as ``init_model`` does with rows in memory."""
    from lightgbm.basic import _LIB, _safe_call  # type: ignore[attr-defined]  # the C interface

    _safe_call(_LIB.LGBM_BoosterMerge(booster._handle, before._handle))


def _raw_scores(booster: Booster) -> NDArray[np.float64]:
    """Return the scores of the training rows before the objective makes answers of them: a row, or a row and class.

    The booster is not fitted further.
    """
    found: list[NDArray[np.float64]] = []

    def look(scores: NDArray[np.float64], _: Any) -> tuple[str, float, bool]:
        found.append(np.array(scores, dtype=np.float64))
        return "seen", 0.0, False

    booster.reset_parameter({"objective": "none"})
    booster.eval_train(look)
    return found[0]


__all__ = ["Ground", "Part", "Stretch", "advance_part", "door_of", "open_door"]
