"""What carts, quotes and orders look like on the wire at the shop: texts in the shopper's language."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from siyu.goods.catalogue import ImageOut
from siyu.goods.orders.http.wire import Pieces, StoreOut
from siyu.goods.orders.rules import MAX_LINES, MAX_QUANTITY
from siyu.people.customers import AddressOut


class CartLineOut(Struct):
    """Something in the cart. ``problem``: off_sale · sold_out · not_enough."""

    sku_id: UUID
    product_id: UUID
    title: str
    option_label: str
    image: ImageOut | None
    quantity: int
    selected: bool
    price_minor: int
    list_price_minor: int | None
    free: int
    problem: str | None


class CartOut(Struct):
    """The cart; sums over what is selected and can be bought."""

    lines: list[CartLineOut]
    selected_quantity: int
    selected_minor: int


class CartAddIn(Struct, forbid_unknown_fields=True):
    """Pieces to put into the cart."""

    sku_id: UUID
    quantity: Pieces


class CartSetIn(Struct, forbid_unknown_fields=True):
    """How many pieces shall lie in the cart; zero takes them out."""

    quantity: Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]
    selected: bool = True


class QuoteLineIn(Struct, forbid_unknown_fields=True):
    """Some pieces of a SKU."""

    sku_id: UUID
    quantity: Pieces


class QuoteIn(Struct, forbid_unknown_fields=True):
    """What is to be priced; without a district there is no freight in it yet."""

    lines: Annotated[list[QuoteLineIn], Meta(min_length=1, max_length=MAX_LINES)]
    delivery: Annotated[str, Meta(pattern="^(express|pick_up)$")]
    district_code: Annotated[str, Meta(pattern=r"^\d{6}$")] | None = None
    store_id: UUID | None = None


class QuoteLineOut(Struct):
    """A priced line."""

    sku_id: UUID
    title: str
    option_label: str
    image: ImageOut | None
    quantity: int
    unit_minor: int
    line_minor: int


class ShopStep(Struct):
    """One stage of the price, in the shopper's language."""

    stage: str
    label: str
    amount_minor: int
    note: str


class QuoteOut(Struct):
    """What it costs now. ``quote_hash`` changes with any amount."""

    lines: list[QuoteLineOut]
    waterfall: list[ShopStep]
    goods_minor: int
    freight_minor: int
    total_minor: int
    quote_hash: str


class ShopOrderLine(Struct):
    """A line as shoppers see it."""

    title: str
    option_label: str
    image: ImageOut | None
    quantity: int
    unit_minor: int


class ShopOrderRow(Struct):
    """An order in the shopper's list."""

    id: UUID
    number: str
    state: str
    placed_at: datetime
    pay_by: datetime | None
    total_minor: int
    quantity: int
    lines: list[ShopOrderLine]
    delivery: str


class ShopOrderPage(Struct):
    """One's own orders, newest first."""

    items: list[ShopOrderRow]
    next: str | None


class ShopParcel(Struct):
    """A parcel on its way."""

    carrier_name: str
    tracking_number: str
    shipped_at: datetime
    signed_at: datetime | None


class ShopMoment(Struct):
    """Something that happened."""

    at: datetime
    text: str


class ShopOrder(ShopOrderRow):
    """Everything about one's own order; ``ship_by`` while nothing is sent; ``may``: pay, cancel, received."""

    paid_at: datetime | None
    ship_by: datetime | None
    recipient: AddressOut | None
    pick_up_store: StoreOut | None
    pick_up_code: str | None
    waterfall: list[ShopStep]
    goods_minor: int
    freight_minor: int
    paid_minor: int
    refunded_minor: int
    parcels: list[ShopParcel]
    timeline: list[ShopMoment]
    customer_note: str
    may: list[str]


class PayOut(Struct):
    """Where the shopper goes to pay."""

    payment_id: UUID
    cashier_url: str
