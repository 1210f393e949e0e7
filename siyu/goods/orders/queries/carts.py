"""Reads of carts and of saved views."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.orders.queries.reading import Source, connection_of
from siyu.goods.orders.tables import SavedViewRow


class CartLine(Struct, frozen=True):
    """Some pieces of a SKU in a cart."""

    sku_id: UUID
    quantity: int
    selected: bool


async def carts_of(
    connection: asyncpg.Connection, owner_ids: Sequence[UUID]
) -> dict[UUID, list[CartLine]]:
    """What lies in these carts, by owner, last added first; absent for an empty one."""
    rows = await connection.fetch(
        """select owner_id, sku_id, quantity, selected from cart_lines where owner_id = any($1::uuid[])
           order by owner_id, added_at desc, sku_id""",
        list(owner_ids),
    )
    found: dict[UUID, list[CartLine]] = {}
    for owner_id, *line in rows:
        found.setdefault(owner_id, []).append(CartLine(*line))
    return found


async def cart_quantities(source: Source, owner_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many pieces lie in these carts, by owner; absent for an empty one."""
    connection = await connection_of(source)
    rows = await connection.fetch(
        """select owner_id, sum(quantity)::bigint from cart_lines where owner_id = any($1::uuid[]) group by owner_id""",
        list(owner_ids),
    )
    return {row[0]: row[1] for row in rows}


async def views_of(session: AsyncSession, staff_id: UUID, page: str) -> list[SavedViewRow]:
    """A staff member's saved views of a page, oldest first."""
    return list(
        await session.scalars(
            select(SavedViewRow)
            .where(SavedViewRow.staff_id == staff_id, SavedViewRow.page == page)
            .order_by(SavedViewRow.created_at, SavedViewRow.id)
        )
    )
