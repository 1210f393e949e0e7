"""Signals as something to wait for, and Ctrl-C that is heard wherever it strikes."""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Generator, Sequence
from types import FrameType
from typing import Self

PUT_OFF_S, LONGEST_PUT_OFF_S = 0.01, 5.0
"""How long an interruption waits for a better moment, and how long in all."""


def _swallows(frame: FrameType | None) -> bool:
    """Whether an exception raised here would be printed rather than passed on, or break an import in two."""
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith("<frozen importlib") or code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


class Signals:
    """Signals as something to wait for, without code running at the moment they strike.

    A ``with`` block in the main thread; handlers found before are put back after. ``SIGCHLD`` may be among them
    to be woken when a child ends.
    """

    def __init__(self, *numbers: int, quiet: Sequence[int] = ()) -> None:
        self.numbers = [
            number
            for number in numbers
            if signal.getsignal(number) != signal.SIG_IGN or number != signal.SIGHUP
        ]  # nohup
        self.seen: list[int] = []
        """Signals so far, oldest first."""
        self._quiet = quiet
        self._interrupting = False
        self._struck_at: float | None = None

    def _strike(self, number: int, frame: FrameType | None) -> None:
        if not self._interrupting or number in self._quiet:
            return
        if self._struck_at is None:
            self._struck_at = time.monotonic()
        if time.monotonic() - self._struck_at < LONGEST_PUT_OFF_S and _swallows(frame):
            signal.setitimer(signal.ITIMER_REAL, PUT_OFF_S)
        else:
            raise KeyboardInterrupt

    def _swallowed(self, lost: "sys.UnraisableHookArgs") -> None:
        """Python is about to print an exception that nobody can catch: ours strikes again elsewhere instead."""
        if issubclass(lost.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, PUT_OFF_S)
        else:
            self._hook_before(lost)

    @contextlib.contextmanager
    def interrupting(self) -> Generator[None]:
        """While inside, a signal that is not ``quiet`` also raises ``KeyboardInterrupt`` (for calls that take long).

        It is put off for moments while a module is being imported or an object is cleared away: there Python
        would print the exception and go on, or leave a module half made. Uses ``SIGALRM``.
        """
        self._hook_before, sys.unraisablehook = sys.unraisablehook, self._swallowed
        alarm_before = signal.signal(signal.SIGALRM, self._strike)
        self._struck_at = None
        try:
            self._interrupting = True
            yield
        finally:
            self._interrupting = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, alarm_before)
            sys.unraisablehook = self._hook_before

    def __enter__(self) -> Self:
        self._reader, self._writer = (
            os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        )
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._strike) for number in self.numbers}
        return self

    def wait(self, within_s: float) -> list[int]:
        """All signals seen so far, waiting up to this long when there is no new one."""
        select.select([self._reader], [], [], within_s)
        with contextlib.suppress(BlockingIOError):
            self.seen += os.read(self._reader, 512)
        return self.seen

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._reader)
        os.close(self._writer)
