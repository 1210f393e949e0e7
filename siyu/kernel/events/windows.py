"""Windows: each listener drains stretches of finished transactions, its cursor in the transaction of its effect.

A single cursor over ids or over ``(xid, seq)`` loses rows, because a transaction with a low id may insert
late. So a window ``lo <= xid < hi`` with ``hi`` = the oldest transaction still running is closed for
ever: nothing can appear in it any more. It is drained in ``seq`` order; only then is the next one opened.

Pages go over the primary key ``(brand_id, seq, xid)`` from ``above`` on. ``above`` is proven, not guessed: when a
window opens, the newest ``seq`` in sight and a transaction number that nobody has yet are noted; whoever gets that
number or a later one states events with a later ``seq``.
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
from siyu.kernel.events.handing import hear
from siyu.kernel.events.listening import Listener, listeners
from siyu.kernel.files import Files

_LOOK = """
select lo::text::bigint as lo, hi::text::bigint as hi, seq, above, seen_xid::text::bigint as seen_xid, seen_seq,
       s.xmin::text::bigint as xmin, s.xmax::text::bigint as xmax,
       case when lo >= hi then
           (select e.seq from events e where e.seq > c.above and e.xid >= c.hi order by e.seq desc limit 1) end as newest,
       lo >= hi and exists (select from events e where e.seq > c.above and e.xid >= s.xmin) as held,
       exists (select from event_archives a where a.hi > c.lo) as archived,
       exists (select from event_archives a where a.hi > c.hi) as archived_ahead
from event_cursors c
cross join (select pg_snapshot_xmin(now) as xmin, pg_snapshot_xmax(now) as xmax from pg_current_snapshot() now) s
where listener = $1
"""
_FIRST = """
insert into event_cursors (listener, lo, hi, seq, seen_xid, seen_seq)
select l.name, s.start, s.start, 0, s.seen, coalesce((select e.seq from events e order by e.seq desc limit 1), 0)
from unnest($1::text[], $2::boolean[]) as l(name, history)
cross join lateral (
    select case when l.history or not exists (select from event_cursors where heard_at < clock_timestamp() - interval '1 minute')
                then '3'::xid8 else pg_snapshot_xmin(pg_current_snapshot()) end,
           pg_snapshot_xmax(pg_current_snapshot())) as s(start, seen)
on conflict do nothing
"""
_TAKE = """
select true from event_cursors where listener = $1 and lo = $2::text::xid8 and hi = $3::text::xid8 and seq = $4
for update skip locked
"""
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
    """What one step did: events heard, and whether to come ``again`` now, ``later`` (held back), or when rung."""

    heard: int
    then: Literal["again", "later", "done"]
    moved: bool = True


_NOTHING = Step(0, "done", moved=False)
_HELD = Step(0, "later", moved=False)


class _Cursor(msgspec.Struct, frozen=True):
    lo: int
    hi: int
    seq: int
    above: int
    seen_xid: int | None
    seen_seq: int | None
    xmin: int
    xmax: int
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

    def opened(self) -> "_Cursor":
        """The next window: from the end of this one to the oldest transaction still running."""
        at = self.raised()
        if at.seen_xid is None and self.newest is not None:
            at = msgspec.structs.replace(at, seen_xid=self.xmax, seen_seq=self.newest)
        return msgspec.structs.replace(at, lo=self.hi, hi=self.xmin, seq=at.above)

    def drained(self) -> "_Cursor":
        """The window with nothing left in it, so that nobody looks into it again."""
        at = self.raised()
        return msgspec.structs.replace(at, lo=self.hi, seq=at.above)

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
    async with database.brand(brand_id) as session:
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
        if not await driver.fetchval(_TAKE, listener.name, str(at.lo), str(at.hi), at.seq):
            return _NOTHING
        window = at.opened() if opening else at
        if opening and listener.outside:
            # Kept before anything leaves the house, so that a repetition after a crash is the same list.
            await window.keep(driver, listener.name)
            return Step(0, "again")
        page = await _page(driver, window, listener, files)
        if page:
            await hear(session, listener, page)
        if len(page) == listener.page:
            await msgspec.structs.replace(window, seq=page[-1]["seq"]).keep(driver, listener.name)
            return Step(len(page), "again")
        await window.drained().keep(driver, listener.name)
        if not opening:
            return Step(len(page), "again")
        return Step(len(page), "later" if at.held else "done")


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
select exists (select from events where xid >= pg_snapshot_xmin(pg_current_snapshot())
               and seq > coalesce((select min(above) from event_cursors), 0))
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
    the window back: waits up to 3 s in all until it is over. ``files``: needed once the brand's log is archived.
    """
    total, until = 0, time.monotonic() + 3
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
