"""Refunds leave the house here, after the transaction that agreed to them."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.payments.actions import settle_refund
from siyu.goods.payments.events import RefundWanted
from siyu.goods.payments.ports import provider_named
from siyu.goods.payments.tables import PaymentRefundRow, PaymentRow
from siyu.kernel.events import on


@on(RefundWanted, outside=True, page=20)
async def send_refunds(session: AsyncSession, wanted: list[RefundWanted]) -> None:
    """Tell the providers, under the refund's id as key, and keep what they say."""
    rows = await session.execute(
        select(
            PaymentRefundRow.id,
            PaymentRefundRow.state,
            PaymentRow.provider,
            PaymentRow.id,
            PaymentRefundRow.amount_minor,
        )
        .join(
            PaymentRow,
            (PaymentRow.brand_id == PaymentRefundRow.brand_id)
            & (PaymentRow.id == PaymentRefundRow.payment_id),
        )
        .where(PaymentRefundRow.id.in_([event.refund_id for event in wanted]))
        .order_by(PaymentRefundRow.id)
    )
    for refund_id, state, provider, payment_id, amount_minor in rows.all():
        if state == "agreed":
            answer = await provider_named(provider).refund(refund_id, payment_id, amount_minor)
            await settle_refund(session, refund_id, answer)
