"""Backups as a part of the house's health."""

import asyncio
from datetime import timedelta
from typing import Any

from siyu.app.backup import archiving
from siyu.app.health import Part
from siyu.kernel import clock

LATE = timedelta(minutes=5)
_SAYS = {
    "none": {
        "zh-CN": "还没有在连续备份。在「台 → 备份」做一次，之后每分钟自动续存。",
        "en": "Nothing is backed up yet. Take a backup on the page Backups; afterwards every minute is kept.",
    },
    "trouble": {
        "zh-CN": "备份存不下去：{why}。看「台 → 备份」。",
        "en": "The backup cannot go on: {why}. See the page Backups.",
    },
    "late": {
        "zh-CN": "备份已经落后 {n} 分钟。看工作进程是否在运行、备份盘是否满了。",
        "en": "The backup is {n} minutes behind. See whether a worker runs and the backups' disk has room.",
    },
    "fine": {"zh-CN": "备份在续存。", "en": "Backups are kept up."},
}


async def look(runtime: Any) -> Part:
    """How the archive stands. A demo without backups is in order; a shop without any is told."""
    status = await asyncio.to_thread(archiving.status_of, runtime.settings.home)
    why = status.trouble or status.broken or status.nightly
    if why:
        return _part("bad", "trouble", why=why[:200])
    if not status.chain:
        return _part("ok" if runtime.is_demo else "warn", "none")
    behind = clock.now() - status.covered_until if status.covered_until else timedelta(0)
    if behind > LATE:
        return _part("warn", "late", n=int(behind.total_seconds() // 60))
    return _part("ok", "fine")


def _part(state: Any, says: str, **facts: object) -> Part:
    return Part("backups", state, {one: text.format(**facts) for one, text in _SAYS[says].items()})
