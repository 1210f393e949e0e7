"""From unpaid to paid, cancelled, late, twice: money and pieces always fit together."""

import asyncio
from uuid import UUID

import pytest

from siyu.goods import payments

pytestmark = pytest.mark.kernel_db


async def test_a_paid_order_is_to_ship_within_48_hours(stall, shopper):
    sku = await stall.sku()
    placed = await shopper.ordered({sku: 1}, 1990)
    cashier = await shopper.pay(placed["id"])
    assert cashier["state"] == "succeeded"
    order = await shopper.order(placed["id"])
    assert (
        order["state"] == "paid"
        and order["paid_minor"] == 1990
        and order["pay_by"] is None
        and order["may"] == ["cancel"]
    )
    (row,) = await stall.fetch("select ship_by - paid_at as within from orders")
    assert row["within"].total_seconds() == 48 * 3600
    assert await stall.level(sku) == (10, 1)
    await stall.settle()
    await stall.all_holds()


async def test_asking_to_pay_again_leads_to_the_same_payment(stall, shopper):
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    assert await shopper.start_paying(placed["id"]) == await shopper.start_paying(placed["id"])


@pytest.mark.parametrize("outcome", ["twice", "pay"])
async def test_a_provider_that_calls_back_again_pays_once(stall, shopper, outcome):
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    payment = await shopper.start_paying(placed["id"])
    await asyncio.gather(*(shopper.at_cashier(payment, outcome) for _ in range(4)))
    assert len(await stall.fetch("select 1 from events where kind = 'orders.paid/1'")) == 1
    assert (await shopper.order(placed["id"]))["paid_minor"] == 1990
    await stall.all_holds()


async def test_a_failed_payment_leaves_the_order_to_be_paid(stall, shopper):
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    await shopper.pay(placed["id"], "fail")
    assert (await shopper.order(placed["id"]))["may"] == ["pay", "cancel"]
    await shopper.pay(placed["id"])
    assert (await shopper.order(placed["id"]))["state"] == "paid"


async def test_an_order_that_is_not_paid_in_time_ends_and_frees_its_pieces(stall, shopper, later):
    first, second = await stall.sku(), await stall.sku()
    orders = [await shopper.ordered({first: 2, second: 1}, 5970) for _ in range(3)]
    paid = await shopper.ordered({first: 1}, 1990)
    await shopper.pay(paid["id"])
    later(minutes=14)
    await stall.pass_time()
    assert (await shopper.order(orders[0]["id"]))["state"] == "unpaid"
    later(minutes=2)
    await stall.pass_time()
    assert {(await shopper.order(one["id"]))["state"] for one in orders} == {"cancelled"}
    assert (await shopper.order(paid["id"]))["state"] == "paid"
    assert (await stall.level(first), await stall.level(second)) == ((10, 1), (10, 0))
    said = await stall.fetch("select data from events where kind = 'orders.cancelled/1'")
    assert [row["data"]["by"] for row in said] == ["timeout"] * 3
    await stall.all_holds()


async def test_a_late_payment_takes_the_pieces_again_when_they_are_free(stall, shopper, later):
    sku = await stall.sku(pieces=1)
    placed = await shopper.ordered({sku: 1}, 1990)
    payment = await shopper.start_paying(placed["id"])
    later(minutes=16)
    await stall.pass_time()
    assert await stall.level(sku) == (1, 0)
    await shopper.at_cashier(payment)
    order = await shopper.order(placed["id"])
    assert order["state"] == "paid" and await stall.level(sku) == (1, 1)
    (event,) = await stall.fetch("select data from events where kind = 'orders.paid/1'")
    assert event["data"]["late"] is True
    await stall.all_holds()


async def test_a_late_payment_goes_back_when_the_pieces_are_gone(stall, shopper, later):
    sku = await stall.sku(pieces=1)
    placed = await shopper.ordered({sku: 1}, 1990)
    payment = await shopper.start_paying(placed["id"])
    later(minutes=16)
    await stall.pass_time()
    rival = await stall.shopper()
    await rival.ordered({sku: 1}, 1990)
    await shopper.at_cashier(payment)
    await stall.settle()
    order = await shopper.order(placed["id"])
    assert (order["state"], order["paid_minor"], order["refunded_minor"]) == (
        "refunded",
        1990,
        1990,
    )
    assert await stall.level(sku) == (1, 1)
    (refund,) = await stall.fetch("select amount_minor, state, reason from order_refunds")
    assert tuple(refund) == (1990, "succeeded", "sold_out_meanwhile")
    await stall.all_holds()


async def test_paying_and_the_time_out_race_to_one_outcome(stall, shopper, later):
    skus = [await stall.sku(pieces=1) for _ in range(6)]
    placed = [await shopper.ordered({sku: 1}, 1990) for sku in skus]
    payments = [await shopper.start_paying(one["id"]) for one in placed]
    later(minutes=16)
    await asyncio.gather(
        *(shopper.at_cashier(payment) for payment in payments), stall.pass_time(), stall.pass_time()
    )
    for one, sku in zip(placed, skus, strict=True):
        order = await shopper.order(one["id"])
        assert order["state"] == "paid" and await stall.level(sku) == (1, 1), order
    await stall.all_holds()


