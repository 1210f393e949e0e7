"""Long work: seen while it runs, stopped by a word, taken up again after a death, done once whoever races."""

import asyncio
import os
import signal
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from siyu.kernel import clock, jobs
from siyu.kernel.db import Actor
from siyu.kernel.errors import NotFound, Refusal
from siyu.kernel.ids import new_id
from siyu.kernel.jobs import JobRow, JobRunning, Work

pytestmark = pytest.mark.kernel_db

TITLE = {"zh-CN": "数珠子", "en": "Counting beads"}
ran: Counter[UUID] = Counter()
works: list[Work] = []
fails: set[str] = set()
inside = asyncio.Event()
go_on = asyncio.Event()
JOBS = "/api/console/jobs"


class Spilled(Refusal):
    code = "test.spilled"
    detail = "The beads rolled off the table."


@jobs.job("test.count")
async def count(work: Work, args) -> dict:
    ran[work.job_id] += 1
    works.append(work)
    if "halt" in args:
        await work.progress(3, 10, {"zh-CN": "一半", "en": "Halfway"}, failed=1)
        inside.set()
        await go_on.wait()
        await work.progress(4)
    if "refusal" in fails:
        raise Spilled
    if "bug" in fails:
        raise KeyError("bead")
    if "report" in args:
        await work.report("行,原因\n3,太小\n".encode())
    return {"beads": args.get("beads", 0)}


@pytest.fixture(autouse=True)
def forget():
    for kept in (ran, works, fails):
        kept.clear()
    inside.clear()
    go_on.clear()
    yield
    clock.shift(timedelta(0))


async def ask(database, brand, **args) -> UUID:
    async with database.brand(brand.id, actor=Actor("staff", None, "沈默")) as session:
        return await jobs.start(session, "test.count", args, TITLE)


async def look(database, brand, job_id) -> JobRow:
    async with database.brand(brand.id) as session:
        return await jobs.one(session, job_id)


async def halfway(runtime, brand, job_id) -> asyncio.Task[None]:
    """A worker that is in the middle of the job."""
    inside.clear()
    worker = asyncio.create_task(jobs.run(runtime, brand.id, job_id))
    await asyncio.wait_for(inside.wait(), 10)
    return worker


async def test_a_job_waits_runs_and_shows_what_came_of_it(runtime, database, brand, console):
    job_id = await ask(database, brand, beads=108)
    shown = (await console.get(f"{JOBS}/{job_id}")).json()
    assert (shown["state"], shown["title"], shown["created_by"]) == ("waiting", TITLE, "沈默")
    assert shown["started_at"] is shown["finished_at"] is shown["rate_per_s"] is None

    assert await jobs.run_waiting(runtime, brand.id) == 1
    shown = (await console.get(f"{JOBS}/{job_id}")).json()
    assert (shown["state"], shown["result"], shown["error"]) == ("done", {"beads": 108}, None)
    assert shown["created_at"] <= shown["started_at"] <= shown["finished_at"]
    assert await jobs.run_waiting(runtime, brand.id) == 0


async def test_a_job_asked_for_in_a_change_that_is_undone_does_not_exist(runtime, database, brand):
    with pytest.raises(RuntimeError):
        async with database.brand(brand.id) as session:
            await jobs.start(session, "test.count", {}, TITLE)
            raise RuntimeError
    assert await jobs.run_waiting(runtime, brand.id) == 0 and not ran


async def test_how_far_a_job_is_can_be_seen_while_it_runs(runtime, database, brand, console):
    job_id = await ask(database, brand, halt=True)
    worker = await halfway(runtime, brand, job_id)
    shown = (await console.get(f"{JOBS}/{job_id}")).json()
    assert (shown["state"], shown["done"], shown["total"], shown["failed"]) == ("running", 3, 10, 1)
    assert shown["step"] == {"zh-CN": "一半", "en": "Halfway"} and shown["eta_s"] is not None
    go_on.set()
    await worker
    shown = (await console.get(f"{JOBS}/{job_id}")).json()
    assert (shown["state"], shown["done"], shown["total"]) == ("done", 4, 10)


