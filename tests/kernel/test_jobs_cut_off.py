"""A job that loses its database in the middle: put back and counted, under its lease, and only in the end given up."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from siyu.kernel import clock, jobs
from siyu.kernel.db import Database
from siyu.kernel.engines import free_port
from siyu.kernel.jobs import JobRow, Work

pytestmark = pytest.mark.kernel_db

TITLE = {"zh-CN": "数珠子", "en": "Counting beads"}
ran: Counter[UUID] = Counter()
works: list[Work] = []


async def end_back_end_of(worker: asyncpg.Connection, owner_url: str) -> None:
    """From outside, as a restart of the server does."""
    owner = await asyncpg.connect(owner_url)
    try:
        pid = await worker.fetchval("select pg_backend_pid()")
        assert await owner.fetchval("select pg_terminate_backend($1, 5000)", pid)
    finally:
        await owner.close()


@jobs.job("test.cut")
async def count_and_be_cut(work: Work, args) -> dict:
    """Loses its connection in the middle of a transaction, the first ``cuts`` times that it runs."""
    ran[work.job_id] += 1
    works.append(work)
    if args["nowhere"] and ran[work.job_id] == 1:
        nobody = f"postgresql://siyu:x@127.0.0.1:{free_port()}/siyu"
        work.database = Database(nobody, nobody)
        await work.progress(1)
    async with work.database.raw(work.brand_id) as connection:
        await work.hold(connection)
        if ran[work.job_id] <= args["cuts"]:
            await end_back_end_of(connection, args["owner"])
        await connection.execute("select 1")
    return {"runs": ran[work.job_id]}


@pytest.fixture(autouse=True)
def forget():
    ran.clear()
    works.clear()
    yield
    clock.shift(timedelta(0))


@pytest.fixture
async def job(database, brand, owner_url):
    """Asks for the job; looks at it."""

    class Job:
        id: UUID

        async def ask(self, *, cuts: int = 0, nowhere: bool = False) -> None:
            args = {"cuts": cuts, "owner": owner_url, "nowhere": nowhere}
            async with database.brand(brand.id) as session:
                self.id = await jobs.start(session, "test.cut", args, TITLE)

        async def row(self) -> JobRow:
            async with database.brand(brand.id) as session:
                return await jobs.one(session, self.id)

    return Job()


async def test_a_job_whose_connection_is_cut_once_is_put_back_and_done_at_the_next_try(
    runtime, brand, job
):
    await job.ask(cuts=1)
    await jobs.run(runtime, brand.id, job.id)
    row = await job.row()
    assert (row.state, row.error, row.attempts) == ("waiting", None, 1)
    assert row.lease_until is row.finished_at is None
    assert await jobs.run_waiting(runtime, brand.id) == 1
    row = await job.row()
    assert (row.state, row.attempts, row.result, row.error) == ("done", 2, {"runs": 2}, None)
    with pytest.raises(jobs.Cancelled):  # what the first run left behind writes nothing any more
        await works[0].progress(99)


async def test_a_job_that_is_cut_off_each_time_is_given_up_with_the_true_reason_and_can_be_retried(
    runtime, brand, job, console
):
    await job.ask(cuts=jobs.ATTEMPTS)
    assert await jobs.run_waiting(runtime, brand.id) == jobs.ATTEMPTS
    row = await job.row()
    assert (row.state, row.attempts) == ("failed", jobs.ATTEMPTS) and row.finished_at
    assert "connection" in (row.error or ""), row.error
    assert (await console.post(f"/api/console/jobs/{job.id}/retry")).status_code == 200
    await jobs.run_waiting(runtime, brand.id)
    assert (await job.row()).state == "done"


async def test_a_job_that_cannot_even_be_put_back_waits_for_its_lease(runtime, brand, job):
    """Nobody listens where the database was: as after the death of a worker."""
    await job.ask(nowhere=True)
    await asyncio.wait_for(jobs.run(runtime, brand.id, job.id), 30)
    row = await job.row()
    assert (row.state, row.attempts, row.error) == ("running", 1, None)
    await jobs.run(runtime, brand.id, job.id)
    assert ran[job.id] == 1, "its lease still runs"
    clock.shift(jobs.LEASE + timedelta(seconds=1))
    await jobs.run(runtime, brand.id, job.id)
    row = await job.row()
    assert (row.state, row.attempts, row.result) == ("done", 2, {"runs": 2})
