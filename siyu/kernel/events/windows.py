"""Windows: each listener drains stretches of finished transactions, its cursor in the transaction of its effect.

A single cursor over ids or over ``(xid, seq)`` loses rows, because a transaction with a low id may insert
late. So a window ``lo <= xid < hi`` with ``hi`` = the oldest transaction still running is closed for
ever: nothing can appear in it any more. It is drained in ``seq`` order; only then is the next one opened.

Pages go over the primary key ``(brand_id, seq, xid)`` from ``above`` on: every event with ``xid >= lo`` has a ``seq``
above it. Questions whether anything is there are asked for its last one in that order: ``exists`` says nothing about
the way, and a log that grew since it was last counted was then read whole, each time. Why ``above`` holds. A statement saw the event ``seen_seq``; only then did the follower's own transaction take
its id ``seen_xid``. Ids are given in order, so whoever has ``seen_xid`` or a later one took it after that statement
began. Whoever states takes the id before the first ``seq`` (``log``), and ``seq`` is drawn in order, by all from one
sequence that hands nothing out ahead. So these transactions drew theirs after ``seen_seq`` had been drawn: all are
greater. ``above`` becomes ``seen_seq`` no sooner than ``lo >= seen_xid``. The snapshot's xmax would not do for
``seen_xid``: it is the last *finished* transaction plus one, and one that runs may have a later id and an earlier seq.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec
from asyncpg import Connection
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import Database, driver_of
from siyu.kernel.events.archiving import archived_page
from siyu.kernel.events.handing import hear, lease_of
from siyu.kernel.events.listening import Listener, listeners
from siyu.kernel.files import Files
from siyu.kernel.leases import alone

_LOOK = """
select lo::text::bigint as lo, hi::text::bigint as hi, seq, above, seen_xid::text::bigint as seen_xid, seen_seq,
       s.xmin::text::bigint as xmin, pg_current_xact_id_if_assigned() is null as fresh,
       case when lo >= hi then
           (select e.seq from events e where e.seq > c.above and e.xid >= c.hi order by e.seq desc limit 1) end as newest,
       lo >= hi and (select e.seq from events e where e.seq > c.above and e.xid >= s.xmin order by e.seq desc limit 1)
           is not null as held,
       exists (select from event_archives a where a.hi > c.lo) as archived,
       exists (select from event_archives a where a.hi > c.hi) as archived_ahead
from event_cursors c
cross join (select pg_snapshot_xmin(pg_current_snapshot()) as xmin) s
where listener = $1
"""
_FIRST = """
with x as materialized (select case when pg_current_xact_id_if_assigned() is null then pg_current_xact_id() end as seen)
insert into event_cursors (listener, lo, hi, seq, seen_xid, seen_seq)
select l.name, s.start, s.start, 0, x.seen, coalesce((select e.seq from events e order by e.seq desc limit 1), 0)
from x cross join unnest($1::text[], $2::boolean[]) as l(name, history)
cross join lateral (
    select case when l.history or not exists (select from event_cursors where heard_at < clock_timestamp() - interval '1 minute')
                then '3'::xid8 else pg_snapshot_xmin(pg_current_snapshot()) end) as s(start)
on conflict do nothing
"""
_TAKE = """
select pg_current_xact_id()::text::bigint from event_cursors
where listener = $1 and lo = $2::text::xid8 and hi = $3::text::xid8 and seq = $4
for update"""
PAGE = """
select seq, id, kind, subject, occurred_at, recorded_at, origin, actor::text as actor, data::text as data from events
where xid >= $1::text::xid8 and xid < $2::text::xid8 and seq > $3 and kind = any($4) and ($5 or origin = 'live')
order by seq limit $6
"""
_KEEP = """
update event_cursors set lo = $2::text::xid8, hi = $3::text::xid8, seq = $4, heard_at = $5, above = $6,
       seen_xid = $7::text::xid8, seen_seq = $8
