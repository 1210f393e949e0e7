"""The event log under races: nothing lost, nothing doubled, order kept per subject."""

import asyncio
import random
from collections import Counter, defaultdict
from contextlib import AsyncExitStack
from uuid import UUID

import pytest
from sqlalchemy import text

from siyu.kernel.db import driver_of
from siyu.kernel.events import (
    Event,
    Listener,
    drain,
    drop_parked,
    follow_once,
    listeners,
    on,
    parked_page,
    retry_parked,
    state,
    state_on,
)
from siyu.kernel.ids import new_id

pytestmark = pytest.mark.kernel_db


class Counted(Event, frozen=True, kw_only=True, tag="test.counted/1"):
    subject_id: UUID
    number: int
    poison: bool = False


healed: set[int] = set()
heard_live: dict[UUID, list[int]] = defaultdict(list)
heard_all: dict[UUID, list[int]] = defaultdict(list)


@on(Counted)
async def live_only(session, events: list[Counted]) -> None:
    for event in events:
        if event.poison and event.number not in healed:
            raise ValueError(f"number {event.number} cannot be digested")
    driver = await driver_of(session)
    await driver.execute("select 1")
    for event in events:
        heard_live[event.subject_id].append(event.number)


@on(Counted, history=True, whole=True)
async def with_history(session, events) -> None:
    for one in events:
        heard_all[one.event.subject_id].append(one.event.number)


LIVE: Listener = listeners[f"{__name__}.live_only"]
ALL: Listener = listeners[f"{__name__}.with_history"]
NAMES = {LIVE.name, ALL.name}


async def put(
    database, brand_id, *events, origin="live", hold_s=0.0, before=None, stays_s=0.0
) -> None:
    async with database.brand(brand_id) as session:
        if before is not None:
            await session.execute(
                text("select pg_current_xact_id()")
            )  # a low transaction id that inserts late
            await before.wait()
        if hold_s:
            await asyncio.sleep(hold_s)
        await state(session, list(events), origin=origin)
        if stays_s:
            await asyncio.sleep(stays_s)  # stated, and not committed yet


async def follow_briefly(database, brand_id, *, looks=10) -> None:
    """Hear what can be heard while somebody is not done; ``drain`` would wait, and hold up the neighbours."""
    for _ in range(looks):
        for listener in (LIVE, ALL):
            while await follow_once(database, brand_id, listener) >= 0:
                pass
        await asyncio.sleep(0.02)


async def test_racing_writers_and_followers_lose_and_double_nothing(database, brand_id):
    subjects = [new_id() for _ in range(5)]
    chance = random.Random(7)
    numbers = iter(range(10_000))

    async def writer() -> None:
        for _ in range(12):
            events = [
                Counted(subject_id=chance.choice(subjects), number=next(numbers))
                for _ in range(chance.randint(1, 4))
            ]
            late = asyncio.Event()
            asyncio.get_running_loop().call_later(chance.random() / 30, late.set)
            await put(
                database,
                brand_id,
                *events,
                before=late if chance.random() < 0.5 else None,
                stays_s=chance.random() / 30 if chance.random() < 0.5 else 0,
            )

    done = asyncio.Event()

    async def follower(listener: Listener) -> None:
        while not done.is_set():
            await follow_once(database, brand_id, listener)
            await asyncio.sleep(chance.random() / 100)

    followers = [asyncio.create_task(follower(one)) for one in (LIVE, LIVE, ALL)]
    await asyncio.gather(*(writer() for _ in range(5)))
    done.set()
    await asyncio.gather(*followers)
    await drain(database, brand_id, NAMES)

    async with database.raw(brand_id) as connection:
        stated = await connection.fetch(
            "select subject, (data->>'number')::int as number from events order by seq"
        )
    expected = Counter((row["subject"], row["number"]) for row in stated)
    for heard in (heard_live, heard_all):
        assert Counter((s, n) for s in subjects for n in heard[s]) == expected


async def test_what_was_stated_early_under_a_late_id_is_heard_after_its_commit(database, brand_id):
    subject = new_id()
    await put(database, brand_id, Counted(subject_id=subject, number=0))
    await drain(database, brand_id, NAMES)
    for number in range(1, 13, 2):  # several times: a neighbour on the server may hide it
        async with AsyncExitStack() as late:
            async with database.raw(brand_id) as early:
                await early.execute("select pg_current_xact_id()")
                connection = await late.enter_async_context(database.raw(brand_id))
                await connection.execute("select pg_current_xact_id()")
                await state_on(connection, [Counted(subject_id=subject, number=number)])
                await state_on(early, [Counted(subject_id=subject, number=number + 1)])
            await follow_briefly(database, brand_id, looks=2)
        await follow_briefly(database, brand_id, looks=2)
    await drain(database, brand_id, NAMES)
    assert sorted(heard_live[subject]) == list(range(13))
    assert sorted(heard_all[subject]) == list(range(13))


