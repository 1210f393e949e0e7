"""Places follow the organisation: a warehouse from the brand's first moment, a stock room for each store."""

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import catalogue
from siyu.goods.catalogue import ProductChanged
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
    await connection.execute(
        "update stock_locations set unit_id = $2 where id = $1", location_id, made.hq_id
    )


@on(UnitChanged, history=True)
async def follow_stores(session: AsyncSession, changed: list[UnitChanged]) -> None:
    """A store's stock room bears its name and offers pick-up when the store does."""
    connection = await driver_of(session)
    for unit in (await brands.units(session, [event.unit_id for event in changed])).values():
        if unit.kind == "store":
            location_id = await actions.store_location(session, unit.id, unit.name)
            await actions.describe_location(
                connection, location_id, unit.name, pick_up=unit.pick_up and not unit.closed
            )


@on(ProductChanged, history=True)
async def open_balances(session: AsyncSession, changed: list[ProductChanged]) -> None:
    """Every SKU has a balance online, even if zero, so that the stock list shows it."""
    connection = await driver_of(session)
    skus = await catalogue.active_skus(
        connection, {event.product_id for event in changed if not event.deleted}
    )
    if skus:
        location_id = await actions.online_location(connection)
        await actions.open_levels(connection, [(sku, location_id) for sku in skus])
