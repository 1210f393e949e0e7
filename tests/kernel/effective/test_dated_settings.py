"""Dated settings over the console's door: what they do to the shop, what is refused, and who hears of it."""

import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from siyu.app.runtime import Runtime
from siyu.kernel import clock, effective
from siyu.people.brands import PICK_UP_OFFERED, UNPAID_TIMEOUT
from tests.conftest import sign_in

TIMEOUT, PICK_UP = UNPAID_TIMEOUT.code, PICK_UP_OFFERED.code
DOOR = "/api/console/effective"


def at(**ahead: float) -> str:
    return (clock.now() + timedelta(**ahead)).isoformat()


async def change(console, code, value, *, version=0, starts_at=None, reason="双十一"):
    body = {"value": value, "reason": reason, "version": version, "starts_at": starts_at}
    return await console.post(f"{DOOR}/{code}", json=body)


async def setting(console, code):
    items = (await console.get(DOOR)).json()["items"]
    return next(one for one in items if one["code"] == code)


async def pay_by(shopper, placed):
    order = await shopper.order(placed["id"])
    return (
        datetime.fromisoformat(order["pay_by"]) - datetime.fromisoformat(order["placed_at"])
    ).total_seconds() / 60


async def test_a_longer_time_to_pay_holds_from_its_moment_and_old_orders_keep_what_they_were_told(
    console, stall, shopper, shop, later
):
    sku = await stall.sku(1990, 10)
    planned = await change(console, TIMEOUT, 45, starts_at=at(minutes=10))
    assert planned.status_code == 200, planned.text
    assert (planned.json()["value"], planned.json()["planned"][0]["value"]) == (15, 45)
    before = await shopper.ordered({sku: 1}, 1990)
    assert await pay_by(shopper, before) == 15
    later(minutes=10)
    after = await shopper.ordered({sku: 1}, 1990)
    assert await pay_by(shopper, after) == 45
    assert (await shop.get("/api/shop/shop")).json()["unpaid_timeout_minutes"] == 45
    later(minutes=6)
    await stall.pass_time()
    states = [(await shopper.order(one["id"]))["state"] for one in (before, after)]
    assert states == ["cancelled", "unpaid"]
    await stall.all_holds()


async def test_while_pick_up_is_off_nobody_orders_it_and_what_was_ordered_is_handed_out(
    console, stall, shopper, shop, later
):
    store = await stall.store()
    sku = await stall.sku(1990, 10, store_id=store)
    to_pick_up = {"delivery": "pick_up", "address_id": None, "store_id": str(store)}
    early = await shopper.ordered({sku: 1}, 1990, **to_pick_up)
    assert (await change(console, PICK_UP, False, starts_at=at(minutes=5))).status_code == 200
    again = await change(console, PICK_UP, True, starts_at=at(minutes=9), version=1)
    assert again.status_code == 200
    later(minutes=5)
    lines = {"lines": [{"sku_id": str(sku), "quantity": 1}]}
    refused = await shopper.place({sku: 1}, 1990, **to_pick_up)
    assert (refused.status_code, refused.json()["code"]) == (409, "orders.pick_up_closed")
    quote = await shopper.http.post(
        "/api/shop/quote", json=lines | {"delivery": "pick_up", "store_id": str(store), "district_code": None}
    )  # fmt: skip
    assert quote.json()["code"] == "orders.pick_up_closed", quote.text
    assert (await shop.post("/api/shop/stores/pick-up", json=lines)).json()["items"] == []
    assert [one["pick_up"] for one in (await shop.get("/api/shop/stores")).json()["items"]] == [
        False
    ]
    await shopper.pay(early["id"])
    await stall.settle()
    assert (await shopper.order(early["id"]))["pick_up_code"]
    later(minutes=5)
    assert (await shopper.place({sku: 1}, 1990, **to_pick_up)).status_code == 201


