"""Contended writes, many at a time: requests that wait in a process share one transaction.

A lone request starts at once; while a batch commits, the next one gathers, and goes beside it when it has grown as
large (a batch costs about the same whatever its size) or the running one takes long. A batch belongs to one brand.
Requests that claim the same thing (a SKU) never run in two batches of a process at once, and are decided
in the order in which they came; requests with nothing in common may run side by side.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID
from weakref import WeakSet

import asyncpg
import structlog
from prometheus_client import Counter, Histogram

from siyu.kernel import tracing
from siyu.kernel.db import has_ended
from siyu.kernel.errors import Busy, Refusal
from siyu.kernel.lanes import Lane, Waiting

log = structlog.get_logger()

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Overtaken(Exception):
    """Raised by ``decide``: what it went by has changed meanwhile. The batch is rolled back and decided again."""


CONFLICTS = (
    Overtaken,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.UniqueViolationError,  # another process was first with the same key: decided again, it is seen
)
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # the server's farewell came while the driver was about to ask
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process was frozen in the middle of a batch
    OSError,
    TimeoutError,
)
TRIES = 3
BESIDE_S = 0.05
"""How long a running batch keeps a smaller one from going beside it."""
_sizes = Histogram(
    "siyu_batch_requests", "Requests decided in one batch", ["batcher"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
)  # fmt: skip
_seconds = Histogram(
    "siyu_batch_seconds", "Time of one batch, commit and repetitions included", ["batcher"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 20),
)  # fmt: skip
_refused = Counter(
    "siyu_batch_refused_total",
    "Requests answered with «busy» before they were looked at",
    ["batcher"],
)
batchers: "WeakSet[Batcher[Any, Any]]" = WeakSet()
"""All of this process, for its gauges."""


class OutcomeUnknown(Refusal):
    """The database went away at the commit and did not come back in time: it may or may not have been done."""

    code = "batching.outcome_unknown"
    status = 503
    detail = "It is not known whether this was done. Repeat it with the same key: it is never done twice."


class MaybeDone(OutcomeUnknown):
    """The same for something that has no key."""

    detail = "It is not known whether this was done. Look before you repeat it."


class Spoiled(Exception):
    """Raised by ``decide``: the batch is rolled back, these requests get these errors, the others are decided again."""

    def __init__(self, errors: Mapping[int, BaseException]) -> None:
        assert errors, "somebody spoils it"
        super().__init__(*errors.values())
        self.errors = errors


class Transactions(Protocol):
    """What a batcher needs of the database: a brand-bound transaction on a bare connection."""

    def raw(
        self, brand_id: UUID, *, by_key: bool
    ) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """Everything is looked up by key; commits at the end, rolls back when anything is raised."""
        ...


_Answers = list[tuple[Waiting[Request, Answer], Answer | Refusal]]


class Batcher(Generic[Request, Answer]):
    """Groups ``ask``-ed requests into transactions of its own.

    ``decide(connection, brand_id, requests)`` answers each request by position, in arrival order, with an
    answer or a ``Refusal``; it must recognise a key that was used before, because a batch whose fate is
    unknown is decided again. ``settled(connection, brand_id, requests)`` looks keys up and gives the answers
    of those that were committed, else None (``harmless`` for what may be done twice); without it such a batch is
    not decided again, and answered with ``MaybeDone``. ``claims(request)`` names what requests compete for.
    """

    def __init__(
        self,
        database: Transactions,
        decide: Callable[
            [asyncpg.Connection, UUID, Sequence[Request]], Awaitable[Sequence[Answer | Refusal]]
        ],
        settled: Callable[
            [asyncpg.Connection, UUID, Sequence[Request]], Awaitable[Sequence[Answer | None]]
        ]
        | None,
        *,
        claims: Callable[[Request], Iterable[Hashable]] = lambda _: (),
        in_flight: int = 3,
        max_batch: int = 128,
        max_waiting: int = 2048,
        transaction_s: float = 20.0,
        patience_s: float = 20.0,
    ) -> None:
        assert in_flight > 0 and max_batch > 0 and max_waiting > 0
        self._database = database
        self._decide = decide
        self._settled = settled
        self._claims = claims
        self._in_flight = in_flight
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._transaction_s = transaction_s
        self._patience_s = patience_s
        self._lanes: OrderedDict[UUID, Lane[Request, Answer]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._waiting = 0
        self._planned = self._closing = self._stopping = False
        self._later: asyncio.TimerHandle | None = None
        self.batches = 0
        """How many transactions were run; with ``answered`` it gives the mean size of a batch."""
        self.answered = 0
        self.name = _named(decide)
        self._figures = _sizes.labels(self.name), _seconds.labels(self.name)
        batchers.add(self)

    @property
    def waiting(self) -> int:
        """Requests that have no answer yet."""
        return self._waiting

    async def ask(self, brand_id: UUID, request: Request) -> Answer:
        """The answer to one request, once it is committed.

        Raises the ``Refusal`` that it was answered with, ``Busy`` (nothing was done) when too many wait or
        the process is stopping, ``OutcomeUnknown`` when the database stayed away.
        """
        if self._closing or self._waiting >= self._max_waiting:
            _refused.labels(self.name).inc()
            raise Busy(retry_after_s=1)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        lane = self._lanes.get(brand_id)
        if lane is None:
            lane = self._lanes[brand_id] = Lane()
        lane.fresh.append(Waiting(request, self._claims(request), answer))
        if not self._planned:  # after this turn, so that what arrived together travels together
            self._planned = True
            loop.call_soon(self._start)
        self._waiting += 1
        try:
            return await answer
        finally:
            self._waiting -= 1

    async def close(self, within_s: float = 30.0) -> None:
        """Take nothing more and answer everybody who waits; who is not answered in time gets ``OutcomeUnknown``."""
        self._closing = True
        end = asyncio.get_running_loop().time() + within_s
        while self._tasks or any(lane.fresh or lane.behind for lane in self._lanes.values()):
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                break
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(0)
        self._stopping = True
        if self._later is not None:
            self._later.cancel()
        # A batch that was begun in this very turn takes its first step: cancelled before it, it would answer nobody.
        await asyncio.sleep(0)
        under_way = list(self._tasks)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for lane in self._lanes.values():
            for waiting in (*lane.behind, *lane.fresh):
                _give(waiting, Busy(retry_after_s=1))
        self._lanes.clear()

    def _start(self) -> None:
        """Start as many batches as may run, brands in turn."""
        self._planned = False
        if self._stopping:
            return
        for brand_id in list(self._lanes):
            lane = self._lanes[brand_id]
            while self._running < self._in_flight and (
                batch := lane.gather_beside(self._max_batch, BESIDE_S)
            ):
                self._running += 1
                task = asyncio.create_task(self._run(brand_id, lane, batch))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                self._lanes.move_to_end(brand_id)
            if not (lane.running or lane.fresh or lane.behind):
                del self._lanes[brand_id]
            elif self._later is None and (lane.fresh or lane.behind):
                loop = asyncio.get_running_loop()
                self._later = loop.call_later(BESIDE_S / 2, self._start_later)

    def _start_later(self) -> None:
        self._later = None
        self._start()

    async def _run(
        self, brand_id: UUID, lane: Lane[Request, Answer], batch: list[Waiting[Request, Answer]]
    ) -> None:
        answers: _Answers[Request, Answer] = []
        began = perf_counter()
        tracing.request_id.set(batch[0].request_id)
        try:
            places, requests = [one.places for one in batch], [one.request for one in batch]
            with tracing.batch(f"batch {self.name}", requests, places):
                answers = await self._settle(brand_id, batch)
        except asyncio.CancelledError:
            for waiting in batch:
                _give(waiting, self._unknown(1))
            raise
        except Exception as error:
            log.exception("batch failed", brand=str(brand_id))
            for waiting in batch:
                _give(waiting, error)
        finally:
            self._figures[0].observe(len(batch))
            self._figures[1].observe(perf_counter() - began)
            self._running -= 1
            lane.ended(batch)
            self._start()  # the next batch goes first, so that the database works while answers leave
        for waiting, answer in answers:
            _give(waiting, answer)

    async def _settle(
        self, brand_id: UUID, batch: list[Waiting[Request, Answer]]
    ) -> "_Answers[Request, Answer]":
        """The answers of a committed batch; a request that poisons it is found by halving, and answered here."""
        tries = 0
        decided = False
        while batch := [waiting for waiting in batch if not waiting.answer.done()]:
            try:
                async with (
                    asyncio.timeout(self._transaction_s),
                    self._database.raw(brand_id, by_key=True) as connection,
                ):
                    self.batches += 1
                    decided = False
                    answers = await self._decide(
                        connection, brand_id, [waiting.request for waiting in batch]
                    )
                    assert len(answers) == len(batch), "decide answers each request by position"
                    decided = True
            except Spoiled as spoiled:
                for at, error in spoiled.errors.items():
                    _give(batch[at], error)
                continue
            except Exception as error:  # noqa: BLE001 – sorted below: lost, in conflict, or poisoned
                tries += 1
                if _is_lost(error):
                    facts = {"requests": len(batch), "error": repr(error)}
                    log.warning("batch lost its connection", brand=str(brand_id), **facts)
                    if not await self._look_up(brand_id, batch, maybe_done=decided):
                        return []
                    if tries < TRIES:
                        continue
                    if len(batch) == 1:
                        _give(batch[0], self._unknown(2) if decided else Busy(retry_after_s=2))
                        return []
                elif isinstance(error, CONFLICTS) and tries < TRIES:
                    await asyncio.sleep(0.01 * tries)
                    continue
                elif len(batch) == 1:
                    _give(batch[0], error)
                    return []
                log.warning(
                    "batch is split", brand=str(brand_id), requests=len(batch), error=repr(error)
                )
                for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                    for waiting, answer in await self._settle(brand_id, half):
                        _give(waiting, answer)
                return []
            self.answered += len(batch)
            return list(zip(batch, answers, strict=True))
        return []

    def _unknown(self, retry_after_s: int) -> OutcomeUnknown:
        kind = OutcomeUnknown if self._settled is not None else MaybeDone
        return kind(retry_after_s=retry_after_s)

    async def _look_up(
        self, brand_id: UUID, batch: list[Waiting[Request, Answer]], *, maybe_done: bool
    ) -> bool:
        """After a lost connection: answer what was done. False when the rest is answered and not to be decided again.

        When the connection was lost before the commit (not ``maybe_done``), nothing was.
        """
        settled = self._settled if maybe_done else harmless
        if settled is None:
            for waiting in batch:
                _give(waiting, self._unknown(2))
            return False
        loop = asyncio.get_running_loop()
        end, pause_s = loop.time() + self._patience_s, 0.05
        while True:
            try:
                async with (
                    asyncio.timeout(self._transaction_s),
                    self._database.raw(brand_id, by_key=True) as connection,
                ):
                    found = await settled(
                        connection, brand_id, [waiting.request for waiting in batch]
                    )
                    assert len(found) == len(batch), "settled answers each request by position"
            except Exception as error:
                if not _is_lost(error):
                    raise
                if loop.time() >= end:
                    for waiting in batch:
                        _give(waiting, self._unknown(2) if maybe_done else Busy(retry_after_s=2))
                    return False
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 1.0)
                continue
            for waiting, answer in zip(batch, found, strict=True):
                if answer is not None:
                    _give(waiting, answer)
            return True


async def harmless(_: asyncpg.Connection, __: UUID, requests: Sequence[Any]) -> Sequence[None]:
    """``settled`` of requests that only read, or change nothing when they are done again."""
    return [None] * len(requests)


def _named(decide: Any) -> str:
    """A batcher is known by what decides for it: ``goods.orders.placing.place``."""
    call = getattr(decide, "__func__", decide)
    folder = str(call.__module__).removeprefix("siyu.").rpartition(".")[0]
    return f"{folder}.{call.__name__.lstrip('_')}"


def _give(waiting: Waiting[Request, Answer], answer: Answer | BaseException) -> None:
    if waiting.answer.done():
        return
    if isinstance(answer, BaseException):
        waiting.answer.set_exception(answer)
    else:
        waiting.answer.set_result(answer)


def _is_lost(error: BaseException) -> bool:
    """Whether the connection went away, so that nobody knows if the commit was done."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, LOST) or has_ended(seen):
            return True
        seen = seen.__context__
    return False
