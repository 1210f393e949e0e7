"""Reads of staff: the session behind a token, lists of people and roles, the audit."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, vault
from siyu.kernel.db import brand_of, driver_of
from siyu.kernel.errors import NotFound
from siyu.people.brands import subtree
from siyu.people.staff.rules import BUILT_IN, OWNER, LocaleText, Role
from siyu.people.staff.tables import (
    AuditRow,
    RoleRow,
    SecondStepRow,
    StaffRoleRow,
    StaffRow,
    StaffSessionRow,
)

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
MOST_SESSIONS = 100
AUDIT_REASON = "audit.reason"
"""The field under which a fact ``reason`` about a customer is sealed, with that customer's key."""


class Seen(msgspec.Struct, frozen=True):
    """A valid session with whom it belongs to."""

    staff: Any
    roles: list[Role]
    last_seen_at: datetime
    second_step: bool


def _role_of(row: RoleRow) -> Role:
    return Role(row.code, row.name, tuple(row.permissions), tuple(row.masks), row.code in BUILT_IN)


async def roles_named(session: AsyncSession, codes: Iterable[str]) -> list[Role]:
    """Roles by code, the brand's own version first; unknown codes are absent."""
    wanted = list(dict.fromkeys(codes))
    own = {
        row.code: _role_of(row)
        for row in await session.scalars(select(RoleRow).where(RoleRow.code.in_(wanted)))
    }
    known = {**BUILT_IN, **own}
    return [known[code] for code in wanted if code in known]


async def all_roles(session: AsyncSession) -> list[Role]:
    """The built-in roles and the brand's own, the latter by code."""
    rows = await session.scalars(select(RoleRow).order_by(RoleRow.code))
    return list({**BUILT_IN, **{row.code: _role_of(row) for row in rows}}.values())


async def seen(session: AsyncSession, token_hash: str) -> Seen | None:
    """The valid session behind a token's hash with its active staff member and roles, in one round trip."""
    now = clock.now()
    mine = select(StaffRoleRow.role).where(StaffRoleRow.staff_id == StaffRow.id).correlate(StaffRow)
    own = (
        select(
            func.jsonb_agg(
                func.jsonb_build_array(
                    RoleRow.code, RoleRow.name, RoleRow.permissions, RoleRow.masks
                )
            )
        )
        .where(RoleRow.code.in_(mine))
        .correlate(StaffRow)
        .scalar_subquery()
    )
    codes = (
        select(func.jsonb_agg(StaffRoleRow.role))
        .where(StaffRoleRow.staff_id == StaffRow.id)
        .correlate(StaffRow)
    )
    second = (
        exists()
        .where(SecondStepRow.staff_id == StaffRow.id, SecondStepRow.confirmed_at.is_not(None))
        .correlate(StaffRow)
    )
    found = (
        await session.execute(
            select(StaffRow, codes.scalar_subquery(), own, StaffSessionRow.last_seen_at, second)
            .join(StaffSessionRow, StaffSessionRow.staff_id == StaffRow.id)
            .where(
                StaffSessionRow.token_hash == token_hash,
                StaffSessionRow.last_seen_at > now - IDLE,
                StaffSessionRow.created_at > now - LONGEST,
                StaffRow.active,
            )
        )
    ).one_or_none()
    if found is None:
        return None
    staff, last_seen_at, second_step = found[0], found[3], found[4]
    role_codes: list[str] = found[1] or []
    own_roles: list[tuple[str, LocaleText, list[str], list[str]]] = found[2] or []
    known = {
        code: Role(code, name, tuple(keys), tuple(masks)) for code, name, keys, masks in own_roles
    }
    known = {**BUILT_IN, **known}
    roles = [known[code] for code in sorted(role_codes) if code in known]
    return Seen(staff, roles, last_seen_at, second_step)


async def sessions_of(session: AsyncSession, staff_id: UUID) -> list[StaffSessionRow]:
    """The valid sessions of a staff member, the one that was used last first."""
    now = clock.now()
    rows = await session.scalars(
        select(StaffSessionRow)
        .where(
            StaffSessionRow.staff_id == staff_id,
            StaffSessionRow.last_seen_at > now - IDLE,
            StaffSessionRow.created_at > now - LONGEST,
        )
        .order_by(StaffSessionRow.last_seen_at.desc(), StaffSessionRow.id)
        .limit(MOST_SESSIONS)
    )
    return list(rows)


