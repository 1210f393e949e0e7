"""Sealed content: read back to the byte, unreadable on the disk, and nothing of it can be changed, cut or moved."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siyu.kernel.files import Files
from siyu.kernel.sealing import FRAME, Unreadable, Unsealed, seal, unseal

SECRET, NAME = b"of the house", "brand/imports/1"
SIZES = (0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 3 * FRAME + 7)


def content(size):
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_is_read_back_to_the_byte(size):
    sealed = seal(SECRET, NAME, content(size))
    assert unseal(SECRET, NAME, sealed) == content(size)
    assert b"0123456789abcdef" not in sealed
    assert seal(SECRET, NAME, content(size)) != sealed


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "harm", ["cut", "bit", "head", "longer", "frames swapped", "last frame gone"]
)
def test_changed_or_cut_content_is_refused(size, harm):
    sealed = bytearray(seal(SECRET, NAME, content(size)))
    frame = FRAME + 16
    match harm:
        case "cut":
            del sealed[-1:]
        case "bit":
            sealed[-1] ^= 1
        case "head":
            sealed[12] ^= 1
        case "longer":
            sealed += b"x"
        case "frames swapped" if size > 2 * FRAME:
            sealed[25 : 25 + 2 * frame] = (
                sealed[25 + frame : 25 + 2 * frame] + sealed[25 : 25 + frame]
            )
        case "last frame gone" if size > FRAME:
            del sealed[25 + frame :]
        case _:
            return
    with pytest.raises(Unreadable):
        unseal(SECRET, NAME, bytes(sealed))


def test_another_key_or_another_name_reads_nothing():
    sealed = seal(SECRET, NAME, b"price list")
    for secret, name in ((b"of another", NAME), (SECRET, "other/imports/1")):
        with pytest.raises(Unreadable):
            unseal(secret, name, sealed)
    with pytest.raises(Unreadable):
        unseal(SECRET, NAME, b"price list")


@given(st.lists(st.tuples(st.integers(0, 2 * FRAME + 99), st.integers(0, 70_000)), max_size=6))
@settings(deadline=None, max_examples=40)
def test_any_place_can_be_read_in_any_order(reads):
    whole = content(2 * FRAME + 50)
    with Unsealed(io.BytesIO(seal(SECRET, NAME, whole)), SECRET, NAME) as raw:
        assert raw.size == len(whole)
        file = io.BufferedReader(raw)
        for start, length in reads:
            file.seek(start)
            assert file.read(length) == whole[start : start + length]
        file.seek(-5, io.SEEK_END)
        assert file.read() == whole[-5:]


async def test_imports_and_reports_lie_sealed_and_pictures_do_not(tmp_path):
    files = Files(tmp_path / "files", SECRET)
    for key, sealed in (("b/imports/1", True), ("b/jobs/1.csv", True), ("b/media/1.webp", False)):
        await files.put(key, content(3 * FRAME))
        assert await files.get(key) == content(3 * FRAME)
        assert b"".join([piece async for piece in files.stream(key, 5000)]) == content(3 * FRAME)
        on_disk = (tmp_path / "files" / key).read_bytes()
        assert (content(16) in on_disk) is not sealed
        async with files.local(key) as local:
            assert local.size == 3 * FRAME
            with local.open() as file:
                file.seek(FRAME)
                assert file.read() == content(3 * FRAME)[FRAME:]


async def test_a_sealed_file_that_was_changed_on_the_disk_is_refused_on_every_way(tmp_path):
    files = Files(tmp_path / "files", SECRET)
    await files.put("b/imports/1", content(FRAME))
    path = tmp_path / "files" / "b/imports/1"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Unreadable):
        await files.get("b/imports/1")
    with pytest.raises(Unreadable):
        [piece async for piece in files.stream("b/imports/1")]
    path.write_bytes(b"never sealed")
    with pytest.raises(Unreadable):
        async with files.local("b/imports/1"):
            pass
