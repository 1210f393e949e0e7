"""Proving that a backup brings a house back: every file that it would need is read, and nothing is missing.

What was found is kept beside the house (``home/backup.verified.json``), so that page and health tell it.
"""

import io
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from siyu.app.backup import archiving, content
from siyu.app.backup.folder import Base, Damaged, Folder, NoBackups, UnknownBackup, content_name
from siyu.app.backup.taking import keys_of
from siyu.kernel.settings import Settings

VERDICT = "backup.verified.json"
Told = Callable[[str, int, int], None]
"""Called with a file's name, bytes read so far, and bytes in all, as they lie on the disk."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a backup showed: which, when, how long that took, and the first bad file if there is one."""

    id: str
    at: datetime
    seconds: float
    files: int
    bytes: int
    bad: str = ""
    """The first file that is damaged or missing; empty when the backup is whole."""


class Read(msgspec.Struct):
    """How much was read."""

    files: int = 0
    bytes: int = 0


def verify(folder: Folder, base: Base, told: Told = lambda *_: None, read: Read | None = None) -> Read:  # fmt: skip
    """Read every file that restoring this backup, or any moment since, would need; how much that was.

    Raises ``Damaged`` naming the first file that is damaged or missing; ``read`` then says how far it came.
    """
    read = read or Read()
    sealed = [*_of_base(base), *_of_log(folder, base)]
    rounds = _rounds_since(folder, base)
    kept = {content_name(name): name for name in sorted(_content_of(folder, rounds))}
    sizes = {name: _size(folder.path / name) for name in (*sealed, *rounds, *kept)}
    total = sum(sizes.values())
    for name, size in sizes.items():
        before = read.bytes
        told(name, before, total)
        if name in kept:
            with _Nowhere() as nowhere:
                folder.take_content(kept[name], nowhere)
        else:
            folder.read_through(name, partial(_tell, told, name, before, total))
        read.files, read.bytes = read.files + 1, before + size
    return read


def _tell(told: Told, name: str, before: int, total: int, passed: int) -> None:
    told(name, before + passed, total)


def prove(settings: Settings, id: str = "", told: Told = lambda *_: None) -> Verdict:
    """Verify a backup – the newest when not named – and keep what came of it, if it is the newest.

    Raises ``NoBackups``, ``UnknownBackup``, ``NoKey``, ``WrongKey``, ``Damaged`` when not even the list of backups can be read, and what
    ``told`` raises; a bad file is told by the verdict.
    """
    began, at = time.monotonic(), datetime.now(UTC)
    folder = Folder.open(settings.backups, keys_of(settings.home))
    bases = folder.bases()
    found = [one for one in bases if id in ("", one.id)]
    if not found:
        raise UnknownBackup(id=id, newest=bases[-1].id) if bases else NoBackups
    base, read, bad = found[-1], Read(), ""
    try:
        verify(folder, base, told, read)
    except Damaged as damaged:
        bad = str(damaged.facts.get("file", damaged))
    except OSError as error:  # a disk that cannot be read is no backup either
        bad = str(error)
    spent = round(time.monotonic() - began, 1)
    verdict = Verdict(id=base.id, at=at, seconds=spent, files=read.files, bytes=read.bytes, bad=bad)
    if base is bases[-1]:
        _keep(settings.home, verdict)
    return verdict


def verdict_of(home: Path) -> Verdict | None:
    """What the last look at the newest backup showed; None when nobody has looked."""
    try:
        return msgspec.json.decode((home / VERDICT).read_bytes(), type=Verdict)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _keep(home: Path, verdict: Verdict) -> None:
    draft = home / f".{VERDICT}"
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.encode(verdict))
    draft.replace(home / VERDICT)


def _of_base(base: Base) -> list[str]:
    body = "base" if base.kind == "physical" else "dump"
    return [f"bases/{base.id}/{name}" for name in ("about", "secrets", body)]


def _of_log(folder: Folder, base: Base) -> list[str]:
    """The segments from the base on, without a gap and as far as is claimed. Raises ``Damaged``."""
    if not base.chain:
        return []
    reach = archiving.reach_of(folder, base)  # before looking which there are: they become more
    names = archiving.segments(folder, base.chain, base.wal_from, reach)
    place = f"wal/{base.chain}"
    said = [f"{place}/covered"] if (folder.path / place / "covered").exists() else []
    return [f"{place}/{name}" for name in names] + said


def _rounds_since(folder: Folder, base: Base) -> list[str]:
    """The rounds that a restore to any moment since the backup reads."""
    names = content.rounds(folder)
    full = [name for name in names if name.endswith("-full")]
    if not full:
        raise Damaged(file=str(folder.path / "rounds"))  # each backup keeps one
    before = [name for name in full if content.moment(name) <= base.finished_at]
    first = before[-1] if before else names[0]
    return [name for name in names if name >= first]


def _content_of(folder: Folder, rounds: list[str]) -> set[str]:
    """Keyed hashes of all that these rounds name."""
    kept: set[str] = set()
    for name in rounds:
        one = folder.get_as(name, content.Round)
        kept.update(name for name, *_ in one.files.values())
        kept.update(name for _, name in (one.behaviour or {}).values())
    return kept


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


class _Nowhere(io.BytesIO):
    def write(self, content: object) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        return 0
