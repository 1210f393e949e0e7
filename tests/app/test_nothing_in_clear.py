"""Planted names, phones, streets and remarks are found in no table, log, file, export or event, only by their owners."""

import secrets
from hashlib import blake2b, md5, sha1, sha256

import asyncpg
from structlog.testing import capture_logs

from siyu.insight.warehouse.filling import drain_spool
from siyu.people.notices import send_due
from tests.conftest import searching
from tests.goods.orders.conftest import Stall, keyed
from tests.insight.test_tracking import key_of, message, send

_TABLES = """
select c.relname::text as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'm')
"""


async def _reasons(stall, shopper, console, planted):
    """Every reason that somebody types about a person, typed where it is asked for; the order that was refunded."""
    sku = await stall.sku(1000, 50)
    unpaid, dropped, sold = [await shopper.ordered({sku: 2}, 2000) for _ in range(3)]
    order = f"/api/console/orders/{sold['id']}"
    (line,) = (await console.get(order)).json()["lines"]
    price = {"line_id": line["id"], "new_minor": 1800, "reason": planted["why cheaper"]}
    said = [await console.post(f"{order}/price", json=price, headers=keyed())]
    await shopper.pay(sold["id"])
    refund = {"lines": [{"line_id": line["id"], "quantity": 1}], "reason": planted["why refunded"]}
    customer = f"/api/console/customers/{said[0].json()['customer']['id']}"
    said += [
        await console.post(f"{order}/refunds", json=refund, headers=keyed()),
        await console.post(
            f"/api/console/orders/{unpaid['id']}/cancel", json={"reason": planted["why cancelled"]}, headers=keyed()
        ),
        await shopper.http.post(f"/api/shop/orders/{dropped['id']}/cancel", json={"reason": planted["why given up"]}),
        await console.post(f"{customer}/reveal", json={"field": "phone", "reason": planted["why revealed"]}),
        await console.post(f"{order}/cancel", json={"reason": planted["why ended"]}, headers=keyed()),
    ]  # fmt: skip
    assert all(answer.status_code == 200 for answer in said), [answer.text for answer in said]
    typed_forget = await console.post(
        f"{customer}/forget", json={"reason": planted["why cancelled"]}
    )
    assert typed_forget.status_code == 400, "why somebody is forgotten is chosen, not typed"
    return sold["id"]


async def _live(app, database, brand, console, api, planted):
    """A person does everything a person does, and leaves the planted words wherever words can be left."""
    stall = Stall(app, database, brand)
    sku = await stall.sku(1000, 50)
    shopper = await stall.shopper(planted["name"])
    planted["phone"] = shopper.phone
    entry = {
        "recipient": planted["recipient"], "phone": planted["second phone"], "district_code": "330106",
        "street": planted["street"],
    }  # fmt: skip
    address = await shopper.http.post("/api/shop/addresses", json=entry, headers=keyed())
    assert address.status_code == 201, address.text
    shopper.address_id = address.json()["id"]
    placed = await shopper.ordered({sku: 2}, 2000, note=planted["remark"])
    await shopper.pay(placed["id"])
    order = f"/api/console/orders/{placed['id']}"
    said = (
        await console.post(f"{order}/notes", json={"text": planted["note"]}, headers=keyed()),
        await console.patch(f"{order}/address", json=entry | {"street": planted["new street"]}),
        await console.post(f"{order}/recipient"),
        await shopper.http.patch("/api/shop/me", json={"name": planted["new name"]}),
        *[await console.get("/api/console/orders", headers=searching(word)) for word in planted.values()],
        *[await console.get("/api/console/customers", headers=searching(word)) for word in planted.values()],
        await shopper.http.post("/api/shop/session/code", json={"phone": planted["second phone"]}),
    )  # fmt: skip
    assert all(answer.status_code < 300 for answer in said), [answer.text for answer in said]
    refunded_id = await _reasons(stall, shopper, console, planted)
    traits = {"traits": {"name": planted["name"], "phone": shopper.phone, "email": planted["mail"]}}
    key = await key_of(database, brand)
    for one in (
        {"type": "identify", "userId": planted["mail"], "messageId": "i", **traits},
        message(id="t", userId=shopper.phone, properties={"street": planted["street"]},
                context={"page": {"url": f"https://x.cn/?phone={shopper.phone}"}}),
    ):  # fmt: skip
        assert (await send(api, key, one)).status_code == 200
    await stall.settle()
    assert await send_due(database, brand.id) >= 1, "a notice with their phone went out"
    await drain_spool(database, app.runtime.parts["warehouse"], brand.id)
    await stall.close()
    return placed["id"], refunded_id


