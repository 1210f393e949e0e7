"""The desk: a signed-in staff member in one brand-bound transaction, with rights, masks and the audit."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar import Request
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import Actor, Database, actor_of
from siyu.kernel.errors import NotAllowed, NotSignedIn
from siyu.kernel.http import request_id_of
from siyu.kernel.ids import new_id
from siyu.people.brands import BrandFacts, Unit, brand_and_unit, is_within, units_within
from siyu.people.staff import credentials, queries
from siyu.people.staff.rules import LocaleText, Rights, SecondStepNeeded, rights_of
from siyu.people.staff.tables import AuditRow, AuditUnsealedRow, StaffRow, StaffSessionRow

COOKIE = "siyu_staff"
SEEN_EVERY_S = 60
BEFORE_SECOND_STEP = {"before_second_step": True}
"""``opt`` of handlers that serve somebody who still owes the brand their second step."""
Count = Callable[[AsyncSession], Awaitable[int]]
menu_counts: dict[str, Count] = {}


def menu_count(name: str) -> Callable[[Count], Count]:
    """Register what the console's menu shows beside a section, e.g. ``@menu_count("orders_to_ship")``."""

    def register(count: Count) -> Count:
        assert name not in menu_counts, f"two counts are called {name}"
        menu_counts[name] = count
        return count

    return register


