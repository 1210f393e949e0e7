"""Parked events: what a listener could not digest waits here, with all later events of its subject."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import driver_of
from siyu.kernel.errors import NotFound
from siyu.kernel.events.tables import ParkedEventRow


class ParkedSubject(msgspec.Struct, frozen=True):
    """One subject that waits at one listener, with the failure of its first event."""

    listener: str
    subject: UUID
    kind: str
    first_seq: int
    events: int
    error: str
    attempts: int
    parked_at: datetime


async def waiting_subjects(
    session: AsyncSession, listener: str, subjects: Iterable[UUID]
) -> set[UUID]:
    """Those of ``subjects`` that have parked events at the listener."""
    return set(
        await session.scalars(
            select(ParkedEventRow.subject)
            .distinct()
            .where(ParkedEventRow.listener == listener, ParkedEventRow.subject.in_(list(subjects)))
        )
    )


async def park(
    session: AsyncSession, listener: str, rows: Sequence[Any], *, error: str, attempts: int
) -> None:
    """Put events aside, in one statement."""
    driver = await driver_of(session)
    await driver.execute(
        """insert into parked_events (listener, seq, subject, kind, error, attempts, parked_at)
           select $1, e.seq, e.subject, e.kind, $2, $3, $4 from unnest($5::bigint[], $6::uuid[], $7::text[]) as e(seq, subject, kind)
           on conflict (brand_id, listener, seq) do update set error = excluded.error, attempts = parked_events.attempts + 1""",
        listener,
        error,
        attempts,
        clock.now(),
        [row["seq"] for row in rows],
        [row["subject"] for row in rows],
        [row["kind"] for row in rows],
    )


async def parked_page(
    session: AsyncSession, *, after: tuple[str, UUID] | None = None, limit: int = 50
) -> list[ParkedSubject]:
    """Waiting subjects by listener and subject, at most ``limit`` after the given pair."""
    first = select(
        ParkedEventRow.listener,
        ParkedEventRow.subject,
        func.min(ParkedEventRow.seq).label("first_seq"),
        func.count().label("events"),
    ).group_by(ParkedEventRow.listener, ParkedEventRow.subject)
    if after is not None:
        first = first.where(tuple_(ParkedEventRow.listener, ParkedEventRow.subject) > after)
    heads = first.order_by(ParkedEventRow.listener, ParkedEventRow.subject).limit(limit).subquery()
    rows = await session.execute(
        select(heads.c.events, ParkedEventRow)
        .join(
            heads,
            (heads.c.listener == ParkedEventRow.listener)
            & (heads.c.first_seq == ParkedEventRow.seq),
        )
        .order_by(ParkedEventRow.listener, ParkedEventRow.subject)
    )
    return [
        ParkedSubject(
            row.listener,
            row.subject,
            row.kind,
            row.seq,
            count,
            row.error,
            row.attempts,
            row.parked_at,
        )
        for count, row in rows
    ]


async def drop_parked(session: AsyncSession, listener: str, subject: UUID) -> int:
    """Give up the parked events of a subject at a listener; how many. The events stay in the log."""
    found = await session.execute(
        delete(ParkedEventRow)
        .where(ParkedEventRow.listener == listener, ParkedEventRow.subject == subject)
        .returning(text("1"))
    )
    dropped = len(found.all())
    if not dropped:
        raise NotFound(listener=listener, subject=str(subject))
    return dropped
