"""The drill: a house is backed up, goes on selling, is killed, and is brought back as it was at a moment in between."""

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec
import pytest

from bench.stall import Buyer, Stall, open_stall
from siyu.app.backup.archiving import status_of
from siyu.app.backup.taking import SEGMENT_S
from siyu.kernel import vault
from siyu.kernel.db import driver_of
from siyu.people import customers
from siyu.people.customers.actions.forgetting import forget_customer
from siyu.people.customers.queries import customer_ids_by_phone
from tests.crash.books import compare
from tests.crash.crowd import Crowd
from tests.crash.house import EVERYTHING, ROOT, House, environment

RPO_S = 60.0


async def siyu(*words: str, home: Path, status: int = 0) -> str:
    """Run a command on this home; what it says."""
    process = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "siyu", *words], cwd=ROOT, env=environment(home),
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert process.returncode == status, process.stdout + process.stderr
    return " ".join((process.stdout + process.stderr).split())


async def sell(crowd: Crowd, for_s: float) -> None:
    over = asyncio.Event()

    async def later() -> None:
        await asyncio.sleep(for_s)
        over.set()

    await asyncio.gather(later(), crowd.run(over, buyers=8, payers=4, senders=1))


async def quiet_moment() -> datetime:
    await asyncio.sleep(0.3)
    at = datetime.now(UTC)
    await asyncio.sleep(0.3)
    return at


async def end_the_segment(house: House) -> None:
    """What time would do within half a minute, which is what a lost disk costs; ``siyu bench restore`` waits for it."""
    owner = await asyncpg.connect(house.stack.urls.owner)
    assert await owner.fetchval("show archive_timeout") == f"{SEGMENT_S}s"
    await owner.execute("select pg_switch_wal()")
    await owner.close()


async def known(house: House, stall: Stall, person: Buyer) -> bool:
    """Whether name, phone or address of a person can be opened or is found; none of it alone is ever there."""
    house.stack.use_keys()
    phone = str(13_000_000_000 + stall.buyers.index(person))
    async with house.stack.database.brand(stall.brand_id) as session:
        connection = await driver_of(session)
        card = (await customers.cards(session, [person.id])).get(person.id)
        found = await customer_ids_by_phone(connection, [phone])
        key = await vault.keys_of(connection, [person.id])
        kept = await connection.fetchval(
            """select (select count(*) from addresses where customer_id = $1) + (select count(*) from vault_keys where person_id = $1)
               + (select count(*) from contacts where customer_id = $1 and sealed is not null)
               + (select count(*) from customers where id = $1 and sealed is not null)""",
            person.id,
        )
    traces = [bool(card and card.name), bool(found), bool(key), bool(kept)]
    assert len(set(traces)) == 1, traces
    return traces[0]


async def forget(house: House, stall: Stall, person: Buyer) -> None:
    async with house.stack.database.brand(stall.brand_id) as session:
        await forget_customer(session, person.id)
    await vault.settle_journal(house.stack.database)
    assert not await known(house, stall, person)


async def sign_in_again(house: House, stall: Stall, crowd: Crowd) -> None:
    """No shopper's session outlives a restore: it may have been ended since."""
    buyers = stall.buyers[:12]
    async with crowd._client(buyers[0]) as client:
        assert (
            await client.get(f"http://127.0.0.1:{house.port}/api/shop/addresses")
        ).status_code == 401
    async with house.stack.database.brand(stall.brand_id) as session:
        tokens = await customers.open_sessions(session, [one.id for one in buyers])
    stall.buyers = [
        msgspec.structs.replace(one, token=token) for one, token in zip(buyers, tokens, strict=True)
    ]


async def until_covered(home: Path, at: datetime) -> float:
    """Seconds after ``at`` until all of it was in the backups."""
    while True:
        status = status_of(home)
        if status.covered_until and min(status.covered_until, status.beside_until or at) > at:
            return (datetime.now(UTC) - at).total_seconds()
        assert (datetime.now(UTC) - at).total_seconds() < 3 * RPO_S, status
        await asyncio.sleep(0.2)


async def test_a_house_that_was_killed_comes_back_as_it_was_at_a_moment_between_two_orders(
    record_property,
):
    if not Path("/proc/self/environ").exists():
        pytest.skip("who is struck is found in /proc")
    house, back = House(SIYU_BACKUP_ROUND_S="3"), House()
    try:
        await house.start()
        stall = await open_stall(house.stack, skus=2, pieces=50_000, buyers=13)
        forgotten, remembered = stall.buyers[12], stall.buyers[0]
        assert await known(house, stall, forgotten)  # was there in the backup, and at the moment
        crowd = Crowd(house, stall)
        await sell(crowd, 1.5)
        picture = house.home / "files" / str(stall.brand_id) / "media" / "late.webp"
        taken = json.loads(await siyu("backup", "--json", home=house.home))
        await sell(crowd, 1.5)
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(b"a picture that came after the backup")
        at = await quiet_moment()
        then = {key: set(ids) for key, ids in crowd.placed.items()}, set(crowd.paid), crowd.messages
        await forget(house, stall, forgotten)
        await sell(crowd, 1.5)
        assert len(crowd.placed) > len(then[0]), "somebody bought afterwards"
        await end_the_segment(house)
        covered_after = await until_covered(house.home, at)
        assert covered_after < RPO_S, f"lost with the disk: {covered_after} s"
        house.strike(EVERYTHING)

        report = json.loads(
            await siyu(
                "restore", "--json", "--at", at.isoformat(), "--from", str(house.home / "backups"), "--keys",
                str(house.home / "keys"), "--into", str(back.home), home=back.home,
            )
        )  # fmt: skip
        assert report["base"] == taken["base"]["id"]
        assert "every invariant holds" in await siyu("check", home=back.home)
        record_property(
            "restore", {"covered after s": covered_after, "restored in s": report["seconds"]}
        )
        crowd.placed.clear()
        crowd.placed.update(then[0])
        crowd.paid, crowd.messages = then[1], then[2]
        crowd.house = back
        await back.start()
        await compare(crowd)
        assert await known(back, stall, remembered)
        assert not await known(back, stall, forgotten), "nothing of them opens"
        assert str(forgotten.id) in (back.home / "keys/shredded.journal").read_text()
        await sign_in_again(back, stall, crowd)
        kept = back.home / "files" / picture.relative_to(house.home / "files")
        assert kept.read_bytes() == picture.read_bytes()
        await sell(crowd, 1.0)  # and the trade goes on
        await compare(crowd)
        await back.stop()
    finally:
        for one in (house, back):
            if one.stack:
                with suppress(Exception):
                    await one.stack.database.close()
            one.forget()
