"""Handing pages of events to a listener: whole if possible, bisected when it fails, the culprit parked.

What a listener could not digest waits with all later events of its subject, until somebody retries or drops them.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import delete, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, tracing
from siyu.kernel.db import after_commit, brand_of, driver_of, is_away
from siyu.kernel.errors import Busy, NotFound
from siyu.kernel.events.listening import Heard, Keep, Listener, listeners
from siyu.kernel.events.log import ring
from siyu.kernel.events.tables import ParkedEventRow
from siyu.kernel.leases import number_of, taking_time

log = structlog.get_logger("siyu.events")
_T = TypeVar("_T")
ASKING_S = 75.0
"""How long a transaction, which holds no row then, may wait for somebody outside."""


async def hear(session: AsyncSession, listener: Listener, page: Sequence[Any]) -> None:
    """Hand a page over; what fails, and what follows it of the same subject, is parked, the rest goes on.

    Raises what will pass by itself (see ``passes``): the page comes again.
    """
    places = tracing.carried_by(row["actor"] for row in page)
    facts = {"siyu.brand": str(brand_of(session)), "siyu.events": len(page)}
    with tracing.span(f"hear {listener.name}", facts, places=places, kind=tracing.CONSUMER):
        await _hear(session, listener, page)


async def _hear(session: AsyncSession, listener: Listener, page: Sequence[Any]) -> None:
    waiting = await waiting_subjects(session, listener.name, {row["subject"] for row in page})
    well = [row for row in page if row["subject"] not in waiting]
    await _put_aside(session, listener, *await _told(session, listener, well))
    behind = [row for row in page if row["subject"] in waiting]
    if behind:
        await park(session, listener.name, behind, error="", attempts=0)


async def _told(
    session: AsyncSession, listener: Listener, rows: Sequence[Any]
) -> tuple[list[tuple[Any, str]], list[Any]]:
    """Call the listener with rows in a savepoint; on failure halve, until the culprits stand alone with their errors.

    Also those that have to wait behind them. Rows of a subject stay in order. What an outside listener wants kept is
    written when all has been told, so no call needs a transaction id.
    """
    todo, culprits, behind = [list(rows)], list[tuple[Any, str]](), list[Any]()
    keeps = list[tuple[Any, Keep]]()
    while todo:
        batch = todo.pop()
        if not batch:
            continue
        error, answers = await _failure(session, listener, batch)
        if error is None:
            keeps += [(row, keep) for row, keep in zip(batch, answers or (), strict=False) if keep]
            continue
        if len(batch) > 1:
            todo += _halves(batch)
            continue
        culprits.append((batch[0], error))
        sick = batch[0]["subject"]
        while todo and todo[-1][0]["subject"] == sick:  # its later events are the next batches
            behind += todo.pop()
    stuck = set[UUID]()
    for row, keep in keeps:
        if row["subject"] in stuck:
            behind.append(row)
        elif error := (await _tried(session, listener, 1, partial(keep, session)))[0]:
            culprits.append((row, error))
            stuck.add(row["subject"])
    return culprits, behind


async def _put_aside(
    session: AsyncSession,
    listener: Listener,
    culprits: Sequence[tuple[Any, str]],
    behind: list[Any],
) -> None:
    for row, error in culprits:
        await park(session, listener.name, [row], error=error, attempts=1)
    if behind:
        await park(session, listener.name, behind, error="", attempts=0)


def _halves(batch: list[Any]) -> tuple[list[Any], list[Any]]:
    """The later and the earlier half. Subjects are kept whole while there are several."""
    by_subject: dict[UUID, list[Any]] = defaultdict(list)
    for row in batch:
        by_subject[row["subject"]].append(row)
    subjects = list(by_subject)
    if len(subjects) == 1:
        return batch[len(batch) // 2 :], batch[: len(batch) // 2]
    early = set(subjects[: len(subjects) // 2])
    return (
        [row for row in batch if row["subject"] not in early],
        [row for row in batch if row["subject"] in early],
    )


async def _failure(
    session: AsyncSession, listener: Listener, rows: list[Any]
) -> tuple[str | None, Sequence[Keep | None] | None]:
    """Call the listener: what it failed with (None: it did not), and what it answered."""

    async def call() -> Sequence[Keep | None] | None:
        heard = [_heard(listener, row) for row in rows]
        if not listener.outside:
            return await listener.call(session, heard)
        async with taking_time(session, ASKING_S):
            return await listener.call(session, heard)

    return await _tried(session, listener, len(rows), call)


async def _tried(
    session: AsyncSession, listener: Listener, events: int, call: Callable[[], Awaitable[_T]]
) -> tuple[str | None, _T | None]:
    """Do a listener's work in a savepoint: its failure, or what came of it. Raises what will pass by itself."""
    try:
        async with session.begin_nested():
            return None, await call()
    except Exception as failure:
        # A page that took too long may go in halves; a lone event that did is tried again.
        if passes(failure) and (listener.outside or events == 1 or not _too_slow(failure)):
            raise
        error = f"{type(failure).__name__}: {failure}"[:2000]
        log.warning("listener failed", listener=listener.name, events=events, error=error)
        return error, None


