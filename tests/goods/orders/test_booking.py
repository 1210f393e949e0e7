"""Every cent of an order stands in the ledger and can be explained; the ledger's pages are the whole brand's."""

import csv
import io
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

import siyu.app.migrations
from siyu.kernel.checks import run_checks
from siyu.kernel.clock import now
from siyu.kernel.ids import new_id
from tests.conftest import sign_in
from tests.goods.orders.conftest import keyed, paid_order

TAKING_OVER = Path(siyu.app.migrations.__path__[0]) / "versions" / "0007_ledger.sql"


async def _books(console, **period):
    answer = await console.get("/api/console/ledger/statement", params=period)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert all(total["balanced"] for total in said["totals"])
    return {line["account"]["kind"]: line for line in said["lines"]}


async def _refund(console, order, freight=0):
    lines = [{"line_id": line["id"], "quantity": 1} for line in order["lines"]]
    body = {"lines": lines, "freight_minor": freight, "reason": "不合适", "restock": True}
    answer = await console.post(
        f"/api/console/orders/{order['id']}/refunds", json=body, headers=keyed()
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _explained(console, figure, of):
    answer = await console.get(f"/api/console/ledger/explain/{figure}/{of}")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert sum(line["amount"] for line in said["lines"]) == said["amount"]
    return said


async def test_what_was_paid_is_explained_down_to_event_and_rule(stall, console):
    shopper, sku = await stall.shopper(), await stall.sku(price_minor=1990)
    placed = await paid_order(shopper, {sku: 2}, 2 * 1990)
    order = (await console.get(f"/api/console/orders/{placed['id']}")).json()
    paid = await _explained(console, "order_paid", placed["id"])
    assert paid["amount"] == order["paid_minor"] == 3980
    (line,) = paid["lines"]
    assert line["event"]["kind"] == "orders.paid/1"
    assert line["event"]["facts"]["paid_minor"] == 3980
    assert line["rule"] == "orders.sold/1" and line["sentence"]["zh-CN"] and line["sentence"]["en"]
    assert line["subject_label"] == order["number"]
    came = await _explained(console, "payment", order["payments"][0]["id"])
    assert came["amount"] == 3980
    assert came["lines"][0]["event"]["kind"] == "payments.succeeded/1"
    assert (await _explained(console, "posting", line["id"]))["amount"] == 3980
    books = await _books(console)
    assert books["payments.provider"]["closing"] == books["orders.sales"]["closing"] == 3980
    assert books["payments.received"]["closing"] == 0


async def test_a_refund_is_owed_when_agreed_and_gone_when_the_provider_says_so(stall, console):
    shopper, sku = await stall.shopper(), await stall.sku(price_minor=1990)
    placed = await paid_order(shopper, {sku: 2}, 2 * 1990)
    order = (await console.get(f"/api/console/orders/{placed['id']}")).json()
    order = await _refund(console, order)
    back = await _explained(console, "order_refunded", placed["id"])
    assert back["amount"] == order["refunded_minor"] == 1990
    assert (await _explained(console, "refund", order["refunds"][0]["id"]))["amount"] == 1990
    assert (await _books(console))["payments.to_refund"]["closing"] == 1990
    await stall.settle()
    books = await _books(console)
    assert books["payments.to_refund"]["closing"] == 0
    assert books["payments.provider"]["closing"] == books["orders.sales"]["closing"] == 1990
    assert await run_checks(stall.database, stall.brand.id) == []


async def test_a_second_payment_is_never_a_sale(stall, console, runtime):
    from siyu.goods import payments

    shopper, sku = await stall.shopper(), await stall.sku(price_minor=1990)
    placed = await shopper.ordered({sku: 1}, 1990)
    first = UUID(await shopper.start_paying(placed["id"]))
    async with stall.database.raw(stall.brand.id) as connection:
        await connection.execute(
            """insert into payments (id, payable_kind, payable_id, payable_label, provider, amount_minor, state, provider_reference, created_at)
               select $1, payable_kind, payable_id, payable_label, provider, amount_minor, 'started', '', now() from payments where id = $2""",
            second := new_id(),
            first,
        )
    till = payments.till_of(runtime)
    for payment in (first, second, second, first):
        await till.arrived(stall.brand.id, payments.Arrived(payment, 1990, "twice"))
    books = await _books(console)
    assert books["orders.sales"]["closing"] == 1990
    assert books["payments.to_refund"]["closing"] == 1990
    assert books["payments.received"]["closing"] == 0
    await stall.settle()
    assert (await _books(console))["payments.provider"]["closing"] == 1990
    assert await run_checks(stall.database, stall.brand.id) == []


async def test_the_statement_opens_where_the_day_before_closed_and_its_export_balances(
    stall, console
):
    shopper, sku = await stall.shopper(), await stall.sku(price_minor=1990)
    await paid_order(shopper, {sku: 1}, 1990)
    far = str(now().date() + timedelta(days=40))
    later = await _books(console, **{"from": far, "to": far})
    assert later["orders.sales"]["opening"] == later["orders.sales"]["closing"] == 1990
    assert later["orders.sales"]["movements"] == []
    answer = await console.get("/api/console/ledger/statement.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    debit, credit = (sum(float(row[side] or 0) for row in rows) for side in ("借方", "贷方"))
    assert f"{debit:.2f}" == f"{credit:.2f}" == "39.80"
    sales = [row for row in rows if row["账户"] == "商品销售收入"]
    assert [row["事由"] for row in sales] == ["期初余额", "订单商品款", "期末余额"]
    assert sales[-1]["期末"] == "19.90" and sales[-1]["账户代码"] == "orders.sales"
    english = (await console.get("/api/console/ledger/statement.csv?locale=en")).text
    assert "Sales of goods" in english and "Opening balance" in english and "商品" not in english


async def test_every_figure_of_a_statement_is_the_sum_of_its_postings(stall, console):
    shopper, sku = await stall.shopper(), await stall.sku(price_minor=1990)
    placed = await paid_order(shopper, {sku: 2}, 2 * 1990)
    await _refund(console, (await console.get(f"/api/console/orders/{placed['id']}")).json())
    await stall.settle()
    statement = (await console.get("/api/console/ledger/statement")).json()
    days = {"from": statement["first"], "to": statement["last"]}

    async def of(**params):
        page = (await console.get("/api/console/ledger/postings", params=params)).json()
        return page["items"], (page["sums"] or [{"debit": 0, "credit": 0}])[0]

    for line in statement["lines"]:
        for side, end in (("debit", "source"), ("credit", "destination")):
            items, sums = await of(account_id=line["account"]["id"], side=side, **days)
            assert all(one[end]["id"] == line["account"]["id"] for one in items)
            assert sum(one["amount"] for one in items) == sums[side] == line[side]
        sign = 1 if line["side"] == "credit" else -1
        _, upto = await of(account_id=line["account"]["id"], to=statement["last"])
        assert sign * (upto["credit"] - upto["debit"]) == line["closing"]
        assert line["account"]["side"] == line["side"]
    items, sums = await of(**days)
    assert sum(one["amount"] for one in items) == sums["debit"] == sums["credit"]
    assert sums["debit"] == statement["totals"][0]["debit"]
    items, sums = await of(subject=placed["id"])
    assert sum(one["amount"] for one in items) == sums["debit"]


async def test_a_providers_name_is_no_formula_in_the_export(stall, console, database):
    from siyu.goods import payments
    from siyu.kernel import ledger

    async with database.raw(stall.brand.id) as connection:
        posting = payments.came(new_id(), new_id(), '=HYPERLINK("x")', "CNY", 5, None)
        await ledger.book_on(connection, [posting])
    text = (await console.get("/api/console/ledger/statement.csv")).text
    assert "\"'=HYPERLINK" in text and ',"=HYPERLINK' not in text


async def test_postings_are_listed_by_page_account_order_and_day(stall, console):
    shopper, sku = await stall.shopper(), await stall.sku(price_minor=1990)
    orders = [await paid_order(shopper, {sku: 1}, 1990) for _ in range(3)]
    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await console.get("/api/console/ledger/postings", params=params)).json()
        seen += page["items"]
        if not (cursor := page["next"]):
            break
    assert len(seen) == len({one["id"] for one in seen}) == 6
    assert [one["booked_at"] for one in seen] == sorted(
        (o["booked_at"] for o in seen), reverse=True
    )
    sales = (await _books(console))["orders.sales"]["account"]["id"]
    for params, count in (
        ({"account_id": sales}, 3),
        ({"kind": "payments.came"}, 3),
        ({"subject": orders[0]["id"]}, 2),
        ({"to": str(now().date() - timedelta(days=9)), "from": "2020-01-01"}, 0),
    ):
        answer = await console.get("/api/console/ledger/postings", params=params)
        assert len(answer.json()["items"]) == count, (params, answer.text)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("statement?from=2026-05-02&to=2026-05-01", 422),
        ("statement?from=1026-05-02&to=2026-05-01", 422),
        ("statement?from=2006-05-02&to=2026-05-01", 422),
        ("postings?from=2026-05-02&to=2026-05-01", 422),
        ("postings?side=left", 400),
        ("postings?cursor=nonsense", 400),
        ("postings?limit=0", 400),
        ("explain/order_paid/01890000-0000-7000-8000-000000000000", 404),
        ("explain/anything/01890000-0000-7000-8000-000000000000", 400),
    ],
)
async def test_what_cannot_be_asked_is_refused(console, path, status):
    assert (await console.get(f"/api/console/ledger/{path}")).status_code == status


