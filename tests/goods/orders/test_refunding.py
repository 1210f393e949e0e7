"""Refunds and receipts at the desk: from the frozen price, to the fen, once."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from siyu.goods import stock
from siyu.goods.orders.rules import refund_share
from siyu.kernel.db import driver_of
from tests.goods.orders.conftest import keyed, paid_order


async def test_refunds_come_from_the_frozen_price_to_the_fen(stall, shopper, console):
    sku = await stall.sku(1000, 10)
    placed = await shopper.ordered({sku: 3}, 3000)
    url = f"/api/console/orders/{placed['id']}"
    line = (await console.get(url)).json()["lines"][0]["id"]
    await console.post(
        f"{url}/price", json={"line_id": line, "new_minor": 1000, "reason": "内购"}, headers=keyed()
    )
    await shopper.pay(placed["id"])
    amounts = []
    for _ in range(3):
        body = {
            "lines": [{"line_id": line, "quantity": 1}],
            "freight_minor": 0,
            "reason": "不合适",
            "restock": True,
        }
        answer = await console.post(f"{url}/refunds", json=body, headers=keyed())
        assert answer.status_code == 200, answer.text
        amounts.append(answer.json()["refunds"][-1]["amount_minor"])
    assert amounts == [333, 333, 334]
    await stall.settle()
    order = (await console.get(url)).json()
    assert (order["state"], order["refunded_minor"]) == ("refunded", 1000)
    assert {refund["state"] for refund in order["refunds"]} == {"succeeded"} and await stall.level(
        sku
    ) == (10, 0)
    more = await console.post(f"{url}/refunds", json=body, headers=keyed())
    assert more.json()["code"] == "orders.wrong_state"
    await stall.all_holds()


async def test_the_same_refund_sent_twice_pays_once(stall, shopper, console):
    placed = await paid_order(shopper, {await stall.sku(): 3}, 5970)
    url = f"/api/console/orders/{placed['id']}"
    line = (await console.get(url)).json()["lines"][0]["id"]
    body = {
        "lines": [{"line_id": line, "quantity": 1}],
        "freight_minor": 0,
        "reason": "破损",
        "restock": False,
    }
    key = keyed()
    answers = await asyncio.gather(
        *(console.post(f"{url}/refunds", json=body, headers=key) for _ in range(4))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["refunded_minor"] for answer in answers} == {1990}
    other = await console.post(f"{url}/refunds", json=body | {"reason": "别的"}, headers=key)
    assert other.json()["code"] == "http.key_reused"


async def test_refunds_that_race_never_give_back_more_than_was_paid(stall, shopper, console):
    sku = await stall.sku(997, 10)
    placed = await paid_order(shopper, {sku: 5}, 4985)
    url = f"/api/console/orders/{placed['id']}"
    line = (await console.get(url)).json()["lines"][0]["id"]

    async def refund(quantity):
        body = {
            "lines": [{"line_id": line, "quantity": quantity}],
            "freight_minor": 0,
            "reason": "退货",
            "restock": True,
        }
        return (await console.post(f"{url}/refunds", json=body, headers=keyed())).status_code

    codes = await asyncio.gather(*(refund(n) for n in (2, 2, 2, 1, 3, 1)))
    await stall.settle()
    order = (await console.get(url)).json()
    gone = order["lines"][0]["refunded_quantity"]
    assert set(codes) <= {200, 409} and gone <= 5
    assert order["refunded_minor"] == refund_share(4985, 5, 0, gone) <= order["paid_minor"]
    assert await stall.level(sku) == (10, 5 - gone)
    await stall.all_holds()


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(total=st.integers(1, 10_000), quantity=st.integers(1, 6), data=st.data())
def test_any_split_of_refunds_adds_up_to_what_was_paid(total, quantity, data):
    """The staircase again, as the desk uses it: sums of any split equal the line."""
    left, before, sums = quantity, 0, 0
    while left:
        step = data.draw(st.integers(1, left))
        sums, before, left = (
            sums + refund_share(total, quantity, before, step),
            before + step,
            left - step,
        )
    assert sums == total


async def test_shipped_pieces_come_back_to_the_shelf_only_when_restocked(stall, shopper, console):
    sku = await stall.sku(1000, 10)
    placed = await paid_order(shopper, {sku: 4}, 4000)
    url = f"/api/console/orders/{placed['id']}"
    line = (await console.get(url)).json()["lines"][0]["id"]
    parcel = {
        "lines": [{"line_id": line, "quantity": 3}],
        "carrier": "SF",
        "tracking_number": "SF1234567890",
    }
    order = (await console.post(f"{url}/parcels", json=parcel, headers=keyed())).json()
    assert order["state"] == "shipped" and order["lines"][0]["shipped_quantity"] == 3
    assert await stall.level(sku) == (7, 1)

    async def refund(quantity, *, restock):
        body = {
            "lines": [{"line_id": line, "quantity": quantity}],
            "freight_minor": 0,
            "reason": "退货",
            "restock": restock,
        }
        return (await console.post(f"{url}/refunds", json=body, headers=keyed())).json()

    assert (await refund(2, restock=True))[
        "refunded_minor"
    ] == 2000  # the unshipped one, and one that came back
    assert await stall.level(sku) == (8, 0)
    order = await refund(2, restock=False)
    assert order["state"] == "refunded" and await stall.level(sku) == (8, 0)
    kinds = [item["kind"] for item in order["timeline"]]
    assert kinds == [
        *["orders.refund_agreed"] * 2,
        "fulfilment.shipped",
        "orders.paid",
        "orders.placed",
    ]
    assert "SF1234567890" in order["timeline"][2]["text"]["zh-CN"]
    await stall.settle()
    await stall.all_holds()


async def test_goods_come_back_to_a_place_that_never_had_them(stall, shopper, console):
    """Orders brought in from elsewhere name the store that sold them, which may keep none of it now."""
    sku = await stall.sku(1000, 10)
    placed = await paid_order(shopper, {sku: 1}, 1000)
    url = f"/api/console/orders/{placed['id']}"
    line = (await console.get(url)).json()["lines"][0]["id"]
    parcel = {
        "lines": [{"line_id": line, "quantity": 1}],
        "carrier": "SF",
        "tracking_number": "SF1234567890",
    }
    shipped = await console.post(f"{url}/parcels", json=parcel, headers=keyed())
    assert shipped.status_code in (200, 201), shipped.text
    room = await stall.store()
    async with stall.database.brand(stall.brand.id) as session:
        place = await stock.store_location(session, room)
        driver = await driver_of(session)
        await driver.execute("update orders set location_id = $1", place)
    body = {
        "lines": [{"line_id": line, "quantity": 1}],
        "freight_minor": 0,
        "reason": "破损",
        "restock": True,
    }
    answer = await console.post(f"{url}/refunds", json=body, headers=keyed())
    assert answer.status_code == 200, answer.text
    async with stall.database.raw(stall.brand.id) as connection:
        there = await connection.fetchval(
            "select on_hand from stock_levels where sku_id = $1 and location_id = $2", sku, place
        )
    assert there == 1


async def test_an_order_completes_when_the_buyer_confirms_or_after_ten_days(
    stall, shopper, console, later
):
    sku = await stall.sku(1000, 10)
    orders = [await paid_order(shopper, {sku: 1}, 1000) for _ in range(2)]
    early = await shopper.http.post(f"/api/shop/orders/{orders[0]['id']}/received")
    assert early.json()["code"] == "orders.wrong_state"
    for one in orders:
        url = f"/api/console/orders/{one['id']}"
        line = (await console.get(url)).json()["lines"][0]["id"]
        parcel = {
            "lines": [{"line_id": line, "quantity": 1}],
            "carrier": "SF",
            "tracking_number": "SF1234567890",
        }
        assert (
            await console.post(f"{url}/parcels", json=parcel, headers=keyed())
        ).status_code == 200
    done = await shopper.http.post(f"/api/shop/orders/{orders[0]['id']}/received")
    assert done.json()["state"] == "completed"
    assert (
        await shopper.http.post(f"/api/shop/orders/{orders[0]['id']}/received")
    ).status_code == 200
    later(days=10, minutes=1)
    await stall.pass_time()
    assert (await shopper.order(orders[1]["id"]))["state"] == "completed"
    assert len(await stall.fetch("select 1 from events where kind = 'orders.completed/1'")) == 2
    await stall.all_holds()
