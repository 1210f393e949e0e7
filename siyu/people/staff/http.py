"""The console's doors to sessions, staff, roles and the audit."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post, put
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import func, select

from siyu.kernel import clock
from siyu.kernel.errors import Invalid, NotSignedIn
from siyu.kernel.events import ParkedEventRow
from siyu.kernel.http import client_address, decode_cursor, encode_cursor, once, request_id_of
from siyu.kernel.jobs import JobRow
from siyu.people.brands import BrandFacts, BrandOut, is_within, units
from siyu.people.brands.rules import LOCALES, check_name
from siyu.people.staff import actions, credentials, queries, rules
from siyu.people.staff.actions import StaffChange
from siyu.people.staff.desk import COOKIE, Desk, StaffActor, actor_behind, menu_count, menu_counts
from siyu.people.staff.rules import LocaleText, permission
from siyu.people.staff.tables import StaffRow

permission("settings.edit", {"zh-CN": "修改品牌设置", "en": "Change the brand's settings"})
permission("units.edit", {"zh-CN": "管理组织架构", "en": "Manage the organisation"})
permission("staff.view", {"zh-CN": "查看员工", "en": "See staff"})
permission("staff.edit", {"zh-CN": "管理员工与角色", "en": "Manage staff and roles"})
permission("audit.view", {"zh-CN": "查看操作日志", "en": "See the audit"})

Name = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")]
Word = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=64)]
Size = Annotated[int, QueryParameter(ge=1, le=100)]
Search = Annotated[str, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]
OptionalSearch = Annotated[str | None, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]


class SignInIn(msgspec.Struct, forbid_unknown_fields=True):
    login: Word
    password: Annotated[str, Meta(max_length=1000)]


class SessionStaff(msgspec.Struct):
    id: UUID
    name: str
    login: str
    roles: list[str]
    permissions: list[str]
    unit_id: UUID
    unit_name: LocaleText
    locale: str


class SessionOut(msgspec.Struct):
    staff: SessionStaff
    brand: BrandOut
    csrf_token: str
    profile: str
    now: datetime
    counts: dict[str, int]


class SessionPatchIn(msgspec.Struct, forbid_unknown_fields=True):
    locale: str


class PasswordIn(msgspec.Struct, forbid_unknown_fields=True):
    old_password: Annotated[str, Meta(max_length=1000)]
    new_password: Annotated[str, Meta(max_length=1000)]


@menu_count("parked_events")
async def count_parked(session: Any) -> int:
    """Subjects that some listener could not digest."""
    subjects = select(ParkedEventRow.listener, ParkedEventRow.subject).distinct().subquery()
    return await session.scalar(select(func.count()).select_from(subjects)) or 0


@menu_count("jobs_running")
async def count_jobs(session: Any) -> int:
    """Jobs that wait or run."""
    return await session.scalar(select(func.count()).where(JobRow.state.in_(("waiting", "running")))) or 0


async def _session_out(session: Any, runtime: Any, brand: BrandFacts, staff: StaffActor, csrf: str) -> SessionOut:
    return SessionOut(
        SessionStaff(
            staff.id,
            staff.name,
            staff.login,
            list(staff.roles),
            sorted(staff.permissions),
            staff.unit_id,
            staff.unit_name,
            staff.locale,
        ),
        BrandOut.of(brand, runtime.settings),
        csrf,
        runtime.settings.profile,
        clock.now(),
        {name: await count(session) for name, count in menu_counts.items()},
    )


def _cookie(runtime: Any, value: str, max_age: int | None = None) -> Cookie:
    secure = runtime.settings.console.startswith("https:")
    return Cookie(key=COOKIE, value=value, httponly=True, samesite="lax", secure=secure, path="/", max_age=max_age)


@post("/session", tags=["session"], status_code=200)
async def begin_session(request: Request[Any, Any, Any], data: JSONBody[SignInIn]) -> Response[SessionOut]:
    """Sign in. Refusals: staff.sign_in_failed, http.too_many with retry_after_s."""
    runtime = request.app.state["runtime"]
    credentials.check_origin(request.scope)
    signed_in = await actions.sign_in(
        runtime.database,
        runtime.secret,
        login=data.login,
        password=data.password,
        address=client_address(request.scope),
        request_id=request_id_of(request.scope),
    )
    async with runtime.database.brand(signed_in.brand_id) as session:
        found = await actor_behind(session, signed_in.token)
        if found is None:  # deactivated in this very moment
            raise NotSignedIn
        brand, staff, _ = found
        out = await _session_out(session, runtime, brand, staff, credentials.csrf_token(runtime.secret, signed_in.token))
    return Response(out, cookies=[_cookie(runtime, signed_in.token)])


@get("/session", tags=["session"])
async def show_session(desk: NamedDependency[Desk]) -> SessionOut:
    """Who is signed in, what they may, and the counts for the menu."""
    return await _session_out(desk.session, desk.runtime, desk.brand, desk.staff, desk.csrf_token)


@patch("/session", tags=["session"])
async def patch_session(desk: NamedDependency[Desk], data: JSONBody[SessionPatchIn]) -> SessionOut:
    """Choose one's language."""
    if data.locale not in LOCALES:
        raise Invalid(errors=[{"path": "locale", "message": f"one of {', '.join(LOCALES)}"}])
    row = await queries.staff_row(desk.session, desk.staff.id, [desk.staff.unit_id])
    row.locale = data.locale
    staff = msgspec.structs.replace(desk.staff, locale=data.locale)
    return await _session_out(desk.session, desk.runtime, desk.brand, staff, desk.csrf_token)