async def test_whoever_sees_one_store_sees_no_ledger_and_a_rival_nothing(
    app, stall, console, rival
):
    shopper, sku = await stall.shopper(), await stall.sku(price_minor=1990)
    placed = await paid_order(shopper, {sku: 1}, 1990)
    store = await stall.store()
    login = f"keeper@{stall.brand.slug}"
    person = {"login": login, "name": "店长", "roles": ["viewer"], "unit_id": str(store), "password": "right horse 8"}  # fmt: skip
    assert (await console.post("/api/console/staff", json=person)).status_code == 201
    keeper = await sign_in(app, stall.brand, login, "right horse 8")
    stranger = await sign_in(app, rival)
    for path in ("statement", "statement.csv", "postings", f"explain/order_paid/{placed['id']}"):
        answer = await keeper.get(f"/api/console/ledger/{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "http.not_allowed"), path
    answer = await stranger.get(f"/api/console/ledger/explain/order_paid/{placed['id']}")
    assert answer.status_code == 404
    assert await _books(stranger) == {}
    await keeper.aclose()
    await stranger.aclose()


async def test_taking_the_history_over_makes_the_postings_that_the_shop_makes(
    stall, console, owner_url
):
    shopper, sku = await stall.shopper(), await stall.sku(price_minor=1990)
    placed = await paid_order(shopper, {sku: 2}, 2 * 1990)
    await _refund(console, (await console.get(f"/api/console/orders/{placed['id']}")).json())
    await stall.settle()
    ours = """select key, part, kind, source, destination, unit, amount, state, event_id, rule, subject, booked_at
              from ledger_postings where brand_id = $1 order by key"""
    owner = await asyncpg.connect(owner_url)
    try:
        before = await owner.fetch(ours, stall.brand.id)
        async with owner.transaction():
            await owner.execute(
                "truncate ledger_balances, ledger_accounts, ledger_postings, ledger_roll_ups, ledger_cursors"
            )
            script = TAKING_OVER.read_text()
            for statement in script[script.index("create temporary") :].split("\n----\n"):
                await owner.execute(statement)
        after = await owner.fetch(ours, stall.brand.id)
    finally:
        await owner.close()
    assert [row[:-1] for row in map(tuple, after)] == [row[:-1] for row in map(tuple, before)]
    assert all(abs(a["booked_at"] - b["booked_at"]) < timedelta(seconds=5) for a, b in zip(after, before, strict=True))  # fmt: skip
    assert await run_checks(stall.database, stall.brand.id) == []


async def test_a_batch_of_settled_payments_costs_one_statement_more(stall):
    from siyu.goods import payments

    shopper, sku = await stall.shopper(), await stall.sku(price_minor=1990)
    await paid_order(shopper, {sku: 1}, 1990)
    orders = [await shopper.ordered({sku: 1}, 1990) for _ in range(4)]
    started = [UUID(await shopper.start_paying(order["id"])) for order in orders]
    asked: list[str] = []
    async with stall.database.raw(stall.brand.id) as connection:
        connection.add_query_logger(log := lambda record: asked.append(record.query))
        await payments.settle(connection, [payments.Arrived(id, 1990, "r") for id in started])
        connection.remove_query_logger(log)
    assert len(asked) >= 5 and sum("ledger_" in query for query in asked) == 1
    await stall.all_holds()
