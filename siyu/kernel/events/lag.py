"""How far listeners are behind, and who holds the log back: the oldest transaction that is still running."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel.db import Database, driver_of
from siyu.kernel.events.listening import Listener, listeners

COUNTED = 10_000
"""No listener is told to be further behind than this; finding out would read what it has to read anyway."""
PATIENCE_S = 1.0
"""A transaction younger than this holds nobody back worth speaking of."""

_WAITING = """
    select count(*) as events, min(recorded_at) as since from (
        select e.recorded_at from events e
        where e.brand_id = c.brand_id and e.seq > c.above and e.xid >= c.lo and (e.xid >= c.hi or e.seq > c.seq)
          and e.kind = any(string_to_array(l.kinds, ',')) and (l.history or e.origin = 'live')
        limit 10000) w
"""
_BEHIND = f"""
select l.name as listener, coalesce(w.events, 0) as events,
       coalesce(extract(epoch from clock_timestamp() - w.since), 0)::bigint as seconds,
       (select count(*) from parked_events p where p.listener = l.name) as parked, c.heard_at
from unnest($1::text[], $2::boolean[], $3::text[]) as l(name, history, kinds)
left join event_cursors c on c.listener = l.name
left join lateral ({_WAITING}) w on true
order by events desc, l.name
"""
_OF_THE_HOUSE = f"""
select l.name as listener, coalesce(sum(w.events), 0)::bigint as events,
       coalesce(extract(epoch from clock_timestamp() - min(w.since)), 0)::bigint as seconds,
       (select count(*) from parked_events p where p.listener = l.name) as parked, null::timestamptz as heard_at
from unnest($1::text[], $2::boolean[], $3::text[]) as l(name, history, kinds)
left join event_cursors c on c.listener = l.name
left join lateral ({_WAITING}) w on true
group by l.name order by l.name
"""
_HELD = """
select (select e.seq from events e where e.seq > c.above and e.xid >= pg_snapshot_xmin(pg_current_snapshot())
        order by e.seq desc limit 1) is not null
from (select coalesce(min(above), 0) as above from event_cursors) c
"""
_HOLDERS = """
select kind, pid, name, coalesce(role, ''), state, extract(epoch from clock_timestamp() - since)::float8 from event_log.held_by()
"""


class Behind(msgspec.Struct, frozen=True):
    """What a listener has not heard yet: events (at most ``COUNTED`` are counted) and the age of the oldest."""

    listener: str
    events: int
    seconds: int
    parked: int
    heard_at: datetime | None


class Holder(msgspec.Struct, frozen=True):
    """The oldest transaction still running, of whatever program: what came after it cannot be heard before its end."""

    kind: str
    """``session``, or ``prepared`` (a two-phase transaction that nobody finished; it has no process)."""
    pid: int | None
    name: str
    """The application name of the session, or the id of the prepared transaction."""
    role: str
    state: str
    seconds: int
    """Since it began; when PostgreSQL does not let us see that, since the oldest event that waits."""

    @property
    def advice(self) -> dict[str, str]:
        """What to do about it, in Chinese and English."""
        if self.kind == "prepared":
            end = f"rollback prepared '{self.name}'"
            return {
                "zh-CN": f"两阶段事务「{self.name}」一直没有结束。请让发起它的程序提交；没人认领时，在数据库里执行 {end};",
                "en": f"The prepared transaction “{self.name}” was never finished. Let its program commit it; if nobody claims it, run {end}; in the database.",
            }
        end = f"select pg_terminate_backend({self.pid})"
        who = self.name or self.role
        if self.state.startswith("idle in transaction"):
            return {
                "zh-CN": f"「{who}」（进程 {self.pid}）开着一个事务不动。请在那边提交或回滚；找不到人时，在数据库里执行 {end};",
                "en": f"“{who}” (process {self.pid}) has left a transaction open. Commit or roll it back there; if nobody is found, run {end}; in the database.",
            }
        return {
            "zh-CN": f"「{who}」（进程 {self.pid}）有一个长事务在跑，多半会自己结束，之后一切照常。等不了时，在数据库里执行 {end};",
            "en": f"“{who}” (process {self.pid}) is in a long transaction. It will most likely end by itself and all goes on. If it cannot wait, run {end}; in the database.",
        }


class Lag(msgspec.Struct, frozen=True):
    """A brand's listeners, the furthest behind first, and who holds them back, if anybody."""

    listeners: list[Behind]
    held_by: Holder | None


def _columns(known: Sequence[Listener]) -> tuple[list[str], list[bool], list[str]]:
    return (
        [one.name for one in known],
        [one.history for one in known],
        [",".join(one.kinds) for one in known],
    )


async def behind(session: AsyncSession, names: Sequence[str] | None = None) -> list[Behind]:
    """How far the listeners (all, or those named) of the session's brand are behind."""
    return await behind_on(await driver_of(session), names)


async def behind_on(driver: Any, names: Sequence[str] | None = None) -> list[Behind]:
    """The same on a bare, brand-bound connection, in its transaction."""
    known = [one for one in listeners.values() if names is None or one.name in names]
    rows = await driver.fetch(_BEHIND, *_columns(known))
    return [Behind(*row) for row in rows]


async def lag_of_brand(database: Database, session: AsyncSession) -> Lag:
    """The session's brand: how far its listeners are behind, and who holds them back."""
    found = await behind(session)
    held = await (await driver_of(session)).fetchval(_HELD)
    oldest = max((one.seconds for one in found), default=0)
    return Lag(found, await held_by(database, at_least_s=oldest) if held else None)


async def held_by(database: Database, *, at_least_s: int = 0) -> Holder | None:
    """Who has been the oldest running transaction for longer than ``PATIENCE_S``; None when nobody."""
    async with database.dispatcher() as connection:
        rows = await connection.fetch(_HOLDERS)
    for kind, pid, name, role, state, age_s in rows:
        seconds = float(at_least_s) if age_s is None else age_s
        if seconds > PATIENCE_S:
            return Holder(kind, pid, name, role, state, int(seconds))
    return None


async def lag_of_house(database: Database) -> Lag:
    """The same over all brands together, for the operator's metrics."""
    async with database.dispatcher() as connection:
        rows = await connection.fetch(_OF_THE_HOUSE, *_columns(list(listeners.values())))
    return Lag([Behind(*row) for row in rows], await held_by(database))
