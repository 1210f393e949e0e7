"""The log behind the base backups: finished segments leave PostgreSQL's spool sealed, one by one, none lost.

PostgreSQL copies a segment into the spool within seconds of its end and waits for nobody (``ARCHIVE_COMMAND``). From
there it goes into ``wal/<chain>/`` of the backups. A chain is an unbroken run on one timeline: it begins with the
spool and ends with it.
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from siyu.app.backup.folder import Base, Damaged, Folder
from siyu.kernel.engines import SPOOL, FolderLock, give_to_server

log = structlog.get_logger("siyu.backup")
STATUS = "backup.json"
_LOCK = "backup.lock"
SPOOL_LIMIT = 8 << 30
"""Bytes that may wait. Beyond, the disk of the living house is worth more than an unbroken log: the chain ends, visibly."""
SEGMENT = re.compile(r"[0-9A-F]{24}")
_CHAIN = ".chain"
_HEADER = 40
"""Bytes of a segment's head (XLogLongPageHeaderData): a position there is still its beginning."""


class Status(msgspec.Struct, kw_only=True):
    """How the archive stands, as ``home/backup.json`` says it beside the house."""

    chain: str = ""
    """Empty: nothing is archived; take a backup, which begins it."""
    covered_until: datetime | None = None
    """Every commit up to this moment is in the backups."""
    beside_until: datetime | None = None
    """When files and behaviour were last looked through."""
    sealed_at: datetime | None = None
    waiting: int = 0
    waiting_bytes: int = 0
    waiting_since: datetime | None = None
    trouble: str = ""
    """Why the last attempt did not succeed."""
    broken: str = ""
    """Why the last chain ended by itself."""
    looked_at: datetime | None = None
    nightly: str = ""
    """What became of the last nightly backup, when it failed."""


def status_of(home: Path) -> Status:
    """How the archive of the house on this folder stands."""
    try:
        return msgspec.json.decode((home / STATUS).read_bytes(), type=Status)
    except (FileNotFoundError, msgspec.DecodeError):
        return Status()


@contextmanager
def changing_status(home: Path) -> Generator[Status]:
    """The status, to be changed within the block and written down at its end; writers of all processes take turns.

    Waits for its turn, so never on the event loop. Nothing is written when the block raises.
    """
    lock = FolderLock.take(home / _LOCK, f"{home / STATUS}", patience_s=30)
    try:
        before = status_of(home)
        status = msgspec.structs.replace(before)
        yield status
        if status != before:
            _write_status(home, status)
    finally:
        lock.release()


def _write_status(home: Path, status: Status) -> None:
    draft = home / f".{STATUS}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.encode(status))
        draft.replace(home / STATUS)
    finally:
        draft.unlink(missing_ok=True)


def spool_of(home: Path) -> Path:
    """Where the embedded server of this home leaves finished segments."""
    return home / "pg" / SPOOL


def chain_of(home: Path) -> str:
    """The chain that is being archived; empty when none is."""
    try:
        return (spool_of(home) / _CHAIN).read_text()
    except FileNotFoundError:
        return ""


