"""The cart: a guest's first, the customer's after signing in."""

import asyncio

import pytest

from siyu.goods.orders.rules import MAX_LINES
from tests.conftest import client_for


@pytest.fixture
async def guest(app, stall):
    async with client_for(app, stall.brand.host) as client:
        shop = (await client.get("/api/shop/shop")).json()
        answer = await client.post(
            "/api/shop/session/guest", json={"privacy_version": shop["privacy_version"]}
        )
        assert answer.status_code < 300, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield client


async def add(client, sku, quantity=1):
    return await client.post("/api/shop/cart/add", json={"sku_id": str(sku), "quantity": quantity})


async def test_adding_again_adds_up_and_zero_takes_out(stall, shopper):
    sku = await stall.sku(1990, 50)
    await add(shopper.http, sku, 2)
    cart = (await add(shopper.http, sku, 3)).json()
    assert [(line["quantity"], line["selected"]) for line in cart["lines"]] == [(5, True)]
    assert (cart["selected_quantity"], cart["selected_minor"]) == (5, 9950)
    cart = (
        await shopper.http.put(f"/api/shop/cart/{sku}", json={"quantity": 1, "selected": False})
    ).json()
    assert (cart["lines"][0]["quantity"], cart["selected_minor"]) == (1, 0)
    assert (
        await shopper.http.put(f"/api/shop/cart/{sku}", json={"quantity": 0, "selected": True})
    ).json()["lines"] == []


async def test_the_cart_tells_what_cannot_be_bought(stall, shopper):
    few, gone = await stall.sku(100, 2), await stall.sku(100, 5)
    await add(shopper.http, few, 3)
    await add(shopper.http, gone, 1)
    async with stall.database.raw(stall.brand.id) as connection:
        await connection.execute("update skus set active = false where id = $1", gone)
    cart = (await shopper.http.get("/api/shop/cart")).json()
    assert {line["sku_id"]: line["problem"] for line in cart["lines"]} == {
        str(few): "not_enough",
        str(gone): "off_sale",
    }
    assert cart["selected_minor"] == 0
    await stall.count(few, 0)
    assert (await shopper.http.get("/api/shop/cart")).json()["lines"][-1]["problem"] == "sold_out"


async def test_what_is_not_sold_does_not_go_into_a_cart(stall, shopper, rival_stall):
    for sku in (await stall.sku(on_sale=False), await rival_stall.sku()):
        assert (await add(shopper.http, sku)).json()["code"] == "catalogue.not_on_sale"


async def test_a_cart_holds_only_so_many_different_things(stall, shopper, monkeypatch):
    from siyu.goods.orders.actions import carts

    assert MAX_LINES == 100
    monkeypatch.setattr(carts, "MAX_LINES", 2)
    skus = [await stall.sku() for _ in range(3)]
    assert [(await add(shopper.http, sku)).status_code for sku in skus] == [200, 200, 409]
    assert (await add(shopper.http, skus[0])).status_code == 200


async def test_a_guests_cart_survives_the_sign_in_and_joins_the_customers(stall, shopper, guest):
    both, only_guest = await stall.sku(100, 50), await stall.sku(200, 50)
    await add(shopper.http, both, 1)
    await add(guest, both, 2)
    await add(guest, only_guest, 1)
    await guest.post("/api/shop/session/code", json={"phone": shopper.phone})
    inbox = (await guest.get("/api/shop/demo-inbox", params={"phone": shopper.phone})).json()[
        "items"
    ]
    code = "".join(character for character in inbox[0]["text"] if character.isdigit())[:6]
    answer = await guest.post(
        "/api/shop/session/verify", json={"phone": shopper.phone, "code": code}
    )
    assert answer.status_code == 200, answer.text
    cart = (await shopper.http.get("/api/shop/cart")).json()
    assert {line["sku_id"]: line["quantity"] for line in cart["lines"]} == {
        str(both): 3,
        str(only_guest): 1,
    }
    assert answer.json()["cart_quantity"] == 4


async def test_nobody_has_a_cart_before_the_privacy_text_was_accepted(stall, shop):
    answer = await shop.get("/api/shop/cart")
    assert (answer.status_code, answer.json()["code"]) == (403, "customers.privacy_needed")


async def test_carts_filled_at_once_hold_what_their_owners_put_in(stall):
    gone, *skus = [await stall.sku(100 + n, 50, on_sale=n > 0) for n in range(4)]
    shoppers = [await stall.shopper() for _ in range(8)]
    answers = await asyncio.gather(
        *(add(shopper.http, sku) for shopper in shoppers for sku in (*skus, gone, skus[0]))
    )
    for n, shopper in enumerate(shoppers):
        own = answers[n * 5 : n * 5 + 5]
        assert [answer.status_code == 200 for answer in own] == [True, True, True, False, True]
        cart = (await shopper.http.get("/api/shop/cart")).json()
        assert {line["sku_id"]: line["quantity"] for line in cart["lines"]} == {
            str(skus[0]): 2, str(skus[1]): 1, str(skus[2]): 1,
        }  # fmt: skip
        assert cart["selected_minor"] == 2 * 101 + 102 + 103
