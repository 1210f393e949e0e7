"""Writes of payments: asked for, settled, failed, given up. Providers call back late, twice and out of order."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.payments import queries, rules
from siyu.goods.payments.actions import booking
from siyu.goods.payments.events import (
    PaymentFailed,
    PaymentStarted,
    PaymentSucceeded,
    WrongAmountReported,
)
from siyu.goods.payments.ports import NeedsSession, Settled, settled_hooks
from siyu.goods.payments.tables import PaymentRow
from siyu.kernel import clock
from siyu.kernel.batching import Spoiled
from siyu.kernel.db import SYSTEM, Actor, actor_of, driver_of
from siyu.kernel.errors import NotFound, Refusal
from siyu.kernel.events import state, state_on
from siyu.kernel.ids import new_id
from siyu.kernel.lanes import rounds
from siyu.kernel.ledger import Posting, book_on

Source = AsyncSession | asyncpg.Connection


async def _connection_of(source: Source) -> asyncpg.Connection:
    return await driver_of(source) if isinstance(source, AsyncSession) else source


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Money that is asked for. ``label`` is what the payer reads."""

    payable_kind: str
    payable_id: UUID
    amount_minor: int
    provider: str
    label: str
    payer_id: UUID | None = None
    expires_at: datetime | None = None
    currency: str = "CNY"
    actor: Actor = SYSTEM


_UNDER_WAY = """
select distinct on (w.position) w.position, p.id
from unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[])
     with ordinality as w(payable_kind, payable_id, amount_minor, provider, position)
join payments p on p.payable_kind = w.payable_kind and p.payable_id = w.payable_id and p.state = 'started'
     and p.amount_minor = w.amount_minor and p.provider = w.provider
order by w.position
"""
_START = """
insert into payments (id, payable_kind, payable_id, amount_minor, provider, payable_label, payer_id, expires_at, currency, created_at,
                      state, provider_reference)
select *, $10, 'started', '' from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[], $5::text[], $6::text[],
                                        $7::uuid[], $8::timestamptz[], $9::text[])
"""


async def start(source: Source, asked: Sequence[Asked]) -> list[UUID]:
    """Begin payments, each of another payable; their ids by position.

    One that is under way for the same amount and provider is given again. Raises ``NothingToPay``.
    """
    for one in asked:
        if one.amount_minor <= 0:
            raise rules.NothingToPay(amount_minor=one.amount_minor)
    connection = await _connection_of(source)
    under_way = {
        row["position"] - 1: row["id"]
        for row in await connection.fetch(
            _UNDER_WAY,
            [one.payable_kind for one in asked],
            [one.payable_id for one in asked],
            [one.amount_minor for one in asked],
            [one.provider for one in asked],
        )
    }
    ids = [under_way.get(at) or new_id() for at in range(len(asked))]
    new = [(ids[at], one) for at, one in enumerate(asked) if at not in under_way]
    if new:
        await connection.execute(
            _START,
            [id for id, _ in new],
            [one.payable_kind for _, one in new],
            [one.payable_id for _, one in new],
            [one.amount_minor for _, one in new],
            [one.provider for _, one in new],
            [one.label for _, one in new],
            [one.payer_id for _, one in new],
            [one.expires_at for _, one in new],
            [one.currency for _, one in new],
            clock.now(),
        )
        events = [
            PaymentStarted(
                payment_id=id,
                payable_kind=one.payable_kind,
                payable_id=one.payable_id,
                provider=one.provider,
                amount_minor=one.amount_minor,
            )
            for id, one in new
        ]
        await state_on(connection, events, actor=[one.actor for _, one in new])
    return ids


class Arrived(msgspec.Struct, frozen=True):
    """A provider says that this much has come for a payment."""

    payment_id: UUID
    amount_minor: int
    reference: str


class Seen(msgspec.Struct, frozen=True):
    """What became of a provider's news: whether it was new, and the payment's state after it."""

    new: bool
    state: str


