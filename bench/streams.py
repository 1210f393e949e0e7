"""What flows: visitors' behaviour until it is acknowledged and into the warehouse, and the event log through a follower."""

import asyncio
import secrets
import time
from collections import Counter
from typing import Any
from uuid import UUID

from bench.load import KEY, request
from bench.orders import measured
from bench.report import SPENT, Figure, Report, load_average
from bench.stack import Stack, house_or
from bench.stall import Stall, open_stall
from siyu.insight import tracking
from siyu.insight.warehouse import Warehouse
from siyu.kernel import clock, events
from siyu.kernel.events.following import Follower
from siyu.kernel.ids import new_id

BATCH = 100
"""Messages a request, and events a transaction."""


class Counted(events.Event, frozen=True, kw_only=True, tag="bench.counted/1"):
    """An event of the usual size that means nothing."""

    subject_id: UUID
    amount_minor: int = 19_900
    source: str = "direct"
    lines: tuple[UUID, ...] = ()


async def run_tracking(
    *, seconds: float = 3.0, rounds: int = 5, connections: int = 16, given: Stack | None = None
) -> Report:
    """Events a second until acknowledged, then until all of them are in the warehouse, counted there."""
    report = Report(
        "tracking",
        {
            "connections": connections,
            "events a request": BATCH,
            "seconds a round": seconds,
            "acknowledged": "once on disk",
        },
    )
    async with house_or(given) as stack:
        stall = await open_stall(stack, skus=1, pieces=1, buyers=0)
        lanes = [[_batch(stall)] for _ in range(connections)]
        rates: list[float] = []
        p99: list[float] = []
        loads: list[float] = []
        drained: list[float] = []
        spent: list[dict[str, float]] = []
        answers: Counter[str] = Counter()
        for _ in range(rounds):
            await stack.settled()
            loads.append(load_average())
            began = time.perf_counter()
            outcome, used = await measured(stack, lanes, seconds)
            answers.update(outcome.answers)
            rates.append(outcome.rate * BATCH)
            p99.append(outcome.p99_ms)
            spent.append(used)
            await _drained(stack)
            drained.append(outcome.answers.get("200", 0) * BATCH / (time.perf_counter() - began))
        report.figures += [
            Figure(
                "kept and acknowledged over HTTP",
                "events/s",
                rates,
                loads,
                20_000,
                notes={SPENT + f" (of {BATCH})": spent},
            ),
            Figure("… p99 of a request", "ms", p99, loads, less_is_better=True),
            Figure("until all are in the warehouse", "events/s", drained, loads),
        ]
        report.check("every answer was 200", set(answers) == {"200"}, **answers)
        acknowledged = answers["200"] * BATCH
        warehouse = Warehouse(stack.urls.clickhouse)
        (row,) = await warehouse.ask(
            stall.brand_id,
            "SELECT count() AS rows, uniqExact(message_id) AS messages FROM behaviour FINAL WHERE brand = {brand:UUID}",
        )
        await warehouse.close()
        in_warehouse = {name: int(value) for name, value in row.items()}
        report.check(
            "acknowledged = in the warehouse, each once",
            set(in_warehouse.values()) == {acknowledged},
            acknowledged=acknowledged,
            **in_warehouse,
        )
    return report


def _batch(stall: Stall) -> bytes:
    """A prepared request of ``BATCH`` product views with fresh message ids each time."""
    now = clock.now().isoformat()
    messages = [
        {
            "type": "track", "event": "Product Viewed", "messageId": f"{KEY.decode()}-{at}", "anonymousId": str(new_id()),
            "timestamp": now, "properties": {"product_id": str(new_id()), "sku_id": str(new_id()), "price_minor": 1990, "quantity": 1},
            "context": {"page": {"path": "/pages/product/index", "url": "https://shop.example/pages/product/index?id=1"},
                        "campaign": {"source": "wecom", "medium": "guide"}, "library": {"name": "bench", "version": "1"}},
        }
        for at in range(BATCH)
    ]  # fmt: skip
    return request(
        "POST",
        stall.host,
        "/v1/batch",
        {"batch": messages, "sentAt": now, "writeKey": stall.write_key},
    )


