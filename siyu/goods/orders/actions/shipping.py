"""What fulfilment tells an order: pieces have left for the buyer."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.orders import queries
from siyu.goods.orders.actions.ending import complete
from siyu.goods.orders.actions.stating import held_pieces, move_stock, watch_receipt
from siyu.goods.orders.rules import WrongState, advance
from siyu.goods.orders.tables import OrderLineRow, OrderRow
from siyu.kernel.errors import Refusal


class NotThatMany(Refusal):
    """More pieces of a line than are left to hand over; ``facts``: line_id, left."""

    code = "orders.not_that_many"
    detail = "Fewer pieces of this line are left to ship. Load the order again."


async def mark_shipped(
    session: AsyncSession, order_id: UUID, quantities: Mapping[UUID, int]
) -> OrderRow:
    """Pieces (by line) of a paid courier order were handed to a carrier; they leave the stock.

    The order is ``shipped`` from its first parcel on. Raises ``NotFound``, ``WrongState``, ``NotThatMany``.
    """
    row = await queries.lock(session, order_id)
    if row.delivery != "express" or row.state not in ("paid", "shipped"):
        raise WrongState(state=row.state)
    lines = await _hand_over(session, row, quantities)
    if row.state == "paid":
        row.state = advance("paid", "shipped")
    await session.flush()
    await watch_receipt(session, row, lines)
    return row


async def mark_handed_over(session: AsyncSession, order_id: UUID) -> OrderRow:
    """The buyer took everything that was left of a pick-up order at the store: it is complete.

    Raises ``NotFound``, ``WrongState``.
    """
    row = await queries.lock(session, order_id)
    if row.delivery != "pick_up" or row.state not in ("paid", "ready"):
        raise WrongState(state=row.state)
    lines = (await queries.lines_of(session, [order_id]))[order_id]
    await _hand_over(session, row, held_pieces(lines))
    return await complete(session, order_id, by="staff")


async def _hand_over(
    session: AsyncSession, row: OrderRow, quantities: Mapping[UUID, int]
) -> list[OrderLineRow]:
    """Take pieces out of the stock; the order's lines after it."""
    lines = (await queries.lines_of(session, [row.id]))[row.id]
    held = held_pieces(lines)
    for line_id, quantity in quantities.items():
        if not 0 < quantity <= held.get(line_id, 0):
            raise NotThatMany(line_id=str(line_id), left=held.get(line_id, 0))
    for line in lines:
        line.shipped_quantity += quantities.get(line.line_id, 0)
    row.version += 1
    await session.flush()
    await move_stock(
        session,
        [row],
        {row.id: lines},
        {row.id: quantities},
        kind="shipped",
        on_hand=-1,
        reserved=-1,
    )
    return lines
