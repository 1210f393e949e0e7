"""The console's doors to the session."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, QueryParameter
from msgspec import Meta
from sqlalchemy import func, select

from siyu.kernel import clock
from siyu.kernel.errors import Invalid, NotSignedIn
from siyu.kernel.events import ParkedEventRow
from siyu.kernel.http import client_address, request_id_of
from siyu.kernel.jobs import JobRow
from siyu.people.brands import BrandFacts, BrandOut
from siyu.people.brands.rules import LOCALES
from siyu.people.staff import credentials, queries, signing_in
from siyu.people.staff.desk import (
    BEFORE_SECOND_STEP,
    COOKIE,
    Desk,
    StaffActor,
    actor_behind,
    menu_count,
    menu_counts,
)
from siyu.people.staff.rules import LocaleText

Name = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")]
Word = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=64)]
_DEVICE_LIFE_S = 365 * 24 * 3600
Size = Annotated[int, QueryParameter(ge=1, le=100)]
Search = Annotated[str, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]
OptionalSearch = Annotated[str | None, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]


class SignInIn(msgspec.Struct, forbid_unknown_fields=True):
    login: Word
    password: Annotated[str, Meta(max_length=1000)]
    code: Annotated[str, Meta(max_length=60)] = ""


class SessionStaff(msgspec.Struct):
    id: UUID
    name: str
    login: str
    roles: list[str]
    permissions: list[str]
    unit_id: UUID
    unit_name: LocaleText
    locale: str
    second_step: bool


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
    return (
        await session.scalar(select(func.count()).where(JobRow.state.in_(("waiting", "running"))))
        or 0
    )


async def _session_out(
    session: Any, runtime: Any, brand: BrandFacts, staff: StaffActor, csrf: str
) -> SessionOut:
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
            staff.second_step,
        ),
        BrandOut.of(brand, runtime.settings),
        csrf,
        runtime.settings.profile,
        clock.now(),
        {name: await count(session) for name, count in menu_counts.items()},
    )


def _cookie(runtime: Any, value: str, max_age: int | None = None) -> Cookie:
    secure = runtime.settings.console.startswith("https:")
    return Cookie(
        key=COOKIE,
        value=value,
        httponly=True,
        samesite="lax",
        secure=secure,
        path="/",
        max_age=max_age,
    )


def _device_cookie(runtime: Any, name: str, mark: str) -> Cookie:
    """Stays when one signs out, and travels to the sign-in only."""
    return Cookie(
        key=name,
        value=mark,
        httponly=True,
        samesite="strict",
        secure=runtime.settings.console.startswith("https:"),
        path="/api/console/session",
        max_age=_DEVICE_LIFE_S,
    )


@post("/session", tags=["session"], status_code=200)
async def begin_session(
    request: Request[Any, Any, Any], data: JSONBody[SignInIn]
) -> Response[SessionOut]:
    """Sign in; ``code`` for those with a second step.

    Refusals: staff.sign_in_failed, staff.second_step_wanted (the same again, with a code), staff.wrong_code,
    http.too_many with retry_after_s.
    """
    runtime = request.app.state["runtime"]
    credentials.check_origin(request.scope)
    mark_name = credentials.device_cookie(runtime.secret, data.login)
    signed_in = await signing_in.sign_in(
        runtime.database,
        runtime.secret,
        login=data.login,
        password=data.password,
        code=data.code,
        caller=signing_in.Caller(
            client_address(request.scope),
            credentials.header(request.scope, b"user-agent"),
            request_id_of(request.scope),
            credentials.cookie(request.scope, mark_name) or "",
        ),
    )
    async with runtime.database.brand(signed_in.brand_id) as session:
        found = await actor_behind(session, signed_in.token)
        if found is None:  # deactivated in this very moment
            raise NotSignedIn
        brand, staff, _ = found
        out = await _session_out(
            session, runtime, brand, staff, credentials.csrf_token(runtime.secret, signed_in.token)
        )
    mark = _device_cookie(runtime, mark_name, credentials.device_mark(runtime.secret, data.login))
    return Response(out, cookies=[_cookie(runtime, signed_in.token), mark])


@get("/session", tags=["session"], opt=BEFORE_SECOND_STEP)
async def show_session(desk: NamedDependency[Desk]) -> SessionOut:
    """Who is signed in, what they may, and the counts for the menu."""
    return await _session_out(desk.session, desk.runtime, desk.brand, desk.staff, desk.csrf_token)


@patch("/session", tags=["session"], opt=BEFORE_SECOND_STEP)
async def patch_session(desk: NamedDependency[Desk], data: JSONBody[SessionPatchIn]) -> SessionOut:
    """Choose one's language."""
    if data.locale not in LOCALES:
        raise Invalid(errors=[{"path": "locale", "message": f"one of {', '.join(LOCALES)}"}])
    row = await queries.staff_row(desk.session, desk.staff.id, [desk.staff.unit_id])
    row.locale = data.locale
    staff = msgspec.structs.replace(desk.staff, locale=data.locale)
    return await _session_out(desk.session, desk.runtime, desk.brand, staff, desk.csrf_token)


@delete("/session", tags=["session"], status_code=204, opt=BEFORE_SECOND_STEP)
async def end_session(desk: NamedDependency[Desk]) -> Response[None]:
    """Sign out."""
    await signing_in.sign_out(desk)
    return Response(None, status_code=204, cookies=[_cookie(desk.runtime, "", 0)])


@post("/session/password", tags=["session"], status_code=204)
async def change_password(desk: NamedDependency[Desk], data: JSONBody[PasswordIn]) -> None:
    """Change one's own password; one's other sessions end. Refusals: staff.wrong_password, staff.weak_password."""
    await signing_in.change_password(desk, data.old_password, data.new_password)