def _forms(words):
    """Each word as text, as the hex in which PostgreSQL prints bytes, and hashed without a key: phones can be tried."""
    return {
        word: (
            word, word.encode().hex(), word.encode("unicode_escape").decode(),
            *(hasher(word.encode()).hexdigest()[:31] for hasher in (sha256, sha1, md5, blake2b)),
        )
        for word in words
    }  # fmt: skip


async def _in_tables(owner_url, forms):
    """``table: word`` for each planted word in any row of any table, whatever its type."""
    owner, found = await asyncpg.connect(owner_url), []
    for row in await owner.fetch(_TABLES):
        rows = f'select t::text as line from "{row["name"]}" t'
        for word, ways in forms.items():
            if await owner.fetchval(
                f"select count(*) from ({rows}) r where {' or '.join(f'strpos(line, ${n}) > 0' for n in range(1, 1 + len(ways)))}",
                *ways,
            ):
                found.append(f"{row['name']}: {word}")
    await owner.close()
    return found


async def test_planted_people_are_found_nowhere(
    app, database, brand, console, api, owner_url, home, siyu
):
    mark = secrets.token_hex(3)
    planted = {
        "name": f"植名{mark}", "recipient": f"收件{mark}", "second phone": f"137{secrets.randbelow(10**8):08d}",
        "street": f"隐秘路{mark}号", "new street": f"另一条路{mark}号", "remark": f"门铃坏了{mark}", "note": f"备注人{mark}",
        "why cheaper": f"熟人价{mark}", "why refunded": f"过敏了{mark}", "why cancelled": f"他说不要了{mark}",
        "why given up": f"我搬家了{mark}", "why revealed": f"回电给他{mark}", "why ended": f"人已出国{mark}",
        "new name": f"改名{mark}", "mail": f"{mark}@example.org",
    }  # fmt: skip
    with capture_logs() as logged:
        order_id, refunded_id = await _live(app, database, brand, console, api, planted)
    shown = (await console.get(f"/api/console/orders/{order_id}")).json()
    assert shown["customer_note"] == planted["remark"], "who may read it reads it"
    refunded = (await console.get(f"/api/console/orders/{refunded_id}")).text
    assert all(planted[f"why {what}"] in refunded for what in ("cheaper", "refunded", "ended"))

    forms = _forms(planted.values())
    assert await _in_tables(owner_url, forms) == [], (
        "tables, and so dumps, search and idempotency rows"
    )
    warehouse = app.runtime.parts["warehouse"]
    for table in ("behaviour", "sales"):
        rows = await warehouse.ask(brand.id, f"select toString(tuple(*)) as line from {table} where brand = {{brand:UUID}}")  # fmt: skip
        assert rows, table
        lines = "\n".join(row["line"] for row in rows)
        assert [word for word, ways in forms.items() if any(way in lines for way in ways)] == [], (
            table
        )
    assert [word for word in forms if word in str(logged)] == [], "logs"
    files = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert [word for word in forms if word.encode() in files] == [], "files"
    for what in ("orders", "products"):
        said = siyu("export", what, "--brand", brand.slug)
        assert said.status == 0, said.err
        assert [word for word in forms if word in said.out] == [], "exports"


async def test_the_search_for_planted_words_finds_them_where_they_are(
    app, brand, owner_url, database
):
    """The test above would notice: a word put into a table is found, as text and inside bytes."""
    word = f"裸奔{secrets.token_hex(3)}"
    async with database.raw(brand.id) as connection:
        await connection.execute("update brands set service_phone = $1", word)
    assert await _in_tables(owner_url, _forms([word])) == [f"brands: {word}"]
    async with database.raw(brand.id) as connection:
        await connection.execute("update brands set service_phone = ''")
        await connection.execute(
            "insert into vault_keys (person_id, month, wrapped) values (gen_random_uuid(), '2020-01', $1)",
            word.encode(),
        )
    assert await _in_tables(owner_url, _forms([word])) == [f"vault_keys: {word}"]
