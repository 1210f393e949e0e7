"""Rows of staff: people with logins, their roles, sessions and second steps, who did what, and counted attempts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id


class StaffRow(OfBrand, Base):
    """Somebody who works for the brand, or for one of its dealers and franchisees."""

    __tablename__ = "staff"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login: Mapped[str]
    """Lower case; unique over all brands by the directory."""
    name: Mapped[str]
    password_hash: Mapped[str]
    unit_id: Mapped[UUID]
    active: Mapped[bool]
    locale: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]

    __table_args__ = (
        within_brand("units", "unit_id"),
        UniqueConstraint("brand_id", "login"),
        Index(None, "brand_id", "unit_id"),
    )


class StaffRoleRow(OfBrand, Base):
    """A staff member has a role."""

    __tablename__ = "staff_roles"
    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)

    __table_args__ = (within_brand("staff", "staff_id"), Index(None, "brand_id", "role"))


class RoleRow(OfBrand, Base):
    """A role of the brand's own, or its changed version of a built-in one."""

    __tablename__ = "roles"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[dict[str, str]]
    permissions: Mapped[list[Any]]
    masks: Mapped[list[Any]]


class StaffSessionRow(OfBrand, Base):
    """A signed-in browser. Only the SHA-256 of its token is kept."""

    __tablename__ = "staff_sessions"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(default=new_id)
    """Names the session where people end it; worth nothing to who wants to use it."""
    staff_id: Mapped[UUID]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    address: Mapped[str]
    device: Mapped[str]
    """What the browser calls itself, cut to 200 characters."""

    __table_args__ = (
        within_brand("staff", "staff_id"),
        Index(None, "brand_id", "staff_id"),
        UniqueConstraint("brand_id", "id"),
    )


class SecondStepRow(OfBrand, Base):
    """The secret behind a staff member's codes (RFC 6238); asked for at sign-in once it is confirmed."""

    __tablename__ = "staff_second_steps"
    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    secret: Mapped[bytes]
    """Sealed with the house's key: the database alone cannot make codes."""
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int]
    """The step of the last code that was taken: no code of it or before is taken again."""
    created_at: Mapped[datetime]

    __table_args__ = (within_brand("staff", "staff_id"),)


class RecoveryCodeRow(OfBrand, Base):
    """A code for the day when the phone is gone; only its hash is kept, and it is good once."""

    __tablename__ = "staff_recovery_codes"
    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[str] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None]

    __table_args__ = (within_brand("staff", "staff_id"),)


class AuditRow(OfBrand, Base):
    """Who did what, when, to what. Append only: the running program has no right to change or remove it."""

    __tablename__ = "audit"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    actor_path: Mapped[str] = mapped_column(Text(collation="C"))
    """Where in the tree the actor stood then; empty for the system and for customers."""
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID | None]
    subject_label: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    request_id: Mapped[str]

    __table_args__ = (
        Index(None, "brand_id", "at", "id"),
        Index(None, "brand_id", "actor_id", "at", "id"),
        Index(None, "brand_id", "action", "at", "id"),
        Index(None, "brand_id", "subject_id", "at", "id"),
        {"info": {"app": "SELECT, INSERT"}},
    )


class AuditUnsealedRow(OfBrand, Base):
    """A row of the audit that waits to be sealed; written in the same transaction."""

    __tablename__ = "audit_unsealed"
    audit_id: Mapped[UUID] = mapped_column(primary_key=True)

    __table_args__ = (
        within_brand("audit", "audit_id"),
        {"info": {"app": "SELECT, INSERT, DELETE", "dispatch": ["brand_id"]}},
    )


class AuditSealRow(OfBrand, Base):
    """A link of the chain that closes the audit: what it covers, and the hash of that and of the link before."""

    __tablename__ = "audit_seals"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed_at: Mapped[datetime]
    until: Mapped[datetime]
    """The latest ``at`` of the rows that it covers."""
    count: Mapped[int]
    leaves: Mapped[list[Any]]
    """``[audit id, SHA-256 of the row]`` in the order of ids."""
    previous: Mapped[str]
    """The hash of the link before; empty in the first."""
    hash: Mapped[str]
    signature: Mapped[str]
    """HMAC of the hash under the house's secret, which is not in the database."""

    __table_args__ = ({"info": {"app": "SELECT, INSERT"}},)


class AttemptRow(OfBrand, Base):
    """How often something was tried in a window that began at ``started_at``. Keys are hashed.

    Attempts before a brand is known belong to the brand ``NOBODY`` (all zeros).
    """

    __tablename__ = "attempts"
    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    count: Mapped[int]
