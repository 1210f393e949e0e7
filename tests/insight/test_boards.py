"""The boards say what the order book says, each figure by its one sentence."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

import asyncpg

from siyu.app.demo.run import JOB
from siyu.insight.boards import rules
from siyu.insight.warehouse import rebuild
from siyu.insight.warehouse.filling import drain_spool
from siyu.kernel import clock, jobs


async def overview(console, **narrow):
    answer = await console.get("/api/console/boards/overview", params=narrow)
    assert answer.status_code == 200, answer.text
    sources = [one["source"] for one in answer.json()["by_source"]]
    assert len(sources) == len(set(sources)), "each source stands once"
    return answer.json()


def figures(board):
    return {metric["key"]: metric["value"] for metric in board["metrics"]}


async def sold(stall, shopper, console):
    """Two paid orders of one shopper, one of another, one unpaid, one refunded in part."""
    sku = await stall.sku(pieces=50)
    other = await stall.shopper("李雷")
    first = await shopper.ordered({sku: 2}, 3980)
    second = await shopper.ordered({sku: 1}, 1990)
    third = await other.ordered({sku: 3}, 5970)
    await other.ordered({sku: 1}, 1990)
    for who, order in ((shopper, first), (shopper, second), (other, third)):
        await who.pay(order["id"])
    line = (await console.get(f"/api/console/orders/{third['id']}")).json()["lines"][0]["id"]
    refund = await console.post(
        f"/api/console/orders/{third['id']}/refunds",
        json={
            "lines": [{"line_id": line, "quantity": 1}],
            "freight_minor": 0,
            "reason": "少了一件",
            "restock": True,
        },
        headers={"Idempotency-Key": "back-1"},
    )
    assert refund.status_code == 200, refund.text
    await stall.settle()


async def test_net_sales_orders_and_customers_follow_the_order_book_to_the_fen(
    stall, shopper, console
):
    await sold(stall, shopper, console)
    board = await overview(console)
    assert figures(board) == {
        "net_sales": 3980 + 1990 + 5970 - 1990, "paid_orders": 3, "customers": 2, "average_order": 11940 // 3, "conversion": 0,
        "refund_rate": round(1990 * 10_000 / 11940),
    }  # fmt: skip
    assert {step["step"]: step["count"] for step in board["funnel"]} == {
        "visit": 0,
        "product": 0,
        "cart": 0,
        "order": 2,
        "paid": 2,
    }
    assert sum(day["net_minor"] for day in board["days"]) == 9950
    assert len(board["days"]) == 30
    assert board["by_source"][0]["source"] == "direct"
    assert board["top_products"][0]["quantity"] == 5
    assert all(
        metric["definition"]["zh-CN"] and metric["definition"]["en"] for metric in board["metrics"]
    )
    today = (await console.get("/api/console/boards/today")).json()
    assert (today["net_minor"], today["paid_orders"]) == (9950, 3)


async def test_net_sales_of_a_period_are_what_the_ledger_has_as_sales_and_freight(
    stall, shopper, console
):
    await sold(stall, shopper, console)
    board = await overview(console)
    period = {"from": board["from"], "to": board["to"]}
    statement = (await console.get("/api/console/ledger/statement", params=period)).json()
    sold_minor = sum(
        line["credit"] - line["debit"]
        for line in statement["lines"]
        if line["account"]["kind"] in ("orders.sales", "orders.freight")
    )
    assert sold_minor == figures(board)["net_sales"] == 9950
    (busy,) = [day for day in board["days"] if day["net_minor"]]
    of_day = {"from": busy["day"], "to": busy["day"]}
    statement = (await console.get("/api/console/ledger/statement", params=of_day)).json()
    kinds = {line["account"]["kind"]: line for line in statement["lines"]}
    assert kinds["orders.sales"]["credit"] - kinds["orders.sales"]["debit"] == busy["net_minor"]


async def test_nobodys_transaction_is_open_while_the_warehouse_reckons(
    stall, shopper, console, runtime, owner_url
):
    """PostgreSQL would end it, and with it the page, when the warehouse takes its time."""
    await sold(stall, shopper, console)
    open_then: list[int] = []
    watcher = await asyncpg.connect(owner_url)
    one_at_a_time = asyncio.Lock()

    async def look(_: object) -> None:
        async with one_at_a_time:
            idle = """select count(*) from pg_stat_activity where datname = current_database()
                and state = 'idle in transaction'"""
            open_then.append(await watcher.fetchval(idle))

    hooks = runtime.parts["warehouse"]._client.event_hooks["request"]
    hooks.append(look)
    try:
        board = await overview(console)
        today = await console.get("/api/console/boards/today")
    finally:
        hooks.remove(look)
        await watcher.close()
    assert len(open_then) == 11 + 3 and not any(open_then)
    assert board["top_products"] and today.json()["paid_orders"] == 3


async def test_rebuilding_from_the_log_gives_the_same_figures(
    stall, shopper, console, app, database, brand
):
    await sold(stall, shopper, console)
    before = figures(await overview(console))
    heard = await rebuild(database, app.runtime.parts["warehouse"], brand.id)
    assert heard >= 8
    assert figures(await overview(console)) == before


async def test_visits_of_devices_make_the_funnel(
    stall, shopper, console, shop, app, database, brand
):
    await sold(stall, shopper, console)
    key = (await shop.get("/api/shop/shop")).json()["write_key"]
    batch = [
        {
            "type": "page",
            "name": "Home Viewed",
            "anonymousId": f"d{n}",
            "messageId": f"v{n}",
            "context": {"campaign": {"source": "wecom"}},
        }
        for n in range(10)
    ]
    batch += [
        {"type": "track", "event": "Product Viewed", "anonymousId": f"d{n}", "messageId": f"p{n}"}
        for n in range(6)
    ]
    batch += [
        {"type": "track", "event": "Product Added", "anonymousId": "d1", "messageId": f"c{n}"}
        for n in range(3)
    ]
    assert (await shop.post("/v1/batch", json={"batch": batch, "writeKey": key})).status_code == 200
    await drain_spool(database, app.runtime.parts["warehouse"], brand.id)
    board = await overview(console)
    assert [step["count"] for step in board["funnel"]] == [10, 6, 1, 2, 2]
    assert [step["rate_bp"] for step in board["funnel"]][:3] == [None, 6000, 1667]
    assert figures(board)["conversion"] == 2000
    narrowed = await overview(console, source="wecom")
    assert (narrowed["funnel"][0]["count"], figures(narrowed)["paid_orders"]) == (10, 0)


async def test_another_brands_sales_are_not_in_the_figures(stall, shopper, console, app, rival):
    from tests.conftest import sign_in

    await sold(stall, shopper, console)
    async with aclosing(await sign_in(app, rival)) as stranger:
        board = await overview(stranger)
    assert board["empty"]
    assert figures(board)["net_sales"] == 0


async def test_a_period_that_makes_no_sense_is_refused(console):
    for narrow in (
        {"from": "2026-02-02", "to": "2026-02-01"},
        {"from": "2020-01-01", "to": "2026-01-01"},
    ):
        answer = await console.get("/api/console/boards/overview", params=narrow)
        assert (answer.status_code, answer.json()["code"]) == (422, "boards.bad_period")
    assert (
        await console.get("/api/console/boards/overview", params={"from": "soon"})
    ).status_code == 400


def test_the_period_before_is_as_long_and_ends_the_day_before():
    today = clock.today("Asia/Shanghai")
    first, last = rules.period(None, None, today)
    earlier = rules.before(first, last)
    assert (earlier[1], earlier[1] - earlier[0]) == (first - timedelta(days=1), last - first)
    assert rules.step_rates([10, 5, 0, 0]) == [None, 5000, 0, None]


async def test_the_board_says_that_the_demos_year_is_being_made_until_it_is(
    console, database, brand
):
    async def making():
        answer = await console.get("/api/console/boards/making")
        assert answer.status_code == 200, answer.text
        return answer.json()["job"]

    assert await making() is None
    title = {"zh-CN": "生成演示品牌的一年", "en": "Making a year of the demo brand"}
    async with database.brand(brand.id) as session:
        await jobs.start(session, "catalogue.pictures", {}, title)
        job_id = await jobs.start(session, JOB, {}, title)
    async with database.brand(brand.id) as session:
        job = await jobs.one(session, job_id)
        job.state, job.done, job.total = "running", 300, 1200
    told = await making()
    assert (told["id"], told["done"], told["total"]) == (str(job_id), 300, 1200)
    async with database.brand(brand.id) as session:
        (await jobs.one(session, job_id)).state = "done"
    assert await making() is None
