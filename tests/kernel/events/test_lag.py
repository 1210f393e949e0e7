"""How far behind, and who is to blame."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from siyu.kernel.events import (
    Event,
    behind,
    drain,
    held_by,
    lag_of_brand,
    lag_of_house,
    on,
    parked_page,
    retry_parked,
    state,
)
from siyu.kernel.ids import new_id
from tests.conftest import make_brand, sign_in

pytestmark = pytest.mark.kernel_db


class Late(Event, frozen=True, kw_only=True, tag="test.late/1"):
    subject_id: UUID
    poison: bool = False


@on(Late)
async def late_live(session, events: list[Late]) -> None:
    if any(event.poison for event in events):
        raise ValueError("cannot be digested")


@on(Late, history=True)
async def late_all(session, events: list[Late]) -> None:
    pass


LIVE, ALL = f"{__name__}.late_live", f"{__name__}.late_all"


async def put(database, brand_id, *events, origin="live") -> None:
    async with database.brand(brand_id) as session:
        await state(session, list(events), origin=origin)


async def found(database, brand_id):
    async with database.brand(brand_id) as session:
        return {one.listener: one for one in await behind(session)}


async def test_each_listener_says_how_many_events_and_seconds_it_is_behind(own_log):
    database, brand_id = own_log.database, own_log.brand_id
    await drain(database, brand_id, {LIVE, ALL})
    await put(database, brand_id, *(Late(subject_id=new_id()) for _ in range(3)))
    await put(database, brand_id, *(Late(subject_id=new_id()) for _ in range(2)), origin="import")
    await own_log.owner.execute(
        "update events set recorded_at = recorded_at - interval '90 seconds'"
    )
    now = await found(database, brand_id)
    assert (now[LIVE].events, now[ALL].events) == (3, 5)
    assert 90 <= now[LIVE].seconds < 150
    house = {one.listener: one for one in (await lag_of_house(database)).listeners}
    assert (house[LIVE].events, house[ALL].events) == (3, 5)
    await drain(database, brand_id, {LIVE, ALL})
    now = await found(database, brand_id)
    assert (now[LIVE].events, now[LIVE].seconds, now[ALL].events) == (0, 0, 0)


async def test_the_lag_names_the_process_that_holds_the_log_back_and_what_to_do(own_log):
    database, brand_id = own_log.database, own_log.brand_id
    await drain(database, brand_id, {LIVE})
    assert await held_by(database) is None
    culprit = await asyncpg.connect(
        own_log.url, server_settings={"application_name": "monthly report"}
    )
    pid = culprit.get_server_pid()
    transaction = culprit.transaction()
    await transaction.start()
    await culprit.execute("select pg_current_xact_id()")
    await put(database, brand_id, Late(subject_id=new_id()))
    await asyncio.sleep(1.2)
    async with database.brand(brand_id) as session:
        lag = await lag_of_brand(database, session)
    holder = lag.held_by
    assert holder is not None
    assert (holder.kind, holder.pid, holder.name) == ("session", pid, "monthly report")
    assert holder.state == "idle in transaction"
    assert holder.seconds >= 1
    assert f"pg_terminate_backend({pid})" in holder.advice["en"]
    assert "monthly report" in holder.advice["zh-CN"]
    await transaction.rollback()
    await culprit.close()
    await drain(database, brand_id, {LIVE})
    async with database.brand(brand_id) as session:
        assert (await lag_of_brand(database, session)).held_by is None


async def test_trying_again_counts_up_and_keeps_since_when(database):
    brand_id, sick = (await make_brand(database)).id, new_id()
    await put(database, brand_id, Late(subject_id=sick, poison=True), Late(subject_id=sick))
    await drain(database, brand_id, {LIVE})
    async with database.brand(brand_id) as session:
        (first,) = await parked_page(session)
    for attempts in (2, 3):
        async with database.brand(brand_id) as session:
            assert await retry_parked(session, LIVE, sick) == (0, 2)
            (again,) = await parked_page(session)
        assert (again.attempts, again.parked_at) == (attempts, first.parked_at)


async def test_the_console_and_the_metrics_show_the_lag(app, database, brand, api):
    await drain(database, brand.id)
    await put(database, brand.id, Late(subject_id=new_id()))
    client = await sign_in(app, brand)
    answer = await client.get("/api/console/events/lag")
    await client.aclose()
    assert answer.status_code == 200, answer.text
    mine = {one["listener"]: one for one in answer.json()["listeners"]}
    assert mine[LIVE]["events"] == 1
    assert set(mine[LIVE]) == {"listener", "events", "more", "seconds", "parked", "heard_at"}
    assert "held_by" in answer.json()
    metrics = (await api.get("/metrics")).text
    assert f'siyu_events_behind{{listener="{LIVE}"}}' in metrics
    assert "siyu_events_held_seconds" in metrics
    assert (await api.get("/api/console/events/lag")).status_code == 401
