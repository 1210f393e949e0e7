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
from siyu.app.backup.folder import HOUSE, Base, Folder
from siyu.app.backup.serving import JOB, urls_with_owner
from siyu.app.backup.taking import NoOwner, keys_of
from siyu.kernel import jobs
from siyu.kernel.errors import Refusal
from siyu.kernel.http import JobOut
from siyu.people.staff import Desk, permission

permission("backups.view", {"zh-CN": "查看备份", "en": "See backups"})
permission("backups.take", {"zh-CN": "立即备份", "en": "Take a backup"})
TITLE = {"zh-CN": "备份全店数据", "en": "Back up the whole house"}
_SHOWN = 60


class UnderWay(Refusal):
    """A backup is being taken; ``facts``: job_id."""

    code = "backup.under_way"
    detail = "A backup is being taken already. Wait until it is done."


class BackupOut(msgspec.Struct):
    """A backup that can be restored. ``kind``: ``physical`` (any moment after it, too) or ``dump`` (that moment)."""

    id: str
    kind: str
    begun_at: datetime
    finished_at: datetime
    bytes: int


class BackupsOut(msgspec.Struct):
    """The backups, newest first, and how the log behind them stands."""

    items: list[BackupOut]
    archiving: bool
    """Whether every minute is kept."""
    covered_until: datetime | None
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


@get("/backups", tags=["backups"])
async def list_backups(desk: NamedDependency[Desk], runtime: NamedDependency[Any]) -> BackupsOut:
    """Backups of the house, how far the archive reaches, and the job that takes one. Refusals: backup.damaged, backup.wrong_key."""
    desk.require("backups.view")
    settings = runtime.settings
    bases = await asyncio.to_thread(_bases, runtime)
    status = await asyncio.to_thread(archiving.status_of, settings.home)
    # Until the first base of a chain is whole, its log alone brings nothing back.
    begun = any(one.chain == status.chain for one in bases if one.chain)
    row = await desk.session.scalar(
        select(jobs.JobRow).where(jobs.JobRow.kind == JOB).order_by(jobs.JobRow.id.desc()).limit(1)
    )
    return BackupsOut(
        [
            BackupOut(one.id, one.kind, one.begun_at, one.finished_at, one.bytes)
            for one in bases[: -_SHOWN - 1 : -1]
        ],
        begun,
        status.covered_until if begun else None,
        status.waiting,
        status.waiting_bytes,
        status.waiting_since,
        status.trouble or status.broken or status.nightly,
        settings.nightly_hour,
        settings.backup_keep_days,
        bool(urls_with_owner(runtime).owner),
        JobOut.of(row) if row is not None else None,
    )


@post("/backups", tags=["backups"], status_code=202)
async def take_backup(desk: NamedDependency[Desk], runtime: NamedDependency[Any]) -> JobOut:
    """Take a backup of the whole house as a job. Refusals: backup.under_way, backup.no_owner."""
    desk.require("backups.take")
    if not urls_with_owner(runtime).owner:
        raise NoOwner
    # Two who press at once: the second sees the first one's job.
    await desk.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("siyu.backups"))))
    under_way = await desk.session.scalar(
        select(jobs.JobRow.id)
        .where(jobs.JobRow.kind == JOB, jobs.JobRow.state.in_(("waiting", "running")))
        .limit(1)
    )
    if under_way is not None:
        raise UnderWay(job_id=str(under_way))
    job_id: UUID = await jobs.start(desk.session, JOB, {}, TITLE)
    await desk.audit(
        action="backups.asked", subject_kind="job", subject_id=job_id, label=JOB, facts={}
    )
    return JobOut.of(await jobs.one(desk.session, job_id))


def _bases(runtime: Any) -> list[Base]:
    settings = runtime.settings
    if not (settings.backups / HOUSE).exists():
        return []
    return Folder.open(settings.backups, keys_of(settings.home)).bases()


console_routes = [list_backups, take_backup]
