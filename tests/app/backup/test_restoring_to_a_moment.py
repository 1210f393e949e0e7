"""A house with engines of its own is brought back to moments; what cannot be is refused in words, and nobody gets in half-way."""

import asyncio
import shutil
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest

from siyu.app import opening, up
from siyu.app.backup import archiving
from siyu.app.backup.folder import KEY, Damaged, Folder, WrongKey
from siyu.app.backup.serving import _Watching
from siyu.app.backup.taking import keys_of, take
from siyu.app.backup.verifying import verify
from siyu.app.opening import check_open
from siyu.app.restoring import HomeInUse, NotCovered, TooEarly, restore
from siyu.app.runtime import Runtime
from siyu.kernel.engines import EngineRefused
from siyu.kernel.settings import Settings
from tests.conftest import VERSION, make_brand

pytestmark = pytest.mark.kernel_db


PARTS = ["base", "log", "files", "engines", "schema", "behaviour", "sales"]


class Kept(msgspec.Struct):
    """A house that was backed up and went on: its home, and the moments between its brands."""

    home: Path
    slugs: list[str]
    moments: list[datetime]

    @property
    def source(self) -> Path:
        return self.home / "backups"


def settings_of(home: Path) -> Settings:
    return Settings(home=home, profile="demo", embedded_postgres=VERSION, secret="test")


async def _live(settings: Settings, urls, kept: Kept) -> None:
    runtime = Runtime(settings, urls, pool=4)
    await runtime.open()
    watching = _Watching(runtime)

    async def another() -> None:
        made = await make_brand(runtime.database)
        kept.slugs.append(made.slug)
        await asyncio.sleep(0.2)
        kept.moments.append(datetime.now(UTC))
        await asyncio.sleep(0.2)

    kept.moments.append(datetime.now(UTC))
    await another()
    await take(settings, urls)
    kept.moments.append(datetime.now(UTC))
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("alter system set archive_timeout = '2s'")
    await owner.execute("select pg_reload_conf()")
    await owner.close()
    await another()
    await another()
    end = time.monotonic() + 60
    idle = datetime.now(UTC) + timedelta(seconds=3)
    while (archiving.status_of(settings.home).covered_until or kept.moments[0]) <= idle:
        assert time.monotonic() < end, archiving.status_of(settings.home)
        await watching.look()
        await asyncio.sleep(0.2)
    kept.moments.append(idle - timedelta(seconds=1))
    await runtime.close()


@pytest.fixture(scope="module")
def house():
    folder = Path(tempfile.mkdtemp(prefix="siyu-kept-"))
    folder.chmod(0o755)
    kept = Kept(folder / "home", [], [])
    settings = settings_of(kept.home)
    with up.engines(settings) as urls:
        asyncio.run(_live(settings, urls, kept))
    yield kept
    shutil.rmtree(folder, ignore_errors=True)


async def _slugs(owner: str) -> set[str]:
    connection = await asyncpg.connect(owner)
    rows = await connection.fetch("select key from directory where kind = 'slug'")
    await connection.close()
    return {row["key"] for row in rows}


@contextmanager
def opened(home: Path):
    with up.engines(settings_of(home)) as urls:
        yield urls


def test_a_moment_between_two_changes_has_the_first_and_not_the_second(house, place):
    before, _, backed_up, second, _, _ = house.moments
    assert before < backed_up < second
    report = restore(settings_of(place / "new"), house.source, keys_of(house.home), second)
    assert report.until == second
    assert list(report.spent) == [*PARTS, *report.steps]
    assert abs(report.seconds - sum(report.spent.values())) < 1, "each part is told"
    with opened(place / "new") as urls:
        assert asyncio.run(_slugs(urls.owner)) == set(house.slugs[:2])


def test_a_moment_after_the_last_change_has_all_of_them(house, place):
    idle = house.moments[-1]
    restore(settings_of(place / "new"), house.source, keys_of(house.home), idle)
    with opened(place / "new") as urls:
        assert asyncio.run(_slugs(urls.owner)) == set(house.slugs)
        # And it is a house like any other: it takes a backup of its own, of which all is whole.
        settings = settings_of(place / "new")
        taken = asyncio.run(take(settings, urls))
        read = verify(Folder.open(settings.backups, keys_of(settings.home)), taken.base)
        assert read.files > 4 and read.bytes > taken.base.bytes


def test_moments_that_no_backup_reaches_are_refused_with_those_that_one_does(house, place):
    with pytest.raises(TooEarly) as early:
        restore(settings_of(place / "new"), house.source, keys_of(house.home), house.moments[0])
    assert early.value.facts["earliest"] < str(house.moments[2])
    with pytest.raises(NotCovered) as late:
        at = house.moments[-1] + timedelta(hours=1)
        restore(settings_of(place / "new"), house.source, keys_of(house.home), at)
    assert late.value.facts["covered_until"] >= str(house.moments[-1])
    assert not (place / "new").exists()


def test_a_folder_with_a_house_in_it_is_never_written_into(house):
    with pytest.raises(HomeInUse, match="Name a new or an empty folder with --into"):
        restore(settings_of(house.home), house.source, keys_of(house.home), None)
    with opened(house.home) as urls:
        with pytest.raises(HomeInUse):
            restore(settings_of(house.home), house.source, keys_of(house.home), None)
        assert asyncio.run(_slugs(urls.owner)) == set(house.slugs)


def test_another_key_is_refused_before_anything_is_written(house, place):
    (place / "keys").mkdir()
    (place / "keys" / KEY).write_text("another")
    with pytest.raises(WrongKey):
        restore(settings_of(place / "new"), house.source, place / "keys", None)
    assert not (place / "new").exists()


