"""Workers joined to each other: what arrives, and what is heard of one that is gone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ratchet.training.parallel import mesh
from ratchet.training.parallel.mesh import Mesh, PeerLostError, open_door

KEY = b"k" * 32
# More than the sockets of loopback take without a reader.
LARGE = 8_000_000


def together(n: int, work: Callable[[Mesh], Any], keys: dict[int, bytes] | None = None) -> list[Any]:
    """Let that many workers join and work, each in a thread; what each returned, or raised."""
    doors = [open_door("127.0.0.1") for _ in range(n)]
    addresses = [door.getsockname() for door in doors]

    def one(rank: int) -> Any:
        try:
            joined = Mesh.join(rank, doors[rank], addresses, key=(keys or {}).get(rank, KEY))
            try:
                return work(joined)
            finally:
                joined.close()
        except PeerLostError as error:
            return error
        finally:
            doors[rank].close()

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(one, range(n)))


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("size", [0, 1, LARGE], ids=["nothing", "little", "more-than-a-buffer"])
def test_each_gets_from_each_what_was_meant_for_it(n: int, size: int):
    def work(joined: Mesh) -> list[bytes]:
        others = [other for other in range(n) if other != joined.rank]
        incoming = {other: bytearray(size) for other in others}
        outgoing = {other: memoryview(bytes([10 * joined.rank + other]) * size) for other in others}
        joined.exchange(outgoing, {other: memoryview(room) for other, room in incoming.items()})
        return [bytes(incoming[other]) for other in others]

    if n == 5 and size == LARGE:
        size = 100_000
    for rank, got in enumerate(together(n, work)):
        assert got == [bytes([10 * other + rank]) * size for other in range(n) if other != rank]


def test_one_that_leaves_is_heard_of_at_once():
    def work(joined: Mesh) -> str:
        if joined.rank == 1:
            return "left"
        joined.exchange({1: memoryview(b"x"), 2: memoryview(b"x")}, {o: memoryview(bytearray(1)) for o in (1, 2)})
        return "stayed"

    first, left, third = together(3, lambda joined: work(joined) if joined.rank < 2 else "left too")
    assert left == "left"
    assert third == "left too"
    assert isinstance(first, PeerLostError)


def test_one_that_does_something_else_is_heard_of():
    def work(joined: Mesh) -> None:
        other, size = 1 - joined.rank, 4 + joined.rank
        joined.exchange({other: memoryview(bytes(size))}, {other: memoryview(bytearray(size))})

    assert any("4 bytes, 5 were due" in str(answer) for answer in together(2, work))


def test_one_that_does_not_know_the_key_does_not_join(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mesh, "JOIN_SECONDS", 0.5)
    answers = together(2, lambda _: "joined", keys={1: b"another key"})
    assert all(isinstance(answer, PeerLostError) for answer in answers)


def test_one_that_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mesh, "JOIN_SECONDS", 0.2)
    with open_door("127.0.0.1") as door, pytest.raises(PeerLostError, match="worker 0 could not join"):
        Mesh.join(0, door, [door.getsockname(), ("127.0.0.1", 9)], key=KEY)


def test_a_silent_one_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mesh, "TIMEOUT_SECONDS", 0.1)

    def work(joined: Mesh) -> Any:
        if joined.rank == 0:
            return joined._peers[1].poll(1)  # says nothing
        joined.exchange({0: memoryview(b"")}, {0: memoryview(bytearray(1))})
        return None

    assert "worker 0 was silent for 0 s" in str(together(2, work)[1])