class StaffActor(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the desk, and what they may."""

    id: UUID
    name: str
    login: str
    locale: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    masks: frozenset[str]
    is_owner: bool
    unit_id: UUID
    unit_name: LocaleText
    unit_kind: str
    second_step: bool = False
    """Whether they have a second step at sign-in."""
    unit_path: str
    """The subtree they see, e.g. ``hq/east/hz01/``."""

    @property
    def sees_all(self) -> bool:
        """Whether they stand at the top of the tree."""
        return self.unit_path.count("/") == 1

    @property
    def rights(self) -> Rights:
        """Their rights, to compare with others'."""
        return Rights(self.permissions, self.masks, self.is_owner)


class Desk:
    """Dependency ``desk`` of every console handler: its transaction commits when the handler returns."""

    def __init__(
        self,
        runtime: Any,
        session: AsyncSession,
        *,
        brand: BrandFacts,
        staff: StaffActor,
        token: str,
        request_id: str,
    ) -> None:
        self.runtime = runtime
        self.session = session
        self.brand = brand
        self.staff = staff
        self.token_hash = credentials.hash_of(token)
        self.csrf_token = credentials.csrf_token(runtime.secret, token)
        self.request_id = request_id

    def may(self, permission: str) -> bool:
        """Whether one of their roles gives the permission."""
        return permission in self.staff.permissions

    def require(self, permission: str) -> None:
        """Raises ``NotAllowed`` without the permission."""
        if not self.may(permission):
            raise NotAllowed(permission=permission)

    def masked(self, field: str) -> bool:
        """Whether a field is hidden from them: ``phone`` · ``address`` · ``recipient`` · ``cost``."""
        return field in self.staff.masks

    def sees(self, unit_path: str) -> bool:
        """Whether a unit lies in their subtree."""
        return is_within(unit_path, self.staff.unit_path)

    async def units(self) -> list[Unit]:
        """The units of their subtree, in the order of paths."""
        return await units_within(self.session, self.staff.unit_path)

    async def leave(self) -> None:
        """End the request's transaction before something slow is waited for; ``session`` answers nothing any more."""
        await self.session.commit()

    async def unit_ids(self) -> list[UUID] | None:
        """The ids of their subtree; ``None`` when they see the whole brand (then nothing needs filtering)."""
        return None if self.staff.sees_all else [unit.id for unit in await self.units()]

    async def audit(
        self,
        action: str,
        *,
        subject_kind: str,
        subject_id: UUID | None = None,
        label: str = "",
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Write down what they did, in the same transaction. ``facts`` carry no personal data."""
        await audit(
            self.session,
            action,
            subject_kind=subject_kind,
            subject_id=subject_id,
            label=label,
            facts=facts,
            path=self.staff.unit_path,
        )


async def audit(
    session: AsyncSession,
    action: str,
    *,
    subject_kind: str,
    subject_id: UUID | None = None,
    label: str = "",
    facts: dict[str, Any] | None = None,
    path: str = "",
) -> None:
    """Write down what the session's actor did (jobs and the command line; at a desk use ``desk.audit``)."""
    actor = actor_of(session)
    audit_id = new_id()
    session.add(
        AuditRow(
            id=audit_id,
            at=clock.now(),
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
            actor_path=path,
            action=action,
            subject_kind=subject_kind,
            subject_id=subject_id,
            subject_label=label[:200],
            facts=msgspec.to_builtins(facts or {}),
            request_id=actor.request_id,
        )
    )
    await session.flush()
    session.add(AuditUnsealedRow(audit_id=audit_id))
    await session.flush()


async def actor_behind(
    session: AsyncSession, token: str
) -> tuple[BrandFacts, StaffActor, float] | None:
    """The brand and the staff member behind a token, and the seconds since they were last seen."""
    found = await queries.seen(session, credentials.hash_of(token))
    if found is None:
        return None
    row: StaffRow = found.staff
    brand, unit = await brand_and_unit(session, row.unit_id)
    rights = rights_of(found.roles)
    actor = StaffActor(
        id=row.id,
        name=row.name,
        login=row.login,
        locale=row.locale,
        roles=tuple(role.code for role in found.roles),
        permissions=rights.permissions,
        masks=rights.masks,
        is_owner=rights.is_owner,
        second_step=found.second_step,
        unit_id=unit.id,
        unit_name=unit.name,
        unit_kind=unit.kind,
        unit_path=unit.path,
    )
    return brand, actor, (clock.now() - found.last_seen_at).total_seconds()


async def open_desk(request: Request[Any, Any, Any]) -> AsyncGenerator[Desk, None]:
    """Provide ``desk``. Raises ``NotSignedIn``; for unsafe methods ``CsrfFailed`` and ``ForeignOrigin``.

    Where the brand asks for a second step, who has none yet only reaches handlers marked ``BEFORE_SECOND_STEP``;
    others raise ``SecondStepNeeded``.
    """
    runtime = request.app.state["runtime"]
    token = credentials.cookie(request.scope, COOKIE)
    brand_id = credentials.brand_of_token(token)
    if token is None or brand_id is None:
        raise NotSignedIn
    if request.method not in credentials.SAFE_METHODS:
        credentials.check_csrf(request.scope, runtime.secret, token)
    request_id = request_id_of(request.scope)
    async with runtime.database.brand(brand_id) as session:
        found = await actor_behind(session, token)
        if found is None:
            raise NotSignedIn
        brand, actor, unseen_s = found
        owed = brand.second_step_required and not actor.second_step
        if owed and not request.route_handler.opt.get("before_second_step"):
            raise SecondStepNeeded
        session.info["actor"] = Actor("staff", actor.id, actor.name, request_id)
        with structlog.contextvars.bound_contextvars(brand=brand.slug, staff=str(actor.id)):
            yield Desk(
                runtime, session, brand=brand, staff=actor, token=token, request_id=request_id
            )
    if unseen_s > SEEN_EVERY_S:
        await _touch(runtime.database, brand_id, credentials.hash_of(token), actor.id)


async def _touch(database: Database, brand_id: UUID, token_hash: str, staff_id: UUID) -> None:
    # In a transaction of its own, so that no long request holds the session's row.
    now = clock.now()
    async with database.brand(brand_id) as session:
        await session.execute(
            update(StaffSessionRow)
            .where(StaffSessionRow.token_hash == token_hash)
            .values(last_seen_at=now)
        )
        await session.execute(
            update(StaffRow).where(StaffRow.id == staff_id).values(last_seen_at=now)
        )