async def with_second_step(session: AsyncSession, staff_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these have a confirmed second step."""
    rows = await session.scalars(
        select(SecondStepRow.staff_id).where(
            SecondStepRow.staff_id.in_(staff_ids), SecondStepRow.confirmed_at.is_not(None)
        )
    )
    return set(rows)


async def staff_by_login(session: AsyncSession, login: str) -> StaffRow | None:
    """A staff member of the session's brand by login (lower case)."""
    return await session.scalar(select(StaffRow).where(StaffRow.login == login))


async def staff_row(
    session: AsyncSession, staff_id: UUID, unit_ids: Sequence[UUID], *, lock: bool = False
) -> StaffRow:
    """A staff member of one of these units. Raises ``NotFound``."""
    wanted = select(StaffRow).where(StaffRow.id == staff_id, StaffRow.unit_id.in_(unit_ids))
    row = await session.scalar(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise NotFound(staff_id=str(staff_id))
    return row


async def roles_of(session: AsyncSession, staff_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Role codes by staff member, in alphabetical order."""
    out: dict[UUID, list[str]] = {one: [] for one in staff_ids}
    rows = await session.execute(
        select(StaffRoleRow.staff_id, StaffRoleRow.role)
        .where(StaffRoleRow.staff_id.in_(staff_ids))
        .order_by(StaffRoleRow.role)
    )
    for staff_id, role in rows:
        out[staff_id].append(role)
    return out


async def names(session: AsyncSession, staff_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Names of staff by id, former ones too; unknown ids are absent."""
    wanted = {one for one in staff_ids if one is not None}
    if not wanted:
        return {}
    rows = await session.execute(select(StaffRow.id, StaffRow.name).where(StaffRow.id.in_(wanted)))
    return {row[0]: row[1] for row in rows}


async def page_of_staff(
    session: AsyncSession,
    unit_ids: Sequence[UUID],
    *,
    q: str = "",
    role: str | None = None,
    before: tuple[bool, UUID] | None = None,
    limit: int = 20,
) -> list[StaffRow]:
    """Staff of these units, active first, newest first; one more than ``limit`` when there is more."""
    wanted = select(StaffRow).where(StaffRow.unit_id.in_(unit_ids))
    if q:
        wanted = wanted.where(
            or_(
                func.strpos(StaffRow.login, q.lower()) > 0,
                func.strpos(func.lower(StaffRow.name), q.lower()) > 0,
            )
        )
    if role:
        wanted = wanted.where(
            exists()
            .where(StaffRoleRow.staff_id == StaffRow.id, StaffRoleRow.role == role)
            .correlate(StaffRow)
        )
    if before is not None:
        wanted = wanted.where(tuple_(StaffRow.active, StaffRow.id) < before)
    rows = await session.scalars(
        wanted.order_by(StaffRow.active.desc(), StaffRow.id.desc()).limit(limit + 1)
    )
    return list(rows)


async def staff_counts(session: AsyncSession) -> dict[str, int]:
    """How many active staff members have each role."""
    rows = await session.execute(
        select(StaffRoleRow.role, func.count())
        .join(StaffRow, StaffRow.id == StaffRoleRow.staff_id)
        .where(StaffRow.active)
        .group_by(StaffRoleRow.role)
    )
    return {row[0]: row[1] for row in rows}


async def other_owners(session: AsyncSession, staff_id: UUID) -> int:
    """Active owners besides this staff member; changes of ownership wait for each other from here on."""
    key = func.hashtextextended(f"owners/{brand_of(session)}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))
    count = await session.scalar(
        select(func.count())
        .select_from(StaffRoleRow)
        .join(StaffRow, StaffRow.id == StaffRoleRow.staff_id)
        .where(StaffRoleRow.role == OWNER, StaffRow.active, StaffRow.id != staff_id)
    )
    return count or 0


async def active_staff_at(session: AsyncSession, unit_id: UUID) -> int:
    """How many active staff members belong to a unit itself."""
    return (
        await session.scalar(
            select(func.count()).where(StaffRow.unit_id == unit_id, StaffRow.active)
        )
        or 0
    )


async def page_of_audit(
    session: AsyncSession,
    within: str,
    *,
    actor_id: UUID | None = None,
    action: str | None = None,
    subject_id: UUID | None = None,
    subject_kind: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 20,
) -> list[AuditRow]:
    """Who did what, newest first; one more than ``limit`` when there is more.

    Below the top of the tree only what people of one's own subtree did. Needs indexes ``(…, at, id)``.
    """
    wanted = select(AuditRow)
    if within.count("/") > 1:
        low, high = subtree(within)
        wanted = wanted.where(AuditRow.actor_path >= low, AuditRow.actor_path < high)
    if actor_id:
        wanted = wanted.where(AuditRow.actor_id == actor_id)
    if action:
        wanted = wanted.where(AuditRow.action == action)
    if subject_id:
        wanted = wanted.where(AuditRow.subject_id == subject_id)
    if subject_kind:
        wanted = wanted.where(AuditRow.subject_kind == subject_kind)
    if since:
        wanted = wanted.where(AuditRow.at >= since)
    if until:
        wanted = wanted.where(AuditRow.at < until)
    if before is not None:
        wanted = wanted.where(tuple_(AuditRow.at, AuditRow.id) < before)
    rows = await session.scalars(
        wanted.order_by(AuditRow.at.desc(), AuditRow.id.desc()).limit(limit + 1)
    )
    return list(rows)


async def facts_of(session: AsyncSession, rows: Sequence[AuditRow]) -> list[dict[str, Any]]:
    """Facts of rows of the audit as they were written down: sealed reasons opened, at most one read for all.

    A reason is None once its customer was forgotten, or when the row was tampered with: proving the chain tells.
    """
    sealed = {
        row.id: row.subject_id
        for row in rows
        if row.subject_kind == "customer" and vault.is_sealed(str(row.facts.get("reason", "")))
    }
    keys = await vault.keys_of(await driver_of(session), sealed.values())
    return [
        row.facts | {"reason": _reason(keys.get(person), row.facts["reason"])}
        if (person := sealed.get(row.id))
        else row.facts
        for row in rows
    ]


def _reason(key: vault.PersonKey | None, kept: str) -> str | None:
    try:
        return vault.open_text(key, AUDIT_REASON, kept)
    except vault.Unopenable:
        return None
