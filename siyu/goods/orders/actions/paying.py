"""How an order comes to be paid: in time, late, twice, or with another amount."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import payments, stock
from siyu.goods.orders import queries
from siyu.goods.orders.actions.refunding import give_back_everything, return_payment
from siyu.goods.orders.actions.stating import held_pieces, move_stock, of_order, pieces
from siyu.goods.orders.events import OrderPaid
from siyu.goods.orders.ports import plugs
from siyu.goods.orders.rules import SHIP_WITHIN, WrongState, take
from siyu.goods.orders.tables import OrderLineRow, OrderRow
from siyu.kernel import clock
from siyu.kernel.db import driver_of
from siyu.kernel.errors import NotFound
from siyu.kernel.events import state


async def begin_payment(
    session: AsyncSession, order_id: UUID, customer_id: UUID
) -> tuple[UUID, str]:
    """Start (or go on with) paying an unpaid order: the payment, and the path of its cashier or of the order.

    An order that costs nothing is paid by this call. Raises ``NotFound``, ``WrongState``.
    """
    row = await queries.lock(session, order_id)
    queries.check_owner(row, customer_id)
    if row.state != "unpaid" or row.pay_by <= clock.now():
        raise WrongState(state=row.state)
    if row.total_minor == 0:
        await mark_paid(session, [payments.Settled(row.id, row.id, 0, "none")])
        return row.id, f"/pages/paid/index?id={row.id}"
    payment_id = await payments.start(
        session, "order", row.id, row.total_minor, label=row.number, provider=plugs.payment_provider,
        payer_id=customer_id, expires_at=row.pay_by,
    )  # fmt: skip
    provider = payments.provider_named(plugs.payment_provider)
    instruction = await provider.begin(payment_id, row.total_minor, row.number)
    return payment_id, instruction.cashier_path


async def mark_paid(session: AsyncSession, settled: Sequence[payments.Settled]) -> None:
    """Payments have arrived, in this transaction.

    Unpaid orders become paid. A cancelled one takes its pieces again if they are free, else everything goes
    back. A payment of another amount, or a second one, is returned whole. Raises ``NotFound``.
    """
    rows = {
        row.id: row for row in await queries.locked(session, {one.payable_id for one in settled})
    }
    lines = await queries.lines_of(session, rows)
    for one in settled:
        row = rows.get(one.payable_id)
        if row is None:
            raise NotFound(order_id=str(one.payable_id))
        if (
            row.state not in ("unpaid", "cancelled")
            or row.paid_at is not None
            or one.amount_minor != row.total_minor
        ):
            await return_payment(session, row, one.payment_id, one.amount_minor)
            continue
        late = row.state == "cancelled"
        holds = not late or await _take_again(session, row, lines[row.id])
        row.state = "ready" if row.delivery == "pick_up" else "paid"
        now = clock.now()
        row.paid_at, row.paid_minor = now, row.total_minor
        row.ship_by = now + SHIP_WITHIN if row.delivery == "express" else None
        row.version += 1
        if late and holds:
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
            late=late,
        )
        await state(session, [event])
        if not holds:
            await give_back_everything(
                session, row, lines[row.id], reason="sold_out_meanwhile", held=False
            )


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
