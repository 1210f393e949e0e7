"""A seeded world that lives some days in a real house, with an independent book beside it: ``siyu simulate``.

The house is the real one: its HTTP doors, PostgreSQL, ClickHouse, followers, deadlines and jobs, stepped by a set clock.
The same seed decides the same, and ends with the same fingerprint.
"""

import hashlib
import time
import traceback
from collections.abc import Callable
from random import Random

import msgspec

import siyu.app.wiring  # noqa: F401 - plugs the modules into each other
from siyu.app.simulate.actors import ACTS
from siyu.app.simulate.bank import Bank
from siyu.app.simulate.book import Book, Wrong
from siyu.app.simulate.house import House, standing
from siyu.app.simulate.opening import arrive_at_desk, open_shop
from siyu.app.simulate.verdict import check_now, figures, judge, wind_up
from siyu.app.simulate.world import FIRST_DAY, SHOPPERS, World, live_a_day
from siyu.kernel.settings import Settings

ACTS_PER_SHOPPER = 2


class Report(msgspec.Struct):
    """How a run went. ``findings`` is empty when all is well; ``latest``: what happened right before the first one."""

    seed: int
    days: int
    shoppers: int
    day: int = 0
    acts: dict[str, int] = {}
    figures: dict[str, int] = {}
    deaths: dict[str, int] = {}
    fingerprint: str = ""
    findings: list[str] = []
    latest: list[str] = []
    seconds: float = 0.0

    @property
    def replay(self) -> str:
        """The command that lives the same days again."""
        more = "" if self.shoppers == SHOPPERS else f" --shoppers {self.shoppers}"
        return f"siyu simulate --seed {self.seed} --days {self.days}{more}"


OnDay = Callable[[Report], None]
Meddle = Callable[[World], object]


async def simulate(
    settings: Settings, seed: int, days: int, *, shoppers: int = SHOPPERS, on_day: OnDay | None = None, meddle: Meddle | None = None,
) -> Report:  # fmt: skip
    """Live so many days in a house on these engines, which hold no other brand called ``sim``; then judge.

    ``on_day`` hears of the report after each day. ``meddle(world)`` is awaited after the last day, before all comes to
    rest: tests plant their faults there.
    """
    began = time.monotonic()
    report = Report(seed, days, shoppers)
    book, bank = Book(), Bank(str(seed))
    try:
        async with standing(settings, bank, FIRST_DAY) as house:
            try:
                world = World(house, book, await open_shop(house, book), seed)
                await _live(world, report, on_day)
                await wind_up(world)
                if meddle is not None:
                    await meddle(world)  # pyright: ignore[reportGeneralTypeIssues]
                report.findings = await judge(world)
                _sum_up(report, world)
            except Exception as failure:  # noqa: BLE001 - whatever it is, the seed has found something
                report.findings = [
                    f"{failure}" if isinstance(failure, Wrong) else traceback.format_exc()
                ]
            report.deaths = {
                "web": house.web.deaths,
                "worker": house.worker.deaths,
                "connections cut": house.cut,
            }
    except Wrong as failure:  # the house does not end
        report.findings.append(f"{failure}")
    report.acts, report.latest = dict(sorted(book.acts.items())), list(book.latest)
    report.seconds = round(time.monotonic() - began, 2)
    return report


async def _live(world: World, report: Report, on_day: OnDay | None) -> None:
    troubles = Random(f"{world.seed}/warehouse")
    for day in range(report.days):
        world.day = report.day = day
        world.house.at(world.begins)
        await arrive_at_desk(world.house)
        world.house.worker.lose_warehouse(lost=troubles.random() < 0.2)
        await live_a_day(world, ACTS, report.shoppers * ACTS_PER_SHOPPER)
        await world.work()
        check_now(world)
        if on_day is not None:
            report.acts = dict(world.book.acts)
            on_day(report)


def _sum_up(report: Report, world: World) -> None:
    report.figures = figures(world)
    steady = {act: count for act, count in world.book.acts.items() if act != "job retried"}
    told = msgspec.json.encode([report.figures, dict(sorted(steady.items()))])
    report.fingerprint = hashlib.sha256(told).hexdigest()[:16]


__all__ = ["SHOPPERS", "House", "Report", "World", "simulate"]
