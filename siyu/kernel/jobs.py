"""Long, visible work: a row per job, written with the change that asks for it, run under a lease.

A job that is killed is taken up again by any worker once its lease has run out, and one that lost its database
connection at once, so handlers repeat harmlessly. What a handler raises by itself is the job's end. Why rows of the brand and not a foreign queue: docs/decisions/0002-jobs-are-rows.md.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import asyncpg
import msgspec
import structlog
from sqlalchemy import ColumnElement, Index, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel import clock
from siyu.kernel.db import Base, Database, OfBrand, actor_of, is_away
from siyu.kernel.errors import NotFound, Refusal
from siyu.kernel.ids import new_id

log = structlog.get_logger("siyu.jobs")
LEASE = timedelta(seconds=8)
"""Kept every quarter of it. A worker that was killed or frozen loses its jobs then; machines' clocks agree to a second."""
ATTEMPTS = 5
_ROUND = 100
"""Each retry by a person, and each job that a closing worker puts back, begins a new round of attempts, so that
no two runs ever have the same number."""


class JobRow(OfBrand, Base):
    """One piece of long work and how far it is."""

    __tablename__ = "jobs"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    title: Mapped[dict[str, str]]
    state: Mapped[str]
    """``waiting`` → ``running`` → ``done`` · ``failed`` · ``cancelled``"""
    args: Mapped[dict[str, Any]] = mapped_column(JSONB)
    step: Mapped[dict[str, str]]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    failed: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    error: Mapped[str | None]
    report_key: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "brand_id", "state", "id"),
        Index("jobs_state_lease_until_idx", "state", "lease_until"),
        {
            "info": {
                "dispatch": [
                    "brand_id",
                    "id",
                    "kind",
                    "state",
                    "failed",
                    "created_at",
                    "finished_at",
                    "lease_until",
                ]
            }
        },
    )


class JobRunning(Refusal):
    """The job is not in a state that allows this."""

    code = "jobs.wrong_state"
    detail = "The job is not in a state that allows this. Reload and look at it again."


class Runtime(Protocol):
    """What a job may use; ``siyu.app.runtime.Runtime`` is it."""

    database: Database
    files: Any
    egress: Any
    settings: Any


class Cancelled(Exception):
    """Somebody stopped the job; the handler lets it pass through."""


class Work:
    """A running job: its surroundings, its progress, and whether somebody has stopped it."""

    def __init__(self, runtime: Any, brand_id: UUID, job_id: UUID, attempt: int) -> None:
        self.runtime, self.brand_id, self.job_id, self.attempt = runtime, brand_id, job_id, attempt
        self.database: Database = runtime.database
        self.files, self.egress, self.settings = runtime.files, runtime.egress, runtime.settings
        self.cancelled = False

    async def progress(
        self,
        done: int,
        total: int | None = None,
        step: dict[str, str] | None = None,
        failed: int = 0,
    ) -> None:
        """Say how far it is and keep the lease. Raises ``Cancelled`` when the job was stopped, or is another worker's now."""
        changes: dict[str, Any] = {
            "done": done,
            "failed": failed,
            "lease_until": clock.now() + LEASE,
        }
        if total is not None:
            changes["total"] = total
        if step is not None:
            changes["step"] = step
        async with self.database.brand(self.brand_id) as session:
            mine = await session.scalar(
                update(JobRow).where(*self.mine()).values(**changes).returning(JobRow.id)
            )
        if mine is None:
            self.cancelled = True
            raise Cancelled

    def mine(self) -> tuple[ColumnElement[bool], ...]:
        """Conditions on ``JobRow``: still running, and not begun anew by another worker since."""
        return JobRow.id == self.job_id, JobRow.state == "running", JobRow.attempts == self.attempt

    async def hold(self, connection: asyncpg.Connection) -> None:
        """First thing in a transaction that writes: the job is this run's, and stays so until the transaction ends.

        So a worker that was frozen and wakes up late writes nothing over the one that took over. Raises ``Cancelled``.
        """
        mine = (
            "select true from jobs where id = $1 and state = 'running' and attempts = $2 for share"
        )
        if not await connection.fetchval(mine, self.job_id, self.attempt):
            self.cancelled = True
            raise Cancelled

    async def report(self, content: bytes) -> None:
        """Keep a downloadable CSV report with the job, as long as it is this run's."""
        key = f"{self.brand_id}/jobs/{self.job_id}.csv"
        await self.files.put(key, content)
        async with self.database.brand(self.brand_id) as session:
            await session.execute(update(JobRow).where(*self.mine()).values(report_key=key))


