"""Placing orders over HTTP: exact, once per key, first come first served."""

import asyncio
import secrets
from uuid import uuid4

import msgspec
import pytest

from siyu.goods.pricing import FreightRule, save_template

pytestmark = pytest.mark.kernel_db


async def test_an_order_holds_its_pieces_and_freezes_its_price(stall, shopper):
    sku = await stall.sku(1990, 10)
    placed = await shopper.ordered({sku: 2}, 3980, note="请包装")
    assert (
        placed["state"] == "unpaid"
        and placed["total_minor"] == 3980
        and len(placed["number"]) == 14
    )
    assert await stall.level(sku) == (10, 2)

    (order,) = await stall.fetch("select * from orders")
    assert (order["number"], order["goods_minor"], order["quantity"], order["source"]) == (
        placed["number"],
        3980,
        2,
        "direct",
    )
    shown = await shopper.order(placed["id"])
    assert shown["customer_note"] == "请包装" and shown["recipient"]["street"] == "文三路 100 号"
    (line,) = await stall.fetch("select * from order_lines")
    assert line["title"]["zh-CN"] == "青玉手镯" and line["steps"] == [
        {"stage": "list", "amount_minor": 3980, "rule": ""}
    ]
    (event,) = await stall.fetch("select * from events where kind = 'orders.placed/1'")
    assert event["subject"] == order["id"] and event["data"]["lines"][0]["minor"] == 3980
    await stall.all_holds()


async def test_ten_taps_make_one_order(stall, shopper):
    sku = await stall.sku(1990, 10)
    answers = await asyncio.gather(*(shopper.place({sku: 1}, 1990, key="tap") for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await shopper.place({sku: 1}, 1990, key="tap")).json() == answers[0].json()
    assert await stall.level(sku) == (10, 1) and len(await stall.fetch("select 1 from orders")) == 1


async def test_a_key_that_comes_back_with_another_order_is_refused(stall, shopper):
    sku = await stall.sku(1990, 10)
    await shopper.ordered({sku: 1}, 1990, key="k")
    answer = await shopper.place({sku: 2}, 3980, key="k")
    assert (answer.status_code, answer.json()["code"]) == (409, "http.key_reused")
    both = await asyncio.gather(
        shopper.place({sku: 1}, 1990, key="x"), shopper.place({sku: 3}, 5970, key="x")
    )
    assert sorted(answer.status_code for answer in both) == [201, 409]


async def test_the_same_key_of_two_people_is_two_keys(stall, shopper):
    sku = await stall.sku(1990, 10)
    other = await stall.shopper()
    first, second = await asyncio.gather(
        shopper.ordered({sku: 1}, 1990, key="k"), other.ordered({sku: 1}, 1990, key="k")
    )
    assert first["id"] != second["id"]


async def test_a_refusal_does_not_stay_bound_to_its_key(stall, shopper):
    sku = await stall.sku(1990, 1)
    refused = await shopper.place({sku: 2}, 3980, key="k")
    assert (refused.status_code, refused.json()["code"]) == (409, "stock.out_of_stock")
    assert refused.json()["facts"] == {"sku_id": str(sku), "free": 1, "asked": 2}
    await stall.count(sku, 5)
    assert (await shopper.place({sku: 2}, 3980, key="k")).status_code == 201


async def test_ten_rivals_and_five_pieces(stall):
    sku = await stall.sku(1990, 5)
    rivals = [await stall.shopper(f"顾客{n}") for n in range(10)]
    answers = await asyncio.gather(*(one.place({sku: 1}, 1990) for one in rivals))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 5
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"stock.out_of_stock"}
    assert await stall.level(sku) == (5, 5)
    await stall.all_holds()


async def test_a_sell_out_ends_at_zero_and_an_order_too_large_blocks_nobody(stall, shopper):
    sku = await stall.sku(100, 50)
    sizes = [1, 60, 2, 3, 49, 1, 7] * 12
    answers = await asyncio.gather(*(shopper.place({sku: size}, 100 * size) for size in sizes))
    sold = sum(
        size for size, answer in zip(sizes, answers, strict=True) if answer.status_code == 201
    )
    on_hand, reserved = await stall.level(sku)
    assert sold == reserved == on_hand == 50
    await stall.all_holds()


