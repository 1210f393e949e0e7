"""What an idle house takes: proportional set size of ``siyu up`` with everything it started."""

import asyncio

from bench.report import Figure, Report, load_average
from bench.stack import Stack, house_or
from bench.stall import open_stall


async def run(*, rest_s: float = 10.0, rounds: int = 3, given: Stack | None = None) -> Report:
    """Memory at rest, with one small brand there and every part used once."""
    report = Report("memory", {"measured": "PSS of the whole tree", "rest before": f"{rest_s:g} s"})
    async with house_or(given) as stack:
        await _use(stack)
        sizes: list[dict[str, float]] = []
        loads: list[float] = []
        for _ in range(rounds):
            await asyncio.sleep(rest_s)
            loads.append(load_average())
            sizes.append(stack.memory_mb())
        parts = {name: round(size) for name, size in sizes[-1].items()}
        report.figures.append(
            Figure(
                "idle `siyu up`, all together",
                "MB",
                [sum(one.values()) for one in sizes],
                loads,
                900,
                less_is_better=True,
                notes={"by part": parts},
            )
        )
        report.check(
            "all parts are there",
            set(parts) == {"supervisor", "postgres", "clickhouse", "web", "worker"},
            **parts,
        )
    return report


async def _use(stack: Stack) -> None:
    stall = await open_stall(stack, skus=20, pieces=10, buyers=1)
    for path in ("/api/shop/shop", "/api/shop/products", f"/api/shop/products/{stall.handles[0]}"):
        assert (await stack.get(stall.host, path)).status_code == 200
