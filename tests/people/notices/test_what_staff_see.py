"""What the outbox shows to staff: never a code that opens something, and what does not open with its reason."""

import pytest

from siyu.kernel import vault
from tests.conftest import sign_in

OUTBOX = "/api/console/notices"


@pytest.fixture
def damage(stall):
    """``await damage(order)``: a byte of what is sealed of the notice about an order is changed in the database."""

    async def flip(order):
        await stall.fetch(
            "update notices set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) where key = $1 returning id",
            f"order_paid/{order['id']}",
        )

    return flip


async def test_one_notice_that_does_not_open_holds_up_no_other(
    paid, damage, gateway, send, outbox, console
):
    _, bad = await paid()
    _, good = await paid()
    await damage(bad)
    assert await send() == 2
    assert [one["key"] for one in gateway.heard] == [f"order_paid/{good['id']}"]
    states = [(row["state"], row["error"]) for row in await outbox()]
    assert states == [("given_up", "unopenable"), ("sent", "")]
    assert await send() == 0
    shown = await console.get(OUTBOX)
    assert shown.status_code == 200, shown.text
    told, damaged = shown.json()["items"]
    assert good["number"] in told["text"] and not told["unopenable"]
    assert damaged["unopenable"] and damaged["text"] is None and damaged["to_masked"] == ""
    refused = await console.post(f"{OUTBOX}/{damaged['id']}/again")
    assert refused.status_code == 409 and refused.json()["code"] == "notices.unopenable"
    await damage(bad)  # the same bit again: as it was
    assert (await console.post(f"{OUTBOX}/{damaged['id']}/again")).json()["state"] == "waiting"
    assert await send() == 1 and len(gateway.heard) == 2


async def test_a_destroyed_key_gives_up_its_own_persons_notices_only(
    stall, paid, gateway, send, outbox, console
):
    _, lost = await paid()
    _, good = await paid()
    # as after the destruction of an old month's key
    await stall.fetch(
        """update vault_keys set month = '2020-01' where person_id =
           (select person_id from notices where key = $1) returning person_id""",
        f"order_paid/{lost['id']}",
    )
    assert await send() == 2
    assert [one["key"] for one in gateway.heard] == [f"order_paid/{good['id']}"]
    assert [(row["state"], row["error"]) for row in await outbox()] == [
        ("given_up", "unopenable"),
        ("sent", ""),
    ]
    items = (await console.get(OUTBOX)).json()["items"]
    assert [one["unopenable"] for one in items] == [False, True]


async def test_a_pick_up_code_is_told_to_the_customer_and_shown_to_nobody_in_the_outbox(
    app, brand, stall, send, gateway, console
):
    shopper, store, sku = await stall.shopper(), await stall.store(), await stall.sku(500, 0)
    await stall.count(sku, 5, store_id=store)
    order = await shopper.ordered(
        {sku: 1}, 500, delivery="pick_up", store_id=str(store), address_id=None
    )
    await shopper.pay(order["id"])
    for _ in range(3):  # what a listener states is heard in the next round
        await stall.settle()
    while await send():
        pass
    code = (await shopper.order(order["id"]))["pick_up_code"]
    assert code and any(code in one["text"] for one in gateway.heard)
    hq = (await console.get("/api/console/units")).json()["items"][0]["id"]
    login = f"viewer@{brand.slug}"
    body = {"login": login, "name": "看", "roles": ["viewer"], "unit_id": hq, "password": "right horse 8"}  # fmt: skip
    assert (await console.post("/api/console/staff", json=body)).status_code == 201
    viewer = await sign_in(app, brand, login, "right horse 8")
    for desk in (console, viewer):
        shown = await desk.get(OUTBOX)
        assert shown.status_code == 200 and code not in shown.text
        (ready,) = [one for one in shown.json()["items"] if one["kind"] == "pick_up_ready"]
        assert order["number"] in ready["text"] and "自提码 ••••" in ready["text"]
    await viewer.aclose()


async def test_a_code_that_was_sealed_before_it_was_kept_apart_is_blanked_too(
    stall, paid, database, brand, console
):
    from siyu.people.notices.queries import Content

    await paid()
    ((row),) = await stall.fetch("select id, person_id from notices")
    async with database.raw(brand.id) as connection:
        key = (await vault.keys_of(connection, [row["person_id"]]))[row["person_id"]]
        old = key.seal("notice", {"to": "13800138000", "text": "自提码 48210937"})
        assert key.open("notice", old, Content).shown is None
        await connection.execute("update notices set kind = 'pick_up_ready', sealed = $1", old)
    shown = await console.get(OUTBOX)
    assert "48210937" not in shown.text and shown.json()["items"][0]["text"] == "••••"
