"""How unpaid orders end, and how fulfilled ones do."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import payments
from siyu.goods.orders import queries
from siyu.goods.orders.actions.refunding import give_back_everything
from siyu.goods.orders.actions.stating import (
    COMPLETE,
    UNPAID,
    held_pieces,
    kept_reason,
    move_stock,
    of_order,
    pieces,
    watch,
)
from siyu.goods.orders.events import OrderCancelled, OrderCompleted
from siyu.goods.orders.rules import NotCancellable, WrongState, advance
from siyu.goods.orders.tables import OrderRow
from siyu.kernel import clock, timers
from siyu.kernel.db import driver_of
from siyu.kernel.events import state
from siyu.kernel.ids import new_id

_SET, _ROUNDS = 500, 3


async def cancel(
    session: AsyncSession, order_id: UUID, *, by: str, reason: str, customer_id: UUID | None = None
) -> OrderRow:
    """End an order before anything was shipped: unpaid ones are cancelled, paid ones refunded whole.

    ``customer_id``: only if the order is that customer's. Raises ``NotFound``, ``NotCancellable``.
    """
    row = await queries.lock(session, order_id)
    queries.check_owner(row, customer_id)
    kept = await kept_reason(session, row, queries.REASON, reason)
    if row.state == "unpaid":
        await _cancel_unpaid(session, [row], by=by, reason=kept)
        return row
    # What is paid may have another payment under way; that is given up too.
    await payments.close(session, "order", [order_id])
    lines = (await queries.lines_of(session, [order_id]))[order_id]
    if row.state not in ("paid", "ready") or any(line.shipped_quantity for line in lines):
        raise NotCancellable(state=row.state)
    row.cancelled_at, row.cancel_reason = clock.now(), kept
    await give_back_everything(session, row, lines, kept=kept)
    return row


async def cancel_overdue(session: AsyncSession, placed_at: Sequence[datetime]) -> int:
    """Cancel orders that were placed at these instants and not paid in time, in sets; how many.

    Puts a timer when there are more than fit into one short transaction.
    """
    ended = 0
    for _ in range(_ROUNDS):
        ids = await queries.overdue(await driver_of(session), placed_at, clock.now(), _SET)
        rows = [
            row
            for row in await queries.locked(session, ids)
            if row.state == "unpaid" and row.pay_by <= clock.now()
        ]
        await _cancel_unpaid(session, rows, by="timeout", reason="")
        ended += len(rows)
        if len(ids) < _SET:
            return ended
    for moment in placed_at:
        await timers.put(session, UNPAID, new_id(), clock.now(), watch(moment))
    return ended


async def _cancel_unpaid(
    session: AsyncSession, rows: Sequence[OrderRow], *, by: str, reason: str
) -> None:
    if not rows:
        return
    ids = [row.id for row in rows]
    await payments.close(session, "order", ids)
    now = clock.now()
    await session.execute(
        update(OrderRow)
        .where(OrderRow.id.in_(ids))
        .values(
            state="cancelled",
            cancelled_at=now,
            cancel_reason=reason or by,
            version=OrderRow.version + 1,
        ),
        execution_options={"synchronize_session": False},
    )
    lines = await queries.lines_of(session, ids)
    released = {row.id: held_pieces(lines[row.id]) for row in rows}
    await move_stock(session, rows, lines, released, kind="released", reserved=-1)
    await state(
        session,
        [
            OrderCancelled(
                **of_order(row), by=by, total_minor=row.total_minor, lines=pieces(lines[row.id])
            )
            for row in rows
        ],
    )
    for row in rows:
        await session.refresh(row)


async def complete(
    session: AsyncSession, order_id: UUID, *, by: str, customer_id: UUID | None = None
) -> OrderRow:
    """The buyer has everything. Raises ``NotFound``, ``WrongState`` while pieces have not been handed over."""
    row = await queries.lock(session, order_id)
    queries.check_owner(row, customer_id)
    if row.state == "completed":
        return row
    lines = (await queries.lines_of(session, [order_id]))[order_id]
    if row.state not in ("shipped", "ready", "paid") or held_pieces(lines):
        raise WrongState(state=row.state)
    row.state = advance(row.state, "completed")  # pyright: ignore[reportArgumentType]
    row.completed_at = clock.now()
    row.version += 1
    await session.flush()
    await timers.drop(session, COMPLETE, [order_id])
    event = OrderCompleted(
        **of_order(row), by=by, total_minor=row.total_minor, refunded_minor=row.refunded_minor
    )
    await state(session, [event])
    return row


async def complete_if_all_arrived(session: AsyncSession, order_id: UUID) -> bool:
    """Every parcel was signed for: the order is complete, unless pieces are still to be sent or it has moved on."""
    row = await queries.lock(session, order_id)
    if row.state != "shipped" or held_pieces(
        (await queries.lines_of(session, [order_id]))[order_id]
    ):
        return False
    await complete(session, order_id, by="carrier")
    return True


async def complete_overdue(session: AsyncSession, order_ids: Sequence[UUID]) -> None:
    """Complete orders that were shipped long ago; those that have moved on are left alone."""
    for row in await queries.locked(session, order_ids):
        if row.state == "shipped" and not held_pieces(
            (await queries.lines_of(session, [row.id]))[row.id]
        ):
            await complete(session, row.id, by="timeout")
