"""How an order comes to be paid: in time, late, twice, or with another amount."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import payments, stock
from siyu.goods.orders import queries
from siyu.goods.orders.actions import booking
from siyu.goods.orders.actions.refunding import give_back_everything, return_payment
from siyu.goods.orders.actions.stating import held_pieces, move_stock, of_order, pieces
from siyu.goods.orders.events import OrderPaid, Piece
from siyu.goods.orders.ports import plugs
from siyu.goods.orders.rules import SHIP_WITHIN, WrongState, take
from siyu.goods.orders.tables import OrderLineRow, OrderRow
from siyu.kernel import clock
from siyu.kernel.db import SYSTEM, Actor, actor_of, driver_of
from siyu.kernel.errors import NotFound, Refusal
from siyu.kernel.events import state, state_on
from siyu.kernel.ledger import Posting, book_on

_TO_PAY = """
select id, number, state, customer_id, total_minor, pay_by, currency from orders where id = any($1::uuid[]) order by id for update
"""


class PayAsked(Struct, frozen=True):
    """A customer wants to pay an order."""

    order_id: UUID
    customer_id: UUID
    actor: Actor


class ToPay(Struct, frozen=True):
    """A payment that was started: what its provider is to be told once the transaction is over.

    ``payment_id`` is ``None`` for an order that costs nothing: ``pay_nothing`` is for it.
    """

    payment_id: UUID | None
    provider: str
    amount_minor: int
    label: str


async def start_payments(
    connection: asyncpg.Connection, asked: Sequence[PayAsked]
) -> list[ToPay | Refusal]:
    """Start (or go on with) paying unpaid orders, by position. No provider is spoken to: commit first.

    Refusals: ``NotFound``, also for somebody else's order, and ``WrongState``.
    """
    rows = {
        row["id"]: row
        for row in await connection.fetch(_TO_PAY, sorted({one.order_id for one in asked}))
    }
    now, provider = clock.now(), plugs.payment_provider
    wanted: dict[UUID, payments.Asked] = {}
    for one in asked:
        row = rows.get(one.order_id)
        if row is not None and row["customer_id"] == one.customer_id and _is_payable(row, now):
            wanted[one.order_id] = payments.Asked(
                payable_kind="order", payable_id=one.order_id, amount_minor=row["total_minor"], provider=provider,
                label=row["number"], payer_id=one.customer_id, expires_at=row["pay_by"], currency=row["currency"],
                actor=one.actor,
            )  # fmt: skip
    costing = {id: one for id, one in wanted.items() if one.amount_minor > 0}
    started = (
        dict(zip(costing, await payments.start(connection, list(costing.values())), strict=True))
        if costing
        else {}
    )
    answers: list[ToPay | Refusal] = []
    for one in asked:
        row = rows.get(one.order_id)
        if row is None or row["customer_id"] != one.customer_id:
            answers.append(NotFound(order_id=str(one.order_id)))
        elif one.order_id not in wanted:
            answers.append(WrongState(state=row["state"]))
        else:
            answers.append(
                ToPay(started.get(one.order_id), provider, row["total_minor"], row["number"])
            )
    return answers


def _is_payable(row: asyncpg.Record, now: datetime) -> bool:
    return row["state"] == "unpaid" and row["pay_by"] > now


async def pay_nothing(session: AsyncSession, order_id: UUID) -> None:
    """An order that costs nothing is paid by asking to pay it. Raises ``NotFound``, ``WrongState``."""
    row = await queries.lock(session, order_id)
    if row.state != "unpaid" or row.total_minor != 0:
        raise WrongState(state=row.state)
    await mark_paid(session, [payments.Settled(row.id, row.id, 0, "none")])


_PAY = """
update orders o
set state = case when o.delivery = 'pick_up' then 'ready' else 'paid' end, paid_at = $3, paid_minor = o.total_minor,
    ship_by = case when o.delivery = 'express' then $4::timestamptz end, version = o.version + 1
from unnest($1::uuid[], $2::bigint[]) as p(order_id, amount_minor)
where o.id = p.order_id and o.state = 'unpaid' and o.paid_at is null and o.total_minor = p.amount_minor
returning o.id, o.customer_id, o.source, o.scene, o.store_id, o.guide_id, o.link_id, o.currency, o.paid_minor,
          o.freight_minor
