"""Doors of health: two for machines, and what the console shows to whoever looks after the house."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from siyu.app.health import nightly, parts
from siyu.app.health.measures import queues
from siyu.kernel import jobs, slow
from siyu.kernel.db import is_away
from siyu.kernel.http import JobOut
from siyu.people.staff import Desk, permission

permission("health.view", {"zh-CN": "查看系统健康", "en": "See the system's health"})
permission("health.check", {"zh-CN": "发起账目自检", "en": "Start a check of the books"})


class PartOut(msgspec.Struct):
    """A part of the house, its state (``ok`` · ``warn`` · ``bad``), and one sentence: how it is or what to do."""

    name: str
    state: str
    says: dict[str, str]

    @classmethod
    def all_of(cls, seen: parts.Seen) -> list["PartOut"]:
        """The wire form of a look's parts."""
        return [cls(one.name, one.state, one.says) for one in seen.parts]


@get("/health/live", tags=["operations"], sync_to_thread=False)
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


class ReadyOut(msgspec.Struct):
    """``status`` is ``ok`` or ``database away``. ``parts`` stand here at the console's host only."""

    status: str
    warehouse: str
    parts: list[PartOut]


@get("/health/ready", tags=["operations"])
async def ready(
    runtime: NamedDependency[Any], request: Request[Any, Any, Any]
) -> Response[ReadyOut]:
    """Whether orders can be taken: 200, or 503 when PostgreSQL is away; and how each part of the house is."""
    away = False
    try:
        async with runtime.database.dispatcher() as connection:
            await connection.fetchval("select 1")
    except Exception as error:
        if not (is_away(error) or isinstance(error, TimeoutError)):
            raise
        away = True
    seen = await parts.look(runtime)
    states = {one.name: one.state for one in seen.parts}
    answer = ReadyOut(
        "database away" if away else "ok",
        "ok" if states["warehouse"] == "ok" else "away or late: orders go on, figures wait",
        PartOut.all_of(seen) if request.scope["state"].get("door") == "console" else [],
    )
    return Response(answer, status_code=503 if away else 200)


class ProgramOut(msgspec.Struct):
    """A program of ``siyu up``: whether it is up, since when, how often it came back and how it ended last."""

    name: str
    up: bool
    up_s: int
    restarts: int
    why: str


class QueueOut(msgspec.Struct):
    """Requests of this process that wait for their batch."""

    name: str
    waiting: int


class SlowOut(msgspec.Struct):
    """A shape of statement that was slow for this brand; times in milliseconds."""

    shape: str
    times: int
    mean_ms: int
    worst_ms: int
    last_at: datetime
    request_id: str


class HealthOut(msgspec.Struct):
    """How the house is: its parts, what waits in it, what was slow for this brand, and the last check of its books."""

    parts: list[PartOut]
    programs: list[ProgramOut]
    queues: list[QueueOut]
    spool_packs: int | None
    spool_messages: int | None
    disk_free_bytes: int
    disk_size_bytes: int
    connections: dict[str, list[int]]
    slow: list[SlowOut]
    slow_ms: int
    check: JobOut | None


@get("/health", tags=["operations"])
async def health(desk: NamedDependency[Desk], runtime: NamedDependency[Any]) -> HealthOut:
    """How each part of the house is and what to do about it; of rows, the brand's own only."""
    desk.require("health.view")
    seen = await parts.look(runtime)
    check = await nightly.last(desk.session)
    found = seen.figures
    return HealthOut(
        parts=PartOut.all_of(seen),
        programs=[
            ProgramOut(one.name, one.up, one.up_s, one.restarts, one.why) for one in seen.programs
        ],
        queues=[QueueOut(name, waiting) for name, waiting in queues().items()],
        spool_packs=found and found.spool_packs,
        spool_messages=found and found.spool_messages,
        disk_free_bytes=seen.disk_free,
        disk_size_bytes=seen.disk_size,
        connections={name: list(one) for name, one in runtime.database.connections().items()},
        slow=[
            SlowOut(
                one.shape, one.times, one.total_ms // max(1, one.times), one.worst_ms, one.last_at, one.last_request_id,
            )
            for one in await slow.slowest(desk.session)
        ],
        slow_ms=runtime.settings.slow_ms,
        check=JobOut.of(check) if check is not None else None,
    )  # fmt: skip


@post("/health/checks", tags=["operations"], status_code=201)
async def start_check(desk: NamedDependency[Desk]) -> JobOut:
    """Check the brand's books now. Refusals: health.check_running."""
    desk.require("health.check")
    job_id = await nightly.ask(desk.session, "asked")
    await desk.audit(action="health.check_asked", subject_kind="job", subject_id=job_id)
    return JobOut.of(await jobs.one(desk.session, job_id))


routes = [live, ready]
console_routes = [health, start_check]
