"""In the house that a brand moved into: its ledger counts on, its codes, second steps and audit stay good."""

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.app.brand_file import export_brand, import_brand, settle_arrivals
from siyu.app.brand_file.writing import spans
from siyu.app.health import keys as health_of_keys
from siyu.app.runtime import Runtime
from siyu.app.web import create_app
from siyu.kernel import ledger
from siyu.kernel.checks import run_checks
from siyu.kernel.events import drain, listeners
from siyu.kernel.settings import urls_of
from siyu.kernel.vault import KeyMissing, Keyring, use_keyring
from siyu.people import customers
from siyu.people.staff import first_broken_of_audit
from siyu.people.staff.chain.proving import first_broken_on
from siyu.people.staff.chain.sealing import LINK, seal_brand
from siyu.scenes.links import rules
from tests.conftest import client_for, make_brand
from tests.goods.orders.conftest import Stall, keyed, paid_order
from tests.people.staff.authenticator import attempt, enrolled

ROOT = Path(__file__).parents[3]
WORDS = "a long enough passphrase"
FURTHER = 10_000_000
"""How many transactions the old server was ahead."""
NATIVE = (
    "INSERT INTO behaviour (brand, message_id, type, name, at, received_at, properties, origin)"
)


@pytest.fixture
def carried(runtime, elsewhere, place):
    """Carry a brand over, whatever waits there seen to before; its new house is this process's from then on."""

    async def carry(brand):
        await drain(runtime.database, brand.id, set(listeners), files=runtime.files)
        async with runtime.database.raw(brand.id) as connection:
            await connection.execute("delete from tracking_spool")
        await export_brand(runtime, brand.slug, brand.id, place / "b.siyu", WORDS)
        use_keyring(Keyring(place / "home" / "keys"))
        return await import_brand(elsewhere, place / "b.siyu", WORDS)

    return carry


@pytest.fixture
async def stall(app, database, brand):
    stall = Stall(app, database, brand)
    yield stall
    await stall.close()


@asynccontextmanager
async def further(owner_url, brand):
    """Meanwhile, as if the old server had counted much further when it posted what there is."""
    owner = await asyncpg.connect(owner_url)
    for step in (
        FURTHER,
        -FURTHER,
    ):  # whoever prepares this database later would wait for the numbers to pass by
        for column in ("ledger_postings set tx = tx", "ledger_cursors set hi = hi"):
            await owner.execute(f"update {column} + {step} where brand_id = $1", brand.id)
        if step > 0:
            yield
    await owner.close()


async def sums(house, brand):
    async with house.database.raw(brand.id) as connection:
        return {
            (one.account_id, one.kind): (one.debit, one.credit)
            for one in await ledger.flows(connection)
        }


LEDGER = {
    "ledger.accounts",
    "ledger.balances",
    "ledger.limits",
    "ledger.reversals",
    "ledger.roll_ups",
}
POST = """
insert into ledger_postings (id, key, part, kind, source, destination, unit, amount, state, rule, booked_at)
select gen_random_uuid(), 'new', 1, kind, source, destination, unit, 777, 'posted', rule, now()
from ledger_postings order by key, part limit 1 returning kind, source, destination
"""


async def test_what_is_posted_after_the_move_is_in_statements_and_sums_however_far_the_old_server_was(
    runtime, elsewhere, stall, console, carried, owner_url
):
    shopper, sku = await stall.shopper(), await stall.sku(price_minor=1990)
    placed = await paid_order(shopper, {sku: 2}, 3980)
    async with stall.database.raw(stall.brand.id) as connection:
        assert await ledger.roll_up_on(connection)
    order = (await console.get(f"/api/console/orders/{placed['id']}")).json()
    back = {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}], "freight_minor": 0, "reason": "不合适", "restock": True}  # fmt: skip
    refunded = await console.post(f"/api/console/orders/{placed['id']}/refunds", json=back, headers=keyed())  # fmt: skip
    assert refunded.status_code == 200, refunded.text
    await stall.settle()
    async with further(owner_url, stall.brand):
        before = await sums(runtime, stall.brand)
        assert sum(debit for debit, _ in before.values())
        await carried(stall.brand)
    assert await sums(elsewhere, stall.brand) == before
    assert await run_checks(elsewhere.database, stall.brand.id) == []
    async with elsewhere.database.raw(stall.brand.id) as connection:
        row = await connection.fetchrow(POST)
    after = await sums(elsewhere, stall.brand)
    debit, credit = before.get((row["source"], row["kind"]), (0, 0))
    assert after[row["source"], row["kind"]] == (debit + 777, credit)
    waiting = "select count(*) from ledger_postings where tx >= (select hi from ledger_cursors)"
    for _ in range(200):  # a neighbour's open transaction on this server holds the rolling up back
        async with elsewhere.database.raw(stall.brand.id) as connection:
            await ledger.roll_up_on(connection)
        async with elsewhere.database.raw(stall.brand.id) as connection:
            if not (left := await connection.fetchval(waiting)):
                break
        await asyncio.sleep(0.1)
    assert left == 0
    assert await sums(elsewhere, stall.brand) == after
    assert await run_checks(elsewhere.database, stall.brand.id, LEDGER) == []


