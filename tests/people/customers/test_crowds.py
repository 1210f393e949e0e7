"""Many shoppers take the same step at once: in common transactions each gets what is theirs, and nothing of another's."""

import asyncio

from siyu.people import customers
from tests.people.customers.conftest import new_phone

CODE, VERIFY = "/api/shop/session/code", "/api/shop/session/verify"


async def guests_of(shoppers, brand, count):
    return await asyncio.gather(*(shoppers.guest(brand) for _ in range(count)))


async def test_a_crowd_arrives_and_everybody_has_a_device_and_a_session(shoppers, brand, database):
    guests = await guests_of(shoppers, brand, 30)
    tokens = {guest.cookies["siyu_shop"] for guest in guests}
    async with database.raw(brand.id) as connection:
        counts = await connection.fetchrow(
            """select (select count(*) from devices), (select count(*) from privacy_acceptances),
                      (select count(*) from shop_sessions), (select count(distinct device_id) from shop_sessions),
                      (select count(*) from events where kind = 'customers.guest_arrived/1')"""
        )
    assert len(tokens) == 30 and tuple(counts) == (30, 30, 30, 30, 30)


async def test_right_and_wrong_codes_typed_at_once_are_told_apart(shoppers, brand, database):
    guests = await guests_of(shoppers, brand, 24)
    phones = [new_phone() for _ in guests]
    codes = await asyncio.gather(*map(shoppers.code_for, guests, phones))
    wrong = [f"{(int(code) + 1) % 1_000_000:06d}" for code in codes]
    typed = [
        {"phone": phone, "code": wrong[n] if n % 3 == 0 else codes[n]}
        for n, phone in enumerate(phones)
    ]
    answers = await asyncio.gather(
        *(guest.post(VERIFY, json=one) for guest, one in zip(guests, typed, strict=True))
    )
    for n, (answer, phone) in enumerate(zip(answers, phones, strict=True)):
        if n % 3 == 0:
            assert answer.json()["code"] == "customers.wrong_code"
        else:
            assert answer.json()["customer"]["phone_masked"] == f"{phone[:3]}****{phone[-4:]}"
    async with database.raw(brand.id) as connection:
        rows = await connection.fetch("select id from customers")
        joined = await customers.cards(connection, [row["id"] for row in rows])
        tries = await connection.fetchval("select sum(tries) from sign_in_codes")
    assert {card.phone for card in joined.values()} == {p for n, p in enumerate(phones) if n % 3}
    assert tries == 8
    again = await guests[0].post(VERIFY, json={"phone": phones[0], "code": codes[0]})
    assert again.status_code == 200  # one wrong try does not spoil it


async def test_a_guest_who_signs_in_as_two_people_at_once_becomes_one(shoppers, brand, database):
    guest = await shoppers.guest(brand)
    phones = [new_phone(), new_phone()]
    codes = [await shoppers.code_for(guest, phone) for phone in phones]
    answers = await asyncio.gather(
        *(
            guest.post(VERIFY, json={"phone": phone, "code": code})
            for phone, code in zip(phones, codes, strict=True)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 403]
    lost = next(n for n, answer in enumerate(answers) if answer.status_code == 403)
    async with database.raw(brand.id) as connection:
        assert await connection.fetchval("select count(*) from customers") == 1
    newcomer = await shoppers.guest(brand)  # the code of the other was not spent
    body = {"phone": phones[lost], "code": codes[lost]}
    assert (await newcomer.post(VERIFY, json=body)).status_code == 200


async def test_an_address_that_asks_for_sixty_codes_at_once_gets_fifty(shoppers, brand):
    guest = await shoppers.guest(brand)
    far = shoppers.elsewhere(guest, brand, "203.0.113.9")
    answers = await asyncio.gather(
        *(far.post(CODE, json={"phone": new_phone()}) for _ in range(60))
    )
    assert [answer.status_code for answer in answers].count(202) == 50
    assert {answer.status_code for answer in answers} == {202, 429}


async def test_addresses_written_at_once_stay_with_their_owners(shoppers, brand):
    customers = [await shoppers.customer(brand) for _ in range(4)]

    async def write(customer, n):
        body = {
            "recipient": f"收件人{n}", "phone": new_phone(), "district_code": "330106", "street": f"文三路 {n} 号",
            "is_default": n % 2 == 0,
        }  # fmt: skip
        answer = await customer.post("/api/shop/addresses", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    written = await asyncio.gather(
        *(write(customer, n) for n in range(5) for customer in customers)
    )
    for at, customer in enumerate(customers):
        book = (await customer.get("/api/shop/addresses")).json()["items"]
        assert {one["id"] for one in book} == set(written[at::4])
        assert [one["is_default"] for one in book].count(True) == 1


async def test_codes_that_are_refused_leave_no_counters_behind(shoppers, brand, database):
    guest = await shoppers.guest(brand)
    far = shoppers.elsewhere(guest, brand, "203.0.113.7")
    for _ in range(2):
        await asyncio.gather(*(far.post(CODE, json={"phone": new_phone()}) for _ in range(60)))
    async with database.raw(brand.id) as connection:
        counted = await connection.fetch(
            "select kind, count(*), sum(count) from attempts group by kind order by kind"
        )
    assert [tuple(row) for row in counted] == [
        ("customers.codes_address", 1, 50),
        ("customers.codes_phone", 50, 50),
    ]