@pytest.mark.parametrize("what", ["base", "segment"])
def test_a_damaged_file_is_named_and_what_is_left_cannot_be_started(house, place, what):
    source = place / "copy"
    shutil.copytree(house.source, source)
    folder = Folder.open(source, keys_of(house.home))
    (base,) = folder.bases()
    first = archiving.segments(folder, base.chain, base.wal_from)[1]
    bad = source / (f"bases/{base.id}/base" if what == "base" else f"wal/{base.chain}/{first}")
    bad.write_bytes(bad.read_bytes()[:-100])
    with pytest.raises(Damaged) as refused:
        restore(settings_of(place / "new"), source, keys_of(house.home), house.moments[-1])
    assert refused.value.facts == {"file": str(bad)}
    with pytest.raises(Damaged) as refused:
        verify(folder, base)
    assert refused.value.facts == {"file": str(bad)}
    with pytest.raises(EngineRefused, match="was not finished, so nobody may be let in"):
        check_open(place / "new")
    with (
        pytest.raises(EngineRefused, match="was not finished"),
        up.engines(settings_of(place / "new")),
    ):
        raise AssertionError


def test_whatever_a_restore_would_need_and_is_not_there_is_named(house, place):
    source = place / "copy"
    shutil.copytree(house.source, source)
    folder = Folder.open(source, keys_of(house.home))
    (base,) = folder.bases()
    log = archiving.segments(folder, base.chain, base.wal_from)
    assert archiving.reach_of(folder, base) == log[-1] > base.wal_from
    (full,) = [name for name in folder.names("rounds") if name.endswith("-full")]
    whole = verify(folder, base)
    chain = f"wal/{base.chain}"
    for name in (
        f"bases/{base.id}/base", f"bases/{base.id}/secrets", full, f"{chain}/{log[0]}", f"{chain}/{log[-1]}",
    ):  # fmt: skip
        (source / name).rename(place / "away")
        with pytest.raises(Damaged) as refused:
            verify(folder, base)
        said = refused.value.facts["file"]
        assert said == str(source / name) or (name == full and said == str(source / "rounds"))
        (place / "away").rename(source / name)
    assert verify(folder, base) == whole


def test_a_log_whose_end_is_lost_never_passes_for_a_house_to_which_nothing_happened(house, place):
    """The moment is said to be covered, but the segment that reaches it is gone: less is not brought back in silence."""
    source = place / "copy"
    shutil.copytree(house.source, source)
    folder = Folder.open(source, keys_of(house.home))
    (base,) = folder.bases()
    lost = source / f"wal/{base.chain}" / archiving.segments(folder, base.chain, base.wal_from)[-1]
    lost.unlink()
    for at in (None, house.moments[-1]):
        with pytest.raises(Damaged) as refused:
            restore(settings_of(place / f"new{at is None}"), source, keys_of(house.home), at)
        assert refused.value.facts == {"file": str(lost)}
    with pytest.raises(EngineRefused, match="was not finished"):
        check_open(place / "newFalse")


def test_a_step_before_the_doors_that_fails_keeps_them_shut(house, place, monkeypatch):
    done: list[str] = []

    async def replay_the_forgotten(restored) -> None:
        assert restored.home == place / "new"
        assert restored.at == house.moments[-1]
        assert (restored.home / "keys" / KEY).exists(), "what no backup holds came along"
        done.extend(await _slugs(restored.urls.owner))
        raise RuntimeError("the journal cannot be read")

    monkeypatch.setattr(opening, "BEFORE_DOORS", [*opening.BEFORE_DOORS, replay_the_forgotten])
    with pytest.raises(RuntimeError, match="journal"):
        restore(settings_of(place / "new"), house.source, keys_of(house.home), house.moments[-1])
    assert set(done) == set(house.slugs)
    with (
        pytest.raises(EngineRefused, match="was not finished"),
        up.engines(settings_of(place / "new")),
    ):
        raise AssertionError


_BACK_AGAIN = (
    """insert into staff_sessions (brand_id, id, token_hash, staff_id, created_at, last_seen_at, address, device)
       select brand_id, gen_random_uuid(), 'revoked since', id, now(), now(), '', '' from staff limit 1""",
    """with one as (insert into devices (brand_id, id, created_at, source, scene)
       select brand_id, gen_random_uuid(), now(), '', '' from staff limit 1
       returning brand_id, id)
       insert into shop_sessions (brand_id, token_hash, device_id, created_at, last_seen_at)
       select brand_id, 'ended since', id, now(), now() from one""",
)


async def _sessions(owner: str, *, back_again: bool = False) -> list[int]:
    connection = await asyncpg.connect(owner)
    for statement in _BACK_AGAIN if back_again else ():
        await connection.execute(statement)
    found = [
        await connection.fetchval(f"select count(*) from {table}")
        for table in ("staff_sessions", "shop_sessions")
    ]
    await connection.close()
    return found


def test_sessions_that_may_have_been_revoked_since_are_no_good_in_a_restored_house(house):
    with opened(house.home) as urls:
        assert asyncio.run(_sessions(urls.owner, back_again=True)) == [1, 1]
        restored = opening.Restored(settings_of(house.home), urls, None)
        assert list(asyncio.run(opening.before_doors_open(restored))) == [
            "end_staff_sessions",
            "end_shop_sessions",
            "forget_again",
        ]
        assert asyncio.run(_sessions(urls.owner)) == [0, 0]
