"""Payments and the refunds on them. A payable is whatever is paid: ``('order', order id)``."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id


class PaymentRow(OfBrand, Base):
    """One attempt to pay one payable with one provider."""

    __tablename__ = "payments"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    payable_kind: Mapped[str]
    payable_id: Mapped[UUID]
    payable_label: Mapped[str]
    payer_id: Mapped[UUID | None]
    provider: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(server_default="CNY", default="CNY")
    state: Mapped[str]
    provider_reference: Mapped[str] = mapped_column(default="")
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "brand_id", "payable_kind", "payable_id", "created_at"),
        CheckConstraint("amount_minor > 0", name="amount"),
        {"info": {}},
    )


class PaymentRefundRow(OfBrand, Base):
    """Money that goes back from one payment; ``key`` makes repetition harmless."""

    __tablename__ = "payment_refunds"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    payment_id: Mapped[UUID]
    key: Mapped[str]
    amount_minor: Mapped[int]
    state: Mapped[str]
    reason: Mapped[str]
    """A code of the payable's owner, never typed words."""
    provider_reference: Mapped[str] = mapped_column(default="")
    error: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        within_brand("payments", "payment_id"),
        UniqueConstraint("brand_id", "payment_id", "key"),
        CheckConstraint("amount_minor > 0", name="amount"),
        {"info": {}},
    )
