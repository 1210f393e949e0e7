"""What lies in a backup folder is nobody's to read or to change without the key, and is named when it is bad."""

import asyncio
import io
import stat

import pytest

from siyu.app.backup import content
from siyu.app.backup.folder import HOUSE, KEY, Damaged, Folder, InUse, NoBackups, NoKey, WrongKey


@pytest.fixture
def folder(place):
    return Folder.make(place / "backups", place / "keys")


SECRET = b"Jade bangle of Ms Shen, 13812345678. " * 40_000


def test_the_key_lies_apart_and_is_the_owners_alone(place, folder):
    key = place / "keys" / KEY
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    held = b"".join(path.read_bytes() for path in (place / "backups").rglob("*") if path.is_file())
    assert key.read_bytes().strip() not in held


def test_what_is_kept_reads_back_and_is_not_readable_on_the_disk(folder):
    folder.put("bases/one/base", SECRET)
    assert folder.get("bases/one/base") == SECRET
    assert b"13812345678" not in (folder.path / "bases/one/base").read_bytes()


@pytest.mark.parametrize("harm", ["cut", "bit", "emptied", "gone", "swapped"])
def test_a_damaged_file_is_refused_by_its_name(folder, harm):
    folder.put("bases/one/base", SECRET)
    folder.put("bases/two/base", SECRET[::-1])
    path = folder.path / "bases/one/base"
    held = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(held[:-20])
    elif harm == "bit":
        held[len(held) // 2] ^= 1
        path.write_bytes(held)
    elif harm == "emptied":
        path.write_bytes(b"")
    elif harm == "gone":
        path.unlink()
    else:
        path.write_bytes((folder.path / "bases/two/base").read_bytes())
    with pytest.raises(Damaged) as refused:
        folder.get("bases/one/base")
    assert refused.value.facts == {"file": str(path)}


def test_content_that_was_exchanged_for_other_content_is_refused(folder):
    first, _ = folder.put_content(io.BytesIO(b"a picture"))
    second, _ = folder.put_content(io.BytesIO(b"another"))
    (folder.path / f"content/{first[:2]}/{first}").write_bytes(
        (folder.path / f"content/{second[:2]}/{second}").read_bytes()
    )
    with pytest.raises(Damaged):
        folder.take_content(first, io.BytesIO())


def test_without_the_key_with_another_or_without_backups_the_refusal_says_what_to_do(place, folder):
    (place / "elsewhere").mkdir()
    with pytest.raises(NoKey, match=r"put the file backup\.key") as refused:
        Folder.open(folder.path, place / "elsewhere")
    assert refused.value.facts["path"].endswith("elsewhere/backup.key")
    (place / "elsewhere" / KEY).write_text("quite another key")
    with pytest.raises(WrongKey):
        Folder.open(folder.path, place / "elsewhere")
    with pytest.raises(NoBackups):
        Folder.open(place / "empty", place / "keys")
    (folder.path / HOUSE).write_text("{")
    with pytest.raises(Damaged):
        Folder.open(folder.path, place / "keys")


def test_a_house_whose_key_is_lost_does_not_go_on_with_a_new_one(place, folder):
    (place / "keys" / KEY).unlink()
    with pytest.raises(NoKey):
        Folder.make(folder.path, place / "keys")
    assert not (place / "keys" / KEY).exists()


def test_a_file_that_was_not_finished_is_not_there(folder):
    with (
        pytest.raises(RuntimeError, match="broken off"),
        folder.writing("bases/one/base") as stream,
    ):
        stream.write(SECRET)
        raise RuntimeError("broken off")
    assert folder.names("bases/one") == []
    assert not any(path.is_file() for path in (folder.path / "bases").rglob("*"))


def test_only_one_takes_a_backup_at_a_time(folder):
    with folder.alone("taking"), pytest.raises(InUse), folder.alone("taking"):
        raise AssertionError


async def test_rounds_keep_each_content_once_and_bring_back_what_was_there_at_a_moment(
    place, folder
):
    files = place / "files"
    (files / "brand/media").mkdir(parents=True)
    (files / "brand/media/1.webp").write_bytes(b"one")
    (files / "brand/media/2.webp").write_bytes(b"one")
    state = content.State()
    await content.keep_round(folder, state, files, None, full=True)
    assert len({kept[0] for kept in state.files.values()}) == 1
    (files / "brand/media/1.webp").unlink()
    (files / "brand/media/3.webp").write_bytes(b"three")
    assert await content.keep_round(folder, state, files, None, full=False) == 2
    assert await content.keep_round(folder, state, files, None, full=False) == 0, "nothing is new"
    first, second = content.rounds(folder)
    then = content.state_at(folder, content.moment(first))
    assert sorted(then.files) == ["brand/media/1.webp", "brand/media/2.webp"]
    assert content.state_at(folder, None).files == state.files
    assert content.state_at(folder, content.moment(second)).files == state.files
    back = place / "back"
    assert content.put_files_back(folder, then, back) == 2
    assert (back / "brand/media/1.webp").read_bytes() == b"one"


async def test_who_waits_for_a_turn_holds_up_nobody_who_has_it_in_the_same_process(folder):
    order: list[str] = []

    async def first() -> None:
        async with folder.in_turn("round", 0):
            await asyncio.sleep(0.3)
            order.append("first")

    async def second() -> None:
        await asyncio.sleep(0.05)
        async with folder.in_turn("round", 10):
            order.append("second")

    await asyncio.wait_for(asyncio.gather(first(), second()), 5)
    assert order == ["first", "second"]
    async with folder.in_turn("round", 0):
        with pytest.raises(InUse):
            async with folder.in_turn("round", 0.2):
                raise AssertionError
