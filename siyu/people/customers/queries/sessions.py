"""Reads of sessions: whose they are."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import driver_of
from siyu.people.customers import rules

Source = AsyncSession | asyncpg.Connection


async def connection_of(source: Source) -> asyncpg.Connection:
    """The asyncpg connection behind either kind of source."""
    return await driver_of(source) if isinstance(source, AsyncSession) else source


class Person(msgspec.Struct, frozen=True):
    """Whose session it is. A guest's ``id`` is that of their device."""

    kind: str
    """``guest`` · ``customer``"""
    id: UUID
    device_id: UUID


_SESSION = """
select device_id, customer_id, last_seen_at from shop_sessions
where token_hash = $1 and last_seen_at > $2 and created_at > $3
"""
_SESSIONS = """
select s.token_hash, s.device_id, s.customer_id, s.last_seen_at < $4 as unseen from unnest($1::text[]) as w(token_hash)
cross join lateral (select * from shop_sessions s where s.token_hash = w.token_hash limit 1) s
where s.last_seen_at > $2 and s.created_at > $3
"""
_SEEN = "update shop_sessions set last_seen_at = $2 where token_hash = any($1::text[])"


def _person(device_id: UUID, customer_id: UUID | None) -> Person:
    return (
        Person("customer", customer_id, device_id)
        if customer_id
        else Person("guest", device_id, device_id)
    )


async def person_behind(source: Source, token_hash: str) -> Person | None:
    """The person behind a token's hash; ``None`` when the session has ended."""
    now = clock.now()
    row = await (await connection_of(source)).fetchrow(
        _SESSION, token_hash, now - rules.IDLE, now - rules.LONGEST
    )
    return _person(row["device_id"], row["customer_id"]) if row else None


async def people_behind(
    connection: asyncpg.Connection, token_hashes: Sequence[str]
) -> list[Person | None]:
    """``person_behind`` for many tokens by position, in one round trip; those not seen for a while are seen now."""
    now = clock.now()
    rows = await connection.fetch(
        _SESSIONS, list(token_hashes), now - rules.IDLE, now - rules.LONGEST, now - rules.SEEN_EVERY
    )
    unseen = [row["token_hash"] for row in rows if row["unseen"]]
    if unseen:
        await connection.execute(_SEEN, sorted(unseen), now)
    found = {row["token_hash"]: _person(row["device_id"], row["customer_id"]) for row in rows}
    return [found.get(token_hash) for token_hash in token_hashes]


async def session_behind(session: AsyncSession, token_hash: str) -> tuple[Person, float] | None:
    """``person_behind`` with the seconds since the session was last seen."""
    now = clock.now()
    row = await (await driver_of(session)).fetchrow(
        _SESSION, token_hash, now - rules.IDLE, now - rules.LONGEST
    )
    if row is None:
        return None
    return _person(row["device_id"], row["customer_id"]), (
        now - row["last_seen_at"]
    ).total_seconds()