async def test_orders_of_many_things_race_without_deadlock_and_stay_exact(stall):
    skus = [await stall.sku(100, 20) for _ in range(5)]
    people = [await stall.shopper() for _ in range(4)]

    async def buy(n: int):
        some = [skus[(n + i * (1 + n % 3)) % 5] for i in range(3)]
        lines = dict.fromkeys(some if n % 2 else reversed(some), 1 + n % 2)
        answer = await people[n % 4].place(lines, sum(lines.values()) * 100)
        return lines if answer.status_code == 201 else {}

    bought = await asyncio.gather(*(buy(n) for n in range(80)))
    for sku in skus:
        assert await stall.level(sku) == (20, sum(lines.get(sku, 0) for lines in bought))
    await stall.all_holds()


async def test_two_lines_of_one_thing_are_counted_together(stall, shopper):
    sku = await stall.sku(100, 3)
    lines = [{"sku_id": str(sku), "quantity": 2}, {"sku_id": str(sku), "quantity": 2}]
    assert (await shopper.place({}, 400, lines=lines)).json()["code"] == "stock.out_of_stock"
    lines[1]["quantity"] = 1
    assert (await shopper.place({}, 300, lines=lines)).status_code == 201
    assert await stall.level(sku) == (3, 3)


async def test_a_price_that_has_changed_is_told_with_the_new_total(stall, shopper):
    sku = await stall.sku(1990, 10)
    async with stall.database.raw(stall.brand.id) as connection:
        await connection.execute("update skus set price_minor = 2190")
    answer = await shopper.place({sku: 2}, 3980)
    assert (answer.status_code, answer.json()["code"], answer.json()["facts"]) == (
        409,
        "pricing.changed",
        {"total_minor": 4380},
    )
    assert await stall.level(sku) == (10, 0)
    assert (await shopper.place({sku: 2}, 4380)).status_code == 201


async def test_what_is_not_on_sale_or_not_there_cannot_be_ordered(stall, shopper):
    off, unknown = await stall.sku(on_sale=False), uuid4()
    for sku in (off, unknown):
        answer = await shopper.place({sku: 1}, 1990)
        assert (answer.status_code, answer.json()["code"]) == (409, "catalogue.not_on_sale")
        assert answer.json()["facts"] == {"sku_id": str(sku)}


async def test_an_express_order_goes_to_an_address_of_ones_own(stall, shopper):
    sku, other = await stall.sku(), await stall.shopper()
    for address in (None, str(other.address_id), str(uuid4())):
        answer = await shopper.place({sku: 1}, 1990, address_id=address)
        assert (answer.status_code, answer.json()["code"]) == (422, "orders.address_needed")


async def test_pick_up_takes_the_pieces_and_the_price_of_the_store(stall, shopper, console):
    store, closed = await stall.store(), await stall.store("hz02", pick_up=False)
    sku = await stall.sku(1990, 3, store_id=store)
    prices = {"items": [{"sku_id": str(sku), "price_minor": 1800}]}
    assert (await console.put(f"/api/console/store-prices/{store}", json=prices)).status_code == 200
    pick_up = {"delivery": "pick_up", "address_id": None, "store_id": str(store)}
    assert (await shopper.place({sku: 1}, 1990, **pick_up)).json()["facts"] == {"total_minor": 1800}
    placed = await shopper.ordered({sku: 1}, 1800, **pick_up)
    assert await stall.level(sku) == (3, 1)
    order = await shopper.order(placed["id"])
    assert order["pick_up_store"]["name"] == "湖滨店" and order["recipient"] is None
    assert [(s["stage"], s["amount_minor"]) for s in order["waterfall"]] == [
        ("list", 1990),
        ("channel", -190),
    ]
    for wrong in (None, str(closed), str(uuid4())):
        answer = await shopper.place({sku: 1}, 1800, **(pick_up | {"store_id": wrong}))
        assert (answer.status_code, answer.json()["code"]) == (422, "orders.store_needed")


