"""Writes of carts and of saved views."""

from collections.abc import Mapping
from uuid import UUID

import asyncpg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import catalogue
from siyu.goods.orders.rules import MAX_LINES, MAX_QUANTITY, NotOnSale
from siyu.goods.orders.tables import SavedViewRow
from siyu.kernel import clock
from siyu.kernel.errors import NotFound, Refusal
from siyu.kernel.ids import new_id

_PUT = """
insert into cart_lines (owner_id, sku_id, quantity, selected, added_at) values ($1, $2, $3, $4, $5)
on conflict (brand_id, owner_id, sku_id) do update
set quantity = least(case when $6 then cart_lines.quantity + excluded.quantity else excluded.quantity end, $7),
    selected = excluded.selected
"""
_MERGE = """
with moved as (delete from cart_lines where owner_id = $1 returning sku_id, quantity, selected, added_at)
insert into cart_lines (owner_id, sku_id, quantity, selected, added_at)
select $2, sku_id, quantity, selected, added_at from moved
on conflict (brand_id, owner_id, sku_id) do update
set quantity = least(cart_lines.quantity + excluded.quantity, $3), selected = cart_lines.selected or excluded.selected,
    added_at = greatest(cart_lines.added_at, excluded.added_at)
"""


class CartFull(Refusal):
    """The cart has as many different things as an order may have; ``facts``: most."""

    code = "orders.cart_full"
    detail = "The cart is full. Remove something first."


async def put_in_cart(
    connection: asyncpg.Connection, owner_id: UUID, sku_id: UUID, quantity: int
) -> None:
    """Add pieces to a cart. Raises ``NotOnSale``, ``CartFull``. More than ``MAX_QUANTITY`` becomes that many."""
    sellable = (await catalogue.sellable(connection, [sku_id])).get(sku_id)
    if sellable is None or not sellable.on_sale:
        raise NotOnSale(sku_id=str(sku_id))
    others = await connection.fetchval(
        "select count(*) from cart_lines where owner_id = $1 and sku_id <> $2", owner_id, sku_id
    )
    if others >= MAX_LINES:
        raise CartFull(most=MAX_LINES)
    await connection.execute(
        _PUT, owner_id, sku_id, quantity, True, clock.now(), True, MAX_QUANTITY
    )


async def set_in_cart(
    connection: asyncpg.Connection, owner_id: UUID, sku_id: UUID, quantity: int, *, selected: bool
) -> None:
    """Set how many pieces of something lie in a cart, and whether they are to be ordered; zero takes it out.

    Raises ``NotOnSale`` for something that is neither in the cart nor on sale.
    """
    if quantity == 0:
        await connection.execute(
            "delete from cart_lines where owner_id = $1 and sku_id = $2", owner_id, sku_id
        )
        return
    known = await connection.fetchval(
        "select true from cart_lines where owner_id = $1 and sku_id = $2", owner_id, sku_id
    )
    if not known:
        await put_in_cart(connection, owner_id, sku_id, quantity)
    await connection.execute(
        _PUT, owner_id, sku_id, quantity, selected, clock.now(), False, MAX_QUANTITY
    )


async def merge_carts(connection: asyncpg.Connection, device_id: UUID, customer_id: UUID) -> None:
    """What a guest had put into the cart becomes the customer's; equal things add up."""
    await connection.execute(_MERGE, device_id, customer_id, MAX_QUANTITY)


async def save_view(
    session: AsyncSession, staff_id: UUID, page: str, name: str, query: Mapping[str, str]
) -> SavedViewRow:
    """Keep a set of filters under a name; the same name again replaces it."""
    row = await session.scalar(
        select(SavedViewRow).where(
            SavedViewRow.staff_id == staff_id, SavedViewRow.page == page, SavedViewRow.name == name
        )
    )
    if row is None:
        row = SavedViewRow(
            id=new_id(), staff_id=staff_id, page=page, name=name, query={}, created_at=clock.now()
        )
        session.add(row)
    row.query = dict(query)
    await session.flush()
    return row


async def drop_view(session: AsyncSession, staff_id: UUID, view_id: UUID) -> None:
    """Forget a saved view. Raises ``NotFound`` when it is not one's own."""
    row = await session.scalar(
        select(SavedViewRow).where(SavedViewRow.id == view_id, SavedViewRow.staff_id == staff_id)
    )
    if row is None:
        raise NotFound(view_id=str(view_id))
    await session.delete(row)
    await session.flush()
