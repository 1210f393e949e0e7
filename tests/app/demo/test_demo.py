"""The demo brand, made small: the same from the same seed, busy when the calendar says, and sound to the fen."""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import pytest

from siyu.app.demo import behaviour, calendar, goods, run, year
from siyu.goods.catalogue import Sellable
from siyu.goods.orders.rules import number_in
from siyu.insight.warehouse import Warehouse
from siyu.kernel import jobs
from siyu.kernel.checks import run_checks
from siyu.kernel.db import APP, DISPATCHER, Database
from siyu.kernel.egress import Egress
from siyu.kernel.events import drain
from siyu.kernel.files import Files
from siyu.kernel.ids import new_id
from siyu.kernel.settings import Settings, role_url
from siyu.people import customers
from tests.conftest import TEMPLATE, on_database

MEMBERS = 430
"""A few more than are there before the year is made; a 140th of the year."""
UNTIL = datetime(2026, 11, 22, 4, tzinfo=UTC)


@asynccontextmanager
async def a_house(server_url: str, clickhouse_url: str, home) -> AsyncIterator[Any]:
    """What a job needs around it, on a database of its own."""
    name = f"demo_{secrets.token_hex(4)}"
    owner = await asyncpg.connect(server_url)
    await owner.execute(f"create database {name} template {TEMPLATE}")
    url = on_database(server_url, name)
    database = Database(role_url(url, APP), role_url(url, DISPATCHER))
    await database.open()
    warehouse = Warehouse(clickhouse_url)
    egress = Egress()
    yield SimpleNamespace(
        database=database,
        files=Files(home / "files", b"demo"),
        settings=Settings(home=home, profile="demo"),
        egress=egress,
        parts={"warehouse": warehouse},
        owner_url=url,
    )
    await egress.close()
    await warehouse.close()
    await database.close()
    await owner.execute(f"drop database {name} with (force)")
    await owner.close()


@pytest.fixture(scope="module")
def narrow_range():
    """Three products of each family: drawing all hundred and twenty takes half a minute."""
    whole = goods.FAMILIES
    goods.FAMILIES = run.FAMILIES = tuple(
        msgspec.structs.replace(family, rows=family.rows[:3]) for family in whole
    )
    yield
    goods.FAMILIES = run.FAMILIES = whole


@pytest.fixture(scope="module")
async def house(
    app, narrow_range, server_url, clickhouse_url, tmp_path_factory
) -> AsyncIterator[Any]:
    """A house with the whole demo in it; its year was killed twice on the way."""
    async with a_house(server_url, clickhouse_url, tmp_path_factory.mktemp("demo")) as house:
        made = await run.make(house, members=MEMBERS, until=UNTIL)
        house.made, house.at_sign_in = made, await sums(house, made.brand_id)
        for steps in (2, 6):
            await killed(house, made, after_steps=steps)
        await jobs.run(house, made.brand_id, made.job_id)
        yield house


async def killed(house: Any, made: run.Made, *, after_steps: int) -> None:
    """Run the year until it has told its progress so often, and stop it there."""
    steps = 0
    usual = jobs.Work.progress

    async def counted(work: jobs.Work, *what: Any, **more: Any) -> None:
        nonlocal steps
        steps += 1
        if steps > after_steps:
            worker.cancel()
        await usual(work, *what, **more)

    jobs.Work.progress = counted
    try:
        worker = asyncio.create_task(jobs.run(house, made.brand_id, made.job_id))
        await asyncio.gather(worker, return_exceptions=True)
    finally:
        jobs.Work.progress = usual
    assert steps > after_steps
    async with house.database.brand(made.brand_id) as session:
        assert (await jobs.one(session, made.job_id)).state == "waiting"


