"""Signed links: every visit and order carries where it came from."""

import asyncio
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from siyu.kernel.ids import new_id
from siyu.scenes.links import rules

BRAND, SECRET = new_id(), b"secret"


@given(st.binary(min_size=8, max_size=8))
def test_a_code_is_genuine_for_its_brand_and_secret_only(drawn):
    code = rules.code_of(drawn, SECRET, BRAND)
    assert len(code) == 16
    assert rules.is_genuine(code, SECRET, BRAND)
    assert not rules.is_genuine(code, b"other", BRAND)
    assert not rules.is_genuine(code, SECRET, new_id())


@given(st.text(max_size=20))
def test_a_guessed_code_is_not_genuine_whatever_was_typed(text):
    assert not rules.is_genuine(text, SECRET, BRAND) or len(text) == 16


async def make(console, **more):
    body = {
        "target": {"kind": "page", "id": "home"},
        "source": "wechat_group",
        "scene": "福利群",
        **more,
    }
    return await console.post(
        "/api/console/links", json=body, headers={"Idempotency-Key": new_id().hex}
    )


async def test_an_order_placed_through_a_link_carries_source_scene_and_store(
    stall, shopper, console
):
    store, sku = await stall.store(), await stall.sku()
    made = (await make(console, store_id=str(store), note="周末群")).json()
    opened = await shopper.http.get(f"/l/{made['code']}")
    assert (opened.status_code, opened.headers["location"]) == (302, f"/?link={made['code']}")
    placed = await shopper.ordered(
        {sku: 1}, 1990, headers={"X-Siyu-Link": made["code"]}, link=made["code"]
    )
    order = (await console.get(f"/api/console/orders/{placed['id']}")).json()
    assert (order["source"], order["scene"], order["store_name"]["zh-CN"]) == (
        "wechat_group",
        "福利群",
        "湖滨店",
    )
    (row,) = (await console.get("/api/console/links")).json()["items"]
    assert (row["visits"], row["orders"], row["note"]) == (1, 1, "周末群")
    (event,) = await stall.fetch("select data from events where kind = 'orders.placed/1'")
    assert event["data"]["link_id"] == made["id"]
    (touch,) = await stall.fetch("select person_id from touchpoints")
    assert touch["person_id"] == shopper.id


async def test_a_link_to_a_product_leads_there_and_an_unknown_code_leads_home(stall, shop, console):
    sku = await stall.sku()
    (row,) = await stall.fetch("select product_id from skus where id = $1", sku)
    made = (await make(console, target={"kind": "product", "id": str(row["product_id"])})).json()
    assert made["target_label"]["zh-CN"] == "青玉手镯"
    answer = await shop.get(f"/l/{made['code']}")
    assert (
        answer.headers["location"]
        == f"/pages/product/index?id={row['product_id']}&link={made['code']}"
    )
    forged = made["code"][:-1] + ("2" if made["code"][-1] != "2" else "3")
    assert (await shop.get(f"/l/{forged}")).headers["location"] == "/"
    assert len(await stall.fetch("select 1 from touchpoints")) == 1


async def test_a_link_of_another_brand_means_nothing_here(stall, shopper, console, rival_stall):
    made = (await make(console)).json()
    stranger = await rival_stall.shopper()
    assert (await stranger.http.get(f"/l/{made['code']}")).headers["location"] == "/"
    placed = await stranger.ordered({await rival_stall.sku(): 1}, 1990, link=made["code"])
    (row,) = await rival_stall.fetch(
        "select source, link_id from orders where id = $1", UUID(placed["id"])
    )
    assert (row["source"], row["link_id"]) == ("direct", None)


async def test_links_with_unknown_targets_sources_and_stores_are_refused(stall, console):
    for change, code in (
        ({"source": "telepathy"}, "links.bad_source"),
        ({"target": {"kind": "product", "id": str(new_id())}}, "links.bad_target"),
        ({"target": {"kind": "product", "id": "x"}}, "links.bad_target"),
        ({"store_id": str(new_id())}, "http.not_found"),
        ({"staff_id": str(new_id())}, "http.not_found"),
    ):
        answer = await make(console, **change)
        assert answer.json()["code"] == code, answer.text
    assert (await console.get("/api/console/links")).json()["items"] == []


async def test_many_visits_at_once_are_all_counted(stall, shop, console):
    made = (await make(console)).json()
    await asyncio.gather(*(shop.get(f"/l/{made['code']}") for _ in range(20)))
    (row,) = (await console.get("/api/console/links")).json()["items"]
    assert row["visits"] == 20


async def test_the_same_key_makes_one_link(stall, console):
    body = {"target": {"kind": "page", "id": "home"}, "source": "print"}
    answers = [
        await console.post("/api/console/links", json=body, headers={"Idempotency-Key": "one"})
        for _ in range(2)
    ]
    assert answers[0].json()["code"] == answers[1].json()["code"]