async def test_the_product_page_stops_promising_pick_up_when_the_moment_is_stated(
    console, stall, shop, later
):
    store = await stall.store()
    sku = await stall.sku(pieces=3, store_id=store)
    await stall.settle()
    (row,) = await stall.fetch("select product_id from skus where id = $1", sku)
    page = f"/api/shop/products/{row['product_id']}"
    assert (await shop.get(page)).json()["pick_up_stores"] == 1
    assert (await change(console, PICK_UP, False, starts_at=at(hours=1))).status_code == 200
    later(hours=1)
    await stall.pass_time()
    for _ in range(100):
        if (await shop.get(page)).json()["pick_up_stores"] == 0:
            break
        await asyncio.sleep(0.02)
    else:
        raise AssertionError("a page kept in memory still promises it")


@pytest.mark.parametrize(
    ("code", "body", "status", "said"),
    [
        ("no.such", {}, 404, "effective.unknown_setting"),
        ("storefront.home", {}, 404, "effective.unknown_setting"),
        (TIMEOUT, {"value": "30"}, 422, "effective.wrong_type"),
        (TIMEOUT, {"value": True}, 422, "effective.wrong_type"),
        (PICK_UP, {"value": 0}, 422, "effective.wrong_type"),
        (TIMEOUT, {"value": 30.5}, 400, "http.malformed"),
        (TIMEOUT, {"value": 0}, 422, "effective.out_of_bounds"),
        (TIMEOUT, {"value": 10**30}, 422, "effective.out_of_bounds"),
        (TIMEOUT, {"starts_at": "2020-01-01T00:00:00Z"}, 422, "effective.past_start"),
        (TIMEOUT, {"starts_at": "9999-12-31T23:59:59Z"}, 422, "effective.too_far"),
        (TIMEOUT, {"starts_at": "2027-01-01T00:00:00"}, 400, "http.malformed"),
        (TIMEOUT, {"reason": "  "}, 422, "effective.reason_needed"),
        (TIMEOUT, {"reason": "a\0b"}, 422, "effective.reason_needed"),
        (TIMEOUT, {"version": 4}, 409, "effective.changed_meanwhile"),
        (TIMEOUT, {"value": 15}, 409, "effective.nothing_new"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_and_says_why(console, code, body, status, said):
    wanted = {"value": 30, "reason": "试", "version": 0} | body
    answer = await console.post(f"{DOOR}/{code}", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (status, said), answer.text
    assert (await setting(console, TIMEOUT))["entries"] == 0


async def test_who_may_not_change_settings_changes_none_and_a_rival_sees_nothing(
    app, console, rival
):
    planned = (await change(console, TIMEOUT, 45, starts_at=at(days=1))).json()["planned"][0]
    person = {"name": "小李", "login": f"li{uuid4().hex[:8]}", "roles": ["viewer"]}
    brand = (await console.get("/api/console/brand")).json()["slug"]
    person["login"] = f"{person['login']}@{brand}"
    units = (await console.get("/api/console/units")).json()["items"]
    made = await console.post("/api/console/staff", json=person | {"unit_id": units[0]["id"]})
    assert made.status_code < 300, made.text
    client = await sign_in(app, rival, person["login"], made.json()["first_password"])
    assert (await client.get(DOOR)).status_code == 200
    for path, body in (
        (f"{DOOR}/{TIMEOUT}", {"value": 9, "reason": "x", "version": 1}),
        (f"{DOOR}/{TIMEOUT}/{planned['id']}/withdraw", {"version": 1}),
    ):
        answer = await client.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "http.not_allowed")
    await client.aclose()
    theirs = await sign_in(app, rival)
    assert (await setting(theirs, TIMEOUT))["planned"] == []
    answer = await theirs.post(f"{DOOR}/{TIMEOUT}/{planned['id']}/withdraw", json={"version": 0})
    assert answer.status_code == 404
    await theirs.aclose()


async def test_of_people_who_change_the_same_setting_at_once_one_succeeds(console):
    moment = at(days=1)
    answers = await asyncio.gather(*(change(console, TIMEOUT, n, starts_at=moment) for n in range(20, 25)))  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["code"] == "effective.moment_taken" and refused["facts"]["set_by"]
    others = await asyncio.gather(*(change(console, TIMEOUT, n + 10, starts_at=at(days=n), version=1) for n in range(20, 25)))  # fmt: skip
    assert sorted(answer.status_code for answer in others) == [200, 409, 409, 409, 409]
    codes = {answer.json().get("code") for answer in others if answer.status_code == 409}
    assert codes == {"effective.changed_meanwhile"}
    assert (await setting(console, TIMEOUT))["entries"] == 2


async def test_what_is_withdrawn_never_holds_frees_its_moment_and_stays_in_the_history(
    console, stall, later
):
    moment = at(hours=1)
    planned = (await change(console, TIMEOUT, 45, starts_at=moment)).json()["planned"][0]
    path = f"{DOOR}/{TIMEOUT}/{planned['id']}/withdraw"
    assert (await console.post(path, json={"version": 0})).json()["code"] == (
        "effective.changed_meanwhile"
    )
    assert (await console.post(path, json={"version": 1})).json()["planned"] == []
    assert (await console.post(path, json={"version": 2})).status_code == 404
    assert (await change(console, TIMEOUT, 50, starts_at=moment, version=2)).status_code == 200
    later(hours=1)
    await stall.pass_time()
    shown = await setting(console, TIMEOUT)
    assert (shown["value"], shown["holds"]["reason"]) == (50, "双十一")
    held = await console.post(
        f"{DOOR}/{TIMEOUT}/{shown['holds']['id']}/withdraw", json={"version": 3}
    )
    assert (held.status_code, held.json()["code"]) == (409, "effective.holds_already")
    history = (await console.get(f"{DOOR}/{TIMEOUT}/history")).json()["items"]
    assert [(one["value"], one["state"]) for one in history] == [(50, "holds"), (45, "withdrawn")]
    assert history[1]["withdrawn_by"]


async def test_the_program_itself_cannot_rewrite_what_held(console, stall):
    await change(console, TIMEOUT, 45)
    for statement in (
        "update effective_values set value = '1'",
        "update effective_values set starts_at = now()",
        "delete from effective_values",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await stall.fetch(statement)


async def test_another_process_hears_of_a_change_at_once_and_a_planned_one_begins_there_by_the_clock(
    console, runtime, brand, later
):
    other = Runtime(runtime.settings, runtime.urls, pool=2)
    await other.open()
    try:
        memory = effective.memory_of(other)
        while not other.parts["news"].listening:
            await asyncio.sleep(0.01)
        assert await memory.value(brand.id, UNPAID_TIMEOUT) == 15
        assert (await change(console, TIMEOUT, 30)).status_code == 200
        for _ in range(75):
            if await memory.value(brand.id, UNPAID_TIMEOUT) == 30:
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError("not heard within 1.5 s, half of what a memory lives")
        await change(console, TIMEOUT, 45, starts_at=at(hours=1), version=1)
        await asyncio.sleep(0.1)
        assert await memory.value(brand.id, UNPAID_TIMEOUT) == 30
        later(hours=1)  # no worker runs here, and nobody tells the process
        assert await memory.value(brand.id, UNPAID_TIMEOUT) == 45
    finally:
        await other.close()


async def test_a_start_is_stated_once_whoever_begins_it_and_again_after_a_worker_that_died(
    console, stall, later, monkeypatch
):
    await change(console, TIMEOUT, 30)
    await change(console, TIMEOUT, 45, starts_at=at(hours=1), version=1)
    sql = "select count(*) from events where kind = 'effective.changed/1'"
    assert (await stall.fetch(sql))[0][0] == 1, "what holds at once is stated with its change"
    await stall.pass_time()
    assert (await stall.fetch(sql))[0][0] == 1
    later(hours=1)
    from siyu.kernel import timers

    async def dies(session, due):
        await effective.begin(session, due)
        raise ConnectionResetError("the worker is gone before its commit")

    with monkeypatch.context() as broken:
        broken.setitem(timers.handlers, "effective.starts", dies)
        await stall.pass_time()
    assert (await stall.fetch(sql))[0][0] == 1
    later(seconds=3)
    await asyncio.gather(stall.pass_time(), stall.pass_time())
    await stall.pass_time()
    assert (await stall.fetch(sql))[0][0] == 2
    await stall.all_holds()
