"""Backups as a part of the house's health."""

import asyncio
from datetime import timedelta
from typing import Any

from siyu.app.backup import archiving
from siyu.app.backup.verifying import verdict_of
from siyu.app.health import Part
from siyu.kernel import clock

LATE = timedelta(minutes=5)
OLD = timedelta(hours=36)
"""Of a backup that nothing continues: every night another is due."""
_SAYS = {
    "none": {
        "zh-CN": "还没有在连续备份。在「台 → 备份」做一次，之后每分钟自动续存。",
        "en": "Nothing is backed up yet. Take a backup on the page Backups; afterwards every minute is kept.",
    },
    "trouble": {
        "zh-CN": "备份存不下去：{why}。看「台 → 备份」。",
        "en": "The backup cannot go on: {why}. See the page Backups.",
    },
    "begins": {
        "zh-CN": "还没有一份完整的备份：第一份还没做完。进度见「台 → 备份」。",
        "en": "There is no whole backup yet: the first one has not come to its end. See the page Backups.",
    },
    "once": {
        "zh-CN": "最近的备份在 {at}（UTC）核验完好；此后的改动没有连续保存。",
        "en": "The newest backup was found whole at {at} UTC; what came later is not kept continuously.",
    },
    "late": {
        "zh-CN": "备份已经落后 {n} 分钟。看工作进程是否在运行、备份盘是否满了。",
        "en": "The backup is {n} minutes behind. See whether a worker runs and the backups' disk has room.",
    },
    "bad": {
        "zh-CN": "核验时发现备份坏了：{file}。马上做一次新的备份，再看备份盘。",
        "en": "The newest backup was found damaged: {file}. Take a new one now, then see to the backups' disk.",
    },
    "fine": {"zh-CN": "备份在续存。", "en": "Backups are kept up."},
    "proven": {
        "zh-CN": "备份在续存，{at}（UTC）核验完好。",
        "en": "Backups are kept up; read and found whole at {at} UTC.",
    },
}


async def look(runtime: Any) -> Part:
    """How the archive stands. A demo without backups is in order; a shop without any is told."""
    status = await asyncio.to_thread(archiving.status_of, runtime.settings.home)
    verdict = await asyncio.to_thread(verdict_of, runtime.settings.home)
    why = status.trouble or status.broken or status.nightly
    if why:
        return _part("bad", "trouble", why=why[:200])
    if verdict is not None and verdict.bad:
        return _part("bad", "bad", file=verdict.bad[:200])
    read_at = f"{verdict.at:%Y-%m-%d %H:%M}" if verdict else ""
    if not status.chain and verdict is not None:
        return _part("ok" if clock.now() - verdict.at < OLD else "warn", "once", at=read_at)
    if not status.chain:
        return _part("ok" if runtime.is_demo else "warn", "none")
    if (
        status.covered_until is None
    ):  # of a chain that has begun; its first backup may never have come to its end
        return _part("ok" if runtime.is_demo else "warn", "begins")
    behind = clock.now() - status.covered_until
    if behind > LATE:
        return _part("warn", "late", n=int(behind.total_seconds() // 60))
    return _part("ok", "proven" if read_at else "fine", at=read_at)


def _part(state: Any, says: str, **facts: object) -> Part:
    return Part("backups", state, {one: text.format(**facts) for one, text in _SAYS[says].items()})
