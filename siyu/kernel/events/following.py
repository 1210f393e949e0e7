"""Followers: asleep until somebody rings, then one step per listener that hears what was stated.

Whoever states events rings after the commit (``siyu.kernel.news`` carries it between processes). A slow look at the
log is the net: it reads one number while nothing was stated, and asks for brands with news only when something was.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from uuid import UUID

import structlog

from siyu.kernel.db import Database
from siyu.kernel.events.listening import Listener, listeners
from siyu.kernel.events.windows import make_cursors, take_step
from siyu.kernel.files import Files

log = structlog.get_logger("siyu.events")
PACE_S = 0.1
"""Between the starts of two rounds of a busy lane: what comes meanwhile is heard together. A quiet lane does not wait."""
OUTSIDE_PACE_S = 1.0
"""The same for a lane that tells another engine, to which one call with many rows costs little more than one with few."""
LOOK_S = 5.0
TAKEN_S = 0.5
"""Until a listener that another process was at is looked at again: it may have been killed in the middle of a page."""
_TURN_S = 5.0
_CALM_LOOKS = 30
"""Looks at the sequence alone before a whole look is taken all the same."""
_BEHIND = """
select d.brand_id from (select distinct brand_id from directory where kind = 'brand') d
cross join lateral (
    select count(*) as known, min(hi::text::bigint) as hi, min(above) as above, bool_or(lo < hi) as inside
    from event_cursors c where c.brand_id = d.brand_id and c.listener = any($1)
) c
where c.inside or c.known < $2
   or (select e.seq from events e where e.brand_id = d.brand_id and e.seq > c.above and e.xid >= c.hi::text::xid8
       order by e.seq desc limit 1) is not null