QUESTIONS = {
    "units": "select count(*), string_agg(code, ',' order by code) from units",
    "staff": "select count(*), string_agg(login || name, ',' order by login) from staff",
    "products": "select count(*), string_agg(handle || (title::text), ',' order by handle) from products",
    "skus": "select count(*), sum(price_minor)::text from skus",
    "stock": "select count(*), sum(on_hand)::text from stock_levels",
    "pictures": "select count(*), string_agg(hash, ',' order by hash) from media",
    "orders": """select count(*), string_agg(number || state || total_minor || coalesce(refunded_minor, 0), ',' order by number)
                 from orders where request_key like 'demo-%'""",
    "lines": "select count(*), sum(line_minor)::text from order_lines l join orders o on o.id = l.order_id where o.request_key like 'demo-%'",
    "payments": "select count(*), sum(amount_minor)::text from payments where provider <> 'sandbox'",
    "refunds": "select count(*), sum(amount_minor)::text from order_refunds",
    "events": "select count(*), '' from events where origin = 'demo' and kind like 'orders.%'",
    "home": "select count(*), '' from shop_pages",
}


async def sums(house: Any, brand_id: UUID) -> dict[str, tuple[int, str]]:
    async with house.database.raw(brand_id) as connection:
        ids = await connection.fetch("select id from customers")
        people = (await customers.cards(connection, [row["id"] for row in ids])).values()
        known = ",".join(sorted(f"{one.seq} {one.name} {one.phone}" for one in people))
        return {"customers": (len(people), known)} | {
            name: (row[0], row[1])
            for name, question in QUESTIONS.items()
            for row in [await connection.fetchrow(question)]
        }


async def rows(house: Any, question: str, *values: Any) -> list[Any]:
    async with house.database.raw(house.made.brand_id) as connection:
        return await connection.fetch(question, *values)


# ── The whole brand ───────────────────────────────────────────────────────────────────────────────


async def test_before_anybody_signs_in_the_shop_window_is_filled(house):
    there = {name: count for name, (count, _) in house.at_sign_in.items()}
    assert there["units"] == 1 + 4 + 8 + 36 and there["staff"] > 120
    assert there["products"] == there["pictures"] == 21
    assert there["customers"] == run.SLICE_MEMBERS and there["home"] == 1
    assert there["orders"] == 0


async def test_every_kind_can_be_picked_up_and_a_bag_of_tea_and_cups_in_one_store(house):
    """The year's pick-ups take from no shelf; what lies there is what a visitor can try."""
    lying = await rows(
        house,
        """select split_part(p.handle, '-', 1) as family, u.id as store
           from stock_levels l join stock_locations r on r.id = l.location_id join units u on u.id = r.unit_id
           join skus s on s.id = l.sku_id join products p on p.id = s.product_id
           where u.pick_up and u.closed_at is null and l.on_hand > l.reserved""",
    )
    stores: dict[str, set[UUID]] = {}
    for row in lying:
        stores.setdefault(row["family"], set()).add(row["store"])
    assert stores.keys() == {family.key for family in goods.FAMILIES}
    everywhere = stores["tea"] & stores["ware"] & stores["pearl"] & stores["gift"]
    assert len(everywhere) >= 20
    unique = await rows(
        house,
        """select p.handle from products p join skus s on s.product_id = p.id join stock_levels l on l.sku_id = s.id
           where p.subtitle ->> 'zh-CN' like '%仅此一只%' group by p.handle having sum(l.on_hand) > 1""",
    )
    assert unique == []


async def test_a_year_that_was_killed_twice_is_whole_and_nothing_is_in_it_twice(house):
    row = (await rows(house, "select state, error, attempts, result::text from jobs"))[0]
    assert (row["state"], row["error"], row["attempts"] % 100) == ("done", None, 1)  # of its round
    there = {name: count for name, (count, _) in (await sums(house, house.made.brand_id)).items()}
    assert there["products"] == there["pictures"] == 24 and there["customers"] == MEMBERS
    wanted = sum(channel.orders for channel in year.CHANNELS) * MEMBERS / run.MEMBERS
    assert abs(there["orders"] - wanted) < 0.15 * wanted
    twice = await rows(house, "select number from orders group by number having count(*) > 1")
    assert twice == []


