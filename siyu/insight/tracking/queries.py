"""Reading the spool, for the warehouse."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import zstandard
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.insight.tracking.rules import Kept
from siyu.insight.tracking.tables import TrackingSpoolRow
from siyu.kernel.db import Database

_decoder = msgspec.json.Decoder(list[Kept])


class Spooled(msgspec.Struct, frozen=True):
    """One spooled pack."""

    id: UUID
    received_at: datetime
    messages: list[Kept]


async def take(session: AsyncSession, limit: int = 50) -> list[Spooled]:
    """The oldest packs, locked; packs that another process holds are left out. ``forget`` them when they are kept."""
    rows = await session.scalars(
        select(TrackingSpoolRow)
        .order_by(TrackingSpoolRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    unpack = zstandard.ZstdDecompressor()
    return [
        Spooled(row.id, row.received_at, _decoder.decode(unpack.decompress(row.body)))
        for row in rows
    ]


async def forget(session: AsyncSession, ids: Sequence[UUID]) -> None:
    """Drop packs that have reached the warehouse."""
    await session.execute(delete(TrackingSpoolRow).where(TrackingSpoolRow.id.in_(list(ids))))


async def backlog(database: Database) -> list[tuple[UUID, int, int]]:
    """(brand, packs, messages) that wait, read as the dispatcher."""
    async with database.dispatcher() as connection:
        rows: Any = await connection.fetch(
            "select brand_id, count(*), sum(messages) from tracking_spool group by brand_id"
        )
    return [(row[0], row[1], int(row[2])) for row in rows]