async def _drained(stack: Stack, within_s: float = 120.0) -> None:
    end = time.monotonic() + within_s
    while await tracking.backlog(stack.database):
        assert time.monotonic() < end, "the spool was not drained in time"
        await asyncio.sleep(0.05)


async def run_events(
    *, seconds: float = 3.0, rounds: int = 5, writers: int = 2, given: Stack | None = None
) -> Report:
    """Events a second from the statement to a counting follower, both at work at once; then each alone."""
    report = Report(
        "events",
        {
            "events a transaction": BATCH,
            "writers": writers,
            "seconds a round": seconds,
            "fsync": "on",
        },
    )
    seen: Counter[int] = Counter()

    async def count(_: Any, heard: list[events.Heard]) -> None:
        seen.update(one.seq for one in heard)

    count.__module__ = "bench.streams"
    events.on(Counted, whole=True)(count)
    name = "bench.streams.count"
    try:
        async with house_or(given) as stack:
            stall = await open_stall(stack, skus=1, pieces=1, buyers=0)
            await events.drain(
                stack.database, stall.brand_id, {name}
            )  # makes its cursor: it hears what comes from now on
            stated = 0
            through: list[float] = []
            appended: list[float] = []
            alone: list[float] = []
            loads: list[float] = []
            for _ in range(rounds):
                await stack.settled()
                loads.append(load_average())
                stated += (made := await _state(stack, stall, seconds, writers))[0]
                appended.append(made[0] / made[1])
                began, before = time.perf_counter(), len(seen)
                await events.drain(stack.database, stall.brand_id, {name})
                alone.append((len(seen) - before) / (time.perf_counter() - began))
                made, rate = await _both(stack, stall, name, seconds, writers, seen)
                stated += made
                through.append(rate)
            report.figures += [
                Figure(
                    "through the log: stated and heard at once", "events/s", through, loads, 10_000
                ),
                Figure("stated alone (durable)", "events/s", appended, loads),
                Figure("a counting follower alone", "events/s", alone, loads),
            ]
            report.check(
                "every event was heard once", len(seen) == stated and set(seen.values()) == {1}, stated=stated,
                heard=sum(seen.values()), different=len(seen),
            )  # fmt: skip
            kept = await stack.count(
                stall.brand_id, "select count(*) from events where kind = 'bench.counted/1'"
            )
            report.check("the log holds each", kept == stated, rows=kept)
    finally:
        events.listeners.pop(name, None)
    return report


async def _state(stack: Stack, stall: Stall, seconds: float, writers: int) -> tuple[int, float]:
    """State events in transactions of ``BATCH`` for so long; (how many, in seconds)."""
    began = time.perf_counter()
    pieces = tuple(new_id() for _ in range(3))

    async def write() -> int:
        made = 0
        while time.perf_counter() - began < seconds:
            facts = [
                Counted(subject_id=new_id(), amount_minor=secrets.randbelow(10**6), lines=pieces)
                for _ in range(BATCH)
            ]
            async with stack.database.raw(stall.brand_id) as connection:
                await events.state_on(connection, facts)
            made += BATCH
        return made

    return sum(
        await asyncio.gather(*(write() for _ in range(writers)))
    ), time.perf_counter() - began


async def _both(
    stack: Stack, stall: Stall, name: str, seconds: float, writers: int, seen: Counter[int]
) -> tuple[int, float]:
    """Writers and the follower at once; events stated, and events heard a second until the last of them."""
    follower = Follower(stack.database, only={name})
    before, began = len(seen), time.perf_counter()
    stating = asyncio.create_task(_state(stack, stall, seconds, writers))
    # Step by step and not cancelled in the middle: counting here is an effect outside of the transaction.
    while await follower.step() or not stating.done() or len(seen) - before < stating.result()[0]:
        if time.perf_counter() - began > seconds + 60:
            break
        await asyncio.sleep(0.005)
    return (await stating)[0], (len(seen) - before) / (time.perf_counter() - began)
