"""Shipping, correcting, signing, picking up. The order is locked first, so that two desks cannot ship the same piece."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

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


_TRY = """
update pick_ups
set tries = case when last_try_at > $4 then tries else 0 end + (code <> $2)::int,
    last_try_at = case when code = $2 then last_try_at else $3 end
where order_id = $1 and (tries < $5 or last_try_at is null or last_try_at <= $4)
returning code = $2 as right, tries
"""


async def hand_over(database: Database, session: AsyncSession, order_id: UUID, code: str) -> None:
    """Verify a pick-up code and hand everything over.

    Each try is spent in a transaction of its own before anything else happens: guessing ends after five, however
    many guess at once, and a refusal does not give the try back. Raises ``WrongPickUpCode``,
    ``TooManyTries``, ``NotFound`` and what ``orders.mark_handed_over`` raises.
    """
    row = await session.get(PickUpRow, (brand_of(session), order_id))
    if row is None:
        raise NotFound(order_id=str(order_id))
    now = clock.now()
    async with database.raw(brand_of(session)) as own:
        tried = await own.fetchrow(_TRY, order_id, rules.typed(code), now, now - REST, TRIES)
    if tried is None:
        raise rules.TooManyTries(retry_after_s=int(REST.total_seconds()))
    if not tried["right"]:
        raise rules.WrongPickUpCode(left=TRIES - tried["tries"])
    await orders.mark_handed_over(session, order_id)
    row.handed_over_at = clock.now()
    await state(session, [PickedUp(order_id=order_id, store_id=row.store_id)])
