"""Reads of orders: every ``select`` of the module."""

from uuid import UUID

from siyu.goods.orders.queries.carts import CartLine, cart_quantities, carts_of, views_of
from siyu.goods.orders.queries.listing import Filter, Keyset, counts, page_of_orders, readable
from siyu.goods.orders.queries.reading import (
    Brief,
    RefundSeen,
    Source,
    briefs,
    connection_of,
    figures,
    lines_of,
    lock,
    locked,
    one,
    orders_by_link,
    overdue,
    pick_up_stores,
    refundable,
    refunds_of,
    state_counts,
    under_way,
)
from siyu.goods.orders.queries.telling import TimelineItem, timeline, timelines, told
from siyu.goods.orders.queries.writing import (
    PRICE_REASON,
    REASON,
    NoteSeen,
    note_of_customer,
    notes_of,
    reasons_of,
    waterfall_of,
)
from siyu.goods.orders.tables import OrderRow
from siyu.kernel.errors import NotFound

__all__ = [
    "PRICE_REASON",
    "REASON",
    "Brief",
    "CartLine",
    "Filter",
    "Keyset",
    "NoteSeen",
    "RefundSeen",
    "Source",
    "TimelineItem",
    "briefs",
    "cart_quantities",
    "carts_of",
    "check_owner",
    "connection_of",
    "counts",
    "figures",
    "lines_of",
    "lock",
    "locked",
    "note_of_customer",
    "notes_of",
    "one",
    "orders_by_link",
    "overdue",
    "page_of_orders",
    "pick_up_stores",
    "readable",
    "reasons_of",
    "refundable",
    "refunds_of",
    "state_counts",
    "timeline",
    "timelines",
    "told",
    "under_way",
    "views_of",
    "waterfall_of",
]


def check_owner(row: OrderRow, customer_id: UUID | None) -> None:
    """Raises ``NotFound`` when the order is somebody else's; ``None`` = whoever asks may see it."""
    if customer_id is not None and row.customer_id != customer_id:
        raise NotFound(order_id=str(row.id))
