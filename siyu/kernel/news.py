"""News between processes, over PostgreSQL's NOTIFY: «these things of this brand look different now».

Two ways in. ``send`` goes with the transaction of a change, for caches. ``News.ring`` is for what happens all the
time (events were stated): it is called after the commit, gathers in the process and goes out over the listening
connection, at once when the process was quiet, else every ``PAUSE_S``. PostgreSQL lets transactions that notify
commit one after the other, so only few may: an order does when a stock that shops show (0…99) moves.

What a cache shows often changes with an event; such a cache names the kinds (``hear_stated``) and nobody has to send.

News may get lost when the connection breaks. Every hearer is told that anything may have changed when that is noticed
(a silent connection is asked every ``ASK_S``) and again when it is back. Hearers keep a net of their own: a cache a
short time to live, a follower a slow look at the log.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from siyu.kernel import events
from siyu.kernel.events import Event

log = structlog.get_logger("siyu.news")
CHANNEL = "siyu_news"
PAUSE_S = 0.05
"""Between two messages of a busy process; the first after a quiet moment does not wait."""
ASK_S = 5.0
"""How often a connection that brings nothing is asked whether it still stands, and how long it has for the answer."""
_MOST = 150
"""Ids in one message: PostgreSQL takes less than 8,000 bytes."""
_LONGEST = 7_500

Hearer = Callable[[UUID | None, Sequence[UUID] | None], None]
"""Called with brand and ids; ids ``None``: anything of the brand; brand ``None``: anything at all."""
WordsHearer = Callable[[UUID | None, Sequence[str] | None], None]
"""The same for topics that speak in words."""


async def send(
    connection: asyncpg.Connection, brand_id: UUID, topic: str, ids: Sequence[UUID] | None
) -> None:
    """Tell all processes, once the connection's transaction commits; ``None``: anything of the brand."""
    what = "*" if ids is None or len(ids) > _MOST else ",".join(str(one) for one in ids)
    if what:
        await connection.execute("select pg_notify($1, $2)", CHANNEL, f"{topic} {brand_id} {what}")


class News:
    """Hears what all processes send, hands it on by topic, and sends what is rung in this process."""

    def __init__(self, url: str) -> None:
        """``url``: PostgreSQL as any role that may connect; no table is read."""
        self._url = url
        self._hearers: dict[str, list[WordsHearer]] = {}
        self._rung: dict[tuple[str, UUID], set[str] | None] = {}
        self._something = asyncio.Event()
        self.listening = False
        """Whether news arrives right now; while it does not, hearers live by their net alone."""

    def hear(self, topic: str, hearer: Hearer) -> None:
        """Call ``hearer`` (quick, must not raise) for each message of a topic that speaks in ids."""

        def parse(brand_id: UUID | None, words: Sequence[str] | None) -> None:
            hearer(brand_id, None if words is None else [UUID(word) for word in words])

        self.hear_words(topic, parse)

    def hear_words(self, topic: str, hearer: WordsHearer) -> None:
        """Call ``hearer`` (quick, must not raise) for each message of a topic that speaks in words."""
        self._hearers.setdefault(topic, []).append(hearer)

    def hear_stated(
        self, events_of: Sequence[type[Event]], hearer: Callable[[UUID | None], None]
    ) -> None:
        """Call ``hearer`` with the brand whenever a process has stated one of these events; ``None``: anything may have changed."""
        kinds = {str(one.__struct_config__.tag) for one in events_of}

        def heard(brand_id: UUID | None, stated: Sequence[str] | None) -> None:
            if stated is None or not kinds.isdisjoint(stated):
                hearer(brand_id)

        self.hear_words("events", heard)

    def ring(self, topic: str, brand_id: UUID, words: Iterable[str] | None) -> None:
        """Tell all processes soon, this one included; ``None``: anything of the brand. Call it after the commit."""
        known = self._rung.get((topic, brand_id), set())
        self._rung[topic, brand_id] = None if known is None or words is None else known.union(words)
        self._something.set()

    async def run(self) -> None:
        """Listen and send until cancelled; connect again when the connection breaks."""
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
        # A lost message costs a slow look at the log, a wait for the disk costs every one: hence no synchronous commit.
        connection = await asyncpg.connect(
            self._url,
            timeout=10,
            server_settings={"application_name": "siyu news", "synchronous_commit": "off"},
        )
        connection.add_termination_listener(lambda _: self._something.set())
        try:
            await connection.add_listener(CHANNEL, self._arrived)
            self._anything_may_have_changed()
            self.listening = True
            while not connection.is_closed():
                # Not wait_for: in Python 3.11 that loses a cancellation which comes with the bell, and goes on for ever.
                with suppress(TimeoutError):
                    async with asyncio.timeout(ASK_S):
                        await self._something.wait()
                self._something.clear()
                if connection.is_closed():
                    break
                if self._rung:
                    await self._send(connection)
                    await asyncio.sleep(PAUSE_S)
                else:
                    await connection.execute("select 1", timeout=ASK_S)
            self._something.set()  # what is still rung goes out over the next connection
        finally:
            self.listening = False
            self._anything_may_have_changed()
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                if self._rung and not connection.is_closed():
                    await self._send(connection)
                await connection.close(timeout=2)

    async def _send(self, connection: asyncpg.Connection) -> None:
        rung, self._rung = self._rung, {}
        messages = [_message(topic, brand, words) for (topic, brand), words in rung.items()]
        try:
            await connection.execute(
                "select pg_notify($1, message) from unnest($2::text[]) as message",
                CHANNEL,
                messages,
                timeout=10,
            )
        except BaseException:
            for (topic, brand_id), words in rung.items():
                self.ring(topic, brand_id, words)
            raise

    def _anything_may_have_changed(self) -> None:
        for hearers in self._hearers.values():
            for hearer in hearers:
                hearer(None, None)

    def _arrived(self, _connection: object, _pid: int, _channel: str, message: object) -> None:
        topic, brand, said = str(message).split(" ", 2)
        words = None if said == "*" else said.split(",")
        for hearer in self._hearers.get(topic, ()):
            hearer(UUID(brand), words)


def _message(topic: str, brand_id: UUID, words: set[str] | None) -> str:
    said = "*" if words is None else ",".join(sorted(words))
    return f"{topic} {brand_id} {said if len(said) < _LONGEST else '*'}"


async def open_news(runtime: Any) -> Any:
    """Start hearing news in this process, as ``runtime.parts["news"]``, and ring for events; what stops it again."""
    heard = News(runtime.urls.dispatcher)
    runtime.parts["news"] = heard

    def bell(brand_id: UUID, kinds: frozenset[str]) -> None:
        heard.ring("events", brand_id, kinds)

    events.bells.append(bell)
    task = asyncio.create_task(heard.run())

    async def close() -> None:
        events.bells.remove(bell)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return close
