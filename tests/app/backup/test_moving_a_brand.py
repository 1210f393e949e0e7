"""A brand goes over into another house whole, with its ids and the order of its events, or not at all."""

from uuid import UUID

import pytest

from siyu.app import brand_file
from siyu.app.brand_file import NotWhole, StillMoving, Taken, export_brand, import_brand
from siyu.goods import catalogue
from siyu.insight.warehouse import lag_s
from siyu.kernel import vault
from siyu.kernel.checks import run_checks
from siyu.kernel.db import Base, driver_of
from siyu.kernel.events import drain, listeners
from siyu.kernel.vault import Keyring, use_keyring
from siyu.people import customers

WORDS = "a long enough passphrase"
NATIVE = "INSERT INTO behaviour (brand, message_id, type, name, at, received_at, origin) VALUES"


@pytest.fixture
async def stocked(runtime, brand, place):
    """A brand with goods, events, an uploaded table that is kept sealed, and a visitor."""
    table = place / "goods.csv"
    table.write_text("handle,title,sku,price,stock,status\n" + "".join(
        f"bangle-{at},手镯 {at},B-{at},19.90,5,on_sale\n" for at in range(300)
    ))  # fmt: skip
    result = await catalogue.run_import(runtime.database, brand.id, table)
    assert not result.rejected
    await runtime.files.put(f"{brand.id}/imports/table.csv", table.read_bytes())
    await runtime.files.put(f"{brand.id}/media/a/800.webp", b"picture" * 100_000)
    await runtime.parts["warehouse"].command(
        f"{NATIVE} ('{brand.id}', 'm1', 'track', 'Product Viewed', now64(3), now64(3), 'live')"
    )
    return brand


async def rows_of(house, brand_id: UUID) -> dict[str, list[str]]:
    """Every table's rows as text in their order, without the numbers that a house gives."""
    found: dict[str, list[str]] = {}
    async with house.database.raw(brand_id) as connection:
        for table in Base.metadata.sorted_tables:
            if table.name not in brand_file.OF_THE_HOUSE:
                seq = "seq" in table.columns
                order = "t.seq" if seq else "md5(to_jsonb(t)::text)"
                rows = await connection.fetch(
                    f"select (to_jsonb(t) - array['seq', 'xid'])::text from {table.name} t order by {order}"
                    if seq
                    else f"select to_jsonb(t)::text from {table.name} t order by {order}"
                )
                found[table.name] = [row[0] for row in rows]
    return found


async def test_every_row_file_and_visit_goes_over_and_the_other_house_goes_on(
    runtime, elsewhere, stocked, place
):
    with pytest.raises(StillMoving) as moving:
        await export_brand(runtime, stocked.slug, stocked.id, place / "b.siyu", WORDS)
    assert moving.value.facts["listener"] in listeners
    await drain(runtime.database, stocked.id, set(listeners), files=runtime.files)
    wrote = await export_brand(runtime, stocked.slug, stocked.id, place / "b.siyu", WORDS)
    assert "手镯".encode() not in (place / "b.siyu").read_bytes()
    read = await import_brand(elsewhere, place / "b.siyu", WORDS)
    assert read == wrote
    here, there = await rows_of(runtime, stocked.id), await rows_of(elsewhere, stocked.id)
    (moved_in,) = set(there.pop("audit")) - set(here.pop("audit"))
    assert '"brand.moved_in"' in moved_in
    assert len(there.pop("audit_unsealed")) == len(here.pop("audit_unsealed")) + 1
    assert here == there
    assert len(there["events"]) > 100
    assert (
        await elsewhere.files.get(f"{stocked.id}/imports/table.csv")
        == (place / "goods.csv").read_bytes()
    )
    assert await elsewhere.files.get(f"{stocked.id}/media/a/800.webp") == b"picture" * 100_000
    assert await run_checks(elsewhere.database, stocked.id) == []
    async with elsewhere.database.brand(stocked.id) as session:
        assert await lag_s(session) == 0
    # What is stated here from now on is heard, and nothing that was heard there is heard again.
    (place / "more.csv").write_text(
        "handle,title,sku,price,stock,status\nnew,新,N-1,9.90,7,on_sale\n"
    )
    await catalogue.run_import(elsewhere.database, stocked.id, place / "more.csv")
    heard = await drain(elsewhere.database, stocked.id, set(listeners), files=elsewhere.files)
    assert 0 < heard < 20
    assert await run_checks(elsewhere.database, stocked.id) == []


