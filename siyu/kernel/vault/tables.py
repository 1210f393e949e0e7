"""Rows of the vault: people's wrapped keys, and who was forgotten."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand


class VaultKeyRow(OfBrand, Base):
    """The wrapped key of one person. Without this row nothing of theirs can be opened any more."""

    __tablename__ = "vault_keys"
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[str]
    """Whose key wraps it: ``2026-11``."""
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        Index(None, "brand_id", "month"),
        {"info": {"dispatch": ["brand_id", "month"]}},
    )


class VaultShredRow(OfBrand, Base):
    """A person was forgotten. Append only but for the mark that the journal outside knows it too."""

    __tablename__ = "vault_shreds"
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    is_journaled: Mapped[bool] = mapped_column(server_default=text("false"), default=False)

    __table_args__ = (
        Index(None, "brand_id", "at", postgresql_where=text("not is_journaled")),
        {"info": {"dispatch": ["brand_id", "person_id", "at", "is_journaled"]}},
    )