_PASSING = ("40", "08", "53")
"""Classes of SQLSTATE: rolled back for others' sake, no connection, no room."""
_LOCKED, _CANCELLED = "55P03", "57014"


def passes(failure: BaseException | None) -> bool:
    """Whether a failure is not the event's fault and will pass: a deadlock, a lock or time limit, somebody away."""
    if isinstance(failure, (ConnectionError, TimeoutError, Busy)) or is_away(failure):
        return True
    state = _sqlstate(failure)
    return state in (_LOCKED, _CANCELLED) or state.startswith(_PASSING)


def _too_slow(failure: BaseException) -> bool:
    return isinstance(failure, TimeoutError) or _sqlstate(failure) == _CANCELLED


def _sqlstate(failure: BaseException | None) -> str:
    """PostgreSQL's code for a failure, as asyncpg raised it or inside SQLAlchemy's own; empty if it is none."""
    while failure is not None:
        if state := getattr(failure, "sqlstate", None):
            return str(state)
        failure = failure.__cause__
    return ""


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
    rows = await (await driver_of(session)).fetch(
        "select distinct subject from parked_events where listener = $1 and subject = any($2::uuid[])",
        listener,
        list(subjects),
    )
    return {row["subject"] for row in rows}


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


def lease_of(listener: str) -> str:
    """The name of the lease under which one process at a time tells the outside for a listener."""
    return f"siyu.events {listener}"


_CURSOR = "select from event_cursors where listener = $1 for update"


async def _stop(session: AsyncSession, listener: str) -> None:
    """Let nobody hear for this listener until the transaction ends: nothing is parked meanwhile. Then ring for it.

    Of an outside listener the advisory lock is enough, and takes no transaction id.
    """
    driver, known = await driver_of(session), listeners.get(listener)
    if known and known.outside:
        number = number_of(brand_of(session), lease_of(listener))
        await driver.execute("select pg_advisory_xact_lock($1)", number)
    else:
        await driver.execute(_CURSOR, listener)
    if known:
        # Who came by meanwhile left the listener alone and went back to sleep.
        after_commit(session, partial(ring, brand_of(session), frozenset(known.kinds)))


async def drop_parked(session: AsyncSession, listener: str, subject: UUID) -> int:
    """Give up the parked events of a subject at a listener; how many. The events stay in the log."""
    await _stop(session, listener)
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

    What fails again keeps the moment it was parked at, and its attempts count on. Raises what will pass by itself
    (see ``passes``): then all stays as it was. Waits for a follower in the middle of a page of this listener. While an
    outside listener is called the transaction has no id yet, unless the caller has written before.
    """
    known = listeners.get(listener)
    driver = await driver_of(session)
    await _stop(session, listener)
    rows = await driver.fetch(
        """select e.seq, e.id, e.kind, e.subject, e.occurred_at, e.recorded_at, e.origin, e.actor::text as actor, e.data::text as data
           from parked_events p join events e using (brand_id, subject, seq)
           where p.listener = $1 and p.subject = $2 order by e.seq""",
        listener,
        subject,
    )
    if known is None or not rows:
        raise NotFound(listener=listener, subject=str(subject))
    culprits, behind = await _told(session, known, rows)
    gone = await session.execute(
        delete(ParkedEventRow)
        .where(
            ParkedEventRow.listener == listener,
            ParkedEventRow.seq.in_([row["seq"] for row in rows]),
        )
        .returning(ParkedEventRow.seq, ParkedEventRow.attempts, ParkedEventRow.parked_at)
    )
    before = gone.all()
    await _put_aside(session, known, culprits, behind)
    failed = await driver.execute(
        """update parked_events p set attempts = p.attempts + b.attempts, parked_at = b.parked_at
           from unnest($2::bigint[], $3::bigint[], $4::timestamptz[]) as b(seq, attempts, parked_at)
           where p.listener = $1 and p.seq = b.seq""",
        listener,
        *([row[at] for row in before] for at in range(3)),
    )
    still = await driver.fetchval(
        "select count(*) from parked_events where listener = $1 and subject = $2", listener, subject
    )
    return len(rows) - int(failed.split()[-1]), still
