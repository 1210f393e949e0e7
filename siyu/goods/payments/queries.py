"""Reads of payments, by lists of payables."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.payments import rules
from siyu.goods.payments.tables import PaymentRefundRow, PaymentRow
from siyu.kernel.db import brand_of, driver_of
from siyu.kernel.errors import NotFound


class Paid(msgspec.Struct, frozen=True):
    """A payment of a payable; ``at`` is when it was settled, else begun."""

    id: UUID
    provider: str
    amount_minor: int
    state: str
    provider_reference: str
    at: datetime


class RefundMade(msgspec.Struct, frozen=True):
    """A refund on a payment of a payable; later attempts have the ``key`` of the first."""

    id: UUID
    payment_id: UUID
    key: str
    amount_minor: int
    state: str
    reason: str
    at: datetime


async def one(session: AsyncSession, payment_id: UUID, *, locked: bool = False) -> PaymentRow:
    """A payment, on request locked. Raises ``NotFound``."""
    row = await session.get(
        PaymentRow,
        (brand_of(session), payment_id),
        with_for_update=locked,
        populate_existing=locked,
    )
    if row is None:
        raise NotFound(payment_id=str(payment_id))
    return row


async def state_of(source: AsyncSession | asyncpg.Connection, payment_id: UUID) -> str:
    """What became of a payment so far, this transaction included. Raises ``NotFound``."""
    if isinstance(source, AsyncSession):
        await source.flush()
        connection = await driver_of(source)
    else:
        connection = source
    state = await connection.fetchval("select state from payments where id = $1", payment_id)
    if state is None:
        raise NotFound(payment_id=str(payment_id))
    return state


class AtCashier(msgspec.Struct, frozen=True):
    """A payment as its payer sees it."""

    amount_minor: int
    label: str
    payable_id: UUID
    state: str
    expires_at: datetime | None
    provider: str


async def at_cashier(
    connection: asyncpg.Connection, wanted: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], AtCashier]:
    """Payments by ``(payment, payer)``; somebody else's and unknown ones are absent."""
    rows = await connection.fetch(
        """select p.id, p.payer_id, p.amount_minor, p.payable_label, p.payable_id, p.state, p.expires_at, p.provider
           from unnest($1::uuid[], $2::uuid[]) as w(id, payer_id)
           join payments p on p.id = w.id and p.payer_id = w.payer_id""",
        [payment_id for payment_id, _ in wanted],
        [payer_id for _, payer_id in wanted],
    )
    return {(row["id"], row["payer_id"]): AtCashier(*list(row.values())[2:]) for row in rows}


async def of_payables(
    session: AsyncSession, kind: str, payable_ids: Sequence[UUID]
) -> dict[UUID, list[Paid]]:
    """Payments by payable, oldest first."""
    rows = await session.scalars(
        select(PaymentRow)
        .where(PaymentRow.payable_kind == kind, PaymentRow.payable_id.in_(list(payable_ids)))
        .order_by(PaymentRow.created_at, PaymentRow.id)
    )
    found: dict[UUID, list[Paid]] = defaultdict(list)
    for row in rows:
        found[row.payable_id].append(
            Paid(
                row.id,
                row.provider,
                row.amount_minor,
                row.state,
                row.provider_reference,
                row.settled_at or row.created_at,
            )
        )
    return found


async def refunds_of(
    session: AsyncSession, kind: str, payable_ids: Sequence[UUID]
) -> dict[UUID, list[RefundMade]]:
    """Refunds by payable, oldest first."""
    rows = await session.execute(
        select(PaymentRow.payable_id, PaymentRefundRow)
        .join(
            PaymentRow,
            (PaymentRow.brand_id == PaymentRefundRow.brand_id)
            & (PaymentRow.id == PaymentRefundRow.payment_id),
        )
        .where(PaymentRow.payable_kind == kind, PaymentRow.payable_id.in_(list(payable_ids)))
        .order_by(PaymentRefundRow.created_at, PaymentRefundRow.id)
    )
    found: dict[UUID, list[RefundMade]] = defaultdict(list)
    for payable_id, row in rows:
        found[payable_id].append(
            RefundMade(
                row.id,
                row.payment_id,
                rules.key_of(row.key),
                row.amount_minor,
                row.state,
                row.reason,
                row.settled_at or row.created_at,
            )
        )
    return found


async def refunds_on(
    session: AsyncSession, payment_ids: Sequence[UUID]
) -> dict[UUID, list[tuple[str, int]]]:
    """(state, amount) of the refunds on each payment."""
    rows = await session.execute(
        select(
            PaymentRefundRow.payment_id, PaymentRefundRow.state, PaymentRefundRow.amount_minor
        ).where(PaymentRefundRow.payment_id.in_(list(payment_ids)))
    )
    found: dict[UUID, list[tuple[str, int]]] = defaultdict(list)
    for payment_id, state, amount in rows:
        found[payment_id].append((state, amount))
    return found
