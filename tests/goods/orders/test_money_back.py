"""Which payment money goes back from, who may take an order up again, and refunds that a provider refused."""

import asyncio
from uuid import UUID

import pytest

from siyu.goods import payments
from siyu.goods.payments.rules import WrongAmount
from tests.goods.orders.conftest import keyed, paid_order
from tests.goods.payments.provider import picky

__all__ = ["picky"]


async def arrives(stall, payment_id, amount_minor):
    news = payments.Arrived(UUID(payment_id), amount_minor, "W1")
    return await payments.till_of(stall.app.runtime).arrived(stall.brand.id, news)


async def refunded_from(stall):
    """(payment, amount) of the refunds, oldest first."""
    rows = await stall.fetch("select payment_id, amount_minor from payment_refunds order by id")
    return [(str(row["payment_id"]), row["amount_minor"]) for row in rows]


async def refund_all(console, order_id, freight_minor=0):
    url = f"/api/console/orders/{order_id}"
    order = (await console.get(url)).json()
    lines = [{"line_id": one["id"], "quantity": one["quantity"]} for one in order["lines"]]
    body = {"lines": lines, "freight_minor": freight_minor, "reason": "退货", "restock": True}
    return await console.post(f"{url}/refunds", json=body, headers=keyed())


async def test_a_second_payment_goes_back_itself_and_later_refunds_come_from_the_first(
    stall, shopper, console
):
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    first = await shopper.start_paying(placed["id"])
    await shopper.at_cashier(first, "fail")
    second = await shopper.start_paying(placed["id"])
    await shopper.at_cashier(first)  # pays the order after all
    await shopper.at_cashier(second)
    assert await refunded_from(stall) == [(second, 1990)]
    assert (await refund_all(console, placed["id"])).status_code == 200
    assert await refunded_from(stall) == [(second, 1990), (first, 1990)]
    await stall.settle()
    await stall.all_holds()


async def test_a_payment_of_an_old_price_goes_back_itself(stall, shopper, console):
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    old = await shopper.start_paying(placed["id"])
    url = f"/api/console/orders/{placed['id']}"
    line = (await console.get(url)).json()["lines"][0]["id"]
    price = {"line_id": line, "new_minor": 1500, "reason": "内购"}
    assert (await console.post(f"{url}/price", json=price, headers=keyed())).status_code == 200
    new = await shopper.start_paying(placed["id"])
    assert new != old
    await shopper.at_cashier(new)
    await shopper.at_cashier(old)
    assert await refunded_from(stall) == [(old, 1990)]
    assert (await refund_all(console, placed["id"])).status_code == 200
    assert await refunded_from(stall) == [(old, 1990), (new, 1500)]
    await stall.settle()
    await stall.all_holds()


async def test_a_refund_never_comes_from_a_payment_that_could_not_be_returned(
    stall, shopper, console, picky
):
    """The provider refused to return the second payment: its money is still not the order's."""
    picky.refuses = True
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    second = await shopper.start_paying(placed["id"])
    async with stall.database.raw(stall.brand.id) as connection:
        await connection.execute("update payments set state = 'closed'")
    first = await shopper.start_paying(placed["id"])
    await arrives(stall, first, 1990)
    await arrives(stall, second, 1990)
    await stall.settle()
    assert (await refund_all(console, placed["id"])).status_code == 200
    assert await refunded_from(stall) == [(second, 1990), (first, 1990)]


@pytest.mark.parametrize("by", ["shopper", "staff"])
async def test_an_order_that_somebody_cancelled_stays_so_and_a_late_payment_goes_back(
    stall, shopper, console, by
):
    sku = await stall.sku()
    placed = await shopper.ordered({sku: 1}, 1990)
    payment = await shopper.start_paying(placed["id"])
    door, client = ("shop", shopper.http) if by == "shopper" else ("console", console)
    answer = await client.post(
        f"/api/{door}/orders/{placed['id']}/cancel", json={"reason": "timeout"}, headers=keyed()
    )
    assert answer.status_code == 200, answer.text
    (row,) = await stall.fetch("select state from payments")
    assert row["state"] == "closed"
    await shopper.at_cashier(payment)
    order = await shopper.order(placed["id"])
    assert (order["state"], order["paid_minor"]) == ("cancelled", 0)
    assert await refunded_from(stall) == [(payment, 1990)]
    assert await stall.level(sku) == (10, 0)
    await stall.settle()
    await stall.all_holds()


