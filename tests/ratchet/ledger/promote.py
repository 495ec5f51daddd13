"""A program that promotes version 2 after entry 1, to be killed at a crash point and started again."""

from __future__ import annotations

import sys

from ratchet.ledger.chain import Ledger
from ratchet.storage.objects import open_store
from tests.ratchet.ledger.factory import FLIGHTS, append, crown

if __name__ == "__main__":
    ledger = Ledger(open_store(sys.argv[1]), FLIGHTS)
    append(ledger, "promotion", crown(2), after=1, decision_id="promote-2")
