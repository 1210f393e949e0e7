"""A tree of processes under one terminal: started in order, kept alive, ended in order, never orphaned.

What holds them together: each child has its own process group, so Ctrl-C reaches only the supervisor, which ends
the children itself; Linux signals each child when the supervisor dies by ``kill -9``; and the lock on the home
folder carries a note of the children, so that the next start ends whatever is left all the same.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import structlog

from siyu.kernel.engines import host
from siyu.kernel.engines.host import EngineRefused, FolderLock, Stamp
from siyu.kernel.engines.signals import Signals

log = structlog.get_logger("siyu.up")

TICK_S = 0.2
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Announce = Callable[..., None]
"""Called as ``announce(event, **facts)``, once per event: child_started, child_ready, child_died,
child_refused, stopping, child_stopped, killing, leftover_ended, stopped."""


class Started(Protocol):
    """A running child: ``Running``, ``RunningClickHouse``, or anything of this shape."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def ask_to_stop(self) -> None: ...
    def kill(self) -> None:
        """End it at once if it still runs, and put away what it left; again does nothing."""
        ...


@dataclass(frozen=True)
class Restart:
    """How a child comes back: after ``first_s``, doubled with each death up to ``longest_s``.

    Deaths are forgotten once it was ready for ``steady_s``. One that never became ready is given up after
    ``first_tries`` attempts.
    """

    first_s: float = 0.2
    longest_s: float = 15.0
    steady_s: float = 20.0
    first_tries: int = 3

    def delay_s(self, deaths: int) -> float:
        """Pause before the attempt that follows this many deaths in a row."""
        return min(self.longest_s, self.first_s * 2 ** max(0, min(deaths, 20) - 1))


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """One child: either ``argv`` (``argv[0]`` absolute) or ``start``, a call that answers with a running child."""

    name: str
    argv: Sequence[str] = ()
    start: Callable[[], Started] | None = None
    env: Mapping[str, str] | None = None
    """The whole environment; None = ours."""
    cwd: Path | None = None
    log_path: Path | None = None
    """Where the output of ``argv`` is appended; None = our terminal."""
    ready: Callable[[], bool] | None = None
    """Quick probe (well under a second), asked until true; None = ready at once.

    Asked once more when the child ended before it was ever ready: an ``EngineRefused`` that it raises says why.
    """
    ready_within_s: float = 60.0
    beside: bool = False
    """The next children start without waiting for this one; only the last one's ``after_first_ready`` does."""
    after_first_ready: Callable[[], None] | None = None
    """Done once before the next child starts, e.g. migrations; Ctrl-C breaks it off. What it raises ends everything."""
    stop_signal: int = signal.SIGTERM
    stop_within_s: float = 10.0
    restart: Restart | None = field(default_factory=Restart)
    """None = the death of this child ends everything."""


class _Program:
    """A child made from ``argv``; it is stopped and killed with its whole process group."""

    def __init__(self, spec: ChildSpec) -> None:
        env = os.environ if spec.env is None else spec.env
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(spec.log_path.open("ab")) if spec.log_path else None
            self._process = host.spawn(
                spec.argv,
                env=env,
                cwd=spec.cwd,
                output=output,
                death_signal=spec.stop_signal,
                umask=-1,
            )
        self._stop_signal = spec.stop_signal

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.poll()

    def ask_to_stop(self) -> None:
        self._process.send_signal(self._stop_signal)

    def kill(self) -> None:
        host.signalled(self.pid, signal.SIGKILL, group=True)
        self._process.wait(10)


@dataclass
class _Child:
    """A child's state: nobody (``running`` None, next attempt at ``due``), starting, or ready."""

    spec: ChildSpec
    running: Started | None = None
    ready: bool = False
    ever_ready: bool = False
    since: float = 0.0
    due: float = 0.0
    deaths: int = 0