async def test_who_states_has_its_transaction_id_before_it_draws_a_number(own_log):
    await own_log.owner.execute(
        """create function drawn() returns bigint language plpgsql as $$ begin
           assert pg_current_xact_id_if_assigned() is not null, 'a number was drawn before the id';
           return nextval('events_seq'); end $$"""
    )
    await own_log.owner.execute("alter table events alter seq set default drawn()")
    async with own_log.database.raw(own_log.brand_id) as connection:
        assert await connection.fetchval("select pg_current_xact_id_if_assigned()") is None
        await state_on(connection, [Counted(subject_id=new_id(), number=n) for n in range(3)])
        numbers = await connection.fetch("select data->>'number' as n from events order by seq")
    assert [row["n"] for row in numbers] == ["0", "1", "2"]


async def test_a_neighbour_who_is_not_done_only_delays_the_drain(database, brand_id):
    subject, gate = new_id(), asyncio.Event()
    neighbour = Counted(subject_id=new_id(), number=1)
    slow = asyncio.create_task(put(database, new_id(), neighbour, before=gate))
    await asyncio.sleep(0.05)
    await put(database, brand_id, Counted(subject_id=subject, number=2))
    asyncio.get_running_loop().call_later(0.3, gate.set)
    await drain(database, brand_id, NAMES)
    assert heard_live[subject] == heard_all[subject] == [2]
    await slow


async def test_a_low_transaction_id_that_commits_late_is_still_heard(database, brand_id):
    subject, gate = new_id(), asyncio.Event()
    slow = asyncio.create_task(
        put(database, brand_id, Counted(subject_id=subject, number=1), before=gate)
    )
    await asyncio.sleep(0.05)
    await put(database, brand_id, Counted(subject_id=subject, number=2))
    await follow_briefly(database, brand_id)
    gate.set()
    await slow
    await drain(database, brand_id, NAMES)
    assert sorted(heard_live[subject]) == [1, 2]
    assert sorted(heard_all[subject]) == [1, 2]


async def test_a_poison_event_parks_its_subject_and_lets_the_rest_go_on(database, brand_id):
    sick, well = new_id(), new_id()
    await put(
        database,
        brand_id,
        Counted(subject_id=well, number=10),
        Counted(subject_id=sick, number=666, poison=True),
        Counted(subject_id=sick, number=667),
        Counted(subject_id=well, number=11),
    )
    await drain(database, brand_id, NAMES)
    await put(
        database,
        brand_id,
        Counted(subject_id=sick, number=668),
        Counted(subject_id=well, number=12),
    )
    await drain(database, brand_id, NAMES)
    assert heard_live[well] == [10, 11, 12]
    assert heard_live[sick] == []
    async with database.brand(brand_id) as session:
        (parked,) = await parked_page(session)
        assert (parked.subject, parked.events) == (sick, 3)
        assert "666" in parked.error
        assert await retry_parked(session, LIVE.name, sick) == (0, 3)
    healed.add(666)
    async with database.brand(brand_id) as session:
        assert await retry_parked(session, LIVE.name, sick) == (3, 0)
    assert heard_live[sick] == [666, 667, 668]


async def test_given_up_events_leave_the_desk_but_stay_in_the_log(database, brand_id):
    sick = new_id()
    await put(database, brand_id, Counted(subject_id=sick, number=777, poison=True))
    await drain(database, brand_id, NAMES)
    async with database.brand(brand_id) as session:
        assert await drop_parked(session, LIVE.name, sick) == 1
        assert await parked_page(session) == []
        assert (
            await session.scalar(
                text("select count(*) from events where subject = :s"), {"s": sick}
            )
            == 1
        )


async def test_imported_history_reaches_projections_and_nobody_else(database, brand_id):
    subject = new_id()
    await put(database, brand_id, Counted(subject_id=subject, number=1), origin="import")
    await put(database, brand_id, Counted(subject_id=subject, number=2))
    await drain(database, brand_id, NAMES)
    assert heard_live[subject] == [2]
    assert heard_all[subject] == [1, 2]


async def test_a_listener_that_fails_half_way_leaves_no_half_effect(database, brand_id):
    subject = new_id()
    async with database.brand(brand_id) as session:
        await state(session, [Counted(subject_id=subject, number=1, poison=True)])
    before = await _cursor(database, brand_id)
    await drain(database, brand_id, {LIVE.name})
    assert heard_live[subject] == []
    assert await _cursor(database, brand_id) != before


async def _cursor(database, brand_id):
    async with database.raw(brand_id) as connection:
        return await connection.fetchrow(
            "select * from event_cursors where listener = $1", LIVE.name
        )
