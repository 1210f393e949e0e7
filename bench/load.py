"""The load generator, a process of its own: keep-alive connections that ask as soon as they were answered.

``python -m bench.load`` reads a ``Plan`` (MessagePack) from standard input and writes an ``Outcome`` to standard
output. Requests are prepared bytes; the only thing made per request is its key.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import uvloop

KEY = b"~" * 16
"""Stands in a prepared request where each one gets a key of its own, of the same length."""


class Plan(msgspec.Struct):
    """What to ask. ``lanes`` has the prepared requests of each connection, asked in turn.

    With ``once`` each request is asked once; otherwise they go round for ``warm_s`` + ``seconds``. With ``journeys``
    (lists of facts for ``bench.journey``, one per connection) whole shoppers are played instead.
    """

    port: int
    lanes: list[list[bytes]] = []
    journeys: list[dict[str, Any]] = []
    seconds: float = 3.0
    warm_s: float = 0.5
    once: bool = False


class Outcome(msgspec.Struct):
    """What came back. ``rate`` counts the answers inside the measured window; ``answers`` all of them by status."""

    rate: float
    window_s: float
    in_window: dict[str, int]
    answers: dict[str, int]
    p50_ms: float
    p99_ms: float
    lost: int
    """Connections that broke."""
    cpu_s: float
    """What the generator itself used while asking."""
    sample: str = ""
    """The first answer that was not a success, for a person."""


class Run:
    """What all connections share: the clock, the keys, the counts."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.prefix = os.urandom(3).hex()
        self.asked = 0
        self.answers: Counter[int] = Counter()
        self.in_window: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.lost = 0
        self.sample = ""
        self.began = self.opens = self.closes = 0.0

    def start(self) -> None:
        self._cpu = time.process_time()
        self.began = time.perf_counter()
        self.opens = self.began if self.plan.once else self.began + self.plan.warm_s
        self.closes = float("inf") if self.plan.once else self.opens + self.plan.seconds

    def key(self) -> bytes:
        self.asked += 1
        return b"%s%010d" % (self.prefix.encode(), self.asked)

    def answered(self, status: int, sent: float, body: bytes) -> None:
        now = time.perf_counter()
        self.answers[status] += 1
        if self.opens <= now < self.closes:
            self.in_window[status] += 1
            self.latencies.append(now - sent)
        if status >= 400 and not self.sample:
            self.sample = f"{status} {body[:400].decode(errors='replace')}"

    def outcome(self, ended: float) -> Outcome:
        window = (ended if self.plan.once else self.closes) - self.opens
        ranked = sorted(self.latencies) or [0.0]
        good = sum(count for status, count in self.in_window.items() if status < 400)
        return Outcome(
            good / window, window, _named(self.in_window), _named(self.answers),
            1000 * ranked[len(ranked) // 2], 1000 * ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)],
            self.lost, time.process_time() - self._cpu, self.sample,
        )  # fmt: skip


def _named(counts: Counter[int]) -> dict[str, int]:
    return {str(status): count for status, count in sorted(counts.items())}


class Connection(asyncio.Protocol):
    """One keep-alive connection; ``heard`` is called with each whole answer."""

    def __init__(self) -> None:
        self.heard: Any = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = b""
        self._body_at = self._needed = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data if self._buffer else data
        if not self._needed:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._body_at = end + 4
            self._needed = self._body_at + _length(buffer[:end].lower())
        if len(buffer) >= self._needed:
            whole, self._buffer = buffer[: self._needed], buffer[self._needed :]
            self._needed = 0
            self.heard(int(whole[9:12]), whole[self._body_at :])


def _length(head: bytes) -> int:
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        assert int(head[9:12]) in (204, 304), f"an answer without a length: {head!r}"
        return 0
    end = head.find(b"\r\n", at + 2)
    return int(head[at + 17 : end if end > 0 else len(head)])


class Lane:
    """Asks the prepared requests of one connection one after the other, without a coroutine in between."""

    def __init__(
        self, run: Run, connection: Connection, requests: list[bytes], offset: int
    ) -> None:
        self._run, self._connection = run, connection
        parts = [request.split(KEY) for request in requests]
        self._next = _round(parts, offset) if not run.plan.once else iter(parts)
        self._sent = 0.0
        connection.heard = self._heard
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection.gone.add_done_callback(lambda _: self._end(lost=True))

    def ask(self) -> None:
        """Send the next request, or end."""
        now = time.perf_counter()
        parts = None if now >= self._run.closes else next(self._next, None)
        if parts is None:
            self._end(lost=False)
            return
        self._sent = now
        self._connection.transport.write(
            parts[0] if len(parts) == 1 else self._run.key().join(parts)
        )

    def _heard(self, status: int, body: bytes) -> None:
        self._run.answered(status, self._sent, body)
        self.ask()

    def _end(self, *, lost: bool) -> None:
        if not self.done.done():
            self._run.lost += lost
            self.done.set_result(None)


def _round(parts: list[list[bytes]], offset: int) -> Iterator[list[bytes]]:
    at = offset % len(parts)
    while True:
        yield parts[at]
        at = at + 1 if at + 1 < len(parts) else 0


class Line:
    """A connection for somebody who reads the answers: ``await line.call(request)`` gives status and JSON."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        connection.heard = self._heard

    async def call(self, request: bytes) -> tuple[int, Any]:
        """Ask and wait. Raises ``ConnectionError`` when the connection breaks."""
        answer = self._waiting = asyncio.get_running_loop().create_future()
        self._connection.transport.write(request)
        await asyncio.wait((answer, self._connection.gone), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ConnectionError("the connection broke")
        status, body = answer.result()
        return status, json.loads(body) if body else None

    def _heard(self, status: int, body: bytes) -> None:
        assert self._waiting is not None
        self._waiting.set_result((status, body))


async def play(plan: Plan) -> Outcome:
    """Do what the plan says."""
    loop, run = asyncio.get_running_loop(), Run(plan)

    async def connect() -> Connection:
        return (await loop.create_connection(Connection, "127.0.0.1", plan.port))[1]

    connections = [await connect() for _ in plan.lanes or plan.journeys]
    if plan.journeys:
        from bench.journey import shop_until  # noqa: PLC0415 - journey imports this module

        run.start()
        await asyncio.gather(
            *(
                shop_until(run, Line(one), facts)
                for one, facts in zip(connections, plan.journeys, strict=True)
            )
        )
    else:
        lanes = [Lane(run, one, plan.lanes[at], at) for at, one in enumerate(connections)]
        run.start()
        for lane in lanes:
            lane.ask()
        await asyncio.gather(*(lane.done for lane in lanes))
    ended = time.perf_counter()
    for connection in connections:
        connection.transport.abort()
    return run.outcome(ended)


def request(
    method: str,
    host: str,
    path: str,
    body: Any = None,
    *,
    token: str = "",
    key: str = "",
    **headers: str,
) -> bytes:
    """A prepared request. ``key`` is the Idempotency-Key; ``KEY`` as text for a fresh one each time."""
    content = (
        b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
    )
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    if key:
        lines.append(f"idempotency-key: {key}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append("content-type: application/json")
    if body is not None or method != "GET":
        lines.append(f"content-length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


async def drive(plan: Plan) -> Outcome:
    """Run the generator in a process of its own on this plan; its outcome. Raises ``RuntimeError`` when it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),  # noqa: PTH100, PTH120
    )  # fmt: skip
    answer, _ = await process.communicate(msgspec.msgpack.encode(plan))
    if process.returncode != 0:
        raise RuntimeError(f"the load generator ended with status {process.returncode}")
    return msgspec.msgpack.decode(answer, type=Outcome)


if __name__ == "__main__":
    _plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.msgpack.encode(uvloop.run(play(_plan))))
