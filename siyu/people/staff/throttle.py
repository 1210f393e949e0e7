"""Limits that hold across processes: how often something may be tried in a window of time."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address
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
        await connection.execute(_SWEEP, limit.kind, now - limit.window, 20)


_SWEEP = """
delete from attempts where ctid = any(array(
    select ctid from attempts where kind = $1 and started_at <= $2 limit $3 for update skip locked))
"""
_OPEN_TALLY = """
insert into attempts (kind, key, started_at, count) select $1, key, $2, 0 from unnest($3::text[]) as w(key)
on conflict (brand_id, kind, key) do update set count = attempts.count
returning key, count, started_at
"""
_DROP_UNUSED = "delete from attempts where kind = $1 and key = any($2::text[]) and count = 0"
_KEEP_TALLY = """
update attempts a set count = w.count, started_at = w.started_at
from unnest($2::text[], $3::bigint[], $4::timestamptz[]) as w(key, count, started_at)
where a.kind = $1 and a.key = w.key
"""


class Tally:
    """``count_attempt`` for many keys in two round trips: ``open``, ``check`` and ``add`` each attempt, ``keep``.

    Attempts on the keys wait from ``open`` to the end of the transaction. Tallies of several limits are opened in
    the same order everywhere, so that none waits for another in a circle.
    """

    def __init__(self, limit: Limit) -> None:
        self._limit, self._now = limit, clock.now()
        self._counts: dict[str, tuple[int, datetime]] = {}
        self._added: set[str] = set()

    async def open(self, connection: asyncpg.Connection, keys: Iterable[str]) -> None:
        """Lock and read the counters of these keys."""
        wanted = sorted(set(keys))
        if not wanted:
            return
        for key, count, started_at in await connection.fetch(
            _OPEN_TALLY, self._limit.kind, self._now, wanted
        ):
            over = started_at <= self._now - self._limit.window
            self._counts[key] = (0, self._now) if over else (count, started_at)

    def check(self, key: str) -> None:
        """Raises ``TooMany`` when one more attempt would be one too many."""
        count, started_at = self._counts[key]
        if count >= self._limit.most:
            left_s = (started_at + self._limit.window - self._now).total_seconds()
            raise TooMany(retry_after_s=max(1, int(left_s) + 1))

    def add(self, key: str) -> None:
        """One more attempt, that counts."""
        count, started_at = self._counts[key]
        self._counts[key] = (count + 1, started_at)
        self._added.add(key)

    async def keep(self, connection: asyncpg.Connection) -> None:
        """Write what was added, leave nothing of keys that were only opened; now and then sweep out what is over."""
        added = sorted(self._added)
        unused = sorted(key for key, (count, _) in self._counts.items() if not count)
        if unused:
            await connection.execute(_DROP_UNUSED, self._limit.kind, unused)
        if not added:
            return
        counts = [self._counts[key] for key in added]
        await connection.execute(
            _KEEP_TALLY, self._limit.kind, added, [count for count, _ in counts], [at for _, at in counts],
        )  # fmt: skip
        if secrets.randbelow(8) == 0:
            await connection.execute(
                _SWEEP, self._limit.kind, self._now - self._limit.window, 20 * len(added)
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


def network_of(address: str) -> str:
    """What a caller holds at least: an IPv4 address, or the /64 around an IPv6 one, where addresses cost nothing."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        return str(IPv6Network((int(known), 64), strict=False))
    return str(known)
