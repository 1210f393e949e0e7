"""Parcels and pick-ups: every piece leaves once, codes open once."""

import asyncio
import secrets
from contextlib import aclosing

import pytest

from siyu.goods.fulfilment import rules

SF = {"carrier": "SF", "tracking_number": "SF1234567890"}


async def paid_order(stall, shopper, goods, total, **more):
    placed = await shopper.ordered(goods, total, **more)
    await shopper.pay(placed["id"])
    await stall.settle()
    return placed["id"]


async def lines_of(console, order_id):
    return (await console.get(f"/api/console/orders/{order_id}")).json()["lines"]


async def ship(console, order_id, quantities, key=None, **more):
    body = {
        "lines": [{"line_id": line, "quantity": n} for line, n in quantities.items()],
        **SF,
        **more,
    }
    return await console.post(
        f"/api/console/orders/{order_id}/parcels",
        json=body,
        headers={"Idempotency-Key": key or secrets.token_hex(8)},
    )


async def test_an_order_is_shipped_in_two_parcels_and_signed_for(stall, shopper, console):
    sku = await stall.sku(pieces=5)
    order_id = await paid_order(stall, shopper, {sku: 3}, 5970)
    (line,) = await lines_of(console, order_id)
    first = await ship(console, order_id, {line["id"]: 1})
    assert first.status_code == 200, first.text
    assert first.json()["state"] == "shipped"
    assert first.json()["lines"][0]["shipped_quantity"] == 1
    second = (
        await ship(console, order_id, {line["id"]: 2}, tracking_number="sf 999 888 777")
    ).json()
    assert [parcel["tracking_number"] for parcel in second["parcels"]] == [
        "SF1234567890",
        "SF999888777",
    ]
    assert await stall.level(sku) == (2, 0)
    answer = parcel = None
    for parcel in second["parcels"]:
        answer = await console.post(f"/api/console/parcels/{parcel['id']}/signed")
        assert answer.status_code == 200, answer.text
    assert answer and parcel
    assert answer.json()["state"] == "completed"
    again = await console.post(f"/api/console/parcels/{parcel['id']}/signed")
    assert (again.status_code, again.json()["code"]) == (409, "fulfilment.already_signed")
    seen = await shopper.order(order_id)
    assert [parcel["carrier_name"] for parcel in seen["parcels"]] == ["顺丰速运", "顺丰速运"]
    await stall.settle()
    await stall.all_holds()


