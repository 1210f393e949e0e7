"""Rounds of what lies beside PostgreSQL: small ones read what is new and nothing else, and nobody waits for a disk."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import msgspec
import pytest

from siyu.app.backup import archiving, content
from siyu.app.backup.folder import Folder
from siyu.app.backup.serving import serve
from siyu.app.backup.taking import keys_of
from siyu.insight.warehouse import Warehouse, prepare
from siyu.kernel import clock
from siyu.kernel.ids import new_id

PICTURES = 150
MANY = 20_000


@pytest.fixture
def folder(place):
    return Folder.make(place / "backups", place / "keys")


@pytest.fixture
def pictures(place):
    """A folder with many small files."""
    files = place / "files"
    files.mkdir()
    for at in range(PICTURES):
        (files / f"{at:03d}.webp").write_bytes(secrets.token_bytes(2000))
    return files


async def test_while_many_pictures_are_kept_the_worker_goes_on_with_everything_else(
    folder, pictures
):
    turns = [0]

    async def lease() -> None:
        while True:
            await asyncio.sleep(0)
            turns[0] += 1

    seen: list[int] = []
    beside = asyncio.create_task(lease())
    state = content.State()
    await content.keep_round(
        folder, state, pictures, None, full=True, told=lambda *_: seen.append(turns[0])
    )
    beside.cancel()
    assert len(state.files) == len(seen) == PICTURES
    assert len(set(seen)) > PICTURES // 3, "others had their turn between two files"


async def test_a_worker_that_is_stopped_ends_its_round_after_the_file_at_hand(folder, pictures):
    kept: list[str] = []
    state = content.State()
    task = asyncio.create_task(
        content.keep_round(
            folder, state, pictures, None, full=True, told=lambda _, key: kept.append(key)
        )
    )
    while not kept:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    after = len(kept)
    assert after < PICTURES
    await asyncio.sleep(0.05)
    assert len(kept) == after, "nobody writes on without holding the folder"
    assert content.rounds(folder) == []
    await content.keep_round(folder, state, pictures, None, full=True)
    assert len(content.state_at(folder, None).files) == PICTURES


class Counted:
    """A warehouse of its own, and how many rows what it was asked since then has to read, as ClickHouse itself reckons."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse, self._brand = warehouse, new_id()
        self._asked: list[tuple[str, dict[str, str]]] = []
        warehouse._client.event_hooks["request"].append(self._note)

    async def _note(self, request) -> None:
        sql = request.content.decode(errors="replace")
        if sql.lstrip().startswith("SELECT"):
            parameters = {
                name.removeprefix("param_"): value
                for name, value in request.url.params.items()
                if name.startswith("param_")
            }
            self._asked.append((sql.rpartition("FORMAT")[0], parameters))

    async def read(self) -> int:
        asked, self._asked = self._asked, []
        rows = 0
        for sql, parameters in asked:
            answer = await self.warehouse.read(f"EXPLAIN ESTIMATE {sql}", **parameters)
            rows += sum(int(line.split(b"\t")[3]) for line in answer.splitlines())
        return rows

    async def visits(self, count: int, received: datetime, *, first: int = 0, path: str = "/"):
        """So many messages that were received at this moment, with numbers from ``first`` as their ids."""
        await self.warehouse.command(
            f"""INSERT INTO behaviour (brand, message_id, type, name, at, received_at, visitor, path)
                SELECT '{self._brand}', toString(number), 'track', 'Viewed', toDateTime64('2026-11-01 08:00:00', 3, 'UTC'),
                       toDateTime64('{received:%Y-%m-%d %H:%M:%S}', 3, 'UTC'), 'v', '{path}' FROM numbers({first}, {count})"""
        )

    async def paths(self) -> dict[str, str]:
        answer = await self.warehouse.read(
            "SELECT message_id AS id, path FROM behaviour FINAL ORDER BY id FORMAT JSONEachRow"
        )
        rows = [msgspec.json.decode(line) for line in answer.splitlines()]
        return {row["id"]: row["path"] for row in rows}