async def test_people_go_over_and_open_with_the_other_houses_keys(
    runtime, elsewhere, stocked, place, keys
):
    use_keyring(keys)
    async with runtime.database.brand(stocked.id) as session:
        people = [customers.NewCustomer(phone=f"1390000000{n}", name=f"张三{n}") for n in range(3)]
        ids = await customers.join_customers(session, people)
        await vault.forget(await driver_of(session), [ids[2]])
    await drain(runtime.database, stocked.id, set(listeners), files=runtime.files)
    await export_brand(runtime, stocked.slug, stocked.id, place / "b.siyu", WORDS)
    theirs = Keyring(place / "home" / "keys")
    use_keyring(theirs)
    await import_brand(elsewhere, place / "b.siyu", WORDS)
    async with elsewhere.database.brand(stocked.id) as session:
        cards = await customers.cards(session, ids)
        assert [cards[id].name for id in ids] == ["张三0", "张三1", ""]
        assert await customers.find_customers(session, "13900000001") == [ids[1]]
        again = await customers.join_customers(
            session, [customers.NewCustomer(phone="13900000000")]
        )
        assert again == [ids[0]], "whoever signs in is known"
    assert await vault.settle_journal(elsewhere.database) == 1
    assert str(ids[2]) in theirs.journal.read_text()


async def test_a_house_that_knows_the_brand_or_one_of_its_names_takes_nothing_over(
    runtime, elsewhere, stocked, place
):
    from siyu.people.brands import create_brand

    await drain(runtime.database, stocked.id, set(listeners), files=runtime.files)
    await export_brand(runtime, stocked.slug, stocked.id, place / "b.siyu", WORDS)
    with pytest.raises(Taken):
        await import_brand(runtime, place / "b.siyu", WORDS)
    await create_brand(
        elsewhere.database, slug="another", name={"zh-CN": "别家"}, owner_login=stocked.owner_login, owner_password="right horse 7"
    )  # fmt: skip
    with pytest.raises(Taken):
        await import_brand(elsewhere, place / "b.siyu", WORDS)
    assert not any((await rows_of(elsewhere, stocked.id)).values())
    assert [key async for key in elsewhere.files.keys(f"{stocked.id}/")] == []
    assert [key async for key in elsewhere.files.keys("arriving")] == []


@pytest.mark.parametrize("harm", ["cut", "bit", "passphrase", "another file"])
async def test_a_file_that_is_not_whole_or_not_for_this_passphrase_is_refused_by_name(
    runtime, elsewhere, stocked, place, harm
):
    await drain(runtime.database, stocked.id, set(listeners), files=runtime.files)
    path = place / "b.siyu"
    await export_brand(runtime, stocked.slug, stocked.id, path, WORDS)
    held = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(held[: len(held) // 2])
    elif harm == "bit":
        held[-30] ^= 1
        path.write_bytes(held)
    elif harm == "another file":
        path.write_bytes(b"handle,title\n")
    with pytest.raises(NotWhole) as refused:
        await import_brand(elsewhere, path, "another passphrase" if harm == "passphrase" else WORDS)
    assert refused.value.facts["file"] == str(path)
    assert not any((await rows_of(elsewhere, stocked.id)).values())


async def test_a_draft_of_a_killed_export_stands_in_nobodys_way_and_every_day_of_visits_goes_over_once(
    runtime, stocked, place
):
    await drain(runtime.database, stocked.id)
    await runtime.parts["warehouse"].command(
        f"{NATIVE} ('{stocked.id}', 'old', 'track', 'Product Viewed', now64(3) - toIntervalDay(40), now64(3), 'live'),"
        f" ('{stocked.id}', 'late', 'track', 'Product Viewed', now64(3) - toIntervalDay(3), now64(3) - toIntervalDay(2), 'live')"
    )
    (place / ".moved.brand.draft").write_bytes(b"left by an export that was killed")
    told: list[tuple[str, int, int | None]] = []
    await export_brand(
        runtime,
        stocked.slug,
        stocked.id,
        place / "moved.brand",
        WORDS,
        lambda *one: told.append(one),
    )
    days = [one for one in told if one[0] == "days of visits"]
    assert [(at, of) for _, at, of in days] == [(at, len(days)) for at in range(len(days))] != []
    assert {"people's keys", "files", "orders"} <= {part for part, _, _ in told}
