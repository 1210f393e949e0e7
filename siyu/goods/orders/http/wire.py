"""What orders look like on the wire, at the console and at the shop."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from siyu.goods.catalogue import ImageOut
from siyu.goods.orders.ports import ParcelOut
from siyu.goods.orders.queries import TimelineItem
from siyu.goods.orders.rules import MAX_LINES, MAX_QUANTITY
from siyu.kernel.money import MAX_MINOR
from siyu.people.customers import AddressOut

LocaleText = dict[str, str]
Text = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
Pieces = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
Amount = Annotated[int, Meta(ge=0, le=MAX_MINOR)]


class WaterfallStep(Struct):
    """One stage of the price."""

    stage: str
    label: LocaleText
    amount_minor: int
    rule: str
    note: LocaleText


class LineStep(Struct):
    """What one stage did to a line."""

    stage: str
    amount_minor: int


class OrderLineOut(Struct):
    """A line with its frozen allocation."""

    id: UUID
    sku_id: UUID
    product_id: UUID
    code: str
    title: LocaleText
    option_label: LocaleText
    image: ImageOut | None
    quantity: int
    list_minor: int
    unit_minor: int
    line_minor: int
    steps: list[LineStep]
    refunded_quantity: int
    refunded_minor: int
    shipped_quantity: int


class OrderRowOut(Struct):
    """An order in the console's list."""

    id: UUID
    number: str
    state: str
    placed_at: datetime
    paid_at: datetime | None
    customer_name: str
    customer_id: UUID
    total_minor: int
    refunded_minor: int
    quantity: int
    first_title: LocaleText
    images: list[ImageOut]
    source: str
    store_name: LocaleText | None
    delivery: str
    ship_by: datetime | None


class OrderPageOut(Struct):
    """Orders, newest first; ``counts`` by state and ``all``, without the filter's own state."""

    items: list[OrderRowOut]
    next: str | None
    counts: dict[str, int]


class BuyerOut(Struct):
    """Who bought."""

    id: UUID
    name: str
    phone_masked: str
    orders: int
    spent_minor: int


class StoreOut(Struct):
    """A store as shoppers see it; coordinates in degrees."""

    id: UUID
    name: str
    address: str
    phone: str
    hours: str
    district: str
    latitude: float | None
    longitude: float | None
    pick_up: bool


class PaymentOut(Struct):
    """An attempt to pay."""

    id: UUID
    provider: str
    amount_minor: int
    state: str
    provider_reference: str
    at: datetime


class RefundLineOut(Struct):
    """Pieces of a line that a refund gave back."""

    line_id: UUID
    quantity: int
    amount_minor: int


class RefundOut(Struct):
    """A refund. ``reason``: null once it was deleted with the customer's data."""

    id: UUID
    amount_minor: int
    reason: str | None
    state: str
    at: datetime
    lines: list[RefundLineOut]
    by: str


class NoteOut(Struct):
    """What staff wrote."""

    at: datetime
    by: str
    text: str


class OrderOut(Struct):
    """Everything about an order; ``may``: what the reader can do now.

    ``cancel_reason``: empty without one, null once it was deleted with the customer's data.
    """

    id: UUID
    number: str
    state: str
    version: int
    placed_at: datetime
    pay_by: datetime | None
    paid_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    ship_by: datetime | None
    customer: BuyerOut | None
    delivery: str
    recipient: AddressOut | None
    pick_up_store: StoreOut | None
    pick_up_code: str | None
    lines: list[OrderLineOut]
    waterfall: list[WaterfallStep]
    goods_minor: int
    freight_minor: int
    total_minor: int
    paid_minor: int
    refunded_minor: int
    currency: str
    parcels: list[ParcelOut]
    payments: list[PaymentOut]
    refunds: list[RefundOut]
    timeline: list[TimelineItem]
    notes: list[NoteOut]
    customer_note: str
    source: str
    scene: str
    store_name: LocaleText | None
    guide_name: str | None
    may: list[str]


class ReasonIn(Struct, forbid_unknown_fields=True):
    """Why."""

    reason: Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$")] = ""


class RefundLineIn(Struct, forbid_unknown_fields=True):
    """Pieces of a line that are to be refunded."""

    line_id: UUID
    quantity: Pieces


class RefundIn(Struct, forbid_unknown_fields=True):
    """What goes back; the amounts follow from the frozen allocation."""

    lines: Annotated[list[RefundLineIn], Meta(max_length=MAX_LINES)]
    reason: Text
    freight_minor: Amount = 0
    restock: bool = True


class PriceChangeIn(Struct, forbid_unknown_fields=True):
    """``new_minor``: what the whole line costs from now on."""

    line_id: UUID
    new_minor: Amount
    reason: Text


class NoteIn(Struct, forbid_unknown_fields=True):
    """A note for colleagues."""

    text: Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


class SavedViewIn(Struct, forbid_unknown_fields=True):
    """A name for a set of filters."""

    name: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[^\x00]*$")]
    query: Annotated[
        dict[str, Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]], Meta(max_length=20)
    ]
    page: Annotated[str, Meta(max_length=40, pattern=r"^[a-z_]+$")] = "orders"


class SavedViewOut(Struct):
    """A saved set of filters."""

    id: UUID
    name: str
    query: dict[str, str]


class SavedViewsOut(Struct):
    """Saved views of a page, oldest first."""

    items: list[SavedViewOut]
