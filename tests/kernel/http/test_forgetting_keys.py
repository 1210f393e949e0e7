"""Keys of repeated writes are known for thirty days, and then forgotten, piece by piece."""

import asyncio
from datetime import timedelta

from siyu.kernel import clock
from siyu.kernel.http import forget_old, keep_short, once


async def test_keys_older_than_thirty_days_are_forgotten_in_pieces_and_no_younger_one(
    database, brand, rival
):
    async def write(owner, count, name):
        async with database.brand(owner.id) as session:
            for at in range(count):
                await (await once(session, "test", f"{name}{at}", {"at": at})).done({"at": at})

    async def known(owner):
        async with database.raw(owner.id) as connection:
            rows = await connection.fetch("select key from idempotency_keys where scope = 'test'")
        return sorted(row["key"] for row in rows)

    try:
        await write(brand, 7, "old")
        await write(rival, 1, "theirs")
        clock.shift(timedelta(days=29))
        await write(brand, 2, "young")
        assert await forget_old(database, brand.id, piece=3) == 0
        clock.shift(timedelta(days=31))
        assert await forget_old(database, brand.id, piece=3) == 7
        assert await known(brand) == ["young0", "young1"]
        assert await known(rival) == ["theirs0"], "each brand's turn is its own"
        async with database.brand(brand.id) as session:
            assert (await once(session, "test", "young0", {"at": 0})).reference == {"at": 0}
            assert (await once(session, "test", "old0", {"at": 0})).reference is None
    finally:
        clock.shift(timedelta(0))


async def test_the_worker_forgets_the_old_keys_of_every_brand(database, brand, rival):
    for owner in (brand, rival):
        async with database.brand(owner.id) as session:
            await (await once(session, "test", "old", {})).done({})
    clock.shift(timedelta(days=31))
    serving = asyncio.create_task(keep_short(database))

    async def left(owner):
        async with database.raw(owner.id) as connection:
            return await connection.fetchval("select count(*) from idempotency_keys")

    try:
        async with asyncio.timeout(20):
            while await left(brand) or await left(rival):
                await asyncio.sleep(0.02)
    finally:
        serving.cancel()
        clock.shift(timedelta(0))
