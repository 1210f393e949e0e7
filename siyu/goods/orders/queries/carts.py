"""Reads of carts and of saved views."""

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


async def cart_of(connection: asyncpg.Connection, owner_id: UUID) -> list[CartLine]:
    """What lies in a cart, last added first."""
    rows = await connection.fetch(
        """select sku_id, quantity, selected from cart_lines where owner_id = $1
           order by added_at desc, sku_id""",
        owner_id,
    )
    return [CartLine(*row) for row in rows]


async def cart_quantity(source: Source, owner_id: UUID) -> int:
    """How many pieces lie in a cart."""
    connection = await connection_of(source)
    return await connection.fetchval(
        "select coalesce(sum(quantity), 0)::bigint from cart_lines where owner_id = $1", owner_id
    )


async def views_of(session: AsyncSession, staff_id: UUID, page: str) -> list[SavedViewRow]:
    """A staff member's saved views of a page, oldest first."""
    return list(
        await session.scalars(
            select(SavedViewRow)
            .where(SavedViewRow.staff_id == staff_id, SavedViewRow.page == page)
            .order_by(SavedViewRow.created_at, SavedViewRow.id)
        )
    )
