"""Followers sleep until they are rung for, and miss nothing when the bell is broken."""

import asyncio
import time
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import asyncpg
import pytest

from siyu.kernel import events
from siyu.kernel.db import DISPATCHER, driver_of
from siyu.kernel.errors import Busy
from siyu.kernel.events import Event, Follower, listeners, on, state, state_on
from siyu.kernel.ids import new_id
from siyu.kernel.news import News
from siyu.kernel.settings import role_url
from tests.kernel.events.conftest import new_brand

pytestmark = pytest.mark.kernel_db
NET_S = 600.0
"""The safety look of these followers: whoever waits for it has failed."""


class Woke(Event, frozen=True, kw_only=True, tag="test.woke/1"):
    subject_id: UUID
    number: int


heard: dict[UUID, list[int]] = defaultdict(list)
outside: dict[UUID, list[int]] = defaultdict(list)
something = asyncio.Event()
away: set[str] = set()


@on(Woke)
async def react(session, woken: list[Woke]) -> None:
    await (await driver_of(session)).execute("select 1")
    for one in woken:
        heard[one.subject_id].append(one.number)
    something.set()


@on(Woke, outside=True)
async def send(session, woken: list[Woke]) -> None:
    if away:
        raise Busy
    for one in woken:
        outside[one.subject_id].append(one.number)


NAMES = {f"{__name__}.react", f"{__name__}.send"}


@asynccontextmanager
async def house(log, *, look_s=NET_S, rings=True):
    """A process that states and a process that follows, each with its own connection for news."""
    url = role_url(log.url, DISPATCHER)
    teller, hearer = News(url), News(url)
    follower = Follower(log.database, only=NAMES, look_s=look_s)
    hearer.hear_words("events", follower.wake)

    def bell(brand_id, kinds):
        teller.ring("events", brand_id, kinds)

    if rings:
        events.bells.append(bell)
    tasks = [asyncio.create_task(one.run()) for one in (teller, hearer, follower)]
    while not (teller.listening and hearer.listening):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # the first look is over
    try:
        yield follower
    finally:
        if rings:
            events.bells.remove(bell)
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


async def put(log, subject, *numbers, brand_id=None) -> None:
    async with log.database.brand(brand_id or log.brand_id) as session:
        await state(session, [Woke(subject_id=subject, number=n) for n in numbers])


async def until(true, within_s=15.0) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, "it was not heard"
        await asyncio.sleep(0.002)
    return time.monotonic() - began


async def test_an_event_is_heard_long_before_anybody_would_have_looked(own_log):
    subject = new_id()
    async with house(own_log):
        waits = []
        for number in range(5):
            await put(own_log, subject, number)
            waits.append(await until(lambda: heard[subject][-1:] == [number]))  # noqa: B023
            await asyncio.sleep(0.12)
        await until(lambda: len(outside[subject]) == 5)
    assert heard[subject] == outside[subject] == [0, 1, 2, 3, 4]
    assert min(waits) < 1.0, waits


async def test_the_hot_paths_bare_connection_rings_too_and_a_rollback_does_not(own_log):
    subject, rung = new_id(), []
    events.bells.append(ring := lambda brand_id, kinds: rung.append((brand_id, kinds)))
    try:
        with pytest.raises(RuntimeError):
            async with own_log.database.raw(own_log.brand_id) as connection:
                await state_on(connection, [Woke(subject_id=subject, number=1)])
                raise RuntimeError("half way")
        assert rung == []
        async with own_log.database.raw(own_log.brand_id) as connection:
            await state_on(connection, [Woke(subject_id=subject, number=2)])
            assert rung == [], "before the commit there is nothing to hear"
        assert rung == [(own_log.brand_id, frozenset({"test.woke/1"}))]
    finally:
        events.bells.remove(ring)


async def test_a_held_back_event_is_heard_soon_after_the_other_transaction_ends(own_log):
    subject = new_id()
    async with house(own_log):
        await put(own_log, subject, 0)
        await until(lambda: heard[subject] == [0])
        async with own_log.owner.transaction():
            await own_log.owner.execute("select pg_current_xact_id()")
            await put(own_log, subject, 1)
            await asyncio.sleep(0.3)
            assert heard[subject] == [0], "an older transaction might still state something"
        await until(lambda: heard[subject] == [0, 1])


