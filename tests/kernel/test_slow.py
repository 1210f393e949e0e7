"""Slow statements: by whom they were awaited, how they look without their values, and that they are kept in bounds."""

import asyncio
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from siyu.kernel import slow, tracing
from siyu.kernel.db import APP, DISPATCHER, Database, driver_of
from siyu.kernel.settings import role_url
from siyu.kernel.slow import SlowStatements, shape_of, slowest
from tests.conftest import make_brand


@pytest.fixture
async def watched(owner_url):
    database = Database(role_url(owner_url, APP), role_url(owner_url, DISPATCHER), size=2)
    watch = SlowStatements(database, 50)
    await database.open()
    yield database, watch
    await database.close()


async def kept(database, brand_id: UUID):
    """Those that sleep: on a busy machine any other may be slow too."""
    async with database.brand(brand_id) as session:
        return [row for row in await slowest(session) if "pg_sleep" in row.shape]


async def test_a_slow_statement_is_kept_for_its_brand_by_its_shape_with_its_request(watched):
    (database, watch), brand = watched, await make_brand(watched[0])
    token = tracing.request_id.set("req-12345678")
    async with database.raw(brand.id) as connection:
        await connection.fetch("select pg_sleep($1), 'Wang 13800138000'", 0.06)
        await connection.fetch("select pg_sleep($1), 'Li 13900139000'", 0.06)
        await connection.fetchval("select 1")
    tracing.request_id.reset(token)
    await asyncio.sleep(0)
    await watch.write()
    (row,) = await kept(database, brand.id)
    assert row.shape == "select pg_sleep($1), ?"
    assert (row.times, row.last_request_id) == (2, "req-12345678")
    assert row.worst_ms >= 60 and row.total_ms >= 120


@pytest.mark.parametrize("way", ["session", "driver", "dispatcher"])
async def test_statements_are_watched_whichever_way_they_are_sent(watched, way, capsys):
    (database, watch), brand = watched, await make_brand(watched[0])
    if way == "dispatcher":
        async with database.dispatcher() as connection:
            await connection.fetchval("select pg_sleep(0.06)")
    else:
        async with database.brand(brand.id) as session:
            if way == "session":
                await session.execute(text("select pg_sleep(:s)"), {"s": 0.06})
            else:
                await (await driver_of(session)).fetchval("select pg_sleep($1)", 0.06)
    await asyncio.sleep(0)
    assert "slow statement" in capsys.readouterr().out
    await watch.write()
    # Who wakes work sees all brands, so no brand's console shows that.
    assert len(await kept(database, brand.id)) == (0 if way == "dispatcher" else 1)


async def test_a_statement_that_fails_slowly_is_told_too(watched):
    (database, watch), brand = watched, await make_brand(watched[0])
    with pytest.raises(Exception, match="division"):
        async with database.brand(brand.id) as session:
            await session.execute(text("select 1 / length(pg_sleep(0.06)::text)"))
    await asyncio.sleep(0)
    await watch.write()
    assert [row.shape for row in await kept(database, brand.id)] == [
        "select ? / length(pg_sleep(?)::text)"
    ]


async def test_only_the_newest_shapes_are_kept(watched, monkeypatch):
    (database, watch), brand = watched, await make_brand(watched[0])
    await watch.write()
    monkeypatch.setattr(slow, "SHAPES", 3)
    from siyu.kernel.watching import bound

    with bound(brand.id):
        for at in range(20):
            watch.note(f"select pg_sleep_{'abcdefghijklmnopqrstuvwxyz'[at]}", 1.0, None)
    await watch.write()
    assert sorted(row.shape for row in await kept(database, brand.id)) == [
        "select pg_sleep_d", "select pg_sleep_e", "select pg_sleep_f",
    ]  # fmt: skip


async def test_a_rival_sees_no_slow_statement_of_ours(watched, rival):
    (database, watch), brand = watched, await make_brand(watched[0])
    async with database.raw(brand.id) as connection:
        await connection.fetchval("select pg_sleep(0.06)")
    await asyncio.sleep(0)
    await watch.write()
    assert len(await kept(database, brand.id)) == 1
    assert await kept(database, rival.id) == []


@given(
    st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=60),
    st.integers(0, 10**12),
)
def test_no_value_survives_in_a_shape(value, number):
    quoted = value.replace("'", "''").replace("\0", "")
    shape = shape_of(f"select * from t where a = '{quoted}' and b = {number} and c1 = $2")
    assert shape == "select * from t where a = ? and b = ? and c1 = $2"


async def test_what_the_driver_asks_for_itself_is_nobodys_slow_statement(watched, monkeypatch):
    (database, watch), brand = watched, await make_brand(watched[0])
    monkeypatch.setattr(watch, "_slow_s", 0.0)
    async with database.raw(brand.id) as connection:
        await connection.reload_schema_state()
        await connection.fetch("select null::audit")
    async with database.brand(brand.id) as session:
        await session.execute(text("select 7 as asked_by_us"))
    monkeypatch.setattr(watch, "_slow_s", 9.0)
    shapes = [shape for _, shape in watch._met]
    assert any("asked_by_us" in shape for shape in shapes)
    assert not [
        shape for shape in shapes if "typeinfo" in shape or "pg_advisory_unlock_all" in shape
    ]
