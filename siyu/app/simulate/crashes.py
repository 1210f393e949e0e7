"""Crashes: a line between a process and an engine that can be cut at any statement, and the blows of a seed.

A blow falls on the n-th statement that a process sends: before the engine has it, or after the engine has done it
and before the process hears of it. The process dies with all that it had in memory, or only loses its connections.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec

_SYNC = b"S\0\0\0\4"
"""The end of what a PostgreSQL client sends for one statement."""
_READY = b"Z\0\0\0\5"
"""What a PostgreSQL server ends each answer with; one byte of state follows."""
CHANCE = 0.04
"""Of an action of the shop or the console, and of a round of the worker, to be struck."""
FARTHEST = 14
"""Statements that pass at most before a blow falls; an action that needs fewer is struck as its answer leaves."""


class Blow(msgspec.Struct, frozen=True):
    """What falls on a process in its next action."""

    passing: int
    """Statements that still pass."""
    done: bool
    """Whether the engine does the struck statement; nobody hears of it."""
    kills: bool
    """Whether the process dies, or only its connections are cut."""


def draw(chance: Random, likely: float = CHANCE) -> Blow | None:
    """The blow that a seed has for an action; mostly none."""
    struck, passing = chance.random() < likely, chance.randrange(FARTHEST)
    done, kills = chance.random() < 0.5, chance.random() < 0.6
    return Blow(passing, done, kills) if struck else None


class Line:
    """A TCP line to one engine. It counts statements while it is armed, and carries nothing while it is ``dead``."""

    def __init__(self, url: str, engine: Literal["postgres", "clickhouse"]) -> None:
        self._parts, self._engine = urlsplit(url), engine
        self._ends: set[_End] = set()
        self._server: asyncio.Server | None = None
        self._armed: tuple[int, bool, Callable[[], None]] | None = None
        self.dead = False
        self.statements = 0

    async def open(self) -> str:
        """Begin to carry; the engine's URL over this line."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _End(self), "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        account = self._parts.netloc.rpartition("@")[0]
        return urlunsplit(self._parts._replace(netloc=f"{account}@127.0.0.1:{port}"))

    def arm(self, passing: int, *, done: bool, strike: Callable[[], None]) -> None:
        """Call ``strike`` at a statement after ``passing`` others."""
        self._armed = (passing, done, strike)

    @property
    def is_armed(self) -> bool:
        """Whether a blow is still to fall."""
        return self._armed is not None

    def disarm(self) -> None:
        """Let everything pass again."""
        self._armed = None

    def cut(self) -> None:
        """Break every connection, as a reset of the network would."""
        for end in list(self._ends):
            end.abort()

    async def close(self) -> None:
        """Cut, and take no more connections."""
        self.dead = True
        self.cut()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def connect(self, far: asyncio.Protocol) -> None:
        """Reach the engine."""
        assert self._parts.hostname and self._parts.port
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: far, self._parts.hostname, self._parts.port)

    def attach(self, end: "_End") -> bool:
        """Whether a new connection may be carried."""
        if not self.dead:
            self._ends.add(end)
        return not self.dead

    def detach(self, end: "_End") -> None:
        """Forget a connection that has ended."""
        self._ends.discard(end)

    def verdict(self, data: bytes) -> Literal["pass", "drop", "swallow"]:
        """What becomes of what a process sends; ``swallow``: the engine gets it, and the process no answer."""
        if not self._is_statement(data):
            return "pass"
        self.statements += 1
        if self._armed is None:
            return "pass"
        passing, done, strike = self._armed
        if passing > 0:
            self._armed = (passing - 1, done, strike)
            return "pass"
        if done:
            return "swallow"
        self.fall()
        return "drop"

    def fall(self) -> None:
        """The blow falls."""
        if self._armed is not None:
            strike, self._armed = self._armed[2], None
            strike()

    def _is_statement(self, data: bytes) -> bool:
        if self._engine == "clickhouse":
            return data.startswith(b"POST")
        simple = data[:1] == b"Q" and int.from_bytes(data[1:5]) == len(data) - 1
        return simple or data.endswith(_SYNC)

    def is_answered(self, tail: bytes) -> bool:
        """Whether the engine has said all that it has to say."""
        return self._engine == "clickhouse" or tail[-6:-1] == _READY


class _End(asyncio.Protocol):
    """The process's end of one connection, with the engine's end behind it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._near: asyncio.Transport | None = None
        self._far: asyncio.Transport | None = None
        self._waiting = bytearray()
        self._swallowing = False
        self._tail = b""
        self._reaching: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._near = transport
        if not self._line.attach(self):
            transport.abort()
            return
        self._reaching = asyncio.ensure_future(self._reach())

    async def _reach(self) -> None:
        try:
            await self._line.connect(_Far(self))
        except OSError:
            self.abort()

    def data_received(self, data: bytes) -> None:
        fate = self._line.verdict(data)
        if fate == "drop":
            return
        self._swallowing = self._swallowing or fate == "swallow"
        if self._far is None:
            self._waiting += data
        else:
            self._far.write(data)

    def reached(self, far: asyncio.Transport) -> None:
        """The engine's end is there."""
        self._far = far
        if self._near is None or self._near.is_closing():
            far.abort()
        elif self._waiting:
            far.write(bytes(self._waiting))
            self._waiting.clear()

    def answered(self, data: bytes) -> None:
        """The engine said something."""
        if self._swallowing:
            self._tail = (self._tail + data)[-6:]
            if self._line.is_answered(self._tail):
                self._line.fall()
                # Also when the blow was called off meanwhile: who asked here waits for an answer that never comes.
                self.abort()
        elif self._near is not None:
            self._near.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.abort()

    def abort(self) -> None:
        """Break both ends."""
        self._line.detach(self)
        for transport in (self._near, self._far):
            if transport is not None and not transport.is_closing():
                transport.abort()


class _Far(asyncio.Protocol):
    """The engine's end of one connection."""

    def __init__(self, end: _End) -> None:
        self._end = end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._end.reached(transport)

    def data_received(self, data: bytes) -> None:
        self._end.answered(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.abort()
