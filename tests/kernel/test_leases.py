"""Nobody who is dead or frozen keeps anybody else waiting: leases, limits on silent transactions, connections that ended."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from siyu.kernel import clock, jobs
from siyu.kernel.batching import Batcher, harmless
from siyu.kernel.db import IDLE_S, LIMITS, is_away
from siyu.kernel.leases import alone, taking_time

pytestmark = pytest.mark.kernel_db

CUT = """
select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
where datname = current_database() and usename = $1 and pid <> pg_backend_pid()
"""


works: list[jobs.Work] = []
go_on = asyncio.Event()


@jobs.job("test.hold")
async def wait(work: jobs.Work, _) -> dict:
    works.append(work)
    await go_on.wait()
    return {}


@pytest.fixture
async def cut_off(owner_url):
    """``await cut_off(role)``: the server ends the role's connections, and the drivers have noticed."""

    async def cut(role: str) -> None:
        connection = await asyncpg.connect(owner_url)
        assert await connection.fetchval(CUT, role)
        await connection.close()
        await asyncio.sleep(0.2)

    return cut


async def test_one_at_a_time_has_a_lease_and_names_and_brands_do_not_meet(database, brand, rival):
    async with alone(database, brand.id, "a") as first:
        async with alone(database, brand.id, "a") as second:
            assert (first, second) == (True, False)
        async with (
            alone(database, brand.id, "b") as other_name,
            alone(database, rival.id, "a") as other_brand,
        ):
            assert other_name and other_brand
    async with alone(database, brand.id, "a") as again:
        assert again


async def test_a_lease_lasts_as_long_as_its_holder_lives_however_long_it_thinks(database, brand):
    async with alone(database, brand.id, "slow") as mine:
        assert mine
        await asyncio.sleep(IDLE_S + 1.5)
        async with alone(database, brand.id, "slow") as other:
            assert not other


async def test_whoever_loses_a_lease_is_told_at_the_end(database, brand, cut_off):
    with pytest.raises(Exception) as told:
        async with alone(database, brand.id, "lost") as mine:
            assert mine
            await cut_off("siyu_app")
            async with alone(database, brand.id, "lost") as other:
                assert other
    assert is_away(told.value)


async def test_a_transaction_that_says_nothing_ends_and_one_that_asked_for_time_does_not(
    database, brand
):
    async with database.brand(brand.id) as session:
        async with taking_time(session, IDLE_S * 3):
            await asyncio.sleep(IDLE_S + 1)
        assert await session.scalar(text("select 1")) == 1
    with pytest.raises(DBAPIError) as ended:
        async with database.brand(brand.id) as session:
            await session.execute(text("select 1"))
            await asyncio.sleep(IDLE_S + 1)
            await session.execute(text("select 1"))
    assert is_away(ended.value)


async def test_the_limits_are_in_force_on_every_door(database, brand):
    names = [*LIMITS]
    async with database.brand(brand.id) as session:
        mine = [await session.scalar(text(f"show {name}")) for name in names]
    async with database.raw(brand.id) as connection:
        bare = [await connection.fetchval(f"show {name}") for name in names]
    async with database.dispatcher() as connection:
        dispatcher = [await connection.fetchval(f"show {name}") for name in names]
    assert mine == bare == dispatcher == [LIMITS[name] for name in names]


async def test_a_connection_that_ended_in_the_pool_is_nobodys_to_meet(database, brand, cut_off):
    """After a restart of the database the first to come would otherwise be told that it is away."""
    for _ in range(2):
        async with database.brand(brand.id) as one, database.brand(brand.id) as two:
            assert await one.scalar(text("select 1")) == await two.scalar(text("select 1")) == 1
        await cut_off("siyu_app")
    async with database.brand(brand.id) as one, database.brand(brand.id) as two:
        assert await one.scalar(text("select 1")) == await two.scalar(text("select 1")) == 1


async def test_a_batch_that_lost_its_connection_between_two_statements_is_decided_anew(
    database, brand, cut_off
):
    """So it is with a process that was frozen in the middle of a batch and wakes up."""
    tries: list[int] = []

    async def decide(connection, _, requests):
        await connection.fetchval("select 1")
        tries.append(len(requests))
        if len(tries) == 1:
            await cut_off("siyu_app")
        return [await connection.fetchval("select $1::int", one) for one in requests]

    batcher = Batcher(database, decide, harmless)
    assert await batcher.ask(brand.id, 7) == 7
    await batcher.close()
    assert tries == [1, 1]


async def test_a_job_is_not_taken_from_who_is_writing_and_a_late_run_writes_nothing(
    runtime, database, brand
):
    async with database.brand(brand.id) as session:
        job_id = await jobs.start(session, "test.hold", {}, {"en": "Waiting"})
    runs = [asyncio.create_task(jobs.run(runtime, brand.id, job_id))]
    try:
        await in_all(1)
        clock.shift(jobs.LEASE + timedelta(seconds=1))
        async with database.raw(brand.id) as connection:
            await works[0].hold(connection)
            await jobs.run(runtime, brand.id, job_id)
            assert len(works) == 1
        runs.append(asyncio.create_task(jobs.run(runtime, brand.id, job_id)))
        await in_all(2)
        with pytest.raises(jobs.Cancelled):
            async with database.raw(brand.id) as connection:
                await works[0].hold(connection)
        async with database.raw(brand.id) as connection:
            await works[1].hold(connection)
    finally:
        go_on.set()
        await asyncio.gather(*runs)
        clock.shift(timedelta(0))


async def in_all(count: int) -> None:
    async with asyncio.timeout(20):
        while len(works) < count:
            await asyncio.sleep(0.02)
