"""Roll-ups: what was posted moves from the tail into sums by hour, so that reading a balance never reads everything."""

from datetime import timedelta

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, timers
from siyu.kernel.db import driver_of
from siyu.kernel.ledger.posting import ROLL_UP

BUSY, CALM = timedelta(seconds=30), timedelta(minutes=10)
_CURSOR = """
insert into ledger_cursors (hi) values (0) on conflict (brand_id) do update set hi = ledger_cursors.hi returning hi
"""
_ROLL = """
with until as materialized (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as hi),
moved as materialized (
    select p.source, p.destination, p.kind, p.amount, date_trunc('hour', p.booked_at, 'UTC') as hour
    from ledger_postings p cross join until where p.state = 'posted' and p.tx >= $1 and p.tx < until.hi),
sums as (
    select a.book, s.kind, s.hour, sum(s.debit)::bigint as debit, sum(s.credit)::bigint as credit
    from (select source as account_id, kind, hour, sum(amount) as debit, 0 as credit from moved group by 1, 2, 3
          union all
          select destination, kind, hour, 0, sum(amount) from moved group by 1, 2, 3) s
    join ledger_accounts a on a.id = s.account_id
    group by a.book, s.kind, s.hour),
rolled as (
    insert into ledger_roll_ups as r (account_id, kind, hour, debit, credit) select * from sums
    on conflict (brand_id, account_id, kind, hour)
    do update set debit = r.debit + excluded.debit, credit = r.credit + excluded.credit),
noted as (update ledger_cursors set hi = greatest(ledger_cursors.hi, until.hi) from until)
select count(*) from moved
"""


async def roll_up_on(connection: asyncpg.Connection) -> int:
    """Move the tail into roll-ups, in the caller's transaction; how many postings moved.

    Only what transactions older than every running one have posted is moved, so a late commit is never passed over.
    Those who roll up wait for each other.
    """
    lo: int = await connection.fetchval(_CURSOR)
    return await connection.fetchval(_ROLL, lo)


@timers.due(ROLL_UP)
async def roll_up(session: AsyncSession, due: list[timers.Timer]) -> None:
    """The brand's timer; it puts itself again, sooner while something is posted."""
    moved = await roll_up_on(await driver_of(session))
    pause = BUSY if moved else CALM
    await timers.put(session, ROLL_UP, due[0].subject, clock.now() + pause)
