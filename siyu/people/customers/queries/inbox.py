"""Reads of the demo's message inbox."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from siyu.kernel import vault
from siyu.kernel.db import brand_on


class DemoMessage(msgspec.Struct, frozen=True):
    """A text message that would have been sent."""

    at: datetime
    phone: str
    text: str


class Said(msgspec.Struct, frozen=True):
    """What is sealed of a message, with the brand's own key: whoever gets it may be nobody's customer yet."""

    phone: str
    text: str


_INBOX = """
select m.at, m.sealed, w.token from unnest($1::uuid[]) as w(token)
cross join lateral (select at, sealed from demo_messages m where m.phone_token = w.token order by at desc limit $2) m
"""


async def demo_messages(
    connection: asyncpg.Connection, phones: Sequence[str], *, limit: int = 20
) -> dict[str, list[DemoMessage]]:
    """The latest messages to these phones in the demo's inbox, newest first; absent for none."""
    brand_id = brand_on(connection)
    asked = sorted({one for one in vault.tokens(brand_id, "phone", phones) if one})
    rows = await connection.fetch(_INBOX, asked, limit)
    found: dict[str, list[DemoMessage]] = {}
    for message in await _opened(connection, rows):
        found.setdefault(message.phone, []).append(message)
    return found


async def latest_demo_messages(
    connection: asyncpg.Connection, *, limit: int = 20
) -> list[DemoMessage]:
    """The latest messages of the demo's inbox, newest first."""
    rows = await connection.fetch(
        "select at, sealed from demo_messages order by at desc limit $1", limit
    )
    return await _opened(connection, rows)


async def _opened(
    connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]
) -> list[DemoMessage]:
    if not rows:
        return []
    brand_id = brand_on(connection)
    key = (await vault.keys_of(connection, [brand_id]))[brand_id]
    said = [key.open("message", row["sealed"], Said) for row in rows]
    return [
        DemoMessage(row["at"], one.phone, one.text) for row, one in zip(rows, said, strict=True)
    ]
