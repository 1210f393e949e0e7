"""The log's partitions: the next one always there, the old ones into files and gone once nobody can miss them.

The functions of the schema ``event_log`` do it with the owner's rights and keep the conditions themselves; the
dispatcher may call them and nothing else (revision 0003).
"""

import asyncio
from datetime import datetime, timedelta
from typing import Literal

import asyncpg
import msgspec
import structlog

from siyu.kernel.db import Database
from siyu.kernel.events.archiving import archive
from siyu.kernel.events.listening import listeners
from siyu.kernel.files import Files

log = structlog.get_logger("siyu.events")
EVERY_S = 300.0
Kept = Literal["", "unknown", "open", "unarchived", "unheard", "parked", "busy"]
"""Why a stretch stays: '' = it is gone; busy = its locks were not to be had in two seconds."""

_BRANDS = """
with recursive brands as (
    (select brand_id from events where xid >= $1::text::xid8 and xid < $2::text::xid8 order by brand_id limit 1)
    union all
    select (select e.brand_id from events e where e.xid >= $1::text::xid8 and e.xid < $2::text::xid8
            and e.brand_id > b.brand_id order by e.brand_id limit 1)
    from brands b where b.brand_id is not null
)
select brand_id from brands where brand_id is not null
"""
_OLD = """
select name, lo, hi from (select *, lead(made_at, 2) over (order by hi) as ended_at from event_log.stretches()) s
where ended_at < clock_timestamp() - $1::interval and hi <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
order by hi
"""


class Stretch(msgspec.Struct, frozen=True):
    """A partition: events with ``lo <= xid < hi``. ``made_at``: when it was made, one stretch ahead of its use."""

    name: str
    lo: int
    hi: int
    made_at: datetime | None


async def all_stretches(database: Database) -> list[Stretch]:
    """All partitions in order, without the one for stragglers."""
    async with database.dispatcher() as connection:
        rows = await connection.fetch(
            "select name, lo, hi, nullif(made_at, '-infinity') as made_at from event_log.stretches() order by hi"
        )
    return [Stretch(*row) for row in rows]


async def extend(database: Database, *, aim: timedelta = timedelta(days=30)) -> int:
    """Make the next partitions until a whole one is ahead, each meant to last for ``aim``; how many were made."""
    async with database.dispatcher() as connection:
        return await connection.fetchval("select event_log.extend($1)", aim)


async def put_away(database: Database, files: Files, *, older_than: timedelta) -> dict[str, Kept]:
    """Archive the partitions that ended so long ago and drop those that nobody can miss; by name why others stay."""
    async with database.dispatcher() as connection:
        old = await connection.fetch(_OLD, older_than)
    outcome: dict[str, Kept] = {}
    for name, lo, hi in old:
        async with database.dispatcher() as connection:
            brands = [row["brand_id"] for row in await connection.fetch(_BRANDS, str(lo), str(hi))]
        written = sum([await archive(database, files, brand_id, lo, hi) for brand_id in brands])
        outcome[name] = await let_go(database, name)
        log.info(
            "events put away", stretch=name, brands=len(brands), written=written, kept=outcome[name]
        )
    return outcome


async def let_go(database: Database, name: str) -> Kept:
    """Drop a partition if it is closed, archived whole, heard by every listener and nothing parked needs it."""
    async with database.dispatcher() as connection:
        try:
            return await connection.fetchval(
                "select event_log.let_go($1, $2)", name, list(listeners), timeout=600
            )
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            return "busy"


async def keep_in_order(database: Database, files: Files, *, keep: timedelta | None) -> None:
    """Until cancelled: partitions ahead, old ones away (``keep`` None: never). What fails is logged and tried again."""
    while True:
        try:
            await extend(database)
            if keep is not None:
                await put_away(database, files, older_than=keep)
        except asyncio.CancelledError:
            raise
        except Exception as failure:
            log.warning("log upkeep waits", error=f"{type(failure).__name__}: {failure}"[:300])
        await asyncio.sleep(EVERY_S)
