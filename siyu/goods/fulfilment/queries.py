"""Reads of parcels and pick-up codes, by lists of orders."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.fulfilment.rules import CARRIERS
from siyu.goods.fulfilment.tables import ParcelLineRow, ParcelRow, PickUpRow
from siyu.goods.orders import Fulfilled, ParcelLineOut, ParcelOut
from siyu.kernel.db import brand_of
from siyu.kernel.errors import NotFound


async def fulfilled(session: AsyncSession, order_ids: Iterable[UUID]) -> Mapping[UUID, Fulfilled]:
    """Parcels (oldest first) and pick-up codes by order; three questions (plugged into ``orders``)."""
    ids = list(order_ids)
    parcels = list(
        await session.scalars(
            select(ParcelRow)
            .where(ParcelRow.order_id.in_(ids))
            .order_by(ParcelRow.shipped_at, ParcelRow.id)
        )
    )
    inside: dict[UUID, list[ParcelLineOut]] = defaultdict(list)
    for line in await session.scalars(
        select(ParcelLineRow).where(ParcelLineRow.parcel_id.in_([parcel.id for parcel in parcels]))
    ):
        inside[line.parcel_id].append(ParcelLineOut(line.line_id, line.quantity))
    of_order: dict[UUID, list[ParcelOut]] = defaultdict(list)
    for p in parcels:
        of_order[p.order_id].append(
            ParcelOut(
                p.id,
                p.carrier,
                CARRIERS[p.carrier],
                p.tracking_number,
                inside[p.id],
                p.shipped_at,
                p.signed_at,
            )
        )
    codes = {
        row.order_id: row.code
        for row in await session.scalars(select(PickUpRow).where(PickUpRow.order_id.in_(ids)))
    }
    return {
        one: Fulfilled(tuple(of_order.get(one, ())), codes.get(one)) for one in {*of_order, *codes}
    }


async def parcel(session: AsyncSession, parcel_id: UUID) -> ParcelRow:
    """A parcel, locked. Raises ``NotFound``."""
    row = await session.get(ParcelRow, (brand_of(session), parcel_id), with_for_update=True)
    if row is None:
        raise NotFound(parcel_id=str(parcel_id))
    return row


async def order_of_parcel(session: AsyncSession, parcel_id: UUID) -> UUID:
    """The order a parcel belongs to. Raises ``NotFound``."""
    row = await session.get(ParcelRow, (brand_of(session), parcel_id))
    if row is None:
        raise NotFound(parcel_id=str(parcel_id))
    return row.order_id


async def parcels_of(session: AsyncSession, order_id: UUID) -> list[ParcelRow]:
    """An order's parcels, oldest first."""
    return list(
        await session.scalars(
            select(ParcelRow).where(ParcelRow.order_id == order_id).order_by(ParcelRow.shipped_at)
        )
    )
