import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from siyu.app.runtime import Runtime
from siyu.kernel.errors import Busy
from siyu.people.customers import SessionCache, plugs, sessions_of
from siyu.people.staff import hash_of
from tests.people.customers.conftest import new_phone

CODE, VERIFY, SESSION = "/api/shop/session/code", "/api/shop/session/verify", "/api/shop/session"


async def test_the_mini_program_carries_its_token_and_needs_no_csrf_header(shoppers, brand, phone):
    client = shoppers.visitor(brand)
    token = (await client.post("/api/shop/session/guest", json={"privacy_version": "1"})).json()[
        "token"
    ]
    client.cookies.clear()
    client.headers["Authorization"] = f"Bearer {token}"
    code = await shoppers.code_for(client, phone)
    out = (await client.post(VERIFY, json={"phone": phone, "code": code})).json()
    client.cookies.clear()
    client.headers["Authorization"] = f"Bearer {out['token']}"
    assert (await client.patch("/api/shop/me", json={"name": "欧阳娜"})).json()["customer"][
        "name"
    ] == "欧阳娜"


async def test_a_write_by_cookie_needs_our_pages_token_and_our_own_origin(shoppers, brand):
    customer = await shoppers.customer(brand)

    def change(**headers):
        return customer.patch("/api/shop/me", json={"name": "王"}, headers=headers)

    assert (await change(**{"X-CSRF-Token": ""})).json()["code"] == "http.csrf_failed"
    assert (await change(Origin="http://evil.example")).json()["code"] == "http.foreign_origin"
    assert (await change(Origin=f"http://{brand.host}")).status_code == 200
    assert (
        await customer.post(CODE, json={"phone": new_phone()}, headers={"X-CSRF-Token": ""})
    ).status_code == 403


async def test_signing_out_ends_the_session_at_once(shoppers, brand):
    customer = await shoppers.customer(brand)
    token = customer.cookies["siyu_shop"]
    assert (await customer.delete(SESSION)).status_code == 204
    by_token = await shoppers.visitor(brand).get(
        "/api/shop/addresses", headers={"Authorization": f"Bearer {token}"}
    )
    assert by_token.status_code == 401
    fresh = shoppers.visitor(brand)
    assert (
        await fresh.post(
            CODE, json={"phone": new_phone()}, headers={"Authorization": f"Bearer {token}"}
        )
    ).status_code == 403


async def test_a_session_of_one_shop_is_none_in_another(shoppers, brand, rival):
    customer = await shoppers.customer(brand)
    token = customer.cookies["siyu_shop"]
    for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"siyu_shop={token}"}):
        for path in ("session", "addresses", "shop"):
            answer = await shoppers.visitor(rival).get(f"/api/shop/{path}", headers=headers)
            assert answer.status_code == 401 and answer.json()["code"] == "customers.foreign_token"


async def test_one_phone_is_a_customer_of_each_brand_on_its_own(shoppers, brand, rival, phone):
    here = await shoppers.sign_in(await shoppers.guest(brand), phone)
    there = await shoppers.sign_in(await shoppers.guest(rival), phone)
    assert here["customer"]["id"] != there["customer"]["id"]


async def test_a_code_of_one_brand_is_none_in_another(shoppers, brand, rival, phone):
    here, there = await shoppers.guest(brand), await shoppers.guest(rival)
    code = await shoppers.code_for(here, phone)
    assert (await there.post(VERIFY, json={"phone": phone, "code": code})).status_code == 422
    assert (await there.get(f"/api/shop/demo-inbox?phone={phone}")).json()["items"] == []


async def test_production_has_no_inbox_and_says_what_is_missing_to_send(
    shoppers, brand, phone, runtime, monkeypatch
):
    import msgspec

    guest = await shoppers.guest(brand)
    monkeypatch.setattr(
        runtime, "settings", msgspec.structs.replace(runtime.settings, profile="production")
    )
    assert (await guest.get("/api/shop/shop")).json()["demo_inbox"] is False
    assert (await guest.get("/api/shop/demo-inbox")).status_code == 404
    answer = await guest.post(CODE, json={"phone": phone})
    assert answer.status_code == 503 and answer.json()["code"] == "customers.no_sms_channel"


