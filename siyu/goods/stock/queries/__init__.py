"""Reads of stock. The doors take a session or a bare brand-bound connection, and lists, in one round trip."""

from collections.abc import Iterable
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.stock import rules
from siyu.kernel.db import driver_of

Source = AsyncSession | asyncpg.Connection
Place = tuple[UUID, UUID]
"""``(sku_id, location_id)``"""


class Level(msgspec.Struct, frozen=True):
    """What is there of a SKU at a place, in pieces."""

    sku_id: UUID
    location_id: UUID
    on_hand: int
    reserved: int
    safety: int

    @property
    def free(self) -> int:
        """Pieces that may be promised; below zero when safety stock is in use."""
        return rules.free(self.on_hand, self.reserved, self.safety)


class Location(msgspec.Struct, frozen=True):
    """A place that keeps pieces."""

    id: UUID
    name: dict[str, str]
    kind: str
    unit_id: UUID | None
    sells_online: bool


async def connection_of(source: Source) -> asyncpg.Connection:
    """The asyncpg connection behind either kind of source."""
    return await driver_of(source) if isinstance(source, AsyncSession) else source


async def locations(source: Source) -> list[Location]:
    """All places of the brand; the one that sells online first, then in the order they were opened."""
    connection = await connection_of(source)
    rows = await connection.fetch(
        """select id, name::text as name, kind, unit_id, sells_online from stock_locations
           order by sells_online desc, created_at, id"""
    )
    return [
        Location(
            r["id"], msgspec.json.decode(r["name"]), r["kind"], r["unit_id"], r["sells_online"]
        )
        for r in rows
    ]


async def levels(source: Source, places: Iterable[Place]) -> dict[Place, Level]:
    """Balances without locking them; places that never had a piece are absent."""
    connection = await connection_of(source)
    wanted = sorted(set(places))
    rows = await connection.fetch(
        """select l.sku_id, l.location_id, l.on_hand, l.reserved, l.safety
           from unnest($1::uuid[], $2::uuid[]) as w(sku_id, location_id)
           join stock_levels l on l.sku_id = w.sku_id and l.location_id = w.location_id""",
        [sku for sku, _ in wanted],
        [location for _, location in wanted],
    )
    return {(row["sku_id"], row["location_id"]): Level(*row) for row in rows}


async def online(source: Source, sku_ids: Iterable[UUID]) -> dict[UUID, Level]:
    """Balances at the place that sells online; SKUs that never had a piece there are absent."""
    connection = await connection_of(source)
    rows = await connection.fetch(
        """select l.sku_id, l.location_id, l.on_hand, l.reserved, l.safety
           from stock_levels l join stock_locations p on p.brand_id = l.brand_id and p.id = l.location_id and p.sells_online
           where l.sku_id = any($1::uuid[])""",
        list(sku_ids),
    )
    return {row["sku_id"]: Level(*row) for row in rows}


async def free(
    source: Source, sku_ids: Iterable[UUID], location_id: UUID | None = None
) -> dict[UUID, int]:
    """Free pieces of each SKU asked for, zero where there never was one; online unless a place is named."""
    wanted = list(sku_ids)
    if location_id is None:
        found = await online(source, wanted)
    else:
        found = {
            sku: level
            for (sku, _), level in (
                await levels(source, [(s, location_id) for s in wanted])
            ).items()
        }
    return {sku: found[sku].free if sku in found else 0 for sku in wanted}


async def free_in_stores(source: Source, sku_ids: Iterable[UUID]) -> dict[Place, int]:
    """Free pieces by (SKU, unit of the store); stores that never had a piece of it are absent."""
    connection = await connection_of(source)
    rows = await connection.fetch(
        """select l.sku_id, p.unit_id, l.on_hand - l.reserved - l.safety as free
           from stock_levels l join stock_locations p on p.brand_id = l.brand_id and p.id = l.location_id
           where l.sku_id = any($1::uuid[]) and p.kind = 'store' and p.unit_id is not null""",
        list(sku_ids),
    )
    return {(row["sku_id"], row["unit_id"]): row["free"] for row in rows}