where listener = $1
"""


class Step(msgspec.Struct, frozen=True):
    """What one step did: events heard, and whether to come ``again`` now, ``later`` (held back), or when rung.

    ``taken``: another process is at it. It may end in the middle, so look again soon.
    """

    heard: int
    then: Literal["again", "later", "taken", "done"]
    moved: bool = True


_NOTHING = Step(0, "done", moved=False)
_HELD = Step(0, "later", moved=False)
_TAKEN = Step(0, "taken", moved=False)


class _Cursor(msgspec.Struct, frozen=True):
    lo: int
    hi: int
    seq: int
    above: int
    seen_xid: int | None
    seen_seq: int | None
    xmin: int
    fresh: bool
    newest: int | None
    held: bool
    archived: bool
    archived_ahead: bool

    def raised(self) -> "_Cursor":
        """With the noted ``above`` in force, if the next window begins where it holds."""
        if self.seen_xid is None or self.seen_seq is None or self.hi < self.seen_xid:
            return self
        above = max(self.above, self.seen_seq)
        return msgspec.structs.replace(self, above=above, seen_xid=None, seen_seq=None)

    def opened(self, mine: int) -> "_Cursor":
        """The next window: from the end of this one to the oldest transaction still running.

        ``mine``: the follower's own transaction id. It was taken after ``newest`` was read if that look was ``fresh``.
        """
        at = self.raised()
        if at.seen_xid is None and self.newest is not None and self.fresh:
            at = msgspec.structs.replace(at, seen_xid=mine, seen_seq=self.newest)
        return msgspec.structs.replace(at, lo=self.hi, hi=self.xmin, seq=at.above)

    def drained(self) -> "_Cursor":
        """The window with nothing left in it, so that nobody looks into it again."""
        at = self.raised()
        return msgspec.structs.replace(at, lo=self.hi, seq=at.above)

    def after(self, page: Sequence[Any], size: int) -> "_Cursor":
        """Behind a page that was heard; one that is not full was the last of its window."""
        return (
            msgspec.structs.replace(self, seq=page[-1]["seq"])
            if len(page) == size
            else self.drained()
        )

    def stands(self, listener: str) -> tuple[str, str, str, int]:
        """What names this place to ``_TAKE``."""
        return listener, str(self.lo), str(self.hi), self.seq

    async def keep(self, driver: Connection, listener: str) -> None:
        """Write it down in the transaction of the effect."""
        await driver.execute(
            _KEEP, listener, str(self.lo), str(self.hi), self.seq, clock.now(), self.above,
            None if self.seen_xid is None else str(self.seen_xid), self.seen_seq,
        )  # fmt: skip


async def make_cursors(database: Database, brand_id: UUID, known: Sequence[Listener]) -> None:
    """Give a brand's listeners the cursors they lack, all in one statement: where they begin must not depend on turns."""
    async with database.brand(brand_id) as session:
        await _first(await driver_of(session), known)


async def start_over(session: AsyncSession, names: Sequence[str]) -> None:
    """Let listeners of the session's brand hear everything again from the beginning (rebuilds of projections)."""
    await (await driver_of(session)).execute(
        """update event_cursors set lo = '3'::xid8, hi = '3'::xid8, seq = 0, above = 0, seen_xid = null, seen_seq = null
           where listener = any($1)""",
        list(names),
    )


async def _first(driver: Connection, known: Sequence[Listener]) -> bool:
    made = await driver.execute(_FIRST, [one.name for one in known], [one.history for one in known])
    return not made.endswith(" 0")


async def take_step(
    database: Database, brand_id: UUID, listener: Listener, files: Files | None = None
) -> Step:
    """One step of one listener of one brand: a page of its window, which is opened first if the last one is drained.

    A cursor that another process holds is left alone. ``files`` is needed only where the log was archived.
    Raises what an outside listener raises when the other side is away: the same page comes again.
    """
    try:
        async with database.brand(brand_id) as session:
            step = await _step(session, listener, files)
        if step is not None:
            return step
        # The lease first and to the end: whoever has it next must see what was written about this page.
        async with alone(database, brand_id, lease_of(listener.name)) as mine:
            if not mine:
                return _TAKEN
            async with database.brand(brand_id) as session:
                return await _tell(session, listener, files)
    except _Overtaken:
        return Step(0, "again")


