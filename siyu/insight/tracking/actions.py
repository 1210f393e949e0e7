"""Taking messages in: those of a moment become one row, committed before anybody is told «kept»."""

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import msgspec
import structlog
import zstandard

from siyu.insight.tracking.queries import backlog
from siyu.insight.tracking.rules import Kept
from siyu.kernel import clock
from siyu.kernel.db import Database
from siyu.kernel.errors import TooMany
from siyu.kernel.ids import new_id

log = structlog.get_logger("siyu.tracking")
MAX_WAITING = 200_000
"""Messages in a process that wait for their commit."""
MAX_SPOOLED = 5_000_000
"""Messages in the spool that wait for the warehouse."""
PATIENCE_S = 20.0
"""How long a pack may take until it is on disk; then whoever sent it is asked to come again."""
PACK = 5_000


class TrackingBehind(TooMany):
    """We are behind; nothing was kept of this request; clients send it again after ``retry_after_s``."""

    code = "tracking.behind"
    detail = "More is coming in than can be kept right now. Nothing of this request was kept; send it again later."


class Intake:
    """Takes messages of all brands in one process; ``keep`` returns once they are on disk."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, list[tuple[Sequence[Kept], asyncio.Future[None]]]] = {}
        self._count = 0
        self._writers: dict[UUID, asyncio.Task[None]] = {}
        self._spooled = 0
        self._looked = 0.0
        self._encoder = msgspec.json.Encoder()

    async def keep(self, brand_id: UUID, messages: Sequence[Kept]) -> None:
        """Keep messages durably. Raises ``TrackingBehind`` when there is no room; whatever the database raises when it is away."""
        await self._look_at_backlog()
        if self._count + len(messages) > MAX_WAITING or self._spooled > MAX_SPOOLED:
            raise TrackingBehind(retry_after_s=5)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(brand_id, []).append((messages, done))
        self._count += len(messages)
        if brand_id not in self._writers:
            self._writers[brand_id] = asyncio.create_task(self._write(brand_id))
        await done

    async def close(self) -> None:
        """Finish what is waiting."""
        await asyncio.gather(*self._writers.values(), return_exceptions=True)

    async def _write(self, brand_id: UUID) -> None:
        """Write what waits for a brand, one transaction after the other; the next gathers while one commits."""
        taken: list[tuple[Sequence[Kept], asyncio.Future[None]]] = []
        try:
            while taken := self._take(brand_id):
                messages = [one for part, _ in taken for one in part]
                failure: Exception | None = None
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        await self._spool(brand_id, messages)
                except Exception as error:
                    failure = error
                self._answer(taken, failure)
        finally:  # also of a writer that is ended before its time: nobody waits for it
            del self._writers[brand_id]
            self._answer(
                [*taken, *self._waiting.pop(brand_id, [])], TrackingBehind(retry_after_s=5)
            )

    async def _spool(self, brand_id: UUID, messages: Sequence[Kept]) -> None:
        async with self._database.raw(brand_id) as connection:
            await connection.execute(
                "insert into tracking_spool (id, received_at, messages, body) values ($1, $2, $3, $4)",
                new_id(),
                clock.now(),
                len(messages),
                zstandard.ZstdCompressor(1).compress(self._encoder.encode(messages)),
            )

    def _answer(
        self,
        taken: Sequence[tuple[Sequence[Kept], asyncio.Future[None]]],
        failure: Exception | None,
    ) -> None:
        for messages, done in taken:
            self._count -= len(messages)
            if done.done():  # the asker went away
                continue
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)

    def _take(self, brand_id: UUID) -> list[tuple[Sequence[Kept], asyncio.Future[None]]]:
        waiting = self._waiting.get(brand_id, [])
        count = end = 0
        while end < len(waiting) and (end == 0 or count + len(waiting[end][0]) <= PACK):
            count += len(waiting[end][0])
            end += 1
        self._waiting[brand_id] = waiting[end:]
        return waiting[:end]

    async def _look_at_backlog(self) -> None:
        now = time.monotonic()
        if now - self._looked > 1:
            self._looked = now
            self._spooled = sum(messages for _, _, messages in await backlog(self._database))