async def test_a_report_can_be_downloaded_and_its_absence_is_told(
    runtime, database, brand, console
):
    with_report, without = await ask(database, brand, report=True), await ask(database, brand)
    await jobs.run_waiting(runtime, brand.id)
    answer = await console.get(f"{JOBS}/{with_report}/report")
    assert answer.content.decode() == "行,原因\n3,太小\n"
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert (await console.get(f"{JOBS}/{without}/report")).status_code == 404
    shown = {one["id"]: one["has_report"] for one in (await console.get(JOBS)).json()["items"]}
    assert shown == {str(with_report): True, str(without): False}


async def test_a_running_job_that_is_stopped_ends_at_its_next_step(
    runtime, database, brand, console
):
    job_id = await ask(database, brand, halt=True)
    worker = await halfway(runtime, brand, job_id)
    answer = await console.post(f"{JOBS}/{job_id}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    go_on.set()
    await worker
    row = await look(database, brand, job_id)
    assert (row.state, row.done, row.result) == ("cancelled", 3, {})
    again = await console.post(f"{JOBS}/{job_id}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "jobs.wrong_state")


async def test_a_waiting_job_that_is_stopped_never_runs_unless_it_is_asked_for_again(
    runtime, database, brand, console
):
    job_id = await ask(database, brand)
    await console.post(f"{JOBS}/{job_id}/cancel")
    assert await jobs.run_waiting(runtime, brand.id) == 0 and not ran
    assert (await console.post(f"{JOBS}/{job_id}/retry")).json()["state"] == "waiting"
    assert await jobs.run_waiting(runtime, brand.id) == 1 and ran == {job_id: 1}


@pytest.mark.parametrize(
    ("how", "shown"),
    [("refusal", "The beads rolled off the table."), ("bug", "KeyError: 'bead'")],
)
async def test_a_failed_job_shows_why_and_can_be_retried(
    runtime, database, brand, console, how, shown
):
    job_id = await ask(database, brand, beads=1)
    fails.add(how)
    await jobs.run_waiting(runtime, brand.id)
    answer = (await console.get(f"{JOBS}/{job_id}")).json()
    assert (answer["state"], answer["error"]) == ("failed", shown)
    assert answer["finished_at"] is not None
    failed = (await console.get(JOBS, params={"state": "failed"})).json()["items"]
    assert [one["id"] for one in failed] == [str(job_id)]

    fails.clear()
    answer = (await console.post(f"{JOBS}/{job_id}/retry")).json()
    assert (answer["state"], answer["error"], answer["finished_at"]) == ("waiting", None, None)
    await jobs.run_waiting(runtime, brand.id)
    assert (await look(database, brand, job_id)).state == "done"
    done = await console.post(f"{JOBS}/{job_id}/retry")
    assert (done.status_code, done.json()["facts"]) == (409, {"state": "done"})


async def test_workers_that_race_run_each_job_once(runtime, database, brand):
    wanted = [await ask(database, brand, beads=n) for n in range(12)]
    workers = [asyncio.create_task(jobs.serve(runtime, poll_s=0.02, at_once=2)) for _ in range(3)]
    async with asyncio.timeout(20):
        while {(await look(database, brand, one)).state for one in wanted} != {"done"}:
            await asyncio.sleep(0.05)
    await stop(*workers)
    assert [ran[one] for one in wanted] == [1] * 12
    assert {(await look(database, brand, one)).attempts for one in wanted} == {1}


async def test_a_worker_that_is_shut_down_puts_its_job_back_at_once(runtime, database, brand):
    job_id = await ask(database, brand, halt=True)
    worker = asyncio.create_task(jobs.serve(runtime, poll_s=0.02))
    await asyncio.wait_for(inside.wait(), 10)
    await stop(worker)
    row = await look(database, brand, job_id)
    assert (row.state, row.done) == ("waiting", 3)
    go_on.set()
    assert await jobs.run_waiting(runtime, brand.id) == 1
    assert ran[job_id] == 2 and (await look(database, brand, job_id)).state == "done"


async def test_what_a_closing_worker_left_behind_cannot_pass_for_the_next_run(
    runtime, database, brand
):
    job_id = await ask(database, brand, halt=True)
    first = await halfway(runtime, brand, job_id)
    await stop(first)
    second = await halfway(runtime, brand, job_id)
    assert works[0].attempt != works[1].attempt
    with pytest.raises(jobs.Cancelled):
        await works[0].progress(99)
    go_on.set()
    await second
    assert (await look(database, brand, job_id)).done == 4


async def test_closing_workers_are_no_reason_to_give_a_job_up(runtime, database, brand):
    job_id = await ask(database, brand, halt=True)
    for _ in range(jobs.ATTEMPTS + 2):
        await stop(await halfway(runtime, brand, job_id))
    go_on.set()
    await jobs.run_waiting(runtime, brand.id)
    assert (await look(database, brand, job_id)).state == "done"


@pytest.mark.parametrize(
    ("move", "before", "after"), [("cancel", "running", "done"), ("retry", "failed", "waiting")]
)
async def test_a_person_who_comes_a_moment_late_is_told_and_changes_nothing(
    database, brand, console, move, before, after
):
    """The other change is written but not yet committed when the person's arrives."""
    job_id = await ask(database, brand)
    async with database.brand(brand.id) as session:
        (await jobs.one(session, job_id)).state = before
    async with database.brand(brand.id) as session:
        row = await jobs.one(session, job_id)
        row.state, row.result = after, {"beads": 7}
        await session.flush()
        asked = asyncio.create_task(console.post(f"{JOBS}/{job_id}/{move}"))
        await asyncio.wait([asked], timeout=0.3)
    answer = await asked
    assert (answer.status_code, answer.json()["facts"]) == (409, {"state": after})
    row = await look(database, brand, job_id)
    assert (row.state, row.result) == (after, {"beads": 7})


KILLED = """
import asyncio, sys
from types import SimpleNamespace
from uuid import UUID
from siyu.kernel import jobs
from siyu.kernel.db import Database

@jobs.job("test.count")
async def count(work, args):
    await work.progress(7, 10)
    print("inside", flush=True)
    await asyncio.sleep(600)

async def main(app, dispatcher, brand_id, job_id):
    database = Database(app, dispatcher)
    await database.open()
    runtime = SimpleNamespace(database=database, files=None, egress=None, settings=None)
    await jobs.run(runtime, UUID(brand_id), UUID(job_id))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_the_job_of_a_killed_worker_is_taken_up_once_its_lease_has_run_out(
    runtime, database, brand
):
    """A real process, really killed."""
    job_id = await ask(database, brand, beads=5)
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, runtime.urls.app, runtime.urls.dispatcher),
        *(str(brand.id), str(job_id)),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert worker.stdout is not None and await worker.stdout.readline() == b"inside\n"
    os.kill(worker.pid, signal.SIGKILL)
    await worker.wait()

    await jobs.run(runtime, brand.id, job_id)
    row = await look(database, brand, job_id)
    assert (row.state, row.done, row.attempts, ran[job_id]) == ("running", 7, 1, 0)
    clock.shift(jobs.LEASE + timedelta(seconds=1))
    assert row.lease_until is not None and row.lease_until < clock.now()
    next_worker = asyncio.create_task(jobs.serve(runtime, poll_s=0.02))
    async with asyncio.timeout(10):
        while (row := await look(database, brand, job_id)).state != "done":
            await asyncio.sleep(0.02)
    await stop(next_worker)
    assert (row.result, row.attempts, ran[job_id]) == ({"beads": 5}, 2, 1)


async def test_a_worker_that_comes_back_late_does_not_disturb_the_one_that_took_over(
    runtime, database, brand
):
    """Frozen beyond its lease, it may neither report progress nor write its end over the other's."""
    job_id = await ask(database, brand, halt=True, beads=9)
    late = await halfway(runtime, brand, job_id)
    clock.shift(jobs.LEASE + timedelta(seconds=1))
    second = await halfway(runtime, brand, job_id)
    go_on.set()
    await asyncio.gather(late, second)
    row = await look(database, brand, job_id)
    assert (row.state, row.attempts, row.result, ran[job_id]) == ("done", 2, {"beads": 9}, 2)


async def test_a_worker_that_was_stopped_does_not_disturb_the_retry(runtime, database, brand):
    job_id = await ask(database, brand, halt=True, beads=9)
    late = await halfway(runtime, brand, job_id)
    async with database.brand(brand.id) as session:
        await jobs.cancel(session, job_id)
        await jobs.retry(session, job_id)
    second = await halfway(runtime, brand, job_id)
    fails.add("refusal")  # would be written as the job's end if the late one still counted
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    assert (await look(database, brand, job_id)).state == "running"
    fails.clear()
    go_on.set()
    await second
    assert (await look(database, brand, job_id)).state == "done"


async def test_a_job_that_never_comes_to_its_end_is_given_up(runtime, database, brand, console):
    job_id = await ask(database, brand, halt=True)
    for turn in range(jobs.ATTEMPTS):
        clock.shift((jobs.LEASE + timedelta(seconds=1)) * turn)
        worker = await halfway(runtime, brand, job_id)
        async with database.brand(brand.id) as session:  # as if it had died on the spot
            (await jobs.one(session, job_id)).state = "done"
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        async with database.brand(brand.id) as session:
            (await jobs.one(session, job_id)).state = "running"
    clock.shift((jobs.LEASE + timedelta(seconds=1)) * jobs.ATTEMPTS)
    await jobs.run(runtime, brand.id, job_id)
    row = await look(database, brand, job_id)
    assert row.state == "failed" and "five times" in (row.error or "")
    assert ran[job_id] == jobs.ATTEMPTS
    await console.post(f"{JOBS}/{job_id}/retry")
    go_on.set()
    await jobs.run_waiting(runtime, brand.id)
    assert (await look(database, brand, job_id)).state == "done"


async def test_a_brand_neither_sees_nor_moves_the_jobs_of_another(
    runtime, database, brand, rival, console
):
    theirs = await ask(database, rival, report=True)
    assert (await console.get(JOBS)).json()["items"] == []
    for answer in (
        await console.get(f"{JOBS}/{theirs}"),
        await console.get(f"{JOBS}/{theirs}/report"),
        await console.post(f"{JOBS}/{theirs}/cancel"),
        await console.post(f"{JOBS}/{theirs}/retry"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "http.not_found")
    assert await jobs.run_waiting(runtime, brand.id) == 0
    await jobs.run(runtime, brand.id, theirs)
    assert not ran and (await look(database, rival, theirs)).state == "waiting"
    async with database.brand(brand.id) as session:
        for move in (jobs.cancel, jobs.retry, jobs.one):
            with pytest.raises(NotFound):
                await move(session, theirs)


async def test_jobs_are_listed_newest_first_page_by_page(database, brand, console):
    wanted = [str(await ask(database, brand, beads=n)) for n in range(43)]
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = (await console.get(JOBS, params={"cursor": cursor} if cursor else None)).json()
        seen += [one["id"] for one in page["items"]]
        cursor, pages = page["next"], pages + 1
    assert (seen, pages) == (wanted[::-1], 3)


async def test_what_is_not_running_cannot_be_stopped_nor_the_unknown_found(database, brand):
    async with database.brand(brand.id) as session:
        with pytest.raises(NotFound):
            await jobs.cancel(session, new_id())
    job_id = await ask(database, brand)
    async with database.brand(brand.id) as session:
        with pytest.raises(JobRunning):
            await jobs.retry(session, job_id)


def test_a_kind_has_one_handler():
    with pytest.raises(AssertionError):
        jobs.job("test.count")(count)


async def stop(*workers: asyncio.Task) -> None:
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
