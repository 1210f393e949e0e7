"""Sales facts from the order book's events: line 0 is the order's money, lines 1… are its pieces."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.orders import OrderCancelled, OrderPaid, OrderPlaced, Piece, RefundAgreed
from siyu.insight.warehouse.client import Warehouse
from siyu.insight.warehouse.tables import NOTHING, SALES_COLUMNS, stamp
from siyu.kernel.db import brand_of
from siyu.kernel.events import Heard, on

_warehouse: list[Warehouse] = []


def plug_in(warehouse: Warehouse) -> None:
    """Give the projection its warehouse (``app`` does this once per process)."""
    _warehouse[:] = [warehouse]


@on(
    OrderPlaced,
    OrderPaid,
    OrderCancelled,
    RefundAgreed,
    history=True,
    whole=True,
    outside=True,
    page=5000,
)
async def project_sales(session: AsyncSession, heard: list[Heard]) -> None:
    """Write each event's rows, keyed by the event's id, so that a repetition changes nothing."""
    brand_id = brand_of(session)
    rows = [row for one in heard for row in sales_rows(brand_id, one)]
    await _warehouse[0].insert("sales", SALES_COLUMNS, rows)


def sales_rows(brand_id: UUID, heard: Heard) -> list[list[Any]]:
    """The rows of one event. Money that goes back is negative; a cancelled order has no money."""
    event: Any = heard.event
    kind, sign, whole_field = _KINDS[type(event)]
    at, late = stamp(int(heard.occurred_at.timestamp() * 1000)), int(getattr(event, "late", False))
    whose = (
        at, event.order_id, event.customer_id, event.source, event.scene, event.store_id or NOTHING,
        event.guide_id or NOTHING, event.link_id or NOTHING,
    )  # fmt: skip

    def row(
        line: int, product: UUID | str, sku: UUID | str, quantity: int, minor: int
    ) -> list[Any]:
        return [
            brand_id, heard.id, line, kind, *whose, product, sku, sign * quantity, sign * minor, late,
        ]  # fmt: skip

    lines: Sequence[Piece] = event.lines
    whole = row(
        0, NOTHING, NOTHING, sum([piece.quantity for piece in lines]), getattr(event, whole_field)
    )
    return [
        whole,
        *(row(i, p.product_id, p.sku_id, p.quantity, p.minor) for i, p in enumerate(lines, 1)),
    ]


_KINDS: dict[type, tuple[str, int, str]] = {
    OrderPlaced: ("placed", 1, "total_minor"),
    OrderPaid: ("paid", 1, "paid_minor"),
    OrderCancelled: ("cancelled", 1, "total_minor"),
    RefundAgreed: ("refunded", -1, "amount_minor"),
}
"""By event: the kind of fact, the sign of its money, and the field that holds the whole amount."""
