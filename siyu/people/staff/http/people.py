"""The console's doors to staff and roles."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType

from siyu.kernel.http import decode_cursor, encode_cursor, once
from siyu.people.brands import is_within, units
from siyu.people.brands.rules import check_name
from siyu.people.staff import actions, queries, rules
from siyu.people.staff.actions import StaffChange
from siyu.people.staff.desk import Desk
from siyu.people.staff.rules import LocaleText
from siyu.people.staff.tables import StaffRow

Name = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")]
Word = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=64)]
Size = Annotated[int, QueryParameter(ge=1, le=100)]
Search = Annotated[str, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]
OptionalSearch = Annotated[str | None, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]


class StaffOut(msgspec.Struct):
    id: UUID
    login: str
    name: str
    roles: list[str]
    unit_id: UUID
    unit_name: LocaleText
    active: bool
    last_seen_at: datetime | None
    second_step: bool


class StaffPageOut(msgspec.Struct):
    items: list[StaffOut]
    next: str | None


class StaffIn(msgspec.Struct, forbid_unknown_fields=True):
    login: Word
    name: Name
    roles: Annotated[list[str], Meta(min_length=1, max_length=20)]
    unit_id: UUID
    password: Annotated[str, Meta(max_length=1000)] | None = None


class StaffCreatedOut(msgspec.Struct):
    """``first_password`` is shown this once; a repetition under the same key has none."""

    staff: StaffOut
    first_password: str | None


class StaffPatchIn(msgspec.Struct, forbid_unknown_fields=True):
    name: Name | UnsetType = UNSET
    roles: Annotated[list[str], Meta(min_length=1, max_length=20)] | UnsetType = UNSET
    unit_id: UUID | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class FirstPasswordOut(msgspec.Struct):
    first_password: str


async def _staff_out(desk: Desk, rows: list[StaffRow]) -> list[StaffOut]:
    roles = await queries.roles_of(desk.session, [row.id for row in rows])
    at = await units(desk.session, [row.unit_id for row in rows])
    second = await queries.with_second_step(desk.session, [row.id for row in rows])
    return [
        StaffOut(
            row.id,
            row.login,
            row.name,
            roles[row.id],
            row.unit_id,
            at[row.unit_id].name,
            row.active,
            row.last_seen_at,
            row.id in second,
        )
        for row in rows
    ]


@get("/staff", tags=["staff"])
async def list_staff(
    *,
    desk: NamedDependency[Desk],
    q: Search = "",
    unit_id: FromQuery[UUID | None] = None,
    role: OptionalSearch = None,
    cursor: OptionalSearch = None,
    limit: Size = 20,
) -> StaffPageOut:
    """Staff of one's own subtree, active first; ``unit_id`` narrows to that unit and below."""
    desk.require("staff.view")
    own = await desk.units()
    if unit_id is not None:
        top = next((unit.path for unit in own if unit.id == unit_id), None)
        own = [unit for unit in own if top is not None and is_within(unit.path, top)]
    before = decode_cursor(cursor, bool, UUID)
    rows = await queries.page_of_staff(
        desk.session, [unit.id for unit in own], q=q.strip(), role=role, before=before, limit=limit
    )
    following = (
        encode_cursor((rows[limit - 1].active, rows[limit - 1].id)) if len(rows) > limit else None
    )
    return StaffPageOut(await _staff_out(desk, rows[:limit]), following)


@post("/staff", tags=["staff"])
async def post_staff(
    desk: NamedDependency[Desk], data: JSONBody[StaffIn], request_key: Key = None
) -> StaffCreatedOut:
    """Make an account. Refusals: staff.bad_login, staff.weak_password, staff.beyond_you, directory.name_taken, staff.owner_at_top."""
    desk.require("staff.edit")
    write = (
        await once(desk.session, f"staff/{desk.staff.id}", request_key, data)
        if request_key
        else None
    )
    if write and write.reference:
        row = await queries.staff_row(
            desk.session,
            UUID(write.reference["staff_id"]),
            [unit.id for unit in await desk.units()],
        )
        return StaffCreatedOut((await _staff_out(desk, [row]))[0], None)
    row, first = await actions.add_staff(
        desk,
        login=data.login,
        name=data.name.strip(),
        roles=data.roles,
        unit_id=data.unit_id,
        password=data.password,
    )
    if write:
        await write.done({"staff_id": row.id})
    return StaffCreatedOut((await _staff_out(desk, [row]))[0], first)


@patch("/staff/{staff_id:uuid}", tags=["staff"])
async def patch_staff(
    desk: NamedDependency[Desk], staff_id: FromPath[UUID], data: JSONBody[StaffPatchIn]
) -> StaffOut:
    """Change an account. Refusals: staff.last_owner, staff.beyond_you, staff.owner_at_top, staff.unknown_role."""
    desk.require("staff.edit")
    row = await actions.change_staff(desk, staff_id, StaffChange(**_given(data)))
    return (await _staff_out(desk, [row]))[0]


def _given(data: msgspec.Struct) -> dict[str, Any]:
    return {key: value for key, value in msgspec.structs.asdict(data).items() if value is not UNSET}


@post("/staff/{staff_id:uuid}/password", tags=["staff"], status_code=200)
async def reset_password(desk: NamedDependency[Desk], staff_id: FromPath[UUID]) -> FirstPasswordOut:
    """A new first password; all sessions of the account end. Refusal: staff.beyond_you."""
    desk.require("staff.edit")
    return FirstPasswordOut(await actions.reset_password(desk, staff_id))


class RoleOut(msgspec.Struct):
    code: str
    name: LocaleText
    permissions: list[str]
    masks: list[str]
    built_in: bool
    staff_count: int


class PermissionOut(msgspec.Struct):
    key: str
    name: LocaleText


class RoleListOut(msgspec.Struct):
    items: list[RoleOut]
    permissions: list[PermissionOut]


class RoleIn(msgspec.Struct, forbid_unknown_fields=True):
    name: LocaleText
    permissions: Annotated[list[str], Meta(max_length=500)]
    masks: Annotated[list[str], Meta(max_length=10)]


def _role_out(role: rules.Role, counts: dict[str, int]) -> RoleOut:
    return RoleOut(
        role.code,
        role.name,
        sorted(role.permissions()),
        sorted(role.masks),
        role.built_in,
        counts.get(role.code, 0),
    )


@get("/roles", tags=["staff"])
async def list_roles(desk: NamedDependency[Desk]) -> RoleListOut:
    """All roles, and every permission that there is with its name."""
    desk.require("staff.view")
    counts = await queries.staff_counts(desk.session)
    return RoleListOut(
        [_role_out(role, counts) for role in await queries.all_roles(desk.session)],
        [PermissionOut(key, name) for key, name in sorted(rules.permissions.items())],
    )


@put("/roles/{code:str}", tags=["staff"])
async def put_role(
    desk: NamedDependency[Desk], code: FromPath[str], data: JSONBody[RoleIn]
) -> RoleOut:
    """Make or change a role. Refusals: staff.owner_fixed, staff.beyond_you, staff.not_at_top."""
    desk.require("staff.edit")
    check_name(data.name, longest=40)
    role = await actions.put_role(desk, code, data.name, data.permissions, data.masks)
    return _role_out(role, await queries.staff_counts(desk.session))
