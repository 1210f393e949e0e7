"""Two web processes: what is changed at one is seen at the other at once, and what is asked of both is done once."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from bench.stall import Stall, open_stall
from siyu.people.brands import create_brand
from tests.goods.catalogue.conftest import edited, simple
from tests.processes.programs import SECONDS, TwoWebs, until

AT_ONCE_S = 1.5
"""Below every time to live that a cache has of its own (2, 3, 20 and 30 s), so it was told."""


class Two(msgspec.Struct):
    """A brand's owner and a visitor of its shop, the first at one web process, the other at the second."""

    console: httpx.AsyncClient
    shop: httpx.AsyncClient
    elsewhere: httpx.AsyncClient
    """The owner with the same session at the second."""


@pytest.fixture
async def two(stack: TwoWebs) -> AsyncIterator[Two]:
    """A fresh brand with its owner signed in once."""
    slug = f"b{time.time_ns()}"
    made = await create_brand(
        stack.database, slug=slug, name={"zh-CN": "试玉", "en": "Trial"}, owner_login=f"owner@{slug}",
        owner_password="right horse 7",
    )  # fmt: skip
    console, elsewhere, shop = (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{stack.ports[at]}", trust_env=False, timeout=30)
        for at in (0, 1, 1)
    )  # fmt: skip
    shop.headers["host"] = f"{slug}.localhost:{stack.ports[1]}"
    who = {"login": made.owner_login, "password": "right horse 7"}
    session = await console.post("/api/console/session", json=who)
    console.headers["x-csrf-token"] = session.json()["csrf_token"]
    elsewhere.headers.update(console.headers)
    elsewhere.headers["cookie"] = f"siyu_staff={session.cookies['siyu_staff']}"
    yield Two(console, shop, elsewhere)
    for one in (console, elsewhere, shop):
        await one.aclose()


async def seen(
    ask: Callable[[], Awaitable[httpx.Response]], holds: Callable[[httpx.Response], Any], within_s: float = AT_ONCE_S
) -> None:  # fmt: skip
    """The answer holds within so many seconds; it is asked for all the time, so it would be kept if it were stale."""

    async def look() -> bool:
        return bool(holds(await ask()))

    await until(look, within_s, pause_s=0.02)


async def test_a_session_of_staff_is_good_at_every_process_and_ended_at_all(two: Two):
    assert (await two.elsewhere.get("/api/console/session")).status_code == 200
    assert (await two.console.delete("/api/console/session")).status_code == 204
    assert (await two.elsewhere.get("/api/console/session")).status_code == 401


async def test_price_stock_and_an_end_of_sale_are_seen_at_the_other_process_at_once(two: Two):
    made = (await two.console.post("/api/console/products", json=simple("茶杯"))).json()
    page = f"/api/shop/products/{made['id']}"

    async def look() -> httpx.Response:
        return await two.shop.get(page)

    await seen(look, lambda answer: answer.status_code == 200)
    dearer = edited(made)
    dearer["skus"][0]["price_minor"] = 2590
    changed = await two.console.put(f"/api/console/products/{made['id']}", json=dearer)
    assert changed.status_code == 200, changed.text
    await seen(look, lambda answer: answer.json()["price_minor"] == 2590)

    [place] = (await two.console.get("/api/console/locations")).json()["items"]
    counted = {
        "sku_id": made["skus"][0]["id"],
        "location_id": place["id"],
        "counted": 4,
        "reason": "盘点",
    }
    assert (await two.console.post("/api/console/stock/adjust", json=counted)).status_code == 200
    await seen(look, lambda answer: answer.json()["skus"][0]["free"] == 4)

    off = {"ids": [made["id"]], "action": "off"}
    ended = await two.console.post("/api/console/products/bulk", json=off)
    assert ended.status_code == 200, ended.text
    await seen(look, lambda answer: answer.status_code == 409)


async def test_a_brands_words_are_seen_at_the_other_process_at_once(two: Two):
    async def look() -> httpx.Response:
        return await two.shop.get("/api/shop/shop")

    await seen(look, lambda answer: answer.status_code == 200)
    change = {"service_phone": "0571-88886666"}
    assert (await two.console.patch("/api/console/brand", json=change)).status_code == 200
    await seen(look, lambda answer: "0571-88886666" in answer.text)


async def test_a_write_key_works_and_ends_at_the_other_process_at_once(two: Two):
    body = {"type": "track", "event": "Product Viewed", "messageId": "m", "anonymousId": "a"}

    async def send(key: str) -> httpx.Response:
        return await two.shop.post("/v1/track", json={**body, "writeKey": key})

    key = (await two.console.post("/api/console/write-keys", json={"name": "till"})).json()["key"]
    await seen(lambda: send(key), lambda answer: answer.status_code == 200)
    assert (await two.console.delete("/api/console/write-keys/till")).status_code == 204
    await seen(lambda: send(key), lambda answer: answer.status_code == 401)


