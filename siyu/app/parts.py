"""What a process makes when it opens: the warehouse's client, the tracking intake, the payment providers."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.app.demo.year import CHANNELS
from siyu.goods.payments import SANDBOX, Sandbox
from siyu.goods.payments import plug_in as plug_in_provider
from siyu.insight.tracking import Intake
from siyu.insight.tracking.http import Tracking
from siyu.insight.warehouse import Warehouse, WarehouseAway, prepare
from siyu.insight.warehouse import reactions as warehouse_reactions
from siyu.people.customers import Touch
from siyu.scenes import links
from siyu.scenes.links.http import Opening

Close = Callable[[], Awaitable[Any]]


async def open_warehouse(runtime: Any) -> Close:
    """The client of the analysis engine; its tables are made now, or by the worker when it is away."""
    warehouse = Warehouse(runtime.urls.clickhouse)
    runtime.parts["warehouse"] = warehouse
    warehouse_reactions.plug_in(warehouse)
    with suppress(WarehouseAway):  # the worker prepares it when it is back
        await prepare(warehouse)
    return warehouse.close


async def open_tracking(runtime: Any) -> Close:
    """The intake of this process and its doors."""
    intake = Intake(runtime.database)
    runtime.parts["tracking"] = Tracking(runtime.database, intake, runtime.parts["news"])
    return intake.close


async def open_payments(runtime: Any) -> None:
    """The sandbox's cashier exists in the demo profile only."""
    if runtime.is_demo:
        for name in (
            SANDBOX,
            *{channel.provider for channel in CHANNELS},
        ):  # the year was paid elsewhere
            plug_in_provider(name, Sandbox())


async def open_links(runtime: Any) -> None:
    """The door of short links."""
    runtime.parts["links"] = Opening(runtime)


async def track(scope: Any, receive: Any, send: Any) -> None:
    """``/v1/*``: the tracking doors of this process."""
    await scope["state"]["runtime"].parts["tracking"](scope, receive, send)


async def open_link(scope: Any, receive: Any, send: Any) -> None:
    """``/l/{code}``: the link door of this process."""
    await scope["state"]["runtime"].parts["links"](scope, receive, send)


async def touch_of(session: AsyncSession, code: str) -> Touch | None:
    """What a link's code says about the visitor it brings; ``None`` for an unknown one."""
    link = (await links.by_codes(session, [code])).get(code)
    if link is None:
        return None
    return Touch(
        source=link.source,
        scene=link.scene,
        link_id=link.id,
        store_id=link.store_id,
        guide_id=link.guide_id,
    )