"""
_STATED = """
select case when is_called then last_value else 0 end, pg_snapshot_xmin(pg_current_snapshot())::text::bigint from events_seq
"""
_NEXT_ID = "select pg_current_xact_id()::text::bigint"


class _Lane:
    """Listeners that take turns. Each outside listener has a lane of its own: a slow neighbour holds up nobody."""

    def __init__(
        self,
        database: Database,
        files: Files | None,
        mine: Sequence[Listener],
        everybody: Sequence[Listener],
    ) -> None:
        self._database, self._files, self._mine, self._everybody = database, files, mine, everybody
        self._pace_s = OUTSIDE_PACE_S if any(one.outside for one in mine) else PACE_S
        self._due = defaultdict[UUID, set[str]](set)
        self._later: dict[tuple[UUID, str], tuple[float, float, bool]] = {}
        """When a listener is tried again, after how long a wait, and whether it failed (else: was held back)."""
        self._known: set[UUID] = set()
        self._something = asyncio.Event()
        self._by_kind = defaultdict[str, set[str]](set)
        for one in mine:
            for kind in one.kinds:
                self._by_kind[kind].add(one.name)

    def wake(self, brand_id: UUID, kinds: Iterable[str] | None) -> None:
        """Something of these kinds was stated; None: anything. A brand met for the first time is heard whole."""
        if kinds is None or brand_id not in self._known:
            names = {one.name for one in self._mine}
        else:
            names = {name for kind in kinds for name in self._by_kind.get(kind, ())}
        if names:
            self._due[brand_id] |= names
            self._something.set()

    async def run(self) -> None:
        """Serve rounds until cancelled."""
        while True:
            now = time.monotonic()
            next_s = min((one[0] for one in self._later.values()), default=None)
            # Not wait_for: in Python 3.11 that loses a cancellation which comes with the bell, and goes on for ever.
            with suppress(TimeoutError):
                async with asyncio.timeout(None if next_s is None else max(0.0, next_s - now)):
                    await self._something.wait()
            self._something.clear()
            began = time.monotonic()
            for (brand_id, name), (when, _, _) in self._later.items():
                if when <= began:
                    self._due[brand_id].add(name)
            due, self._due = self._due, defaultdict[UUID, set[str]](set)
            for brand_id, names in due.items():
                await self._serve(brand_id, names)
            if (pause := began + self._pace_s - time.monotonic()) > 0:
                await asyncio.sleep(pause)

    async def _serve(self, brand_id: UUID, names: set[str]) -> None:
        for listener in self._mine:
            if listener.name not in names:
                continue
            key = (brand_id, listener.name)
            when, _, failed = self._later.get(key, (0.0, 0.0, False))
            if failed and when > time.monotonic():
                continue  # a bell does not make the other side come back sooner
            try:
                await self._meet(brand_id)
                _, then = await self._turn(brand_id, listener)
            except asyncio.CancelledError:
                raise
            except Exception as failure:
                error = f"{type(failure).__name__}: {failure}"[:300]
                log.warning("follower waits", listener=listener.name, error=error)
                self._try_again(key, first=0.5, longest=15.0, failed=True)
                continue
            if then == "later":
                self._try_again(key, first=0.01, longest=0.5, failed=False)
            elif then == "taken":
                self._try_again(key, first=TAKEN_S, longest=TAKEN_S, failed=False)
            else:
                self._later.pop(key, None)
            if then == "again":
                self._due[brand_id].add(listener.name)
                self._something.set()

    def _try_again(
        self, key: tuple[UUID, str], *, first: float, longest: float, failed: bool
    ) -> None:
        _, waited, _ = self._later.get(key, (0.0, 0.0, failed))
        wait = min(longest, max(first, waited * 2))
        self._later[key] = (time.monotonic() + wait, wait, failed)

    async def _meet(self, brand_id: UUID) -> None:
        if brand_id not in self._known:
            await make_cursors(self._database, brand_id, self._everybody)
            self._known.add(brand_id)

    async def _turn(self, brand_id: UUID, listener: Listener) -> tuple[int, str]:
        heard, until = 0, time.monotonic() + _TURN_S
        while True:
            step = await take_step(self._database, brand_id, listener, self._files)
            heard += step.heard
            # What has come while the outside was told would be a small page: it waits for the lane's next round.
            told = listener.outside and 0 < step.heard < listener.page
            if told or step.then != "again" or time.monotonic() > until:
                return heard, step.then

    async def drain(self, brand_id: UUID) -> int:
        """One turn of each listener of a brand, failures raised; events heard."""
        await self._meet(brand_id)
        return sum([(await self._turn(brand_id, one))[0] for one in self._mine])


class Follower:
    """Runs listeners of all brands in one process; more processes may do the same beside it."""

    def __init__(
        self,
        database: Database,
        *,
        files: Files | None = None,
        look_s: float = LOOK_S,
        only: set[str] | None = None,
    ) -> None:
        """``look_s``: how often the log is looked at without being rung for. ``files``: where its archive is."""
        self._database, self._look_s = database, look_s
        mine = [one for one in listeners.values() if only is None or one.name in only]
        self._names = [one.name for one in mine]
        lanes = [[one for one in mine if not one.outside], *([one] for one in mine if one.outside)]
        self._lanes = [_Lane(database, files, lane, mine) for lane in lanes if lane]
        self._look = asyncio.Event()
        self._calm_at: int = -1
        self._calm_looks = 0
        self._noted = (-1, 0)
        """A ``last_value`` of the log, and an id that its drawers' transactions are all older than."""

    def wake(self, brand_id: UUID | None, kinds: Iterable[str] | None) -> None:
        """What ``News.hear_words`` calls: kinds that a brand has stated; no brand: news may have been lost, look."""
        if brand_id is None:
            self._calm_at = -1
            self._look.set()
            return
        for lane in self._lanes:
            lane.wake(brand_id, kinds)

    async def run(self) -> None:
        """Follow until cancelled. A failure (database away, the other side away) is logged and tried again."""
        tasks = [asyncio.create_task(lane.run()) for lane in self._lanes]
        tasks.append(asyncio.create_task(self._keep_looking()))
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_looking(self) -> None:
        while True:
            wait_s = self._look_s
            try:
                for brand_id in await self._brands_behind():
                    for lane in self._lanes:
                        lane.wake(brand_id, None)
            except asyncio.CancelledError:
                raise
            except Exception as failure:
                log.warning("follower waits", error=f"{type(failure).__name__}: {failure}"[:300])
                wait_s = min(wait_s, 1.0)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._look.wait()
            self._look.clear()

    async def _brands_behind(self) -> list[UUID]:
        """Brands with something to hear. Where nothing was stated since all had been heard, one number tells.

        That number counts what was drawn, committed or not. So it is trusted only after a whole look at a time when
        every transaction that can have drawn a number up to it was over: they have ids before one taken afterwards.
        """
        async with self._database.dispatcher() as connection:
            stated, oldest = await connection.fetchrow(_STATED)
            self._calm_looks += 1
            if stated == self._calm_at and self._calm_looks < _CALM_LOOKS:
                return []
            over = stated == self._noted[0] and oldest >= self._noted[1]
            if stated != self._noted[0]:
                self._noted = (stated, await connection.fetchval(_NEXT_ID))
            rows = await connection.fetch(_BEHIND, self._names, len(self._names))
        self._calm_at, self._calm_looks = -1 if rows or not over else stated, 0
        return [row["brand_id"] for row in rows]

    async def step(self) -> bool:
        """One look and one round over the brands with news, in this task; whether anything was heard."""
        self._calm_at = -1
        heard = 0
        for brand_id in await self._brands_behind():
            for lane in self._lanes:
                heard += await lane.drain(brand_id)
        return heard > 0