_LOCK = """
select id, state, amount_minor, payable_kind, payable_id, provider, currency from payments
where id = any($1::uuid[]) and state <> 'succeeded' order by id for update
"""
"""What has succeeded stays so, and is not waited for: whoever returns money holds it."""
_READ = """
select id, state, amount_minor, payable_kind, payable_id, provider, currency from payments where id = any($1::uuid[])
"""
_SETTLE = """
update payments p set state = 'succeeded', provider_reference = w.reference, settled_at = $3
from unnest($1::uuid[], $2::text[]) as w(id, reference) where p.id = w.id
"""


async def settle(source: Source, arrived: Sequence[Arrived]) -> list[Seen | Refusal]:
    """Providers say that these were paid, by position. The payables are told in the same transaction.

    Refusals: ``NotFound``, ``WrongAmount``. On a bare connection raises ``Spoiled`` with ``NeedsSession`` for those
    whose payables' owners need more than that.
    """
    answers: dict[int, Seen | Refusal] = {}
    for group in rounds([(one.payment_id,) for one in arrived]):
        answers.update(await _settle(source, {at: arrived[at] for at in group}))
    return [answers[at] for at in range(len(arrived))]


async def _settle(source: Source, arrived: dict[int, Arrived]) -> dict[int, Seen | Refusal]:
    connection = await _connection_of(source)
    actor = actor_of(source) if isinstance(source, AsyncSession) else SYSTEM
    ids = [one.payment_id for one in arrived.values()]
    rows = {row["id"]: row for row in await connection.fetch(_LOCK, ids)}
    if missing := [id for id in ids if id not in rows]:
        rows |= {row["id"]: row for row in await connection.fetch(_READ, missing)}
    answers: dict[int, Seen | Refusal] = {}
    new: dict[int, Settled] = {}
    for at, one in arrived.items():
        row = rows.get(one.payment_id)
        if row is None:
            answers[at] = NotFound(payment_id=str(one.payment_id))
        elif not rules.takes_effect(row["state"]):
            answers[at] = Seen(new=False, state=row["state"])
        elif one.amount_minor != row["amount_minor"]:
            answers[at] = rules.WrongAmount(
                asked_minor=row["amount_minor"], paid_minor=one.amount_minor
            )
        else:
            answers[at] = Seen(new=True, state="succeeded")
            new[at] = Settled(row["id"], row["payable_id"], row["amount_minor"], row["provider"])
    if new:
        ids = [one.payment_id for one in new.values()]
        await connection.execute(_SETTLE, ids, [arrived[at].reference for at in new], clock.now())
        kinds = [rows[id]["payable_kind"] for id in ids]
        events = [
            PaymentSucceeded(
                payment_id=one.payment_id, payable_kind=kind, payable_id=one.payable_id, provider=one.provider,
                amount_minor=one.amount_minor,
            )
            for one, kind in zip(new.values(), kinds, strict=True)
        ]  # fmt: skip
        told = await state_on(connection, events, actor=actor)
        booked = [
            booking.came(id, one.payable_id, one.provider, rows[id]["currency"], one.amount_minor, event_id)
            for id, one, event_id in zip(ids, new.values(), told, strict=True)
        ]  # fmt: skip
        for kind in dict.fromkeys(kinds):
            booked += await _tell(source, kind, {at: one for at, one in new.items() if rows[one.payment_id]["payable_kind"] == kind})  # fmt: skip
        await book_on(connection, booked)
    return answers


async def _tell(source: Source, kind: str, new: dict[int, Settled]) -> Sequence[Posting]:
    """Tell the owner of these payables; who cannot be served on a bare connection spoils the batch."""
    if hook := settled_hooks.get(kind):
        try:
            return await hook(source, list(new.values()))
        except NeedsSession as needs:
            raise Spoiled(
                {at: needs for at, one in new.items() if one.payment_id in needs.payment_ids}
            ) from needs
    return []


_NOTED = """
select exists (select from events where subject = $1 and kind = 'payments.wrong_amount/1'
               and data ->> 'payment_id' = $2::text and (data ->> 'paid_minor')::bigint = $3)
"""


async def note_wrong_amount(
    connection: asyncpg.Connection, payment_id: UUID, paid_minor: int
) -> None:
    """Leave an event behind about a payment that came with another amount, one for each amount."""
    row = await connection.fetchrow(f"{_READ} for update", [payment_id])
    assert row is not None
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