async def test_the_same_seed_makes_the_same_brand(house, app, server_url, clickhouse_url, tmp_path):
    """Made at one go on another database: the same names, pictures, orders and amounts."""
    async with a_house(server_url, clickhouse_url, tmp_path) as second:
        made = await run.make(second, members=MEMBERS, until=UNTIL)
        await jobs.run(second, made.brand_id, made.job_id)
        assert await sums(second, made.brand_id) == await sums(house, house.made.brand_id)


async def test_making_it_again_changes_nothing(house):
    before = await sums(house, house.made.brand_id)
    again = await run.make(house, members=MEMBERS)
    assert (again.brand_id, again.fresh, again.password) == (
        house.made.brand_id, False, house.made.password,
    )  # fmt: skip
    async with house.database.brand(house.made.brand_id) as session:
        (await jobs.one(session, house.made.job_id)).state = "waiting"
    await jobs.run(house, house.made.brand_id, house.made.job_id)
    assert await sums(house, house.made.brand_id) == before


async def test_every_invariant_holds_of_the_demo(house):
    await drain(house.database, house.made.brand_id)
    assert await run_checks(house.database, house.made.brand_id) == []


async def test_every_order_adds_up_and_was_bought_by_somebody_who_had_joined(house):
    orders = await rows(
        house,
        """select o.number, o.placed_at, o.goods_minor, o.freight_minor, o.total_minor, o.paid_minor, o.refunded_minor,
                  o.state, c.joined_at,
                  (select sum(line_minor) from order_lines where order_id = o.id)::bigint as lines,
                  (select sum((step->>'amount_minor')::bigint) from jsonb_array_elements(o.waterfall) step)::bigint as waterfall
           from orders o join customers c on c.id = o.customer_id where o.request_key like 'demo-%'""",
    )
    assert orders
    for one in orders:
        assert one["lines"] == one["goods_minor"]
        assert one["goods_minor"] + one["freight_minor"] == one["total_minor"] == one["waterfall"]
        assert one["refunded_minor"] == (one["total_minor"] if one["state"] == "refunded" else 0)
        assert number_in(one["number"]) == one["number"]
    early = [one for one in orders if one["joined_at"] > one["placed_at"]]
    assert len(early) < len(orders) * 0.05  # the first days, when hardly anybody had joined
    newest = max(one["placed_at"] for one in orders)
    assert newest <= datetime.now(UTC)


async def test_some_orders_wait_for_staff(house):
    states = Counter(
        row["state"]
        for row in await rows(house, "select state from orders where request_key like 'live-%'")
    )
    assert states["paid"] >= 10 and states["ready"] >= 2 and states["unpaid"] >= 1


# ── The calendar and the draw ─────────────────────────────────────────────────────────────────────


def days(until: datetime = UNTIL) -> list[date]:
    return run._days("Asia/Shanghai", until)


def drawn(scale: float, seed: int = 2026, until: datetime = UNTIL) -> list[year.Sold]:
    """A year's orders of all channels from a shelf of forty prices."""
    nothing: Any = {}
    shelf = [
        Sellable(
            sku_id=UUID(int=n), product_id=UUID(int=n), code=f"S{n}", title={}, option_label={},
            image_id=None, price_minor=5_000 * n, list_price_minor=None, weight_g=100, on_sale=True,
            freight_template_id=None, kind="goods",
        )
        for n in range(1, 41)
    ]  # fmt: skip
    buyers = [
        year.Buyer(UUID(int=n), datetime(2025, 1, 1, tzinfo=UTC), UUID(int=n % 5))
        for n in range(1, 200)
    ]
    stores = [UUID(int=n) for n in range(5)]
    sold: list[year.Sold] = []
    for channel in year.CHANNELS:
        sold += year.orders_of(
            channel, days(until), scale, "Asia/Shanghai", year.Shelf(shelf), year.Shelf(shelf[:10]),
            buyers, stores, nothing, random.Random(f"{seed}/{channel.source}"), until,
        )  # fmt: skip
    return sold


