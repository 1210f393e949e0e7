"""Customers are told once about their orders, whatever is doubled, killed, away or refused."""

import asyncio
import os
import secrets
import signal
import sys
from datetime import timedelta

import msgspec
import pytest

from siyu.app.notifying import tell_paid
from siyu.goods.orders import OrderPaid
from siyu.kernel import clock, events, vault
from siyu.kernel.db import APP, DISPATCHER, driver_of
from siyu.kernel.settings import role_url
from siyu.people.notices import send_due, sending
from siyu.people.notices.ports import plugs
from tests.goods.orders.conftest import keyed


@pytest.fixture
def later():
    yield lambda **by: clock.shift(timedelta(**by))
    clock.shift(timedelta(0))


async def inbox(shopper):
    answer = await shopper.http.get("/api/shop/demo-inbox", params={"phone": shopper.phone})
    return [one["text"] for one in answer.json()["items"]]


async def test_a_paid_order_is_told_once_in_the_customers_language(stall, paid, send, outbox):
    shopper = await stall.shopper()
    await shopper.http.patch("/api/shop/me", json={"locale": "en"})
    _, order = await paid(shopper)
    ((row),) = await outbox()
    assert (row["key"], row["state"]) == (f"order_paid/{order['id']}", "waiting")
    assert await send() == 1
    (text,) = await inbox(shopper)
    assert (
        text == f"[Trial] We received ¥10.00 for your order {order['number']} and are preparing it."
    )
    assert await send() == 0
    assert [one["state"] for one in await outbox()] == ["sent"]


async def test_shipping_picking_up_and_refunding_are_told_with_their_facts(
    stall, paid, send, console
):
    shopper, order = await paid()
    shown = (await console.get(f"/api/console/orders/{order['id']}")).json()
    line = {"line_id": shown["lines"][0]["id"], "quantity": 1}
    parcel = {"carrier": "SF", "tracking_number": "SF7654321098765", "lines": [line]}
    sent = await console.post(
        f"/api/console/orders/{order['id']}/parcels", json=parcel, headers=keyed()
    )
    assert sent.status_code < 300, sent.text
    refund = {"lines": [line], "reason": "破损"}
    back = await console.post(
        f"/api/console/orders/{order['id']}/refunds", json=refund, headers=keyed()
    )
    assert back.status_code < 300, back.text
    store = await stall.store()
    sku = await stall.sku(500, 0)
    await stall.count(sku, 5, store_id=store)
    ready = await shopper.ordered(
        {sku: 1}, 500, delivery="pick_up", store_id=str(store), address_id=None
    )
    await shopper.pay(ready["id"])
    for _ in range(3):  # what a listener states is heard in the next round
        await stall.settle()
    await send()
    code = (await shopper.order(ready["id"]))["pick_up_code"]
    texts = await inbox(shopper)
    assert any(
        order["number"] in one and "顺丰" in one and "SF7654321098765" in one for one in texts
    )
    assert any(order["number"] in one and "已退款 ¥10.00" in one for one in texts)
    assert any(f"湖滨店自提了，自提码 {code}" in one for one in texts)
    assert len(texts) == 5, "two payments, a parcel, a refund, a pick-up"


async def test_an_event_heard_twice_is_told_once(
    stall, paid, database, brand, send, outbox, gateway
):
    _, order = await paid()
    (kept,) = await stall.fetch(
        "select data::text as data from events where kind = 'orders.paid/1'"
    )
    event = msgspec.json.decode(kept["data"], type=OrderPaid)
    async with database.brand(brand.id) as session:
        await tell_paid(session, [event, event])
    while await send():
        pass
    async with database.brand(brand.id) as session:
        await tell_paid(session, [event])
    assert await send() == 0
    assert [one["key"] for one in gateway.heard] == [f"order_paid/{order['id']}"]
    assert len(await outbox()) == 1


async def test_two_workers_racing_hand_each_notice_over_once(
    stall, paid, database, brand, gateway, outbox
):
    shopper = await stall.shopper()
    for _ in range(6):
        await paid(shopper)
    counted = await asyncio.gather(*(send_due(database, brand.id, most=2) for _ in range(8)))
    while await send_due(database, brand.id):
        pass
    assert sum(counted) >= 2
    keys = [one["key"] for one in gateway.heard]
    assert len(keys) == len(set(keys)) == 6
    assert {one["state"] for one in await outbox()} == {"sent"}


