"""The console's view of the machine room: jobs and their reports, parked events, how far listeners are behind."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy import select

from siyu.app.demo.run import JOB
from siyu.kernel import events, jobs
from siyu.kernel.errors import NotFound
from siyu.kernel.http import JobOut, decode_cursor, encode_cursor
from siyu.people.staff import Desk, permission

permission("jobs.view", {"zh-CN": "查看任务", "en": "See jobs"})
permission("jobs.edit", {"zh-CN": "重试或停止任务", "en": "Retry or stop jobs"})
permission("events.repair", {"zh-CN": "处理搁置的事件", "en": "Repair parked events"})


class JobPage(msgspec.Struct):
    """Jobs, newest first."""

    items: list[JobOut]
    next: str | None


async def year_in_making(desk: Desk) -> JobOut | None:
    """The job that still makes the demo's year."""
    under_way = jobs.JobRow.state.in_(("waiting", "running"))
    row = await desk.session.scalar(
        select(jobs.JobRow).where(under_way, jobs.JobRow.kind == JOB).limit(1)
    )
    return JobOut.of(row) if row is not None else None


@get("/jobs", tags=["jobs"])
async def list_jobs(
    desk: NamedDependency[Desk],
    job_state: Annotated[str | None, QueryParameter(name="state")] = None,
    cursor: FromQuery[str | None] = None,
) -> JobPage:
    """Jobs of the brand, newest first, 20 a page; ``state`` narrows them down."""
    desk.require("jobs.view")
    key = decode_cursor(cursor, UUID)
    rows = await jobs.page(desk.session, state=job_state, before=key[0] if key else None, limit=21)
    following = encode_cursor((rows[19].id,)) if len(rows) > 20 else None
    return JobPage([JobOut.of(row) for row in rows[:20]], following)


@get("/jobs/{job_id:uuid}", tags=["jobs"])
async def one_job(desk: NamedDependency[Desk], job_id: FromPath[UUID]) -> JobOut:
    """One job."""
    desk.require("jobs.view")
    return JobOut.of(await jobs.one(desk.session, job_id))


@post("/jobs/{job_id:uuid}/retry", tags=["jobs"], status_code=200)
async def retry_job(desk: NamedDependency[Desk], job_id: FromPath[UUID]) -> JobOut:
    """Let a failed or stopped job go on. Refusals: jobs.wrong_state."""
    desk.require("jobs.edit")
    await jobs.retry(desk.session, job_id)
    row = await jobs.one(desk.session, job_id)
    await desk.audit(
        action="jobs.retried", subject_kind="job", subject_id=job_id, label=row.kind, facts={}
    )
    return JobOut.of(row)


@post("/jobs/{job_id:uuid}/cancel", tags=["jobs"], status_code=200)
async def cancel_job(desk: NamedDependency[Desk], job_id: FromPath[UUID]) -> JobOut:
    """Stop a job; what it has done stays. Refusals: jobs.wrong_state."""
    desk.require("jobs.edit")
    await jobs.cancel(desk.session, job_id)
    row = await jobs.one(desk.session, job_id)
    await desk.audit(
        action="jobs.cancelled", subject_kind="job", subject_id=job_id, label=row.kind, facts={}
    )
    return JobOut.of(row)


@get("/jobs/{job_id:uuid}/report", tags=["jobs"], media_type="text/csv")
async def job_report(
    desk: NamedDependency[Desk], runtime: NamedDependency[Any], job_id: FromPath[UUID]
) -> Response[bytes]:
    """The job's report as a CSV file. Refusals: http.not_found when it has none."""
    desk.require("jobs.view")
    row = await jobs.one(desk.session, job_id)
    if row.report_key is None:
        raise NotFound(job_id=str(job_id))
    return Response(
        await runtime.files.get(row.report_key),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="report-{job_id.hex[:8]}.csv"'},
    )


class ParkedOut(msgspec.Struct):
    """A subject that waits at a listener."""

    listener: str
    subject: UUID
    kind: str
    first_seq: int
    events: int
    error: str
    attempts: int
    parked_at: datetime
    subject_label: str


class ParkedPage(msgspec.Struct):
    """Waiting subjects."""

    items: list[ParkedOut]
    next: str | None