async def test_a_killed_listening_connection_loses_and_doubles_nothing(own_log):
    subject, brand_id = new_id(), await new_brand(own_log.database)
    async with house(own_log):
        for number in range(40):
            if number % 10 == 5:
                await own_log.owner.fetch(
                    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'siyu news' and datname = current_database()"
                )
            await put(own_log, subject, number, brand_id=brand_id)
        await until(lambda: len(heard[subject]) >= 40 and len(outside[subject]) >= 40)
    assert heard[subject] == outside[subject] == list(range(40))


async def test_without_any_bell_the_slow_look_finds_everything(own_log):
    subject = new_id()
    async with house(own_log, look_s=0.2, rings=False):
        await put(own_log, subject, 1)
        await put(own_log, subject, 2)
        await until(lambda: heard[subject] == [1, 2])


async def test_two_worker_processes_share_the_work_and_double_nothing(own_log):
    subjects = [new_id() for _ in range(4)]
    async with house(own_log), house(own_log, rings=False):
        for number in range(30):
            await put(own_log, subjects[number % 4], number)
        await until(lambda: sum(len(heard[s]) for s in subjects) >= 30)
        await asyncio.sleep(0.1)
    assert sorted(n for s in subjects for n in heard[s]) == list(range(30))


async def test_somebody_outside_who_is_away_parks_nothing_and_holds_up_nobody(own_log):
    subject = new_id()
    away.add("yes")
    try:
        async with house(own_log):
            await put(own_log, subject, 1)
            await until(lambda: heard[subject] == [1])
            await asyncio.sleep(0.1)
            assert outside[subject] == []
            away.clear()
            await until(lambda: outside[subject] == [1])
    finally:
        away.clear()
    assert await own_log.owner.fetchval("select count(*) from parked_events") == 0


async def calm(follower) -> None:
    """Hear all and look until one number is enough; neighbours' transactions on the same server put that off."""
    while follower._calm_at < 0:
        if await follower._brands_behind():
            await follower.step()
        await asyncio.sleep(0.01)


async def test_what_was_in_flight_while_one_looked_is_found_by_the_next_look_without_a_bell(
    own_log,
):
    await put(own_log, new_id(), 1)
    follower = Follower(own_log.database, only=NAMES)
    await calm(follower)
    async with own_log.database.raw(own_log.brand_id) as connection:
        await state_on(connection, [Woke(subject_id=new_id(), number=2)])
        for _ in range(3):
            assert await follower._brands_behind() == []
    assert await follower._brands_behind() == [own_log.brand_id]


async def test_an_idle_follower_asks_for_one_number_and_for_no_brand(own_log, monkeypatch):
    for _ in range(3):
        await put(own_log, new_id(), 1, brand_id=await new_brand(own_log.database))
    follower = Follower(own_log.database, only=NAMES)
    await calm(follower)
    asked = []
    fetch = asyncpg.Connection.fetch

    async def counting(self, query, *values, **options):
        asked.append(query)
        return await fetch(self, query, *values, **options)

    monkeypatch.setattr(asyncpg.Connection, "fetch", counting)
    for _ in range(5):
        assert await follower._brands_behind() == []
    assert asked == []
    subject = new_id()
    await put(own_log, subject, 7)
    assert await follower._brands_behind() == [own_log.brand_id]


async def test_many_rings_of_a_busy_process_travel_together(own_log):
    arrived = []
    news = News(role_url(own_log.url, DISPATCHER))
    news.hear_words("events", lambda brand, words: arrived.append((brand, words)))
    task = asyncio.create_task(news.run())
    await until(lambda: news.listening)
    arrived.clear()
    other = new_id()
    for number in range(200):
        news.ring("events", own_log.brand_id, [f"test.a{number % 2}/1"])
        if number % 50 == 0:
            news.ring("events", other, None)
            await asyncio.sleep(0.001)
    await until(lambda: len([one for one in arrived if one[0] == own_log.brand_id]) >= 2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert len(arrived) < 20
    assert (other, None) in arrived
    assert {word for brand, words in arrived if brand == own_log.brand_id for word in words} == {
        "test.a0/1",
        "test.a1/1",
    }


def test_the_listeners_of_this_file_are_the_ones_followed():
    assert set(listeners) >= NAMES