async def test_no_payment_is_left_under_way_when_paying_begins_while_an_order_is_cancelled(
    stall, shopper
):
    sku = await stall.sku(pieces=20)
    placed = [await shopper.ordered({sku: 1}, 1990) for _ in range(8)]

    async def cancel(order_id):
        url = f"/api/shop/orders/{order_id}/cancel"
        assert (await shopper.http.post(url, json={"reason": ""})).status_code == 200

    async def pay(order_id):
        answer = await shopper.http.post(f"/api/shop/orders/{order_id}/pay")
        assert answer.status_code in (200, 409), answer.text

    await asyncio.gather(*(do(one["id"]) for one in placed for do in (cancel, pay)))
    assert not await stall.fetch("select 1 from payments where state = 'started'")


async def test_the_order_is_free_while_its_provider_is_asked(stall, shopper, picky):
    """A slow provider must hold neither the order's row nor a transaction."""
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    seen = []

    async def look(payment_id):
        seen.extend(await stall.fetch("select state from payments where id = $1", payment_id))
        await stall.fetch("select from orders where id = $1 for update nowait", UUID(placed["id"]))

    picky.at_begin = look
    payment = await shopper.start_paying(placed["id"])
    assert [row["state"] for row in seen] == ["started"]
    assert await shopper.start_paying(placed["id"]) == payment


async def test_a_wrong_amount_is_refused_and_told_once_to_the_staff(stall, shopper, console, picky):
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    payment = await shopper.start_paying(placed["id"])
    for paid_minor in (1000, 1000, 2000):
        with pytest.raises(WrongAmount):
            await arrives(stall, payment, paid_minor)
    rows = await stall.fetch(
        "select data from events where kind = 'payments.wrong_amount/1' order by seq"
    )
    said = [(one["data"]["asked_minor"], one["data"]["paid_minor"]) for one in rows]
    assert said == [(1990, 1000), (1990, 2000)]
    order = (await console.get(f"/api/console/orders/{placed['id']}")).json()
    assert order["state"] == "unpaid"
    told = [one for one in order["timeline"] if one["kind"] == "payments.wrong_amount"]
    assert len(told) == 2 and "¥10.00" in told[-1]["text"]["zh-CN"]
    seen_by_shopper = str((await shopper.order(placed["id"]))["timeline"])
    assert "10.00" not in seen_by_shopper
    await arrives(stall, payment, 1990)
    assert (await shopper.order(placed["id"]))["state"] == "paid"


async def wrong_amounts(console):
    todo = (await console.get("/api/console/boards/today")).json()["todo"]
    return [one for one in todo if one["kind"] == "wrong_amount"]


async def test_a_wrong_amount_stands_on_the_to_do_list_until_a_note_says_it_was_compared(
    stall, shopper, console, picky
):
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    payment = await shopper.start_paying(placed["id"])
    with pytest.raises(WrongAmount):
        await arrives(stall, payment, 1000)
    await stall.settle()
    (waits,) = await wrong_amounts(console)
    assert waits["level"] == "zhu" and waits["path"] == f"/orders/{placed['id']}"
    assert "10.00" in waits["text"]["zh-CN"] and "19.90" in waits["text"]["en"]
    await stall.settle()
    assert len(await wrong_amounts(console)) == 1
    note = {"text": "已与支付方核对，退回顾客"}
    await console.post(f"/api/console/orders/{placed['id']}/notes", json=note, headers=keyed())
    assert await wrong_amounts(console) == []


async def test_a_refund_that_failed_is_sent_again_once(stall, shopper, console, picky):
    picky.refuses = True
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    payment = await shopper.start_paying(placed["id"])
    await arrives(stall, payment, 1990)
    made = (await refund_all(console, placed["id"])).json()["refunds"][0]
    url = f"/api/console/orders/{placed['id']}"
    again = f"{url}/refunds/{made['id']}/again"
    early = await console.post(again, headers=keyed())
    assert (early.status_code, early.json()["code"]) == (409, "orders.refund_not_failed")
    await stall.settle()
    assert (await console.get(url)).json()["refunds"][0]["state"] == "failed"
    picky.refuses = False
    key = keyed()
    answers = [*await asyncio.gather(*(console.post(again, headers=key) for _ in range(3)))]
    answers += await asyncio.gather(*(console.post(again, headers=keyed()) for _ in range(3)))
    assert [one.status_code for one in answers] == [200] * 3 + [409] * 3
    await stall.settle()
    order = (await console.get(url)).json()
    assert [one["state"] for one in order["refunds"]] == ["succeeded"]
    assert (order["state"], order["refunded_minor"]) == ("refunded", 1990)
    asked = [(payment_id, minor) for _, payment_id, minor in picky.refunded]
    assert asked == [(UUID(payment), 1990)] * 2
    assert len({refund_id for refund_id, *_ in picky.refunded}) == 2
    late = await console.post(again, headers=keyed())
    assert late.json()["code"] == "orders.refund_not_failed"
    await stall.all_holds()