async def _step(session: AsyncSession, listener: Listener, files: Files | None) -> Step | None:
    """A step inside PostgreSQL; ``None``: there is a page that is to be told outside."""
    driver = await driver_of(session)
    row = await driver.fetchrow(_LOOK, listener.name)
    if row is None:
        return Step(0, "again") if await _first(driver, [listener]) else _NOTHING
    at = _Cursor(**row)
    opening = at.lo >= at.hi
    if opening and at.newest is None and not at.archived_ahead:
        return _NOTHING
    if opening and at.xmin <= at.hi:
        return _HELD
    if listener.outside and not opening:
        return None
    mine = await driver.fetchval(_TAKE + " skip locked", *at.stands(listener.name))
    if mine is None:
        return _TAKEN
    window = at.opened(mine) if opening else at
    if listener.outside:
        # Kept before anything leaves the house, so that a repetition after a crash is the same list.
        await window.keep(driver, listener.name)
        return Step(0, "again")
    page = await _page(driver, window, listener, files)
    if page:
        await hear(session, listener, page)
    await window.after(page, listener.page).keep(driver, listener.name)
    if len(page) == listener.page or not opening:
        return Step(len(page), "again")
    return Step(len(page), "later" if at.held else "done")


class _Overtaken(Exception):
    """The cursor was moved while its page was told outside; what is written about that page is rolled back."""


async def _tell(session: AsyncSession, listener: Listener, files: Files | None) -> Step:
    """A page for a listener outside, the cursor's row unlocked until it has answered.

    Locking a row takes a transaction id, and until its end no listener of any brand would hear what came after it.
    The caller's lease takes none; it keeps other processes away. Who was frozen and lost it finds the cursor moved.
    """
    driver = await driver_of(session)
    row = await driver.fetchrow(_LOOK, listener.name)
    at = None if row is None else _Cursor(**row)
    if at is None or at.lo >= at.hi:  # told by another process since we looked
        return Step(0, "again")
    page = await _page(driver, at, listener, files)
    if page:
        await hear(session, listener, page)
    if await driver.fetchval(_TAKE, *at.stands(listener.name)) is None:
        raise _Overtaken
    await at.after(page, listener.page).keep(driver, listener.name)
    return Step(len(page), "again")


async def _page(
    driver: Connection, window: _Cursor, listener: Listener, files: Files | None
) -> list[Any]:
    kinds = list(listener.kinds)
    page: list[Any] = await driver.fetch(
        PAGE, str(window.lo), str(window.hi), window.seq, kinds, listener.history, listener.page
    )
    if window.archived:
        page = await archived_page(
            driver, files, (window.lo, window.hi, window.seq), listener, beside=page
        )
    return page


async def follow_once(
    database: Database, brand_id: UUID, listener: Listener, files: Files | None = None
) -> int:
    """Take one step; the number of events heard (0: the cursor moved), -1 when there is nothing to be heard now."""
    step = await take_step(database, brand_id, listener, files)
    return step.heard if step.moved else -1


_HELD_BACK = """
select (select seq from events where xid >= pg_snapshot_xmin(pg_current_snapshot())
        and seq > coalesce((select min(above) from event_cursors), 0) order by seq desc limit 1) is not null
"""


async def drain(
    database: Database,
    brand_id: UUID,
    names: set[str] | None = None,
    *,
    files: Files | None = None,
) -> int:
    """Follow all listeners of a brand until nothing is new (tests, rebuilds, the demo); events heard.

    Transaction ids are counted over all databases of a server, so a neighbour's open transaction holds
    the window back: waits up to 20 s in all until it is over. ``files``: needed once the brand's log is archived.
    """
    total, until = 0, time.monotonic() + 20
    for listener in list(listeners.values()):
        if names is not None and listener.name not in names:
            continue
        await _window_may_open(database, brand_id, until)
        while (count := await follow_once(database, brand_id, listener, files)) >= 0:
            total += count
    return total


async def _window_may_open(database: Database, brand_id: UUID, until: float) -> None:
    async with database.raw(brand_id) as connection:
        while await connection.fetchval(_HELD_BACK) and time.monotonic() < until:
            await asyncio.sleep(0.01)
