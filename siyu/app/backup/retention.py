"""What is kept: every moment of the last days, so the backup before them too; all else goes."""

import contextlib
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from siyu.app.backup import archiving, content
from siyu.app.backup.folder import Base, Folder, content_name

log = structlog.get_logger("siyu.backup")
_YOUNG_S = 3600
"""Content that was written this lately may belong to a round that is being written: it stays."""


def kept(bases: list[Base], now: datetime, days: int) -> list[Base]:
    """Of backups (oldest first) those that are needed to restore any moment of the last ``days`` days. Pure.

    The newest one always stays, and of those older than the window the newest, where the window's first moment begins.
    """
    edge = now - timedelta(days=days)
    older = [base for base in bases if base.finished_at <= edge]
    return older[-1:] + [base for base in bases if base.finished_at > edge]


def prune(folder: Folder, days: int) -> list[str]:
    """Remove what no kept backup needs: bases, segments, rounds, content; the ids of the bases that went.

    A base goes first, by its ``about``: killed half-way, what is left is no backup and goes next time.
    """
    bases = folder.bases()
    stay = kept(bases, datetime.now(UTC), days)
    gone = [base for base in bases if base not in stay]
    for base in gone:
        (folder.path / f"bases/{base.id}/about").unlink()
        shutil.rmtree(folder.path / f"bases/{base.id}")
    if not stay:
        return [base.id for base in gone]
    whole = {base.id for base in stay}
    for name in folder.names("bases"):
        if name.rpartition("/")[2] not in whole and _old(folder.path / name):
            shutil.rmtree(folder.path / name)
    _prune_segments(folder, stay)
    _prune_rounds(folder, stay)
    _prune_content(folder)
    return [base.id for base in gone]


def _prune_segments(folder: Folder, stay: list[Base]) -> None:
    """A chain without a kept base goes; of the others what lies before the first kept one."""
    first: dict[str, str] = {}
    for base in stay:
        first[base.chain] = min(first.get(base.chain, base.wal_from), base.wal_from)
    for place in folder.names("wal"):
        chain = place.rpartition("/")[2]
        if chain not in first:
            if _old(folder.path / place):
                shutil.rmtree(folder.path / place)
            continue
        for name in folder.names(place):
            segment = name.rpartition("/")[2][:24]
            if archiving.SEGMENT.fullmatch(segment) and segment < first[chain]:
                (folder.path / name).unlink()


def _prune_rounds(folder: Folder, stay: list[Base]) -> None:
    """Rounds before the last full one that is not younger than the oldest kept backup."""
    oldest = min(base.finished_at for base in stay)
    names = content.rounds(folder)
    full = [name for name in names if name.endswith("-full") and content.moment(name) <= oldest]
    for name in names:
        if full and name < full[-1]:
            (folder.path / name).unlink()


def _prune_content(folder: Folder) -> None:
    """Content that no round names."""
    named: set[str] = set()
    for name in content.rounds(folder):
        one = folder.get_as(name, content.Round)
        named.update(content_name(kept[0]) for kept in one.files.values())
        named.update(content_name(kept[1]) for kept in (one.behaviour or {}).values())
    for path in (folder.path / "content").rglob("*"):
        if path.is_file() and path.relative_to(folder.path).as_posix() not in named and _old(path):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def _old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _YOUNG_S
