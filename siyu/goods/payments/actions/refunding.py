"""Writes of refunds. Every step may be repeated: providers answer late, twice and out of order."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.payments import queries, rules
from siyu.goods.payments.actions import booking
from siyu.goods.payments.events import RefundFailed, RefundSucceeded, RefundWanted
from siyu.goods.payments.ports import RefundAnswer, RefundSettled, refund_hooks
from siyu.goods.payments.tables import PaymentRefundRow, PaymentRow
from siyu.kernel import clock
from siyu.kernel.db import driver_of
from siyu.kernel.events import state
from siyu.kernel.ids import new_id
from siyu.kernel.ledger import book_on


async def refund(
    session: AsyncSession,
    payable_kind: str,
    payable_id: UUID,
    amount_minor: int,
    *,
    key: str,
    reason: str,
    payment_id: UUID | None = None,
    without: Collection[UUID] = (),
) -> list[UUID]:
    """Agree to send money back over the payments of a payable; ids of the refunds. The same key does it once.

    Only from ``payment_id`` when that is given, else from all payments but ``without``, oldest first. The caller
    holds the lock on its payable, so refunds of one payable do not race. Raises ``MoreThanPaid``.
    """
    payments = list(
        await session.scalars(
            select(PaymentRow)
            .where(
                PaymentRow.payable_kind == payable_kind,
                PaymentRow.payable_id == payable_id,
                PaymentRow.state == "succeeded",
            )
            .order_by(PaymentRow.id)
            .with_for_update()
        )
    )
    ids = [payment.id for payment in payments]
    earlier = list(
        await session.scalars(
            select(PaymentRefundRow.id).where(
                PaymentRefundRow.payment_id.in_(ids), PaymentRefundRow.key == key
            )
        )
    )
    if earlier:
        return earlier
    if payment_id is not None:
        payments = [payment for payment in payments if payment.id == payment_id]
    payments = [payment for payment in payments if payment.id not in without]
    made = await queries.refunds_on(session, ids)
    left = [
        rules.left_to_refund(payment.amount_minor, made.get(payment.id, [])) for payment in payments
    ]
    rows = [
        _agreed(payment.id, key, part, reason)
        for payment, part in zip(payments, rules.spread(amount_minor, left), strict=True)
        if part
    ]
    return await _ask_for(session, rows)


async def refund_again(
    session: AsyncSession, payable_kind: str, payable_id: UUID, *, key: str
) -> list[UUID]:
    """Send the parts of a refund that failed once more, each as a new refund on its payment; ids of these.

    Empty when no part's last attempt has failed. The caller holds the lock on its payable. Raises ``MoreThanPaid``.
    """
    found = await queries.refunds_of(session, payable_kind, [payable_id])
    attempts: dict[UUID, list[queries.RefundMade]] = {}
    for one in found.get(payable_id, []):
        if one.key == key:
            attempts.setdefault(one.payment_id, []).append(one)
    failed = {
        payment_id: made for payment_id, made in attempts.items() if made[-1].state == "failed"
    }
    on = await queries.refunds_on(session, list(failed))
    rows: list[PaymentRefundRow] = []
    for payment_id, made in sorted(failed.items()):
        payment = await queries.one(session, payment_id, locked=True)
        left = rules.left_to_refund(payment.amount_minor, on[payment_id])
        if made[-1].amount_minor > left:
            raise rules.MoreThanPaid(left_minor=left)
        rows.append(
            _agreed(
                payment_id,
                rules.attempt(key, len(made) + 1),
                made[-1].amount_minor,
                made[-1].reason,
            )
        )
    return await _ask_for(session, rows)


def _agreed(payment_id: UUID, key: str, amount_minor: int, reason: str) -> PaymentRefundRow:
    return PaymentRefundRow(
        id=new_id(),
        payment_id=payment_id,
        key=key,
        amount_minor=amount_minor,
        state="agreed",
        reason=reason,
        created_at=clock.now(),
    )


async def _ask_for(session: AsyncSession, rows: Sequence[PaymentRefundRow]) -> list[UUID]:
    session.add_all(rows)
    await session.flush()
    await state(
        session,
        [
            RefundWanted(refund_id=row.id, payment_id=row.payment_id, amount_minor=row.amount_minor)
            for row in rows
        ],
    )
    return [row.id for row in rows]


async def settle_refund(session: AsyncSession, refund_id: UUID, answer: RefundAnswer) -> None:
    """Keep what the provider said of a refund and tell the payable's owner; again changes nothing."""
    row = await session.scalar(
        select(PaymentRefundRow).where(PaymentRefundRow.id == refund_id).with_for_update()
    )
    if row is None or row.state == "succeeded":
        return
    payment = await queries.one(session, row.payment_id)
    row.state = "succeeded" if answer.done else "failed"
    row.provider_reference, row.error, row.settled_at = (
        answer.reference,
        answer.error[:500],
        clock.now(),
    )
    await session.flush()
    facts: dict[str, Any] = {
        "refund_id": row.id, "payment_id": payment.id, "payable_kind": payment.payable_kind,
        "payable_id": payment.payable_id, "amount_minor": row.amount_minor,
    }  # fmt: skip
    (event_id,) = await state(
        session, [RefundSucceeded(**facts) if answer.done else RefundFailed(**facts)]
    )
    if answer.done:
        posting = booking.went_back(
            row.id, payment.payable_id, payment.provider, payment.currency, row.amount_minor, event_id
        )  # fmt: skip
        await book_on(await driver_of(session), [posting])
    if hook := refund_hooks.get(payment.payable_kind):
        await hook(
            session,
            [
                RefundSettled(
                    row.id,
                    payment.id,
                    payment.payable_id,
                    rules.key_of(row.key),
                    row.amount_minor,
                    answer.done,
                )
            ],
        )