async def test_printed_codes_and_second_steps_are_good_in_a_house_with_another_secret(
    runtime, elsewhere, app, brand, console, carried
):
    body = {"target": {"kind": "page", "id": "home"}, "source": "print"}
    made = await console.post("/api/console/links", json=body, headers={"Idempotency-Key": "one"})
    code = made.json()["code"]
    old = rules.code_of(b"printed1", runtime.secret, brand.id)
    async with runtime.database.raw(
        brand.id
    ) as connection:  # as codes were made before brands had keys
        await connection.execute(
            """insert into links select brand_id, gen_random_uuid(), $1, target_kind, target_id, source, scene, store_id,
               guide_id, note, created_by, created_at from links""",
            old,
        )  # fmt: skip
    phone, codes = await enrolled(console, brand.owner_password)
    await carried(brand)
    there = create_app(elsewhere)
    async with client_for(there, brand.host) as shop:
        for printed in (code, old):
            opened = await shop.get(f"/l/{printed}")
            assert opened.headers["location"] == f"/?link={printed}"
        guessed = old[:-1] + ("2" if old[-1] != "2" else "3")
        assert (await shop.get(f"/l/{guessed}")).headers["location"] == "/"
    async with client_for(there, "localhost") as desk:
        who = (brand.owner_login, brand.owner_password)
        assert await attempt(desk, *who) == (401, "staff.second_step_wanted")
        assert await attempt(desk, *who, "000000") == (422, "staff.wrong_code")
        assert (await attempt(desk, *who, phone.code()))[0] == 200
        assert (await attempt(desk, *who, codes[0]))[0] == 200


@asynccontextmanager
async def started_again(house):
    settings = msgspec.structs.replace(house.settings, keys=str(house.settings.home / "keys"))
    again = Runtime(settings, urls_of(settings), pool=3)
    try:
        await again.open()
        yield again
    finally:
        await again.close()


async def joined(house, brand, phone="13900001111"):
    async with house.database.brand(brand.id) as session:
        (one,) = await customers.join_customers(session, [customers.NewCustomer(phone=phone)])
    return one


@pytest.mark.parametrize("noted", [True, False], ids=["noted", "moved in by an older program"])
async def test_without_the_token_key_that_the_brand_brought_nobody_is_met_anew(
    runtime, elsewhere, brand, carried, place, noted
):
    one = await joined(runtime, brand)
    await carried(brand)
    file = place / "home" / "keys" / f"tokens-{brand.id}.key"
    if not noted:
        async with elsewhere.database.raw(brand.id) as connection:
            gone = await connection.execute("delete from directory where kind = 'token_key'")
        assert gone == "DELETE 1"
        async with started_again(elsewhere):
            pass
    away = file.rename(place / "away")
    async with started_again(elsewhere) as house:
        with pytest.raises(KeyMissing) as missing:
            await joined(house, brand)
        assert missing.value.facts["month"] == file.stem
        told = await health_of_keys.look(house)
        assert told.state == "bad" and all(file.name in said for said in told.says.values())
        neighbour = await make_brand(house.database)
        assert await joined(house, neighbour), "the other brands go on"
        file.write_text("cut o")
        with pytest.raises(KeyMissing):
            await joined(house, brand)
        file.unlink()
        away.rename(file)
        assert await joined(house, brand) == one, "the same phone is the same person"
        assert (await health_of_keys.look(house)).state == "ok"
        async with house.database.raw(brand.id) as connection:
            assert await connection.fetchval("select count(*) from customers") == 1


