"""Rows of orders: the order with its frozen price, its lines, refunds and notes, carts, saved views."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.clock import now
from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id

_EMPTY = text("'{}'")
_NONE = text("'[]'")


class OrderRow(OfBrand, Base):
    """One order. Prices and titles are snapshots: later changes elsewhere do not touch it."""

    __tablename__ = "orders"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str]
    state: Mapped[str]
    version: Mapped[int] = mapped_column(server_default="1", default=1)
    customer_id: Mapped[UUID]
    request_key: Mapped[str]
    """The Idempotency-Key it was placed with; the row itself is the reference to the answer."""
    request_hash: Mapped[str]
    placed_at: Mapped[datetime]
    pay_by: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str] = mapped_column(server_default="", default="")
    """A code (``timeout`` · ``shopper`` · ``staff``), or typed words sealed with the customer's key (``orders.reason``)."""
    ship_by: Mapped[datetime | None]
    delivery: Mapped[str]
    """``express`` · ``pick_up``"""
    location_id: Mapped[UUID]
    """The place whose pieces are reserved."""
    pick_up_store_id: Mapped[UUID | None]
    contact_id: Mapped[UUID | None]
    """Whom it is sent to: a frozen contact of ``people.customers``; none for pick-up."""
    source: Mapped[str]
    scene: Mapped[str] = mapped_column(server_default="", default="")
    store_id: Mapped[UUID | None]
    """The store it counts for: the link's, else the one that hands it out."""
    guide_id: Mapped[UUID | None]
    link_id: Mapped[UUID | None]
    currency: Mapped[str]
    goods_minor: Mapped[int]
    freight_minor: Mapped[int]
    total_minor: Mapped[int]
    paid_minor: Mapped[int] = mapped_column(server_default="0", default=0)
    refunded_minor: Mapped[int] = mapped_column(server_default="0", default=0)
    freight_refunded_minor: Mapped[int] = mapped_column(server_default="0", default=0)
    quantity: Mapped[int]
    first_title: Mapped[dict[str, str]] = mapped_column(JSONB)
    image_ids: Mapped[list[Any]] = mapped_column(JSONB, server_default=_NONE, default=list)
    """Pictures of the first three lines, for lists."""
    waterfall: Mapped[list[Any]] = mapped_column(JSONB)
    """Notes that people typed are sealed with the customer's key (``orders.price_reason``)."""
    sealed_note: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What the customer wrote, sealed with their key (``orders.note``)."""

    __table_args__ = (
        UniqueConstraint("brand_id", "number"),
        # Also leads to the orders of a customer: few enough to be sorted when asked for. Every further index here
        # costs the hottest write of the shop.
        UniqueConstraint("brand_id", "customer_id", "request_key"),
        # What lists filter and count by rides along, so that counting a year need not touch its orders.
        Index(
            None,
            "brand_id",
            "placed_at",
            "id",
            postgresql_include=["state", "source", "store_id", "total_minor"],
        ),
        Index(None, "brand_id", "state", "placed_at", "id"),
        Index(
            "orders_store_idx",
            "brand_id",
            "store_id",
            "placed_at",
            "id",
            postgresql_include=["state", "source", "total_minor"],
            postgresql_where=text("store_id is not null"),
        ),
        Index(
            "orders_link_idx", "brand_id", "link_id", postgresql_where=text("link_id is not null")
        ),
        CheckConstraint(
            "state in ('unpaid', 'paid', 'shipped', 'ready', 'completed', 'cancelled', 'refunded')",
            name="state",
        ),
        CheckConstraint("delivery in ('express', 'pick_up')", name="delivery"),
        CheckConstraint("goods_minor >= 0 and freight_minor >= 0", name="amounts"),
        CheckConstraint("total_minor = goods_minor + freight_minor", name="total"),
        CheckConstraint("refunded_minor between 0 and paid_minor", name="refunded"),
        CheckConstraint(
            "freight_refunded_minor between 0 and freight_minor", name="freight_refunded"
        ),
    )


class OrderLineRow(OfBrand, Base):
    """Some equal pieces of an order, with their frozen part of every price stage."""

    __tablename__ = "order_lines"
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sku_id: Mapped[UUID]
    product_id: Mapped[UUID]
    code: Mapped[str]
    title: Mapped[dict[str, str]] = mapped_column(JSONB)
    option_label: Mapped[dict[str, str]] = mapped_column(JSONB)
    image_id: Mapped[UUID | None]
    quantity: Mapped[int]
    list_minor: Mapped[int]
    unit_minor: Mapped[int]
    line_minor: Mapped[int]
    steps: Mapped[list[Any]] = mapped_column(JSONB)
    """``[{"stage", "amount_minor", "rule"}]``; they add up to ``line_minor``."""
    refunded_quantity: Mapped[int] = mapped_column(server_default="0", default=0)
    refunded_minor: Mapped[int] = mapped_column(server_default="0", default=0)
    shipped_quantity: Mapped[int] = mapped_column(server_default="0", default=0)
    released_quantity: Mapped[int] = mapped_column(server_default="0", default=0)
    """Refunded before they were shipped, so free again."""

    __table_args__ = (
        within_brand("orders", "order_id"),
        CheckConstraint(
            "quantity > 0 and line_minor >= 0 and list_minor >= 0 and unit_minor >= 0",
            name="amounts",
        ),
        CheckConstraint("refunded_quantity between 0 and quantity", name="refunded_quantity"),
        CheckConstraint("refunded_minor between 0 and line_minor", name="refunded"),
        CheckConstraint(
            "shipped_quantity >= 0 and released_quantity between 0 and refunded_quantity"
            " and shipped_quantity + released_quantity <= quantity",
            name="shipped_quantity",
        ),
    )


class RefundRow(OfBrand, Base):
    """Money that goes back. ``extra`` ones return a payment that the order did not need and count nowhere else."""

    __tablename__ = "order_refunds"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID]
    amount_minor: Mapped[int]
    freight_minor: Mapped[int] = mapped_column(server_default="0", default=0)
    reason: Mapped[str]
    """A code (``extra_payment`` · ``sold_out_meanwhile``), or typed words sealed with the customer's key."""
    state: Mapped[str]
    """``agreed`` · ``sent`` · ``succeeded`` · ``failed``"""
    restock: Mapped[bool]
    extra: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    payment_id: Mapped[UUID | None]
    """The payment that an extra refund returns."""
    agreed_at: Mapped[datetime] = mapped_column(default=now)
    agreed_by: Mapped[str] = mapped_column(server_default="", default="")

    __table_args__ = (
        within_brand("orders", "order_id"),
        CheckConstraint(
            "amount_minor >= 0 and freight_minor between 0 and amount_minor", name="amount"
        ),
        CheckConstraint("state in ('agreed', 'sent', 'succeeded', 'failed')", name="state"),
        Index(None, "brand_id", "order_id"),
    )


