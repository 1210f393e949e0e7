"""What the worker does for backups: seals the log and what is new beside it, takes the nightly one and reads it again."""

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from siyu.app import up
from siyu.app.backup import archiving, content
from siyu.app.backup.folder import HOUSE, Folder, InUse, NoBackups
from siyu.app.backup.taking import keys_of, take
from siyu.app.backup.verifying import Told, Verdict, prove, verdict_of
from siyu.insight.warehouse import WarehouseAway
from siyu.kernel.errors import Refusal
from siyu.kernel.jobs import Cancelled, Work, job
from siyu.kernel.settings import Settings, Urls

log = structlog.get_logger("siyu.backup")
JOB, VERIFY = "backup.take", "backup.verify"
LOOK_S = 1.0
_NIGHT_S = 60.0
_SEEN = """
select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as lsn, pg_snapshot_xmin(s)::text as low, pg_snapshot_xmax(s)::text as high
from pg_current_snapshot() s
"""


async def serve(runtime: Any) -> None:
    """Look after the archive until cancelled. Several workers take turns; whatever goes wrong is told and tried again."""
    # Neither a long night nor many files keep the log from being sealed.
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_again_and_again(_Watching(runtime).look, LOOK_S))
        tasks.create_task(_again_and_again(_Beside(runtime).look, LOOK_S))
        tasks.create_task(_again_and_again(partial(_tonight, runtime), _NIGHT_S))


async def _again_and_again(once: Callable[[], Awaitable[None]], every_s: float) -> None:
    while True:
        try:
            await once()
        except InUse:
            pass  # another worker is at it
        except Exception as failure:  # noqa: BLE001  # a loop that serves goes on whatever was raised
            log.warning("backup waits", error=f"{type(failure).__name__}: {failure}"[:300])
        await asyncio.sleep(every_s)


class _Watching:
    """One worker's view of the archive; the folder is opened again when the chain changes."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self._home = runtime.settings.home
        self._chain = ""
        self._folder: Folder | None = None
        self._cover = archiving.Cover()
        self._sealed = ""

    async def look(self) -> None:
        """Seal what waits, then say until when all is covered."""
        chain = archiving.chain_of(self._home)
        if not chain:
            return
        if chain != self._chain or self._folder is None:
            settings = self._runtime.settings
            self._folder = await asyncio.to_thread(
                Folder.open, settings.backups, keys_of(settings.home)
            )
            self._chain, self._cover = chain, archiving.Cover()
            self._sealed = await asyncio.to_thread(archiving.last_sealed, self._folder, chain)
        self._cover.note(await self._seen())
        with self._folder.alone("wal"):
            if (
                await asyncio.to_thread(archiving.look, self._home, self._folder)
                or not self._sealed
            ):
                self._sealed = await asyncio.to_thread(archiving.last_sealed, self._folder, chain)
        until = self._cover.until(archiving.end_of(self._sealed)) if self._sealed else None
        if until is not None:
            await self._say(until)

    async def _say(self, until: datetime) -> None:
        """Not more often than every few seconds: it is a file that is written anew."""
        assert self._folder is not None
        before = archiving.status_of(self._home).covered_until
        if before is None or until - before >= timedelta(seconds=5):
            await asyncio.to_thread(
                archiving.say_covered, self._home, self._folder, self._chain, until, self._sealed
            )

    async def _seen(self) -> archiving.Seen:
        at = datetime.now(UTC)  # before asking: what commits meanwhile is later
        async with self._runtime.database.dispatcher() as connection:
            row = await connection.fetchrow(_SEEN)
        quiet = int(row["high"]) if row["low"] == row["high"] else None
        return archiving.Seen(at, int(row["lsn"]), quiet)


class _Beside:
    """One worker's rounds of what lies beside PostgreSQL, for as long as its log is kept."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self._chain = ""
        self._folder: Folder | None = None
        self._state = content.State()
        self._round_at = -math.inf

    async def look(self) -> None:
        """A round every so often; at once when another one was under way."""
        settings, began = self._runtime.settings, time.monotonic()
        chain = archiving.chain_of(settings.home)
        if not chain or began - self._round_at < settings.backup_round_s:
            return
        if chain != self._chain or self._folder is None:
            self._folder = await asyncio.to_thread(
                Folder.open, settings.backups, keys_of(settings.home)
            )
            self._chain, self._state = chain, content.State()
        try:
            self._round_at = began
            await self._round(self._folder)
        except InUse:
            self._round_at = -math.inf
            raise

    async def _round(self, folder: Folder) -> None:
        """Keep what is new. Where another worker went on, this one goes on from there."""
        home, warehouse = self._runtime.settings.home, self._runtime.parts["warehouse"]
        at, files = datetime.now(UTC), home / "files"
        with folder.alone("round"):
            await asyncio.to_thread(content.go_on, folder, self._state)
            try:
                await content.keep_round(folder, self._state, files, warehouse, full=False)
            except WarehouseAway:
                await content.keep_round(folder, self._state, files, None, full=False)
                return
        await asyncio.to_thread(_say_beside, home, at)


def _say_beside(home: Path, at: datetime) -> None:
    with archiving.changing_status(home) as status:
        status.beside_until = max(at, status.beside_until or at)