def begin(home: Path, chain: str) -> None:
    """Let the embedded server keep its segments from now on; does nothing when it does already."""
    spool = spool_of(home)
    if chain_of(home):
        return
    shutil.rmtree(spool, ignore_errors=True)
    draft = spool.with_name(f".{spool.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    (draft / _CHAIN).write_text(chain)
    give_to_server(draft, home / "pg")
    draft.rename(spool)
    with changing_status(home) as status:
        anew = Status(chain=chain, nightly=status.nightly)
        for name, value in msgspec.structs.asdict(anew).items():
            setattr(status, name, value)


def end(home: Path, why: str = "") -> None:
    """Keep no more segments; the chain ends with what was sealed. ``why``: what made it end by itself."""
    shutil.rmtree(spool_of(home), ignore_errors=True)
    with changing_status(home) as status:
        status.broken, status.chain, status.waiting, status.waiting_bytes = why, "", 0, 0
        status.waiting_since = None


def seal_spool(home: Path, folder: Folder) -> list[str]:
    """Seal what waits, oldest first; the names. Whoever calls holds ``folder.alone("wal")``.

    A segment leaves the spool once its sealed copy is on the disk. Raises ``Damaged`` when another content is there
    under its name, and ``OSError`` when the folder cannot be written: nothing is lost by either.
    """
    spool, chain = spool_of(home), chain_of(home)
    done: list[str] = []
    for path in _waiting(spool) if chain else ():
        content, name = path.read_bytes(), f"wal/{chain}/{path.name}"
        if not (folder.path / name).exists():
            folder.put(name, content)
        elif folder.get(name) != content:
            raise Damaged(
                "A segment of the log is there already with other content. Take backups of two houses into two folders.",
                file=str(folder.path / name),
            )
        path.unlink()
        done.append(path.name)
    return done


def look(home: Path, folder: Folder, limit: int = SPOOL_LIMIT) -> bool:
    """One round: seal what waits and write down how it stands; whether anything was sealed. Never raises ``OSError``."""
    chain = chain_of(home)
    sealed: list[str] = []
    trouble = ""
    try:
        sealed = seal_spool(home, folder)
    except (OSError, Damaged) as error:
        trouble = str(error)
        log.warning("segments wait", error=trouble[:300])
    left = _waiting(spool_of(home)) if chain else []
    size = sum(path.stat().st_size for path in left)
    now = datetime.now(UTC)
    if size > limit:
        end(home, f"{size >> 20} MB of the log were waiting to be sealed: {trouble}")
        return bool(sealed)
    since = datetime.fromtimestamp(left[0].stat().st_mtime, UTC) if left else None
    with changing_status(home) as status:
        status.chain, status.trouble, status.looked_at = chain_of(home), trouble, now
        status.waiting, status.waiting_bytes, status.waiting_since = len(left), size, since
        if sealed:
            status.sealed_at = now
    return bool(sealed)


def _waiting(spool: Path) -> list[Path]:
    if not spool.is_dir():
        return []
    return sorted(path for path in spool.iterdir() if not path.name.startswith("."))


class Seen(msgspec.Struct, frozen=True):
    """The server at a moment: its position, and its transaction counter if nobody was writing then."""

    at: datetime
    lsn: int
    quiet: int | None


class Cover:
    """Finds out until when every commit is sealed, from looks at the living server and what has been sealed.

    A commit before a look lies before the position seen then, and is covered once the segments reach that far. While
    no transaction number is handed out there is no commit either: a later look that sees the same number is as good.
    """

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self._covered: Seen | None = None

    def note(self, seen: Seen) -> None:
        """A look that was taken at the server now. After many looks without a seal, every other one is enough."""
        self._seen.append(seen)
        if len(self._seen) > 1000:
            self._seen = self._seen[::2] + self._seen[-1:]

    def until(self, sealed_to: int) -> datetime | None:
        """The moment until which everything is sealed, when segments end at ``sealed_to``."""
        for seen in self._seen:
            reached = seen.lsn <= sealed_to + _HEADER and seen.lsn % _SEGMENT_BYTES <= _HEADER
            same = (
                self._covered is not None
                and self._covered.quiet is not None
                and seen.quiet == self._covered.quiet
            )
            if seen.lsn <= sealed_to or reached or same:
                self._covered = seen
        if self._covered is not None:
            covered = self._covered
            self._seen = [seen for seen in self._seen if seen.at > covered.at]
        return None if self._covered is None else self._covered.at


_SEGMENT_BYTES = 16 << 20


def end_of(segment: str) -> int:
    """The position at which a segment (of 16 MB) ends."""
    return (
        (int(segment[8:16], 16) << 32) // _SEGMENT_BYTES + int(segment[16:24], 16) + 1
    ) * _SEGMENT_BYTES


def last_sealed(folder: Folder, chain: str) -> str:
    """The newest sealed segment of a chain; empty when there is none."""
    names = [name.rpartition("/")[2] for name in folder.names(f"wal/{chain}")]
    return max((name for name in names if SEGMENT.fullmatch(name)), default="")


def segments(folder: Folder, chain: str, first: str, to: str = "") -> list[str]:
    """A chain's sealed segments from ``first`` on, at least up to ``to``. Raises ``Damaged`` naming the first missing one."""
    names = [name.rpartition("/")[2] for name in folder.names(f"wal/{chain}")]
    found = [name for name in names if SEGMENT.fullmatch(name) and name >= first]
    wanted = end_of(first) - _SEGMENT_BYTES
    for name in found or [""]:
        if not name or end_of(name) - _SEGMENT_BYTES != wanted:
            raise Damaged(file=str(folder.path / f"wal/{chain}/{_segment_at(first, wanted)}"))
        wanted += _SEGMENT_BYTES
    if found[-1] < to:
        raise Damaged(file=str(folder.path / f"wal/{chain}/{_segment_at(first, wanted)}"))
    return found


def _segment_at(like: str, position: int) -> str:
    return f"{like[:8]}{position >> 32:08X}{(position & 0xFFFFFFFF) // _SEGMENT_BYTES:08X}"


class Covered(msgspec.Struct, frozen=True):
    """Until when a chain holds every commit, and the last segment that was sealed when this was said."""

    until: datetime
    through: str = ""


def say_covered(home: Path, folder: Folder, chain: str, until: datetime, through: str) -> None:
    """Write it beside the segments, and into the house's status. ``through``: the last sealed segment.

    Of several workers the one that knows of less takes nothing back.
    """
    with changing_status(home) as status:
        if status.chain == chain:
            if status.covered_until and status.covered_until >= until:
                return
            status.covered_until = until
        folder.put(f"wal/{chain}/covered", msgspec.json.encode(Covered(until, through)))


def covered_until(folder: Folder, chain: str) -> datetime | None:
    """Until when a chain holds every commit, as far as anybody said. Raises ``Damaged``."""
    said = _covered(folder, chain)
    return said.until if said else None


def reach_of(folder: Folder, base: Base) -> str:
    """The last segment that must be there: what the backup itself needs, and what was said to be covered. Raises ``Damaged``."""
    said = _covered(folder, base.chain)
    return max(base.wal_to, said.through if said else "")


def _covered(folder: Folder, chain: str) -> Covered | None:
    name = f"wal/{chain}/covered"
    return folder.get_as(name, Covered) if (folder.path / name).exists() else None


def wait_sealed(home: Path, folder: Folder, within_s: float = 60.0) -> None:
    """Seal everything that waits now, taking turns with whoever else does. Raises as ``seal_spool``, and ``InUse``."""
    ends = time.monotonic() + within_s
    with folder.alone("wal", patience_s=max(0.0, ends - time.monotonic())):
        seal_spool(home, folder)
