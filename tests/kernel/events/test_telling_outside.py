"""While the other side thinks nobody here is held up, whatever became of the events before."""

import asyncio
from collections import defaultdict
from uuid import UUID

import pytest

from siyu.kernel.db import driver_of
from siyu.kernel.events import Event, drain, listeners, on, parked_page, retry_parked, state
from siyu.kernel.ids import new_id

pytestmark = pytest.mark.kernel_db


class Sent(Event, frozen=True, kw_only=True, tag="test.sent/1"):
    subject_id: UUID
    number: int


told: list[int] = []
kept: dict[UUID, list[int]] = defaultdict(list)
refused: set[int] = set()
unkept: set[int] = set()
slow: dict[int, tuple[asyncio.Event, asyncio.Event]] = {}


@on(Sent, outside=True)
async def send_out(session, events: list[Sent]):
    def keeping(event):
        async def keep(session) -> None:
            await (await driver_of(session)).execute("select pg_current_xact_id()")
            if event.number in unkept:
                raise ValueError("cannot be kept")
            kept[event.subject_id].append(event.number)

        return keep

    for event in events:
        if event.number in refused:
            raise ValueError("the other side does not understand")
        if event.number in slow:
            slow[event.number][0].set()
            await slow[event.number][1].wait()
        told.append(event.number)
    return [keeping(event) for event in events]


OUT = listeners[f"{__name__}.send_out"]
HOLDS = """
select count(*) from pg_stat_activity a where a.datname = current_database() and a.backend_xid is not null
and a.pid in (select pid from pg_locks where locktype = 'advisory') and a.pid <> pg_backend_pid()
"""


@pytest.fixture(autouse=True)
def clean():
    yield
    for one in (told, kept, refused, unkept, slow):
        one.clear()


async def put(database, brand_id, *numbers) -> list[UUID]:
    subjects = [new_id() for _ in numbers]
    async with database.brand(brand_id) as session:
        await state(
            session,
            [Sent(subject_id=s, number=n) for s, n in zip(subjects, numbers, strict=True)],
        )
    return subjects


async def holds_nobody_up(database, brand_id, telling, number) -> None:
    """While the other side thinks about a number, the one who waits has no transaction id."""
    inside, go = slow[number] = asyncio.Event(), asyncio.Event()
    asking = asyncio.create_task(telling)
    await asyncio.wait_for(inside.wait(), 5)
    try:
        async with database.raw(brand_id) as connection:
            assert await connection.fetchval(HOLDS) == 0
    finally:
        go.set()
        await asking
    slow.clear()


async def test_the_second_half_of_a_page_is_told_without_holding_anybody_up(database, brand_id):
    first, sick, last = await put(database, brand_id, 1, 2, 3)
    refused.add(2)
    await holds_nobody_up(database, brand_id, drain(database, brand_id, {OUT.name}), 3)
    assert (kept[first], kept[sick], kept[last]) == ([1], [], [3])
    async with database.brand(brand_id) as session:
        assert [one.subject for one in await parked_page(session)] == [sick]


async def test_a_parked_subject_is_told_again_without_holding_anybody_up(database, brand_id):
    [subject] = await put(database, brand_id, 1)
    refused.add(1)
    await drain(database, brand_id, {OUT.name})
    refused.clear()

    async def again() -> None:
        async with database.brand(brand_id) as session:
            assert await retry_parked(session, OUT.name, subject) == (1, 0)

    await holds_nobody_up(database, brand_id, again(), 1)
    assert kept[subject] == [1]


async def test_what_was_told_but_cannot_be_kept_is_parked_and_the_rest_is_kept(database, brand_id):
    first, sick, last = await put(database, brand_id, 1, 2, 3)
    unkept.add(2)
    await drain(database, brand_id, {OUT.name})
    assert (told, kept[first], kept[sick], kept[last]) == ([1, 2, 3], [1], [], [3])
    async with database.brand(brand_id) as session:
        [parked] = await parked_page(session)
    assert (parked.subject, parked.error) == (sick, "ValueError: cannot be kept")