async def test_a_second_payment_is_sent_back_whole(stall, shopper, console):
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    first = await shopper.start_paying(placed["id"])
    await shopper.at_cashier(first, "fail")
    second = await shopper.start_paying(placed["id"])
    await shopper.at_cashier(second)
    await shopper.at_cashier(first)  # the first provider changes its mind
    await stall.settle()
    order = (await console.get(f"/api/console/orders/{placed['id']}")).json()
    assert (order["state"], order["paid_minor"], order["refunded_minor"]) == ("paid", 1990, 0)
    assert [
        (refund["amount_minor"], refund["reason"], refund["state"]) for refund in order["refunds"]
    ] == [(1990, "extra_payment", "succeeded")]
    await stall.all_holds()


async def test_an_order_that_costs_nothing_is_paid_by_asking(stall, shopper):
    placed = await shopper.ordered({await stall.sku(0): 1}, 0)
    await shopper.start_paying(placed["id"])
    assert (await shopper.order(placed["id"]))["state"] == "paid"
    await stall.all_holds()


async def test_a_pick_up_order_waits_at_its_store_and_is_handed_over_by_its_code(
    stall, shopper, console
):
    store = await stall.store()
    sku = await stall.sku(pieces=3, store_id=store)
    placed = await shopper.ordered(
        {sku: 2}, 3980, delivery="pick_up", address_id=None, store_id=str(store)
    )
    await shopper.pay(placed["id"])
    await stall.settle()
    order = await shopper.order(placed["id"])
    assert order["state"] == "ready" and order["pick_up_code"]
    answer = await console.post(
        f"/api/console/orders/{placed['id']}/pick-up",
        json={"code": order["pick_up_code"]},
        headers={"Idempotency-Key": "p"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "completed" and await stall.level(sku) == (1, 0)
    await stall.all_holds()


async def test_a_shopper_cancels_before_paying_and_after_it(stall, shopper):
    sku = await stall.sku()
    unpaid, paid = await shopper.ordered({sku: 1}, 1990), await shopper.ordered({sku: 2}, 3980)
    await shopper.pay(paid["id"])
    for one in (unpaid, paid):
        answer = await shopper.http.post(
            f"/api/shop/orders/{one['id']}/cancel", json={"reason": "不想要了"}
        )
        assert answer.status_code == 200, answer.text
    await stall.settle()
    assert (await shopper.order(unpaid["id"]))["state"] == "cancelled"
    order = await shopper.order(paid["id"])
    assert (order["state"], order["refunded_minor"], order["may"]) == ("refunded", 3980, [])
    assert await stall.level(sku) == (10, 0)
    again = await shopper.http.post(f"/api/shop/orders/{paid['id']}/cancel", json={"reason": ""})
    assert (again.status_code, again.json()["code"]) == (409, "orders.not_cancellable")
    await stall.all_holds()


async def test_cancelling_and_paying_race_to_one_outcome(stall, shopper):
    sku = await stall.sku(pieces=20)
    placed = [await shopper.ordered({sku: 1}, 1990) for _ in range(6)]
    payments = [await shopper.start_paying(one["id"]) for one in placed]

    async def cancel(order_id: str) -> None:
        answer = await shopper.http.post(f"/api/shop/orders/{order_id}/cancel", json={"reason": ""})
        assert answer.status_code in (200, 409), answer.text

    await asyncio.gather(
        *(shopper.at_cashier(p) for p in payments), *(cancel(one["id"]) for one in placed)
    )
    states = [(await shopper.order(one["id"]))["state"] for one in placed]
    assert set(states) <= {"cancelled", "refunded"}
    assert await stall.level(sku) == (20, 0)
    (back,) = await stall.fetch("select sum(amount_minor)::bigint as minor from payment_refunds")
    assert back["minor"] == 6 * 1990
    await stall.all_holds()


async def test_a_crowd_at_the_cashier_does_not_block_itself(stall, shopper):
    """More people pay at once than there are connections to the database."""
    sku = await stall.sku(100, 100)
    placed = await asyncio.gather(*(shopper.ordered({sku: 1}, 100) for _ in range(30)))
    payments = await asyncio.gather(*(shopper.start_paying(one["id"]) for one in placed))
    cashiers = await asyncio.gather(*(shopper.at_cashier(payment) for payment in payments))
    assert {cashier["state"] for cashier in cashiers} == {"succeeded"}
    await stall.all_holds()


async def test_news_of_two_payments_that_come_again_while_the_second_is_returned_wait_for_nobody(
    stall, shopper
):
    """The second payment's return holds the first payment, which has its own news repeated beside it."""
    till = payments.till_of(stall.app.runtime)
    pairs = []
    for _ in range(6):
        placed = await shopper.ordered({await stall.sku(): 1}, 1990)
        first = await shopper.start_paying(placed["id"])
        async with stall.database.raw(stall.brand.id) as connection:
            await connection.execute("update payments set state = 'closed' where state = 'started'")
        pairs.append((first, await shopper.start_paying(placed["id"])))
    news = [payments.Arrived(UUID(one), 1990, "N") for pair in pairs for one in pair]
    seen = await asyncio.gather(
        *(till.arrived(stall.brand.id, one) for one in [*news, *reversed(news), *news])
    )
    assert sum(one.new for one in seen) == len(news)
    await stall.settle()
    paid = await stall.fetch("select state from orders")
    assert [row["state"] for row in paid] == ["paid"] * 6
    await stall.all_holds()
