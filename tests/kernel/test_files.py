"""Files of brands: whole or not at all, inside their folder whatever the key, and gone when they are deleted."""

import asyncio
import os
import signal
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.exceptions import BaseError

from siyu.kernel.errors import NotFound
from siyu.kernel.files import Files

BRAND = "01920000-0000-7000-8000-000000000001"
KEYS = [f"{BRAND}/media/ab12/800.webp", f"{BRAND}/jobs/report.csv"]  # kept plain, kept sealed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def files(folder: Path) -> Files:
    return Files(folder, b"of this house")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("content", [b"", b"\0", "澜玉".encode(), bytes(range(256)) * 9000])
async def test_what_is_put_is_there_to_the_byte(files, key, content):
    assert not await files.exists(key)
    await files.put(key, content)
    assert await files.exists(key)
    assert await files.get(key) == content
    assert b"".join([piece async for piece in files.stream(key, 4096)]) == content


@pytest.mark.parametrize("key", KEYS)
async def test_what_comes_in_pieces_is_kept_whole_and_never_held_whole(files, key):
    async def pieces(count):
        for number in range(count):
            yield number.to_bytes(4) * (1 << 16)

    tracemalloc.start()
    await files.put_stream(key, pieces(256))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 << 20, "of 64 MB"
    at = 0
    async for piece in files.stream(key, 1 << 18):
        for number, byte in ((at, piece[:1]), (at + len(piece) - 1, piece[-1:])):
            assert not piece or byte[0] == (number >> 18).to_bytes(4)[number % 4]
        at += len(piece)
    assert at == 64 << 20
    await files.put_stream(key, pieces(0))
    assert await files.get(key) == b""


async def test_pieces_that_break_off_leave_what_was_there(files, folder):
    async def broken():
        yield b"new" * (4 << 20)
        raise ConnectionError("gone")

    await files.put(KEYS[0], b"old")
    with pytest.raises(ConnectionError):
        await files.put_stream(KEYS[0], broken())
    assert await files.get(KEYS[0]) == b"old"
    assert [one.name for one in (folder / KEYS[0]).parent.iterdir()] == ["800.webp"]


async def test_clearing_forgets_a_brands_files_and_what_was_cut_off_and_no_other_brands(
    files, folder
):
    for key in [*KEYS, f"{BRAND}-2/jobs/report.csv"]:
        await files.put(key, b"x")
    (folder / f"{BRAND}/media/cut.webp#1").write_bytes(b"x")
    await files.clear(BRAND)
    assert [one.name for one in folder.iterdir()] == [f"{BRAND}-2"]
    await files.clear(BRAND)


@pytest.mark.parametrize("key", KEYS)
async def test_a_put_replaces_what_was_there(files, key):
    await files.put(key, b"long " * 100_000)
    await files.put(key, b"short")
    assert await files.get(key) == b"short"


@pytest.mark.parametrize("key", KEYS)
async def test_what_was_deleted_is_gone_and_deleting_it_again_is_no_matter(files, key):
    beside = key.rpartition("/")[0] + "/beside"
    await files.put(key, b"x")
    await files.put(beside, b"y")
    await files.delete(key)
    await files.delete(key)
    assert not await files.exists(key) and await files.get(beside) == b"y"
    with pytest.raises(NotFound):
        await files.get(key)
    with pytest.raises(NotFound):
        async for _ in files.stream(key):
            pass


async def test_a_new_process_finds_what_the_old_one_put(files, folder):
    await files.put(KEYS[0], b"x")
    assert await Files(folder, b"of this house").get(KEYS[0]) == b"x"


TRICKS = [
    *("../outside", "a/../../outside", "a/..", "..", ".", "", "/", "/etc/passwd", "//x", "a//b"),
    *("a/", "/a", "a/./b", "a\\..\\b", "..\\outside", "a\0b", "a/\0", "./a"),
]


@pytest.mark.parametrize("key", TRICKS)
async def test_a_key_that_tries_to_leave_the_folder_names_nothing(files, folder, key):
    (folder.parent / "outside").write_bytes(b"secret")
    with pytest.raises(NotFound):
        await files.put(key, b"x")
    for ask in (files.get, files.exists, files.delete):
        with pytest.raises(NotFound):
            await ask(key)
    with pytest.raises(NotFound):
        async for _ in files.stream(key):
            pass
    assert (folder.parent / "outside").read_bytes() == b"secret"
    assert [path.name for path in folder.parent.iterdir() if path.name != "files"] == ["outside"]


parts = st.one_of(
    st.sampled_from(["..", ".", "%2e%2e", "%2F", "..%2f", "~", "a", "C:", "#", "x?y", "con", " "]),
    st.text(max_size=6),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(keys=st.lists(parts, min_size=1, max_size=5).map("/".join))
def test_whatever_the_key_nothing_is_ever_written_outside(files, folder, keys):
    async def try_it() -> None:
        try:
            await files.put(keys, b"x")
        except (NotFound, OSError, ValueError, BaseError):  # no key, or one that no disk takes
            return
        assert await files.get(keys) == b"x"
        await files.delete(keys)

    asyncio.run(try_it())
    assert {path.name for path in folder.parent.iterdir()} == {"files"}


@pytest.mark.parametrize("key", KEYS)
async def test_readers_see_one_whole_content_while_many_write(files, key):
    """Ten writers of one key and readers all the while: never a piece of one and a piece of another."""
    contents = [bytes([n]) * (100_000 + 20_000 * n) for n in range(10)]
    await files.put(key, contents[0])
    wrong: list[int] = []
    done = asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            if (found := await files.get(key)) not in contents:
                wrong.append(len(found))

    async def write(content: bytes) -> None:
        for _ in range(3):
            await files.put(key, content)

    readers = [asyncio.create_task(read()) for _ in range(2)]
    await asyncio.gather(*(write(content) for content in contents))
    done.set()
    await asyncio.gather(*readers)
    assert wrong == [] and await files.get(key) in contents


KILLED = """
import asyncio, sys
from pathlib import Path
from siyu.kernel.files import Files

async def main():
    files = Files(Path(sys.argv[1]), b"of this house")
    await files.put(sys.argv[2], b"a" * 8_000_000)
    print("begun", flush=True)
    while True:
        for one in (b"b", b"a"):
            await files.put(sys.argv[2], one * 8_000_000)

asyncio.run(main())
"""


async def test_a_writer_that_is_killed_leaves_the_old_content_or_the_new_whole(files, folder):
    key = KEYS[0]
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, str(folder), key),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert writer.stdout is not None and await writer.stdout.readline() == b"begun\n"
    await asyncio.sleep(0.15)
    os.kill(writer.pid, signal.SIGKILL)
    await writer.wait()
    assert await files.get(key) in (b"a" * 8_000_000, b"b" * 8_000_000)
    await files.put(key, b"again")
    assert await files.get(key) == b"again"
