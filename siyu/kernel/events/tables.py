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
    """One fact. ``xid`` is the transaction that stated it; readers open windows over it.

    Parted by ``xid`` into stretches of about a month in the schema ``event_log`` (ADR 5), so a window looks only
    into those it touches. Two indexes: pages go by ``seq``, time lines by subject.
    """

    __tablename__ = "events"
    seq: Mapped[int] = mapped_column(
        server_default=events_seq.next_value(), primary_key=True, autoincrement=False
    )
    xid: Mapped[int] = mapped_column(
        Xid8, server_default=text("pg_current_xact_id()"), primary_key=True, autoincrement=False
    )
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
        Index(None, "brand_id", "subject", "seq"),
        {
            "postgresql_partition_by": "RANGE (xid)",
            "info": {
                "app": "SELECT, INSERT",
                "dispatch": ["brand_id", "seq", "xid", "kind", "origin", "recorded_at"],
            },
        },
    )


class EventCursorRow(OfBrand, Base):
    """How far a listener has come: it drains ``lo <= xid < hi`` in ``seq`` order and stands at ``seq``."""

    __tablename__ = "event_cursors"
    listener: Mapped[str] = mapped_column(primary_key=True)
    lo: Mapped[int] = mapped_column(Xid8)
    hi: Mapped[int] = mapped_column(Xid8)
    seq: Mapped[int]
    heard_at: Mapped[datetime | None]
    above: Mapped[int] = mapped_column(server_default="0")
    """Every event with ``xid >= lo`` has a ``seq`` above this: where a look into the log begins."""
    seen_xid: Mapped[int | None] = mapped_column(Xid8)
    """A number no transaction had yet when ``seen_seq`` was the newest event: the next ``above``, once ``lo`` is there."""
    seen_seq: Mapped[int | None]

    __table_args__ = (
        {"info": {"dispatch": ["brand_id", "listener", "lo", "hi", "seq", "heard_at", "above"]}},
    )


class EventArchiveRow(OfBrand, Base):
    """A Parquet file with events of one brand and one stretch of the log, ``lo <= xid < hi``, by ``seq``.

    The rows of a stretch are written in one transaction once all its files are there and were read again.
    """

    __tablename__ = "event_archives"
    hi: Mapped[int] = mapped_column(Xid8, primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lo: Mapped[int] = mapped_column(Xid8)
    first_seq: Mapped[int]
    last_seq: Mapped[int]
    events: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    """``recorded_at`` of the first and the last."""
    key: Mapped[str]
    bytes: Mapped[int]
    sha256: Mapped[str]
    archived_at: Mapped[datetime]

    __table_args__ = (
        {"info": {"app": "SELECT, INSERT", "dispatch": ["brand_id", "lo", "hi", "part", "events"]}},
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

    __table_args__ = (
        Index(None, "brand_id", "listener", "subject", "seq"),
        {"info": {"dispatch": ["brand_id", "listener"]}},
    )