class RefundLineRow(OfBrand, Base):
    """Pieces of a line that a refund gives back."""

    __tablename__ = "order_refund_lines"
    refund_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_id: Mapped[UUID] = mapped_column(primary_key=True)
    quantity: Mapped[int]
    amount_minor: Mapped[int]

    __table_args__ = (
        within_brand("order_refunds", "refund_id"),
        within_brand("order_lines", "order_id", "line_id"),
        Index(None, "brand_id", "order_id", "line_id"),
        CheckConstraint("quantity > 0 and amount_minor >= 0", name="amounts"),
    )


class OrderNoteRow(OfBrand, Base):
    """What staff wrote about an order."""

    __tablename__ = "order_notes"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(default=now)
    staff_id: Mapped[UUID | None]
    staff_name: Mapped[str]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The text, sealed with the key of the order's customer (``orders.staff_note``)."""

    __table_args__ = (within_brand("orders", "order_id"), Index(None, "brand_id", "order_id", "at"))


class OrderWrongAmountRow(OfBrand, Base):
    """A provider's report of another amount than was asked for. A note written after it says that somebody compared."""

    __tablename__ = "order_wrong_amounts"
    payment_id: Mapped[UUID] = mapped_column(primary_key=True)
    paid_minor: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    order_id: Mapped[UUID]
    asked_minor: Mapped[int]
    reported_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (within_brand("orders", "order_id"), Index(None, "brand_id", "order_id"))


class CartLineRow(OfBrand, Base):
    """What lies in the cart of a person: a guest device or a customer."""

    __tablename__ = "cart_lines"
    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    quantity: Mapped[int]
    selected: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    added_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        within_brand("skus", "sku_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        Index(None, "brand_id", "sku_id"),
    )


class SavedViewRow(OfBrand, Base):
    """A named set of filters of one staff member on one page of the console."""

    __tablename__ = "saved_views"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    staff_id: Mapped[UUID]
    page: Mapped[str]
    name: Mapped[str]
    query: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (UniqueConstraint("brand_id", "staff_id", "page", "name"),)