async def test_a_refund_may_fail_again_and_be_sent_a_third_time(stall, shopper, console, picky):
    picky.refuses = True
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    await arrives(stall, await shopper.start_paying(placed["id"]), 1990)
    made = (await refund_all(console, placed["id"])).json()["refunds"][0]
    url = f"/api/console/orders/{placed['id']}"
    for refuses in (True, False):
        await stall.settle()
        assert (await console.get(url)).json()["refunds"][0]["state"] == "failed"
        picky.refuses = refuses
        answer = await console.post(f"{url}/refunds/{made['id']}/again", headers=keyed())
        assert answer.status_code == 200, answer.text
        assert answer.json()["refunds"][0]["state"] == "agreed"
    await stall.settle()
    assert (await console.get(url)).json()["refunds"][0]["state"] == "succeeded"
    assert len(picky.refunded) == 3
    await stall.all_holds()


async def test_freight_that_was_kept_can_go_back_after_all_pieces_have(stall, shopper, console):
    placed = await paid_order(shopper, {await stall.sku(): 1}, 1990)
    async with stall.database.raw(stall.brand.id) as connection:
        await connection.execute(
            """update orders set freight_minor = 800, total_minor = 2790, paid_minor = 2790,
                                 waterfall = waterfall || '[{"stage": "freight", "amount_minor": 800, "rule": "", "note": {}}]'
               where id = $1""",
            UUID(placed["id"]),
        )  # fmt: skip
        await connection.execute("update payments set amount_minor = 2790")
    url = f"/api/console/orders/{placed['id']}"
    order = (await refund_all(console, placed["id"])).json()
    assert (order["state"], order["refunded_minor"]) == ("refunded", 1990)
    assert "refund" in order["may"]
    body = {"lines": [], "freight_minor": 801, "reason": "运费", "restock": False}
    over = await console.post(f"{url}/refunds", json=body, headers=keyed())
    assert over.json()["code"] == "orders.refund_too_large"
    answer = await console.post(
        f"{url}/refunds", json={**body, "freight_minor": 800}, headers=keyed()
    )
    assert answer.status_code == 200, answer.text
    order = answer.json()
    assert (order["state"], order["refunded_minor"]) == ("refunded", 2790)
    assert "refund" not in order["may"]
    more = await console.post(f"{url}/refunds", json={**body, "freight_minor": 1}, headers=keyed())
    assert more.json()["code"] == "orders.wrong_state"
    said = await stall.fetch(
        "select data from events where kind = 'orders.refund_agreed/1' order by seq"
    )
    assert [row["data"]["whole"] for row in said] == [True, False]
    await stall.settle()


async def test_a_provider_is_asked_for_one_refund_after_the_other_without_holding_anybody_up(
    stall, shopper, console, picky
):
    held: list[int] = []

    async def look(_: UUID) -> None:
        held.append(len(await stall.fetch(WITH_AN_ID)))

    picky.at_refund = look
    for _ in range(3):
        placed = await shopper.ordered({await stall.sku(): 1}, 1990)
        await arrives(stall, await shopper.start_paying(placed["id"]), 1990)
        assert (await refund_all(console, placed["id"])).status_code == 200
    await stall.settle()
    assert held == [0, 0, 0]
    states = await stall.fetch("select state from payment_refunds")
    assert [row["state"] for row in states] == ["succeeded"] * 3
    await stall.all_holds()


WITH_AN_ID = """
select a.pid from pg_stat_activity a where a.datname = current_database() and a.backend_xid is not null
and a.pid in (select pid from pg_locks where locktype = 'advisory') and a.pid <> pg_backend_pid()
"""
