"""The shop window: product pages and lists of 20 as kept bytes, whole and as «you have it already»."""

import asyncio
import time
from collections import Counter

from bench.load import request
from bench.orders import measured
from bench.report import SPENT, Figure, Report, load_average
from bench.stack import Stack, house_or
from bench.stall import Stall, open_stall, set_pieces

PAGES = 50
"""Different pages that are asked for in turn."""


async def run(
    *,
    seconds: float = 3.0,
    rounds: int = 5,
    connections: int = 64,
    products: int = 200,
    given: Stack | None = None,
) -> Report:
    """Requests a second, and that a change shows at once in bytes that were kept."""
    report = Report(
        "catalogue", {"connections": connections, "seconds a round": seconds, "products": products}
    )
    async with house_or(given) as stack:
        stall = await open_stall(stack, skus=products, pieces=50, buyers=0)
        pages = [f"/api/shop/products/{handle}" for handle in stall.handles[:PAGES]]
        lists = ["/api/shop/products?limit=20", "/api/shop/products?limit=20&sort=price_up"]
        for name, paths, target in (("product page", pages, 4000), ("list of 20", lists, 2000)):
            whole = [request("GET", stall.host, path) for path in paths]
            known = [
                request("GET", stall.host, path, if_none_match=await _etag(stack, stall, path))
                for path in paths
            ]
            for kind, requests, status in (("", whole, "200"), (", 304", known, "304")):
                await _measure(
                    stack, report, name + kind, [requests] * connections, status,
                    target=None if kind else target, seconds=seconds, rounds=rounds,
                )  # fmt: skip
        await _changes_show(stack, report, stall)
    return report


async def _measure(
    stack: Stack,
    report: Report,
    name: str,
    lanes: list[list[bytes]],
    status: str,
    *,
    target: float | None,
    seconds: float,
    rounds: int,
) -> None:
    rates: list[float] = []
    p99: list[float] = []
    loads: list[float] = []
    spent: list[dict[str, float]] = []
    answers: Counter[str] = Counter()
    for _ in range(rounds):
        await stack.settled()
        loads.append(load_average())
        outcome, used = await measured(stack, lanes, seconds)
        answers.update(outcome.answers)
        rates.append(outcome.rate)
        p99.append(outcome.p99_ms)
        spent.append(used)
    report.figures += [
        Figure(name, "requests/s", rates, loads, target, notes={SPENT: spent}),
        Figure("… p99", "ms", p99, loads, less_is_better=True),
    ]
    report.check(f"{name}: every answer was {status}", set(answers) == {status}, **answers)


async def _etag(stack: Stack, stall: Stall, path: str) -> str:
    answer = await stack.get(stall.host, path)
    assert answer.status_code == 200, answer.text
    return answer.headers["etag"]


async def _changes_show(stack: Stack, report: Report, stall: Stall) -> None:
    """A change of stock reaches bytes that were kept, by the news and not by their time to live (20 s)."""
    path = f"/api/shop/products/{stall.handles[0]}"
    before = await _etag(stack, stall, path)
    await set_pieces(stack, stall, stall.skus[0], 3)
    changed_at, seconds, after = time.perf_counter(), 0.0, before
    while after == before and seconds < 5:
        after, seconds = await _etag(stack, stall, path), time.perf_counter() - changed_at
        await asyncio.sleep(0.01)
    report.check(
        "a change of stock shows within a second",
        after != before and seconds < 1,
        after_ms=round(1000 * seconds),
    )
