"""Planted names, phones, streets and remarks are found in no table, log, file, export or event, only by their owners."""

import secrets

import asyncpg
from structlog.testing import capture_logs

from siyu.insight.warehouse.filling import drain_spool
from siyu.people.notices import send_due
from tests.goods.orders.conftest import Stall, keyed
from tests.insight.test_tracking import key_of, message, send

_TABLES = """
select c.relname::text as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'm')
"""


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
        *[await console.get("/api/console/orders", params={"q": word}) for word in planted.values()],
        *[await console.get("/api/console/customers", params={"q": word}) for word in planted.values()],
        await shopper.http.post("/api/shop/session/code", json={"phone": planted["second phone"]}),
    )  # fmt: skip
    assert all(answer.status_code < 300 for answer in said), [answer.text for answer in said]
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
    return placed["id"]


def _forms(words):
    """Each word as text, and as the hex in which PostgreSQL prints bytes."""
    return {word: (word, word.encode().hex(), word.encode("unicode_escape").decode()) for word in words}  # fmt: skip


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
        "new name": f"改名{mark}", "mail": f"{mark}@example.org",
    }  # fmt: skip
    with capture_logs() as logged:
        order_id = await _live(app, database, brand, console, api, planted)
    shown = (await console.get(f"/api/console/orders/{order_id}")).json()
    assert shown["customer_note"] == planted["remark"], "who may read it reads it"

    forms = _forms(planted.values())
    assert await _in_tables(owner_url, forms) == [], (
        "tables, and so dumps, search and idempotency rows"
    )
    warehouse = app.runtime.parts["warehouse"]
    for table in ("behaviour", "sales"):
        rows = await warehouse.ask(brand.id, f"select toString(tuple(*)) as line from {table} where brand = {{brand:UUID}}")  # fmt: skip
        assert rows, table
        lines = "\n".join(row["line"] for row in rows)
        assert [word for word in forms if word in lines] == [], table
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
