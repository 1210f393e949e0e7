"""The console's lists of balances and movements, in a constant number of round trips."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from siyu.goods import catalogue
from siyu.goods.catalogue import ImageOut
from siyu.goods.stock.queries import Location
from siyu.goods.stock.rules import FEW
from siyu.kernel.errors import NotFound


class StockRowOut(msgspec.Struct):
    """A balance."""

    sku_id: UUID
    code: str
    product_id: UUID
    title: dict[str, str]
    option_label: dict[str, str]
    image: ImageOut | None
    location_id: UUID
    location_name: dict[str, str]
    on_hand: int
    reserved: int
    free: int
    safety: int
    updated_at: datetime


class StockPage(msgspec.Struct):
    """A page of balances."""

    items: list[StockRowOut]
    next: str | None


class MovementOut(msgspec.Struct):
    """One change of a balance, with the balance after it."""

    id: str
    at: datetime
    kind: str
    delta_on_hand: int
    delta_reserved: int
    on_hand_after: int
    reserved_after: int
    order_id: UUID | None
    order_number: str | None
    reason: str
    actor_name: str


class MovementPage(msgspec.Struct):
    """A page of movements."""

    items: list[MovementOut]
    next: str | None


async def page_of_stock(
    connection: asyncpg.Connection,
    places: Sequence[Location],
    *,
    q: str,
    low: bool,
    after: tuple[UUID, UUID] | None,
    limit: int,
) -> tuple[list[StockRowOut], tuple[UUID, UUID] | None]:
    """Balances at places, those of the newest SKUs first; at most ``limit``, after a (SKU, place); where to go on.

    Those of deleted products are left out, so a page may be shorter.

    Needs the primary key of ``stock_levels``, and (brand_id, location_id, sku_id) for one place.
    """
    arguments: list[Any] = [[one.id for one in places]]
    conditions = ["location_id = any($1::uuid[])"]
    if q.strip():
        arguments.append(await catalogue.skus_found(connection, q))
        conditions.append(f"sku_id = any(${len(arguments)}::uuid[])")
    if low:
        conditions.append(f"on_hand - reserved - safety <= {FEW}")
    if after is not None:
        arguments += after
        conditions.append(f"(sku_id, location_id) < (${len(arguments) - 1}, ${len(arguments)})")
    rows = await connection.fetch(
        f"""select sku_id, location_id, on_hand, reserved, safety, updated_at from stock_levels
            where {" and ".join(conditions)} order by sku_id desc, location_id desc limit {limit + 1}""",
        *arguments,
    )
    last = (
        (rows[limit - 1]["sku_id"], rows[limit - 1]["location_id"]) if len(rows) > limit else None
    )
    return await _shown(connection, places, rows[:limit]), last


async def stock_row(connection: asyncpg.Connection, place: Location, sku_id: UUID) -> StockRowOut:
    """One balance. Raises ``NotFound``."""
    rows = await connection.fetch(
        """select sku_id, location_id, on_hand, reserved, safety, updated_at from stock_levels
           where sku_id = $1 and location_id = $2""",
        sku_id,
        place.id,
    )
    shown = await _shown(connection, [place], rows)
    if not shown:
        raise NotFound(sku_id=str(sku_id))
    return shown[0]


async def _shown(
    connection: asyncpg.Connection, places: Sequence[Location], rows: Sequence[Any]
) -> list[StockRowOut]:
    """Balances with what the catalogue says of their SKUs."""
    known = await catalogue.sellable(connection, {row["sku_id"] for row in rows})
    pictures = await catalogue.images(connection, [sku.image_id for sku in known.values()])
    names = {place.id: place.name for place in places}
    return [
        StockRowOut(
            sku_id=sku.sku_id,
            code=sku.code,
            product_id=sku.product_id,
            title=sku.title,
            option_label=sku.option_label,
            image=pictures.get(sku.image_id) if sku.image_id else None,
            location_id=row["location_id"],
            location_name=names[row["location_id"]],
            on_hand=row["on_hand"],
            reserved=row["reserved"],
            free=row["on_hand"] - row["reserved"] - row["safety"],
            safety=row["safety"],
            updated_at=row["updated_at"],
        )
        for row in rows
        if (sku := known[row["sku_id"]]).exists
    ]


async def page_of_movements(
    connection: asyncpg.Connection,
    sku_id: UUID,
    location_ids: Sequence[UUID],
    *,
    before: int | None,
    limit: int,
) -> list[MovementOut]:
    """Movements of a SKU at places, the latest first. Needs index (brand_id, sku_id, location_id, seq)."""
    rows = await connection.fetch(
        """select seq, at, kind, delta_on_hand, delta_reserved, on_hand_after, reserved_after, order_id, order_number,
                  reason, actor_name
           from stock_movements
           where sku_id = $1 and location_id = any($2::uuid[]) and ($3::bigint is null or seq < $3)
           order by seq desc limit $4""",
        sku_id,
        list(location_ids),
        before,
        limit,
    )
    return [
        MovementOut(
            str(row["seq"]),
            row["at"],
            row["kind"],
            row["delta_on_hand"],
            row["delta_reserved"],
            row["on_hand_after"],
            row["reserved_after"],
            row["order_id"],
            row["order_number"] or None,
            row["reason"],
            row["actor_name"],
        )
        for row in rows
    ]
