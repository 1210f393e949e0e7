"""Filling the warehouse: one brand's trouble stays that brand's, and waiting holds back no listener."""

import asyncio

import pytest

from siyu.insight.tracking.queries import backlog
from siyu.insight.warehouse import Warehouse
from siyu.insight.warehouse.filling import drain_spool, drain_spools
from siyu.kernel import clock
from siyu.kernel.ids import new_id
from tests.conftest import make_brand
from tests.insight.test_tracking import key_of, message, send

pytestmark = pytest.mark.kernel_db


async def spoil(database, brand) -> None:
    async with database.raw(brand.id) as connection:
        await connection.execute(
            "insert into tracking_spool (id, received_at, messages, body) values ($1, $2, 1, 'torn')",
            new_id(),
            clock.now(),
        )


async def waiting(database) -> set:
    return {brand_id for brand_id, _, _ in await backlog(database)}


async def test_a_torn_pack_holds_up_its_own_brand_alone(api, app, database, brand):
    torn = [await make_brand(database) for _ in range(4)]
    for one in torn:
        await spoil(database, one)
    await send(api, await key_of(database, brand), message(id="well"))
    try:
        await drain_spools(database, app.runtime.parts["warehouse"])
        left = await waiting(database)
        assert {one.id for one in torn} <= left
        assert brand.id not in left
    finally:
        for one in torn:
            async with database.raw(one.id) as connection:
                await connection.execute("delete from tracking_spool")


async def test_who_waits_for_the_warehouse_holds_no_transaction_id_and_is_alone(
    api, app, database, brand, clickhouse_url
):
    inside, go = asyncio.Event(), asyncio.Event()

    class Slow(Warehouse):
        async def insert(self, *values, **options) -> None:
            inside.set()
            await go.wait()
            await super().insert(*values, **options)

    slow = Slow(clickhouse_url)
    await send(api, await key_of(database, brand), message(id="late"))
    moving = asyncio.create_task(drain_spool(database, slow, brand.id))
    await inside.wait()
    async with database.raw(brand.id) as connection:
        busy = await connection.fetchval(
            """select count(*) from pg_stat_activity where datname = current_database() and backend_xid is not null
               and state = 'idle in transaction'"""
        )
    assert busy == 0
    assert await drain_spool(database, app.runtime.parts["warehouse"], brand.id) == 0
    go.set()
    assert await moving == 1
    assert brand.id not in await waiting(database)
    await slow.close()
