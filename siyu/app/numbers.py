"""The event log goes by the transaction numbers of one database server: what to do when it stands on another.

A dump that was restored elsewhere holds numbers that the new server has not reached. What is stated there would get
numbers that every cursor has long passed: nobody would hear it, and the ledger's roll-ups would not count it. So the new server lets numbers pass by until it
is beyond them. Nothing in the log or in a cursor changes, hence nothing is lost and nothing heard twice.
"""

import asyncpg
import structlog

from siyu.kernel.engines import EngineRefused

log = structlog.get_logger("siyu.db")
MOST = 1_000_000_000
"""Numbers that are passed by at most: about half an hour, and far from where PostgreSQL's counter wraps around."""
_STEP = 1_000_000
_MISSING = """
select coalesce(greatest(
    (select max(greatest(lo::text::bigint, hi::text::bigint, coalesce(seen_xid::text::bigint, 0))) from event_cursors),
    (select max(hi::text::bigint) from event_archives),
    (select max(hi) from ledger_cursors),
    (select max(xid::text::bigint) + 1 from events where xid >= pg_snapshot_xmax(pg_current_snapshot()))
), 0) - pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""
_BEHIND = """
select exists (select from event_cursors where hi::text::bigint > pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    or exists (select from ledger_cursors where hi > pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
"""


async def pass_by(owner_url: str) -> int:
    """Bring the server beyond every number of the log; how many numbers that took, usually none.

    Nobody may state events meanwhile. Raises ``EngineRefused`` when it would take more than ``MOST``.
    """
    connection = await asyncpg.connect(owner_url)
    try:
        missing: int = await connection.fetchval(_MISSING)
        if missing > MOST:
            raise EngineRefused(
                f"The event log comes from a server that was {missing} transactions further. Raise this server's counter "
                "beyond it (pg_resetwal --next-transaction-id and --epoch, server stopped), or restore a physical backup."
            )
        left = missing
        while left > 0:
            log.warning("the log comes from another server: numbers pass by", left=left)
            step = min(left, _STEP)
            # A savepoint takes a number as a transaction does, and is four times as quick.
            await connection.execute(
                f"""do $$ begin for i in 1..{step // 1000 + 1} loop
                    for j in 1..1000 loop
                        begin perform pg_current_xact_id(); exception when others then raise; end;
                    end loop;
                    commit;
                end loop; end $$"""
            )
            left = await connection.fetchval(_MISSING)
    finally:
        await connection.close()
    return max(0, missing)


async def check(dispatcher: asyncpg.Connection) -> None:
    """Raise ``EngineRefused`` when the log's followers or the ledger's roll-ups stand beyond this server's numbers."""
    if await dispatcher.fetchval(_BEHIND):
        raise EngineRefused(
            "The database was restored on another server, whose transaction numbers the event log goes by: "
            "run 'siyu db upgrade' before serving."
        )
