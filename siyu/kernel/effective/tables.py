"""Rows of dated values. Append only but for the withdrawal of what has not begun."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand
from siyu.kernel.ids import new_id


class EffectiveValueRow(OfBrand, Base):
    """A value that holds from its start until the next one's, unless it was withdrawn before."""

    __tablename__ = "effective_values"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str]
    starts_at: Mapped[datetime]
    value: Mapped[Any] = mapped_column(JSONB)
    set_by: Mapped[str]
    set_at: Mapped[datetime]
    reason: Mapped[str]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]

    __table_args__ = (
        Index(
            "effective_values_code_starts_at_key",
            "brand_id",
            "code",
            "starts_at",
            unique=True,
            postgresql_where=text("withdrawn_at is null"),
        ),
        Index(None, "brand_id", "code", "set_at", "id"),
        {"info": {"app": "SELECT, INSERT, UPDATE (withdrawn_at, withdrawn_by)"}},
    )
