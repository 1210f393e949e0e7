"""What orders do when others speak: deadlines, payments that arrive, guests who sign in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import payments
from siyu.goods.orders import actions, queries
from siyu.goods.orders.actions.stating import COMPLETE, UNPAID
from siyu.kernel import timers
from siyu.kernel.db import driver_of
from siyu.kernel.events import Heard, on
from siyu.kernel.ledger import Posting
from siyu.kernel.timers import Timer
from siyu.people import customers


@timers.due(UNPAID)
async def close_unpaid(session: AsyncSession, due: list[Timer]) -> None:
    """Unpaid orders whose time is over are cancelled and their pieces freed, in sets."""
    await actions.cancel_overdue(
        session, sorted({datetime.fromisoformat(timer.data["placed_at"]) for timer in due})
    )


@timers.due(COMPLETE)
async def close_received(session: AsyncSession, due: list[Timer]) -> None:
    """Orders that were shipped long ago count as received."""
    await actions.complete_overdue(session, [timer.subject for timer in due])


@payments.on_settled("order")
async def take_payments(
    source: queries.Source, settled: list[payments.Settled]
) -> Sequence[Posting]:
    """Payments of orders have arrived, in the payment's own transaction."""
    return await actions.mark_paid(source, settled)


@payments.on_refund_settled("order")
async def take_refund_news(session: AsyncSession, settled: list[payments.RefundSettled]) -> None:
    """Providers have answered to refunds."""
    await actions.note_refund_settled(session, settled)


@customers.on_sign_in
async def bring_carts(
    connection: asyncpg.Connection, signed_in: Sequence[tuple[UUID, UUID]]
) -> None:
    """Carts survive the sign-in."""
    await actions.merge_carts(connection, signed_in)


@on(payments.WrongAmountReported, history=True, whole=True)
async def keep_wrong_amounts(session: AsyncSession, heard: Sequence[Heard]) -> None:
    """An order for which another amount was reported waits for somebody to compare, until a note is written."""
    events: list[tuple[Any, datetime]] = [(one.event, one.occurred_at) for one in heard]
    reported = [(event, at) for event, at in events if event.payable_kind == "order"]
    await (await driver_of(session)).executemany(
        """insert into order_wrong_amounts (payment_id, paid_minor, order_id, asked_minor, reported_at)
           values ($1, $2, $3, $4, $5) on conflict do nothing""",
        [
            (event.payment_id, event.paid_minor, event.payable_id, event.asked_minor, at)
            for event, at in reported
        ],
    )
