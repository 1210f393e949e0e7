"""Followers: each listener drains windows of the log, page by page, with its cursor in the same transaction.

A single cursor over ids or over ``(xid, seq)`` loses rows, because a transaction with a low id may insert
late. So a window ``lo <= xid < hi`` with ``hi`` = the oldest transaction still running is closed for
ever: nothing can appear in it any more. It is drained in ``seq`` order; only then is the next one opened.
"""

import asyncio
import time
from uuid import UUID

import structlog

from siyu.kernel import clock
from siyu.kernel.db import Database, driver_of
from siyu.kernel.events.handing import hear
from siyu.kernel.events.listening import Listener, listeners

log = structlog.get_logger("siyu.events")

_CURSOR = "select lo::text::bigint, hi::text::bigint, seq from event_cursors where listener = $1 for update skip locked"
_FIRST = """
insert into event_cursors (listener, lo, hi, seq)
select $1, start, start, 0
from (select case when $2 or not exists (select from event_cursors where heard_at < clock_timestamp() - interval '1 minute')
                  then '3'::xid8 else pg_snapshot_xmin(pg_current_snapshot()) end) as s(start)
on conflict do nothing
"""
_PAGE = """
select seq, id, kind, subject, occurred_at, recorded_at, origin, actor::text as actor, data::text as data from events
where xid >= $1::text::xid8 and xid < $2::text::xid8 and seq > $3 and kind = any($4) and ($5 or origin = 'live')
order by seq limit $6
"""
_OPEN = """
select case when exists (select from events where xid >= $1::text::xid8)
            then pg_snapshot_xmin(pg_current_snapshot())::text::bigint else 0 end
"""
_KEEP = """
update event_cursors set lo = $2::text::xid8, hi = $3::text::xid8, seq = $4, heard_at = $5 where listener = $1
"""


async def follow_once(database: Database, brand_id: UUID, listener: Listener) -> int:
    """Take one step for one listener of one brand; the number of events heard, -1 when there is nothing new.

    Returns 0 when a window was closed or opened without events for this listener. When another process
    holds the cursor it is left alone (-1).
    """
    async with database.brand(brand_id) as session:
        driver = await driver_of(session)
        row = await driver.fetchrow(_CURSOR, listener.name)
        if row is None:
            made = await driver.execute(_FIRST, listener.name, listener.history)
            return 0 if made.endswith("1") else -1
        lo, hi, seq = row
        page = (
            await driver.fetch(
                _PAGE, str(lo), str(hi), seq, list(listener.kinds), listener.history, listener.page
            )
            if lo < hi
            else []
        )
        if not page:
            newest = await driver.fetchval(_OPEN, str(hi))
            if newest <= hi:
                if lo < hi:  # mark the window as drained, so that nobody looks into it again
                    await driver.execute(_KEEP, listener.name, str(hi), str(hi), 0, clock.now())
                return -1
            await driver.execute(_KEEP, listener.name, str(hi), str(newest), 0, clock.now())
            return 0
        await hear(session, listener, page)
        await driver.execute(_KEEP, listener.name, str(lo), str(hi), page[-1]["seq"], clock.now())
        return len(page)


_BEHIND = """
select d.brand_id from (select distinct brand_id from directory where kind = 'brand') d
cross join lateral (
    select count(*) as known, min(hi::text::bigint) as hi, bool_or(lo < hi) as inside
    from event_cursors c where c.brand_id = d.brand_id and c.listener = any($1)
) c
where c.inside or c.known < $2
   or exists (select from events e where e.brand_id = d.brand_id and e.xid >= c.hi::text::xid8)
"""


class Follower:
    """Runs all listeners of all brands in one process, polling."""

    def __init__(
        self, database: Database, *, poll_s: float = 0.5, only: set[str] | None = None
    ) -> None:
        self._database = database
        self._poll_s = poll_s
        self._listeners = [one for one in listeners.values() if only is None or one.name in only]

    async def run(self) -> None:
        """Follow until cancelled. A failure (database away) is logged and tried again."""
        while True:
            try:
                busy = await self.step()
            except asyncio.CancelledError:
                raise
            except Exception as failure:
                log.warning("follower waits", error=f"{type(failure).__name__}: {failure}"[:300])
                await asyncio.sleep(min(self._poll_s * 4, 2))
                continue
            if not busy:
                await asyncio.sleep(self._poll_s)

    async def step(self) -> bool:
        """One round over the brands with news; whether anything was heard."""
        names = [listener.name for listener in self._listeners]
        async with self._database.dispatcher() as connection:
            brands = [row["brand_id"] for row in await connection.fetch(_BEHIND, names, len(names))]
        heard = False
        for brand_id in brands:
            for listener in self._listeners:
                heard |= await self._drain(brand_id, listener)
        return heard

    async def _drain(self, brand_id: UUID, listener: Listener) -> bool:
        heard, until = False, time.monotonic() + 5
        while time.monotonic() < until:
            count = await follow_once(self._database, brand_id, listener)
            if count < 0:
                return heard
            heard |= count > 0
        return True


_HELD_BACK = (
    "select exists (select from events where xid >= pg_snapshot_xmin(pg_current_snapshot()))"
)


async def drain(database: Database, brand_id: UUID, names: set[str] | None = None) -> int:
    """Follow all listeners of a brand until nothing is new (tests, rebuilds, the demo); events heard.

    Transaction ids are counted over all databases of a server, so a neighbour's open transaction holds
    the window back: waits up to 3 s in all until it is over.
    """
    total, until = 0, time.monotonic() + 3
    for listener in listeners.values():
        if names is not None and listener.name not in names:
            continue
        await _window_may_open(database, brand_id, until)
        while (count := await follow_once(database, brand_id, listener)) >= 0:
            total += count
    return total


async def _window_may_open(database: Database, brand_id: UUID, until: float) -> None:
    async with database.raw(brand_id) as connection:
        while await connection.fetchval(_HELD_BACK) and time.monotonic() < until:
            await asyncio.sleep(0.01)
