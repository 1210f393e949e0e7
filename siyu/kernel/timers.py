"""Deadlines: rows with a due time, taken in sets; millions of them waiting cost nothing."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Index, delete
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel import clock
from siyu.kernel.db import Base, Database, OfBrand, driver_of
from siyu.kernel.together import Write, write_together

log = structlog.get_logger("siyu.timers")


class TimerRow(OfBrand, Base):
    """One deadline of one subject; putting it again moves it."""

    __tablename__ = "timers"
    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(primary_key=True)
    due_at: Mapped[datetime]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    attempts: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        Index(None, "brand_id", "kind", "due_at"),
        Index(
            "timers_due_at_brand_idx", "due_at", "brand_id", "kind"
        ),  # the dispatcher asks who is due
        {"info": {"dispatch": ["brand_id", "kind", "due_at"]}},
    )


class Timer(msgspec.Struct, frozen=True):
    """A deadline that has come."""

    subject: UUID
    due_at: datetime
    data: dict[str, Any]


Due = Callable[[AsyncSession, list[Timer]], Awaitable[None]]
handlers: dict[str, Due] = {}
_SET = 500
_PUT = """
insert into timers (kind, subject, due_at, data)
select $1, t.subject, t.due_at, t.data::jsonb from unnest($2::uuid[], $3::timestamptz[], $4::text[]) as t(subject, due_at, data)
on conflict (brand_id, kind, subject) do update set due_at = excluded.due_at, data = excluded.data, attempts = 0
"""


def due(kind: str) -> Callable[[Due], Due]:
    """Register ``async def act(session, timers)`` for a kind of deadline; it gets a set, in one transaction."""

    def register(act: Due) -> Due:
        assert kind not in handlers, f"two handlers for timers of kind {kind}"
        handlers[kind] = act
        return act

    return register


async def put(
    session: AsyncSession,
    kind: str,
    subject: UUID,
    due_at: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Set (or move) a subject's deadline, in the session's transaction."""
    await put_on(await driver_of(session), kind, [subject], [due_at], [data or {}])


async def put_on(
    connection: Any,
    kind: str,
    subjects: Sequence[UUID],
    due_at: Sequence[datetime],
    data: Sequence[dict[str, Any]] | None = None,
) -> None:
    """Set many deadlines in one statement on a bare, brand-bound connection; lists run in parallel."""
    await write_together(connection, putting(kind, subjects, due_at, data))


def putting(
    kind: str,
    subjects: Sequence[UUID],
    due_at: Sequence[datetime],
    data: Sequence[dict[str, Any]] | None = None,
) -> Write:
    """``put_on`` for those who write something else in the same message."""
    nothing: dict[str, Any] = {}
    values = data if data is not None else [nothing] * len(subjects)
    texts = [msgspec.json.encode(value).decode() for value in values]
    return Write(_PUT, (kind, list(subjects), list(due_at), texts))


async def drop(session: AsyncSession, kind: str, subjects: Sequence[UUID]) -> None:
    """Forget deadlines; unknown ones are no matter."""
    await session.execute(
        delete(TimerRow).where(TimerRow.kind == kind, TimerRow.subject.in_(list(subjects)))
    )


async def run_due(database: Database, brand_id: UUID, kinds: Sequence[str] | None = None) -> int:
    """Act on everything of a brand that is due now, set by set; how many deadlines were served."""
    served = 0
    for kind in kinds if kinds is not None else list(handlers):
        seen = _SET
        while seen == _SET:
            done, seen = await _serve_set(database, brand_id, kind)
            served += done
    return served


async def _serve_set(database: Database, brand_id: UUID, kind: str) -> tuple[int, int]:
    """``(served, seen)`` of one set. When one spoils the set, each is served alone and the culprits step back."""
    seen: list[UUID] = []
    try:
        await _act(database, brand_id, kind, seen)
    except Exception as failure:
        if not seen:
            raise
        _tell(kind, brand_id, failure)
    else:
        return len(seen), len(seen)
    served = 0
    for subject in seen:
        alone: list[UUID] = []
        try:
            await _act(database, brand_id, kind, alone, subject)
            served += len(alone)
        except Exception as failure:
            _tell(kind, brand_id, failure)
            await _step_back(database, brand_id, kind, subject)
    return served, len(seen)


def _tell(kind: str, brand_id: UUID, failure: Exception) -> None:
    log.warning(
        "timers failed",
        kind=kind,
        brand=str(brand_id),
        error=f"{type(failure).__name__}: {failure}"[:500],
    )


async def _act(
    database: Database, brand_id: UUID, kind: str, seen: list[UUID], only: UUID | None = None
) -> None:
    """Take a set that nobody else has (or the one subject) and act on it; ``seen`` fills with what was taken."""
    async with database.brand(brand_id) as session:
        rows = await (await driver_of(session)).fetch(
            """delete from timers where (kind, subject) in (
                   select kind, subject from timers
                   where kind = $1 and due_at <= $2 and ($4::uuid is null or subject = $4)
                   order by due_at limit $3 for update skip locked)
               returning subject, due_at, data::text""",
            kind,
            clock.now(),
            _SET,
            only,
        )
        if rows:
            timers = sorted(
                (Timer(r[0], r[1], msgspec.json.decode(r[2])) for r in rows), key=lambda t: t.due_at
            )
            seen += [timer.subject for timer in timers]
            await handlers[kind](session, timers)


async def _step_back(database: Database, brand_id: UUID, kind: str, subject: UUID) -> None:
    """Wait 1, 2, 4 … seconds, an hour at most, before the subject is tried again."""
    async with database.brand(brand_id) as session:
        await (await driver_of(session)).execute(
            """update timers set attempts = attempts + 1,
                                 due_at = $2 + least(power(2, least(attempts, 12)), 3600) * interval '1 second'
               where kind = $1 and subject = $3 and due_at <= $2""",
            kind,
            clock.now(),
            subject,
        )


async def serve(database: Database, *, poll_s: float = 0.5) -> None:
    """Act on due deadlines of all brands until cancelled."""
    while True:
        try:
            async with database.dispatcher() as connection:
                waiting = await connection.fetch(
                    "select distinct brand_id, kind from timers where due_at <= $1 limit 1000",
                    clock.now(),
                )
            by_brand: dict[UUID, list[str]] = defaultdict(list)
            for row in waiting:
                if row["kind"] in handlers:
                    by_brand[row["brand_id"]].append(row["kind"])
            for brand_id, kinds in by_brand.items():
                await run_due(database, brand_id, kinds)
        except asyncio.CancelledError:
            raise
        except Exception as failure:
            log.warning("timers wait", error=f"{type(failure).__name__}: {failure}"[:300])
        await asyncio.sleep(poll_s)
