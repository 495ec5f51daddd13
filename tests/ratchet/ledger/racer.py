"""A program that races others for the numbers of a ledger: a round for each line of its input."""

from __future__ import annotations

import sys

from ratchet.errors import LostRaceError
from ratchet.ledger.chain import Ledger
from ratchet.storage.objects import ObjectStore, open_store
from tests.ratchet.ledger.factory import FLIGHTS, append


def race(store: ObjectStore, racer: str) -> None:
    ledger, refused = Ledger(store, FLIGHTS), []
    written = store.write_once

    def write_once(name: str, data: bytes) -> bool:
        is_first = written(name, data)
        if not is_first:
            refused.append(name)
        return is_first

    store.write_once = write_once  # type: ignore[method-assign]
    ledger.read_state()
    print("ready", flush=True)
    for line in sys.stdin:
        number, n_refused = int(line), len(refused)
        try:
            append(ledger, after=number - 1, decision_id=f"round-{number}-racer-{racer}")
            print("won", flush=True)
        except LostRaceError:
            print("lost at the write" if len(refused) > n_refused else "lost", flush=True)


if __name__ == "__main__":
    race(open_store(sys.argv[1]), sys.argv[2])
