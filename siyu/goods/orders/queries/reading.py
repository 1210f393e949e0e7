"""Reads of single orders and their parts, by lists of ids."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.orders.rules import RefundableLine
from siyu.goods.orders.tables import OrderLineRow, OrderRow, RefundLineRow, RefundRow
from siyu.kernel.db import brand_of, driver_of
from siyu.kernel.errors import NotFound
from siyu.people.customers import Purchases

Source = AsyncSession | asyncpg.Connection


async def connection_of(source: Source) -> asyncpg.Connection:
    """The asyncpg connection behind either kind of source."""
    return await driver_of(source) if isinstance(source, AsyncSession) else source


async def locked(session: AsyncSession, order_ids: Iterable[UUID]) -> list[OrderRow]:
    """Orders locked until the transaction ends, always in the order of their ids; unknown ones are absent."""
    rows = await session.scalars(
        select(OrderRow)
        .where(OrderRow.id.in_(list(order_ids)))
        .order_by(OrderRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def lock(session: AsyncSession, order_id: UUID) -> OrderRow:
    """One order, locked. Raises ``NotFound``."""
    found = await locked(session, [order_id])
    if not found:
        raise NotFound(order_id=str(order_id))
    return found[0]


async def one(session: AsyncSession, order_id: UUID) -> OrderRow:
    """One order. Raises ``NotFound``."""
    row = await session.get(OrderRow, (brand_of(session), order_id))
    if row is None:
        raise NotFound(order_id=str(order_id))
    return row


async def lines_of(
    session: AsyncSession, order_ids: Iterable[UUID]
) -> dict[UUID, list[OrderLineRow]]:
    """Lines by order, in the order in which they were asked for."""
    rows = await session.scalars(
        select(OrderLineRow)
        .where(OrderLineRow.order_id.in_(list(order_ids)))
        .order_by(OrderLineRow.order_id, OrderLineRow.line_id)
        .execution_options(populate_existing=True)
    )
    found: dict[UUID, list[OrderLineRow]] = defaultdict(list)
    for row in rows:
        found[row.order_id].append(row)
    return found


def refundable(line: OrderLineRow) -> RefundableLine:
    """A line as the refund rule needs it."""
    return RefundableLine(
        line.line_id,
        line.quantity,
        line.line_minor,
        line.refunded_quantity,
        line.shipped_quantity,
        line.released_quantity,
    )


class RefundSeen(Struct, frozen=True):
    """A refund with its lines."""

    row: RefundRow
    lines: list[RefundLineRow]


async def refunds_of(session: AsyncSession, order_id: UUID) -> list[RefundSeen]:
    """Refunds of an order, oldest first."""
    rows = list(
        await session.scalars(
            select(RefundRow)
            .where(RefundRow.order_id == order_id)
            .order_by(RefundRow.agreed_at, RefundRow.id)
        )
    )
    lines: dict[UUID, list[RefundLineRow]] = defaultdict(list)
    if rows:
        for line in await session.scalars(
            select(RefundLineRow).where(RefundLineRow.order_id == order_id)
        ):
            lines[line.refund_id].append(line)
    return [RefundSeen(row, lines[row.id]) for row in rows]


async def figures(session: AsyncSession, customer_ids: Iterable[UUID]) -> dict[UUID, Purchases]:
    """Purchase figures by customer, over paid orders that were not taken back whole; absent for those who never paid."""
    rows = await session.execute(
        select(
            OrderRow.customer_id,
            func.count().filter(OrderRow.state != "refunded"),
            func.sum(OrderRow.paid_minor - OrderRow.refunded_minor),
            func.max(OrderRow.placed_at),
        )
        .where(OrderRow.customer_id.in_(list(customer_ids)), OrderRow.paid_at.is_not(None))
        .group_by(OrderRow.customer_id)
    )
    return {row[0]: Purchases(row[1], int(row[2]), row[3]) for row in rows}


class Brief(Struct, frozen=True):
    """What those who write to a buyer about an order need of it."""

    id: UUID
    number: str
    customer_id: UUID
    currency: str
    state: str


async def briefs(session: AsyncSession, order_ids: Iterable[UUID]) -> dict[UUID, Brief]:
    """Orders in brief, by id; unknown ones are absent."""
    rows = await session.execute(
        select(
            OrderRow.id, OrderRow.number, OrderRow.customer_id, OrderRow.currency, OrderRow.state
        ).where(OrderRow.id.in_(list(order_ids)))
    )
    return {row[0]: Brief(*row) for row in rows}


async def pick_up_stores(session: AsyncSession, order_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The store that hands out each order; only paid pick-up orders are in it."""
    rows = await session.execute(
        select(OrderRow.id, OrderRow.pick_up_store_id).where(
            OrderRow.id.in_(list(order_ids)),
            OrderRow.delivery == "pick_up",
            OrderRow.state.in_(("paid", "ready")),
        )
    )
    return {order_id: store_id for order_id, store_id in rows if store_id is not None}


async def orders_by_link(session: AsyncSession, link_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many orders came through each link, whatever became of them; absent for none."""
    rows = await session.execute(
        select(OrderRow.link_id, func.count())
        .where(OrderRow.link_id.in_(list(link_ids)))
        .group_by(OrderRow.link_id)
    )
    return {link_id: count for link_id, count in rows if link_id is not None}


async def state_counts(source: Source, customer_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """How many orders customers have in each state, by customer; absent for those without orders."""
    connection = await connection_of(source)
    rows = await connection.fetch(
        """select customer_id, state, count(*) from orders where customer_id = any($1::uuid[])
           group by customer_id, state""",
        list(customer_ids),
    )
    found: dict[UUID, dict[str, int]] = {}
    for customer_id, state, count in rows:
        found.setdefault(customer_id, {})[state] = count
    return found


async def under_way(session: AsyncSession, customer_id: UUID) -> int:
    """How many orders of a customer are not over yet: not paid, not received, or with a refund that is on its way."""
    return int(
        await (await driver_of(session)).fetchval(
            """select count(*) from orders o where customer_id = $1 and (
                   state in ('unpaid', 'paid', 'shipped', 'ready')
                   or exists (select from order_refunds r where r.order_id = o.id and r.state in ('agreed', 'sent')))""",
            customer_id,
        )
    )


async def overdue(
    connection: asyncpg.Connection, placed_at: Sequence[datetime], at: datetime, limit: int
) -> list[UUID]:
    """Unpaid orders that were placed at these instants and were to be paid by ``at``.

    The orders of a batch share their instant, so this reads exactly them. Needs index (brand_id, state, placed_at, id).
    """
    rows = await connection.fetch(
        """select id from orders where state = 'unpaid' and placed_at = any($1::timestamptz[]) and pay_by <= $2
           order by placed_at, id limit $3""",
        list(placed_at),
        at,
        limit,
    )
    return [row["id"] for row in rows]
