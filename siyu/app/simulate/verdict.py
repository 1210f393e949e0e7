"""The end of a simulation: everything comes to rest, and house, bank and warehouse are compared with the book."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Any

from siyu.app.simulate.actors.staff import send_failed_refunds_again
from siyu.app.simulate.bank import BANK
from siyu.app.simulate.book import Wrong
from siyu.app.simulate.opening import arrive_at_desk
from siyu.app.simulate.world import World, call_back
from siyu.insight.warehouse import Warehouse
from siyu.kernel import clock
from siyu.kernel.checks import run_checks

_ORDERS = """
select o.id, o.request_key, o.state, o.total_minor, o.paid_minor, o.refunded_minor from orders o
"""
_LEVELS = "select sku_id, location_id, on_hand, reserved from stock_levels"
_PAYMENTS = "select id, provider, amount_minor from payments where state = 'succeeded'"
_REFUNDS = """
select r.id, r.payment_id, r.amount_minor, r.state, p.provider from payment_refunds r join payments p on p.id = r.payment_id
"""
_COUNTS = """
select (select count(*) from order_notes) as notes, (select count(*) from customers) as people,
       (select count(*) from parked_events) as parked, (select count(*) from tracking_spool) as spooled,
       (select count(*) from order_refunds where state <> 'succeeded') as refunds_open,
       (select count(*) from jobs where state <> 'done') as jobs_open, (select count(distinct number) from orders) as numbers
"""
_STATED = """
select case kind when 'orders.placed/1' then 'placed' when 'orders.paid/1' then 'paid'
                 when 'orders.cancelled/1' then 'cancelled' else 'refunded' end as kind, count(*) as facts,
       sum(coalesce(data ->> 'paid_minor', data ->> 'amount_minor', data ->> 'total_minor')::bigint)::bigint as minor
from events where kind in ('orders.placed/1', 'orders.paid/1', 'orders.cancelled/1', 'orders.refund_agreed/1')
group by 1
"""


async def wind_up(world: World) -> None:
    """Let all come to rest: the bank's last calls, every deadline of a day, refunds until none has failed."""
    world.house.worker.lose_warehouse(lost=False)
    if world.bank_news:
        await call_back(world, max(news[0] for news in world.bank_news))
    world.house.at(clock.now() + timedelta(days=1))
    await arrive_at_desk(world.house)
    for _ in range(6):
        await world.work(struck=False)
        if not await world.house.rows("select from order_refunds where state = 'failed'"):
            break
        await send_failed_refunds_again(world, Random(0))
    await world.work(struck=False)


async def judge(world: World) -> list[str]:
    """What is not as people were told, a sentence each; empty when all is well."""
    found = [
        *await _orders(world), *await _stock(world), *await _money(world), *await _counts(world), *await _warehouse(world),
    ]  # fmt: skip
    broken = await run_checks(world.house.database, world.house.brand_id)
    found += [f"siyu check: {one.name}: {one.sentence['en']} {one.rows[:3]}" for one in broken]
    return found


def differing(what: str, kept: Mapping[Any, Any], told: Mapping[Any, Any]) -> list[str]:
    """Where what is kept differs from what was told."""
    return [
        f"{what} {key}: the house has {kept.get(key)}, told was {told.get(key)}"
        for key in sorted(kept.keys() | told.keys(), key=str)
        if kept.get(key) != told.get(key)
    ][:10]


async def _orders(world: World) -> list[str]:
    rows = await world.house.rows(_ORDERS)
    kept = {str(row["id"]): tuple(row.values())[1:] for row in rows}
    told = {
        one.id: (one.key, one.state, one.total_minor, one.paid_minor, one.refunded_minor)
        for one in world.book.orders.values()
    }
    return differing("order", kept, told)


async def _stock(world: World) -> list[str]:
    rows = await world.house.rows(_LEVELS)
    kept = {
        (str(row["sku_id"]), str(row["location_id"])): (row["on_hand"], row["reserved"])
        for row in rows
        if row["on_hand"] or row["reserved"]
    }
    book = world.book
    told = {
        place: (book.on_hand[place], book.reserved[place])
        for place in {**book.on_hand, **book.reserved}
    }
    return differing("stock", kept, {place: both for place, both in told.items() if any(both)})


