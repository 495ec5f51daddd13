"""Workers of one fit joined to each other, each to every other, over connections that know a common key.

LightGBM's own sockets listen on every address of the machine, know no key, and spin for ever when a peer is gone. These
listen on the worker's own address only, and a peer that is gone is an error at once.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge, wait

# Longer than any step of a fit on one worker's rows; a worker that hangs is ended by Dask long before.
TIMEOUT_SECONDS = 1800.0
JOIN_SECONDS = 120.0

Address = tuple[str, int]


class PeerLostError(ConnectionError):
    """Another worker of the fit is gone, or does not answer: the work is to be done again from what is kept."""


def open_door(host: str) -> socket.socket:
    """Return a socket that listens on that address of this machine alone, at a free port."""
    return socket.create_server((host, 0))


class Mesh:
    """The connections of one worker; all workers make the same calls in the same order."""

    def __init__(self, rank: int, peers: Mapping[int, Connection]) -> None:
        self.rank = rank
        self._peers = dict(sorted(peers.items()))

    @classmethod
    def join(cls, rank: int, door: socket.socket, doors: Sequence[Address], *, key: bytes) -> Mesh:
        """Return the mesh when every worker has joined: each calls those before it, and answers those after it.

        Raises
        ------
        PeerLostError
            If another does not come in time, or does not know the key.
        """
        peers: dict[int, Connection] = {}
        until = time.monotonic() + JOIN_SECONDS
        try:
            for other in range(rank):
                peers[other] = _call(doors[other], key)
                peers[other].send_bytes(rank.to_bytes(4, "big"))
            while len(peers) < len(doors) - 1:
                caller = _answer(door, key, until)
                peers[int.from_bytes(caller.recv_bytes(4), "big")] = caller
        except Exception as error:
            for peer in peers.values():
                peer.close()
            raise PeerLostError(f"worker {rank} could not join the others: {type(error).__name__}") from error
        return cls(rank, peers)

    def exchange(self, outgoing: Mapping[int, memoryview], incoming: Mapping[int, memoryview]) -> None:
        """Send each peer what is its own and fill what comes from each; nothing is sent that is empty.

        Raises
        ------
        PeerLostError
            If a peer is gone or silent.
        """
        for peer, connection in self._peers.items():
            # The lower rank of a pair speaks first, and pairs meet in one order everywhere: no two wait for each other.
            steps = (self._send, self._receive) if self.rank < peer else (self._receive, self._send)
            for step in steps:
                step(peer, connection, outgoing, incoming)

    def close(self) -> None:
        """Leave; the others are told by the end of the connection."""
        for connection in self._peers.values():
            connection.close()

    def _send(
        self, peer: int, connection: Connection, outgoing: Mapping[int, memoryview], _: Mapping[int, memoryview]
    ) -> None:
        if not outgoing[peer].nbytes:
            return
        try:
            connection.send_bytes(outgoing[peer])
        except OSError as error:
            raise PeerLostError(f"worker {peer} is gone") from error

    def _receive(
        self, peer: int, connection: Connection, _: Mapping[int, memoryview], incoming: Mapping[int, memoryview]
    ) -> None:
        wanted = incoming[peer]
        if not wanted.nbytes:
            return
        try:
            got = connection.recv_bytes_into(wanted) if connection.poll(TIMEOUT_SECONDS) else None
        except (OSError, EOFError) as error:
            raise PeerLostError(f"worker {peer} is gone") from error
        if got is None:
            raise PeerLostError(f"worker {peer} was silent for {TIMEOUT_SECONDS:.0f} s")
        if got != wanted.nbytes:
            raise PeerLostError(f"worker {peer} sent {got} bytes, {wanted.nbytes} were due: it does something else")


def _call(address: Address, key: bytes) -> Connection:
    connection = _connection(socket.create_connection(address, timeout=JOIN_SECONDS))
    try:
        answer_challenge(connection, key)
        deliver_challenge(connection, key)
    except BaseException:
        connection.close()
        raise
    return connection


def _answer(door: socket.socket, key: bytes, until: float) -> Connection:
    if not wait([door], timeout=max(0.0, until - time.monotonic())):
        raise TimeoutError("nobody called")
    connection = _connection(door.accept()[0])
    try:
        deliver_challenge(connection, key)
        answer_challenge(connection, key)
    except BaseException:
        connection.close()
        raise
    return connection


def _connection(own: socket.socket) -> Connection:
    # Thousands of short messages a tree: held back until the one before is acknowledged, each would take 40 ms.
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    own.setblocking(True)
    return Connection(own.detach())
