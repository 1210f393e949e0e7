"""The console's door to the audit."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, HeaderParameter, QueryParameter
from msgspec import Meta

from siyu.kernel.errors import Invalid
from siyu.kernel.http import decode_cursor, encode_cursor
from siyu.people.staff import queries
from siyu.people.staff.chain.proving import state_of
from siyu.people.staff.desk import Desk
from siyu.people.staff.tables import AuditRow

Name = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")]
Word = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=64)]
Size = Annotated[int, QueryParameter(ge=1, le=100)]
Search = Annotated[str, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]
OptionalSearch = Annotated[str | None, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]


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
    """``reason`` is null once it was deleted with the customer's data."""
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
    following = (
        encode_cursor((rows[limit - 1].at, rows[limit - 1].id)) if len(rows) > limit else None
    )
    facts = await queries.facts_of(desk.session, rows[:limit])
    return AuditPageOut(
        [_out(row, said) for row, said in zip(rows[:limit], facts, strict=True)], following
    )


def _out(row: AuditRow, facts: dict[str, Any]) -> AuditOut:
    plain = [field.name for field in msgspec.structs.fields(AuditOut) if field.name != "facts"]
    return AuditOut(**{field: getattr(row, field) for field in plain}, facts=facts)


class SealOut(msgspec.Struct):
    """How far the audit is sealed; ``head`` is worth writing down elsewhere."""

    sealed_until: datetime | None
    links: int
    rows: int
    waiting: int
    head: str


@get("/audit/seal", tags=["audit"])
async def show_seal(desk: NamedDependency[Desk]) -> SealOut:
    """How far the audit is sealed: rows before that cannot be changed or taken out unnoticed."""
    desk.require("audit.view")
    return SealOut(**msgspec.structs.asdict(await state_of(desk.session)))


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _aware(moment: datetime | None, path: str) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise Invalid(errors=[{"path": path, "message": "an instant with its offset from UTC"}])
    return moment