async def test_two_desks_that_ship_the_same_piece_send_it_once(stall, shopper, console):
    order_id = await paid_order(stall, shopper, {await stall.sku(): 1}, 1990)
    (line,) = await lines_of(console, order_id)
    answers = await asyncio.gather(*(ship(console, order_id, {line["id"]: 1}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert len(await stall.fetch("select 1 from parcels")) == 1
    await stall.all_holds()


async def test_the_same_request_ships_once_and_gives_the_same_answer(stall, shopper, console):
    order_id = await paid_order(stall, shopper, {await stall.sku(): 2}, 3980)
    (line,) = await lines_of(console, order_id)
    answers = [await ship(console, order_id, {line["id"]: 1}, key="ship-1") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len(answers[-1].json()["parcels"]) == 1
    other = await ship(console, order_id, {line["id"]: 2}, key="ship-1")
    assert (other.status_code, other.json()["code"]) == (409, "http.key_reused")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"carrier": "PIGEON"}, 422, "fulfilment.unknown_carrier"),
        ({"tracking_number": "x"}, 422, "fulfilment.bad_tracking_number"),
        ({"tracking_number": "<script>1234</script>"}, 422, "fulfilment.bad_tracking_number"),
        ({"lines": []}, 400, "http.malformed"),
    ],
)
async def test_a_parcel_that_makes_no_sense_is_refused(
    stall, shopper, console, change, status, code
):
    order_id = await paid_order(stall, shopper, {await stall.sku(): 1}, 1990)
    (line,) = await lines_of(console, order_id)
    answer = await ship(console, order_id, {line["id"]: 1}, **change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_unpaid_order_and_foreign_lines_cannot_be_shipped(stall, shopper, console):
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    (line,) = await lines_of(console, placed["id"])
    assert (await ship(console, placed["id"], {line["id"]: 1})).json()[
        "code"
    ] == "orders.wrong_state"
    await shopper.pay(placed["id"])
    other = await paid_order(stall, shopper, {await stall.sku(): 1}, 1990)
    answer = await ship(console, other, {line["id"]: 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "orders.not_that_many")


async def test_a_tracking_number_can_be_corrected_until_it_is_signed(stall, shopper, console):
    order_id = await paid_order(stall, shopper, {await stall.sku(): 1}, 1990)
    (line,) = await lines_of(console, order_id)
    (parcel,) = (await ship(console, order_id, {line["id"]: 1})).json()["parcels"]
    url = f"/api/console/parcels/{parcel['id']}"
    changed = await console.patch(url, json={"carrier": "JD", "tracking_number": "JD0001112223"})
    assert changed.json()["parcels"][0]["carrier"] == "JD"
    await console.post(url + "/signed")
    assert (
        await console.patch(url, json={"carrier": "JD", "tracking_number": "JD0001112224"})
    ).json()["code"] == "fulfilment.already_signed"


async def test_a_pick_up_order_is_handed_over_against_its_code_once(stall, shopper, console):
    store = await stall.store()
    sku = await stall.sku(store_id=store)
    order_id = await paid_order(
        stall, shopper, {sku: 2}, 3980, delivery="pick_up", address_id=None, store_id=str(store)
    )
    code = (await shopper.order(order_id))["pick_up_code"]
    assert len(code) == rules.CODE_DIGITS
    url = f"/api/console/orders/{order_id}/pick-up"
    wrong = await console.post(url, json={"code": "00000000" if code != "00000000" else "1"})
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["facts"]["left"]) == (
        422,
        "fulfilment.wrong_code",
        4,
    )
    answers = await asyncio.gather(
        *(console.post(url, json={"code": f"{code[:4]} {code[4:]}"}) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert (await shopper.order(order_id))["state"] == "completed"
    assert await stall.level(sku) == (8, 0)
    await stall.settle()
    await stall.all_holds()


async def test_guessing_a_pick_up_code_ends_after_five_tries(stall, shopper, console, later):
    store = await stall.store()
    order_id = await paid_order(
        stall,
        shopper,
        {await stall.sku(store_id=store): 1},
        1990,
        delivery="pick_up",
        address_id=None,
        store_id=str(store),
    )
    url = f"/api/console/orders/{order_id}/pick-up"
    codes = [(await console.post(url, json={"code": f"x{n}"})).json()["code"] for n in range(6)]
    assert codes == ["fulfilment.wrong_code"] * 5 + ["fulfilment.too_many_tries"]
    code = (await shopper.order(order_id))["pick_up_code"]
    refused = await console.post(url, json={"code": code})
    assert (refused.status_code, refused.json()["code"]) == (429, "fulfilment.too_many_tries")
    assert refused.headers["Retry-After"] == str(refused.json()["facts"]["retry_after_s"]) == "600"
    later(minutes=9)  # the right code neither opens nor prolongs the rest
    assert (await console.post(url, json={"code": code})).status_code == 429
    assert (await shopper.order(order_id))["state"] == "ready"
    later(minutes=2)
    assert (await console.post(url, json={"code": code})).status_code == 200
    assert (await shopper.order(order_id))["state"] == "completed"


async def test_many_who_guess_at_once_have_five_tries_together(stall, shopper, console, later):
    store = await stall.store()
    order_id = await paid_order(
        stall,
        shopper,
        {await stall.sku(store_id=store): 1},
        1990,
        delivery="pick_up",
        address_id=None,
        store_id=str(store),
    )
    url = f"/api/console/orders/{order_id}/pick-up"

    async def guess(code):
        answer = await console.post(url, json={"code": code})
        return answer.json()["code"], answer.json()["facts"].get("left")

    answers = await asyncio.gather(*(guess(f"x{n}") for n in range(30)))
    wrong = [left for code, left in answers if code == "fulfilment.wrong_code"]
    assert sorted(wrong) == [0, 1, 2, 3, 4]
    assert len([code for code, _ in answers if code == "fulfilment.too_many_tries"]) == 25
    later(minutes=11)
    assert await guess("x1") == ("fulfilment.wrong_code", 4)
    code = (await shopper.order(order_id))["pick_up_code"]
    assert (await console.post(url, json={"code": code})).status_code == 200


async def test_a_guessed_parcel_or_order_of_another_brand_is_not_there(
    stall, shopper, console, rival_stall, app, rival
):
    from tests.conftest import sign_in

    order_id = await paid_order(stall, shopper, {await stall.sku(): 1}, 1990)
    (line,) = await lines_of(console, order_id)
    (parcel,) = (await ship(console, order_id, {line["id"]: 1})).json()["parcels"]
    async with aclosing(await sign_in(app, rival)) as stranger:
        for method, path, body in (
            (
                "POST",
                f"/orders/{order_id}/parcels",
                {"lines": [{"line_id": line["id"], "quantity": 1}], **SF},
            ),
            ("POST", f"/orders/{order_id}/pick-up", {"code": "1"}),
            ("POST", f"/parcels/{parcel['id']}/signed", None),
            ("PATCH", f"/parcels/{parcel['id']}", SF),
        ):
            answer = await stranger.request(method, f"/api/console{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "http.not_found"), path
