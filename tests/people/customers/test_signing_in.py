import asyncio
from datetime import timedelta

import pytest

from siyu.kernel import clock
from siyu.people.customers import plugs
from tests.people.customers.conftest import new_phone

CODE, VERIFY, SESSION = "/api/shop/session/code", "/api/shop/session/verify", "/api/shop/session"


@pytest.fixture
def move_clock():
    """Lets a test move the time."""
    yield clock.shift
    clock.shift(timedelta(0))


async def test_nothing_is_kept_of_a_visitor_before_the_privacy_text_is_accepted(
    shoppers, brand, database, phone
):
    visitor = shoppers.visitor(brand)
    nobody = (await visitor.get(SESSION)).json()
    assert nobody == {
        "kind": "none",
        "token": None,
        "csrf_token": "",
        "customer": None,
        "cart_quantity": 0,
        "order_counts": {},
    }
    for path, body in ((CODE, {"phone": phone}), (VERIFY, {"phone": phone, "code": "123456"})):
        answer = await visitor.post(path, json=body)
        assert answer.status_code == 403 and answer.json()["code"] == "customers.privacy_needed"
        assert answer.json()["facts"]["version"] == "1"
    old = await visitor.post("/api/shop/session/guest", json={"privacy_version": "0"})
    assert old.status_code == 403 and "set-cookie" not in old.headers
    async with database.raw(brand.id) as connection:
        for table in (
            "devices",
            "shop_sessions",
            "sign_in_codes",
            "demo_messages",
            "privacy_acceptances",
        ):
            assert await connection.fetchval(f"select count(*) from {table}") == 0


async def test_accepting_makes_a_guest_and_proof_of_it(shoppers, brand, database):
    guest = await shoppers.guest(brand)
    out = (await guest.get(SESSION)).json()
    assert out["kind"] == "guest" and out["customer"] is None
    again = await guest.post("/api/shop/session/guest", json={"privacy_version": "1"})
    assert (
        again.status_code == 200
        and again.json()["kind"] == "guest"
        and "set-cookie" not in again.headers
    )
    async with database.raw(brand.id) as connection:
        rows = await connection.fetch("select version, locale from privacy_acceptances")
    assert [tuple(row) for row in rows] == [("1", "zh-CN")]


async def test_the_cookie_is_for_this_host_and_not_for_scripts(shoppers, brand):
    answer = await shoppers.visitor(brand).post(
        "/api/shop/session/guest", json={"privacy_version": "1"}
    )
    cookie = answer.headers["set-cookie"].lower()
    assert (
        "siyu_shop=" in cookie
        and "httponly" in cookie
        and "samesite=lax" in cookie
        and "domain" not in cookie
    )


async def test_a_code_signs_a_new_customer_in_and_the_session_changes(
    shoppers, brand, phone, console
):
    guest = await shoppers.guest(brand)
    before = guest.cookies["siyu_shop"]
    out = await shoppers.sign_in(guest, f"+86 {phone[:3]}-{phone[3:]}")
    assert (
        out["kind"] == "customer"
        and out["customer"]["phone_masked"] == f"{phone[:3]}****{phone[-4:]}"
    )
    assert guest.cookies["siyu_shop"] == out["token"] != before
    old = await shoppers.visitor(brand).get(SESSION, headers={"Authorization": f"Bearer {before}"})
    assert old.json()["kind"] == "none"
    listed = (await console.get("/api/console/customers")).json()["items"]
    assert [(one["seq"], one["phone_masked"], one["source"]) for one in listed] == [
        (1, f"{phone[:3]}****{phone[-4:]}", "direct")
    ]


async def test_who_comes_back_is_the_same_customer(shoppers, brand, phone, move_clock):
    first = await shoppers.sign_in(await shoppers.guest(brand), phone)
    move_clock(timedelta(minutes=2))
    second = await shoppers.sign_in(await shoppers.guest(brand), phone)
    assert first["customer"] == second["customer"] and first["token"] != second["token"]


