"""Rows of brands: the tenant itself, and its tree of units."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id


class BrandRow(OfBrand, Base):
    """The tenant. One row per brand."""

    __tablename__ = "brands"
    slug: Mapped[str]
    name: Mapped[dict[str, str]]
    currency: Mapped[str]
    time_zone: Mapped[str]
    locales: Mapped[list[Any]]
    default_locale: Mapped[str]
    is_demo: Mapped[bool]
    theme_color: Mapped[str]
    privacy: Mapped[dict[str, str]]
    privacy_version: Mapped[int]
    """Counts up when ``privacy`` changes; shoppers accept a version."""
    service_phone: Mapped[str]
    unpaid_timeout_minutes: Mapped[int] = mapped_column(server_default="15")
    """For the version before only; today it is dated: ``rules.UNPAID_TIMEOUT``."""
    second_step_required: Mapped[bool]
    """Whether staff do nothing at the console before they have a second step."""
    write_key: Mapped[str]
    """Public: tells the tracking door which brand an event is of."""
    created_at: Mapped[datetime]


class UnitRow(OfBrand, Base):
    """A node of the organisation: ``hq`` · ``region`` · ``dealer`` · ``franchisee`` · ``store``."""

    __tablename__ = "units"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    parent_id: Mapped[UUID | None]
    kind: Mapped[str]
    code: Mapped[str]
    name: Mapped[dict[str, str]]
    path: Mapped[str] = mapped_column(Text(collation="C"))
    """Codes from the top, each followed by a slash; byte order, so that a subtree is a range."""
    closed_at: Mapped[datetime | None]
    address: Mapped[str | None]
    """Null unless the unit is a store; so are the next six."""
    district_code: Mapped[str | None]
    phone: Mapped[str | None]
    hours: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    latitude_e6: Mapped[int | None]
    """Micro-degrees, WGS 84."""
    longitude_e6: Mapped[int | None]
    pick_up: Mapped[bool | None]

    __table_args__ = (
        within_brand("units", "parent_id"),
        UniqueConstraint("brand_id", "code"),
        UniqueConstraint("brand_id", "path"),
        Index(None, "brand_id", "parent_id"),
    )
