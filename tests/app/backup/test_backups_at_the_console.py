"""Backups at the console, and of a PostgreSQL of one's own as dumps."""

import asyncio
import secrets
import shutil

import asyncpg
import msgspec
import pytest

from siyu.app.backup.folder import Folder
from siyu.app.backup.health import look
from siyu.app.backup.serving import _Telling, _tonight, urls_with_owner
from siyu.app.backup.taking import NoOwner, keys_of, take
from siyu.app.backup.verifying import VERDICT, verdict_of
from siyu.app.restoring import HomeInUse, restore
from siyu.kernel import clock, jobs
from siyu.kernel.db import Database
from siyu.kernel.ids import new_id
from tests.app.terminal import refused
from tests.conftest import on_database, sign_in


@pytest.fixture(autouse=True)
def _no_backups(runtime):
    yield
    shutil.rmtree(runtime.settings.backups, ignore_errors=True)
    (runtime.settings.home / VERDICT).unlink(missing_ok=True)


async def test_who_asks_for_a_backup_gets_a_job_and_then_a_backup_in_the_list(
    console, runtime, brand
):
    before = (await console.get("/api/console/backups")).json()
    assert before["items"] == []
    assert before["job"] is None
    assert before["can_take"]
    assert not before["archiving"]
    asked = await console.post("/api/console/backups")
    assert asked.status_code == 202, asked.text
    again = await console.post("/api/console/backups")
    assert (again.status_code, again.json()["code"]) == (409, "backup.under_way")
    await jobs.run_waiting(runtime, brand.id)
    after = (await console.get("/api/console/backups")).json()
    assert after["job"]["state"] == "done", after["job"]
    (one,) = after["items"]
    assert one["kind"] == "dump"
    assert one["bytes"] > 10_000
    (row,) = (await console.get("/api/console/audit?action=backups.asked")).json()["items"]
    assert row["subject_id"] == after["job"]["id"]


