"""Refunds leave the house here, after the transaction that agreed to them."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.payments.actions import settle_refund
from siyu.goods.payments.events import RefundWanted
from siyu.goods.payments.ports import RefundAnswer, provider_named
from siyu.goods.payments.tables import PaymentRefundRow, PaymentRow
from siyu.kernel.events import Keep, on


@on(RefundWanted, outside=True, page=20)
async def send_refunds(session: AsyncSession, wanted: list[RefundWanted]) -> Sequence[Keep | None]:
    """Tell the providers, under the refund's id as key; what they say is kept once all were told."""
    rows = await session.execute(
        select(
            PaymentRefundRow.id,
            PaymentRow.provider,
            PaymentRow.id,
            PaymentRefundRow.amount_minor,
        )
        .join(
            PaymentRow,
            (PaymentRow.brand_id == PaymentRefundRow.brand_id)
            & (PaymentRow.id == PaymentRefundRow.payment_id),
        )
        .where(
            PaymentRefundRow.id.in_([event.refund_id for event in wanted]),
            PaymentRefundRow.state == "agreed",
        )
        .order_by(PaymentRefundRow.id)
    )
    keeps = {
        refund_id: partial(
            _keep,
            refund_id,
            await provider_named(provider).refund(refund_id, payment_id, amount_minor),
        )
        for refund_id, provider, payment_id, amount_minor in rows.all()
    }
    return [keeps.pop(event.refund_id, None) for event in wanted]


async def _keep(refund_id: UUID, answer: RefundAnswer, session: AsyncSession) -> None:
    await settle_refund(session, refund_id, answer)
