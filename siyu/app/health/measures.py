"""Prometheus' gauges of the house: brought up to date when somebody asks, at most every few seconds."""

from typing import Any

from prometheus_client import Gauge

from siyu.app.health.parts import STATES, Figures, look
from siyu.app.programs import Program
from siyu.kernel.batching import batchers

_BEHIND = Gauge(
    "siyu_events_behind", "Events a listener has not heard yet, all brands", ["listener"]
)
_BEHIND_S = Gauge("siyu_events_behind_seconds", "Age of the oldest of them", ["listener"])
_PARKED = Gauge("siyu_events_parked", "Events parked at a listener, all brands", ["listener"])
_HELD_S = Gauge(
    "siyu_events_held_seconds", "Age of the open transaction that holds the log back; 0 when none"
)
_PACKS = Gauge("siyu_spool_packs", "Packs of behaviour that wait for the warehouse")
_MESSAGES = Gauge("siyu_spool_messages", "Messages in them")
_JOBS = Gauge("siyu_jobs", "Jobs by state; failed: of the last day", ["state"])
_JOB_WAITS = Gauge("siyu_jobs_waiting_seconds", "Age of the oldest job that waits")
_TIMERS = Gauge("siyu_timers_due", "Deadlines that have come and are not served; 10000 at most")
_TIMER_WAITS = Gauge("siyu_timers_due_seconds", "How late the latest of them is")
_BROKEN = Gauge("siyu_check_broken", "Invariants that the brands' last checks found broken")
_CHECKED = Gauge("siyu_check_age_seconds", "Age of the oldest of the brands' last checks")
_SKEW = Gauge("siyu_clock_skew_seconds", "Between this machine's clock and the database's")
_UP = Gauge("siyu_program_up", "Whether a program of `siyu up` is up", ["program"])
_RESTARTS = Gauge("siyu_program_restarts", "Restarts since `siyu up` began", ["program"])
_USED = Gauge("siyu_database_connections_used", "Connections in use, by pool", ["pool"])
_MOST = Gauge("siyu_database_connections_most", "Connections a pool may have", ["pool"])
_WAITING = Gauge("siyu_batch_waiting", "Requests without an answer yet, by batcher", ["batcher"])
_FREE = Gauge("siyu_disk_free_bytes", "Room left where the data folder lies")
_SIZE = Gauge("siyu_disk_size_bytes", "Size of that disk")
_HEALTH = Gauge("siyu_health", "State of a part: 0 ok, 1 warn, 2 bad", ["part"])


async def measure(runtime: Any) -> None:
    """Bring the gauges up to date. What only the database knows stays as it was while it is away."""
    seen = await look(runtime)
    for part in seen.parts:
        _HEALTH.labels(part.name).set(STATES.index(part.state))
    _FREE.set(seen.disk_free)
    _SIZE.set(seen.disk_size)
    for name, (used, most) in runtime.database.connections().items():
        _USED.labels(name).set(used)
        _MOST.labels(name).set(most)
    for name, waiting in queues().items():
        _WAITING.labels(name).set(waiting)
    for one in seen.programs:
        _tell(one)
    if seen.figures is not None:
        _set(seen.figures)


def queues() -> dict[str, int]:
    """Requests without an answer yet in this process, by batcher."""
    found: dict[str, int] = {}
    for one in list(batchers):
        found[one.name] = found.get(one.name, 0) + one.waiting
    return dict(sorted(found.items()))


def _tell(one: Program) -> None:
    _UP.labels(one.name).set(one.up)
    _RESTARTS.labels(one.name).set(one.restarts)


def _set(found: Figures) -> None:
    for one in found.behind:
        _BEHIND.labels(one.listener).set(one.events)
        _BEHIND_S.labels(one.listener).set(one.seconds)
        _PARKED.labels(one.listener).set(one.parked)
    _HELD_S.set(found.held_s)
    _PACKS.set(found.spool_packs)
    _MESSAGES.set(found.spool_messages)
    for state, count in (
        ("waiting", found.jobs_waiting),
        ("running", found.jobs_running),
        ("failed", found.jobs_failed),
    ):
        _JOBS.labels(state).set(count)
    _JOB_WAITS.set(found.job_waits_s)
    _TIMERS.set(found.timers_due)
    _TIMER_WAITS.set(found.timer_waits_s)
    _BROKEN.set(found.checks_broken)
    _CHECKED.set(found.check_age_s)
    _SKEW.set(found.skew_s)
