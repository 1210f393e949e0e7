"""What comes in and what goes out when an order is placed."""

import hashlib
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from siyu.goods.orders.placing.costing import Lines
from siyu.goods.orders.rules import MAX_LINES, MAX_QUANTITY
from siyu.kernel.money import MAX_MINOR

Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]


class OrderLineIn(Struct, forbid_unknown_fields=True):
    """Some pieces of a SKU."""

    sku_id: UUID
    quantity: Quantity


class PlaceOrderIn(Struct, forbid_unknown_fields=True):
    """An order as the shopper confirmed it; ``expected_total_minor`` is the total that was shown."""

    lines: Annotated[list[OrderLineIn], Meta(min_length=1, max_length=MAX_LINES)]
    delivery: Literal["express", "pick_up"]
    expected_total_minor: Annotated[int, Meta(ge=0, le=MAX_MINOR)]
    address_id: UUID | None = None
    store_id: UUID | None = None
    note: Annotated[str, Meta(max_length=500)] = ""
    from_cart: bool = False
    link: Annotated[str, Meta(max_length=64)] | None = None


class PlacedOut(Struct, frozen=True):
    """The order that holds the pieces until ``pay_by``."""

    id: UUID
    number: str
    state: str
    total_minor: int
    pay_by: datetime


class Wanted(Struct, frozen=True):
    """An order that waits for its batch. ``key`` belongs to the customer; ``store_id`` was checked to hand out orders."""

    customer_id: UUID
    key: str
    input_hash: str
    lines: Lines
    delivery: str
    address_id: UUID | None
    store_id: UUID | None
    note: str
    expected_total_minor: int
    from_cart: bool
    link: str


def hash_of(order: PlaceOrderIn) -> str:
    """A fingerprint of what was asked for, equal for equal input however the JSON was written."""
    return hashlib.blake2b(msgspec.json.encode(order), digest_size=16).hexdigest()
