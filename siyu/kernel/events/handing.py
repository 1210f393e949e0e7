"""Handing pages of events to a listener: whole if possible, bisected when it fails, the culprit parked."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel.db import driver_of
from siyu.kernel.errors import NotFound
from siyu.kernel.events.listening import Heard, Listener, listeners
from siyu.kernel.events.parking import park, waiting_subjects
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
    except (ConnectionError, TimeoutError):
        if listener.outside:
            raise  # the other side is away: not the event's fault, the whole page comes again
        error = "the connection failed"
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


async def retry_parked(session: AsyncSession, listener: str, subject: UUID) -> tuple[int, int]:
    """Hand the parked events of a subject to their listener again, in order: (heard, still parked)."""
    known = listeners.get(listener)
    driver = await driver_of(session)
    rows = await driver.fetch(
        """select e.seq, e.id, e.kind, e.subject, e.occurred_at, e.recorded_at, e.origin, e.actor::text as actor, e.data::text as data
           from parked_events p join events e using (brand_id, seq)
           where p.listener = $1 and p.subject = $2 order by e.seq for update of p""",
        listener,
        subject,
    )
    if known is None or not rows:
        raise NotFound(listener=listener, subject=str(subject))
    await session.execute(
        delete(ParkedEventRow).where(
            ParkedEventRow.listener == listener, ParkedEventRow.subject == subject
        )
    )
    await hand_over(session, known, rows)
    still = await session.scalar(
        select(func.count()).where(
            ParkedEventRow.listener == listener, ParkedEventRow.subject == subject
        )
    )
    return len(rows) - int(still or 0), int(still or 0)
