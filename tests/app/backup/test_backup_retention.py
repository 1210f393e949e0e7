"""What is let go: everything no moment of the kept days needs, and nothing else."""

import io
import os
import time
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from siyu.app.backup import content, retention
from siyu.app.backup.folder import Base, Folder
from siyu.app.backup.retention import kept
from siyu.app.restoring import chosen

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


def base(hours_ago: float, chain: str = "c", segment: int = 0, now: datetime = NOW) -> Base:
    at = now - timedelta(hours=hours_ago)
    return Base(
        id=f"{at:%Y%m%dT%H%M%S}", kind="physical", begun_at=at, finished_at=at, postgres=18, bytes=1, chain=chain,
        wal_from=f"{1:08X}{0:08X}{segment:08X}",
    )  # fmt: skip


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40), st.integers(1, 30))
def test_every_moment_of_the_kept_days_that_could_be_restored_still_can_and_from_the_same_backup(
    ages, days
):
    bases = [base(hours) for hours in sorted(set(ages), reverse=True)]
    stay = kept(bases, NOW, days)
    assert stay[-1] == bases[-1]
    for hour in range(days * 24 + 1):
        at = NOW - timedelta(hours=hour)
        if any(one.finished_at <= at for one in bases):
            assert chosen(stay, at) == chosen(bases, at)
    edge = NOW - timedelta(days=days)
    assert sum(one.finished_at <= edge for one in stay) <= 1


def put(folder: Folder, one: Base) -> None:
    folder.put(f"bases/{one.id}/base", b"cluster")
    folder.put(f"bases/{one.id}/about", msgspec.json.encode(one))


def test_pruning_takes_segments_rounds_and_content_along_but_none_that_a_kept_backup_needs(place):
    folder, now = Folder.make(place / "backups", place / "keys"), datetime.now(UTC)
    pictures = [folder.put_content(io.BytesIO(f"picture {at}".encode()))[0] for at in range(3)]
    for picture, hours in zip(pictures, (900, 499, 399), strict=True):
        at = now - timedelta(hours=hours)
        one = content.Round(at=at, full=True, files={"a.webp": (picture, 9, 1)})
        folder.put(f"rounds/{at:%Y%m%dT%H%M%S%fZ}-full", msgspec.json.encode(one))
    bases = [
        base(900, "gone", 3, now),
        base(500, "c", 5, now),
        base(400, "c", 8, now),
        base(0, "c", 12, now),
    ]
    for one in bases:
        put(folder, one)
    for segment in range(3, 15):
        chain = "gone" if segment < 5 else "c"
        folder.put(f"wal/{chain}/{1:08X}{0:08X}{segment:08X}", b"log")
    long_ago = time.time() - 7200
    for path in sorted(folder.path.rglob("*"), reverse=True):
        os.utime(path, (long_ago, long_ago))

    gone = retention.prune(folder, days=14)
    assert gone == [bases[0].id, bases[1].id]
    assert [one.id for one in folder.bases()] == [bases[2].id, bases[3].id]
    assert folder.names("wal") == ["wal/c"]
    assert [name[-2:] for name in folder.names("wal/c")] == [
        "08",
        "09",
        "0A",
        "0B",
        "0C",
        "0D",
        "0E",
    ]
    assert len(folder.names("bases")) == 2
    on_disk = {path.name for path in (folder.path / "content").rglob("*") if path.is_file()}
    assert on_disk == set(pictures[1:]), (
        "the round before the oldest kept backup is where its moment begins"
    )
    assert content.state_at(folder, bases[2].finished_at).files["a.webp"][0] == pictures[2]
    assert retention.prune(folder, days=14) == []


def test_what_was_left_of_a_backup_that_never_came_to_its_end_goes_after_an_hour(place):
    folder = Folder.make(place / "backups", place / "keys")
    put(folder, base(0, now=datetime.now(UTC)))
    folder.put("bases/broken-off/base", b"half")
    retention.prune(folder, days=1)
    assert len(folder.names("bases")) == 2, "it may still be written"
    os.utime(folder.path / "bases/broken-off", (1, 1))
    retention.prune(folder, days=1)
    assert len(folder.names("bases")) == 1
