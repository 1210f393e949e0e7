"""The worker process: followers, timers, jobs and the warehouse of all brands."""

import asyncio
from typing import Any

from siyu.app.runtime import Runtime
from siyu.insight.warehouse import fill
from siyu.kernel import jobs, timers
from siyu.kernel.events import Follower


async def work(runtime: Runtime, *, stopped: asyncio.Event | None = None) -> None:
    """Serve until ``stopped`` is set or the task is cancelled; what is under way is put back for the next worker."""
    follower = Follower(runtime.database)
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(follower.run()),
        asyncio.create_task(timers.serve(runtime.database)),
        asyncio.create_task(jobs.serve(runtime)),
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