def told(sold: list[year.Sold]) -> list[tuple[Any, ...]]:
    return [(one.number, one.at, one.buyer, one.priced.total_minor, one.returned) for one in sold]


def test_a_seed_draws_the_same_orders_and_another_seed_others():
    assert told(drawn(0.01)) == told(drawn(0.01))
    assert told(drawn(0.01)) != told(drawn(0.01, seed=7))


def test_the_year_grows_with_the_number_of_members():
    small, large = len(drawn(0.01)), len(drawn(0.04))
    assert 3.5 < large / small < 4.5
    assert abs(large - 46_000 * 0.04) < 46_000 * 0.04 * 0.05


def test_no_number_is_drawn_twice_by_channels_that_are_written_side_by_side():
    numbers = [one.number for one in drawn(0.2)]
    assert len(set(numbers)) == len(numbers)


def test_nothing_lies_in_the_future_and_what_is_on_its_way_is_not_done():
    for one in drawn(0.02):
        assert one.at <= UNTIL
        assert not one.done or one.at + (year.AT_ONCE if one.pick_up else year.DELIVERED) <= UNTIL
        assert not one.returned or one.at + year.BACK <= UNTIL


def test_amounts_of_drawn_orders_are_whole_and_add_up():
    for one in drawn(0.01):
        priced = one.priced
        assert priced.goods_minor == sum(line.line_minor for line in priced.lines) > 0
        assert priced.total_minor == sum(step.amount_minor for step in priced.waterfall)
        assert len(one.skus) == len(priced.lines) == len(one.line_ids)


def test_the_peaks_of_the_trade_are_the_peaks_of_the_year():
    """Singles' Day leads online, the weeks before Spring Festival and Qixi lead in stores, tea has its spring."""
    online = {day: calendar.busy(day, "tmall") for day in days()}
    store = {day: calendar.busy(day, "store") for day in days()}
    usual = sorted(store.values())[len(store) // 2]
    assert max(online, key=lambda day: online[day]) in (date(2026, 11, 1), date(2026, 11, 11))
    assert store[date(2026, 11, 11)] == usual
    for festival in (
        date(2026, 2, 7),
        date(2026, 2, 14),
        date(2026, 5, 20),
        date(2026, 8, 19),
        date(2026, 10, 1),
    ):
        assert store[festival] >= 1.9 * usual, festival
    assert calendar.busy(date(2026, 4, 1), "store", tea=True) == 3 * calendar.busy(
        date(2026, 4, 1), "store"
    )
    assert store[date(2026, 6, 13)] > store[date(2026, 6, 12)]  # a Saturday after a Friday


def test_orders_and_visits_follow_the_calendar():
    by_day = Counter(
        one.at.astimezone(ZoneInfo("Asia/Shanghai")).date()
        for one in drawn(0.2)
        if one.source == "tmall"
    )
    assert {day for day, _ in by_day.most_common(2)} == {date(2026, 11, 1), date(2026, 11, 11)}
    visits = Counter(
        row[1].split("-")[1]
        for row in behaviour.rows(
            new_id(), days(), 0.01, "Asia/Shanghai", [new_id()], [new_id()], random.Random(1),
            int(UNTIL.timestamp() * 1000),
        )
        if row[3] == "Home Viewed"
    )  # fmt: skip
    assert {day for day, _ in visits.most_common(2)} == {"20261101", "20261111"}


@pytest.mark.parametrize("of_year", sorted(calendar.SPRING))
def test_every_year_of_the_table_has_its_festivals_in_their_season(of_year):
    assert date(of_year, 1, 21) <= calendar.SPRING[of_year] <= date(of_year, 2, 20)
    assert date(of_year, 7, 31) <= calendar.QIXI[of_year] <= date(of_year, 8, 30)
    assert date(of_year, 9, 7) <= calendar.MID_AUTUMN[of_year] <= date(of_year, 10, 8)
    later = calendar.MID_AUTUMN[of_year] - calendar.QIXI[of_year]
    assert timedelta(36) <= later <= timedelta(39)  # the 7th of the 7th to the 15th of the 8th moon
