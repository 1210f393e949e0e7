"""The spool: what was acknowledged and is not in the warehouse yet."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand


class TrackingSpoolRow(OfBrand, Base):
    """Messages of one moment, as zstd-packed JSON (a list of ``rules.Kept``)."""

    __tablename__ = "tracking_spool"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]
    messages: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = ({"info": {"dispatch": ["brand_id", "id", "messages"]}},)
