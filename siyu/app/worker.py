"""The worker process: followers, the log's partitions, timers, jobs, notices, the audit's chain and the warehouse of all brands."""

import asyncio
from datetime import timedelta
from typing import Any

from siyu.app.backup import serving as backups
from siyu.app.brand_file import keep_arrivals
from siyu.app.health import keep_nightly
from siyu.app.runtime import Runtime
from siyu.insight.warehouse import fill
from siyu.kernel import jobs, timers
from siyu.kernel.events import Follower, keep_in_order
from siyu.kernel.http import keep_short
from siyu.kernel.vault import keep_journal
from siyu.people import notices
from siyu.people.staff import keep_sealing


async def work(runtime: Runtime, *, stopped: asyncio.Event | None = None) -> None:
    """Serve until ``stopped`` is set or the task is cancelled; what is under way is put back for the next worker."""
    follower = Follower(runtime.database, files=runtime.files)
    runtime.parts["news"].hear_words("events", follower.wake)
    days = runtime.settings.events_keep_days
    keep = timedelta(days=days) if days > 0 else None
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(follower.run()),
        asyncio.create_task(keep_in_order(runtime.database, runtime.files, keep=keep)),
        asyncio.create_task(timers.serve(runtime.database)),
        asyncio.create_task(jobs.serve(runtime)),
        asyncio.create_task(notices.serve(runtime.database)),
        asyncio.create_task(keep_journal(runtime.database)),
        asyncio.create_task(keep_sealing(runtime.database, runtime.secret)),
        asyncio.create_task(keep_nightly(runtime.database)),
        asyncio.create_task(keep_short(runtime.database)),
        asyncio.create_task(keep_arrivals(runtime)),
        asyncio.create_task(backups.serve(runtime)),
        asyncio.create_task(fill(runtime.database, runtime.parts["warehouse"])),
    ]
    try:
        if stopped is None:
            await asyncio.gather(*tasks)
        else:
            await stopped.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
