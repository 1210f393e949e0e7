"""Parcels, what is in them, and pick-up codes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id


class ParcelRow(OfBrand, Base):
    """A parcel on its way, or arrived."""

    __tablename__ = "parcels"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID]
    carrier: Mapped[str]
    tracking_number: Mapped[str]
    shipped_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]

    __table_args__ = (
        within_brand("orders", "order_id"),
        Index(None, "brand_id", "order_id", "shipped_at"),
        Index(None, "brand_id", "tracking_number"),
        {"info": {}},
    )


class ParcelLineRow(OfBrand, Base):
    """Pieces of an order's line in a parcel."""

    __tablename__ = "parcel_lines"
    parcel_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_id: Mapped[UUID] = mapped_column(primary_key=True)
    quantity: Mapped[int]

    __table_args__ = (
        within_brand("parcels", "parcel_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        {"info": {}},
    )


class PickUpRow(OfBrand, Base):
    """The code of a pick-up order. It opens once."""

    __tablename__ = "pick_ups"
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    store_id: Mapped[UUID | None]
    code: Mapped[str]
    tries: Mapped[int] = mapped_column(default=0)
    last_try_at: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]

    __table_args__ = (within_brand("orders", "order_id"), {"info": {}})