async def test_a_shopper_who_signed_out_at_one_process_is_nobody_at_the_other(stack: TwoWebs):
    stall = await open_stall(stack, skus=1, pieces=10, buyers=1)
    headers = {"host": stall.host, "authorization": f"Bearer {stall.buyers[0].token}"}
    async with httpx.AsyncClient(trust_env=False, timeout=30, headers=headers) as client:
        here, there = (f"http://127.0.0.1:{port}/api/shop" for port in stack.ports)

        async def look() -> httpx.Response:
            return await order(client, f"{there}/orders", stall, "again")

        await seen(look, lambda answer: answer.status_code == 201)
        assert (await client.delete(f"{here}/session")).status_code == 204
        await seen(look, lambda answer: answer.status_code in (401, 403))


async def test_what_was_missed_while_the_line_was_cut_is_seen_once_it_is_back(
    two: Two, own_url: str
):
    made = (await two.console.post("/api/console/products", json=simple("茶壶"))).json()
    page = f"/api/shop/products/{made['id']}"

    async def look() -> httpx.Response:
        return await two.shop.get(page)

    await seen(look, lambda answer: answer.status_code == 200)
    connection = await asyncpg.connect(own_url)
    # In one statement the lines are cut and the change is told, so that nobody hears it.
    await connection.execute("begin")
    await connection.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'siyu news' and datname = current_database()"
    )
    await connection.execute("update skus set price_minor = 3990 where id = $1", made["skus"][0]["id"])  # fmt: skip
    await connection.execute("commit")
    await connection.close()
    await seen(look, lambda answer: answer.json()["price_minor"] == 3990, within_s=5)


async def order(client: httpx.AsyncClient, url: str, stall: Stall, key: str) -> httpx.Response:
    """Order one piece as the first buyer."""
    body = {
        "lines": [{"sku_id": str(stall.skus[0]), "quantity": 1}], "delivery": "express",
        "address_id": str(stall.buyers[0].address_id), "expected_total_minor": stall.total_minor,
    }  # fmt: skip
    return await client.post(url, json=body, headers={"idempotency-key": key})


async def test_one_key_sent_to_both_processes_at_once_is_one_order(stack: TwoWebs):
    stall = await open_stall(stack, skus=1, pieces=100, buyers=1)
    headers = {"host": stall.host, "authorization": f"Bearer {stall.buyers[0].token}"}
    urls = [f"http://127.0.0.1:{port}/api/shop/orders" for port in stack.ports]
    async with httpx.AsyncClient(trust_env=False, timeout=30, headers=headers) as client:
        for turn in range(20):
            answers = await asyncio.gather(
                *(order(client, url, stall, f"key {turn}") for url in urls * 3)
            )
            assert {answer.status_code for answer in answers} == {201}, [a.text for a in answers]
            assert len({answer.json()["id"] for answer in answers}) == 1
    async with stack.database.raw(stall.brand_id) as connection:
        assert await connection.fetchval("select count(*) from orders") == 20
        assert await connection.fetchval("select sum(reserved)::int from stock_levels") == 20


async def test_the_last_pieces_are_sold_once_though_both_processes_sell_them(stack: TwoWebs):
    stall = await open_stall(stack, skus=1, pieces=10, buyers=1)
    headers = {"host": stall.host, "authorization": f"Bearer {stall.buyers[0].token}"}
    urls = [f"http://127.0.0.1:{port}/api/shop/orders" for port in stack.ports]
    async with httpx.AsyncClient(trust_env=False, timeout=30, headers=headers) as client:
        answers = await asyncio.gather(
            *(order(client, urls[at % 2], stall, f"key {at}") for at in range(40))
        )
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 30


async def test_a_process_that_freezes_in_the_middle_of_an_order_keeps_nobody_from_buying(
    stack: TwoWebs, own_url: str
):
    stall = await open_stall(stack, skus=1, pieces=100, buyers=1)
    headers = {"host": stall.host, "authorization": f"Bearer {stall.buyers[0].token}"}
    here, there = (f"http://127.0.0.1:{port}/api/shop/orders" for port in stack.ports)
    frozen = stack.webs[0]
    holder = await asyncpg.connect(own_url)
    async with httpx.AsyncClient(trust_env=False, timeout=30, headers=headers) as client:
        try:
            await holder.execute("begin; select from stock_levels for update")
            stuck = asyncio.create_task(order(client, here, stall, "frozen"))
            await until(lambda: frozen.backends("wait_event_type = 'Lock'"), 20)
            frozen.signal(signal.SIGSTOP)
            await holder.close()  # now the lock is the frozen one's
            began = time.monotonic()
            bought = await order(client, there, stall, "awake")
            assert bought.status_code == 201, bought.text
            assert time.monotonic() - began < SECONDS
        finally:
            frozen.signal(signal.SIGCONT)
        # Who wakes up has lost the transaction, looks, and does it anew: once.
        assert (await stuck).status_code == 201
        again = await order(client, there, stall, "frozen")
        assert again.json()["id"] == (await stuck).json()["id"]
    async with stack.database.raw(stall.brand_id) as connection:
        assert await connection.fetchval("select count(*) from orders") == 2