async def test_production_sends_through_the_channel_that_is_plugged_in(
    shoppers, brand, phone, runtime, monkeypatch
):
    import msgspec

    sent, database = [], runtime.database

    class Recorder:
        async def send_code(self, brand_id, phone, code, locale):
            sent.append((brand_id, phone, code, locale))

    guest = await shoppers.guest(brand)
    monkeypatch.setattr(
        runtime, "settings", msgspec.structs.replace(runtime.settings, profile="production")
    )
    monkeypatch.setattr(plugs, "code_sender", Recorder())
    assert (await guest.post(CODE, json={"phone": phone})).status_code == 202
    ((brand_id, to, code, locale),) = sent
    assert (brand_id, to, locale) == (brand.id, phone, "zh-CN")
    assert (await guest.post(VERIFY, json={"phone": phone, "code": code})).status_code == 200
    async with database.raw(brand.id) as connection:
        assert await connection.fetchval("select count(*) from demo_messages") == 0
        kept = str(
            [tuple(row.values()) for row in await connection.fetch("select * from sign_in_codes")]
        )
    assert phone not in kept and code not in kept


async def test_a_link_is_remembered_as_the_first_touch(
    shoppers, brand, phone, console, monkeypatch
):
    from siyu.people.customers import Touch

    async def resolve(session, code):
        return Touch(source="wecom", scene="counter card") if code == "abc123" else None

    monkeypatch.setattr(plugs, "touch_of", resolve)
    client = shoppers.visitor(brand)
    answer = await client.post(
        "/api/shop/session/guest", json={"privacy_version": "1", "link": "abc123"}
    )
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    await shoppers.sign_in(client, phone)
    assert (await console.get("/api/console/customers")).json()["items"][0]["source"] == "wecom"


async def test_the_cache_of_sessions_knows_who_it_is_and_forgets(shoppers, brand, runtime):
    customer = await shoppers.customer(brand)
    token = customer.cookies["siyu_shop"]
    cache = SessionCache(runtime, size=2, ttl_s=60)
    found = await cache.person(token)
    assert found is not None
    brand_id, person = found
    assert brand_id == brand.id and person.kind == "customer"
    assert await cache.person(token) == (brand_id, person)
    for invented in (
        None,
        "",
        "x",
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        f"{'0' * 32}.{token[33:]}",
    ):
        assert await cache.person(invented) is None
    for _ in range(3):
        await cache.person((await shoppers.guest(brand)).cookies["siyu_shop"])
    assert len(cache._known) == 2
    await customer.delete(SESSION)
    assert await cache.person(token) is None


class Held:
    """The database, whose transactions end only when they may: what was read lies in the reader's hand meanwhile."""

    def __init__(self, database):
        self._database, self.read, self.end = database, asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def raw(self, brand_id, *, by_key):
        async with self._database.raw(brand_id, by_key=by_key) as connection:
            yield connection
        self.read.set()
        await self.end.wait()


async def test_a_session_that_ends_while_it_is_looked_up_is_not_remembered(
    shoppers, brand, runtime
):
    customer = await shoppers.customer(brand)
    token = customer.cookies["siyu_shop"]
    held = Held(runtime.database)
    cache = SessionCache(
        SimpleNamespace(database=held, secret=runtime.secret, parts=runtime.parts), ttl_s=60
    )
    asked = asyncio.create_task(cache.person(token))
    await asyncio.wait_for(held.read.wait(), 10)
    assert (await customer.delete(SESSION)).status_code == 204
    cache.forget(hash_of(token), brand.id)
    held.end.set()
    await asked
    assert await cache.person(token) is None


async def test_the_cache_of_sessions_closes_with_its_process(shoppers, brand, runtime):
    token = (await shoppers.customer(brand)).cookies["siyu_shop"]
    other = Runtime(runtime.settings, runtime.urls, pool=2)
    await other.open()
    cache = sessions_of(other)
    assert await cache.person(token) is not None
    await other.close()
    cache.forget(hash_of(token), brand.id)
    with pytest.raises(Busy):
        await cache.person(token)
