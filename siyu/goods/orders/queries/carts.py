"""Reads of carts and of saved views."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.orders.tables import CartLineRow, SavedViewRow


async def cart_of(session: AsyncSession, owner_id: UUID) -> list[CartLineRow]:
    """What lies in a cart, last added first."""
    return list(
        await session.scalars(
            select(CartLineRow)
            .where(CartLineRow.owner_id == owner_id)
            .order_by(CartLineRow.added_at.desc(), CartLineRow.sku_id)
            .execution_options(populate_existing=True)
        )
    )


async def cart_quantity(session: AsyncSession, owner_id: UUID) -> int:
    """How many pieces lie in a cart."""
    total = await session.scalar(
        select(func.sum(CartLineRow.quantity)).where(CartLineRow.owner_id == owner_id)
    )
    return int(total or 0)


async def views_of(session: AsyncSession, staff_id: UUID, page: str) -> list[SavedViewRow]:
    """A staff member's saved views of a page, oldest first."""
    return list(
        await session.scalars(
            select(SavedViewRow)
            .where(SavedViewRow.staff_id == staff_id, SavedViewRow.page == page)
            .order_by(SavedViewRow.created_at, SavedViewRow.id)
        )
    )