def urls_with_owner(runtime: Any) -> Urls:
    """The process's engines, with the owner as the running house knows it; empty when that is somebody else's to know."""
    owner = runtime.settings.database_url or up.owner_here(runtime.settings.home)
    return Urls(owner, runtime.urls.app, runtime.urls.dispatcher, runtime.urls.clickhouse)


async def _tonight(runtime: Any) -> None:
    """When the night's hour has come: take the nightly backup if none was finished since, and read the newest once."""
    hour = runtime.settings.nightly_hour
    if hour is None:
        return
    now = datetime.now(UTC)
    due = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    due = due if due <= now else due - timedelta(days=1)
    if now - due > timedelta(hours=6):
        return
    urls = urls_with_owner(runtime)
    if urls.owner and not await asyncio.to_thread(_taken_since, runtime, due):
        await _take_tonight(runtime, urls, now)
    await _verify_since(runtime, due)


async def _take_tonight(runtime: Any, urls: Urls, now: datetime) -> None:
    trouble = ""
    try:
        await take(runtime.settings, urls)
    except InUse:
        raise
    except (Refusal, OSError) as failure:
        trouble = f"{now:%Y-%m-%d %H:%M} UTC: {failure}"
        log.warning("nightly backup failed", error=trouble[:300])
    await asyncio.to_thread(_say_nightly, runtime.settings.home, trouble)


def _say_nightly(home: Path, trouble: str) -> None:
    with archiving.changing_status(home) as status:
        status.nightly = trouble


async def _verify_since(runtime: Any, due: datetime) -> None:
    """Read the newest backup, unless somebody has done so since. Raises ``InUse`` when somebody is at it."""
    settings = runtime.settings
    last = verdict_of(settings.home)
    if (last and last.at >= due) or not (settings.backups / HOUSE).exists():
        return
    folder = await asyncio.to_thread(Folder.open, settings.backups, keys_of(settings.home))
    with folder.alone("verifying"), suppress(NoBackups):
        await _prove(settings)


def _taken_since(runtime: Any, due: datetime) -> bool:
    settings = runtime.settings
    if not settings.backups.exists():
        return False
    bases = Folder.make(settings.backups, keys_of(settings.home)).bases()
    return bool(bases) and bases[-1].finished_at >= due


class _Telling:
    """What a thread says of its job's progress, once a second at most: nobody looks more often."""

    def __init__(self, work: Work) -> None:
        self._work, self._loop, self._at = work, asyncio.get_running_loop(), 0.0
        self._last: Future[None] | None = None

    def say(self, step: str, done: int, total: int | None) -> None:
        """Called in the thread for every piece, with bytes."""
        told = self._last is None or self._last.done()
        if told and time.monotonic() - self._at >= 1:
            self._at = time.monotonic()
            said = self._work.progress(done >> 20, total and total >> 20, STEPS[step])
            self._last = asyncio.run_coroutine_threadsafe(said, self._loop)

    async def over(self) -> None:
        """Wait for what was said last: it must not come after what is said at the end. Raises ``Cancelled``.

        That it could not be written down is nothing against the work, which is done.
        """
        if self._last is None:
            return
        (failure,) = await asyncio.gather(asyncio.wrap_future(self._last), return_exceptions=True)
        if isinstance(failure, Cancelled):
            raise failure
        if failure is not None:
            log.warning("progress was not told", error=f"{type(failure).__name__}: {failure}"[:300])


@job(JOB)
async def take_as_job(work: Work, _: dict[str, Any]) -> dict[str, Any]:
    """Take a backup that somebody asked for at the console."""
    telling = _Telling(work)
    taken = await take(work.settings, urls_with_owner(work.runtime), telling.say)
    await telling.over()
    return {"id": taken.base.id, "bytes": taken.base.bytes, "pruned": len(taken.pruned)}


@job(VERIFY)
async def verify_as_job(work: Work, _: dict[str, Any]) -> dict[str, Any]:
    """Read the newest backup for somebody who asked at the console; a bad file is its result, not its failure."""
    telling = _Telling(work)

    def say(_: str, done: int, total: int) -> None:
        telling.say("reading", done, total)
        if work.cancelled:
            raise Cancelled

    verdict = await _prove(work.settings, say)
    await telling.over()
    await work.progress(verdict.bytes >> 20, failed=int(bool(verdict.bad)))
    return {"id": verdict.id, "files": verdict.files, "bad": verdict.bad}


async def _prove(settings: Settings, told: Told = lambda *_: None) -> Verdict:
    """``prove`` in a thread that ends soon after nobody waits for it any more."""
    over = threading.Event()

    def told_unless_over(name: str, done: int, total: int) -> None:
        if over.is_set():
            raise Cancelled
        told(name, done, total)

    try:
        verdict = await asyncio.to_thread(prove, settings, "", told_unless_over)
    finally:
        over.set()
    if verdict.bad:
        log.error("backup is not whole", id=verdict.id, file=verdict.bad)
    return verdict


STEPS = {
    "reading": {"zh-CN": "正在逐个核验文件（MB）", "en": "Reading every file (MB)"},
    "database": {"zh-CN": "正在复制数据库（MB）", "en": "Copying the database (MB)"},
    "waiting": {
        "zh-CN": "等后台存完这一轮图片和访问记录",
        "en": "Waiting until the worker has kept pictures and visits",
    },
    "files": {"zh-CN": "正在保存文件（MB）", "en": "Keeping files (MB)"},
}
