import asyncio

import pytest

from tests.conftest import searching

BOOK = "/api/shop/addresses"


def entry(**changes):
    return {
        "recipient": "王小明",
        "phone": "13800138000",
        "district_code": "330106",
        "street": "文三路 90 号",
        "is_default": False,
        **changes,
    }


async def book(client):
    return (await client.get(BOOK)).json()["items"]


async def test_the_first_address_is_the_default_until_another_is_chosen(shoppers, brand):
    customer = await shoppers.customer(brand)
    first = await customer.post(BOOK, json=entry())
    assert first.status_code == 201
    assert (
        first.json()["region_names"] == ["浙江省", "杭州市", "西湖区"]
        and first.json()["is_default"] is True
    )
    second = (
        await customer.post(
            BOOK, json=entry(recipient=" 李雷 ", is_default=True, phone="+86 139-0013-9000")
        )
    ).json()
    assert second["recipient"] == "李雷" and second["phone"] == "13900139000"
    assert [(one["recipient"], one["is_default"]) for one in await book(customer)] == [
        ("李雷", True),
        ("王小明", False),
    ]


async def test_an_address_is_changed_and_removed_and_one_default_remains(shoppers, brand):
    customer = await shoppers.customer(brand)
    ids = [
        (await customer.post(BOOK, json=entry(street=f"{at} 号"))).json()["id"] for at in range(3)
    ]
    changed = await customer.put(
        f"{BOOK}/{ids[1]}", json=entry(street="新街 1 号", is_default=True)
    )
    assert changed.status_code == 200 and changed.json()["is_default"] is True
    kept = await customer.put(f"{BOOK}/{ids[1]}", json=entry(street="新街 2 号"))
    assert kept.json()["is_default"] is True
    assert (await customer.delete(f"{BOOK}/{ids[1]}")).status_code == 204
    assert [(one["id"], one["is_default"]) for one in await book(customer)] == [
        (ids[2], True),
        (ids[0], False),
    ]
    assert (await customer.delete(f"{BOOK}/{ids[1]}")).status_code == 404


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"district_code": "330100"}, "http.invalid"),
        ({"district_code": "999999"}, "http.invalid"),
        ({"district_code": ""}, "http.invalid"),
        ({"phone": "123"}, "customers.bad_phone"),
        ({"recipient": "  "}, "http.invalid"),
        ({"recipient": "x" * 41}, "http.invalid"),
        ({"street": "a\nb"}, "http.invalid"),
        ({"street": "a\0b"}, "http.invalid"),
    ],
)
async def test_an_address_that_cannot_be_delivered_to_is_refused(shoppers, brand, change, code):
    customer = await shoppers.customer(brand)
    answer = await customer.post(BOOK, json=entry(**change))
    assert answer.status_code == 422 and answer.json()["code"] == code
    assert await book(customer) == []


async def test_the_book_holds_twenty(shoppers, brand):
    customer = await shoppers.customer(brand)
    answers = [await customer.post(BOOK, json=entry()) for _ in range(18)]
    answers += await asyncio.gather(
        *(customer.post(BOOK, json=entry(is_default=True)) for _ in range(5))
    )
    assert [answer.status_code for answer in answers].count(201) == 20
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {
        "customers.too_many_addresses"
    }
    assert sum(one["is_default"] for one in await book(customer)) == 1


async def test_a_guest_has_no_address_book(shoppers, brand):
    guest = await shoppers.guest(brand)
    assert (await guest.get(BOOK)).status_code == 401
    assert (await guest.post(BOOK, json=entry())).json()["code"] == "http.not_signed_in"


async def test_addresses_of_others_do_not_exist(shoppers, brand, rival):
    mine = await shoppers.customer(brand)
    address = (await mine.post(BOOK, json=entry())).json()["id"]
    for other in (await shoppers.customer(brand), await shoppers.customer(rival)):
        assert (await other.put(f"{BOOK}/{address}", json=entry())).status_code == 404
        assert (await other.delete(f"{BOOK}/{address}")).status_code == 404
        assert await book(other) == []
    assert len(await book(mine)) == 1


async def test_the_same_key_adds_an_address_once(shoppers, brand):
    customer = await shoppers.customer(brand)
    headers = {"Idempotency-Key": "a1"}
    first, again = [await customer.post(BOOK, json=entry(), headers=headers) for _ in range(2)]
    assert first.json() == again.json() and len(await book(customer)) == 1
    other = await customer.post(BOOK, json=entry(street="别处 1 号"), headers=headers)
    assert other.status_code == 409 and other.json()["code"] == "http.key_reused"


async def test_divisions_are_asked_for_level_by_level(shop, console):
    top = (await shop.get("/api/shop/regions")).json()["items"]
    assert len(top) == 34
    assert {"code": "330106", "name": "西湖区", "is_district": True} in (
        await shop.get("/api/shop/regions?parent=330100")
    ).json()["items"]
    assert (await shop.get("/api/shop/regions?parent=nonsense")).json()["items"] == []
    assert (await console.get("/api/console/regions?parent=330000")).json()["items"][0][
        "code"
    ] == "330100"


async def test_a_customer_says_what_they_are_called_and_which_language_they_read(
    shoppers, brand, console
):
    customer = await shoppers.customer(brand)
    out = await customer.patch("/api/shop/me", json={"name": "欧阳 娜娜", "locale": "en"})
    assert out.json()["customer"]["name"] == "欧阳 娜娜"
    assert (await customer.patch("/api/shop/me", json={"locale": "fr"})).status_code == 422
    assert (await customer.patch("/api/shop/me", json={"name": ""})).status_code == 422
    assert (
        await (await shoppers.guest(brand)).patch("/api/shop/me", json={"name": "x"})
    ).status_code == 401
    await customer.patch("/api/shop/me", json={"name": "司马光"})
    assert (await console.get("/api/console/customers", headers=searching("欧阳 娜娜"))).json()[
        "items"
    ] == []
    assert (
        len(
            (await console.get("/api/console/customers", headers=searching("司马光"))).json()[
                "items"
            ]
        )
        == 1
    )
