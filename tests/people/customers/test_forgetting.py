"""A person who is forgotten is gone in every copy; what accounts need stays, under an id that leads to nobody."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from siyu.app import schema
from siyu.kernel import clock, vault
from siyu.people.customers import cards, contacts
from tests.conftest import searching
from tests.people.customers.conftest import new_phone
from tests.people.customers.test_addresses import entry

LIST = "/api/console/customers"
WHY = {"reason": "asked"}


async def known(shoppers, brand, console, phone):
    """A customer with name and address; their client and id."""
    customer = await shoppers.customer(brand, phone)
    await customer.patch("/api/shop/me", json={"name": "欧阳娜娜"})
    await customer.post("/api/shop/addresses", json=entry())
    (row,) = (await console.get(LIST, headers=searching(phone))).json()["items"]
    return customer, row["id"]


async def test_a_forgotten_person_is_found_by_nothing_and_shown_as_nobody(
    shoppers, brand, console, database
):
    phone = new_phone()
    customer, id = await known(shoppers, brand, console, phone)
    answer = await console.post(f"{LIST}/{id}/forget", json=WHY)
    assert answer.status_code == 200 and answer.json()["is_forgotten"] is True
    assert answer.json()["addresses"] == []
    for q in (phone, phone[-4:], "欧阳娜娜"):
        assert (await console.get(LIST, headers=searching(q))).json()["items"] == []
    (row,) = (await console.get(LIST)).json()["items"]
    assert (row["id"], row["name"], row["phone_masked"], row["is_forgotten"]) == (id, "", "", True)
    assert (await customer.get("/api/shop/addresses")).status_code == 401, "the session ended"
    async with database.raw(brand.id) as connection:
        assert (
            await connection.fetchval("select count(*) from vault_keys where person_id = $1", id)
            == 0
        )
        assert (
            await connection.fetchval("select count(*) from contacts where sealed is not null") == 0
        )
    assert id in vault.keyring().journal.read_text()
    (entry_,) = (await console.get("/api/console/audit?action=customer.forgotten")).json()["items"]
    assert entry_["facts"] == WHY and phone not in str(entry_)
    again = await console.post(f"{LIST}/{id}/forget", json=WHY)
    assert again.status_code == 200


async def test_a_reveal_in_a_stale_page_says_that_the_person_is_gone_and_is_not_written_down(
    shoppers, brand, console
):
    customer = await shoppers.customer(brand, "13877776666")
    shown = (await console.get("/api/console/customers", headers=searching("13877776666"))).json()[
        "items"
    ][0]
    url = f"/api/console/customers/{shown['id']}"
    nameless = await console.post(f"{url}/reveal", json={"field": "address", "reason": "寄样品"})
    assert (nameless.status_code, nameless.json()["code"]) == (404, "customers.nothing_to_reveal")
    assert (await console.post(f"{url}/forget", json={"reason": "asked"})).status_code == 200
    for field in ("phone", "name", "address"):
        answer = await console.post(f"{url}/reveal", json={"field": field, "reason": "寄样品"})
        assert (answer.status_code, answer.json()["code"]) == (410, "customers.forgotten"), customer
    log = (await console.get("/api/console/audit?action=customer.revealed")).json()["items"]
    assert log == []


async def test_who_was_forgotten_may_come_back_as_somebody_new(shoppers, brand, console):
    phone = new_phone()
    _, id = await known(shoppers, brand, console, phone)
    await console.post(f"{LIST}/{id}/forget", json=WHY)
    clock.shift(timedelta(minutes=2))  # the next code may be asked for
    try:
        await shoppers.customer(brand, phone)
    finally:
        clock.shift(timedelta(0))
    (row,) = (await console.get(LIST, headers=searching(phone))).json()["items"]
    assert row["id"] != id and row["seq"] == 2


async def test_many_who_ask_at_once_forget_once(shoppers, brand, console, database):
    _, id = await known(shoppers, brand, console, new_phone())
    answers = await asyncio.gather(
        *(console.post(f"{LIST}/{id}/forget", json=WHY) for _ in range(6))
    )
    assert {answer.status_code for answer in answers} == {200}
    async with database.raw(brand.id) as connection:
        stated = await connection.fetchval(
            "select count(*) from events where kind = 'customers.forgotten/1'"
        )
    assert stated == 1


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"reason": "王小明来电"}, 400), ({**WHY, "all": True}, 400)]
)
async def test_forgetting_needs_one_of_the_fixed_reasons(shoppers, brand, console, body, status):
    _, id = await known(shoppers, brand, console, new_phone())
    assert (await console.post(f"{LIST}/{id}/forget", json=body)).status_code == status
    assert (await console.post(f"{LIST}/{brand.id}/forget", json=WHY)).status_code == 404


async def test_a_restored_house_forgets_again_before_it_opens(
    shoppers, brand, console, database, owner_url
):
    phone = new_phone()
    _, id = await known(shoppers, brand, console, phone)
    tables = ("vault_keys", "customers", "contacts", "addresses")
    owner = await asyncpg.connect(owner_url)
    for table in tables:
        await owner.execute(
            f"create temp table old_{table} as select * from {table} where brand_id = $1", brand.id
        )
    await console.post(f"{LIST}/{id}/forget", json=WHY)
    async with owner.transaction():  # what a backup of the day before would bring back
        for table in ("vault_shreds", "addresses"):
            await owner.execute(f"delete from {table} where brand_id = $1", brand.id)
        await owner.execute(
            """update customers c set sealed = o.sealed, phone_token = o.phone_token, last4_token = o.last4_token,
               name_token = o.name_token, forgotten_at = null from old_customers o where o.id = c.id"""
        )
        await owner.execute(
            "update contacts c set sealed = o.sealed, phone_token = o.phone_token from old_contacts o where o.id = c.id"
        )
        await owner.execute(
            "insert into vault_keys select * from old_vault_keys on conflict do nothing"
        )
        await owner.execute("insert into addresses select * from old_addresses")
    assert len((await console.get(LIST, headers=searching(phone))).json()["items"]) == 1
    assert await schema.obey_journal(owner_url) == 1
    assert (await console.get(LIST, headers=searching(phone))).json()["items"] == []
    async with database.raw(brand.id) as connection:
        ids = [row["id"] for row in await connection.fetch("select id from customers")]
        assert [card.phone for card in (await cards(connection, ids)).values()] == [""]
        places = [row["id"] for row in await connection.fetch("select id from contacts")]
        assert await contacts(connection, places) == {}
        assert await connection.fetchval("select count(*) from addresses") == 0
    await owner.close()


async def test_the_keys_page_counts_people_and_renews_the_wrapping(shoppers, brand, console):
    await shoppers.customer(brand)
    page = (await console.get("/api/console/vault")).json()
    assert page["people"] == 2 and page["older"] == 0, "the customer, and the demo inbox's own key"
    assert [one["is_present"] for one in page["months"]] == [True]
    started = await console.post("/api/console/vault/renew")
    assert started.status_code == 201
    job = await console.get(f"/api/console/jobs/{started.json()['job_id']}")
    assert job.json()["kind"] == "vault.rewrap"
