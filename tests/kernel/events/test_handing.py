"""Handing over: only what an event itself is guilty of is parked, and nothing is forgotten beside it."""

import asyncio
from collections import defaultdict
from uuid import UUID

import asyncpg
import pytest

from siyu.kernel.db import driver_of
from siyu.kernel.errors import Busy, NotFound
from siyu.kernel.events import (
    Event,
    drain,
    drop_parked,
    follow_once,
    listeners,
    on,
    retry_parked,
    start_over,
    state,
)
from siyu.kernel.ids import new_id

pytestmark = pytest.mark.kernel_db


class Handed(Event, frozen=True, kw_only=True, tag="test.handed/1"):
    subject_id: UUID
    number: int


heard: dict[UUID, list[int]] = defaultdict(list)
told: dict[UUID, list[int]] = defaultdict(list)
calls: list[int] = []
sick: set[int] = set()
failures: list[str] = []
stop_at: dict[int, tuple[asyncio.Event, asyncio.Event]] = {}


async def _pause(events: list[Handed]) -> None:
    for event in events:
        if event.number in stop_at:
            inside, go = stop_at[event.number]
            inside.set()
            await go.wait()


@on(Handed)
async def take_in(session, events: list[Handed]) -> None:
    calls.append(len(events))
    if failures and (state := failures.pop()):
        if state == "busy":
            raise Busy
        await (await driver_of(session)).execute(
            f"do $$ begin raise exception 'not now' using errcode = '{state}'; end $$"
        )
    if any(event.number in sick for event in events):
        raise ValueError("cannot be digested")
    await _pause(events)
    for event in events:
        heard[event.subject_id].append(event.number)


@on(Handed, outside=True)
async def tell(session, events: list[Handed]) -> None:
    await _pause([event for event in events if event.number < 0])
    for event in events:
        told[event.subject_id].append(event.number)


IN, OUT = listeners[f"{__name__}.take_in"], listeners[f"{__name__}.tell"]


@pytest.fixture(autouse=True)
def clean():
    yield
    for one in (sick, failures, stop_at, calls):
        one.clear()


async def put(database, brand_id, subject, *numbers) -> None:
    async with database.brand(brand_id) as session:
        await state(session, [Handed(subject_id=subject, number=n) for n in numbers])


async def parked(database, brand_id) -> list[tuple]:
    async with database.raw(brand_id) as connection:
        rows = await connection.fetch(
            """select (e.data->>'number')::int, p.error <> '' from parked_events p
               join events e using (brand_id, seq) where listener = $1 order by seq""",
            IN.name,
        )
    return [tuple(row) for row in rows]


def pause(number: int) -> tuple[asyncio.Event, asyncio.Event]:
    stop_at[number] = asyncio.Event(), asyncio.Event()
    return stop_at[number]


@pytest.mark.parametrize("state", ["40P01", "40001", "55P03", "57014", "57P01", "53300", "busy"])
async def test_what_passes_by_itself_parks_nothing_and_the_event_comes_again(
    database, brand_id, state
):
    subject = new_id()
    await put(database, brand_id, subject, 1)
    failures.append(state)
    with pytest.raises((asyncpg.PostgresError, Busy)):
        await drain(database, brand_id, {IN.name})
    assert (failures, heard[subject]) == ([], [])
    assert await parked(database, brand_id) == []
    await drain(database, brand_id, {IN.name})
    assert heard[subject] == [1]


async def test_a_page_that_takes_too_long_goes_in_halves(database, brand_id):
    subject = new_id()
    await put(database, brand_id, subject, *range(4))
    failures.append("57014")
    await drain(database, brand_id, {IN.name})
    assert heard[subject] == [0, 1, 2, 3]
    assert calls == [4, 2, 2]


async def test_a_full_page_of_one_subject_with_a_culprit_takes_few_calls(database, brand_id):
    subject, other = new_id(), new_id()
    await put(database, brand_id, other, 5000)
    await put(database, brand_id, subject, *range(998))
    await put(database, brand_id, other, 5001)
    sick.add(900)
    await drain(database, brand_id, {IN.name})
    assert heard[subject] == list(range(900))
    assert heard[other] == [5000, 5001]
    assert await parked(database, brand_id) == [(900, True), *((n, False) for n in range(901, 998))]
    assert len(calls) < 30, calls
    sick.clear()
    async with database.brand(brand_id) as session:
        assert await retry_parked(session, IN.name, subject) == (98, 0)
    assert heard[subject] == list(range(998))