async def broken(house, brand):
    async with house.database.brand(brand.id) as session:
        found = await first_broken_of_audit(session, house.secret)
    return found and (found.what, found.link)


async def sealed(house, brand, console=None, phone=""):
    if console is not None:
        await console.patch("/api/console/brand", json={"service_phone": phone})
    return await seal_brand(house.database, house.secret, brand.id)


async def test_the_audit_proves_whole_after_the_move_and_still_tells_who_touched_it(
    runtime, elsewhere, brand, console, carried
):
    for phone in ("0571 1", "0571 2"):
        assert await sealed(runtime, brand, console, phone)
    await carried(brand)
    assert await broken(elsewhere, brand) is None
    assert await sealed(elsewhere, brand) == 1
    assert await broken(elsewhere, brand) is None
    forger = await asyncpg.connect(elsewhere.urls.owner)  # nobody else is in that house
    moved = json.loads(
        await forger.fetchval("select facts from audit where action = 'brand.moved_in'")
    )
    assert (moved["links"], moved["broken"]) == (2, "")
    for harms, said in (
        (["update audit set actor_name = 'x' where id = (select id from audit order by id limit 1)"], ("row changed", 1)),
        (["delete from audit where action = 'brand.moved_in'"], ("row removed", 3)),
        (["update audit_seals set signature = '' where number = 3"], ("link signed otherwise", 3)),
        # Whoever forges the old part, hashes and all, lacks the new house's proof of where it ended.
        ([
            "update audit_seals set sealed_at = sealed_at + interval '1 second' where number = 1",
            f"update audit_seals s set hash = {LINK} where number = 1",
            "update audit_seals set previous = (select hash from audit_seals where number = 1) where number = 2",
            f"update audit_seals s set hash = {LINK} where number = 2",
            "delete from audit_seals where number = 3",
            "insert into audit_unsealed (brand_id, audit_id) select brand_id, id from audit where action = 'brand.moved_in'",
            "update audit set facts = facts || jsonb_build_object('end', (select hash from audit_seals where number = 2)) where action = 'brand.moved_in'",
        ], ("link signed otherwise", 1)),
    ):  # fmt: skip
        undone = forger.transaction()
        await undone.start()
        for harm in harms:
            await forger.execute(harm)
        found = await first_broken_on(forger, elsewhere.secret)
        assert found and (found.what, found.link) == said
        await undone.rollback()
    await forger.close()


async def test_an_audit_that_was_broken_before_the_move_is_broken_after_it(
    runtime, elsewhere, brand, console, carried, owner_url
):
    assert await sealed(runtime, brand, console, "0571 1")
    owner = await asyncpg.connect(owner_url)
    await owner.execute("update audit_seals set signature = 'x' where brand_id = $1", brand.id)
    await owner.close()
    assert await broken(runtime, brand) == ("link signed otherwise", 1)
    await carried(brand)
    assert await broken(elsewhere, brand) == ("link signed otherwise", 1)


KILLED = """
import asyncio, sys
import msgspec
from contextlib import asynccontextmanager
from pathlib import Path
from siyu.app.brand_file import import_brand
from siyu.app.runtime import Runtime
from siyu.kernel.settings import Settings, urls_of

async def main():
    settings = msgspec.json.decode(sys.argv[1], type=Settings, dec_hook=lambda sort, said: sort(said))
    house = Runtime(settings, urls_of(settings), pool=4)
    await house.open()
    await import_brand(house, Path(sys.argv[2]), sys.argv[3])

asyncio.run(main())
"""