async def test_the_answer_is_the_same_for_a_known_and_an_unknown_phone(
    shoppers, brand, phone, move_clock
):
    await shoppers.customer(brand, phone)
    move_clock(timedelta(minutes=2))
    guest = await shoppers.guest(brand)
    known, unknown = [await guest.post(CODE, json={"phone": one}) for one in (phone, new_phone())]
    assert known.status_code == unknown.status_code == 202 and known.json() == unknown.json()
    wrong = [
        await guest.post(VERIFY, json={"phone": one, "code": "abcdef"})
        for one in (phone, new_phone())
    ]
    assert len({answer.json()["detail"] + answer.json()["code"] for answer in wrong}) == 1


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "123",
        "12800138000",
        "1380013800",
        "138001380000",
        "+86123",
        "hello",
        "+1",
        "１３８００１３８０００x",
    ],
)
async def test_what_is_no_phone_number_is_refused(shoppers, brand, bad):
    guest = await shoppers.guest(brand)
    for path, body in ((CODE, {"phone": bad}), (VERIFY, {"phone": bad, "code": "123456"})):
        answer = await guest.post(path, json=body)
        assert answer.status_code == 422 and answer.json()["code"] == "customers.bad_phone"


async def test_five_wrong_tries_spoil_a_code(shoppers, brand, phone):
    guest = await shoppers.guest(brand)
    code = await shoppers.code_for(guest, phone)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(5):
        answer = await guest.post(VERIFY, json={"phone": phone, "code": wrong})
        assert answer.status_code == 422 and answer.json()["code"] == "customers.wrong_code"
    assert (await guest.post(VERIFY, json={"phone": phone, "code": code})).json()[
        "code"
    ] == "customers.wrong_code"


async def test_four_wrong_tries_do_not(shoppers, brand, phone):
    guest = await shoppers.guest(brand)
    code = await shoppers.code_for(guest, phone)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(4):
        await guest.post(VERIFY, json={"phone": phone, "code": wrong})
    assert (await guest.post(VERIFY, json={"phone": phone, "code": code})).status_code == 200


async def test_a_code_is_good_for_five_minutes_and_for_its_own_phone(
    shoppers, brand, phone, move_clock
):
    guest = await shoppers.guest(brand)
    code, other = await shoppers.code_for(guest, phone), new_phone()
    await shoppers.code_for(guest, other)
    assert (await guest.post(VERIFY, json={"phone": other, "code": code})).status_code == 422
    move_clock(timedelta(minutes=5, seconds=1))
    assert (await guest.post(VERIFY, json={"phone": phone, "code": code})).status_code == 422


async def test_a_newer_code_replaces_the_older(shoppers, brand, phone, move_clock):
    guest = await shoppers.guest(brand)
    older = await shoppers.code_for(guest, phone)
    move_clock(timedelta(seconds=61))
    newer = await shoppers.code_for(guest, phone)
    if older != newer:
        assert (await guest.post(VERIFY, json={"phone": phone, "code": older})).status_code == 422
    assert (await guest.post(VERIFY, json={"phone": phone, "code": newer})).status_code == 200


async def test_between_two_codes_is_a_minute_and_using_one_does_not_shorten_it(
    shoppers, brand, phone
):
    guest = await shoppers.guest(brand)
    await shoppers.sign_in(guest, phone)
    answer = await guest.post(CODE, json={"phone": phone})
    assert answer.status_code == 429 and 0 < answer.json()["facts"]["retry_after_s"] <= 61