class Supervisor:
    """Starts children in order, keeps them alive, ends them in the reverse order. ``run`` once."""

    def __init__(
        self,
        children: Sequence[ChildSpec],
        *,
        lock: FolderLock | None = None,
        announce: Announce | None = None,
    ) -> None:
        self._children = [_Child(spec) for spec in children]
        self._lock = lock
        self._announce: Announce = announce or log.info
        self._signals = Signals(*ENDINGS, signal.SIGCHLD, quiet=(signal.SIGCHLD,))
        self._asked_to_stop = False

    def run(self) -> int:
        """Run until SIGINT, SIGTERM or SIGHUP, then end everything; answers the exit status 0.

        A second signal while ending kills. Main thread only. Raises ``EngineRefused`` when a child cannot be
        started the first time or a child without ``restart`` dies; everything is ended before that.
        """
        with self._signals:
            try:
                _end_leftovers(self._lock, self._announce)
                for child in self._children:
                    self._bring_up(child)
                    if self._stopping():
                        break
                else:
                    self._announce("all_ready", children=len(self._children))
                while not self._stopping():
                    for child in self._children:
                        self._look_after(child)
                    self._signals.wait(TICK_S)
            finally:
                self._end_all()
        return 0

    def request_stop(self) -> None:
        """End everything soon, as if a signal had come; callable from any thread."""
        self._asked_to_stop = True

    def _stopping(self) -> bool:
        return self._asked_to_stop or self._endings() > 0

    def _endings(self) -> int:
        return sum(number in ENDINGS for number in self._signals.wait(0))

    def _bring_up(self, child: _Child) -> None:
        """Start a child for the first time, looking after the earlier ones meanwhile, until it is ready."""
        earlier = self._children[: self._children.index(child) + 1]
        awaited = earlier if child is self._children[-1] else [] if child.spec.beside else [child]
        self._look_after(child)
        while not all(one.ready for one in awaited) and not self._stopping():
            for other in earlier:
                self._look_after(other)
            self._signals.wait(0.02)
        if child.ready and child.spec.after_first_ready is not None and not self._stopping():
            # Ctrl-C is heard while it takes its time; the signal is noted, and we end.
            with contextlib.suppress(KeyboardInterrupt), self._signals.interrupting():
                child.spec.after_first_ready()

    def _look_after(self, child: _Child) -> None:
        """One step of a child's life; quick, except for a ``start`` that takes its time."""
        now = time.monotonic()
        if child.running is None:
            if now >= child.due:
                self._start(child)
        elif (status := child.running.poll()) is not None:
            if not child.ever_ready and child.spec.start is not None and child.spec.ready:
                child.spec.ready()
            self._bury(
                child,
                f"exit status {status}"
                if status >= 0
                else f"signal {signal.Signals(-status).name}",
            )
        elif not child.ready:
            if child.spec.ready is None or child.spec.ready():
                child.ready = child.ever_ready = True
                self._announce(
                    "child_ready",
                    name=child.spec.name,
                    pid=child.running.pid,
                    seconds=round(now - child.since, 2),
                )
                child.since = now
            elif now - child.since > child.spec.ready_within_s:
                self._bury(child, f"not ready within {child.spec.ready_within_s:g} s")

    def _start(self, child: _Child) -> None:
        child.since = time.monotonic()
        try:
            if child.spec.start is None:
                child.running = _Program(child.spec)
            else:
                with self._signals.interrupting():
                    child.running = child.spec.start()
        except KeyboardInterrupt:  # Ctrl-C while it was starting: the signal is noted, and we end
            return
        except (EngineRefused, OSError) as error:
            refused = (
                error
                if isinstance(error, EngineRefused)
                else EngineRefused(f"{child.spec.name} cannot be started: {error}")
            )
            if not child.ever_ready:  # another attempt would say the same
                raise refused from error
            self._announce("child_refused", name=child.spec.name, why=str(refused))
            self._postpone(child)
            return
        self._announce("child_started", name=child.spec.name, pid=child.running.pid)
        self._note()

    def _bury(self, child: _Child, how: str) -> None:
        """A child died or has to: end the rest of its group, then plan its return or give up."""
        assert child.running is not None
        lived_s = time.monotonic() - child.since
        child.running.kill()
        child.running = None
        restart = child.spec.restart
        if child.ready and restart is not None and lived_s >= restart.steady_s:
            child.deaths = 0
        child.ready = False
        self._note()
        self._postpone(child)
        self._announce(
            "child_died",
            name=child.spec.name,
            how=how,
            back_in_s=round(max(0.0, child.due - time.monotonic()), 2),
        )
        if restart is None or (not child.ever_ready and child.deaths >= restart.first_tries):
            where = f": see {child.spec.log_path}" if child.spec.log_path else ""
            raise EngineRefused(
                f"{child.spec.name} ended ({how}) and siyu cannot go on without it{where}."
            )

    @staticmethod
    def _postpone(child: _Child) -> None:
        child.deaths += 1
        child.due = time.monotonic() + (child.spec.restart or Restart()).delay_s(child.deaths)

    def _note(self) -> None:
        """Write down who is alive, for a successor."""
        if self._lock is None:
            return
        stamps = [
            (child, host.stamp_of(child.running.pid))
            for child in self._children
            if isinstance(child.running, _Program)
        ]
        self._lock.note(children=[
            {"name": child.spec.name, "pid": stamp.pid, "began": stamp.began, "signal": int(child.spec.stop_signal)}
            for child, stamp in stamps if stamp
        ])  # fmt: skip

    def _end_all(self) -> None:
        """End the children, last started first, each within its bound; a second signal kills the rest."""
        self._announce("stopping")
        already = self._endings()
        for child in reversed(self._children):
            if child.running is None:
                continue
            if self._endings() > max(1, already):
                break
            end = time.monotonic() + child.spec.stop_within_s
            self._stop_patiently(child.running, end, max(1, already))
            self._announce("child_stopped", name=child.spec.name)
            child.running = None
        for child in reversed(self._children):
            if child.running is not None:
                self._announce("killing", name=child.spec.name)
                child.running.kill()
                child.running = None
        self._note()
        self._announce("stopped")

    def _stop_patiently(self, running: Started, end: float, endings: int) -> None:
        """Ask to stop, and keep an ear open for a second signal meanwhile."""
        running.ask_to_stop()
        while running.poll() is None and time.monotonic() < end and self._endings() <= endings:
            self._signals.wait(0.05)
        running.kill()


