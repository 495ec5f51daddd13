"""A TCP proxy that injects faults between a client and a server on loopback, and counts what it did.

It runs in a process of its own: a client that waits for it may be holding the interpreter's lock, as Delta's does.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType

CHUNK = 65536
HTTP_500 = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class FaultProxy:
    """Forwards a free port of 127.0.0.1 to an upstream, in one of these modes::

        pass            forward everything
        refuse          reset each connection at once
        blackhole       take the connection and the bytes, never answer
        latency:S       wait S seconds before each chunk of the client's goes on
        http500         answer each request with a 500 that the upstream never saw
        reset_after:N   reset after N bytes of the client's have gone on: an upload cut short
        trunc:N         close after N bytes of the answer have gone back; trunc:0 loses the whole reply, after the
                        upstream has done what was asked
        flip:N          flip one bit of byte N of the answer

    A connection keeps the mode in which it began; setting a mode closes the open ones. ``faults`` counts connections on
    which a fault really happened, so that a test can assert it.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        return self._ask({})["connections"]

    @property
    def faults(self) -> int:
        return self._ask({})["faults"]

    def set_mode(self, mode: str, *, times: int = -1) -> None:
        """Change the mode, for the next ``times`` connections (then ``pass`` again) or, by default, until changed."""
        _check_mode(mode)
        self._ask({"mode": mode, "times": times})

    def __enter__(self) -> FaultProxy:
        host, port = self._upstream
        command = [sys.executable, "-m", "tests.faults.proxy", host, str(port)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )
        self.port = self._ask({})["port"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)  # closes its input, at which it ends

    def _ask(self, command: dict[str, str | int]) -> dict[str, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer


class Forwarder:
    """The proxy itself, in the process that ``FaultProxy`` starts."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._mode, self._remaining = "pass", -1
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.faults = 0

    async def run(self) -> None:
        """Serve until the input ends; each line of it is a command, answered by one line."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = json.loads(line)
            if command:
                await self._drop_all()
                self._mode, self._remaining = command["mode"], command["times"]
            print(json.dumps({"port": port, "connections": self.connections, "faults": self.faults}), flush=True)
        server.close()
        await self._drop_all()

    async def _drop_all(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take_mode(self) -> str:
        if self._remaining == 0:
            self._mode, self._remaining = "pass", -1
        if self._remaining > 0:
            self._remaining -= 1
        return self._mode

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        self.connections += 1
        name, _, value = self._take_mode().partition(":")
        try:
            await _MODES[name](self, reader, writer, float(value or 0))
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            if task is not None:
                self._tasks.discard(task)

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        upload: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        download: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    ) -> None:
        """Pump both ways until either side ends."""
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        pumps = [asyncio.ensure_future(upload(reader, up_writer)), asyncio.ensure_future(download(up_reader, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            up_writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: float) -> None:
        await self._forward(reader, writer, upload=_pump, download=_pump)

    async def _refuse(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter, __: float) -> None:
        self.faults += 1
        _reset(writer)

    async def _blackhole(self, reader: asyncio.StreamReader, _: asyncio.StreamWriter, __: float) -> None:
        self.faults += 1
        while await reader.read(CHUNK):
            pass

    async def _latency(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
        async def slow(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            self.faults += 1
            while data := await source.read(CHUNK):
                await asyncio.sleep(seconds)
                sink.write(data)
                await sink.drain()

        await self._forward(reader, writer, upload=slow, download=_pump)

    async def _http500(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: float) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.faults += 1
        writer.write(HTTP_500)
        await writer.drain()
        await _drain_for(reader, 0.2)  # closing on unread bytes would reset the connection and lose the answer

    async def _reset_after(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: float) -> None:
        async def cut(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            left = int(limit)
            while data := await source.read(CHUNK):
                sink.write(data[:left])
                await sink.drain()
                left -= len(data)
                if left < 0:
                    self.faults += 1
                    _reset(writer)
                    return

        await self._forward(reader, writer, upload=cut, download=_pump)

    async def _trunc(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: float) -> None:
        async def cut(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            left = int(limit)
            while data := await source.read(CHUNK):
                interim, data = _split_interim(data)
                sink.write(interim + data[:left])
                await sink.drain()
                left -= len(data)
                if data and left <= 0:
                    self.faults += 1
                    return

        await self._forward(reader, writer, upload=_pump, download=cut)

    async def _flip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: float) -> None:
        async def damage(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            left = int(place)
            while data := bytearray(await source.read(CHUNK)):
                if 0 <= left < len(data):
                    self.faults += 1
                    data[left] ^= 1
                left -= len(data)
                sink.write(data)
                await sink.drain()

        await self._forward(reader, writer, upload=_pump, download=damage)


_MODES: dict[str, Callable[[Forwarder, asyncio.StreamReader, asyncio.StreamWriter, float], Awaitable[None]]] = {
    "pass": Forwarder._pass,
    "refuse": Forwarder._refuse,
    "blackhole": Forwarder._blackhole,
    "latency": Forwarder._latency,
    "http500": Forwarder._http500,
    "reset_after": Forwarder._reset_after,
    "trunc": Forwarder._trunc,
    "flip": Forwarder._flip,
}


def _check_mode(mode: str) -> None:
    name, _, value = mode.partition(":")
    if name not in _MODES or (name in ("latency", "reset_after", "trunc", "flip")) != bool(value):
        raise ValueError(f"The mode must be one of {', '.join(_MODES)}, with ':N' where a number is due. Got {mode!r}.")
    float(value or 0)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        sink.write(data)
        await sink.drain()


async def _drain_for(reader: asyncio.StreamReader, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while await reader.read(CHUNK):
                pass
    except TimeoutError:
        pass


def _split_interim(data: bytes) -> tuple[bytes, bytes]:
    """Part ``100 Continue`` from what follows: without it the client never sends the body that is to be stored."""
    interim = b""
    while data.startswith(b"HTTP/1.1 100 "):  # moto sends it twice
        head, mark, data = data.partition(b"\r\n\r\n")
        interim += head + mark
    return interim, data


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN, as a server does that is not there."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


if __name__ == "__main__":
    asyncio.run(Forwarder(sys.argv[1], int(sys.argv[2])).run())
