"""Writes of payments. Every step may be repeated: providers call back late, twice and out of order."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.payments import queries, rules
from siyu.goods.payments.events import (
    PaymentFailed,
    PaymentStarted,
    PaymentSucceeded,
    RefundFailed,
    RefundSucceeded,
    RefundWanted,
    WrongAmountReported,
)
from siyu.goods.payments.ports import (
    NeedsSession,
    RefundAnswer,
    RefundSettled,
    Settled,
    refund_hooks,
    settled_hooks,
)
from siyu.goods.payments.tables import PaymentRefundRow, PaymentRow
from siyu.kernel import clock
from siyu.kernel.db import SYSTEM, Actor, Database, actor_of, driver_of
from siyu.kernel.errors import NotFound
from siyu.kernel.events import state, state_on
from siyu.kernel.ids import new_id

Source = AsyncSession | asyncpg.Connection
log = structlog.get_logger("siyu.payments")


async def _of(source: Source, actor: Actor) -> tuple[asyncpg.Connection, Actor]:
    """The connection, and who acts: a session names its own."""
    if isinstance(source, AsyncSession):
        return await driver_of(source), actor_of(source)
    return source, actor


_UNDER_WAY = """
select id from payments where payable_kind = $1 and payable_id = $2 and state = 'started' and amount_minor = $3
and provider = $4 limit 1
"""
_START = """
insert into payments (id, payable_kind, payable_id, amount_minor, provider, payable_label, payer_id, expires_at, created_at,
                      state, provider_reference)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'started', '')
"""


async def start(
    source: Source,
    payable_kind: str,
    payable_id: UUID,
    amount_minor: int,
    *,
    label: str,
    provider: str,
    payer_id: UUID | None = None,
    expires_at: datetime | None = None,
    actor: Actor = SYSTEM,
) -> UUID:
    """Begin a payment; its id. One that is under way for the same amount and provider is given again.

    On a session its own actor acts. Raises ``NothingToPay``.
    """
    if amount_minor <= 0:
        raise rules.NothingToPay(amount_minor=amount_minor)
    connection, actor = await _of(source, actor)
    asked = payable_kind, payable_id, amount_minor, provider
    under_way = await connection.fetchval(_UNDER_WAY, *asked)
    if under_way is not None:
        return under_way
    payment_id = new_id()
    await connection.execute(_START, payment_id, *asked, label, payer_id, expires_at, clock.now())
    event = PaymentStarted(
        payment_id=payment_id,
        payable_kind=payable_kind,
        payable_id=payable_id,
        provider=provider,
        amount_minor=amount_minor,
    )
    await state_on(connection, [event], actor=actor)
    return payment_id


_LOCK = """
select state, amount_minor, payable_kind, payable_id, provider from payments where id = $1 for update
"""
_SETTLE = "update payments set state = 'succeeded', provider_reference = $2, settled_at = $3 where id = $1"


async def arrived(
    database: Database, brand_id: UUID, payment_id: UUID, *, amount_minor: int, reference: str
) -> bool:
    """``settle`` in a transaction of its own, as a provider's call back wants it.

    Raises ``NotFound``, ``WrongAmount``; the latter leaves an event behind, one for each amount.
    """
    try:
        async with database.raw(brand_id) as connection:
            return await settle(
                connection, payment_id, amount_minor=amount_minor, reference=reference
            )
    except NeedsSession:  # rolled back, so from the start
        async with database.brand(brand_id) as session:
            return await settle(session, payment_id, amount_minor=amount_minor, reference=reference)
    except rules.WrongAmount:  # rolled back too: what is to stay is written by itself
        async with database.raw(brand_id) as connection:
            await _note_wrong_amount(connection, payment_id, amount_minor)
        raise


_NOTED = """
select exists (select from events where subject = $1 and kind = 'payments.wrong_amount/1'
               and data ->> 'payment_id' = $2::text and (data ->> 'paid_minor')::bigint = $3)
"""


async def _note_wrong_amount(
    connection: asyncpg.Connection, payment_id: UUID, paid_minor: int
) -> None:
    row = await connection.fetchrow(_LOCK, payment_id)
    noted = await connection.fetchval(_NOTED, row["payable_id"], str(payment_id), paid_minor)
    if not noted:
        event = WrongAmountReported(
            payable_id=row["payable_id"],
            payable_kind=row["payable_kind"],
            payment_id=payment_id,
            provider=row["provider"],
            asked_minor=row["amount_minor"],
            paid_minor=paid_minor,
        )
        await state_on(connection, [event], actor=SYSTEM)


async def settle(source: Source, payment_id: UUID, *, amount_minor: int, reference: str) -> bool:
    """The provider says it was paid; whether this news was new. The payable is told in the same transaction.

    Raises ``NotFound``, ``WrongAmount``; on a bare connection ``NeedsSession`` when the payable's owner needs more.
    """
    connection, actor = await _of(source, SYSTEM)
    row = await connection.fetchrow(_LOCK, payment_id)
    if row is None:
        raise NotFound(payment_id=str(payment_id))
    if not rules.takes_effect(row["state"]):
        return False
    if amount_minor != row["amount_minor"]:
        raise rules.WrongAmount(asked_minor=row["amount_minor"], paid_minor=amount_minor)
    await connection.execute(_SETTLE, payment_id, reference, clock.now())
    _, amount_minor, kind, payable_id, provider = row
    event = PaymentSucceeded(
        payment_id=payment_id, payable_kind=kind, payable_id=payable_id, provider=provider, amount_minor=amount_minor,
    )  # fmt: skip
    await state_on(connection, [event], actor=actor)
    if hook := settled_hooks.get(kind):
        await hook(source, [Settled(payment_id, payable_id, amount_minor, provider)])
    return True


async def fail(session: AsyncSession, payment_id: UUID) -> bool:
    """The provider says no; whether that changed anything (a paid one stays paid)."""
    row = await queries.one(session, payment_id, locked=True)
    if row.state != "started":
        return False
    row.state = "failed"
    event = PaymentFailed(
        payment_id=row.id,
        payable_kind=row.payable_kind,
        payable_id=row.payable_id,
        provider=row.provider,
    )
    await state(session, [event])
    return True


async def close(session: AsyncSession, payable_kind: str, payable_ids: Sequence[UUID]) -> None:
    """Give up payments under way for these payables (cancelled, or the price changed).

    The caller holds the lock on its payables, so none is started meanwhile. One that is settled at this moment is
    left to that: its transaction holds the payment and waits for the payable, and must not be waited for.
    """
    under_way = (
        select(PaymentRow.id)
        .where(
            PaymentRow.payable_kind == payable_kind,
            PaymentRow.payable_id.in_(list(payable_ids)),
            PaymentRow.state == "started",
        )
        .order_by(PaymentRow.id)
        .with_for_update(skip_locked=True)
    )
    ids = list(await session.scalars(under_way))
    if ids:
        await session.execute(
            update(PaymentRow).where(PaymentRow.id.in_(ids)).values(state="closed")
        )


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
    await state(session, [RefundSucceeded(**facts) if answer.done else RefundFailed(**facts)])
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
