"""Writes of staff: people, their roles and first passwords, roles themselves."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.directory import NameTaken, enter
from siyu.kernel.errors import NotFound, Refusal
from siyu.people.brands import Founding, NotClosable, before_closing, founding, units
from siyu.people.staff import credentials, queries, rules
from siyu.people.staff.desk import Desk, audit
from siyu.people.staff.rules import OWNER, LocaleText, Rights, Role
from siyu.people.staff.second_step import keeping
from siyu.people.staff.signing_in import end_one, end_sessions, note_ended
from siyu.people.staff.tables import RoleRow, StaffRoleRow, StaffRow


async def _known_roles(session: AsyncSession, codes: list[str]) -> list[Role]:
    roles = await queries.roles_named(session, codes)
    missing = set(codes) - {role.code for role in roles}
    if missing:
        raise rules.UnknownRole(role=min(missing)[:60])
    return roles


async def _check_unit(desk: Desk, unit_id: UUID, roles: list[str]) -> None:
    found = (await units(desk.session, [unit_id])).get(unit_id)
    if found is None or found.closed or not desk.sees(found.path):
        raise NotFound(unit_id=str(unit_id))
    if OWNER in roles and found.parent_id is not None:
        raise rules.OwnerAtTop


async def add_staff(
    desk: Desk,
    *,
    login: str,
    name: str,
    roles: list[str],
    unit_id: UUID,
    password: str | None = None,
) -> tuple[StaffRow, str | None]:
    """Make an account below the desk's unit; it, and its first password when none was given.

    Raises ``BadLogin``, ``WeakPassword``, ``directory.name_taken``, ``UnknownRole``, ``BeyondYou``, ``NotFound``.
    """
    login = login.strip().lower()
    rules.check_login(login)
    await _check_unit(desk, unit_id, roles)
    rules.check_covers(desk.staff.rights, rules.rights_of(await _known_roles(desk.session, roles)))
    row, first = await _put_staff(
        desk.session,
        login=login,
        name=name,
        unit_id=unit_id,
        roles=roles,
        password=password,
        locale=desk.brand.default_locale,
    )
    await desk.audit(
        "staff.added",
        subject_kind="staff",
        subject_id=row.id,
        label=name,
        facts={"login": login, "roles": roles, "unit_id": unit_id},
    )
    return row, first


async def _put_staff(
    session: AsyncSession,
    *,
    login: str,
    name: str,
    unit_id: UUID,
    roles: list[str],
    password: str | None,
    locale: str,
) -> tuple[StaffRow, str | None]:
    first = credentials.random_password() if password is None else None
    rules.check_password(password or first or "", login)
    await enter(session, "sign_in", login)
    if await queries.staff_by_login(session, login):
        raise NameTaken(kind="sign_in", key=login)
    row = StaffRow(
        login=login,
        name=name,
        password_hash=await credentials.hash_password(password or first or ""),
        unit_id=unit_id,
        active=True,
        locale=locale,
        created_at=clock.now(),
    )
    session.add(row)
    await session.flush()
    session.add_all(StaffRoleRow(staff_id=row.id, role=role) for role in dict.fromkeys(roles))
    await session.flush()
    return row, first


class NewStaff(msgspec.Struct, frozen=True, kw_only=True):
    """A staff member made without a desk: by the demo and by imports."""

    login: str
    name: str
    roles: list[str]
    unit_id: UUID
    password_hash: str
    locale: str = "zh-CN"


async def add_many_staff(session: AsyncSession, people: list[NewStaff]) -> list[UUID]:
    """Make accounts with given password hashes, as the system; their ids in order. Raises ``directory.name_taken``."""
    rows: list[StaffRow] = []
    for one in people:
        rules.check_login(one.login)
        await enter(session, "sign_in", one.login)
        rows.append(
            StaffRow(
                login=one.login,
                name=one.name,
                password_hash=one.password_hash,
                unit_id=one.unit_id,
                active=True,
                locale=one.locale,
                created_at=clock.now(),
            )
        )
    session.add_all(rows)
    await session.flush()
    session.add_all(
        StaffRoleRow(staff_id=row.id, role=role)
        for row, one in zip(rows, people, strict=True)
        for role in one.roles
    )
    await session.flush()
    return [row.id for row in rows]


class StaffChange(msgspec.Struct, frozen=True, kw_only=True):
    """What may be changed of a staff member; what is UNSET stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    roles: list[str] | msgspec.UnsetType = msgspec.UNSET
    unit_id: UUID | msgspec.UnsetType = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET


async def _theirs(desk: Desk, staff_id: UUID) -> tuple[StaffRow, list[str], Rights]:
    """A staff member of the desk's subtree, locked, whose rights the desk's cover."""
    row = await queries.staff_row(
        desk.session, staff_id, [unit.id for unit in await desk.units()], lock=True
    )
    codes = (await queries.roles_of(desk.session, [staff_id]))[staff_id]
    rights = rules.rights_of(await queries.roles_named(desk.session, codes))
    if staff_id != desk.staff.id and codes:
        rules.check_covers(desk.staff.rights, rights)
    return row, codes, rights


