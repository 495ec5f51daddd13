"""What a long fit has reached, kept every few rounds: the bytes of the model so far, and the losses that led there.

::

    checkpoints/<model>/<key>/000050.model    the model after 50 rounds
    checkpoints/<model>/<key>/000050.json     its digest and the losses of its rounds, written last

The key names all that makes a round what it is and not how many there will be: a fit with more rounds goes on from
where one with fewer has ended.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ratchet.errors import RatchetError
from ratchet.packaging.card import digest_of

if TYPE_CHECKING:
    from ratchet.identity import ModelId
    from ratchet.storage.objects import ObjectStore

SCHEMA_VERSION = 1
# The newest may be broken by a disk that was full; the one before it is then gone on from.
_KEPT = 2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundLoss:
    """The log losses after a round; ``train`` is None where a library tells it at checkpoints only."""

    round: int
    train: float | None
    validation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A model after some rounds."""

    rounds: int
    data: bytes
    losses: tuple[RoundLoss, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """The checkpoints of one fit."""

    store: ObjectStore
    model: ModelId
    key: str

    def newest(self, *, at_most: int) -> Checkpoint | None:
        """Return the newest whole checkpoint of no more rounds than that; None without one."""
        for rounds in sorted(self._rounds(), reverse=True):
            if rounds <= at_most and (found := self._read(rounds)) is not None:
                return found
        return None

    def keep(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, its record last, and remove those that it makes superfluous."""
        name = self._name(checkpoint.rounds)
        self.store.write(f"{name}.model", checkpoint.data)
        record = {
            "schema_version": SCHEMA_VERSION,
            "sha256": digest_of(checkpoint.data),
            "losses": [asdict(loss) for loss in checkpoint.losses],
        }
        self.store.write(f"{name}.json", json.dumps(record).encode())
        for rounds in sorted(r for r in self._rounds() if r <= checkpoint.rounds)[:-_KEPT]:
            self.store.delete(f"{self._name(rounds)}.json")
            self.store.delete(f"{self._name(rounds)}.model")

    def _read(self, rounds: int) -> Checkpoint | None:
        """Return a checkpoint; None if it is not as its record says, and so was never parsed."""
        name = self._name(rounds)
        try:
            record = json.loads(self.store.read(f"{name}.json"))
            data = self.store.read(f"{name}.model")
            if record["schema_version"] == SCHEMA_VERSION and digest_of(data) == record["sha256"]:
                losses = tuple(RoundLoss(**loss) for loss in record["losses"])
                return Checkpoint(rounds=rounds, data=data, losses=losses)
        except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, RatchetError) and not isinstance(error, FileNotFoundError):
                raise
        _log.warning("%s: the checkpoint %s is not whole; the one before it is used", self.model, name)
        return None

    def _rounds(self) -> Iterator[int]:
        for name in self.store.list(f"checkpoints/{self.model}/{self.key}/"):
            number, _, kind = name.rpartition("/")[2].partition(".")
            if kind == "json" and number.isdecimal():
                yield int(number)

    def _name(self, rounds: int) -> str:
        return f"checkpoints/{self.model}/{self.key}/{rounds:06}"
