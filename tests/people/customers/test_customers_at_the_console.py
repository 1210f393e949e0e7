from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.people.customers import NewCustomer, Touch, join_customers, rules
from tests.conftest import searching, sign_in
from tests.people.customers.test_addresses import entry

LIST = "/api/console/customers"
PEOPLE = [("13811110001", "王小明"), ("13822220002", "李小红"), ("13833330001", "Anna Smith")]


@pytest.fixture
async def people(database, brand):
    """Three customers, a day apart; ids in the order of joining."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    new = [
        NewCustomer(phone=phone, name=name, joined_at=began + timedelta(days=at))
        for at, (phone, name) in enumerate(PEOPLE)
    ]
    async with database.brand(brand.id) as session:
        return await join_customers(session, new, origin="demo")


async def names(console, words="", **query):
    found = await console.get(LIST, params=query, headers=searching(words))
    return [one["name"] for one in found.json()["items"]]


async def test_customers_are_found_by_phone_by_its_end_and_by_name(console, people):
    assert await names(console) == ["Anna Smith", "李小红", "王小明"]
    assert await names(console, sort="oldest") == ["王小明", "李小红", "Anna Smith"]
    assert await names(console, "13822220002") == ["李小红"]
    assert await names(console, "+86 138 2222 0002") == ["李小红"]
    assert await names(console, "0001") == ["Anna Smith", "王小明"]
    assert await names(console, "王小明") == ["王小明"]
    assert await names(console, "anna  SMITH ") == ["Anna Smith"]
    for nothing in ("1382222", "smith", "小明", "明小", "***", "13899999999"):
        assert await names(console, nothing) == []


async def test_the_list_comes_in_pages_that_neither_skip_nor_repeat(console, people):
    for sort in ("newest", "oldest"):
        seen, cursor, page = [], "", {}
        for _ in PEOPLE:
            page = (await console.get(f"{LIST}?limit=1&sort={sort}{cursor}")).json()
            seen += [one["seq"] for one in page["items"]]
            cursor = f"&cursor={page['next']}"
        assert sorted(seen) == [1, 2, 3] and page["next"] is None
    assert (await console.get(f"{LIST}?limit=0")).status_code == 400
    assert (await console.get(f"{LIST}?cursor=xyz")).status_code == 400


async def test_personal_fields_are_masked_until_revealed_with_a_reason_that_is_written_down(
    console, shoppers, brand
):
    phone = "13712345678"
    customer = await shoppers.customer(brand, phone)
    await customer.patch("/api/shop/me", json={"name": "王小明"})
    await customer.post("/api/shop/addresses", json=entry())
    row = (await console.get(LIST)).json()["items"][0]
    detail = await console.get(f"{LIST}/{row['id']}")
    assert (
        phone not in detail.text
        and "13800138000" not in detail.text
        and detail.json()["phone_masked"] == "137****5678"
    )
    (address,) = detail.json()["addresses"]
    assert (address["recipient"], address["phone"]) == ("王**", "138****8000")

    def reveal(field, reason="客户来电核对"):
        return console.post(f"{LIST}/{row['id']}/reveal", json={"field": field, "reason": reason})

    assert (await reveal("phone")).json() == {"value": phone}
    assert (await reveal("name")).json() == {"value": "王小明"}
    assert "浙江省杭州市西湖区文三路 90 号" in (await reveal("address")).json()["value"]
    assert (await reveal("phone", "")).status_code == 400
    trail = (await console.get("/api/console/audit?action=customer.revealed")).json()["items"]
    assert [item["facts"] for item in trail] == [
        {"field": field, "reason": "客户来电核对"} for field in ("address", "name", "phone")
    ]
    assert all(item["subject_id"] == row["id"] for item in trail) and phone not in str(trail)


async def test_a_role_hides_fields_and_what_is_hidden_is_not_revealed(app, brand, console, people):
    hq = (await console.get("/api/console/units")).json()["items"][0]["id"]
    role = {
        "name": {"zh-CN": "客服"},
        "permissions": ["customers.view", "customers.reveal"],
        "masks": ["phone", "recipient"],
    }
    await console.put("/api/console/roles/blind", json=role)
    for login, roles in (("blind", ["blind"]), ("looker", ["viewer"])):
        body = {
            "login": f"{login}@{brand.slug}",
            "name": login,
            "roles": roles,
            "unit_id": hq,
            "password": "long enough",
        }
        await console.post("/api/console/staff", json=body)
    async with aclosing(await sign_in(app, brand, f"blind@{brand.slug}", "long enough")) as blind:
        rows = (await blind.get(LIST)).json()["items"]
        assert {row["phone_masked"] for row in rows} == {"***********"} and rows[0]["name"] == "A**"
        assert (
            len((await blind.get(LIST, headers=searching("13822220002"))).json()["items"]) == 3
        ), "phones may not be probed either"
        for field in ("phone", "name"):
            answer = await blind.post(
                f"{LIST}/{people[0]}/reveal", json={"field": field, "reason": "because"}
            )
            assert answer.status_code == 403 and answer.json()["code"] == "customers.not_revealed"
    async with aclosing(await sign_in(app, brand, f"looker@{brand.slug}", "long enough")) as looker:
        answer = await looker.post(
            f"{LIST}/{people[0]}/reveal", json={"field": "address", "reason": "because"}
        )
        assert answer.status_code == 403 and answer.json()["facts"] == {
            "permission": "customers.reveal"
        }


async def test_a_store_sees_the_customers_it_brought(app, brand, console, database, people):
    hq = (await console.get("/api/console/units")).json()["items"][0]["id"]
    stores = {}
    for code in ("s1", "s2"):
        body = {"parent_id": hq, "kind": "store", "code": code, "name": {"zh-CN": code}}
        stores[code] = (await console.post("/api/console/units", json=body)).json()["id"]
    async with database.brand(brand.id) as session:
        own, other = await join_customers(
            session,
            [
                NewCustomer(phone=f"1370000000{at}", name=code, touch=Touch(store_id=stores[code]))
                for at, code in enumerate(stores)
            ],
        )
    body = {
        "login": f"boss@{brand.slug}",
        "name": "店长",
        "roles": ["store_manager"],
        "unit_id": stores["s1"],
        "password": "long enough",
    }
    await console.post("/api/console/staff", json=body)
    async with aclosing(await sign_in(app, brand, f"boss@{brand.slug}", "long enough")) as boss:
        rows = (await boss.get(LIST)).json()["items"]
        assert [(row["name"], row["store_name"]) for row in rows] == [("s1", {"zh-CN": "s1"})]
        assert (await boss.get(f"{LIST}/{own}")).status_code == 200
        for hidden in (other, people[0]):
            assert (await boss.get(f"{LIST}/{hidden}")).status_code == 404
            assert (
                await boss.post(
                    f"{LIST}/{hidden}/reveal", json={"field": "phone", "reason": "because"}
                )
            ).status_code == 404
        assert (await boss.get(LIST, headers=searching("13811110001"))).json()["items"] == []


async def test_customers_of_another_brand_do_not_exist(app, rival, people):
    async with aclosing(await sign_in(app, rival)) as other:
        assert (await other.get(LIST)).json()["items"] == []
        assert (await other.get(f"{LIST}/{people[0]}")).status_code == 404
        assert (
            await other.post(
                f"{LIST}/{people[0]}/reveal", json={"field": "phone", "reason": "because"}
            )
        ).status_code == 404
        assert (await other.get(LIST, headers=searching("13811110001"))).json()["items"] == []


async def test_a_history_that_is_imported_twice_makes_each_customer_once(database, brand, people):
    async with database.brand(brand.id) as session:
        again = await join_customers(
            session,
            [NewCustomer(phone=phone) for phone, _ in PEOPLE]
            + [NewCustomer(phone="13900000009")] * 2,
        )
    assert again[:3] == people and again[3] == again[4]
    async with database.raw(brand.id) as connection:
        assert await connection.fetchval("select array_agg(seq order by seq) from customers") == [
            1,
            2,
            3,
            4,
        ]
        origins = await connection.fetch(
            "select origin, count(*) from events where kind = 'customers.joined/1' group by 1 order by 1"
        )
    assert [tuple(row) for row in origins] == [("demo", 3), ("live", 1)]


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_a_mainland_number_has_one_form_and_its_mask_hides_the_middle(phone):
    for written in (
        phone,
        f"+86{phone}",
        f"86 {phone[:3]} {phone[3:7]} {phone[7:]}",
        f"+86-{phone}",
    ):
        assert rules.normal_phone(written) == phone
    masked = rules.masked_phone(phone)
    assert masked[:3] == phone[:3] and masked[-4:] == phone[-4:] and masked[3:7] == "****"


@given(st.text(max_size=30))
def test_any_text_is_a_phone_or_refused(text):
    try:
        phone = rules.normal_phone(text)
    except rules.BadPhone:
        return
    assert rules.normal_phone(phone) == phone


@given(st.text(min_size=1, max_size=20))
def test_a_masked_name_shows_one_character(name):
    assert rules.masked_name(name)[0] == name[0] and set(rules.masked_name(name)[1:]) == {"*"}