async def test_a_takeover_that_is_killed_before_its_commit_leaves_nothing_behind(
    runtime, elsewhere, brand, place
):
    await runtime.files.put(f"{brand.id}/media/a/800.webp", b"picture" * 100_000)
    await runtime.parts["warehouse"].command(
        f"{NATIVE} VALUES ('{brand.id}', 'm1', 'track', 'Seen', now64(3), now64(3), '', 'live')"
    )
    await drain(runtime.database, brand.id, set(listeners), files=runtime.files)
    await export_brand(runtime, brand.slug, brand.id, place / "b.siyu", WORDS)
    owner = await asyncpg.connect(elsewhere.urls.owner)
    held = owner.transaction()
    await held.start()
    await owner.execute("lock table event_cursors in exclusive mode")  # the last that is written
    settings = msgspec.json.encode(elsewhere.settings, enc_hook=str).decode()
    importer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, settings, str(place / "b.siyu"), WORDS), cwd=ROOT
    )
    picture = f"{brand.id}/media/a/800.webp"
    waits = """select exists (select from pg_locks where not granted and relation = 'event_cursors'::regclass
        and database = (select oid from pg_database where datname = current_database()))"""
    async with asyncio.timeout(60):
        while not await owner.fetchval(waits):
            assert importer.returncode is None
            await asyncio.sleep(0.05)
    assert await elsewhere.files.exists(picture)
    assert await settle_arrivals(elsewhere) == 0, "somebody is at work"
    os.kill(importer.pid, signal.SIGKILL)
    await importer.wait()
    await held.rollback()
    async with asyncio.timeout(60):
        while await owner.fetchval("select exists (select from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database()))"):  # fmt: skip
            await asyncio.sleep(0.05)
    await owner.close()
    cut_off = place / "home" / "files" / str(brand.id) / "media" / "b.webp#1"
    cut_off.write_bytes(b"pic")
    assert await settle_arrivals(elsewhere) == 1
    assert not cut_off.parent.parent.exists()
    assert [key async for key in elsewhere.files.keys("arriving")] == []
    seen = "SELECT count() AS n FROM behaviour WHERE brand = {brand:UUID}"
    assert (await elsewhere.parts["warehouse"].ask(brand.id, seen))[0]["n"] == 0
    moved = await import_brand(elsewhere, place / "b.siyu", WORDS)
    assert moved.files == 1 and await elsewhere.files.exists(picture)
    assert await settle_arrivals(elsewhere) == 0


async def test_a_day_with_many_visits_and_a_large_file_go_over_in_pieces_and_stay_when_settled_again(
    runtime, elsewhere, brand, place
):
    warehouse = runtime.parts["warehouse"]
    await warehouse.command(
        f"{NATIVE} SELECT '{brand.id}', toString(number), 'track', 'Seen', now64(3), now64(3), toString(number), 'live'"
        " FROM numbers(12000)"
    )
    seen = "SELECT groupBitXor(cityHash64(message_id, properties)) AS print, count() AS n FROM behaviour FINAL WHERE brand = {brand:UUID}"  # fmt: skip
    (before,) = await warehouse.ask(brand.id, seen)
    films = {"imports/table.csv": os.urandom(6 << 20), "media/a/film.mp4": os.urandom(6 << 20)}
    for key, content in films.items():
        await runtime.files.put(f"{brand.id}/{key}", content)
    await drain(runtime.database, brand.id, set(listeners), files=runtime.files)
    await export_brand(runtime, brand.slug, brand.id, place / "b.siyu", WORDS)
    # Both houses of this test share one warehouse.
    await warehouse.command("DELETE FROM behaviour WHERE brand = {brand:UUID}", brand=brand.id)
    assert (await import_brand(elsewhere, place / "b.siyu", WORDS)).files == 2
    await elsewhere.files.put(f"arriving/{brand.id}", b"")  # killed between the commit and the end
    assert (await settle_arrivals(elsewhere), await settle_arrivals(elsewhere)) == (1, 0)
    assert (await warehouse.ask(brand.id, seen))[0] == before
    for key, content in films.items():
        assert await elsewhere.files.get(f"{brand.id}/{key}") == content


@given(st.lists(st.integers(1, 70), max_size=20))
def test_spans_hold_every_day_once_and_no_part_more_than_is_carried_at_a_time(counts):
    days = [(f"2026-01-{at + 1:02}", count) for at, count in enumerate(counts)]
    told = list(days)
    for first, last, parts in spans(days, most=20):
        inside = [day for day in told if first <= day[0] <= last]
        assert told[: len(inside)] == inside and (inside[0][0], inside[-1][0]) == (first, last)
        assert sum(count for _, count in inside) <= 20 * parts and (parts == 1 or first == last)
        told = told[len(inside) :]
    assert told == []
