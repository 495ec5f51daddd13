from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ratchet.ledger.chain import Ledger
from ratchet.storage.objects import open_store
from tests.faults.moto_server import S3Server
from tests.ratchet.ledger.factory import FLIGHTS


@contextmanager
def start_racers(uri: str, n_racers: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Start the processes and wait until each is ready; end them with their input."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.ratchet.ledger.racer", uri, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        for number in range(n_racers)
    ]
    try:
        assert [_answer(racer) for racer in racers] == ["ready"] * n_racers
        yield racers
    finally:
        for racer in racers:
            racer.communicate(timeout=10)


def run_round(racers: list[subprocess.Popen[str]], number: int) -> Counter[str]:
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write(f"{number}\n")
        racer.stdin.flush()
    return Counter(_answer(racer) for racer in racers)


def _answer(racer: subprocess.Popen[str]) -> str:
    assert racer.stdout is not None
    return racer.stdout.readline().strip()


def check_races(uri: str, n_racers: int, n_rounds: int) -> None:
    with start_racers(uri, n_racers) as racers:
        rounds = [run_round(racers, number) for number in range(1, n_rounds + 1)]
    assert [result["won"] for result in rounds] == [1] * n_rounds
    assert [result.total() for result in rounds] == [n_racers] * n_rounds
    # Some losers were beaten by the store itself, not only by looking first: the race was one.
    assert sum(result["lost at the write"] for result in rounds) > 0
    ledger = Ledger(open_store(uri), FLIGHTS)
    assert ledger.read_state().number == n_rounds
    assert ledger.verify() == []


def test_of_eight_processes_exactly_one_wins_each_number(tmp_path: Path):
    check_races(str(tmp_path), 8, 100)


def test_the_same_on_s3(s3: S3Server):
    check_races(s3.fresh_uri(), 4, 10)
