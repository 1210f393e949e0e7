"""Rows of stock: places, balances per SKU and place, and the movements that explain every balance."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Sequence, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.clock import now
from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id

movements_seq = Sequence("stock_movements_seq", metadata=Base.metadata, cache=1)


class StockLocationRow(OfBrand, Base):
    """A warehouse, or the stock room of a store. Exactly one place of a brand sells online."""

    __tablename__ = "stock_locations"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    """``warehouse`` · ``store``"""
    unit_id: Mapped[UUID | None]
    """The unit of the organisation that keeps it."""
    name: Mapped[dict[str, str]] = mapped_column(JSONB)
    sells_online: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    pick_up: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Shoppers may fetch orders here; follows the store."""
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        within_brand("units", "unit_id"),
        CheckConstraint("kind in ('warehouse', 'store')", name="kind"),
        Index(
            "stock_locations_online_key",
            "brand_id",
            unique=True,
            postgresql_where=text("sells_online"),
        ),
        Index(
            "stock_locations_store_key",
            "brand_id",
            "unit_id",
            unique=True,
            postgresql_where=text("kind = 'store'"),
        ),
    )


class StockLevelRow(OfBrand, Base):
    """What is there of a SKU at a place. ``free = on_hand - reserved - safety``."""

    __tablename__ = "stock_levels"
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    location_id: Mapped[UUID] = mapped_column(primary_key=True)
    on_hand: Mapped[int] = mapped_column(server_default="0", default=0)
    reserved: Mapped[int] = mapped_column(server_default="0", default=0)
    safety: Mapped[int] = mapped_column(server_default="0", default=0)
    """Pieces that are kept back from sale."""
    updated_at: Mapped[datetime] = mapped_column(default=now, server_default=text("now()"))

    __table_args__ = (
        within_brand("skus", "sku_id"),
        within_brand("stock_locations", "location_id"),
        CheckConstraint("on_hand >= 0", name="on_hand"),
        CheckConstraint("reserved >= 0 and reserved <= on_hand", name="reserved"),
        CheckConstraint("safety >= 0", name="safety"),
        Index(None, "brand_id", "location_id", "sku_id"),
        # Room on each page, so that a hot row's next version stays beside it (HOT update).
        {"postgresql_with": {"fillfactor": 50}},
    )


class StockMovementRow(OfBrand, Base):
    """One change of a balance, with the balance after it. Append only: replaying them gives the balance."""

    __tablename__ = "stock_movements"
    seq: Mapped[int] = mapped_column(
        server_default=movements_seq.next_value(), primary_key=True, autoincrement=False
    )
    """Given while the level is locked, so per place it grows in the order in which the balance moved."""
    sku_id: Mapped[UUID]
    location_id: Mapped[UUID]
    kind: Mapped[str]
    """``counted`` · ``received`` · ``reserved`` · ``released`` · ``shipped`` · ``returned`` · ``imported``"""
    delta_on_hand: Mapped[int]
    delta_reserved: Mapped[int]
    on_hand_after: Mapped[int]
    reserved_after: Mapped[int]
    order_id: Mapped[UUID | None]
    order_number: Mapped[str] = mapped_column(server_default="", default="")
    reason: Mapped[str] = mapped_column(server_default="", default="")
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str] = mapped_column(server_default="", default="")
    at: Mapped[datetime] = mapped_column(default=now)

    # No foreign key to the level: it would cost a look-up per row on the hottest path of the shop, and the
    # invariant "stock.replay" finds a movement without a level anyway.
    __table_args__ = (
        CheckConstraint(
            "kind in ('counted', 'received', 'reserved', 'released', 'shipped', 'returned', 'imported')",
            name="kind",
        ),
        Index(None, "brand_id", "sku_id", "location_id", "seq"),
        Index(None, "brand_id", "order_id", postgresql_where=text("order_id is not null")),
        {"info": {"app": "SELECT, INSERT"}},
    )