@pytest.fixture
async def elsewhere(clickhouse_url):
    """Makes empty warehouses, each a database of its own."""
    made: list[Counted] = []
    names: list[str] = []
    server = Warehouse(clickhouse_url)

    async def another() -> Counted:
        names.append(f"rounds_{secrets.token_hex(4)}")
        await server.command(f"CREATE DATABASE {names[-1]}")
        warehouse = Warehouse(urlunsplit(urlsplit(clickhouse_url)._replace(path=f"/{names[-1]}")))
        await prepare(warehouse)
        made.append(Counted(warehouse))
        return made[-1]

    yield another
    for one in made:
        await one.warehouse.close()
    for name in names:
        await server.command(f"DROP DATABASE {name}")
    await server.close()


async def test_a_small_round_reads_what_was_written_since_and_not_the_past(
    folder, place, elsewhere
):
    house, now = await elsewhere(), datetime.now(UTC)

    async def keep(full: bool = False) -> int:
        return await content.keep_round(folder, state, place / "files", house.warehouse, full=full)

    state = content.State()
    await house.visits(MANY, now - timedelta(days=30))
    await keep(full=True)
    assert await house.read() >= MANY
    await house.warehouse.command("TRUNCATE TABLE behaviour_lately")  # as after two days
    await house.visits(7, now, first=MANY)
    assert await keep() == 1
    assert await keep() == 0, "nothing new, no round"
    assert await house.read() < 100
    state = content.state_at(folder, None)  # another worker goes on from what was written down
    await house.visits(3, now, first=MANY + 7)
    assert await keep() == 1
    assert await house.read() < 100
    state.whole_at = now - content.WHOLE_EVERY
    await keep()
    assert await house.read() >= MANY, "once a day all of it, also where no nightly backup is taken"


async def test_late_replaced_and_deleted_rows_are_in_the_backup_as_they_are_in_the_warehouse(
    folder, place, elsewhere
):
    house, back, now = await elsewhere(), await elsewhere(), datetime.now(UTC)
    state = content.State()

    async def keep_and_bring_back(full: bool = False) -> dict[str, str]:
        await content.keep_round(folder, state, place / "files", house.warehouse, full=full)
        await back.warehouse.command("TRUNCATE TABLE behaviour")
        await content.put_behaviour_back(
            folder, content.state_at(folder, None), back.warehouse, None
        )
        return await back.paths()

    await house.visits(4, now - timedelta(days=9))
    assert len(await keep_and_bring_back(full=True)) == 4
    await house.visits(2, now - timedelta(days=8), first=10, path="/waited-in-the-spool")
    await house.visits(1, now - timedelta(days=7), first=2, path="/replaced")
    there = await house.paths()
    assert await keep_and_bring_back() == there
    assert (there["2"], there["11"]) == ("/replaced", "/waited-in-the-spool")
    await house.warehouse.command("DELETE FROM behaviour WHERE message_id = '11'")
    del there["11"]
    assert await keep_and_bring_back(full=True) == there, "gone with the next full round"
    late = await back.warehouse.read("SELECT count() FROM behaviour_lately FORMAT TSV")
    assert late.strip() == b"0", "a new house's backups begin anew"


async def test_a_long_nightly_backup_keeps_no_worker_from_sealing_the_log(
    runtime, brand, folder, place
):
    settings = msgspec.structs.replace(runtime.settings, home=place, backup_hour=clock.now().hour)

    class House:
        urls, database, parts = runtime.urls, runtime.database, runtime.parts

    House.settings = settings
    (place / "pg/pg_wal").mkdir(parents=True)
    archiving.begin(place, "chain")
    folder = Folder.make(settings.backups, keys_of(place))
    segment = "000000010000000000000007"

    async def until(true) -> None:
        async with asyncio.timeout(30):
            while not true():
                await asyncio.sleep(0.05)

    with folder.alone("round"):  # so the nightly one cannot come to its end
        workers = [asyncio.create_task(serve(House)) for _ in range(2)]
        try:
            await until(lambda: list(folder.path.glob("bases/*/secrets")))
            (archiving.spool_of(place) / segment).write_bytes(b"log")
            await until((folder.path / f"wal/chain/{segment}").exists)
            assert folder.bases() == [], "it is still being taken"
            assert archiving.status_of(place).nightly == "", (
                "who finds another at it has not failed"
            )
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