async def _money(world: World) -> list[str]:
    bank, book = world.house.bank, world.book
    payments = await world.house.rows(_PAYMENTS)
    found = differing(
        "payment", {str(row["id"]): row["amount_minor"] for row in payments}, book.settled
    )
    with_bank = {str(row["id"]): row["amount_minor"] for row in payments if row["provider"] == BANK}
    found += differing("payment at the bank", with_bank, bank.received)
    refunds = await world.house.rows(_REFUNDS)
    done = [row for row in refunds if row["state"] == "succeeded"]
    at_bank = {
        str(row["id"]): (str(row["payment_id"]), row["amount_minor"])
        for row in done
        if row["provider"] == BANK
    }
    found += differing("refund at the bank", at_bank, bank.sent_back)
    back = sum(row["amount_minor"] for row in done)
    if back != book.returned_minor:
        found.append(f"money back: the house sent {back}, told was {book.returned_minor}")
    return found


async def _counts(world: World) -> list[str]:
    (row,) = await world.house.rows(_COUNTS)
    told = {
        "notes": world.book.notes, "people": len(world.people), "parked": 0, "spooled": 0, "refunds_open": 0, "jobs_open": 0,
        "numbers": len(world.book.orders),
    }  # fmt: skip
    found = differing("number of", dict(row), told)
    behind = await world.house.behind()
    return [*found, *(f"{name} has not heard {count} events" for name, count in behind.items())]


async def _warehouse(world: World) -> list[str]:
    stated = await world.house.rows(_STATED)
    book = {
        row["kind"]: (row["facts"], row["minor"] * (-1 if row["kind"] == "refunded" else 1))
        for row in stated
    }
    orders = world.book.orders.values()
    told: dict[str, tuple[int, int]] = {
        "placed": (len(orders), sum(one.placed_minor for one in orders)),
        "paid": (sum(one.was_paid for one in orders), sum(one.paid_minor for one in orders)),
    }
    warehouse, brand_id = Warehouse(world.house.urls.clickhouse), world.house.brand_id
    try:
        sales = await warehouse.ask(
            brand_id,
            """SELECT kind, count() AS facts, sum(minor) AS minor FROM sales FINAL
               WHERE brand = {brand:UUID} AND line = 0 GROUP BY kind""",
        )
        acts = await warehouse.ask(
            brand_id, "SELECT message_id FROM behaviour FINAL WHERE brand = {brand:UUID}"
        )
    finally:
        await warehouse.close()
    kept = {row["kind"]: (int(row["facts"]), int(row["minor"])) for row in sales}
    found = differing("sales (by the order book)", kept, book)
    told = {kind: facts for kind, facts in told.items() if facts[0]}
    found += differing(
        "sales (as told)",
        {kind: facts for kind, facts in kept.items() if kind in ("placed", "paid")},
        told,
    )
    messages = Counter(row["message_id"] for row in acts)
    return found + differing("message", messages, dict.fromkeys(world.book.messages, 1))


def figures(world: World) -> dict[str, int]:
    """Counts and sums of the run that depend on nothing but the seed: what a replay must reach again."""
    book = world.book
    orders = book.orders.values()
    return {
        "orders": len(orders), "placed_minor": sum(one.placed_minor for one in orders),
        "pieces": sum(line.quantity for one in orders for line in one.lines),
        "payments": len(book.settled), "received_minor": sum(book.settled.values()),
        "returned_minor": book.returned_minor, "on_hand": sum(book.on_hand.values()),
        "reserved": sum(book.reserved.values()), "messages": len(book.messages), "people": len(world.people),
        "notes": book.notes, "shipped": sum(line.shipped for one in orders for line in one.lines),
    }  # fmt: skip


def check_now(world: World) -> None:
    """What the book promises of itself at any time. Raises ``Wrong``."""
    for place, reserved in world.book.reserved.items():
        if not 0 <= reserved <= world.book.on_hand[place]:
            raise Wrong(
                f"the book itself says {reserved} of {world.book.on_hand[place]} are reserved at {place}"
            )
