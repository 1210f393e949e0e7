"""Rows of the ledger. Balances are kept for guarded accounts only; the others' are roll-ups plus the tail."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand, within_brand


class LedgerAccountRow(OfBrand, Base):
    """An account that was posted to. Its id follows from kind, unit, owner and lot (``Account.id``)."""

    __tablename__ = "ledger_accounts"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    unit: Mapped[str]
    owner: Mapped[str]
    lot: Mapped[UUID | None]
    book: Mapped[UUID]
    """The account it is shown under in statements; itself unless it is guarded."""
    expires_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]

    __table_args__ = ({"info": {"app": "SELECT, INSERT"}},)


class LedgerPostingRow(OfBrand, Base):
    """An amount from one account to another. Once posted or void it never changes.

    No foreign keys to accounts: each posting would lock the row of an account that all share. An invariant looks
    instead. A key has several parts when it was spent from several lots.
    """

    __tablename__ = "ledger_postings"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str]
    part: Mapped[int]
    kind: Mapped[str]
    source: Mapped[UUID]
    destination: Mapped[UUID]
    unit: Mapped[str]
    amount: Mapped[int]
    state: Mapped[str]
    """``pending`` · ``posted`` · ``void``"""
    event_id: Mapped[UUID | None]
    """What happened; none only where it had left the log before the ledger came."""
    rule: Mapped[str]
    subject: Mapped[UUID | None]
    reverses: Mapped[UUID | None]
    booked_at: Mapped[datetime]
    tx: Mapped[int] = mapped_column(server_default=text("pg_current_xact_id()::text::bigint"))
    """The transaction that posted it: roll-ups read windows of these. bigint, because row-level security keeps xid8 from indexes."""

    __table_args__ = (
        UniqueConstraint("brand_id", "key", "part"),
        Index(None, "brand_id", "booked_at", "id"),
        Index(None, "brand_id", "source", "booked_at", "id"),
        Index(None, "brand_id", "destination", "booked_at", "id"),
        Index(None, "brand_id", "subject", "booked_at", "id"),
        Index(None, "brand_id", "tx", postgresql_where=text("state = 'posted'")),
        Index(None, "brand_id", "reverses", postgresql_where=text("reverses is not null")),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("source <> destination", name="accounts"),
        CheckConstraint("state in ('pending', 'posted', 'void')", name="state"),
        {"info": {"app": "SELECT, INSERT, UPDATE"}},
    )


class LedgerBalanceRow(OfBrand, Base):
    """What a guarded account has; limited postings lock it. Kind, unit and owner lead to the lots of a wallet."""

    __tablename__ = "ledger_balances"
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner: Mapped[str]
    kind: Mapped[str]
    unit: Mapped[str]
    posted: Mapped[int] = mapped_column(server_default="0")
    held: Mapped[int] = mapped_column(server_default="0")
    expires_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]

    __table_args__ = (
        within_brand("ledger_accounts", "account_id"),
        Index(None, "brand_id", "owner", "kind", "unit"),
        Index(
            None, "brand_id", "kind", "expires_at", postgresql_where=text("expires_at is not null")
        ),
        CheckConstraint("held >= 0", name="held"),
        {"info": {}},
    )


class LedgerRollUpRow(OfBrand, Base):
    """What an account (a book) was debited and credited by one kind of posting within an hour."""

    __tablename__ = "ledger_roll_ups"
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    debit: Mapped[int]
    credit: Mapped[int]

    __table_args__ = ({"info": {"app": "SELECT, INSERT, UPDATE"}},)


class LedgerCursorRow(OfBrand, Base):
    """How far the roll-ups reach: every posting with ``tx < hi`` is in them, and no other."""

    __tablename__ = "ledger_cursors"
    hi: Mapped[int]

    __table_args__ = ({"info": {"app": "SELECT, INSERT, UPDATE", "dispatch": ["brand_id", "hi"]}},)