async def test_ten_requests_at_once_send_one_code(shoppers, brand, phone):
    guest = await shoppers.guest(brand)
    answers = await asyncio.gather(*(guest.post(CODE, json={"phone": phone}) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [202] + [429] * 9
    assert len((await guest.get(f"/api/shop/demo-inbox?phone={phone}")).json()["items"]) == 1


async def test_a_phone_gets_ten_codes_a_day(shoppers, brand, phone, move_clock):
    guest = await shoppers.guest(brand)
    for at in range(10):
        move_clock(timedelta(seconds=61 * at))
        assert (await guest.post(CODE, json={"phone": phone})).status_code == 202
    move_clock(timedelta(seconds=61 * 10))
    answer = await guest.post(CODE, json={"phone": phone})
    assert answer.status_code == 429 and answer.json()["facts"]["retry_after_s"] > 80_000
    move_clock(timedelta(days=1, seconds=1))
    assert (await guest.post(CODE, json={"phone": phone})).status_code == 202


async def test_an_address_sends_fifty_codes_a_day(shoppers, brand):
    guest = await shoppers.guest(brand)
    client = shoppers.elsewhere(guest, brand, "198.51.100.7")
    codes = [(await client.post(CODE, json={"phone": new_phone()})).status_code for _ in range(51)]
    assert codes == [202] * 50 + [429]


async def test_ten_verifies_of_one_code_make_one_session(shoppers, brand, phone, database):
    guest = await shoppers.guest(brand)
    code = await shoppers.code_for(guest, phone)
    answers = await asyncio.gather(
        *(guest.post(VERIFY, json={"phone": phone, "code": code}) for _ in range(10))
    )
    assert [answer.status_code for answer in answers].count(200) == 1
    async with database.raw(brand.id) as connection:
        assert (
            await connection.fetchval(
                "select count(*) from shop_sessions where customer_id is not null"
            )
            == 1
        )
        assert await connection.fetchval("select count(*) from customers") == 1


async def test_sign_ups_at_once_make_one_customer_each_and_number_them_without_holes(
    shoppers, brand, database
):
    from siyu.people.customers import NewCustomer, join_customers

    phones = [new_phone() for _ in range(6)]

    async def join(phone):
        async with database.brand(brand.id) as session:
            return phone, (await join_customers(session, [NewCustomer(phone=phone)]))[0]

    made = await asyncio.gather(*(join(phone) for phone in phones * 3))
    assert len(set(made)) == 6
    async with database.raw(brand.id) as connection:
        assert [
            row["seq"] for row in await connection.fetch("select seq from customers order by seq")
        ] == [1, 2, 3, 4, 5, 6]
        assert (
            await connection.fetchval(
                "select count(*) from events where kind = 'customers.joined/1'"
            )
            == 6
        )


async def test_two_devices_of_one_new_phone_make_one_customer(
    shoppers, brand, phone, move_clock, runtime
):
    first, second = await shoppers.guest(brand), await shoppers.guest(brand)
    one = await shoppers.sign_in(first, phone)
    move_clock(timedelta(minutes=2))
    two = await shoppers.sign_in(second, phone)
    assert one["customer"]["id"] == two["customer"]["id"]
    assert (await first.get(SESSION)).json()["kind"] == "customer"


async def test_what_a_guest_had_is_handed_to_the_customer(
    shoppers, brand, phone, database, monkeypatch
):
    heard = []

    async def remember(connection, signed_in):
        heard.extend(signed_in)

    monkeypatch.setattr(plugs, "on_sign_in", [*plugs.on_sign_in, remember])
    out = await shoppers.sign_in(await shoppers.guest(brand), phone)
    async with database.raw(brand.id) as connection:
        device = await connection.fetchrow("select id, customer_id from devices")
        kinds = [
            row["kind"]
            for row in await connection.fetch(
                "select kind from events where kind like 'customers.%' order by seq"
            )
        ]
    assert (
        heard == [(device["id"], device["customer_id"])]
        and str(device["customer_id"]) == out["customer"]["id"]
    )
    assert kinds == ["customers.guest_arrived/1", "customers.joined/1", "customers.signed_in/1"]


async def test_a_hook_that_fails_leaves_the_code_unspent(
    shoppers, brand, phone, database, monkeypatch
):
    async def fail(connection, signed_in):
        raise RuntimeError("no")

    guest = await shoppers.guest(brand)
    code = await shoppers.code_for(guest, phone)
    with monkeypatch.context() as patch:
        patch.setattr(plugs, "on_sign_in", [fail])
        assert (await guest.post(VERIFY, json={"phone": phone, "code": code})).status_code == 500
    assert (await guest.post(VERIFY, json={"phone": phone, "code": code})).status_code == 200
