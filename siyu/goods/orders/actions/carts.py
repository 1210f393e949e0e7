"""Writes of carts and of saved views."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import catalogue
from siyu.goods.orders.rules import MAX_LINES, MAX_QUANTITY, NotOnSale
from siyu.goods.orders.tables import SavedViewRow
from siyu.kernel import clock
from siyu.kernel.errors import NotFound, Refusal
from siyu.kernel.ids import new_id
from siyu.kernel.lanes import rounds

_PUT = """
insert into cart_lines (owner_id, sku_id, quantity, selected, added_at)
select owner_id, sku_id, quantity, selected, $5
from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::boolean[]) as w(owner_id, sku_id, quantity, selected)
on conflict (brand_id, owner_id, sku_id) do update
set quantity = least(case when $6 then cart_lines.quantity + excluded.quantity else excluded.quantity end, $7),
    selected = excluded.selected
"""
_OTHERS = """
select w.owner_id, count(c.sku_id) as others
from unnest($1::uuid[], $2::uuid[]) as w(owner_id, sku_id)
join cart_lines c on c.owner_id = w.owner_id and c.sku_id <> w.sku_id group by w.owner_id
"""
_MERGE = """
with moved as (
    delete from cart_lines c using unnest($1::uuid[], $2::uuid[]) as w(device_id, customer_id)
    where c.owner_id = w.device_id returning w.customer_id, c.sku_id, c.quantity, c.selected, c.added_at
)
insert into cart_lines (owner_id, sku_id, quantity, selected, added_at)
select customer_id, sku_id, quantity, selected, added_at from moved order by customer_id, sku_id
on conflict (brand_id, owner_id, sku_id) do update
set quantity = least(cart_lines.quantity + excluded.quantity, $3), selected = cart_lines.selected or excluded.selected,
    added_at = greatest(cart_lines.added_at, excluded.added_at)
"""


class CartFull(Refusal):
    """The cart has as many different things as an order may have; ``facts``: most."""

    code = "orders.cart_full"
    detail = "The cart is full. Remove something first."


class Put(Struct, frozen=True):
    """Pieces to be put into somebody's cart."""

    owner_id: UUID
    sku_id: UUID
    quantity: int


async def put_in_carts(connection: asyncpg.Connection, puts: Sequence[Put]) -> list[Refusal | None]:
    """Add pieces to carts; a refusal or nothing, by position. More than ``MAX_QUANTITY`` becomes that many.

    Refusals: ``NotOnSale``, ``CartFull``.
    """
    answers: dict[int, Refusal | None] = {}
    for group in rounds([(one.owner_id,) for one in puts]):
        answers.update(await _put(connection, {at: puts[at] for at in group}))
    return [answers[at] for at in range(len(puts))]


async def _put(connection: asyncpg.Connection, puts: dict[int, Put]) -> dict[int, Refusal | None]:
    sellable = await catalogue.sellable(connection, {one.sku_id for one in puts.values()})
    others = dict(
        await connection.fetch(
            _OTHERS, [one.owner_id for one in puts.values()], [one.sku_id for one in puts.values()]
        )
    )
    answers: dict[int, Refusal | None] = {}
    fit: list[Put] = []
    for at, one in puts.items():
        sku = sellable.get(one.sku_id)
        if sku is None or not sku.on_sale:
            answers[at] = NotOnSale(sku_id=str(one.sku_id))
        elif others.get(one.owner_id, 0) >= MAX_LINES:
            answers[at] = CartFull(most=MAX_LINES)
        else:
            answers[at] = None
            fit.append(one)
    if fit:
        await _write(connection, fit, selected=True, adding=True)
    return answers


async def _write(
    connection: asyncpg.Connection, puts: Sequence[Put], *, selected: bool, adding: bool
) -> None:
    puts = sorted(puts, key=lambda one: (one.owner_id, one.sku_id))  # as everybody locks them
    await connection.execute(
        _PUT,
        [one.owner_id for one in puts],
        [one.sku_id for one in puts],
        [one.quantity for one in puts],
        [selected] * len(puts),
        clock.now(),
        adding,
        MAX_QUANTITY,
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
    put = Put(owner_id, sku_id, quantity)
    if not known:
        (refusal,) = await put_in_carts(connection, [put])
        if refusal is not None:
            raise refusal
    await _write(connection, [put], selected=selected, adding=False)


async def merge_carts(
    connection: asyncpg.Connection, signed_in: Sequence[tuple[UUID, UUID]]
) -> None:
    """What guests had put into their carts becomes the customers'; equal things add up.

    ``signed_in`` holds ``(device_id, customer_id)``, each once.
    """
    await connection.execute(
        _MERGE, [device for device, _ in signed_in], [customer for _, customer in signed_in], MAX_QUANTITY,
    )  # fmt: skip


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
