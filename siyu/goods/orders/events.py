"""Facts that orders state. The first field, the order, is the subject; amounts are those of that moment."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from siyu.kernel.events import Event


class Piece(Struct, frozen=True):
    """A line of an order (or of a refund): what, how many, and its part of the amount."""

    line_id: UUID
    sku_id: UUID
    product_id: UUID
    quantity: int
    minor: int


class OfOrder(Event, frozen=True, kw_only=True):
    """Where an order came from and whose it is; what every event about its money carries."""

    order_id: UUID
    customer_id: UUID
    source: str
    scene: str
    store_id: UUID | None
    guide_id: UUID | None
    link_id: UUID | None


class OrderPlaced(OfOrder, frozen=True, kw_only=True, tag="orders.placed/1"):
    """A shopper ordered; the pieces are reserved until ``pay_by``."""

    number: str
    delivery: str
    currency: str
    goods_minor: int
    freight_minor: int
    total_minor: int
    pay_by: datetime
    lines: tuple[Piece, ...]


class OrderPaid(OfOrder, frozen=True, kw_only=True, tag="orders.paid/1"):
    """The whole amount has arrived. ``late`` = after the order had been cancelled."""

    payment_id: UUID
    currency: str
    paid_minor: int
    freight_minor: int
    paid_at: datetime
    lines: tuple[Piece, ...]
    late: bool = False


class OrderCancelled(OfOrder, frozen=True, kw_only=True, tag="orders.cancelled/1"):
    """An unpaid order ended and its pieces are free again. ``by``: shopper · staff · timeout."""

    by: str
    total_minor: int
    lines: tuple[Piece, ...]


class OrderCompleted(OfOrder, frozen=True, kw_only=True, tag="orders.completed/1"):
    """The buyer has everything. ``by``: shopper · staff · carrier · timeout."""

    by: str
    total_minor: int
    refunded_minor: int


class OrderPriceChanged(OfOrder, frozen=True, kw_only=True, tag="orders.price_changed/1"):
    """Staff set another price for a line of an unpaid order."""

    line_id: UUID
    line_before_minor: int
    line_minor: int
    total_before_minor: int
    total_minor: int


class RefundAgreed(OfOrder, frozen=True, kw_only=True, tag="orders.refund_agreed/1"):
    """Money goes back, computed from the frozen allocation. ``whole`` = with it nothing of the goods is left."""

    refund_id: UUID
    currency: str
    amount_minor: int
    freight_minor: int
    whole: bool
    lines: tuple[Piece, ...]
    paid_at: datetime | None = None


class RefundSettled(Event, frozen=True, kw_only=True, tag="orders.refund_settled/1"):
    """The payment provider answered: ``state`` is succeeded or failed."""

    order_id: UUID
    refund_id: UUID
    amount_minor: int
    state: str


class ExtraPaymentReturned(Event, frozen=True, kw_only=True, tag="orders.extra_payment_returned/1"):
    """A payment that the order did not need (paid twice, or another amount) is sent back whole."""

    order_id: UUID
    payment_id: UUID
    refund_id: UUID
    amount_minor: int


class OrderNoted(Event, frozen=True, kw_only=True, tag="orders.noted/1"):
    """Staff wrote a note; its text stays in the order."""

    order_id: UUID
    note_id: UUID


class OrderAddressChanged(Event, frozen=True, kw_only=True, tag="orders.address_changed/1"):
    """The parcel goes elsewhere; the address stays in the order."""

    order_id: UUID
    district_code: str