_CHILD = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from siyu.kernel import vault
from siyu.kernel.db import Database
from siyu.kernel.egress import Egress
from siyu.people.notices import send_due
from siyu.people.notices.channels import SmsGateway
from siyu.people.notices.ports import plugs

async def main(app, dispatcher, keys, url, brand):
    vault.use_keyring(vault.Keyring(Path(keys)))
    database = Database(app, dispatcher)
    await database.open()
    plugs.channels = {"sms": SmsGateway(Egress(allow_private=True), url)}
    await send_due(database, UUID(brand))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_worker_killed_between_sending_and_writing_down_sends_again_with_the_same_key(
    stall, paid, send, outbox, gateway, owner_url, brand, keys, later
):
    _, order = await paid()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, role_url(owner_url, APP), role_url(owner_url, DISPATCHER), str(keys.folder),
        gateway.url, str(brand.id),
    )  # fmt: skip
    gateway.silent, gateway.on_arrival = True, lambda: os.kill(child.pid, signal.SIGKILL)
    assert await asyncio.wait_for(child.wait(), 60) == -signal.SIGKILL
    gateway.silent, gateway.on_arrival = False, None
    assert [one["state"] for one in await outbox()] == ["sending"]
    assert await send() == 0, "its lease still runs"
    later(seconds=sending.LEASE.total_seconds() + 1)
    assert await send() == 1
    assert [one["key"] for one in gateway.heard] == [f"order_paid/{order['id']}"] * 2
    assert gateway.heard[0] == gateway.heard[1]
    assert [(one["state"], one["attempts"]) for one in await outbox()] == [("sent", 2)]


async def test_a_late_workers_answer_is_not_written_down(
    stall, paid, database, brand, outbox, gateway, later
):
    await paid()
    gateway.silent, gateway.answers = True, [422, 200]
    frozen = asyncio.create_task(send_due(database, brand.id))
    while not gateway.heard:
        await asyncio.sleep(0.02)
    later(seconds=sending.LEASE.total_seconds() + 1)
    async with database.raw(brand.id) as connection:
        await connection.execute("update notices set lease = gen_random_uuid(), state = 'sent'")
    gateway.silent = False
    await frozen
    assert [(one["state"], one["error"]) for one in await outbox()] == [("sent", "")]


async def test_a_gateway_that_fails_is_asked_again_later_and_later(
    paid, send, outbox, gateway, later
):
    await paid()
    gateway.answers = [503, 429, 200]
    assert await send() == 1
    (row,) = await outbox()
    assert (row["state"], row["error"], row["attempts"]) == ("waiting", "gateway_503", 1)
    assert await send() == 0, "not before its pause is over"
    later(seconds=11)
    assert await send() == 1
    later(seconds=22)
    assert await send() == 0, "the pauses grow"
    later(seconds=60)
    assert await send() == 1
    (row,) = await outbox()
    assert (row["state"], row["error"], row["attempts"]) == ("sent", "", 3)
    assert len({one["key"] for one in gateway.heard}) == 1


async def test_a_gateway_that_never_answers_holds_nobody_up(paid, send, outbox, gateway):
    await paid()
    gateway.silent = True
    assert await asyncio.wait_for(send(), 10) == 1
    assert [(one["state"], one["error"]) for one in await outbox()] == [("waiting", "unreachable")]


async def test_a_refusal_for_good_ends_it_until_staff_try_again(
    paid, send, outbox, gateway, later, console
):
    await paid()
    gateway.answers = [422, 200]
    await send()
    (row,) = await outbox()
    assert (row["state"], row["error"]) == ("failed", "gateway_422")
    later(hours=2)
    assert await send() == 0
    again = await console.post(f"/api/console/notices/{row['id']}/again")
    assert (again.status_code, again.json()["state"]) == (200, "waiting")
    assert await send() == 1
    assert [one["state"] for one in await outbox()] == ["sent"]
    refused = await console.post(f"/api/console/notices/{row['id']}/again")
    assert (refused.status_code, refused.json()["code"]) == (409, "notices.not_over")


