"""Money and pieces that go back, out of the frozen allocation."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import payments
from siyu.goods.orders import queries
from siyu.goods.orders.actions import booking
from siyu.goods.orders.actions.stating import (
    kept_reason,
    move_stock,
    of_order,
    watch_receipt,
)
from siyu.goods.orders.events import ExtraPaymentReturned, Piece, RefundAgreed, RefundSettled
from siyu.goods.orders.rules import (
    Refunding,
    RefundNotFailed,
    WrongState,
    everything_left,
    may_refund,
    refund,
)
from siyu.goods.orders.tables import OrderLineRow, OrderRow, RefundLineRow, RefundRow
from siyu.kernel import clock
from siyu.kernel.db import actor_of, brand_of, driver_of
from siyu.kernel.errors import NotFound
from siyu.kernel.events import state
from siyu.kernel.ids import new_id
from siyu.kernel.ledger import book_on


async def agree_refund(
    session: AsyncSession,
    order_id: UUID,
    quantities: Mapping[UUID, int],
    *,
    freight_minor: int = 0,
    reason: str,
    restock: bool,
) -> RefundRow:
    """Refund pieces of lines and some freight of a paid order.

    Pieces that were not shipped become free again; shipped ones go back on the shelf when ``restock``. Freight that
    was kept can still go back when all pieces have.
    Raises ``NotFound``, ``WrongState``, ``NothingLeftToRefund``. Refunds of one order wait for each other.
    """
    row = await queries.lock(session, order_id)
    freight_left = row.freight_minor - row.freight_refunded_minor
    if not may_refund(row.state, freight_left_minor=freight_left):  # pyright: ignore[reportArgumentType]
        raise WrongState(state=row.state)
    lines = (await queries.lines_of(session, [order_id]))[order_id]
    refunding = refund(
        map(queries.refundable, lines),
        quantities,
        freight_minor=freight_minor,
        freight_left_minor=freight_left,
    )
    kept = await kept_reason(session, row, queries.REASON, reason)
    return await _give_back(session, row, lines, refunding, kept=kept, restock=restock)


async def give_back_everything(
    session: AsyncSession,
    row: OrderRow,
    lines: Sequence[OrderLineRow],
    *,
    kept: str,
    held: bool = True,
) -> RefundRow:
    """Refund all that is left of a locked order, freight included. ``held`` = its pieces are reserved.

    ``kept``: the reason as it is kept, a code or what ``kept_reason`` made.
    """
    freight_left = row.freight_minor - row.freight_refunded_minor
    plain = [queries.refundable(line) for line in lines]
    refunding = refund(
        plain, everything_left(plain), freight_minor=freight_left, freight_left_minor=freight_left
    )
    return await _give_back(session, row, lines, refunding, kept=kept, restock=True, held=held)


async def _give_back(
    session: AsyncSession,
    row: OrderRow,
    lines: Sequence[OrderLineRow],
    refunding: Refunding,
    *,
    kept: str,
    restock: bool,
    held: bool = True,
) -> RefundRow:
    by_id = {line.line_id: line for line in lines}
    made = await _write(session, row, by_id, refunding, kept=kept, restock=restock)
    row.refunded_minor += refunding.amount_minor
    row.freight_refunded_minor += refunding.freight_minor
    row.version += 1
    whole = all(line.refunded_quantity == line.quantity for line in lines)
    ends = whole and row.state != "refunded"
    if whole:
        row.state = "refunded"
    await session.flush()
    if held:
        released = {row.id: {one.line_id: one.released for one in refunding.lines}}
        await move_stock(session, [row], {row.id: lines}, released, kind="released", reserved=-1)
    if restock:
        back = {row.id: {one.line_id: one.quantity - one.released for one in refunding.lines}}
        await move_stock(session, [row], {row.id: lines}, back, kind="returned", on_hand=1)
    await watch_receipt(session, row, lines)
    if refunding.amount_minor:
        await payments.refund(
            session,
            "order",
            row.id,
            refunding.amount_minor,
            key=str(made.id),
            reason="order_refund",
            without=await _returned(session, row.id),
        )
    event = RefundAgreed(
        **of_order(row),
        refund_id=made.id,
        currency=row.currency,
        amount_minor=refunding.amount_minor,
        freight_minor=refunding.freight_minor,
        whole=ends,
        lines=tuple(
            Piece(
                one.line_id,
                by_id[one.line_id].sku_id,
                by_id[one.line_id].product_id,
                one.quantity,
                one.amount_minor,
            )
            for one in refunding.lines
        ),
        paid_at=row.paid_at,
    )
    await _book(session, row, refunding, made.id, await state(session, [event]))
    return made


async def _book(
    session: AsyncSession, row: OrderRow, refunding: Refunding, refund_id: UUID, told: list[UUID]
) -> None:
    amounts = (refunding.amount_minor, refunding.freight_minor)
    booked = booking.refunded(row.id, refund_id, row.currency, *amounts, told[0])
    await book_on(await driver_of(session), booked)


async def _write(
    session: AsyncSession,
    row: OrderRow,
    lines: Mapping[UUID, OrderLineRow],
    refunding: Refunding,
    *,
    kept: str,
    restock: bool,
) -> RefundRow:
    made = RefundRow(
        id=new_id(), order_id=row.id, amount_minor=refunding.amount_minor, freight_minor=refunding.freight_minor,
        reason=kept, state="agreed" if refunding.amount_minor else "succeeded", restock=restock, extra=False,
        agreed_at=clock.now(), agreed_by=actor_of(session).name,
    )  # fmt: skip
    session.add(made)
    await session.flush()
    for one in refunding.lines:
        line = lines[one.line_id]
        line.refunded_quantity += one.quantity
        line.refunded_minor += one.amount_minor
        line.released_quantity += one.released
        session.add(
            RefundLineRow(
                refund_id=made.id,
                order_id=row.id,
                line_id=one.line_id,
                quantity=one.quantity,
                amount_minor=one.amount_minor,
            )
        )
    return made


async def _returned(session: AsyncSession, order_id: UUID) -> set[UUID]:
    """Payments that went back whole because the order did not need them; whether they arrived or not."""
    ids = await session.scalars(
        select(RefundRow.payment_id).where(RefundRow.order_id == order_id, RefundRow.extra)
    )
    return {payment_id for payment_id in ids if payment_id is not None}


async def return_payment(
    session: AsyncSession, row: OrderRow, payment_id: UUID, amount_minor: int
) -> None:
    """Send back a payment that the order does not need. It counts neither as paid nor as refunded."""
    made = RefundRow(
        id=new_id(), order_id=row.id, amount_minor=amount_minor, freight_minor=0, reason="extra_payment",
        state="agreed", restock=False, extra=True, payment_id=payment_id, agreed_at=clock.now(), agreed_by="",
    )  # fmt: skip
    session.add(made)
    await session.flush()
    await payments.refund(
        session,
        "order",
        row.id,
        amount_minor,
        key=str(made.id),
        reason="extra_payment",
        payment_id=payment_id,
    )
    event = ExtraPaymentReturned(
        order_id=row.id, payment_id=payment_id, refund_id=made.id, amount_minor=amount_minor
    )
    (event_id,) = await state(session, [event])
    booked = booking.not_needed(row.id, made.id, row.currency, amount_minor, event_id)
    await book_on(await driver_of(session), booked)


async def send_again(session: AsyncSession, order_id: UUID, refund_id: UUID) -> RefundRow:
    """Ask the provider once more for a refund that it refused. Raises ``NotFound``, ``RefundNotFailed``."""
    await queries.lock(session, order_id)
    row = await session.get(
        RefundRow, (brand_of(session), refund_id), with_for_update=True, populate_existing=True
    )
    if row is None or row.order_id != order_id:
        raise NotFound(refund_id=str(refund_id))
    if row.state != "failed" or not await payments.refund_again(
        session, "order", order_id, key=str(refund_id)
    ):
        raise RefundNotFailed(state=row.state)
    row.state = "agreed"
    await session.flush()
    return row


async def note_refund_settled(
    session: AsyncSession, settled: Sequence[payments.RefundSettled]
) -> None:
    """Keep what the providers said. A refund spread over several payments has succeeded when all parts have."""
    made = await payments.refunds_of(session, "order", list({one.payable_id for one in settled}))
    for one in settled:
        row = await session.get(RefundRow, (brand_of(session), UUID(one.key)), with_for_update=True)
        if row is None:
            raise NotFound(refund_id=one.key)
        # On each payment the last attempt counts: parts come oldest first.
        parts = [part for part in made.get(one.payable_id, []) if part.key == one.key]
        states = set({part.payment_id: part.state for part in parts}.values())
        before = row.state
        row.state = (
            "failed" if "failed" in states else "succeeded" if states == {"succeeded"} else "sent"
        )
        await session.flush()
        if row.state != before and row.state in ("succeeded", "failed"):
            event = RefundSettled(
                order_id=row.order_id,
                refund_id=row.id,
                amount_minor=row.amount_minor,
                state=row.state,
            )
            await state(session, [event])
