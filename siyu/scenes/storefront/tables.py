"""Pages with their draft, and every version that was published."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id


class PageRow(OfBrand, Base):
    """A page with its draft."""

    __tablename__ = "shop_pages"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str]
    title: Mapped[dict[str, str]] = mapped_column(JSONB)
    draft: Mapped[list[Any]] = mapped_column(JSONB)
    draft_version: Mapped[int]
    draft_saved_at: Mapped[datetime]
    published_number: Mapped[int | None]
    """For the version before only; today it is dated: ``rules.SHOWN``."""

    __table_args__ = (UniqueConstraint("brand_id", "key"), {"info": {}})


class PageVersionRow(OfBrand, Base):
    """A version that was published, or is to be; never changed, never removed."""

    __tablename__ = "shop_page_versions"
    page_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    blocks: Mapped[list[Any]] = mapped_column(JSONB)
    published_at: Mapped[datetime]
    """From when on it is shown; ahead while it is planned."""
    published_by: Mapped[str]

    __table_args__ = (within_brand("shop_pages", "page_id"), {"info": {}})