async def test_after_eight_tries_it_is_given_up(paid, send, outbox, gateway, later):
    await paid()
    gateway.answers = [500]
    for n in range(9):
        later(hours=2 * (n + 1))
        await send()
    assert [(one["state"], one["attempts"]) for one in await outbox()] == [("given_up", 8)]


async def test_without_a_channel_it_is_given_up_and_the_console_says_so(
    paid, outbox, send, console, monkeypatch, gateway
):
    monkeypatch.setattr(plugs, "channels", {})
    await paid()
    shown = (await console.get("/api/console/notices")).json()
    (one,) = shown["items"]
    assert (one["state"], one["error"], shown["counts"]) == (
        "given_up",
        "no_channel",
        {"given_up": 1},
    )
    settings = (await console.get("/api/console/notices/settings")).json()
    assert not any(channel["open"] for channel in settings["channels"])
    still = (await console.post(f"/api/console/notices/{one['id']}/again")).json()
    assert (still["state"], still["error"]) == ("given_up", "no_channel")
    monkeypatch.undo()
    assert (await console.post(f"/api/console/notices/{one['id']}/again")).json()[
        "state"
    ] == "waiting"
    assert await send() == 1


async def test_a_kind_that_is_switched_off_tells_nobody(paid, outbox, console):
    off = await console.put(
        "/api/console/notices/kinds/order_paid/channel", json={"channel": "off"}
    )
    assert off.status_code == 200, off.text
    await paid()
    assert await outbox() == []


async def test_what_was_made_for_the_demo_tells_nobody(stall, database, brand, outbox, paid):
    await paid()
    (kept,) = await stall.fetch(
        "select data::text as data, subject from events where kind = 'orders.paid/1'"
    )
    async with database.brand(brand.id) as session:
        event = msgspec.json.decode(kept["data"], type=OrderPaid)
        await events.state(session, [event], origin="demo")
        await (await driver_of(session)).execute("delete from notices")
    await stall.settle()
    assert await outbox() == []


async def test_a_forgotten_person_is_told_nothing_more(stall, console, outbox, send, paid, gateway):
    shopper, order = await paid()
    async with stall.database.raw(stall.brand.id) as connection:
        await connection.execute("update orders set state = 'completed' where id = $1", order["id"])
    gone = await console.post(
        f"/api/console/customers/{shopper.id}/forget", json={"reason": "asked"}
    )
    assert gone.status_code == 200, gone.text
    assert await send() == 1, "the key is gone before the listener comes"
    assert gateway.heard == []
    await stall.settle()
    (row,) = await outbox()
    assert (row["state"], row["error"], row["sealed"]) == ("given_up", "forgotten", None)
    again = await console.post(f"/api/console/notices/{row['id']}/again")
    assert (again.status_code, again.json()["code"]) == (410, "notices.nobody_there")
    (shown,) = (await console.get("/api/console/notices")).json()["items"]
    assert (shown["to_masked"], shown["text"]) == ("", None)


async def test_what_is_sealed_opens_only_with_the_persons_key(stall, paid, outbox, database, brand):
    shopper, order = await paid()
    (row,) = await outbox()
    for word in (shopper.phone, order["number"]):
        assert word.encode() not in row["sealed"]
    async with database.raw(brand.id) as connection:
        other = (await vault.keys_for(connection, [brand.id]))[brand.id]
    with pytest.raises(vault.Unopenable):
        other.open("notice", row["sealed"], dict)


async def test_a_rival_sees_and_moves_none_of_our_notices(
    paid, outbox, rival, app, gateway, database
):
    from tests.conftest import sign_in

    await paid()
    (row,) = await outbox()
    theirs = await sign_in(app, rival)
    assert (await theirs.get("/api/console/notices")).json()["items"] == []
    answer = await theirs.post(f"/api/console/notices/{row['id']}/again")
    assert answer.status_code == 404
    own = {"text": f"{{brand}} {{number}} {secrets.token_hex(3)}", "version": 0}
    assert (
        await theirs.put("/api/console/notices/kinds/order_paid/texts/en", json=own)
    ).status_code == 200
    await theirs.aclose()
    assert await send_due(database, rival.id) == 0
    async with database.raw(rival.id) as connection:
        assert await connection.fetchval("select count(*) from notices") == 0