async def test_a_page_with_several_culprits_parks_each_with_what_follows_it(database, brand_id):
    first, second, well = new_id(), new_id(), new_id()
    for number in range(4):
        for offset, subject in enumerate((first, second, well)):
            await put(database, brand_id, subject, 10 * offset + number)
    sick.update({2, 10})
    await drain(database, brand_id, {IN.name})
    assert (heard[first], heard[second], heard[well]) == ([0, 1], [], [20, 21, 22, 23])
    assert sorted(await parked(database, brand_id)) == [
        (2, True), (3, False), (10, True), (11, False), (12, False), (13, False),
    ]  # fmt: skip


async def test_what_is_parked_while_a_subject_is_tried_again_is_not_forgotten(database, brand_id):
    subject, other = new_id(), new_id()
    sick.add(1)
    await put(database, brand_id, subject, 1)
    await drain(database, brand_id, {IN.name})
    sick.clear()
    await put(database, brand_id, subject, 2)
    await put(database, brand_id, other, 9)
    inside, go = pause(9)
    following = asyncio.create_task(drain(database, brand_id, {IN.name}))
    await inside.wait()  # 2 is going to be parked behind 1, and that is not committed yet

    async def again():
        async with database.brand(brand_id) as session:
            return await retry_parked(session, IN.name, subject)

    retrying = asyncio.create_task(again())
    await asyncio.sleep(0.2)
    assert not retrying.done(), "it waits for the page to end"
    go.set()
    await following
    assert await retrying == (2, 0)
    assert heard[subject] == [1, 2]
    await put(database, brand_id, subject, 3)
    await drain(database, brand_id, {IN.name})
    assert (heard[subject], await parked(database, brand_id)) == ([1, 2, 3], [])


async def test_only_what_was_handed_over_again_is_taken_off_the_desk(database, brand_id):
    subject, absent = new_id(), 2**40
    sick.add(1)
    await put(database, brand_id, subject, 1)
    await drain(database, brand_id, {IN.name})
    sick.clear()
    async with database.raw(brand_id) as connection:
        await connection.execute(
            """insert into parked_events (listener, seq, subject, kind, error, attempts, parked_at)
               select listener, $1, subject, kind, '', 0, parked_at from parked_events""",
            absent,
        )
    async with database.brand(brand_id) as session:
        assert await retry_parked(session, IN.name, subject) == (1, 1)
        assert await drop_parked(session, IN.name, subject) == 1
        with pytest.raises(NotFound):
            await retry_parked(session, IN.name, subject)


async def test_a_slow_neighbour_outside_holds_up_nobody_here(database, brand_id):
    subject = new_id()
    await put(database, brand_id, subject, -1)
    inside, go = pause(-1)
    outside = asyncio.create_task(drain(database, brand_id, {OUT.name}))
    await inside.wait()
    stop_at.clear()
    try:
        async with database.raw(brand_id) as connection:
            asked = await connection.fetch(
                """select a.pid from pg_stat_activity a join pg_locks l using (pid)
                   where l.locktype = 'advisory' and a.datname = current_database() and a.backend_xid is not null"""
            )
        assert asked == [], "who waits for the outside holds no transaction id"
        await put(database, brand_id, subject, 2)
        await drain(database, brand_id, {IN.name})
        assert heard[subject] == [-1, 2]
        assert await follow_once(database, brand_id, OUT) == -1, "one process at a time"
    finally:
        go.set()
        await outside
    await drain(database, brand_id, {OUT.name})
    assert told[subject] == [-1, 2]


async def test_a_cursor_set_back_while_the_outside_is_told_stays_set_back(database, brand_id):
    subject = new_id()
    await put(database, brand_id, subject, -2)
    inside, go = pause(-2)
    outside = asyncio.create_task(drain(database, brand_id, {OUT.name}))
    await inside.wait()
    stop_at.clear()
    async with database.brand(brand_id) as session:
        await start_over(session, [OUT.name])
    go.set()
    await outside
    await drain(database, brand_id, {OUT.name})
    assert told[subject] == [-2, -2]
