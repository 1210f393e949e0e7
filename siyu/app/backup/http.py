"""The console's view of the backups: which there are, until when they reach, and a button that takes one."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from sqlalchemy import func, select

from siyu.app.backup import archiving
from siyu.app.backup.folder import HOUSE, Base, Folder, NoBackups
from siyu.app.backup.serving import JOB, VERIFY, urls_with_owner
from siyu.app.backup.taking import NoOwner, keys_of
from siyu.app.backup.verifying import verdict_of
from siyu.kernel import jobs
from siyu.kernel.errors import Refusal
from siyu.kernel.http import JobOut
from siyu.people.staff import Desk, permission

permission("backups.view", {"zh-CN": "查看备份", "en": "See backups"})
permission("backups.take", {"zh-CN": "立即备份", "en": "Take a backup"})
TITLE = {"zh-CN": "备份全店数据", "en": "Back up the whole house"}
VERIFYING = {"zh-CN": "核验备份", "en": "Verify the backup"}
_SHOWN = 60


class UnderWay(Refusal):
    """A backup is being taken; ``facts``: job_id."""

    code = "backup.under_way"
    detail = "A backup is being taken already. Wait until it is done."


class VerifyUnderWay(Refusal):
    """The newest backup is being read; ``facts``: job_id."""

    code = "backup.verify_under_way"
    detail = "A backup is being verified already. Wait for its result."


class BackupOut(msgspec.Struct):
    """A backup that can be restored. ``kind``: ``physical`` (any moment after it, too) or ``dump`` (that moment)."""

    id: str
    kind: str
    begun_at: datetime
    finished_at: datetime
    bytes: int


class VerifiedOut(msgspec.Struct):
    """What reading the newest backup showed, whoever asked for it."""

    id: str
    at: datetime
    seconds: float
    files: int
    bytes: int
    bad: str
    """The first file that is damaged or missing; empty when the backup is whole."""


class BackupsOut(msgspec.Struct):
    """The backups, newest first, and how the log behind them stands."""

    items: list[BackupOut]
    archiving: bool
    """Whether every minute is kept."""
    covered_until: datetime | None
    earliest: datetime | None
    """The earliest moment that can be had back: when the oldest kept backup was finished."""
    waiting: int
    waiting_bytes: int
    waiting_since: datetime | None
    trouble: str
    """What stands in the way of the archive, of the last chain, or of the nightly backup; empty when nothing does."""
    nightly_hour: int | None
    """UTC; none when none is taken."""
    keep_days: int
    can_take: bool
    """Whether this house may be backed up from here: an embedded engine, or one whose owner is known."""
    job: JobOut | None
    """The one that is being taken, or was last."""
    verified: VerifiedOut | None
    """None until somebody has looked: the worker does so each night."""
    verifying: JobOut | None
    """The verification that was asked for here last."""


@get("/backups", tags=["backups"])
async def list_backups(desk: NamedDependency[Desk], runtime: NamedDependency[Any]) -> BackupsOut:
    """Backups of the house, how far the archive reaches, and the job that takes one. Refusals: backup.damaged, backup.wrong_key."""
    desk.require("backups.view")
    settings = runtime.settings
    bases = await asyncio.to_thread(_bases, runtime)
    status = await asyncio.to_thread(archiving.status_of, settings.home)
    # Until the first base of a chain is whole, its log alone brings nothing back.
    begun = any(one.chain == status.chain for one in bases if one.chain)
    verdict = await asyncio.to_thread(verdict_of, settings.home)
    return BackupsOut(
        [
            BackupOut(one.id, one.kind, one.begun_at, one.finished_at, one.bytes)
            for one in bases[: -_SHOWN - 1 : -1]
        ],
        begun,
        status.covered_until if begun else None,
        bases[0].finished_at if bases else None,
        status.waiting,
        status.waiting_bytes,
        status.waiting_since,
        status.trouble or status.broken or status.nightly,
        settings.nightly_hour,
        settings.backup_keep_days,
        bool(urls_with_owner(runtime).owner),
        await _last(desk, JOB),
        VerifiedOut(**msgspec.structs.asdict(verdict)) if verdict else None,
        await _last(desk, VERIFY),
    )


@post("/backups", tags=["backups"], status_code=202)
async def take_backup(desk: NamedDependency[Desk], runtime: NamedDependency[Any]) -> JobOut:
    """Take a backup of the whole house as a job. Refusals: backup.under_way, backup.no_owner."""
    desk.require("backups.take")
    if not urls_with_owner(runtime).owner:
        raise NoOwner
    return await _ask(desk, JOB, TITLE, "backups.asked", UnderWay)


@post("/backups/verify", tags=["backups"], status_code=202)
async def verify_backup(desk: NamedDependency[Desk], runtime: NamedDependency[Any]) -> JobOut:
    """Read the whole newest backup as a job. Refusals: backup.verify_under_way, backup.none, backup.wrong_key."""
    desk.require("backups.take")
    if not await asyncio.to_thread(_bases, runtime):
        raise NoBackups
    return await _ask(desk, VERIFY, VERIFYING, "backups.verify_asked", VerifyUnderWay)


async def _ask(
    desk: Desk, kind: str, title: dict[str, str], action: str, under_way: type[Refusal]
) -> JobOut:
    """Start a job of which there is one at a time; two who press at once: the second is told of the first one's."""
    await desk.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("siyu.backups"))))
    running = await desk.session.scalar(
        select(jobs.JobRow.id)
        .where(jobs.JobRow.kind == kind, jobs.JobRow.state.in_(("waiting", "running")))
        .limit(1)
    )
    if running is not None:
        raise under_way(job_id=str(running))
    job_id: UUID = await jobs.start(desk.session, kind, {}, title)
    await desk.audit(action=action, subject_kind="job", subject_id=job_id, label=kind, facts={})
    return JobOut.of(await jobs.one(desk.session, job_id))


async def _last(desk: Desk, kind: str) -> JobOut | None:
    row = await desk.session.scalar(
        select(jobs.JobRow).where(jobs.JobRow.kind == kind).order_by(jobs.JobRow.id.desc()).limit(1)
    )
    return JobOut.of(row) if row is not None else None


def _bases(runtime: Any) -> list[Base]:
    settings = runtime.settings
    if not (settings.backups / HOUSE).exists():
        return []
    return Folder.open(settings.backups, keys_of(settings.home)).bases()


console_routes = [list_backups, take_backup, verify_backup]
