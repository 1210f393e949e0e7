"""Rows of notices: the outbox, brands' own texts with all their versions, and brands' choices of channels."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id


class NoticeRow(OfBrand, Base):
    """Something a customer is to be told, once."""

    __tablename__ = "notices"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str]
    """What it is about, e.g. ``order_paid/<order id>``; also given to the provider."""
    kind: Mapped[str]
    channel: Mapped[str]
    """Empty when there was none."""
    person_id: Mapped[UUID]
    store_id: Mapped[UUID | None]
    """The customer's store, for staff who see their own stores only."""
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """``queries.Content``: recipient and text, with the person's key. Nothing once they were forgotten."""
    state: Mapped[str]
    attempts: Mapped[int]
    next_at: Mapped[datetime]
    """When it is to be tried; of one that is being sent: when its lease ends."""
    lease: Mapped[UUID | None]
    """Who is sending it: a late one's answer is not written down."""
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    error: Mapped[str]
    """A code without personal data."""
    reference: Mapped[str]
    """What it leads to, e.g. ``order/<order id>``."""

    __table_args__ = (
        within_brand("customers", "person_id"),
        within_brand("units", "store_id"),
        UniqueConstraint("brand_id", "key"),
        Index(None, "brand_id", "person_id"),
        Index(None, "brand_id", "created_at", "id"),
        Index(None, "brand_id", "state", "created_at", "id"),
        Index(None, "brand_id", "store_id", "created_at", "id"),
        Index(
            "notices_next_at_brand_idx",
            "next_at",
            "brand_id",
            postgresql_where=text("state in ('waiting', 'sending')"),
        ),
        {"info": {"dispatch": ["brand_id", "state", "next_at"]}},
    )


class NoticeTemplateRow(OfBrand, Base):
    """A version of a brand's own text; the highest is in force. Append only."""

    __tablename__ = "notice_templates"
    kind: Mapped[str] = mapped_column(primary_key=True)
    locale: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str | None]
    """Nothing: the default again."""
    set_at: Mapped[datetime]
    set_by: Mapped[UUID | None]

    __table_args__ = (
        within_brand("staff", "set_by"),
        Index(None, "brand_id", "set_by"),
        {"info": {"app": "SELECT, INSERT"}},
    )


class NoticeChoiceRow(OfBrand, Base):
    """By which channel a brand wants a kind of notice sent; no row: by the first that is open."""

    __tablename__ = "notice_choices"
    kind: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str]
