"""Handing pages of events to a listener: whole if possible, bisected when it fails, the culprit parked.

What a listener could not digest waits with all later events of its subject, until somebody retries or drops them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import delete, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import driver_of
from siyu.kernel.errors import Busy, NotFound
from siyu.kernel.events.listening import Heard, Listener, listeners
from siyu.kernel.events.tables import ParkedEventRow

log = structlog.get_logger("siyu.events")


async def hear(session: AsyncSession, listener: Listener, page: Sequence[Any]) -> None:
    """Hand a page over; what fails, and what follows it of the same subject, is parked, the rest goes on."""
    waiting = await waiting_subjects(session, listener.name, {row["subject"] for row in page})
    behind = [row for row in page if row["subject"] in waiting]
    if behind:
        await park(session, listener.name, behind, error="", attempts=0)
    await hand_over(session, listener, [row for row in page if row["subject"] not in waiting])


async def hand_over(session: AsyncSession, listener: Listener, rows: Sequence[Any]) -> None:
    """Call the listener with rows in a savepoint; on failure bisect, until the culprit stands alone."""
    if not rows:
        return
    try:
        async with session.begin_nested():
            await listener.call(session, [_heard(listener, row) for row in rows])
        return
    except (ConnectionError, TimeoutError, Busy):
        if listener.outside:
            raise  # the other side is away: not the event's fault, the whole page comes again
        error = "what it needs did not answer"
    except Exception as failure:
        if _database_is_gone(failure):
            raise
        error = f"{type(failure).__name__}: {failure}"[:2000]
        log.warning("listener failed", listener=listener.name, events=len(rows), error=error)
    if len({row["subject"] for row in rows}) == 1:
        if len(rows) == 1:
            await park(session, listener.name, rows, error=error, attempts=1)
            return
        await hand_over(session, listener, rows[:1])
        if await waiting_subjects(session, listener.name, {rows[0]["subject"]}):
            await park(session, listener.name, rows[1:], error="", attempts=0)
        else:
            await hand_over(session, listener, rows[1:])
        return
    by_subject: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        by_subject[row["subject"]].append(row)
    subjects = list(by_subject)
    half = set(subjects[: len(subjects) // 2])
    await hand_over(session, listener, [row for row in rows if row["subject"] in half])
    await hand_over(session, listener, [row for row in rows if row["subject"] not in half])


def _database_is_gone(failure: Exception) -> bool:
    return bool(getattr(failure, "connection_invalidated", False))


def _heard(listener: Listener, row: Any) -> Any:
    event = listener.decode(row["kind"], row["data"])
    if not listener.whole:
        return event
    return Heard(
        event,
        row["seq"],
        row["id"],
        row["occurred_at"],
        row["recorded_at"],
        row["origin"],
        msgspec.json.decode(row["actor"]),
    )


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


async def retry_parked(session: AsyncSession, listener: str, subject: UUID) -> tuple[int, int]:
    """Hand the parked events of a subject to their listener again, in order: (heard, still parked).

    What fails again keeps the moment it was parked at, and its attempts count on.
    """
    known = listeners.get(listener)
    driver = await driver_of(session)
    rows = await driver.fetch(
        """select e.seq, e.id, e.kind, e.subject, e.occurred_at, e.recorded_at, e.origin, e.actor::text as actor, e.data::text as data
           from parked_events p join events e using (brand_id, subject, seq)
           where p.listener = $1 and p.subject = $2 order by e.seq for update of p""",
        listener,
        subject,
    )
    if known is None or not rows:
        raise NotFound(listener=listener, subject=str(subject))
    mine = (ParkedEventRow.listener == listener, ParkedEventRow.subject == subject)
    gone = await session.execute(
        delete(ParkedEventRow)
        .where(*mine)
        .returning(ParkedEventRow.seq, ParkedEventRow.attempts, ParkedEventRow.parked_at)
    )
    before = gone.all()
    await hand_over(session, known, rows)
    await driver.execute(
        """update parked_events p set attempts = p.attempts + b.attempts, parked_at = b.parked_at
           from unnest($2::bigint[], $3::bigint[], $4::timestamptz[]) as b(seq, attempts, parked_at)
           where p.listener = $1 and p.seq = b.seq""",
        listener,
        *([row[at] for row in before] for at in range(3)),
    )
    still = await session.scalar(select(func.count()).select_from(ParkedEventRow).where(*mine))
    return len(rows) - int(still or 0), int(still or 0)
