"""LightGBM's own way to fit one model on the rows of several workers, over a mesh of ours.

LightGBM asks for two things, and its C interface takes functions for them: the sum of every worker's histograms, of
which each worker keeps a block, and the blocks of all workers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ratchet.training.parallel.mesh import Mesh, PeerLostError

_Ints = ctypes.POINTER(ctypes.c_int)
# input, output, bytes of a value, bytes.
_REDUCER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
# input, its bytes, bytes of a value, where each block starts and how long it is, blocks, output, its bytes, the reducer
# (in C++ by reference).
_REDUCE_SCATTER = ctypes.CFUNCTYPE(
    *(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, _Ints, _Ints, ctypes.c_int, ctypes.c_void_p, ctypes.c_int),
    ctypes.POINTER(ctypes.c_void_p),
)
_ALLGATHER = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_int, _Ints, _Ints, ctypes.c_int, ctypes.c_void_p, ctypes.c_int
)


class Network:
    """What LightGBM calls. Nothing may be raised through C: what went wrong is kept, and zeros are answered."""

    def __init__(self, mesh: Mesh, n_workers: int) -> None:
        self.mesh, self.n_workers = mesh, n_workers
        self.fault: Exception | None = None
        self.reduce_scatter = _REDUCE_SCATTER(self._reduce_scatter)
        self.allgather = _ALLGATHER(self._allgather)

    def check(self) -> None:
        """Raise what went wrong.

        Raises
        ------
        PeerLostError
            If another worker is gone.
        """
        if self.fault is not None:
            raise self.fault

    def _reduce_scatter(
        self, source: int, _: int, size: int, starts: Any, lengths: Any, n: int, target: int, room: int, reducer: Any
    ) -> None:
        rank, own = self.mesh.rank, lengths[self.mesh.rank]
        blocks = {other: bytearray(own) for other in range(n) if other != rank}
        parts = {other: _view(source + starts[other], lengths[other]) for other in range(n)}

        def work() -> None:
            self.mesh.exchange(parts, {other: memoryview(block) for other, block in blocks.items()})
            reduce = _REDUCER(reducer[0])
            ordered = [blocks.get(other, parts[rank]) for other in range(n)]
            _view(target, own)[:] = memoryview(ordered[0]).cast("B")
            # In the order of ranks everywhere: a sum of fractions depends on it.
            for block in ordered[1:]:
                reduce(_address(block), target, size, own)

        self._try(work, target, room)

    def _allgather(self, source: int, _: int, starts: Any, lengths: Any, n: int, target: int, room: int) -> None:
        rank = self.mesh.rank

        def work() -> None:
            own = _view(source, lengths[rank])
            _view(target + starts[rank], lengths[rank])[:] = own
            others = [other for other in range(n) if other != rank]
            incoming = {other: _view(target + starts[other], lengths[other]) for other in others}
            self.mesh.exchange(dict.fromkeys(others, own), incoming)

        self._try(work, target, room)

    def _try(self, work: Any, target: int, room: int) -> None:
        if self.fault is None:
            try:
                work()
            except Exception as error:  # noqa: BLE001  # kept, and raised by `check`
                self.fault = error
        if self.fault is not None:
            ctypes.memset(target, 0, room)


@contextmanager
def connected(mesh: Mesh, n_workers: int) -> Iterator[Network]:
    """Let LightGBM in this thread work with the others of the mesh."""
    from lightgbm.basic import _LIB, _safe_call  # type: ignore[attr-defined]  # the C interface

    network = Network(mesh, n_workers)
    functions = (ctypes.cast(f, ctypes.c_void_p) for f in (network.reduce_scatter, network.allgather))
    _safe_call(_LIB.LGBM_NetworkInitWithFunctions(ctypes.c_int(n_workers), ctypes.c_int(mesh.rank), *functions))
    try:
        yield network
    except Exception:
        # What LightGBM says of zeros is not why.
        network.check()
        raise
    finally:
        _safe_call(_LIB.LGBM_NetworkFree())


def _view(address: int, length: int) -> memoryview:
    return memoryview((ctypes.c_char * length).from_address(address)).cast("B")


def _address(block: Any) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(block))


__all__ = ["Network", "PeerLostError", "connected"]
