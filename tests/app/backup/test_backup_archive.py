"""The log behind a backup: nothing leaves the spool before it is safe, a gap is named, and coverage is never claimed too early."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.app.backup import archiving
from siyu.app.backup.archiving import Cover, Seen, end_of, segments
from siyu.app.backup.folder import Damaged, Folder
from siyu.kernel.engines import EngineRefused

FIRST = "000000010000000000000007"


def named(number: int) -> str:
    return f"00000001{number // 256:08X}{number % 256:08X}"


@pytest.fixture
def home(place):
    (place / "pg/pg_wal").mkdir(parents=True)
    return place


@pytest.fixture
def folder(home):
    made = Folder.make(home / "backups", home / "keys")
    archiving.begin(home, "chain")
    return made


def spooled(home, name: str, content: bytes) -> None:
    (archiving.spool_of(home) / name).write_bytes(content)


def test_a_segment_leaves_the_spool_only_once_its_sealed_copy_reads_back(home, folder):
    spooled(home, named(7), b"log" * 1000)
    assert archiving.look(home, folder)
    assert folder.get(f"wal/chain/{named(7)}") == b"log" * 1000
    assert archiving.status_of(home).waiting == 0
    assert [path.name for path in archiving.spool_of(home).iterdir()] == [".chain"]


def test_a_segment_that_comes_again_is_taken_once_and_another_under_its_name_is_kept_waiting(
    home, folder
):
    spooled(home, named(7), b"log")
    archiving.look(home, folder)
    spooled(home, named(7), b"log")
    archiving.look(home, folder)
    assert archiving.status_of(home).waiting == 0
    spooled(home, named(7), b"of another house")
    assert not archiving.look(home, folder)
    status = archiving.status_of(home)
    assert status.waiting == 1
    assert "other content" in status.trouble
    assert folder.get(f"wal/chain/{named(7)}") == b"log"


def test_while_the_folder_cannot_be_written_segments_wait_and_the_lag_is_told(home, folder):
    (folder.path / "wal").write_text("something in the way")
    spooled(home, named(7), b"x" * 5000)
    assert not archiving.look(home, folder)
    status = archiving.status_of(home)
    assert (status.waiting, status.waiting_bytes) == (1, 5000)
    assert status.trouble
    (folder.path / "wal").unlink()
    assert archiving.look(home, folder)
    assert archiving.status_of(home).trouble == ""


def test_too_much_that_waits_ends_the_chain_visibly_before_it_fills_the_disk(home, folder):
    (folder.path / "wal").write_text("something in the way")
    spooled(home, named(7), b"x" * 5000)
    archiving.look(home, folder, limit=4000)
    status = archiving.status_of(home)
    assert not archiving.chain_of(home)
    assert not archiving.spool_of(home).exists(), "PostgreSQL keeps no more segments"
    assert (status.chain, status.waiting) == ("", 0)
    assert "were waiting to be sealed" in status.broken


def test_a_missing_segment_is_named(folder):
    for number in (7, 8, 10):
        folder.put(f"wal/chain/{named(number)}", b"log")
    assert segments(folder, "chain", named(10)) == [named(10)]
    with pytest.raises(Damaged) as refused:
        segments(folder, "chain", named(7))
    assert refused.value.facts["file"].endswith(named(9))
    with pytest.raises(Damaged) as refused:
        segments(folder, "chain", named(6))
    assert refused.value.facts["file"].endswith(named(6))


@given(st.integers(0, 100_000))
def test_segments_follow_each_other_over_the_end_of_a_log_file(number):
    assert end_of(named(number)) == (number + 1) * 16 * 1024 * 1024


AT = datetime(2026, 11, 22, tzinfo=UTC)


@given(
    st.lists(st.tuples(st.integers(0, 60_000_000), st.booleans()), min_size=1, max_size=30),
    st.lists(st.integers(0, 60_000_000), min_size=1, max_size=4),
)
def test_never_is_a_moment_called_covered_while_a_commit_before_it_is_not_sealed(steps, seals):
    """A world: at second n the log grows by some bytes, and somebody commits at its end (or nothing happens)."""
    cover, lsn, number = Cover(), 1000, 5
    commits: list[tuple[datetime, int]] = []
    for second, (grown, commits_now) in enumerate(steps):
        at = AT + timedelta(seconds=second)
        if commits_now:
            lsn, number = lsn + grown + 64, number + 1
            commits.append((at - timedelta(milliseconds=1), lsn))
        else:
            lsn += grown // 100_000  # a snapshot, a checkpoint: nobody's change
        cover.note(Seen(at, lsn, number))
    sealed = 0
    for seal in sorted(seals):
        sealed = seal // end_of(named(0)) * end_of(named(0))
        until = cover.until(sealed)
        if until is not None:
            assert all(position <= sealed for at, position in commits if at <= until)


def test_a_house_at_rest_stays_covered_although_its_log_does_not_grow():
    cover, head = Cover(), end_of(named(3))
    cover.note(Seen(AT, head - 5000, 70))
    cover.note(Seen(AT + timedelta(seconds=1), head + 40, 71))
    for minute in range(1, 30):
        cover.note(Seen(AT + timedelta(minutes=minute), head + 100, 71))
    assert cover.until(head) == AT + timedelta(minutes=29)


def test_somebody_who_is_writing_holds_back_what_is_called_covered():
    cover, head = Cover(), end_of(named(3))
    cover.note(Seen(AT, head - 5000, 71))
    cover.note(Seen(AT + timedelta(minutes=1), head + 5000, None))
    cover.note(Seen(AT + timedelta(minutes=2), head + 6000, 72))
    assert cover.until(head) == AT


def test_a_new_chain_begins_clean_and_keeps_no_half_written_segment(home):
    folder = Folder.make(home / "backups", home / "keys")
    spool = archiving.spool_of(home)
    spool.mkdir()
    (spool / named(3)).write_bytes(b"of a chain that was given up")
    os.utime(spool, (time.time(), time.time()))
    archiving.begin(home, "second")
    assert archiving.chain_of(home) == "second"
    assert [path.name for path in spool.iterdir()] == [".chain"]
    archiving.begin(home, "third")
    assert archiving.chain_of(home) == "second", "a chain goes on with the next backup"
    assert archiving.last_sealed(folder, "second") == ""


def test_writers_of_the_status_take_turns_and_none_undoes_what_another_said(home):
    failures: list[str] = []

    def writes(names: list[str]) -> None:
        try:
            for at in range(15):
                for name in names:
                    with archiving.changing_status(home) as status:
                        setattr(status, name, f"{getattr(status, name)}{at},")
        except (OSError, ValueError, EngineRefused) as failure:
            failures.append(str(failure))

    names = ["trouble", "broken", "nightly"]
    threads = [threading.Thread(target=writes, args=([name, "chain"],)) for name in names]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failures == []
    status = archiving.status_of(home)
    whole = "".join(f"{at}," for at in range(15))
    assert [getattr(status, name) for name in names] == [whole] * 3
    assert len(status.chain) == 3 * len(whole), "what all of them write has every piece"
    assert [path.name for path in home.iterdir() if "backup.json" in path.name] == ["backup.json"]