"""
_PIECES = """
select order_id, line_id, sku_id, product_id, quantity, line_minor from order_lines
where order_id = any($1::uuid[]) order by order_id, line_id
"""


async def mark_paid(source: queries.Source, settled: Sequence[payments.Settled]) -> list[Posting]:
    """Payments have arrived, in this transaction; what is to be booked of the usual ones.

    Unpaid orders become paid. One that was cancelled because its time was over takes its pieces again if they are
    free, else everything goes back. A payment of another amount, a second one, or one of an order that somebody
    cancelled is returned whole. Raises ``NotFound``; on a bare connection
    ``payments.NeedsSession`` when it is more than the usual case.
    """
    connection = await queries.connection_of(source)
    actor = actor_of(source) if isinstance(source, AsyncSession) else SYSTEM
    first = {one.payable_id: one for one in reversed(settled)}
    now = clock.now()
    # The usual case, in sets. Locks are taken in the order of ids as everywhere.
    await connection.execute(
        "select from orders where id = any($1::uuid[]) order by id for update", sorted(first)
    )
    rows = await connection.fetch(
        _PAY, list(first), [one.amount_minor for one in first.values()], now, now + SHIP_WITHIN
    )
    paid = {row["id"]: row for row in rows}
    booked: list[Posting] = []
    if paid:
        bought: dict[UUID, list[Piece]] = {order_id: [] for order_id in paid}
        for line in await connection.fetch(_PIECES, list(paid)):
            bought[line["order_id"]].append(Piece(*line[1:]))
        told = await state_on(
            connection,
            [
                OrderPaid(
                    order_id=row["id"],
                    **{name: row[name] for name in _OF_ORDER},
                    payment_id=first[row["id"]].payment_id,
                    currency=row["currency"],
                    paid_minor=row["paid_minor"],
                    freight_minor=row["freight_minor"],
                    paid_at=now,
                    lines=tuple(bought[row["id"]]),
                )
                for row in rows
            ],
            actor=actor,
        )
        for row, event_id in zip(rows, told, strict=True):
            booked += booking.paid(
                row["id"], row["currency"], row["paid_minor"], row["freight_minor"], event_id
            )
    others = [one for one in settled if one.payable_id not in paid or one != first[one.payable_id]]
    if others:
        if not isinstance(source, AsyncSession):
            raise payments.NeedsSession([one.payment_id for one in others])
        await _unusual(source, others)
    return booked


_OF_ORDER = ("customer_id", "source", "scene", "store_id", "guide_id", "link_id")


async def _unusual(session: AsyncSession, settled: Sequence[payments.Settled]) -> None:
    """Payments that come too late, twice, or with another amount."""
    rows = {
        row.id: row for row in await queries.locked(session, {one.payable_id for one in settled})
    }
    lines = await queries.lines_of(session, rows)
    timed_out = await _timed_out(session, rows)
    for one in settled:
        row = rows.get(one.payable_id)
        if row is None:
            raise NotFound(order_id=str(one.payable_id))
        if (
            row.state != "cancelled"
            or row.id not in timed_out
            or row.paid_at is not None
            or one.amount_minor != row.total_minor
        ):
            await return_payment(session, row, one.payment_id, one.amount_minor)
            continue
        holds = await _take_again(session, row, lines[row.id])
        row.state = "ready" if row.delivery == "pick_up" else "paid"
        now = clock.now()
        row.paid_at, row.paid_minor = now, row.total_minor
        row.ship_by = now + SHIP_WITHIN if row.delivery == "express" else None
        row.version += 1
        if holds:
            row.cancelled_at, row.cancel_reason = None, ""
        await session.flush()
        event = OrderPaid(
            **of_order(row),
            payment_id=one.payment_id,
            currency=row.currency,
            paid_minor=row.paid_minor,
            freight_minor=row.freight_minor,
            paid_at=now,
            lines=pieces(lines[row.id]),
            late=True,
        )
        (event_id,) = await state(session, [event])
        await book_on(
            await driver_of(session),
            booking.paid(row.id, row.currency, row.paid_minor, row.freight_minor, event_id),
        )
        if not holds:
            await give_back_everything(
                session, row, lines[row.id], kept="sold_out_meanwhile", held=False
            )


_ENDED_BY = """
select distinct on (subject) subject, data ->> 'by' as by from events
where subject = any($1::uuid[]) and kind = 'orders.cancelled/1' order by subject, seq desc
"""


async def _timed_out(session: AsyncSession, order_ids: Collection[UUID]) -> set[UUID]:
    """Of these orders, those whose last cancelling was the time-out's and nobody's wish."""
    rows = await (await driver_of(session)).fetch(_ENDED_BY, list(order_ids))
    return {row["subject"] for row in rows if row["by"] == "timeout"}


async def _take_again(session: AsyncSession, row: OrderRow, lines: Sequence[OrderLineRow]) -> bool:
    """Reserve the pieces of a cancelled order once more; False when they are not free any more."""
    wanted: dict[tuple[UUID, UUID], int] = {}
    for line in lines:
        place = (line.sku_id, row.location_id)
        wanted[place] = wanted.get(place, 0) + line.quantity
    levels = await stock.lock_levels(await driver_of(session), wanted)
    free = {place: level.free for place, level in levels.items()}
    if take(free, wanted) is not None:
        return False
    await move_stock(
        session, [row], {row.id: lines}, {row.id: held_pieces(lines)}, kind="reserved", reserved=1
    )
    return True
