"""Slow statements: told to the log and kept by their shape for the console, with brand and request, never with values.

Measured where they are awaited, so it works with any PostgreSQL and needs no right on it: what counts is how long
this program had to wait. Written down every few seconds by a task of its own, never in the way of a request.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import structlog
from prometheus_client import Counter
from sqlalchemy import Index, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel import clock, tracing
from siyu.kernel.db import CLOSE_S, Base, Database, OfBrand
from siyu.kernel.watching import bound_brand

log = structlog.get_logger("siyu.slow")
SLOW = "slow statement"
"""The event's name in the log."""
LONGEST = 2_000
"""Characters of a shape that are kept."""
SHAPES = 100
"""Shapes kept per brand; those met longest ago make room. A process holds twice as many until it writes them down."""
EVERY_S = 5.0
_slow = Counter("siyu_slow_statements_total", "Statements that took longer than SIYU_SLOW_MS")
_VALUES = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|(?<![\w$.])\d+(?:\.\d+)?", re.DOTALL)
_SPACE = re.compile(r"\s+")


class SlowStatementRow(OfBrand, Base):
    """A shape of statement that was slow for this brand, and how slow."""

    __tablename__ = "slow_statements"
    shape_hash: Mapped[str] = mapped_column(primary_key=True)
    shape: Mapped[str]
    times: Mapped[int]
    total_ms: Mapped[int]
    worst_ms: Mapped[int]
    last_ms: Mapped[int]
    last_at: Mapped[datetime]
    last_request_id: Mapped[str]
    """Of the last one; of a batch, the first of its requests. Empty outside of requests."""

    __table_args__ = (Index(None, "brand_id", "last_at"),)


class _Met(msgspec.Struct):
    times: int
    total_ms: int
    worst_ms: int
    last_ms: int
    last_at: datetime
    request_id: str


def shape_of(statement: str) -> str:
    """A statement with a ``?`` for every value that stands in it, on one line, cut to ``LONGEST``."""
    return _SPACE.sub(" ", _VALUES.sub("?", statement)).strip()[:LONGEST]


class SlowStatements:
    """What was slow in this process since it was last written down. Made before the database is opened."""

    def __init__(self, database: Database, slow_ms: int) -> None:
        self._database, self._slow_s = database, slow_ms / 1000
        self._met: dict[tuple[UUID, str], _Met] = {}
        if slow_ms:
            database.watch(self.note)

    def note(self, statement: str, seconds: float, failure: BaseException | None) -> None:
        """Called after each statement, in the context in which it was awaited."""
        if seconds < self._slow_s:
            return
        shape, ms = shape_of(statement), round(seconds * 1000)
        if _OWN in shape or shape.startswith(_DRIVERS):
            return
        _slow.inc()
        brand_id, request_id = bound_brand.get(), tracing.request_id.get()
        failed = type(failure).__name__ if failure else ""
        log.warning(
            SLOW, brand=str(brand_id or ""), ms=ms, shape=shape, failure=failed,
            **({"request_id": request_id} if request_id else {}),
        )  # fmt: skip
        if brand_id is None:  # who wakes work sees all brands; no brand's console shows that
            return
        key = brand_id, shape
        met = self._met.get(key)
        if met is None:
            if len(self._met) >= 2 * SHAPES:
                return
            met = self._met[key] = _Met(0, 0, 0, 0, clock.now(), "")
        met.times, met.total_ms = met.times + 1, met.total_ms + ms
        met.worst_ms = max(met.worst_ms, ms)
        met.last_ms, met.last_at, met.request_id = ms, clock.now(), request_id

    async def write(self) -> None:
        """Put what was met into the brands' tables. What cannot be written is lost; the log has it."""
        met, self._met = self._met, {}
        for brand_id in {brand_id for brand_id, _ in met}:
            mine = [(shape, one) for (of, shape), one in met.items() if of == brand_id]
            async with self._database.raw(brand_id) as connection:
                await connection.execute(
                    _KEEP,
                    [sha256(shape.encode()).hexdigest()[:32] for shape, _ in mine],
                    [shape for shape, _ in mine],
                    *([getattr(one, name) for _, one in mine] for name in _FIELDS),
                )
                await connection.execute(_MAKE_ROOM, SHAPES)

    async def run(self) -> None:
        """Write down every few seconds until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            if self._met:
                try:
                    await self.write()
                except Exception as failure:
                    log.warning("slow statements were not kept", error=type(failure).__name__)


_OWN = "slow_statements"
_DRIVERS = (
    "WITH RECURSIVE typeinfo_tree",
    "SELECT t.oid, t.typelem",
    "SELECT current_setting(?) AS cur, set_config(",
    "SELECT pg_advisory_unlock_all()",
    "select pg_catalog.version()",
    "select current_schema()",
    "show standard_conforming_strings",
)
"""How those statements begin that the driver makes for itself on a new connection, or when it takes one back: nobody's to mend."""
_FIELDS = ("times", "total_ms", "worst_ms", "last_ms", "last_at", "request_id")
_KEEP = """
insert into slow_statements as s (shape_hash, shape, times, total_ms, worst_ms, last_ms, last_at, last_request_id)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[], $8::text[])
              as m(shape_hash, shape, times, total_ms, worst_ms, last_ms, last_at, request_id) order by shape_hash
on conflict (brand_id, shape_hash) do update
set times = s.times + excluded.times, total_ms = s.total_ms + excluded.total_ms,
    worst_ms = greatest(s.worst_ms, excluded.worst_ms), last_ms = excluded.last_ms,
    last_at = excluded.last_at, last_request_id = excluded.last_request_id
"""
_MAKE_ROOM = """
delete from slow_statements where shape_hash in (
    select shape_hash from slow_statements order by last_at desc, shape_hash offset $1 for update skip locked)
"""


async def open_slow_statements(runtime: Any) -> Callable[[], Awaitable[None]] | None:
    """Write down from now on what is slow in a process; nothing when the setting is 0."""
    slow: SlowStatements = runtime.slow
    if not runtime.settings.slow_ms:
        return None
    running = asyncio.create_task(slow.run())

    async def close() -> None:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        with suppress(Exception):  # what was not written down stands in the log
            async with asyncio.timeout(CLOSE_S):
                await slow.write()

    return close


async def slowest(session: AsyncSession, limit: int = 20) -> list[SlowStatementRow]:
    """The brand's slow statements, those that cost most in all first."""
    wanted = select(SlowStatementRow).order_by(SlowStatementRow.total_ms.desc()).limit(limit)
    return list(await session.scalars(wanted))
