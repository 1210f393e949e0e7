"""Limits that hold across processes: how often something may be tried in a window of time."""

import secrets
from datetime import timedelta
from ipaddress import ip_address
from uuid import UUID

import asyncpg
import msgspec

from siyu.kernel import clock
from siyu.kernel.errors import TooMany

NOBODY = UUID(int=0)
"""The brand of attempts that are made before a brand is known."""


class Limit(msgspec.Struct, frozen=True):
    """At most ``most`` attempts in ``window``; ``kind`` names the counter."""

    kind: str
    most: int
    window: timedelta


_COUNT = """
insert into attempts (kind, key, started_at, count) values ($1, $2, $3, 1)
on conflict (brand_id, kind, key) do update set
    count = case when attempts.started_at <= $4 then 1 else attempts.count + 1 end,
    started_at = case when attempts.started_at <= $4 then $3 else attempts.started_at end
returning count, started_at
"""


async def count_attempt(connection: asyncpg.Connection, limit: Limit, key: str) -> None:
    """Count an attempt. Raises ``TooMany`` with ``retry_after_s`` when it is one too many.

    Attempts on one key wait for each other until the transaction ends. The count of a refused one is
    rolled back with it, so the window ends when it was said to end.
    """
    now = clock.now()
    row = await connection.fetchrow(_COUNT, limit.kind, key, now, now - limit.window)
    assert row is not None
    count, started_at = int(row["count"]), row["started_at"]
    if count > limit.most:
        raise TooMany(
            retry_after_s=max(1, int((started_at + limit.window - now).total_seconds()) + 1)
        )
    if count == 1 and secrets.randbelow(8) == 0:  # now and then: more go than come
        await connection.execute(
            "delete from attempts where ctid = any(array(select ctid from attempts where kind = $1 and started_at <= $2 limit 20 for update skip locked))",
            limit.kind,
            now - limit.window,
        )


async def uncount_attempt(connection: asyncpg.Connection, limit: Limit, key: str) -> None:
    """Take one attempt back: it was a good one."""
    await connection.execute(
        "update attempts set count = greatest(count - 1, 0) where kind = $1 and key = $2",
        limit.kind,
        key,
    )


async def forget_attempts(connection: asyncpg.Connection, limit: Limit, key: str) -> None:
    """Begin anew for a key."""
    await connection.execute("delete from attempts where kind = $1 and key = $2", limit.kind, key)


def is_telling(address: str) -> bool:
    """Whether an address tells callers apart. Loopback does not: it is the machine itself or a proxy on it."""
    try:
        return not ip_address(address).is_loopback
    except ValueError:
        return False
