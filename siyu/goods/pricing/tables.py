"""Rows of pricing: prices of single stores, and what sending a parcel costs."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id


class StorePriceRow(OfBrand, Base):
    """What a piece costs at one store, in place of the catalogue's price."""

    __tablename__ = "store_prices"
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(primary_key=True)
    price_minor: Mapped[int]

    __table_args__ = (
        within_brand("skus", "sku_id"),
        CheckConstraint("price_minor >= 0", name="price"),
        Index(None, "brand_id", "unit_id"),
    )


class FreightTemplateRow(OfBrand, Base):
    """A set of freight rules; products name one, the others use the brand's default."""

    __tablename__ = "freight_templates"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[dict[str, str]] = mapped_column(JSONB)
    is_default: Mapped[bool]
    rules: Mapped[list[Any]] = mapped_column(JSONB)
    """``rules.FreightRule`` as JSON."""

    __table_args__ = (
        Index(
            "freight_templates_default_key",
            "brand_id",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )
