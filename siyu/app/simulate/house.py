"""The house of one simulated brand: a web process and a worker that may die, asked over HTTP until they answer."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from uuid import UUID

import httpx
import msgspec
import structlog

from siyu.app.runtime import Runtime
from siyu.app.simulate.bank import BANK, Bank, BankAway
from siyu.app.simulate.book import Wrong
from siyu.app.simulate.crashes import Blow
from siyu.app.simulate.processes import Died, Process, mark_tasks
from siyu.app.web import create_app
from siyu.goods import orders, payments
from siyu.insight.warehouse import WarehouseAway, drain_spools, prepare
from siyu.insight.warehouse import reactions as sales
from siyu.kernel import clock, events, jobs, timers
from siyu.kernel.db import Database, is_away
from siyu.kernel.settings import Settings, Urls, urls_of

AGAIN = (503,)
"""Answers that ask to come back. «Too many» does not pass here: the clock stands while somebody asks."""
PATIENCE_S = 60.0
"""Real seconds within which an action, or what follows from it, must come to an end."""
_PAUSE_S = 0.005


class Answer(msgspec.Struct, frozen=True):
    """What was said in the end; ``repeated``: it was asked more than once, so the first time may have done it."""

    status: int
    body: Any
    repeated: bool
    headers: dict[str, str]

    @property
    def code(self) -> str:
        """The refusal's code, empty for a success."""
        return self.body.get("code", "") if self.status >= 400 else ""


class Host(msgspec.Struct):
    """Somebody's way in: the host they use and what they are known by."""

    name: str
    headers: dict[str, str] = {}


