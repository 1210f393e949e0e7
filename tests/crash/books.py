"""Comparing what people were told with what the house has written down."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from siyu.insight import tracking
from siyu.insight.warehouse import Warehouse, WarehouseAway
from siyu.kernel.checks import run_checks
from tests.crash.crowd import Crowd
from tests.crash.house import SOON_S, House

_BOOK = """
select (select count(*) from orders) as orders,
       (select count(distinct (customer_id, request_key)) from orders) as keys,
       (select count(distinct number) from orders) as numbers,
       (select count(*) from order_lines) as lines,
       (select count(*) from events where kind = 'orders.placed/1') as placed_events,
       (select count(distinct subject) from events where kind = 'orders.placed/1') as placed_subjects,
       (select count(*) from stock_movements where kind = 'reserved') as movements,
       (select coalesce(sum(delta_reserved), 0)::bigint from stock_movements where kind = 'reserved') as moved,
       (select coalesce(sum(reserved), 0)::bigint from stock_levels) as reserved
"""
_PAID = """
select (select count(*) from orders where state = 'paid' and paid_minor = total_minor) as orders,
       (select count(*) from payments where state = 'succeeded') as payments,
       (select count(distinct payable_id) from payments where state = 'succeeded') as payables,
       (select count(*) from events where kind = 'orders.paid/1') as paid_events,
       (select count(*) from events where kind = 'payments.succeeded/1') as succeeded_events
"""
_NEVER = """
select (select count(*) from payment_refunds) as refunds,
       (select count(*) from payments where state <> 'succeeded') as open_payments,
       (select count(*) from parked_events) as parked
"""


async def _row(crowd: Crowd, sql: str) -> dict[str, Any]:
    async with crowd.house.stack.database.raw(crowd.stall.brand_id) as connection:
        return dict(await connection.fetchrow(sql))


async def compare(crowd: Crowd) -> None:
    """Every acknowledged order, payment and message is in the books once, and nothing else is. Raises ``AssertionError``."""
    await crowd.house.connect()
    assert not crowd.wrong, (crowd.wrong[:3], crowd.house.last_words())
    assert crowd.placed and all(len(ids) == 1 for ids in crowd.placed.values()), crowd.placed
    acknowledged = {id for ids in crowd.placed.values() for id in ids}
    book = await _row(crowd, _BOOK)
    assert set(book.values()) == {len(acknowledged)} == {len(crowd.placed)}, (
        book,
        len(acknowledged),
    )
    async with crowd.house.stack.database.raw(crowd.stall.brand_id) as connection:
        kept = {
            str(row["id"]): (row["customer_id"], row["request_key"])
            for row in await connection.fetch("select id, customer_id, request_key from orders")
        }
    told = {id: key for key, ids in crowd.placed.items() for id in ids}
    assert kept == told, "each order stands under the key that was told of it"
    paid = await _row(crowd, _PAID)
    assert set(paid.values()) == {len(crowd.paid)}, (paid, len(crowd.paid))
    await caught_up(crowd)
    never = await _row(crowd, _NEVER)
    assert not any(never.values()), never
    broken = await run_checks(crowd.house.stack.database, crowd.stall.brand_id)
    assert not broken, broken


async def caught_up(crowd: Crowd, within_s: float = SOON_S) -> float:
    """Wait until the warehouse has exactly what was acknowledged, and that it stays so; how long it took in seconds."""
    wanted = {"placed": len(crowd.placed), "paid": len(crowd.paid), "messages": crowd.messages}
    began = time.monotonic()
    found: dict[str, int] | None = None
    warehouse = Warehouse(crowd.house.stack.urls.clickhouse)
    try:
        while found != wanted or await waiting(crowd.house):
            assert time.monotonic() - began < within_s, (found, wanted, crowd.house.last_words())
            with suppress(WarehouseAway):  # it is being started again
                found = await _in_warehouse(crowd, warehouse)
            await asyncio.sleep(0.2)
        return time.monotonic() - began
    finally:
        await warehouse.close()


async def waiting(house: House) -> bool:
    """Whether something is spooled for the warehouse or not heard yet."""
    if await tracking.backlog(house.stack.database):
        return True
    return not await house.stack.settled(within_s=0.01)


async def _in_warehouse(crowd: Crowd, warehouse: Warehouse) -> dict[str, int]:
    brand = crowd.stall.brand_id
    sales = await warehouse.ask(
        brand,
        """SELECT kind, count() AS rows, uniqExact(order_id) AS orders FROM sales FINAL
           WHERE brand = {brand:UUID} AND line = 0 GROUP BY kind""",
    )
    (acts,) = await warehouse.ask(
        brand,
        """SELECT count() AS rows, uniqExact(message_id) AS messages FROM behaviour FINAL
           WHERE brand = {brand:UUID}""",
    )
    found = {"placed": 0, "paid": 0, "messages": int(acts["messages"])}
    assert acts["rows"] == acts["messages"], acts
    for row in sales:
        assert row["rows"] == row["orders"], row
        found[row["kind"]] = int(row["rows"])
    return found