def lock_home(home: Path) -> FolderLock:
    """Take the data folder for this process; ``Supervisor`` keeps its note in it.

    Raises ``EngineRefused`` in one sentence when it is in use or cannot be written.
    """
    lock = FolderLock.take(home / "lock", f"The data folder {home}", patience_s=host.LAST_BREATH_S)
    if not os.access(home, os.W_OK | os.X_OK):
        lock.release()
        raise host.not_writable(home, PermissionError(13, "Permission denied"))
    return lock


def _end_leftovers(lock: FolderLock | None, announce: Announce) -> None:
    """End the children of a supervisor that was killed; its note and their start times say which they are.

    A group whose first process is gone is ended too when the group still exists in the same boot: the system
    gives its number to nobody else as long as it does.
    """
    left: list[dict[str, Any]] = lock.previous.get("children", []) if lock else []
    here = host.stamp_of(os.getpid())
    for child in left:
        name, stamp, number = (
            str(child["name"]),
            Stamp(int(child["pid"]), str(child["began"])),
            int(child["signal"]),
        )
        same_boot = here is not None and stamp.began.split(":")[0] == here.began.split(":")[0]
        now = host.stamp_of(stamp.pid)
        if not same_boot or (now is not None and now != stamp) or not host.group_lives(stamp.pid):
            continue
        for how, patience_s in ((number, 3.0), (int(signal.SIGKILL), 5.0)):
            host.signalled(stamp.pid, how, group=True)
            if host.wait_until(lambda pid=stamp.pid: not host.group_lives(pid), patience_s):
                break
        announce("leftover_ended", name=name, pid=stamp.pid)


STANDS_BACK = 10
"""Niceness of what may wait a moment – follow-up work, the warehouse – while shoppers are being served."""


def stand_back() -> None:
    """Let the rest of the house go first from now on, with all threads of this process.

    Called by a program once it is at work and not by whoever starts it: on a busy machine it would hardly ever
    come up. A session of its own is weighed as a group on Linux (sched(7), autogroup).
    """
    if sys.platform != "linux":
        os.nice(STANDS_BACK)
        return
    for thread in (host.PROC / "self/task").iterdir():
        with contextlib.suppress(OSError):  # ended meanwhile
            os.setpriority(os.PRIO_PROCESS, int(thread.name), STANDS_BACK)
    with contextlib.suppress(OSError):  # without such groups the threads' own niceness counts
        (host.PROC / "self/autogroup").write_text(str(STANDS_BACK))