@get("/parked-events", tags=["events"])
async def list_parked(
    desk: NamedDependency[Desk], cursor: FromQuery[str | None] = None
) -> ParkedPage:
    """Subjects whose events a listener could not digest, by listener, 50 a page."""
    desk.require("events.repair")
    key = decode_cursor(cursor, str, UUID)
    found = await events.parked_page(
        desk.session, after=(key[0], key[1]) if key else None, limit=51
    )
    following = encode_cursor((found[49].listener, found[49].subject)) if len(found) > 50 else None
    items = [
        ParkedOut(
            p.listener,
            p.subject,
            p.kind,
            p.first_seq,
            p.events,
            p.error,
            p.attempts,
            p.parked_at,
            p.subject.hex[-8:],
        )
        for p in found[:50]
    ]
    return ParkedPage(items, following)


class ParkedIn(msgspec.Struct, forbid_unknown_fields=True):
    """Which subject at which listener."""

    listener: str
    subject: UUID


class RetriedOut(msgspec.Struct):
    """How many events went through, how many still wait."""

    retried: int
    still_parked: int


@post("/parked-events/retry", tags=["events"], status_code=200)
async def retry_parked(desk: NamedDependency[Desk], data: JSONBody[ParkedIn]) -> RetriedOut:
    """Hand a subject's parked events to their listener again. Refusals: http.not_found."""
    desk.require("events.repair")
    done, still = await events.retry_parked(desk.session, data.listener, data.subject)
    await desk.audit(
        action="events.retried", subject_kind="event", subject_id=data.subject, label=data.listener,
        facts={"retried": done, "still_parked": still},
    )  # fmt: skip
    return RetriedOut(done, still)


class DropIn(ParkedIn, forbid_unknown_fields=True):
    """What is given up, and why."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class DroppedOut(msgspec.Struct):
    """How many events were given up."""

    dropped: int


@post("/parked-events/drop", tags=["events"], status_code=200)
async def drop_parked(desk: NamedDependency[Desk], data: JSONBody[DropIn]) -> DroppedOut:
    """Give up a subject's parked events at a listener; they stay in the log. Refusals: http.not_found."""
    desk.require("events.repair")
    dropped = await events.drop_parked(desk.session, data.listener, data.subject)
    await desk.audit(
        action="events.dropped", subject_kind="event", subject_id=data.subject, label=data.listener,
        facts={"dropped": dropped, "reason": data.reason},
    )  # fmt: skip
    return DroppedOut(dropped)


class BehindOut(msgspec.Struct):
    """A listener: events it has not heard yet (``more``: at least so many), and the age of the oldest in seconds."""

    listener: str
    events: int
    more: bool
    seconds: int
    parked: int
    heard_at: datetime | None


class HolderOut(msgspec.Struct):
    """The open transaction, of whatever program, that holds the log back, since how long, and what to do about it."""

    kind: str
    pid: int | None
    application: str
    role: str
    state: str
    seconds: int
    advice: dict[str, str]


class LagOut(msgspec.Struct):
    """The brand's listeners, the furthest behind first."""

    listeners: list[BehindOut]
    held_by: HolderOut | None

    @classmethod
    def of(cls, lag: events.Lag) -> "LagOut":
        """The wire form."""
        holder = lag.held_by
        return cls(
            [
                BehindOut(
                    one.listener,
                    one.events,
                    one.events >= events.COUNTED,
                    one.seconds,
                    one.parked,
                    one.heard_at,
                )
                for one in lag.listeners
            ],
            holder
            and HolderOut(
                holder.kind,
                holder.pid,
                holder.name,
                holder.role,
                holder.state,
                holder.seconds,
                holder.advice,
            ),
        )


@get("/events/lag", tags=["events"])
async def event_lag(desk: NamedDependency[Desk], runtime: NamedDependency[Any]) -> LagOut:
    """How far the brand's listeners are behind the event log, and which open transaction holds them back, if one does."""
    desk.require("events.repair")
    return LagOut.of(await events.lag_of_brand(runtime.database, desk.session))


console_routes = [
    event_lag,
    list_jobs,
    one_job,
    retry_job,
    cancel_job,
    job_report,
    list_parked,
    retry_parked,
    drop_parked,
]