async def test_who_asks_whether_the_backup_is_whole_is_told_by_page_health_and_terminal(
    console, runtime, brand, siyu
):
    verify, home = "/api/console/backups/verify", str(runtime.settings.home)
    none = await console.post(verify)
    assert (none.status_code, none.json()["code"]) == (404, "backup.none")
    assert (await console.get("/api/console/backups")).json()["verified"] is None
    taken = await take(runtime.settings, urls_with_owner(runtime))
    asked = await console.post(verify)
    assert asked.status_code == 202, asked.text
    again = await console.post(verify)
    assert (again.status_code, again.json()["code"]) == (409, "backup.verify_under_way")
    assert again.json()["facts"]["job_id"] == asked.json()["id"]
    await jobs.run_waiting(runtime, brand.id)
    page = (await console.get("/api/console/backups")).json()
    found = page["verified"]
    assert (page["verifying"]["state"], page["verifying"]["result"]["bad"]) == ("done", "")
    assert (found["id"], found["bad"]) == (taken.base.id, "") and found["files"] >= 4
    assert found["bytes"] > taken.base.bytes and page["verifying"]["done"] == found["bytes"] >> 20
    assert "found whole" in (await look(runtime)).says["en"]
    assert siyu("backup", "verify", "--json", home=home).json["files"] == found["files"]
    (row,) = (await console.get("/api/console/audit?action=backups.verify_asked")).json()["items"]
    assert row["subject_id"] == asked.json()["id"]

    bad = runtime.settings.backups / f"bases/{taken.base.id}/dump"
    content = bytearray(bad.read_bytes())
    content[len(content) // 2] ^= 1
    bad.write_bytes(content)
    await console.post(verify)
    await jobs.run_waiting(runtime, brand.id)
    page = (await console.get("/api/console/backups")).json()
    assert page["verified"]["bad"] == page["verifying"]["result"]["bad"] == str(bad)
    assert (page["verifying"]["state"], page["verifying"]["failed"]) == ("done", 1)
    part = await look(runtime)
    assert part.state == "bad" and str(bad) in part.says["en"] and str(bad) in part.says["zh-CN"]
    said = refused(siyu("backup", "verify", home=home))
    assert "backup.damaged" in said and str(bad) in said
    assert "backup.unknown" in refused(siyu("backup", "verify", "20200101T000000-0000", home=home))
    assert (verdict_of(runtime.settings.home) or found).bad == str(bad)

    shutil.rmtree(runtime.settings.backups / "bases")  # a log alone brings nothing back
    listed = siyu("backup", "list", home=home).out
    assert listed.startswith("There is no whole backup yet") and "Covered" not in listed
    said = refused(siyu("backup", "verify", home=home))
    assert "backup.none" in said and " id" not in said


async def test_progress_that_could_not_be_written_is_nothing_against_a_backup_that_was_taken(
    runtime, brand
):
    work = jobs.Work(runtime, brand.id, new_id(), 1)
    telling = _Telling(work)
    telling.say("reading", 1 << 20, None)
    with pytest.raises(jobs.Cancelled):  # nobody's job any more
        await telling.over()
    nowhere = "postgresql://siyu:nobody@127.0.0.1:9/siyu"
    work.database = Database(nowhere, nowhere)
    telling = _Telling(work)
    telling.say("reading", 1 << 20, None)
    await telling.over()


async def test_who_may_not_take_backups_cannot(app, console, brand):
    units = (await console.get("/api/console/units")).json()
    await console.post(
        "/api/console/staff",
        json={"login": f"w@{brand.slug}", "name": "仓管", "roles": ["warehouse"], "unit_id": units["items"][0]["id"], "password": "right horse 8"},
    )  # fmt: skip
    clerk = await sign_in(app, brand, f"w@{brand.slug}", "right horse 8")
    assert (await clerk.get("/api/console/backups")).status_code == 403
    assert (await clerk.post("/api/console/backups")).status_code == 403
    assert (await clerk.post("/api/console/backups/verify")).status_code == 403
    await clerk.aclose()


async def test_a_process_that_does_not_know_the_owner_says_who_takes_the_backup(runtime):
    urls = msgspec.structs.replace(urls_with_owner(runtime), owner="")
    with pytest.raises(NoOwner, match="run 'siyu backup' with SIYU_DATABASE_URL"):
        await take(runtime.settings, urls)


async def test_the_nightly_backup_is_taken_and_read_once_when_its_hour_has_come(runtime, brand):
    now = clock.now()

    def night(hour: int | None):
        class Night:
            settings = msgspec.structs.replace(runtime.settings, backup_hour=hour)
            urls, database = runtime.urls, runtime.database

        return Night

    def taken() -> int:
        settings = runtime.settings
        return len(Folder.make(settings.backups, keys_of(settings.home)).bases())

    await _tonight(night(None))
    await _tonight(night(-1))
    await _tonight(night((now.hour + 1) % 24))
    assert taken() == 0, "the demo takes none by itself, and yesterday's hour is long past"
    await _tonight(night(now.hour))
    read = verdict_of(runtime.settings.home)
    await _tonight(night(now.hour))
    assert taken() == 1
    assert read is not None and read.bad == "" and verdict_of(runtime.settings.home) == read


@pytest.mark.kernel_db
async def test_a_dump_is_brought_back_into_an_empty_database_and_never_into_another(
    runtime, brand, server_url, place
):
    import asyncio

    taken = await take(runtime.settings, urls_with_owner(runtime))
    assert taken.base.kind == "dump"
    name = f"back_{secrets.token_hex(4)}"
    server = await asyncpg.connect(server_url)
    await server.execute(f"create database {name}")
    url = on_database(server_url, name)
    settings = msgspec.structs.replace(
        runtime.settings,
        home=place / "new",
        database_url=url,
        database_app_url="",
        database_dispatcher_url="",
    )
    here = runtime.settings
    report = await asyncio.to_thread(restore, settings, here.backups, keys_of(here.home), None)
    assert report.base == taken.base.id
    connection = await asyncpg.connect(url)
    found = await connection.fetchval(
        "select brand_id from directory where kind = 'slug' and key = $1", brand.slug
    )
    await connection.close()
    assert found == brand.id
    again = msgspec.structs.replace(settings, home=place / "newer")
    with pytest.raises(HomeInUse):
        await asyncio.to_thread(restore, again, here.backups, keys_of(here.home), None)
    await server.execute(f"drop database {name} with (force)")
    await server.close()


async def test_a_backup_waits_for_the_round_that_is_under_way_and_says_so(runtime, console, brand):
    folder = Folder.make(runtime.settings.backups, keys_of(runtime.settings.home))
    told: list[str] = []

    async def somebody() -> None:
        async with folder.in_turn("round", 0):
            while "waiting" not in told:
                await asyncio.sleep(0.02)

    at_it = asyncio.create_task(somebody())
    await asyncio.sleep(0.05)
    asked = take(runtime.settings, urls_with_owner(runtime), lambda step, *_: told.append(step))
    taken = await asyncio.wait_for(asked, 60)
    await at_it
    page = (await console.get("/api/console/backups")).json()
    assert page["earliest"] == page["items"][0]["finished_at"], (
        "no moment before it can be had back"
    )
    assert page["items"][0]["id"] == taken.base.id


async def test_why_a_backup_failed_is_told_by_its_code_for_readers_of_any_language(
    runtime, console, brand
):
    folder = Folder.make(runtime.settings.backups, keys_of(runtime.settings.home))
    await console.post("/api/console/backups")
    with folder.alone("taking"):
        await jobs.run_waiting(runtime, brand.id)
    job = (await console.get("/api/console/backups")).json()["job"]
    assert (job["state"], job["result"]["refusal"]["code"]) == ("failed", "backup.in_use")


@pytest.mark.parametrize("found", ["notes.txt", "pg/PG_VERSION", "home/me/photo.jpg"])
def test_only_a_new_or_an_empty_folder_is_restored_into(siyu, runtime, tmp_path, found):
    theirs = tmp_path / "theirs"
    (theirs / found).parent.mkdir(parents=True)
    (theirs / found).write_text("mine")
    said = refused(siyu("restore", "--into", str(theirs), "--from", str(tmp_path)))
    assert "backup.home_in_use" in said and found.split("/")[0] in said
    assert [str(one.relative_to(theirs)) for one in theirs.rglob("*") if one.is_file()] == [found]
    (tmp_path / "empty" / "keys").mkdir(parents=True)
    said = refused(siyu("restore", "--into", str(tmp_path / "empty"), "--from", str(tmp_path)))
    assert "backup.none" in said, "an empty folder is taken, and only the backups are missing"


@pytest.mark.parametrize("at", ["", "  "])
def test_an_unset_variable_as_the_moment_does_not_bring_back_another_one(siyu, tmp_path, at):
    said = refused(siyu("restore", "--at", at, "--into", str(tmp_path / "new")))
    assert "--at is empty" in said and not (tmp_path / "new").exists()
