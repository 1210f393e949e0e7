"""Leases on work whose effects lie outside PostgreSQL: one process at a time, and a dead or frozen one no longer than seconds.

A lease is an advisory lock in a transaction of its own, on a connection that its holder keeps awake. Who is killed
loses the connection and the lock with it. Who is frozen (or cut off) stops beating, and the server ends a transaction
that says nothing for ``IDLE_S``. Nothing is written, so a lease takes no transaction id and holds back no follower.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel.db import IDLE_S, Database

BEAT_S = IDLE_S / 4


def number_of(brand_id: UUID, name: str) -> int:
    """The number of the advisory lock that stands for ``name`` in a brand."""
    return int.from_bytes(sha256(f"{name} {brand_id}".encode()).digest()[:8], signed=True)


@asynccontextmanager
async def alone(database: Database, brand_id: UUID, name: str) -> AsyncGenerator[bool]:
    """Whether nobody else holds ``name`` of the brand, in any process; it stays so to the end of the block.

    A holder that was frozen longer than ``IDLE_S`` has lost it without noticing: what it writes then needs a condition
    of its own (a cursor that still stands, rows that are still there). Raises at the end when the lease was lost.
    """
    async with database.raw(brand_id) as connection:
        mine: bool = await connection.fetchval(
            "select pg_try_advisory_xact_lock($1)", number_of(brand_id, name)
        )
        if not mine:
            yield False
            return
        over = asyncio.Event()
        beating = asyncio.create_task(_beat(connection, over))
        try:
            yield True
        finally:
            over.set()
            await beating


@asynccontextmanager
async def taking_time(session: AsyncSession, seconds: float) -> AsyncGenerator[None]:
    """Let the session's transaction say nothing for so long: a file is read, somebody outside is asked.

    Only before it has locked anything: whoever is frozen inside keeps what it holds for that long.
    """
    await session.execute(_MAY_BE_SILENT, {"limit": f"{seconds:g}s"})
    yield
    await session.execute(_MAY_BE_SILENT, {"limit": f"{IDLE_S:g}s"})  # a failure rolls it back


_MAY_BE_SILENT = text("select set_config('idle_in_transaction_session_timeout', :limit, true)")


async def _beat(connection: asyncpg.Connection, over: asyncio.Event) -> None:
    """Say something every ``BEAT_S``; a connection that is lost is noticed by whoever uses it next."""
    while not over.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT_S):
                await over.wait()
            return
        try:
            await connection.execute("select 1", timeout=IDLE_S)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            return
