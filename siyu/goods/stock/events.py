"""Facts that stock states. Reservations of orders are told by the order's own events."""

from uuid import UUID

from siyu.kernel.events import Event


class StockAdjusted(Event, frozen=True, kw_only=True, tag="stock.adjusted/1"):
    """Somebody counted, received or corrected pieces by hand."""

    sku_id: UUID
    location_id: UUID
    delta: int
    on_hand: int
    reserved: int