async def test_freight_follows_region_and_weight_and_quote_and_order_agree(
    stall, shopper, database
):
    sku = await stall.sku(1990, 10, weight_g=800)
    rules = [
        FreightRule(("33",), 1000, 600, 1000, 200, 9900),
        FreightRule(("31",), 1000, 500, 1000, 100, None),
    ]
    async with database.brand(stall.brand.id) as session:
        await save_template(session, None, name={"zh-CN": "默认"}, is_default=True, rules=rules)
    quote = {
        "lines": [{"sku_id": str(sku), "quantity": 2}],
        "delivery": "express",
        "district_code": "330106",
        "store_id": None,
    }
    quoted = (await shopper.http.post("/api/shop/quote", json=quote)).json()
    assert (quoted["goods_minor"], quoted["freight_minor"], quoted["total_minor"]) == (
        3980,
        800,
        4780,
    )
    assert [step["stage"] for step in quoted["waterfall"]] == ["list", "freight"]
    placed = await shopper.ordered({sku: 2}, quoted["total_minor"])
    assert (await shopper.order(placed["id"]))["freight_minor"] == 800
    assert (await shopper.place({sku: 5}, 9950)).status_code == 201  # free from 99 yuan
    far = (
        await shopper.http.post("/api/shop/quote", json=quote | {"district_code": "110101"})
    ).json()
    assert far["code"] == "pricing.not_delivered"


async def test_malformed_orders_and_keys_are_named(stall, shopper):
    sku = await stall.sku()
    for body, code in [(b"{", 400), (b"[]", 400), (b'{"lines": []}', 400)]:
        answer = await shopper.http.post(
            "/api/shop/orders", content=body, headers={"Idempotency-Key": "k"}
        )
        assert (answer.status_code, answer.json()["code"]) == (code, "http.malformed"), answer.text
    for quantity in (0, -1, 1000):
        assert (await shopper.place({sku: quantity}, 0)).status_code == 400
    assert (await shopper.place({sku: 1}, 1990, key="x" * 65)).json()["code"] == "http.bad_key"
    assert (await shopper.place({sku: 1}, 1990, note="a\0b")).status_code == 422


async def test_nobody_orders_without_signing_in(stall, shopper, shop):
    sku = await stall.sku()
    answer = await shop.post("/api/shop/orders", json={}, headers={"Idempotency-Key": "k"})
    assert answer.status_code in (401, 403)
    shopper.http.headers["Authorization"] = "Bearer nonsense"
    assert (await shopper.place({sku: 1}, 1990)).status_code == 401


async def test_another_brands_goods_addresses_and_orders_do_not_exist(stall, shopper, rival_stall):
    theirs, their_shopper = await rival_stall.sku(), await rival_stall.shopper()
    ours = await stall.sku()
    assert (await shopper.place({theirs: 1}, 1990)).json()["code"] == "catalogue.not_on_sale"
    answer = await shopper.place({ours: 1}, 1990, address_id=str(their_shopper.address_id))
    assert answer.json()["code"] == "orders.address_needed"
    theirs_placed = await their_shopper.ordered({theirs: 1}, 1990)
    for path in ("", "/cancel", "/received", "/pay"):
        url = f"/api/shop/orders/{theirs_placed['id']}{path}"
        answer = await (
            shopper.http.post(url, json={"reason": ""}) if path else shopper.http.get(url)
        )
        assert answer.status_code == 404, (path, answer.text)
    assert await stall.fetch("select 1 from orders") == []


async def test_a_cart_is_emptied_of_what_was_ordered_from_it(stall, shopper):
    bought, kept = await stall.sku(), await stall.sku()
    for sku in (bought, kept):
        await shopper.http.post("/api/shop/cart/add", json={"sku_id": str(sku), "quantity": 1})
    await shopper.ordered({bought: 1}, 1990, from_cart=True)
    cart = (await shopper.http.get("/api/shop/cart")).json()
    assert [line["sku_id"] for line in cart["lines"]] == [str(kept)]


