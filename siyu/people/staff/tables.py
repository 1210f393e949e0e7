"""Rows of staff: people with logins, their roles and sessions, who did what, and counted attempts."""

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
    staff_id: Mapped[UUID]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    address: Mapped[str]

    __table_args__ = (within_brand("staff", "staff_id"), Index(None, "brand_id", "staff_id"))


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


class AttemptRow(OfBrand, Base):
    """How often something was tried in a window that began at ``started_at``. Keys are hashed.

    Attempts before a brand is known belong to the brand ``NOBODY`` (all zeros).
    """

    __tablename__ = "attempts"
    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    count: Mapped[int]
