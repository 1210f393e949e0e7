"""Telling spans to an OpenTelemetry collector: OTLP over HTTP in JSON, in packs, from a task of its own.

A collector that is away costs spans and never time: what does not fit into the queue is dropped and counted.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import httpx
import msgspec
import structlog
from prometheus_client import Counter

from siyu.kernel import tracing
from siyu.kernel.tracing import Span

log = structlog.get_logger("siyu.traces")
WAITING = 4096
PACK = 512
EVERY_S = 1.0
_told = Counter("siyu_spans_told_total", "Spans that the collector has taken")
_dropped = Counter("siyu_spans_dropped_total", "Spans lost because the collector was away or slow")


class Collector:
    """A collector by its URL (without ``/v1/traces``). ``run`` it as a task; ``close`` tells what is left."""

    def __init__(self, url: str, share: float = 1.0) -> None:
        self.share = share
        self._address = url.rstrip("/") + "/v1/traces"
        self._waiting: deque[Span] = deque()
        self._client = httpx.AsyncClient(timeout=5, trust_env=False)
        self._complained = float("-inf")

    def tell(self, spans: Sequence[Span]) -> None:
        """Take finished spans; beyond ``WAITING`` they are dropped."""
        room = WAITING - len(self._waiting)
        self._waiting.extend(spans[:room])
        if len(spans) > room:
            _dropped.inc(len(spans) - room)

    async def run(self) -> None:
        """Send packs until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            while self._waiting:
                await self._send()

    async def close(self) -> None:
        """Send what waits, as far as the collector takes it, and hang up."""
        while self._waiting and await self._send():
            pass
        await self._client.aclose()

    async def _send(self) -> bool:
        pack = [self._waiting.popleft() for _ in range(min(PACK, len(self._waiting)))]
        try:
            answer = await self._client.post(
                self._address,
                content=msgspec.json.encode(packed(pack)),
                headers={"content-type": "application/json"},
            )
            answer.raise_for_status()
        except httpx.HTTPError as error:
            _dropped.inc(len(pack))
            if time.monotonic() - self._complained > 60:
                self._complained = time.monotonic()
                log.warning("the collector takes no traces", error=f"{type(error).__name__}"[:300])
            return False
        _told.inc(len(pack))
        return True


async def open_traces(runtime: Any) -> Callable[[], Awaitable[None]] | None:
    """Begin to tell a process's spans when an address is set; nothing otherwise."""
    settings = runtime.settings
    if not settings.otel_url:
        return None
    collector = Collector(settings.otel_url, settings.otel_share)
    tracing.tell_to(collector)
    running = asyncio.create_task(collector.run())

    async def close() -> None:
        tracing.tell_to(None)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await collector.close()

    return close


def packed(spans: Sequence[Span]) -> dict[str, Any]:
    """Spans as an ``ExportTraceServiceRequest`` in OTLP's JSON."""
    house = {"service.name": "siyu", "process.pid": os.getpid()}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(house)},
                "scopeSpans": [{"scope": {"name": "siyu"}, "spans": [_wire(one) for one in spans]}],
            }
        ]
    }


def _wire(one: Span) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "traceId": one.place.trace,
        "spanId": one.place.span,
        "name": one.name,
        "kind": one.kind,
        "startTimeUnixNano": str(one.began),
        "endTimeUnixNano": str(one.ended),
        "attributes": _attributes(one.facts),
        "status": {"code": 2, "message": one.failure} if one.failure else {},
    }
    if one.parent:
        wire["parentSpanId"] = one.parent
    return wire


def _attributes(facts: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "value": {"intValue": str(value)}
            if isinstance(value, int)
            else {"stringValue": str(value)},
        }
        for key, value in facts.items()
    ]
