"""Why something was done to somebody's order is read by staff until that person is forgotten, and by nobody afterwards."""

from siyu.kernel import vault
from siyu.people.staff import first_broken_of_audit, seal_all
from tests.goods.orders.conftest import keyed

ORDERS, AUDIT = "/api/console/orders", "/api/console/audit?action=customer.revealed"


async def _handled(stall, shopper, console):
    """An order made cheaper, paid, partly refunded and then cancelled, and its buyer's phone looked at."""
    placed = await shopper.ordered({await stall.sku(1000, 9): 2}, 2000)
    url = f"{ORDERS}/{placed['id']}"
    shown = (await console.get(url)).json()
    line, buyer = shown["lines"][0]["id"], shown["customer"]["id"]
    price = {"line_id": line, "new_minor": 1800, "reason": "小明是熟人"}
    assert (await console.post(f"{url}/price", json=price, headers=keyed())).status_code == 200
    await shopper.pay(placed["id"])
    body = {"lines": [{"line_id": line, "quantity": 1}], "reason": "小明过敏"}
    assert (await console.post(f"{url}/refunds", json=body, headers=keyed())).status_code == 200
    assert (await console.post(f"{url}/cancel", json={"reason": "小明出国"})).status_code == 200
    reveal = {"field": "phone", "reason": "给小明回电"}
    customer = f"/api/console/customers/{buyer}"
    assert (await console.post(f"{customer}/reveal", json=reveal)).status_code == 200
    await stall.settle()
    return url, customer


def _notes(order):
    return [step["note"] for step in order["waterfall"] if step["stage"] == "manual"]


async def test_reasons_are_read_until_the_customer_is_forgotten_and_the_audit_still_proves_whole(
    stall, shopper, console, runtime, database, brand
):
    url, customer = await _handled(stall, shopper, console)
    order = (await console.get(url)).json()
    assert order["cancel_reason"] == "小明出国"
    assert [one["reason"] for one in order["refunds"]] == ["小明过敏", "小明出国"]
    assert _notes(order) == [{"zh-CN": "小明是熟人", "en": "小明是熟人"}]
    bought = (await shopper.http.get(f"/api/shop/orders/{url.split('/')[-1]}")).json()
    assert "小明是熟人" in [step["note"] for step in bought["waterfall"]]
    (row,) = (await console.get(AUDIT)).json()["items"]
    assert row["facts"] == {"field": "phone", "reason": "给小明回电"}
    await seal_all(database, runtime.secret)

    assert (await console.post(f"{customer}/forget", json={"reason": "law"})).status_code == 200
    answer = await console.get(url)
    assert "小明" not in answer.text and "sealed:" not in answer.text
    assert answer.json()["cancel_reason"] is None
    assert [one["reason"] for one in answer.json()["refunds"]] == [None, None]
    assert _notes(answer.json())[0]["en"] == "The reason was deleted with the customer's data"
    (row,) = (await console.get(AUDIT)).json()["items"]
    assert row["facts"] == {"field": "phone", "reason": None}
    (row,) = (await console.get("/api/console/audit?action=customer.forgotten")).json()["items"]
    assert row["facts"] == {"reason": "law"}
    await seal_all(database, runtime.secret)
    async with database.brand(brand.id) as session:
        assert await first_broken_of_audit(session, runtime.secret, "") is None
    await stall.all_holds()


async def test_money_still_goes_back_to_who_was_forgotten_but_the_words_are_not_kept(
    stall, shopper, console
):
    placed = await shopper.ordered({await stall.sku(1000, 9): 2}, 2000)
    url = f"{ORDERS}/{placed['id']}"
    await shopper.pay(placed["id"])
    shown = (await console.get(url)).json()
    parcel = {"carrier": "SF", "tracking_number": "SF1234567890", "lines": [{"line_id": shown["lines"][0]["id"], "quantity": 2}]}  # fmt: skip
    sent = await console.post(f"{url}/parcels", json=parcel, headers=keyed())
    assert sent.status_code in (200, 201), sent.text
    got = await shopper.http.post(f"/api/shop/orders/{placed['id']}/received")
    assert got.status_code == 200, got.text
    forget = f"/api/console/customers/{shown['customer']['id']}/forget"
    assert (await console.post(forget, json={"reason": "asked"})).status_code == 200
    body = {"lines": [{"line_id": shown["lines"][0]["id"], "quantity": 1}], "reason": "小明过敏"}
    answer = await console.post(f"{url}/refunds", json=body, headers=keyed())
    assert answer.status_code == 200, answer.text
    assert [(one["amount_minor"], one["reason"]) for one in answer.json()["refunds"]] == [(1000, None)]  # fmt: skip
    assert [row["reason"] for row in await stall.fetch("select reason from order_refunds")] == [vault.seal_text(None, "", "x")]  # fmt: skip
    await stall.all_holds()
