"""What all writes of orders share: the envelope of events, and moving the pieces of many orders at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import stock
from siyu.goods.orders.events import Piece
from siyu.goods.orders.tables import OrderLineRow, OrderRow
from siyu.kernel import clock, timers, vault
from siyu.kernel.db import actor_of, driver_of

COMPLETE, UNPAID = "orders.complete", "orders.unpaid"
"""Kinds of timers: of an order that was shipped whole; of any order that is not paid yet."""
COMPLETE_AFTER = timedelta(days=10)
"""From the last parcel's hand-over, unless the buyer confirms before (FIELD 0.2: received after 10 days)."""


def watch(placed_at: datetime) -> dict[str, str]:
    """What a timer of kind ``UNPAID`` carries: the instant that the orders of one batch share."""
    return {"placed_at": placed_at.isoformat()}


def of_order(row: OrderRow) -> dict[str, Any]:
    """What every event about an order's money carries."""
    return {
        "order_id": row.id,
        "customer_id": row.customer_id,
        "source": row.source,
        "scene": row.scene,
        "store_id": row.store_id,
        "guide_id": row.guide_id,
        "link_id": row.link_id,
    }


def pieces(lines: Iterable[OrderLineRow]) -> tuple[Piece, ...]:
    """All lines of an order as events carry them."""
    return tuple(
        Piece(line.line_id, line.sku_id, line.product_id, line.quantity, line.line_minor)
        for line in lines
    )


def held_pieces(lines: Iterable[OrderLineRow]) -> dict[UUID, int]:
    """Pieces by line that were neither handed over nor given back; none left = an empty dict."""
    held = {
        line.line_id: line.quantity - line.shipped_quantity - line.released_quantity
        for line in lines
    }
    return {line_id: quantity for line_id, quantity in held.items() if quantity}


async def kept_reason(session: AsyncSession, row: OrderRow, field: str, words: str) -> str:
    """A typed reason as the order keeps it: sealed with the buyer's key, as one of the fields of ``queries.writing``."""
    if not words:
        return ""
    key = await vault.key_unless_forgotten(await driver_of(session), row.customer_id)
    return vault.seal_text(key, field, words)


async def move_stock(
    session: AsyncSession,
    orders: Sequence[OrderRow],
    lines: Mapping[UUID, Sequence[OrderLineRow]],
    moved: Mapping[UUID, Mapping[UUID, int]],
    *,
    kind: str,
    on_hand: int = 0,
    reserved: int = 0,
) -> None:
    """Move pieces (by order and line) at the orders' places; ``on_hand`` and ``reserved`` are signs: -1, 0, 1.

    The caller has locked the orders; the balances are locked here, in the one global order.
    """
    movements = [
        stock.Movement(
            sku_id=line.sku_id,
            location_id=order.location_id,
            kind=kind,
            delta_on_hand=on_hand * quantity,
            delta_reserved=reserved * quantity,
            order_id=order.id,
            order_number=order.number,
        )
        for order in orders
        for line in lines[order.id]
        if (quantity := moved.get(order.id, {}).get(line.line_id, 0))
    ]
    if movements:
        await session.flush()
        connection = await driver_of(session)
        # Goods may come back to a place that never had them: an order brought in from elsewhere.
        if on_hand > 0:
            await stock.open_levels(
                connection, [(one.sku_id, one.location_id) for one in movements]
            )
        await stock.lock_levels(connection, [(one.sku_id, one.location_id) for one in movements])
        await stock.apply_movements(connection, movements, actor=actor_of(session))


async def watch_receipt(
    session: AsyncSession, row: OrderRow, lines: Iterable[OrderLineRow]
) -> None:
    """Once nothing of a shipped order is left to send, it completes by itself after a while."""
    if row.state == "shipped" and not held_pieces(lines):
        await timers.put(session, COMPLETE, row.id, clock.now() + COMPLETE_AFTER)