async def test_a_link_says_where_the_order_came_from(stall, shopper, monkeypatch):
    from siyu.goods.orders import Source, plugs

    guide = uuid4()

    async def sources(connection, codes):
        return (
            {"abc": Source("guide", "wecom_chat", None, guide, None)} if "abc" in set(codes) else {}
        )

    monkeypatch.setattr(plugs, "sources", sources)
    sku = await stall.sku()
    await shopper.ordered({sku: 1}, 1990, headers={"X-Siyu-Link": "abc"})
    await shopper.ordered({sku: 1}, 1990, link="unknown")
    rows = await stall.fetch("select source, scene, guide_id from orders order by id")
    assert [tuple(row) for row in rows] == [("guide", "wecom_chat", guide), ("direct", "", None)]
    kinds = await stall.fetch("select data from events where kind = 'orders.placed/1' order by seq")
    assert [row["data"]["source"] for row in kinds] == ["guide", "direct"]


async def test_numbers_stay_unique_when_many_are_drawn_on_one_day(stall, shopper, monkeypatch):
    from siyu.goods.orders.placing import writing

    monkeypatch.setattr(writing, "NUMBER_SPACE", 40)
    sku = await stall.sku(100, 100)
    answers = await asyncio.gather(*(shopper.place({sku: 1}, 100) for _ in range(30)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["number"] for answer in answers}) == 30


async def test_the_plain_handler_of_the_document_places_orders_too(stall, shopper, app):
    """The framework's handler is what the OpenAPI document describes; the hot path answers first."""
    sku = await stall.sku()
    placing = app.runtime.parts["placing"]
    from siyu.goods.orders.placing import PlaceOrderIn

    order = msgspec.convert(
        {
            "lines": [{"sku_id": str(sku), "quantity": 1}],
            "delivery": "express",
            "address_id": str(shopper.address_id),
            "expected_total_minor": 1990,
        },
        PlaceOrderIn,
    )
    placed = await placing.ask(stall.brand.id, shopper.id, order, secrets.token_hex(4))
    assert placed.total_minor == 1990


@pytest.mark.parametrize("path", ["/api/shop/orders", "/api/shop/orders?state=unpaid"])
async def test_ones_own_orders_are_listed_newest_first_page_by_page(stall, shopper, path):
    sku = await stall.sku(100, 100)
    placed = [(await shopper.ordered({sku: 1}, 100))["id"] for _ in range(5)]
    other = await stall.shopper()
    await other.ordered({sku: 1}, 100)
    seen, cursor = [], ""
    while True:
        answer = (
            await shopper.http.get(
                path, params={"limit": 2, **({"cursor": cursor} if cursor else {})}
            )
        ).json()
        seen += [row["id"] for row in answer["items"]]
        if not (cursor := answer["next"]):
            break
    assert seen == placed[::-1]


async def test_two_processes_share_the_last_pieces_and_a_key_fairly(stall, shopper, database, app):
    """Two batchers on one database: what one process cannot know, the locks and the unique key decide."""
    from siyu.goods.orders.placing import Wanted, open_batcher
    from siyu.kernel import effective
    from siyu.kernel.errors import Refusal

    sku, other = await stall.sku(100, 30), await stall.sku(100, 1000)
    processes = [
        open_batcher(database, effective.Memory(database), max_batch=8),
        open_batcher(app.runtime.database, effective.memory_of(app.runtime), max_batch=8),
    ]

    def wanted(key: str, goods=sku, pieces: int = 1) -> Wanted:
        return Wanted(
            shopper.id,
            key,
            f"{goods}/{pieces}",
            ((goods, pieces),),
            "express",
            shopper.address_id,
            None,
            "",
            100 * pieces,
            False,
            "",
        )

    async def ask(process: int, one: Wanted):
        try:
            return await processes[process].ask(stall.brand.id, one)
        except Refusal as refusal:
            return refusal.code

    answers = await asyncio.gather(*(ask(n % 2, wanted(f"k{n}")) for n in range(80)))
    assert answers.count("stock.out_of_stock") == 50 and await stall.level(sku) == (30, 30)

    same = await asyncio.gather(*(ask(n % 2, wanted(f"same{n // 4}", other)) for n in range(80)))
    assert len({answer.id for answer in same}) == 20 and await stall.level(other) == (1000, 20)

    fresh = await stall.sku(100, 1000)
    reused = await asyncio.gather(
        *(ask(n % 2, wanted(f"reused{n // 2}", other if n % 2 else fresh)) for n in range(40))
    )
    assert reused.count("http.key_reused") == 20
    for process in processes:
        await process.close()
    await stall.all_holds()
