"""Shipping, correcting, signing, picking up. The order is locked first, so that two desks cannot ship the same piece."""

import hmac
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import orders
from siyu.goods.fulfilment import queries, rules
from siyu.goods.fulfilment.events import ParcelChanged, ParcelShipped, ParcelSigned, PickedUp
from siyu.goods.fulfilment.tables import ParcelLineRow, ParcelRow, PickUpRow
from siyu.kernel import clock
from siyu.kernel.db import Database, brand_of
from siyu.kernel.errors import NotFound
from siyu.kernel.events import state
from siyu.kernel.ids import new_id

TRIES, REST = 5, timedelta(minutes=10)


async def ship(
    session: AsyncSession, order_id: UUID, quantities: Mapping[UUID, int], carrier: str, number: str
) -> UUID:
    """Hand pieces (by line) to a carrier; the parcel's id.

    Raises ``UnknownCarrier``, ``BadTrackingNumber``, ``TooManyParcels`` and what ``orders.mark_shipped`` raises.
    """
    carrier, number = rules.checked_parcel(carrier, number)
    await orders.mark_shipped(session, order_id, quantities)
    if len(await queries.parcels_of(session, order_id)) >= rules.MAX_PARCELS:
        raise rules.TooManyParcels
    row = ParcelRow(
        id=new_id(),
        order_id=order_id,
        carrier=carrier,
        tracking_number=number,
        shipped_at=clock.now(),
    )
    session.add(row)
    await session.flush()
    session.add_all(
        ParcelLineRow(parcel_id=row.id, line_id=line, quantity=n) for line, n in quantities.items()
    )
    await session.flush()
    event = ParcelShipped(
        order_id=order_id,
        parcel_id=row.id,
        carrier=carrier,
        tracking_number=number,
        quantity=sum(quantities.values()),
    )
    await state(session, [event])
    return row.id


async def correct(session: AsyncSession, parcel_id: UUID, carrier: str, number: str) -> UUID:
    """Correct a parcel's carrier or number; its order. Raises ``AlreadySigned``, ``UnknownCarrier``, ``BadTrackingNumber``."""
    carrier, number = rules.checked_parcel(carrier, number)
    row = await queries.parcel(session, parcel_id)
    if row.signed_at is not None:
        raise rules.AlreadySigned(parcel_id=str(parcel_id))
    row.carrier, row.tracking_number = carrier, number
    event = ParcelChanged(
        order_id=row.order_id, parcel_id=row.id, carrier=carrier, tracking_number=number
    )
    await state(session, [event])
    return row.order_id


async def sign(session: AsyncSession, parcel_id: UUID) -> UUID:
    """A parcel arrived; its order, which is complete when all its pieces have arrived. Raises ``AlreadySigned``."""
    order_id = await queries.order_of_parcel(session, parcel_id)
    row = await queries.parcel(session, parcel_id)
    if row.signed_at is not None:
        raise rules.AlreadySigned(parcel_id=str(parcel_id))
    row.signed_at = clock.now()
    await session.flush()
    await state(session, [ParcelSigned(order_id=order_id, parcel_id=parcel_id)])
    parcels = await queries.parcels_of(session, order_id)
    if all(one.signed_at is not None for one in parcels):
        await orders.complete_if_all_arrived(session, order_id)
    return order_id


async def hand_over(database: Database, session: AsyncSession, order_id: UUID, code: str) -> None:
    """Verify a pick-up code and hand everything over.

    A wrong code is counted in a transaction of its own, so that guessing ends after five. Raises ``WrongPickUpCode``,
    ``TooManyTries``, ``NotFound`` and what ``orders.mark_handed_over`` raises.
    """
    row = await session.get(PickUpRow, (brand_of(session), order_id))
    if row is None:
        raise NotFound(order_id=str(order_id))
    resting = row.last_try_at is not None and clock.now() - row.last_try_at < REST
    if row.tries >= TRIES and resting:
        raise rules.TooManyTries(retry_after_s=int(REST.total_seconds()))
    if not hmac.compare_digest(rules.typed(code).encode(), row.code.encode()):
        await _count_try(database, brand_of(session), order_id, again=not resting)
        raise rules.WrongPickUpCode(left=max(0, TRIES - 1 - (row.tries if resting else 0)))
    await orders.mark_handed_over(session, order_id)
    row.handed_over_at = clock.now()
    await state(session, [PickedUp(order_id=order_id, store_id=row.store_id)])


async def _count_try(database: Database, brand_id: UUID, order_id: UUID, *, again: bool) -> None:
    async with database.brand(brand_id) as own:
        await own.execute(
            update(PickUpRow)
            .where(PickUpRow.order_id == order_id)
            .values(tries=1 if again else PickUpRow.tries + 1, last_try_at=clock.now())
        )
