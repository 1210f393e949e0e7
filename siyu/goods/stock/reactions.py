"""Places follow the organisation: a warehouse from the brand's first moment, a stock room for each store."""

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.stock import actions
from siyu.kernel.db import driver_of
from siyu.kernel.events import on
from siyu.people import brands
from siyu.people.brands import Founding, UnitChanged, founding


@founding
async def open_warehouse(session: AsyncSession, made: Founding) -> None:
    """Each brand has a warehouse that serves online orders."""
    location_id = await actions.online_location(session)
    connection = await driver_of(session)
    await connection.execute("update stock_locations set unit_id = $2 where id = $1", location_id, made.hq_id)


@on(UnitChanged, history=True)
async def follow_stores(session: AsyncSession, changed: list[UnitChanged]) -> None:
    """A store's stock room bears its name and offers pick-up when the store does."""
    connection = await driver_of(session)
    for unit in (await brands.units(session, [event.unit_id for event in changed])).values():
        if unit.kind == "store":
            location_id = await actions.store_location(session, unit.id, unit.name)
            await actions.describe_location(connection, location_id, unit.name, pick_up=unit.pick_up and not unit.closed)