async def change_staff(desk: Desk, staff_id: UUID, change: StaffChange) -> StaffRow:
    """Change a staff member of one's subtree. Deactivating ends the sessions.

    Raises ``NotFound``, ``BeyondYou``, ``LastOwner``, ``OwnerAtTop``, ``UnknownRole``.
    """
    session = desk.session
    row, had, _ = await _theirs(desk, staff_id)
    roles = had if change.roles is msgspec.UNSET else list(dict.fromkeys(change.roles))
    unit_id = row.unit_id if change.unit_id is msgspec.UNSET else change.unit_id
    active = row.active if change.active is msgspec.UNSET else change.active
    facts: dict[str, Any] = {}
    if set(roles) != set(had):
        rules.check_covers(desk.staff.rights, rules.rights_of(await _known_roles(session, roles)))
        facts["roles"] = roles
    if unit_id != row.unit_id or facts.get("roles"):
        await _check_unit(desk, unit_id, roles)
    if (
        OWNER in had
        and row.active
        and (OWNER not in roles or not active)
        and not await queries.other_owners(session, row.id)
    ):
        raise rules.LastOwner
    if change.name is not msgspec.UNSET and change.name != row.name:
        row.name = change.name
        facts["renamed"] = True
    if unit_id != row.unit_id:
        row.unit_id = unit_id
        facts["unit_id"] = unit_id
    if active != row.active:
        row.active = active
        facts["active"] = active
        if not active:
            await end_sessions(session, row.id)
    if "roles" in facts:
        await session.execute(delete(StaffRoleRow).where(StaffRoleRow.staff_id == row.id))
        session.add_all(StaffRoleRow(staff_id=row.id, role=role) for role in roles)
    await session.flush()
    if facts:
        await desk.audit(
            "staff.changed", subject_kind="staff", subject_id=row.id, label=row.name, facts=facts
        )
    return row


async def reset_password(desk: Desk, staff_id: UUID) -> str:
    """Give a staff member of one's subtree a new first password and end their sessions. Raises ``NotFound``, ``BeyondYou``."""
    row, _, _ = await _theirs(desk, staff_id)
    first = credentials.random_password()
    row.password_hash = await credentials.hash_password(first)
    await end_sessions(
        desk.session, row.id, but=desk.token_hash if row.id == desk.staff.id else None
    )
    await desk.audit(
        "staff.password_reset", subject_kind="staff", subject_id=row.id, label=row.name
    )
    return first


async def take_second_step(desk: Desk, staff_id: UUID) -> None:
    """Take the second step of a staff member of one's subtree away (their phone is lost) and end their sessions.

    Raises ``NotFound``, ``BeyondYou``, ``OwnSecondStep``, ``SecondStepOff``.
    """
    row, _, _ = await _theirs(desk, staff_id)
    if row.id == desk.staff.id:
        raise rules.OwnSecondStep
    if not await keeping.remove(desk.session, row.id):
        raise rules.SecondStepOff
    await end_sessions(desk.session, row.id)
    await desk.audit(
        "staff.second_step_reset", subject_kind="staff", subject_id=row.id, label=row.name
    )


async def take_second_step_of(session: AsyncSession, login: str) -> None:
    """The same for the operator of the house, by login (lower case), as the system. Raises ``NotFound``, ``SecondStepOff``."""
    row = await queries.staff_by_login(session, login)
    if row is None:
        raise NotFound(login=login[:100])
    if not await keeping.remove(session, row.id):
        raise rules.SecondStepOff
    await end_sessions(session, row.id)
    await audit(
        session,
        "staff.second_step_reset",
        subject_kind="staff",
        subject_id=row.id,
        label=row.name,
    )


async def end_session_of(desk: Desk, staff_id: UUID, session_id: UUID | None) -> None:
    """End one session of a staff member of one's subtree, or all of them. Raises ``NotFound``, ``BeyondYou``."""
    row, _, _ = await _theirs(desk, staff_id)
    if session_id is not None:
        await end_one(desk, row.id, session_id)
    elif count := await end_sessions(desk.session, row.id):
        await note_ended(desk, row.id, count)


async def put_role(
    desk: Desk, code: str, name: LocaleText, granted: list[str], masks: list[str]
) -> Role:
    """Make or change a role, from the top of the tree only.

    Raises ``Invalid``, ``OwnerFixed``, ``BeyondYou`` (also for rights that the role has now), ``staff.not_at_top``.
    """
    rules.check_role(code, granted, masks)
    if not desk.staff.sees_all:
        raise rules.NotAtTop
    session = desk.session
    wanted = Role(
        code, name, tuple(sorted(set(granted))), tuple(sorted(set(masks))), code in rules.BUILT_IN
    )
    before = await queries.roles_named(session, [code])
    for role in (*before, wanted):
        rules.check_covers(desk.staff.rights, rules.rights_of([role]))
    row = await session.scalar(select(RoleRow).where(RoleRow.code == code).with_for_update())
    if row is None:
        row = RoleRow(code=code, name=name, permissions=[], masks=[])
        session.add(row)
    row.name, row.permissions, row.masks = name, list(wanted.grants), list(wanted.masks)
    await session.flush()
    await desk.audit(
        "staff.role_changed",
        subject_kind="role",
        label=code,
        facts={"permissions": row.permissions, "masks": row.masks},
    )
    return wanted


@founding
async def make_owner(session: AsyncSession, founding: Founding) -> None:
    """Every brand begins with an owner."""
    rules.check_login(founding.owner_login)
    _, first = await _put_staff(
        session,
        login=founding.owner_login,
        name=founding.owner_name,
        unit_id=founding.hq_id,
        roles=[OWNER],
        password=founding.owner_password,
        locale=founding.default_locale,
    )
    founding.first_password = first


@before_closing
async def refuse_closing(session: AsyncSession, unit_id: UUID) -> Refusal | None:
    """A unit with active staff stays open."""
    count = await queries.active_staff_at(session, unit_id)
    return NotClosable(reason="staff", count=count) if count else None