@delete("/session", tags=["session"], status_code=204)
async def end_session(desk: NamedDependency[Desk]) -> Response[None]:
    """Sign out."""
    await actions.sign_out(desk)
    return Response(None, status_code=204, cookies=[_cookie(desk.runtime, "", 0)])


@post("/session/password", tags=["session"], status_code=204)
async def change_password(desk: NamedDependency[Desk], data: JSONBody[PasswordIn]) -> None:
    """Change one's own password; one's other sessions end. Refusals: staff.wrong_password, staff.weak_password."""
    await actions.change_password(desk, data.old_password, data.new_password)


class StaffOut(msgspec.Struct):
    id: UUID
    login: str
    name: str
    roles: list[str]
    unit_id: UUID
    unit_name: LocaleText
    active: bool
    last_seen_at: datetime | None


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
    return [
        StaffOut(row.id, row.login, row.name, roles[row.id], row.unit_id, at[row.unit_id].name, row.active, row.last_seen_at)
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
    following = encode_cursor((rows[limit - 1].active, rows[limit - 1].id)) if len(rows) > limit else None
    return StaffPageOut(await _staff_out(desk, rows[:limit]), following)


@post("/staff", tags=["staff"])
async def post_staff(desk: NamedDependency[Desk], data: JSONBody[StaffIn], request_key: Key = None) -> StaffCreatedOut:
    """Make an account. Refusals: staff.bad_login, staff.weak_password, staff.beyond_you, directory.name_taken, staff.owner_at_top."""
    desk.require("staff.edit")
    write = await once(desk.session, f"staff/{desk.staff.id}", request_key, data) if request_key else None
    if write and write.reference:
        row = await queries.staff_row(desk.session, UUID(write.reference["staff_id"]), [unit.id for unit in await desk.units()])
        return StaffCreatedOut((await _staff_out(desk, [row]))[0], None)
    row, first = await actions.add_staff(
        desk, login=data.login, name=data.name.strip(), roles=data.roles, unit_id=data.unit_id, password=data.password
    )
    if write:
        await write.done({"staff_id": row.id})
    return StaffCreatedOut((await _staff_out(desk, [row]))[0], first)


@patch("/staff/{staff_id:uuid}", tags=["staff"])
async def patch_staff(desk: NamedDependency[Desk], staff_id: FromPath[UUID], data: JSONBody[StaffPatchIn]) -> StaffOut:
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
        role.code, role.name, sorted(role.permissions()), sorted(role.masks), role.built_in, counts.get(role.code, 0)
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
async def put_role(desk: NamedDependency[Desk], code: FromPath[str], data: JSONBody[RoleIn]) -> RoleOut:
    """Make or change a role. Refusals: staff.owner_fixed, staff.beyond_you, staff.not_at_top."""
    desk.require("staff.edit")
    check_name(data.name, longest=40)
    role = await actions.put_role(desk, code, data.name, data.permissions, data.masks)
    return _role_out(role, await queries.staff_counts(desk.session))


class AuditOut(msgspec.Struct):
    id: UUID
    at: datetime
    actor_id: UUID | None
    actor_name: str
    action: str
    subject_kind: str
    subject_id: UUID | None
    subject_label: str
    facts: dict[str, Any]
    request_id: str


class AuditPageOut(msgspec.Struct):
    items: list[AuditOut]
    next: str | None


@get("/audit", tags=["audit"])
async def list_audit(
    *,
    desk: NamedDependency[Desk],
    actor_id: FromQuery[UUID | None] = None,
    action: OptionalSearch = None,
    subject: OptionalSearch = None,
    since: Annotated[datetime | None, QueryParameter(name="from")] = None,
    until: Annotated[datetime | None, QueryParameter(name="to")] = None,
    cursor: OptionalSearch = None,
    limit: Size = 20,
) -> AuditPageOut:
    """Who did what, newest first. ``subject`` is an id or a kind of thing; below the top only one's own subtree."""
    desk.require("audit.view")
    subject_id = _uuid(subject)
    rows = await queries.page_of_audit(
        desk.session,
        desk.staff.unit_path,
        actor_id=actor_id,
        action=action,
        subject_id=subject_id,
        subject_kind=None if subject_id else subject,
        since=_aware(since, "from"),
        until=_aware(until, "to"),
        before=decode_cursor(cursor, datetime, UUID),
        limit=limit,
    )
    following = encode_cursor((rows[limit - 1].at, rows[limit - 1].id)) if len(rows) > limit else None
    fields = [field.name for field in msgspec.structs.fields(AuditOut)]
    return AuditPageOut([AuditOut(**{field: getattr(row, field) for field in fields}) for row in rows[:limit]], following)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _aware(moment: datetime | None, path: str) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise Invalid(errors=[{"path": path, "message": "an instant with its offset from UTC"}])
    return moment


console_routes = [
    begin_session,
    show_session,
    patch_session,
    end_session,
    change_password,
    list_staff,
    post_staff,
    patch_staff,
    reset_password,
    list_roles,
    put_role,
    list_audit,
]
