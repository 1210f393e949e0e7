"""News between processes: «these things of this brand look different now», for caches.

News is sent with the transaction of the change and arrives after its commit, over one listening
connection per process. It may get lost when that connection breaks; then every hearer is told that
anything may have changed. A cache also keeps a short time to live as the net.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import asyncpg
import structlog

log = structlog.get_logger("siyu.news")
CHANNEL = "siyu_news"
_MOST = 150
"""Ids in one message: PostgreSQL takes less than 8,000 bytes."""

Hearer = Callable[[UUID | None, Sequence[UUID] | None], None]
"""Called with brand and ids; ids ``None``: anything of the brand; brand ``None``: anything at all."""


async def send(
    connection: asyncpg.Connection, brand_id: UUID, topic: str, ids: Sequence[UUID] | None
) -> None:
    """Tell all processes, once the connection's transaction commits; ``None``: anything of the brand."""
    what = "*" if ids is None or len(ids) > _MOST else ",".join(str(one) for one in ids)
    if what:
        await connection.execute("select pg_notify($1, $2)", CHANNEL, f"{topic} {brand_id} {what}")


class News:
    """Hears what all processes send, and hands it on by topic."""

    def __init__(self, url: str) -> None:
        """``url``: PostgreSQL as any role that may connect; no table is read."""
        self._url = url
        self._hearers: dict[str, list[Hearer]] = {}
        self.listening = False
        """Whether news arrives right now; while it does not, caches live by their time to live alone."""

    def hear(self, topic: str, hearer: Hearer) -> None:
        """Call ``hearer`` (quick, must not raise) for each message of a topic."""
        self._hearers.setdefault(topic, []).append(hearer)

    async def run(self) -> None:
        """Listen until cancelled; connect again when the connection breaks."""
        while True:
            try:
                await self._listen()
            except (
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                TimeoutError,
            ) as failure:
                log.warning("news waits", error=f"{type(failure).__name__}: {failure}"[:300])
            self.listening = False
            await asyncio.sleep(0.5)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._url, timeout=10, server_settings={"application_name": "siyu news"}
        )
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        try:
            await connection.add_listener(CHANNEL, self._arrived)
            self._anything_may_have_changed()
            self.listening = True
            while not gone.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(gone.wait(), 20)
                if not gone.is_set():
                    await connection.execute("select 1", timeout=10)
        finally:
            self.listening = False
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await connection.close(timeout=2)

    def _anything_may_have_changed(self) -> None:
        for hearers in self._hearers.values():
            for hearer in hearers:
                hearer(None, None)

    def _arrived(self, _connection: object, _pid: int, _channel: str, message: object) -> None:
        topic, brand, ids = str(message).split(" ", 2)
        known = None if ids == "*" else [UUID(one) for one in ids.split(",")]
        for hearer in self._hearers.get(topic, ()):
            hearer(UUID(brand), known)


async def open_news(runtime: Any) -> Any:
    """Start hearing news in this process, as ``runtime.parts["news"]``; what stops it again."""
    heard = News(runtime.urls.dispatcher)
    runtime.parts["news"] = heard
    task = asyncio.create_task(heard.run())

    async def close() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return close
