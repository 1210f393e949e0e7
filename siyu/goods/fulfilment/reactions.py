"""A paid pick-up order gets its code."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import orders
from siyu.goods.fulfilment import (
    rules,
    telling,  # noqa: F401 – registers the timeline's sentences
)
from siyu.goods.fulfilment.events import PickUpReady
from siyu.goods.fulfilment.tables import PickUpRow
from siyu.goods.orders import OrderPaid
from siyu.kernel.db import brand_of
from siyu.kernel.events import on, state


@on(OrderPaid)
async def give_codes(session: AsyncSession, paid: list[OrderPaid]) -> None:
    """Draw a code for each order that is to be picked up; one that has a code keeps it."""
    stores = await orders.pick_up_stores(session, [event.order_id for event in paid])
    if not stores:
        return
    rows = [
        {
            "brand_id": brand_of(session),
            "order_id": order_id,
            "store_id": store_id,
            "code": rules.draw_code(),
            "tries": 0,
        }
        for order_id, store_id in stores.items()
    ]
    made = await session.scalars(
        insert(PickUpRow).values(rows).on_conflict_do_nothing().returning(PickUpRow.order_id)
    )
    fresh = list(made)
    await state(session, [PickUpReady(order_id=one, store_id=stores[one]) for one in fresh])