Hold = Callable[[asyncpg.Connection], Awaitable[None]]
"""``Work.hold``, for those that do long work without knowing of jobs."""
Run = Callable[[Work, dict[str, Any]], Awaitable[dict[str, Any]]]
handlers: dict[str, Run] = {}


def job(kind: str) -> Callable[[Run], Run]:
    """Register ``async def run(work, args) -> result`` for a kind of job."""

    def register(run: Run) -> Run:
        assert kind not in handlers, f"two handlers for jobs of kind {kind}"
        handlers[kind] = run
        return run

    return register


async def start(
    session: AsyncSession, kind: str, args: dict[str, Any], title: dict[str, str]
) -> UUID:
    """Ask for a job in the session's transaction; a worker takes it after the commit. The job's id."""
    row = JobRow(
        id=new_id(), kind=kind, title=title, state="waiting", args=args, step={},
        created_by=actor_of(session).name, created_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return row.id


async def one(session: AsyncSession, job_id: UUID) -> JobRow:
    """A job. Raises ``NotFound``."""
    row = await session.get(JobRow, (session.info["brand_id"], job_id))
    if row is None:
        raise NotFound(job_id=str(job_id))
    return row


async def page(
    session: AsyncSession, *, state: str | None = None, before: UUID | None = None, limit: int = 20
) -> list[JobRow]:
    """Jobs, newest first, at most ``limit`` of those made before ``before``."""
    wanted = select(JobRow).order_by(JobRow.id.desc()).limit(limit)
    if state:
        wanted = wanted.where(JobRow.state == state)
    if before:
        wanted = wanted.where(tuple_(JobRow.id) < tuple_(before))
    return list(await session.scalars(wanted))


async def cancel(session: AsyncSession, job_id: UUID) -> None:
    """Stop a waiting or running job; what it has committed stays. Raises ``NotFound``, ``JobRunning``."""
    await _move(session, job_id, ("waiting", "running"), state="cancelled", finished_at=clock.now())


async def retry(session: AsyncSession, job_id: UUID) -> None:
    """Let a failed or cancelled job run again from where it stands. Raises ``NotFound``, ``JobRunning``."""
    await _move(
        session,
        job_id,
        ("failed", "cancelled"),
        state="waiting",
        error=None,
        finished_at=None,
        attempts=(JobRow.attempts // _ROUND + 1) * _ROUND,
    )


async def _move(
    session: AsyncSession, job_id: UUID, before: tuple[str, ...], **values: Any
) -> None:
    """Change a job in one of these states, in one statement: a worker may be writing its end at this moment."""
    moved = await session.scalar(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.state.in_(before))
        .values(**values)
        .returning(JobRow)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    if moved is None:
        row = await one(session, job_id)
        await session.refresh(row)
        raise JobRunning(state=row.state)


async def run_waiting(runtime: Any, brand_id: UUID) -> int:
    """Run everything of a brand that waits, one after the other, in this task; how many (tests, CLI)."""
    ran = 0
    while True:
        async with runtime.database.brand(brand_id) as session:
            job_id = await session.scalar(
                select(JobRow.id).where(JobRow.state == "waiting").order_by(JobRow.id).limit(1)
            )
        if job_id is None:
            return ran
        await run(runtime, brand_id, job_id)
        ran += 1


async def run(runtime: Any, brand_id: UUID, job_id: UUID) -> None:
    """Take a job if it is free (waiting, or its lease ran out) and carry it to its end."""
    now = clock.now()
    async with runtime.database.brand(brand_id) as session:
        row = (
            await session.scalars(
                select(JobRow).where(JobRow.id == job_id).with_for_update(skip_locked=True)
            )
        ).first()
        free = row is not None and (
            row.state == "waiting"
            or (row.state == "running" and (row.lease_until is None or row.lease_until < now))
        )
        if row is None or not free:
            return
        row.attempts += 1
        row.state, row.started_at, row.lease_until = "running", row.started_at or now, now + LEASE
        kind, args, attempts = row.kind, row.args, row.attempts
    work = Work(runtime, brand_id, job_id, attempts)
    if attempts % _ROUND > ATTEMPTS:
        await _finish(work, "failed", error="It was begun five times and never came to its end.")
        return
    keeper = asyncio.create_task(_keep(work))
    try:
        result = await handlers[kind](work, args)
        await _finish(work, "done", result=result)
    except Cancelled:
        log.info("job stopped", kind=kind, job=str(job_id))
    except asyncio.CancelledError:
        await _release(work)
        raise
    except Exception as failure:
        await _end_badly(work, kind, failure)
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


async def _keep(work: Work) -> None:
    while True:
        await asyncio.sleep(LEASE.total_seconds() / 4)
        try:
            await _change(work, lease_until=clock.now() + LEASE)
        except Exception as failure:  # the database is away; the next turn may still be in time
            log.warning("lease waits", error=f"{type(failure).__name__}: {failure}"[:300])


async def _end_badly(work: Work, kind: str, failure: Exception) -> None:
    """A lost connection is no verdict on the job: it is put back, and the try counts. All else is its end."""
    refused = isinstance(failure, Refusal)
    text = failure.detail if refused else f"{type(failure).__name__}: {failure}"
    if refused or not is_away(failure) or work.attempt % _ROUND >= ATTEMPTS:
        log.error("job failed", kind=kind, job=str(work.job_id), exc_info=failure)
        why = {"code": failure.code, "facts": failure.facts} if isinstance(failure, Refusal) else {}
        # The reason's code goes along: whoever reads it may read another language.
        await _finish(work, "failed", error=text[:2000], result={"refusal": why} if why else None)
        return
    log.warning("job is put back", kind=kind, job=str(work.job_id), error=text[:300])
    try:
        await _change(work, state="waiting", lease_until=None)
    except Exception as away:  # until the lease has run out the database may be there again
        log.warning("job waits for its lease", job=str(work.job_id), error=f"{away}"[:300])


async def _release(work: Work) -> None:
    """Put it back: begun for nothing, which does not count, but under a number that no run has had."""
    tries = work.attempt % _ROUND - 1
    await _change(work, state="waiting", attempts=(work.attempt // _ROUND + 1) * _ROUND + tries)


async def _finish(
    work: Work, state: str, *, result: dict[str, Any] | None = None, error: str | None = None
) -> None:
    await _change(
        work,
        state=state,
        result=msgspec.to_builtins(result or {}),
        error=error,
        finished_at=clock.now(),
        lease_until=None,
    )


async def _change(work: Work, **values: Any) -> None:
    async with work.database.brand(work.brand_id) as session:
        await session.execute(update(JobRow).where(*work.mine()).values(**values))


async def serve(runtime: Any, *, poll_s: float = 0.5, at_once: int = 2) -> None:
    """Run waiting jobs of all brands until cancelled, at most ``at_once`` of them together."""
    running: dict[UUID, asyncio.Task[None]] = {}
    try:
        while True:
            try:
                async with runtime.database.dispatcher() as connection:
                    waiting: list[Any] = await connection.fetch(
                        """select brand_id, id, kind from jobs where state = 'waiting' or (state = 'running' and lease_until < $1)
                           order by id limit 50""",
                        clock.now(),
                    )
            except Exception as failure:
                log.warning("jobs wait", error=f"{type(failure).__name__}: {failure}"[:300])
                waiting = []
            running = {job_id: task for job_id, task in running.items() if not task.done()}
            for row in waiting:
                if len(running) < at_once and row["id"] not in running and row["kind"] in handlers:
                    running[row["id"]] = asyncio.create_task(
                        run(runtime, row["brand_id"], row["id"])
                    )
            await asyncio.sleep(poll_s)
    finally:
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)
