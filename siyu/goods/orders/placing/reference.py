"""What the same rows cost bare: the writing statements of a batch alone, to measure the whole way against."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from siyu.goods import stock
from siyu.goods.catalogue import Sellable, sellable
from siyu.goods.orders.actions.stating import UNPAID, watch
from siyu.goods.orders.placing.batch import BY_INDEX
from siyu.goods.orders.placing.costing import Prices
from siyu.goods.orders.placing.deciding import Draft, Ground, decide
from siyu.goods.orders.placing.wanted import Wanted
from siyu.goods.orders.placing.writing import free_numbers, write_orders
from siyu.kernel import clock, events, timers
from siyu.kernel.ids import new_id
from siyu.people.customers import Address

Statement = tuple[str, tuple[Any, ...]]


class _Recorder:
    """Stands where a connection does and keeps the statements instead of sending them."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []

    async def execute(self, sql: str, *values: Any) -> None:
        """Keep a statement."""
        self.statements.append((sql, values))

    async def fetchrow(self, sql: str, *values: Any) -> tuple[int, None]:
        """Keep a statement whose row says how much was written."""
        self.statements.append((sql, values))
        return len(values[0]), None


async def reference_batch(
    connection: asyncpg.Connection, sku_id: UUID, customer_ids: Sequence[UUID], count: int
) -> list[Statement]:
    """The statements that write ``count`` orders of one piece, with fresh keys, ids and numbers.

    Orders, lines, stock, movements, events and the deadline: the very rows of the whole way, without reading, locking or
    deciding. Send them on a brand-bound connection with ``run_reference``; only that is to be timed.
    """
    goods = await sellable(connection, [sku_id])
    levels = await stock.online(connection, [sku_id])
    numbers = await free_numbers(connection, clock.now().date(), count)
    drafts = _drafts(goods[sku_id], levels[sku_id].location_id, customer_ids, count)
    placed_at = clock.now()
    pay_by = placed_at + timedelta(minutes=15)
    recorder: Any = _Recorder()
    written = await write_orders(
        recorder, drafts, numbers, placed_at=placed_at, pay_by=pay_by, currency="CNY"
    )
    await stock.apply_movements(recorder, written.movements)
    await events.state_on(recorder, written.events)
    await timers.put_on(recorder, UNPAID, [new_id()], [pay_by], [watch(placed_at)])
    return recorder.statements


async def run_reference(connection: asyncpg.Connection, statements: Sequence[Statement]) -> None:
    """Send the statements of a reference batch, inside the caller's transaction."""
    await connection.execute(BY_INDEX)
    for sql, values in statements:
        await connection.execute(sql, *values)


def _drafts(
    sku: Sellable, location_id: UUID, customer_ids: Sequence[UUID], count: int
) -> list[Draft]:
    address = Address(new_id(), "王小明", "13800138000", "330106", "文三路 100 号")
    owners = [customer_ids[at % len(customer_ids)] for at in range(count)]
    wanted = [
        Wanted(
            owner,
            new_id().hex,
            new_id().hex,
            ((sku.sku_id, 1),),
            "express",
            address.id,
            None,
            "",
            sku.price_minor,
            False,
            "",
        )
        for owner in owners
    ]
    ground = Ground(
        Prices({sku.sku_id: sku}, {}, []),
        {(sku.sku_id, location_id): count},
        location_id,
        {},
        {(owner, address.id): address for owner in owners},
        {},
        {},
    )
    drafts = [one for one in decide(wanted, ground) if isinstance(one, Draft)]
    assert len(drafts) == count, "the goods of a reference batch must be on sale"
    return drafts
