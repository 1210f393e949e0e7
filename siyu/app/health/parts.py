"""The parts of the house: database, warehouse, listeners, jobs, timers, books, disk, clock, programs."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from siyu.app.programs import Program, programs
from siyu.kernel import events
from siyu.kernel.db import is_away

State = Literal["ok", "warn", "bad"]
STATES: tuple[State, ...] = ("ok", "warn", "bad")
KEPT_S = 5.0
"""For so long one look serves everybody who asks: whoever probes often must cost nothing."""
LATE_S, VERY_LATE_S = 30, 600
"""What should be done within a second is late after this, and nobody does it after that."""
CHECK_LATE_H = 36


class Part(msgspec.Struct, frozen=True):
    """A part, its state, and one sentence: how it is or what to do, in Chinese and English."""

    name: str
    state: State
    says: dict[str, str]


class Figures(msgspec.Struct, frozen=True):
    """What one look at the database found, over all brands."""

    answer_ms: int
    behind: Sequence[events.Behind]
    held_s: int
    parked: int
    spool_packs: int
    spool_messages: int
    jobs_waiting: int
    jobs_running: int
    jobs_failed: int
    job_waits_s: int
    timers_due: int
    timer_waits_s: int
    checks_broken: int
    unchecked: int
    """Brands whose last whole check is older than ``CHECK_LATE_H`` hours; of those never checked, the ones older than that.

    A brand's id says when it was made.
    """
    checked: int
    """Brands that were checked to the end at least once."""
    check_age_s: int
    skew_s: float


Look = Callable[[Any], Awaitable[Part]]
more: list[Look] = []
"""Parts that other modules bring: ``async def (runtime) -> Part``, which must not raise."""

_FIGURES = """
with checks as (
    select distinct on (brand_id) brand_id, failed, finished_at from jobs
    where kind = 'house.check' and state = 'done' order by brand_id, id desc
), brands as (select distinct brand_id from directory where kind = 'brand')
select (select count(*) from tracking_spool)::bigint as spool_packs,
       (select coalesce(sum(messages), 0) from tracking_spool)::bigint as spool_messages,
       (select count(*) from jobs where state = 'waiting')::bigint as jobs_waiting,
       (select count(*) from jobs where state = 'running')::bigint as jobs_running,
       (select count(*) from jobs where state = 'failed' and finished_at > now() - interval '1 day')::bigint as jobs_failed,
       (select coalesce(extract(epoch from now() - min(created_at)), 0) from jobs where state = 'waiting')::bigint as job_waits_s,
       (select count(*) from (select 1 from timers where due_at <= now() limit 10000) t)::bigint as timers_due,
       (select coalesce(extract(epoch from now() - min(due_at)), 0) from timers where due_at <= now())::bigint as timer_waits_s,
       (select coalesce(sum(failed), 0) from checks)::bigint as checks_broken,
       (select count(*) from checks)::bigint as checked,
       (select count(*) from brands b left join checks c using (brand_id)
        where coalesce(c.finished_at, to_timestamp(('x' || left(replace(b.brand_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0))
              < now() - make_interval(hours => $1))::bigint as unchecked,
       (select coalesce(extract(epoch from now() - min(finished_at)), 0) from checks)::bigint as check_age_s,
       clock_timestamp() as told_at
"""


async def figures(database: Any) -> Figures:
    """One look at everything that the database knows. Raises what the database raises."""
    began, before = time.perf_counter(), datetime.now(UTC)
    async with asyncio.timeout(5), database.dispatcher() as connection:
        row = await connection.fetchrow(_FIGURES, CHECK_LATE_H)
    seconds = time.perf_counter() - began
    skew = abs((row["told_at"] - before).total_seconds() - seconds / 2)
    lag = await events.lag_of_house(database)
    found = {name: value for name, value in row.items() if name != "told_at"}
    return Figures(
        answer_ms=round(seconds * 1000),
        behind=lag.listeners,
        held_s=lag.held_by.seconds if lag.held_by else 0,
        parked=sum(one.parked for one in lag.listeners),
        skew_s=max(0.0, skew - seconds),
        **found,
    )


class Seen(msgspec.Struct, frozen=True):
    """A look: the parts, the database's figures (None when it is away), the programs and the disk."""

    parts: list[Part]
    figures: Figures | None
    programs: list[Program]
    disk_free: int
    disk_size: int


async def look(runtime: Any) -> Seen:
    """All parts; at most ``KEPT_S`` old. Never raises because something is away: that is what it tells."""
    kept: tuple[float, Seen] | None = runtime.parts.get("health")
    if kept is not None and time.monotonic() < kept[0]:
        return kept[1]
    gate: asyncio.Lock = runtime.parts.setdefault("health_gate", asyncio.Lock())
    async with gate:
        kept = runtime.parts.get("health")
        if kept is None or time.monotonic() >= kept[0]:
            seen = await _look(runtime)
            lasts_s = KEPT_S if seen.figures is not None else 0.5  # that it is back is told at once
            kept = runtime.parts["health"] = time.monotonic() + lasts_s, seen
    return kept[1]


async def _look(runtime: Any) -> Seen:
    found: Figures | None = None
    try:
        found = await figures(runtime.database)
    except Exception as error:
        if not (is_away(error) or isinstance(error, TimeoutError)):
            raise
    alive = await runtime.parts["warehouse"].alive()
    home = Path(runtime.settings.home)
    disk = await asyncio.to_thread(shutil.disk_usage, home)
    running = await asyncio.to_thread(programs, home)
    parts = [database_part(found), warehouse_part(alive, found)]
    if found is not None:
        parts += [
            events_part(found), parked_part(found), jobs_part(found), timers_part(found), checks_part(found), clock_part(found),
        ]  # fmt: skip
    parts += [disk_part(disk.free, disk.total), programs_part(running)]
    parts += [await one(runtime) for one in more]
    return Seen(parts, found, running, disk.free, disk.total)


def _part(name: str, state: State, zh: str, en: str) -> Part:
    return Part(name, state, {"zh-CN": zh, "en": en})


def _n(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def database_part(found: Figures | None) -> Part:
    """Whether PostgreSQL answers, and soon."""
    if found is None:
        return _part(
            "database", "bad",
            "数据库没有应答，网店暂不接单。请看数据库进程与磁盘；它恢复后一切自动继续。",
            "PostgreSQL does not answer, so the shop takes no orders. Look at its process and its disk; all goes on by itself once it is back.",
        )  # fmt: skip
    if found.answer_ms > 1000:
        return _part(
            "database", "warn",
            f"数据库应答慢（{found.answer_ms} 毫秒）。请看下面的慢语句，以及机器是否过忙。",
            f"PostgreSQL answers slowly ({found.answer_ms} ms). Look at the slow statements below, and whether the machine is too busy.",
        )  # fmt: skip
    return _part("database", "ok", "数据库应答正常。", "PostgreSQL answers.")


def warehouse_part(alive: bool, found: Figures | None) -> Part:
    """Whether ClickHouse answers, and what waits for it."""
    waits = found.spool_messages if found else 0
    if not alive:
        return _part(
            "warehouse", "warn",
            f"分析引擎没有应答：照常接单，看板暂停，{waits:,} 条行为在数据库里等候。请启动 ClickHouse，并看它的日志。",
            f"ClickHouse does not answer: orders go on, boards stand still, {_n(waits, 'message waits', 'messages wait')} in PostgreSQL. Start it and look at its log.",
        )  # fmt: skip
    if waits > 200_000:
        return _part(
            "warehouse", "warn",
            f"{waits:,} 条行为还没有写入分析引擎。请确认 worker 在运行。",
            f"{_n(waits, 'message has', 'messages have')} not reached ClickHouse yet. See that a worker runs.",
        )  # fmt: skip
    return _part("warehouse", "ok", "分析引擎应答正常。", "ClickHouse answers.")


def events_part(found: Figures) -> Part:
    """How far the listener is behind that is furthest."""
    worst = max(found.behind, key=lambda one: one.seconds, default=None)
    if worst is None or worst.seconds < LATE_S or not worst.events:
        return _part("events", "ok", "事件都已处理。", "Listeners have heard everything.")
    state: State = "bad" if worst.seconds >= VERY_LATE_S else "warn"
    if found.held_s >= LATE_S:
        return _part(
            "events", state,
            f"有一个事务开了 {found.held_s} 秒，之后的事件都在等它。谁开的、怎么办，见下面的「事件进度」。",
            f"A transaction has been open for {found.held_s} s, and every later event waits for it. Who holds it and what to do stands under Listeners.",
        )  # fmt: skip
    return _part(
        "events", state,
        f"{worst.listener} 落后 {worst.seconds} 秒（{worst.events:,} 件）。请确认 worker 在运行，并看它的日志。",
        f"{worst.listener} is {worst.seconds} s behind ({_n(worst.events, 'event', 'events')}). See that a worker runs and what its log says.",
    )  # fmt: skip


def parked_part(found: Figures) -> Part:
    """Whether events were put aside."""
    if not found.parked:
        return _part("parked", "ok", "没有搁置的事件。", "No event was put aside.")
    return _part(
        "parked", "warn",
        f"{found.parked:,} 件事件处理失败，已搁置。请在「搁置的事件」里查明原因后重试。",
        f"{_n(found.parked, 'event failed and was', 'events failed and were')} put aside. Mend the cause under Parked events and try again.",
    )  # fmt: skip


def jobs_part(found: Figures) -> Part:
    """Whether long work is begun in time."""
    if found.job_waits_s >= LATE_S and not found.jobs_running:
        return _part(
            "jobs", "bad",
            f"{found.jobs_waiting} 个任务在等，却没有人执行。请启动 worker（siyu work）。",
            f"{_n(found.jobs_waiting, 'job waits', 'jobs wait')} and nobody runs any. Start a worker (siyu work).",
        )  # fmt: skip
    if found.jobs_failed:
        return _part(
            "jobs", "warn",
            f"一天内有 {found.jobs_failed} 个任务失败。请在「任务」里看原因，再重试。",
            f"{_n(found.jobs_failed, 'job', 'jobs')} failed within a day. See why under Jobs, then run them again.",
        )  # fmt: skip
    return _part("jobs", "ok", "任务都在正常执行。", "Jobs are being run.")


def timers_part(found: Figures) -> Part:
    """Whether deadlines are served in time."""
    if found.timer_waits_s < LATE_S:
        return _part("timers", "ok", "到期的事都已处理。", "Deadlines are served in time.")
    state: State = "bad" if found.timer_waits_s >= VERY_LATE_S else "warn"
    return _part(
        "timers", state,
        f"{found.timers_due:,} 个到期事项没有处理，最早的晚了 {found.timer_waits_s} 秒；超时订单可能还占着库存。请启动 worker，或看它的日志。",
        f"{_n(found.timers_due, 'deadline is', 'deadlines are')} overdue, the oldest by {found.timer_waits_s} s; unpaid orders may still hold stock. Start a worker, or look at its log.",
    )  # fmt: skip


def checks_part(found: Figures) -> Part:
    """What the last nightly checks found."""
    if found.checks_broken:
        return _part(
            "checks", "bad",
            f"最近一次自检有 {found.checks_broken} 条不成立。下面写着是哪些行；先不要手工改数，联系维护者。",
            f"The last check found {_n(found.checks_broken, 'sentence that does', 'sentences that do')} not hold. The rows are named below; change nothing by hand and ask whoever maintains the house.",
        )  # fmt: skip
    if found.unchecked:
        return _part(
            "checks", "warn",
            f"{found.unchecked} 个品牌超过 {CHECK_LATE_H} 小时没有自检。请确认 worker 夜里在运行，或现在检查一次。",
            f"{_n(found.unchecked, 'brand was', 'brands were')} not checked for {CHECK_LATE_H} hours. See that a worker runs at night, or check now.",
        )  # fmt: skip
    if not found.checked:
        return _part(
            "checks", "ok",
            "还没有自检过。夜里会自动做第一次，也可以现在检查。",
            "No check has run yet. The first one runs at night by itself; you may also check now.",
        )  # fmt: skip
    return _part(
        "checks", "ok", "最近一次自检没有发现问题。", "The last check found nothing wrong."
    )


def clock_part(found: Figures) -> Part:
    """Whether this machine and the database's agree about the time."""
    if found.skew_s < 2:
        return _part("clock", "ok", "时钟与数据库一致。", "The clock agrees with the database's.")
    state: State = "bad" if found.skew_s >= 30 else "warn"
    return _part(
        "clock", state,
        f"本机时钟与数据库相差 {found.skew_s:.0f} 秒，支付时限会算错。请在两台机器上开启时间同步（NTP）。",
        f"This machine's clock and the database's differ by {found.skew_s:.0f} s, so deadlines come out wrong. Turn on time synchronisation (NTP) on both.",
    )  # fmt: skip


def disk_part(free: int, size: int) -> Part:
    """Whether there is room where the data folder lies."""
    gb = free / 1e9
    if free < 1e9 or free < size * 0.02:
        state: State = "bad"
    elif free < 5e9 or free < size * 0.1:
        state = "warn"
    else:
        return _part(
            "disk", "ok", f"磁盘还有 {gb:,.0f} GB。", f"{gb:,.0f} GB are free on the disk."
        )
    return _part(
        "disk", state,
        f"数据目录所在磁盘只剩 {gb:,.1f} GB；写满时不再接单。请清理或扩容。",
        f"Only {gb:,.1f} GB are free where the data folder lies; once it is full no order is taken. Make room or add some.",
    )  # fmt: skip


def programs_part(running: Sequence[Program]) -> Part:
    """Whether the programs that one supervisor keeps are up."""
    down = [one.name for one in running if not one.up]
    if down:
        names = ", ".join(down)
        return _part(
            "programs", "bad",
            f"{names} 没有运行，守护进程正在重启它。反复出现时请看 logs 目录。",
            f"{names} is down and being started again. If that goes on, look into the logs folder.",
        )  # fmt: skip
    restless = [one.name for one in running if one.restarts and one.up_s < 600]
    if restless:
        names = ", ".join(restless)
        return _part(
            "programs", "warn",
            f"{names} 在十分钟内重启过。请看 logs 目录里的原因。",
            f"{names} was restarted within ten minutes. See why in the logs folder.",
        )  # fmt: skip
    return _part("programs", "ok", "各个进程都在运行。", "All programs are up.")
