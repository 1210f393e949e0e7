"""Deadlines: moved, dropped, served once whoever races, and never lost to a worker's death."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from siyu.kernel import clock, timers
from siyu.kernel.db import driver_of
from siyu.kernel.directory import enter
from siyu.kernel.ids import new_id
from siyu.kernel.timers import Timer

pytestmark = pytest.mark.kernel_db

QUIET, POISON, SLOW, AGAIN = "test.quiet", "test.poison", "test.slow", "test.again"
sets: list[list[Timer]] = []
poisoned: set[UUID] = set()
served: Counter[UUID] = Counter()
halted = asyncio.Event()
go_on = asyncio.Event()


@timers.due(QUIET)
async def note(session, due: list[Timer]) -> None:
    sets.append(due)
    served.update(one.subject for one in due)


@timers.due(POISON)
async def choke(session, due: list[Timer]) -> None:
    for one in due:
        if one.subject in poisoned:
            raise ValueError("it cannot be digested")
    served.update(one.subject for one in due)


@timers.due(SLOW)
async def halt(session, due: list[Timer]) -> None:
    halted.set()
    await go_on.wait()
    served.update(one.subject for one in due)


@timers.due(AGAIN)
async def put_again(session, due: list[Timer]) -> None:
    for one in due:
        await timers.put(session, AGAIN, one.subject, clock.now() + timedelta(hours=1))


@pytest.fixture(autouse=True)
def forget():
    for kept in (sets, poisoned, served):
        kept.clear()
    halted.clear()
    go_on.clear()
    yield
    clock.shift(timedelta(0))


@pytest.fixture
async def brand_id(database) -> UUID:
    brand_id = new_id()
    async with database.brand(brand_id) as session:
        await enter(session, "brand", brand_id.hex)
    return brand_id


async def put_many(database, brand_id, kind, number, ago_s=1.0) -> list[UUID]:
    """Deadlines that came ``ago_s`` ago and before, the first put the longest ago."""
    subjects = [new_id() for _ in range(number)]
    due_at = [
        clock.now() - timedelta(seconds=ago_s, milliseconds=number - i) for i in range(number)
    ]
    async with database.raw(brand_id) as connection:
        await timers.put_on(connection, kind, subjects, due_at)
    return subjects


async def waiting(database, brand_id) -> dict[UUID, tuple[int, float]]:
    """What still waits: attempts, and seconds from now."""
    async with database.brand(brand_id) as session:
        rows = await (await driver_of(session)).fetch(
            "select subject, attempts, due_at from timers"
        )
    now = clock.now()
    return {r["subject"]: (r["attempts"], (r["due_at"] - now).total_seconds()) for r in rows}


async def test_a_deadline_comes_with_its_data_and_only_once(database, brand_id):
    subject, due_at = new_id(), clock.now() - timedelta(seconds=3)
    async with database.brand(brand_id) as session:
        await timers.put(session, QUIET, subject, due_at, {"order": "1122", "n": 3})
    assert await timers.run_due(database, brand_id, [QUIET]) == 1
    assert sets == [[Timer(subject, due_at, {"order": "1122", "n": 3})]]
    assert await timers.run_due(database, brand_id) == 0
    assert await waiting(database, brand_id) == {}


async def test_putting_again_moves_a_deadline_and_replaces_its_data(database, brand_id):
    subject = new_id()
    async with database.brand(brand_id) as session:
        await timers.put(session, QUIET, subject, clock.now(), {"n": 1})
    later = clock.now() + timedelta(minutes=30)
    async with database.brand(brand_id) as session:
        await timers.put(session, QUIET, subject, later, {"n": 2})
        await timers.put(session, POISON, subject, later)  # another kind is another deadline
    assert await timers.run_due(database, brand_id) == 0
    clock.shift(timedelta(minutes=31))
    assert await timers.run_due(database, brand_id) == 2
    assert sets == [[Timer(subject, later, {"n": 2})]]


async def test_a_dropped_deadline_never_comes_and_dropping_unknown_ones_is_no_matter(
    database, brand_id
):
    gone, kept = await put_many(database, brand_id, QUIET, 2)
    async with database.brand(brand_id) as session:
        await timers.drop(session, QUIET, [gone, new_id()])
        await timers.drop(session, POISON, [kept])
    await timers.run_due(database, brand_id)
    assert served == {kept: 1}


async def test_a_change_that_is_undone_leaves_no_deadline(database, brand_id):
    with pytest.raises(RuntimeError):
        async with database.brand(brand_id) as session:
            await timers.put(session, QUIET, new_id(), clock.now())
            raise RuntimeError
    assert await waiting(database, brand_id) == {}


async def test_many_deadlines_come_in_sets_the_oldest_first(database, brand_id):
    subjects = await put_many(database, brand_id, QUIET, 1203)
    assert await timers.run_due(database, brand_id, [QUIET]) == 1203
    assert [len(one) for one in sets] == [500, 500, 203]
    assert [one.subject for each in sets for one in each] == subjects


async def test_a_handler_may_set_the_same_deadline_anew(database, brand_id):
    (subject,) = await put_many(database, brand_id, AGAIN, 1)
    assert await timers.run_due(database, brand_id, [AGAIN]) == 1
    left = await waiting(database, brand_id)
    assert list(left) == [subject] and 3500 < left[subject][1] <= 3600


async def test_workers_that_race_serve_each_deadline_once(database, brand_id):
    subjects = await put_many(database, brand_id, QUIET, 1500)
    counts = await asyncio.gather(*(timers.run_due(database, brand_id, [QUIET]) for _ in range(4)))
    assert sum(counts) == 1500
    assert served == Counter(subjects)


async def test_a_worker_that_is_busy_with_a_deadline_keeps_the_others_from_it(database, brand_id):
    (subject,) = await put_many(database, brand_id, SLOW, 1)
    first = asyncio.create_task(timers.run_due(database, brand_id, [SLOW]))
    await halted.wait()
    assert await timers.run_due(database, brand_id, [SLOW]) == 0
    go_on.set()
    assert await first == 1
    assert served == {subject: 1}


async def test_who_cannot_be_served_steps_back_and_blocks_nobody(database, brand_id):
    subjects = await put_many(database, brand_id, POISON, 40)
    poisoned.update((subjects[0], subjects[7], subjects[39]))
    assert await timers.run_due(database, brand_id, [POISON]) == 37
    assert served == Counter(set(subjects) - poisoned)
    left = await waiting(database, brand_id)
    assert set(left) == poisoned
    assert {attempts for attempts, _ in left.values()} == {1}


async def test_the_pause_doubles_with_each_failure_up_to_an_hour(database, brand_id):
    (subject,) = await put_many(database, brand_id, POISON, 1)
    poisoned.add(subject)
    ahead, pauses = timedelta(0), []
    for _ in range(15):
        assert await timers.run_due(database, brand_id, [POISON]) == 0
        pauses.append(round((await waiting(database, brand_id))[subject][1]))
        ahead += timedelta(seconds=pauses[-1] + 1)
        clock.shift(ahead)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600]
    poisoned.clear()
    assert await timers.run_due(database, brand_id, [POISON]) == 1


async def test_a_thousand_failures_later_it_is_still_tried(database, brand_id, owner_url):
    (subject,) = await put_many(database, brand_id, POISON, 1)
    poisoned.add(subject)
    async with database.raw(brand_id) as connection:
        await connection.execute("update timers set attempts = 5000")
    await timers.run_due(database, brand_id, [POISON])
    attempts, pause = (await waiting(database, brand_id))[subject]
    assert attempts == 5001 and 3590 < pause <= 3600


async def test_moving_a_deadline_forgets_its_failures(database, brand_id):
    (subject,) = await put_many(database, brand_id, POISON, 1)
    poisoned.add(subject)
    await timers.run_due(database, brand_id, [POISON])
    async with database.brand(brand_id) as session:
        await timers.put(session, POISON, subject, clock.now() - timedelta(seconds=1))
    assert (await waiting(database, brand_id))[subject][0] == 0


async def test_what_a_failing_handler_wrote_is_undone(database, brand_id):
    """The one that fails alone leaves nothing; the ones beside it keep what they wrote."""
    good, bad = await put_many(database, brand_id, "test.writing", 2)
    poisoned.add(bad)
    await timers.run_due(database, brand_id, ["test.writing"])
    left = await waiting(database, brand_id)
    assert set(left) == {good, bad}  # the good one's new deadline is of another kind
    async with database.brand(brand_id) as session:
        rows = await (await driver_of(session)).fetch(
            "select subject from timers where kind = $1", QUIET
        )
    assert [row["subject"] for row in rows] == [good]


@timers.due("test.writing")
async def write_then_choke(session, due: list[Timer]) -> None:
    for one in due:
        await timers.put(session, QUIET, one.subject, clock.now() + timedelta(days=1))
    await choke(session, due)


async def test_a_connection_that_dies_in_the_middle_leaves_the_deadline_to_the_next(
    database, brand_id, owner_url
):
    """As when a worker is killed: the server takes its transaction back, and the deadline is free again."""
    (subject,) = await put_many(database, brand_id, SLOW, 1)
    dying = asyncio.create_task(timers.run_due(database, brand_id, [SLOW]))
    await halted.wait()
    owner = await asyncpg.connect(owner_url)
    killed = await owner.fetch(
        """select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and state = 'idle in transaction' and query ~ 'delete from timers'"""
    )
    await owner.close()
    go_on.set()
    await asyncio.gather(dying, return_exceptions=True)
    clock.shift(timedelta(seconds=5))
    await timers.run_due(database, brand_id, [SLOW])
    assert len(killed) == 1 and await waiting(database, brand_id) == {}
    assert served == {subject: 2}  # what the first one did was undone with it


async def test_a_brand_does_not_serve_another_ones_deadlines(database, brand_id):
    other = new_id()
    (subject,) = await put_many(database, brand_id, QUIET, 1)
    assert await timers.run_due(database, other) == 0
    async with database.brand(other) as session:
        await timers.drop(session, QUIET, [subject])
    assert await timers.run_due(database, brand_id) == 1


async def test_the_worker_serves_all_brands_and_a_poisoned_one_does_not_hold_up_the_rest(
    database, brand_id
):
    other = new_id()
    bad = await put_many(database, brand_id, POISON, 3)
    poisoned.update(bad)
    good = await put_many(database, other, QUIET, 3)
    worker = asyncio.create_task(timers.serve(database, poll_s=0.02))
    async with asyncio.timeout(10):
        while not all(served[one] for one in good) or len(await failed(database, brand_id)) < 3:
            await asyncio.sleep(0.02)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert [served[subject] for subject in good] == [1, 1, 1]


async def failed(database, brand_id) -> list[UUID]:
    left = await waiting(database, brand_id)
    return [subject for subject, (attempts, _) in left.items() if attempts]


def test_a_kind_has_one_handler():
    with pytest.raises(AssertionError):
        timers.due(QUIET)(note)
