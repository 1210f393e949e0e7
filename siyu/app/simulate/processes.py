"""A process of the house inside the simulation: the real runtime on cuttable lines, its tasks known, so that it can die.

Who dies loses connections and memory in one instant: its lines are cut first, so whatever its code still does on the
way out reaches nobody; then its tasks are ended. What was written down is all that the next one finds.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from siyu.app.runtime import Runtime
from siyu.app.simulate.book import Wrong
from siyu.app.simulate.crashes import Blow, Line
from siyu.kernel import events
from siyu.kernel.settings import Settings, Urls

PATIENCE_S = 120.0
"""Real seconds within which whatever a process was asked to do must end."""
_T = TypeVar("_T")
_whose: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("whose", default=None)


class Died(Exception):
    """The process died before it answered."""


def mark_tasks(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Let every task of the loop belong to the process that began it; what ends that again."""
    before = loop.get_task_factory()

    def make(
        loop: asyncio.AbstractEventLoop,
        what: Coroutine[Any, Any, Any],
        *,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(what, loop=loop, context=context)
        process = _whose.get() if context is None else context.get(_whose)
        if process is not None:
            process.tasks.add(task)
            task.add_done_callback(process.ended)
        return task

    loop.set_task_factory(make)  # pyright: ignore[reportArgumentType] - the stub knows no context
    return lambda: loop.set_task_factory(before)


def waits_at(task: asyncio.Task[Any]) -> str:
    """Where a task waits, from its outermost call to its innermost; asyncio's own stack shows the outermost alone."""
    found: list[str] = []
    at: Any = task.get_coro()
    while at is not None:
        frame = getattr(at, "cr_frame", None) or getattr(at, "gi_frame", None)
        if frame is not None:
            code = frame.f_code
            found.append(f"{code.co_filename}:{frame.f_lineno} {code.co_name}")
        at = getattr(at, "cr_await", None) or getattr(at, "gi_yieldfrom", None)
    return " > ".join(found)


class Process:
    """Web or worker. ``begin`` opens it, ``do`` runs something in it, a ``Blow`` may strike it there."""

    def __init__(
        self, settings: Settings, urls: Urls, opened: Callable[[Runtime], Awaitable[None]]
    ) -> None:
        self._settings, self._urls, self._opened = settings, urls, opened
        self._app = Line(urls.app, "postgres")
        self._dispatcher = Line(urls.dispatcher, "postgres")
        self._warehouse = Line(urls.clickhouse, "clickhouse")
        self.tasks: set[asyncio.Task[Any]] = set()
        self.runtime: Runtime = None  # type: ignore[assignment]
        self.dead = True
        self.deaths = 0
        self._bells: list[Any] = []
        self._beginning = asyncio.Lock()

    @property
    def lines(self) -> tuple[Line, Line, Line]:
        return self._app, self._dispatcher, self._warehouse

    async def connect(self) -> None:
        """Lay the lines; once."""
        self._urls = Urls(
            "",
            await self._app.open(),
            await self._dispatcher.open(),
            await self._warehouse.open(),
        )
        self.runtime = Runtime(self._settings, self._urls, pool=8)

    async def begin(self) -> None:
        """Start, or start again after a death; who comes while it starts waits."""
        async with self._beginning:
            if not self.dead:
                return
            if self.deaths:
                await self._bury()
            for line in self.lines:
                line.dead = False
            self.dead = False
            before = list(events.bells)
            await self.do(self._open())
            self._bells = [bell for bell in events.bells if bell not in before]

    async def _open(self) -> None:
        if (
            self.deaths
        ):  # routes and classes are code; what a process remembers hangs on its runtime
            self.runtime.__init__(self._settings, self._urls, pool=8)
        await self.runtime.open()
        await self._opened(self.runtime)

    async def do(self, what: Coroutine[Any, Any, _T]) -> _T:
        """Run something in the process. Raises ``Died`` when it dies meanwhile, ``Wrong`` when it does not end."""
        if self.dead:
            what.close()
            raise Died
        mine = _whose.set(self)
        try:
            task = asyncio.ensure_future(what)
        finally:
            _whose.reset(mine)
        ended, _ = await asyncio.wait({task}, timeout=PATIENCE_S)
        if not ended:
            where = waits_at(task)
            task.cancel()
            raise Wrong(f"not at its end after {PATIENCE_S:g} s: {where}")
        if self.dead:
            with suppress(asyncio.CancelledError, Exception):
                task.result()
            raise Died
        return task.result()

    def ended(self, task: asyncio.Task[Any]) -> None:
        """A task of the process is over; of one that was struck nobody asks how it ended."""
        self.tasks.discard(task)
        if not task.cancelled():
            task.exception()

    def arm(self, blow: Blow) -> None:
        """Let a blow fall on the next statements."""
        strike = self.die if blow.kills else self._cut
        self._app.arm(blow.passing, done=blow.done, strike=strike)

    def disarm(self, blow: Blow) -> None:
        """The action is over: a deadly blow that has not fallen yet falls now, as the answer leaves."""
        if self._app.is_armed:
            self._app.disarm()
            if blow.kills:
                self.die()

    def _cut(self) -> None:
        for line in self.lines[:2]:
            line.cut()

    def lose_warehouse(self, *, lost: bool) -> None:
        """Let the analysis engine be out of reach, or back."""
        self._warehouse.dead = lost
        self._warehouse.cut()

    def die(self) -> None:
        """Die here and now."""
        self.dead = True
        self.deaths += 1
        for line in self.lines:
            line.disarm()
            line.dead = True
            line.cut()
        for task in list(self.tasks):
            task.cancel()

    async def _bury(self) -> None:
        """End what is left of the dead one's tasks and clients; it reaches nobody any more."""
        for _ in range(200):
            left = {task for task in self.tasks if task is not asyncio.current_task()}
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0.05)
        assert not self.tasks, f"a dead process goes on: {self.tasks}"
        for bell in self._bells:
            with suppress(ValueError):
                events.bells.remove(bell)
        await self._hang_up()

    async def _hang_up(self) -> None:
        closing = [self.runtime.egress.close(), self.runtime.database.close()]
        if "warehouse" in self.runtime.parts:
            closing.append(self.runtime.parts["warehouse"].close())
        with suppress(TimeoutError):
            async with asyncio.timeout(3):
                await asyncio.gather(*closing, return_exceptions=True)

    async def end(self) -> None:
        """Close in good order, and the lines."""
        if not self.dead:
            await self.do(self.runtime.close())
            self.dead = True
        else:
            await self._bury()
        for line in self.lines:
            await line.close()
