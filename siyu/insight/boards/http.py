"""The console's boards: the overview of a period, and today hour by hour with what waits for somebody."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import catalogue
from siyu.goods.catalogue import ImageOut
from siyu.insight.boards import queries, rules
from siyu.insight.boards.queries import Scope
from siyu.insight.warehouse import Warehouse, lag_s
from siyu.kernel import clock
from siyu.kernel.errors import NotFound
from siyu.kernel.http import JobOut
from siyu.people import brands
from siyu.people.staff import Desk, permission

permission("boards.view", {"zh-CN": "查看经营总览", "en": "See the boards"})
LocaleText = dict[str, str]
NOBODY = UUID(int=0)


class MetricOut(msgspec.Struct):
    """A figure with its meaning, its value a period earlier and its course. ``unit``: minor · count · bp."""

    key: str
    value: int
    previous: int | None
    unit: str
    definition: LocaleText
    spark: list[int]


class DayOut(msgspec.Struct):
    """One day of the period."""

    day: date
    net_minor: int
    paid_orders: int
    customers: int
    visits: int


class PreviousDayOut(msgspec.Struct):
    """One day of the period before."""

    day: date
    net_minor: int


class FunnelOut(msgspec.Struct):
    """A step, the people who took it, and their share of the step before."""

    step: str
    count: int
    rate_bp: int | None


class SourceOut(msgspec.Struct):
    """Figures by where people came from."""

    source: str
    net_minor: int
    paid_orders: int
    visits: int


class StoreFigures(msgspec.Struct):
    """Figures by store; orders without one are not among them."""

    store_id: UUID
    name: LocaleText
    net_minor: int
    paid_orders: int


class TopProductOut(msgspec.Struct):
    """A product with its pieces and its net money."""

    product_id: UUID
    title: LocaleText
    image: ImageOut | None
    quantity: int
    net_minor: int


class OverviewOut(msgspec.Struct, rename={"first": "from", "last": "to"}):
    """The overview of a period."""

    first: date
    last: date
    computed_at: datetime
    lag_s: int
    empty: bool
    metrics: list[MetricOut]
    days: list[DayOut]
    previous_days: list[PreviousDayOut]
    funnel: list[FunnelOut]
    by_source: list[SourceOut]
    by_store: list[StoreFigures]
    top_products: list[TopProductOut]


class HourOut(msgspec.Struct):
    """An hour of today (``null`` when it has not come) beside the same hour a week ago."""

    hour: int
    net_minor: int | None
    previous_minor: int


class TodoOut(msgspec.Struct):
    """Something that waits for a person. ``level``: zhu (judge now) · zhe (a clock runs)."""

    kind: str
    count: int
    level: str
    title: LocaleText
    text: LocaleText
    path: str


class TodayOut(msgspec.Struct):
    """Today so far."""

    now: datetime
    net_minor: int
    previous_net_minor: int
    paid_orders: int
    average_minor: int
    hours: list[HourOut]
    todo: list[TodoOut]


Waiting = Callable[[Desk], Awaitable[list[TodoOut]]]
waiting: list[Waiting] = []
"""Who knows of things that wait: modules below are asked through ``app``, which registers them here."""


History = Callable[[Desk], Awaitable[JobOut | None]]
histories: list[History] = []
"""Who may still be making the history that the figures are about; registered by ``app`` too."""


class MakingOut(msgspec.Struct):
    """The job that still makes the history behind the figures, if there is one."""

    job: JobOut | None


@get("/boards/making", tags=["boards"])
async def making(desk: NamedDependency[Desk]) -> MakingOut:
    """Whether the figures still grow because their history is being made (the demo's year), and how far that is."""
    desk.require("boards.view")
    jobs = [await history(desk) for history in histories]
    return MakingOut(next((job for job in jobs if job is not None), None))


async def _scope(desk: Desk, first: date, last: date, source: str, store_id: UUID | None) -> Scope:
    stores: tuple[UUID, ...] | None = None
    own = await desk.unit_ids()
    if store_id is not None:
        if own is not None and store_id not in own:
            raise NotFound(store_id=str(store_id))
        stores = (store_id,)
    elif own is not None:
        stores = tuple(own)
    return Scope(first, last, desk.brand.time_zone, source, stores)


@get("/boards/overview", tags=["boards"])
async def overview(
    desk: NamedDependency[Desk],
    runtime: NamedDependency[Any],
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
    source: Annotated[str, QueryParameter(max_length=64)] = "",
    store_id: FromQuery[UUID | None] = None,
) -> OverviewOut:
    """The figures of a period within the caller's stores. Refusals: boards.bad_period, warehouse.away."""
    desk.require("boards.view")
    warehouse: Warehouse = runtime.parts["warehouse"]
    first, last = rules.period(first, last, clock.today(desk.brand.time_zone))
    scope = await _scope(desk, first, last, source, store_id)
    earlier_first, earlier_last = rules.before(first, last)
    earlier = msgspec.structs.replace(scope, first=earlier_first, last=earlier_last)
    brand_id = desk.brand.id
    await desk.leave()
    (
        now, then, days, earlier_days, sources, stores, seen, seen_days, seen_sources, seen_then, top,
    ) = await queries.together(
        queries.totals(warehouse, brand_id, scope),
        queries.totals(warehouse, brand_id, earlier),
        queries.by_day(warehouse, brand_id, scope),
        queries.by_day(warehouse, brand_id, earlier),
        queries.by(warehouse, brand_id, scope, "source"),
        queries.by(warehouse, brand_id, scope, "store"),
        queries.visits(warehouse, brand_id, scope, ""),
        queries.visits(warehouse, brand_id, scope, "day"),
        queries.visits(warehouse, brand_id, scope, "source"),
        queries.visits(warehouse, brand_id, earlier, ""),
        queries.top_products(warehouse, brand_id, scope),
    )  # fmt: skip
    seen_now, seen_before = seen.get("", {}), seen_then.get("", {})
    day_list = [_day(day, days, seen_days) for day in rules.days_of(first, last)]
    counts = [seen_now.get(step, 0) for step in ("visit", "product", "cart")] + [
        now["buyers"],
        now["shop_customers"],
    ]
    rates = rules.step_rates(counts)
    async with runtime.database.brand(brand_id) as session:
        behind_s = await lag_s(session)
        by_store, top_products = await _by_store(session, stores), await _top(session, top)
    return OverviewOut(
        first=first,
        last=last,
        computed_at=clock.now(),
        lag_s=behind_s,
        empty=not now["orders"] and not then["orders"] and not seen_now,
        metrics=_metrics(now, then, seen_now, seen_before, day_list),
        days=day_list,
        previous_days=[
            PreviousDayOut(day, earlier_days.get(str(day), {}).get("net", 0))
            for day in rules.days_of(earlier_first, earlier_last)
        ],
        funnel=[FunnelOut(*step) for step in zip(rules.STEPS, counts, rates, strict=True)],
        by_source=_by_source(sources, seen_sources),
        by_store=by_store,
        top_products=top_products,
    )


def _day(day: date, days: dict[str, dict[str, int]], seen: dict[str, dict[str, int]]) -> DayOut:
    figures = days.get(str(day), {})
    return DayOut(
        day,
        figures.get("net", 0),
        figures.get("orders", 0),
        figures.get("customers", 0),
        seen.get(str(day), {}).get("visit", 0),
    )


def _metrics(
    now: dict[str, int],
    then: dict[str, int],
    seen: dict[str, int],
    seen_then: dict[str, int],
    days: list[DayOut],
) -> list[MetricOut]:
    def average(figures: dict[str, int]) -> int:
        return figures["paid_minor"] // figures["orders"] if figures["orders"] else 0

    rows: list[tuple[str, int, int | None, str, list[int]]] = [
        ("net_sales", now["net"], then["net"], "minor", [day.net_minor for day in days]),
        ("paid_orders", now["orders"], then["orders"], "count", [day.paid_orders for day in days]),
        (
            "customers",
            now["customers"],
            then["customers"],
            "count",
            [day.customers for day in days],
        ),
        (
            "average_order",
            average(now),
            average(then),
            "minor",
            [d.net_minor // d.paid_orders if d.paid_orders else 0 for d in days],
        ),
        (
            "conversion",
            rules.rate_bp(now["shop_customers"], seen.get("visit", 0)) or 0,
            rules.rate_bp(then["shop_customers"], seen_then.get("visit", 0)),
            "bp",
            [rules.rate_bp(day.customers, day.visits) or 0 for day in days],
        ),
        (
            "refund_rate",
            rules.rate_bp(now["refunded"], now["paid_minor"]) or 0,
            rules.rate_bp(then["refunded"], then["paid_minor"]),
            "bp",
            [],
        ),
    ]
    return [
        MetricOut(key, value, previous, unit, rules.DEFINITIONS[key], spark)
        for key, value, previous, unit, spark in rows
    ]


def _by_source(
    sources: dict[str, dict[str, int]], seen: dict[str, dict[str, int]]
) -> list[SourceOut]:
    found: dict[str, SourceOut] = {}
    for name in {*sources, *seen}:
        known = name or "direct"  # orders name it, visits without a source leave it empty
        one = found.setdefault(known, SourceOut(known, 0, 0, 0))
        one.net_minor += sources.get(name, {}).get("net", 0)
        one.paid_orders += sources.get(name, {}).get("orders", 0)
        one.visits += seen.get(name, {}).get("visit", 0)
    return sorted(found.values(), key=lambda one: (-one.net_minor, -one.visits, one.source))[:20]


async def _by_store(session: AsyncSession, stores: dict[str, dict[str, int]]) -> list[StoreFigures]:
    ids = [UUID(name) for name in stores if UUID(name) != NOBODY]
    known = await brands.units(session, ids)
    return [
        StoreFigures(one, known[one].name, stores[str(one)]["net"], stores[str(one)]["orders"])
        for one in ids
        if one in known
    ]


async def _top(session: AsyncSession, top: list[tuple[UUID, int, int]]) -> list[TopProductOut]:
    titles = await catalogue.titles(session, [product for product, _, _ in top])
    pictures = await catalogue.images(session, [title.image_id for title in titles.values()])
    return [
        TopProductOut(
            product,
            titles[product].title,
            _picture(pictures, titles[product].image_id),
            pieces,
            net,
        )
        for product, pieces, net in top
        if product in titles
    ]


def _picture(pictures: dict[UUID, ImageOut], image_id: UUID | None) -> ImageOut | None:
    return pictures.get(image_id) if image_id else None


@get("/boards/today", tags=["boards"])
async def today(desk: NamedDependency[Desk], runtime: NamedDependency[Any]) -> TodayOut:
    """Today by the hour beside the same weekday a week ago, and what waits for somebody. Refusals: warehouse.away."""
    desk.require("boards.view")
    warehouse: Warehouse = runtime.parts["warehouse"]
    now = clock.now()
    day = clock.today(desk.brand.time_zone)
    scope = await _scope(desk, day, day, "", None)
    week_ago = msgspec.structs.replace(
        scope, first=day - timedelta(days=7), last=day - timedelta(days=7)
    )
    todo = [one for ask in waiting for one in await ask(desk)]
    await desk.leave()
    figures, hours, earlier = await queries.together(
        queries.totals(warehouse, desk.brand.id, scope),
        queries.by_hour(warehouse, desk.brand.id, scope),
        queries.by_hour(warehouse, desk.brand.id, week_ago),
    )
    current = (now - clock.start_of_day(day, desk.brand.time_zone)).seconds // 3600
    return TodayOut(
        now=now,
        net_minor=figures["net"],
        previous_net_minor=sum(net for hour, net in earlier.items() if hour <= current),
        paid_orders=figures["orders"],
        average_minor=figures["paid_minor"] // figures["orders"] if figures["orders"] else 0,
        hours=[
            HourOut(h, hours.get(h, 0) if h <= current else None, earlier.get(h, 0))
            for h in range(24)
        ],
        todo=sorted(todo, key=lambda one: (one.level != "zhu", -one.count)),
    )


console_routes = [overview, today, making]