class House:
    """The processes of the house. ``at`` moves everybody's clock."""

    def __init__(self, settings: Settings, bank: Bank) -> None:
        self.urls: Urls = urls_of(settings)
        self.bank = bank
        self.web = Process(settings, self.urls, self._is_open)
        self.worker = Process(settings, self.urls, self._follows)
        self.database = Database(self.urls.app, self.urls.dispatcher, size=2, raw_size=2)
        self.brand_id: UUID = UUID(int=0)
        self.shop = self.console = Host("")
        self.desk_since = clock.now()
        self._followers: list[events.Follower] = []
        self._http: httpx.AsyncClient = None  # type: ignore[assignment]
        self.cut = 0

    async def begin(self) -> None:
        """Start both processes."""
        await self.database.open()
        for process in (self.web, self.worker):
            await process.connect()
        app = create_app(self.web.runtime)
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), timeout=PATIENCE_S
        )
        # Everybody comes through this one client: it must keep nobody's cookies.
        self._http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for process in (self.web, self.worker):
            await process.begin()

    async def end(self) -> None:
        """Stop everything in good order; also what comes after something that does not end."""
        async with contextlib.AsyncExitStack() as ends:
            ends.push_async_callback(self.database.close)
            if self._http is not None:  # pyright: ignore[reportUnnecessaryComparison]
                ends.push_async_callback(self._http.aclose)
            for process in (self.worker, self.web):
                ends.push_async_callback(process.end)

    async def _is_open(self, runtime: Runtime) -> None:
        payments.plug_in(BANK, self.bank)

    async def _follows(self, runtime: Runtime) -> None:
        payments.plug_in(BANK, self.bank)
        await prepare(runtime.parts["warehouse"])
        names = [one.name for one in events.listeners.values() if not one.outside]
        lanes = [names, *([one.name] for one in events.listeners.values() if one.outside)]
        self._followers = [
            events.Follower(runtime.database, files=runtime.files, only=set(lane)) for lane in lanes
        ]

    # ── Asking ────────────────────────────────────────────────────────────────────────────────────

    async def ask(
        self, who: Host, method: str, path: str, body: Any = None, *, key: str = "", blow: Blow | None = None,
        files: Any = None,
    ) -> Answer:  # fmt: skip
        """Ask until there is an answer; with the same key each time. Raises ``Wrong`` for what nobody may be told."""

        async def once() -> httpx.Response:
            headers = {**who.headers, "host": who.name}
            if key:
                headers["idempotency-key"] = key
            return await self._http.request(
                method, f"http://{who.name}{path}", json=body, files=files, headers=headers
            )

        response, repeated = await self._until_done(
            once, blow, lambda one: one.status_code in AGAIN
        )
        if response.status_code >= 500 or response.status_code in (400, 401, 403, 405, 415):
            raise Wrong(f"{method} {path}: {response.status_code} {response.text[:400]}")
        is_json = response.content and "json" in response.headers.get("content-type", "")
        said = response.json() if is_json else None
        return Answer(response.status_code, said, repeated, dict(response.headers))

    async def tell_till(self, payment_id: str, amount_minor: int, blow: Blow | None = None) -> str:
        """The provider calls back until it is heard; the payment's state, or the code of the refusal."""

        async def once() -> str:
            news = payments.Arrived(UUID(payment_id), amount_minor, f"BANK{payment_id[-12:]}")
            try:
                seen = await payments.till_of(self.web.runtime).arrived(self.brand_id, news)
            except Exception as refused:  # told apart below
                code = getattr(refused, "code", "")
                if code.startswith("payments."):
                    return code
                if getattr(refused, "status", 0) in AGAIN or is_away(refused):
                    return ""
                raise
            return seen.state

        return (await self._until_done(once, blow, lambda state: state == ""))[0]

    async def _until_done(
        self, once: Callable[[], Coroutine[Any, Any, Any]], blow: Blow | None, again: Callable[[Any], bool],
    ) -> tuple[Any, bool]:  # fmt: skip
        end, tries = time.monotonic() + PATIENCE_S, 0
        while True:
            tries += 1
            if time.monotonic() > end:
                raise Wrong(f"no answer after {tries} tries")
            await self.web.begin()
            if blow is not None:
                self.cut += not blow.kills
                self.web.arm(blow)
            try:
                answer = await self.web.do(once())
                if blow is not None:
                    self.web.disarm(blow)
                if self.web.dead or again(answer):
                    await asyncio.sleep(0.005)
                    continue
                return answer, tries > 1
            except Died:
                continue
            finally:
                blow = None

    async def together(self, *asked: Awaitable[Any]) -> list[Any]:
        """Many at once; their answers by position."""
        return list(await asyncio.gather(*asked))

    # ── The worker ────────────────────────────────────────────────────────────────────────────────

    async def work(self, blow: Blow | None = None) -> None:
        """A round of the worker until nothing is left that can be done now. It may be struck, and begins again."""
        end, pause_s = time.monotonic() + PATIENCE_S, _PAUSE_S
        while True:
            if time.monotonic() > end:
                raise Wrong(f"the worker does not come to an end: {await self.behind()}")
            await self.worker.begin()
            struck = blow is not None
            if blow is not None:
                self.cut += not blow.kills
                self.worker.arm(blow)
            try:
                did, rest = await self.worker.do(self._round())
                if blow is not None:
                    self.worker.disarm(blow)
                if not (rest or self.worker.dead):
                    return
                # What is held back by somebody's open transaction comes no sooner for being asked.
                pause_s = _PAUSE_S if did else min(2 * pause_s, 0.02)
                await asyncio.sleep(pause_s)
            except Died:
                continue
            except Exception as failure:
                if not (struck and is_away(failure)):
                    raise
            finally:
                blow = None

    async def _round(self) -> tuple[bool, bool]:
        """Deadlines, jobs, events and the spool, once; whether an event was heard, and whether something is left."""
        runtime, did = self.worker.runtime, False
        await timers.run_due(runtime.database, self.brand_id)
        await self._run_jobs(runtime)
        waits = set[str]()
        for follower in self._followers:
            try:
                did |= await follower.step()
            except WarehouseAway:
                waits.add("insight.warehouse.reactions.project_sales")
            except BankAway:
                waits.add("")  # it is asked again in the next round
        with contextlib.suppress(WarehouseAway):
            await drain_spools(runtime.database, runtime.parts["warehouse"])
        left = await self.behind()
        return did, "" in waits or any(count for name, count in left.items() if name not in waits)

    async def _run_jobs(self, runtime: Runtime) -> None:
        async with self.database.raw(self.brand_id) as connection:
            waiting = await connection.fetch(
                "select id from jobs where state in ('waiting', 'running') order by id"
            )
        for job in waiting:
            await jobs.run(runtime, self.brand_id, job["id"])

    async def behind(self) -> dict[str, int]:
        """Events that each listener has not heard yet, where there are any."""
        names = list(events.listeners)
        async with self.database.brand(self.brand_id) as session:
            found = await events.behind(session, names)
        return {one.listener: one.events for one in found if one.events}

    def at(self, moment: datetime) -> None:
        """It is now this moment; never earlier than it was."""
        clock.freeze(max(moment, clock.now()))

    async def rows(self, sql: str, *values: Any) -> Sequence[Any]:
        """Rows of the brand, over a connection that nobody cuts."""
        async with self.database.raw(self.brand_id) as connection:
            return await connection.fetch(sql, *values)


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Who is struck complains, at length, all day long; what matters comes as an answer."""
    before = structlog.get_config()
    drivers = [logging.getLogger(name) for name in ("asyncio", "asyncpg")]
    levels = [driver.level for driver in drivers]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for driver in drivers:
        driver.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        structlog.configure(**before)
        for driver, level in zip(drivers, levels, strict=True):
            driver.setLevel(level)


@contextlib.asynccontextmanager
async def standing(settings: Settings, bank: Bank, since: datetime) -> AsyncIterator[House]:
    """A house with its clock at ``since``. What the simulation plugs into this program is unplugged at the end."""
    loop = asyncio.get_running_loop()
    chosen = orders.plugs.payment_provider
    warehouses, bells = list(sales._warehouse), list(events.bells)  # noqa: SLF001
    unmark = mark_tasks(loop)
    clock.freeze(since)
    house = House(settings, bank)
    try:
        with _hushed():
            await house.begin()
            yield house
    finally:
        try:
            await house.end()
        finally:
            clock.freeze(None)
            unmark()
            orders.plugs.payment_provider = chosen
            sales._warehouse[:] = warehouses  # noqa: SLF001
            events.bells[:] = bells
