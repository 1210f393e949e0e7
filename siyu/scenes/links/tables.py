"""Links and the touchpoints they make."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id


class LinkRow(OfBrand, Base):
    """One signed link; it never changes, so that a printed code keeps its meaning."""

    __tablename__ = "links"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str]
    target_kind: Mapped[str]
    target_id: Mapped[str]
    source: Mapped[str]
    scene: Mapped[str]
    store_id: Mapped[UUID | None]
    guide_id: Mapped[UUID | None]
    note: Mapped[str]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("brand_id", "code"),
        Index(None, "brand_id", "created_at", "id"),
        {"info": {}},
    )


class TouchpointRow(OfBrand, Base):
    """One visit through a link. The person is known when they had agreed to the privacy notice."""

    __tablename__ = "touchpoints"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    link_id: Mapped[UUID]
    person_id: Mapped[UUID | None]
    at: Mapped[datetime]

    __table_args__ = (
        within_brand("links", "link_id"),
        Index(None, "brand_id", "link_id", "at"),
        Index(None, "brand_id", "person_id", "at"),
        {"info": {}},
    )
