"""The log from outside: HTTP rings, the warehouse is built anew from archive and table, the commands answer."""

import asyncio
import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from siyu.app import cli_events, terminal
from siyu.goods.orders import OrderPaid, Piece
from siyu.insight.warehouse import Warehouse, prepare, rebuild
from siyu.insight.warehouse import reactions as projecting
from siyu.kernel import clock, events
from siyu.kernel.events import drain, put_away, state
from siyu.kernel.ids import new_id

pytestmark = pytest.mark.kernel_db
PROJECTION = {"insight.warehouse.reactions.project_sales"}


async def test_a_change_at_the_console_rings_after_its_commit(console, brand):
    rung = []
    events.bells.append(ring := lambda brand_id, kinds: rung.append((brand_id, kinds)))
    try:
        top = (await console.get("/api/console/units")).json()["items"][0]["id"]
        unit = {
            "parent_id": top, "kind": "store", "code": "hz01", "name": {"zh-CN": "湖滨店"}, "store": {"pick_up": True},
        }  # fmt: skip
        assert (await console.post("/api/console/units", json=unit)).status_code == 201
    finally:
        events.bells.remove(ring)
    assert [brand_id for brand_id, _ in rung] == [brand.id]


async def test_the_warehouse_is_built_anew_from_archive_and_table(own_log, clickhouse_url):
    before, warehouse = list(projecting._warehouse), Warehouse(clickhouse_url)
    projecting.plug_in(warehouse)
    try:
        await prepare(warehouse)
        await own_log.shorten(40)
        for number in range(4):
            async with own_log.database.brand(own_log.brand_id) as session:
                await state(session, [_paid(100 + number)])
            await own_log.pass_by(40)
            await own_log.owner.fetchval("select event_log.extend('1 second', 40)")
        await drain(own_log.database, own_log.brand_id, PROJECTION)
        assert await _sales(warehouse, own_log.brand_id) == (4, 406)
        for _ in range(100):
            outcome = await put_away(own_log.database, own_log.files, older_than=timedelta(0))
            if outcome and "open" not in outcome.values():
                break
            await asyncio.sleep(0.05)
        kept = await own_log.owner.fetchval(
            "select count(*) from events where kind = 'orders.paid/1'"
        )
        assert kept < 4, "some of it is only in the archive"
        heard = await rebuild(own_log.database, warehouse, own_log.brand_id, own_log.files)
        assert heard == 4
        assert await _sales(warehouse, own_log.brand_id) == (4, 406)
    finally:
        projecting._warehouse[:] = before
        await warehouse.close()


def _paid(minor: int) -> OrderPaid:
    piece = Piece(line_id=new_id(), sku_id=new_id(), product_id=new_id(), quantity=1, minor=minor)
    return OrderPaid(
        **dict.fromkeys(("order_id", "customer_id", "payment_id"), new_id()), source="direct", scene="shop",
        store_id=None, guide_id=None, link_id=None, currency="CNY", paid_minor=minor, freight_minor=0, paid_at=clock.now(), lines=(piece,),
    )  # fmt: skip


async def _sales(warehouse, brand_id) -> tuple[int, int]:
    (row,) = await warehouse.ask(
        brand_id,
        "SELECT uniqExact(event_id) AS events, sum(minor) AS minor FROM sales FINAL WHERE brand = {brand:UUID} AND line = 0",
    )
    return int(row["events"]), int(row["minor"])


async def test_the_commands_answer_in_words_and_as_json(runtime, brand, monkeypatch):
    def with_runtime(call):
        with_loop = asyncio.run_coroutine_threadsafe(call(runtime), loop)
        return with_loop.result(30)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(cli_events, "with_runtime", with_runtime)

    async def run(*words):
        result = await asyncio.to_thread(CliRunner().invoke, terminal.app, ["events", *words])
        assert result.exit_code == 0, result.output
        return result.output

    lag = json.loads(await run("lag", "--brand", brand.slug, "--json"))
    assert {one["listener"] for one in lag["listeners"]} >= PROJECTION
    assert "goods.stock.reactions.follow_stores" in await run("lag")
    assert json.loads(await run("stretches", "--json"))[0]["lo"] == 0
    assert "Nothing is that old" in await run("put-away", "--older-than-days", "700")
