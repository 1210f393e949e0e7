"""The log itself, the listeners' cursors, and the events that a listener could not digest."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Sequence, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from siyu.kernel.db import Base, OfBrand


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id. asyncpg reads and writes it as int."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The column's type in SQL."""
        return "xid8"


events_seq = Sequence("events_seq", metadata=Base.metadata, cache=1)


class EventRow(OfBrand, Base):
    """One fact. ``xid`` is the transaction that stated it; readers open windows over it."""

    __tablename__ = "events"
    seq: Mapped[int] = mapped_column(
        server_default=events_seq.next_value(), primary_key=True, autoincrement=False
    )
    xid: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
    id: Mapped[UUID]
    kind: Mapped[str]
    subject: Mapped[UUID]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    origin: Mapped[str]
    """``live`` · ``import`` · ``demo``"""
    actor: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (
        Index(None, "brand_id", "xid", "seq"),
        Index(None, "brand_id", "subject", "seq"),
        Index(
            "events_xid_brand_idx", "xid", "brand_id"
        ),  # the dispatcher asks which brands have news
        {"info": {"app": "SELECT, INSERT", "dispatch": ["brand_id", "seq", "xid", "kind"]}},
    )


class EventCursorRow(OfBrand, Base):
    """How far a listener has come: it drains ``lo <= xid < hi`` in ``seq`` order and stands at ``seq``."""

    __tablename__ = "event_cursors"
    listener: Mapped[str] = mapped_column(primary_key=True)
    lo: Mapped[int] = mapped_column(Xid8)
    hi: Mapped[int] = mapped_column(Xid8)
    seq: Mapped[int]
    heard_at: Mapped[datetime | None]

    __table_args__ = (
        {"info": {"dispatch": ["brand_id", "listener", "lo", "hi", "seq", "heard_at"]}},
    )


class ParkedEventRow(OfBrand, Base):
    """An event that a listener failed on, or that waits behind one of the same subject."""

    __tablename__ = "parked_events"
    listener: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    subject: Mapped[UUID]
    kind: Mapped[str]
    error: Mapped[str]
    """Empty for those that only wait."""
    attempts: Mapped[int]
    parked_at: Mapped[datetime]

    __table_args__ = (Index(None, "brand_id", "listener", "subject", "seq"), {"info": {}})
