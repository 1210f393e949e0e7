"""The nightly check: each brand's invariants once a night, as a job that names the rows which break one.

A deadline per brand, served once whoever serves it, asks for the job and sets the next night's. The job runs under
the lease that all jobs have.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import checks, clock, jobs, timers
from siyu.kernel.db import Database, brand_of, driver_of
from siyu.kernel.errors import NotFound, Refusal
from siyu.people.brands import brand_facts

log = structlog.get_logger("siyu.health")
CHECK, NIGHTLY = "house.check", "house.nightly_check"
TITLE = {"zh-CN": "账目自检", "en": "Check of the books"}
FIRST_H, HOURS = 2, 3
"""Between two and five in the brand's own time zone, spread by the brand's id."""
KEPT_DAYS = 30
"""Checks that found nothing are forgotten after this."""
_WITHOUT = """
select distinct d.brand_id from directory d where d.kind = 'brand'
and not exists (select from timers t where t.brand_id = d.brand_id and t.kind = $1)
"""


class CheckRunning(Refusal):
    """A check of this brand waits or runs already."""

    code = "health.check_running"
    detail = "A check is already under way. Wait for its result."


def next_night(brand_id: UUID, time_zone: str, after: datetime) -> datetime:
    """The brand's moment in the first night that begins after ``after``: always the same minute of the night."""
    minute = brand_id.int % (HOURS * 60)
    day = after.astimezone(clock.zone(time_zone)).date()
    while True:
        at = clock.start_of_day(day, time_zone) + timedelta(hours=FIRST_H, minutes=minute)
        if at > after:
            return at
        day += timedelta(days=1)


async def ask(session: AsyncSession, cause: str) -> UUID:
    """Ask for a check of the session's brand; the job's id. Raises ``CheckRunning``."""
    driver = await driver_of(session)
    # Two who ask at once: the second waits here and finds the first one's job.
    await driver.execute(
        "select pg_advisory_xact_lock(hashtextextended('siyu.check ' || $1, 0))",
        str(brand_of(session)),
    )
    under_way = await session.scalar(
        select(jobs.JobRow.id)
        .where(jobs.JobRow.state.in_(("waiting", "running")), jobs.JobRow.kind == CHECK)
        .limit(1)
    )
    if under_way is not None:
        raise CheckRunning(job_id=str(under_way))
    return await jobs.start(session, CHECK, {"cause": cause}, TITLE)


async def last(session: AsyncSession) -> jobs.JobRow | None:
    """The brand's last check, finished or not; None when there was none."""
    mine = select(jobs.JobRow).where(jobs.JobRow.kind == CHECK)
    return await session.scalar(mine.order_by(jobs.JobRow.id.desc()).limit(1))


@timers.due(NIGHTLY)
async def nightly(session: AsyncSession, due: list[timers.Timer]) -> None:
    """Ask for tonight's check, unless one is under way, and set the next night's deadline."""
    for one in due:
        with suppress(CheckRunning):
            await ask(session, "nightly")
        zone = one.data["time_zone"]
        await timers.put(
            session, NIGHTLY, one.subject, next_night(one.subject, zone, clock.now()), one.data
        )
    await session.execute(
        delete(jobs.JobRow).where(
            jobs.JobRow.kind == CHECK,
            jobs.JobRow.state == "done",
            jobs.JobRow.failed == 0,
            jobs.JobRow.finished_at < clock.now() - timedelta(days=KEPT_DAYS),
        )
    )


@jobs.job(CHECK)
async def check(work: jobs.Work, _: Mapping[str, Any]) -> dict[str, Any]:
    """Check one invariant after the other; the result names at most ``SHOWN_ROWS`` rows of each that is broken."""
    everything = sorted(checks.invariants.values(), key=lambda one: one.name)
    broken: list[checks.Broken] = []
    for at, one in enumerate(everything):
        await work.progress(at, len(everything), one.sentence, len(broken))
        broken += await checks.run_checks(work.database, work.brand_id, {one.name})
    await work.progress(len(everything), len(everything), {}, len(broken))
    return {"checked": len(everything), "broken": msgspec.to_builtins(broken)}


async def set_nightly(database: Database) -> int:
    """Give brands without one their first deadline; how many got one."""
    async with database.dispatcher() as connection:
        rows = await connection.fetch(_WITHOUT, NIGHTLY)
    for row in rows:
        brand_id: UUID = row["brand_id"]
        try:
            facts = await brand_facts(database, brand_id)
        except NotFound:  # on its way in: known by name, and its rows come last
            continue
        at = next_night(brand_id, facts.time_zone, clock.now())
        async with database.brand(brand_id) as session:
            await timers.put(session, NIGHTLY, brand_id, at, {"time_zone": facts.time_zone})
    return len(rows)


async def keep_nightly(database: Database, *, every_s: float = 600.0) -> None:
    """See to it, until cancelled, that every brand is checked at night, those made meanwhile too."""
    while True:
        try:
            await set_nightly(database)
        except Exception as failure:
            log.warning("nightly checks wait", error=f"{type(failure).__name__}: {failure}"[:300])
        await asyncio.sleep(every_s)
