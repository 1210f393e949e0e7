"""Filling the warehouse: from the tracking spool, and all over again from the log."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.insight import tracking
from siyu.insight.warehouse.client import Warehouse, WarehouseAway
from siyu.insight.warehouse.tables import BEHAVIOUR_COLUMNS, DDL, NOTHING, stamp
from siyu.kernel.db import Database
from siyu.kernel.events import behind, drain, start_over
from siyu.kernel.files import Files
from siyu.kernel.leases import alone

log = structlog.get_logger("siyu.warehouse")
PROJECTIONS = ("insight.warehouse.reactions.project_sales",)


async def prepare(warehouse: Warehouse) -> None:
    """Make the tables that are missing. Raises ``WarehouseAway``."""
    for statement in DDL:
        await warehouse.command(statement)


def behaviour_rows(
    brand_id: UUID, pack: Sequence[tracking.Spooled], origin: str = "live"
) -> list[list[Any]]:
    """Spooled messages as rows of ``behaviour``."""
    return [
        [
            str(brand_id),
            one.message_id,
            one.type,
            one.name,
            stamp(one.at_ms),
            stamp(int(spooled.received_at.timestamp() * 1000)),
            one.visitor,
            one.customer_id or NOTHING,
            one.source,
            one.scene,
            one.link,
            one.store_id or NOTHING,
            one.product_id or NOTHING,
            one.sku_id or NOTHING,
            one.quantity,
            one.value_minor,
            one.path,
            msgspec.json.encode(one.properties).decode(),
            origin,
        ]
        for spooled in pack
        for one in spooled.messages
    ]


async def drain_spool(
    database: Database, warehouse: Warehouse, brand_id: UUID, *, packs: int = 40
) -> int:
    """Move the oldest packs of a brand; how many messages, 0 also when another process is at it.

    A repetition after a crash is forgotten by message id. Nothing that holds a transaction id waits for the warehouse:
    the log's followers would wait with it. A lease, which needs none, keeps other processes away.
    """
    async with alone(database, brand_id, "siyu.spool") as mine:
        if not mine:
            return 0
        async with database.brand(brand_id) as session:
            pack = await tracking.take(session, packs)
        if not pack:
            return 0
        rows = behaviour_rows(brand_id, pack)
        await warehouse.insert(
            "behaviour", BEHAVIOUR_COLUMNS, rows, token=f"{pack[0].id}-{pack[-1].id}"
        )
        async with database.brand(brand_id) as session:
            await tracking.forget(session, [spooled.id for spooled in pack])
    return len(rows)


async def drain_spools(database: Database, warehouse: Warehouse) -> int:
    """``drain_spool`` for each brand with packs; how many messages. A brand whose packs cannot be moved is logged.

    Raises ``WarehouseAway``: then no other brand's packs can be moved either.
    """
    moved = 0
    for brand_id, _, _ in await tracking.backlog(database):
        try:
            moved += await drain_spool(database, warehouse, brand_id)
        except (asyncio.CancelledError, WarehouseAway):
            raise
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"[:300]
            log.warning("packs wait", brand=str(brand_id), error=error)
    return moved


async def fill(database: Database, warehouse: Warehouse, *, poll_s: float = 0.5) -> None:
    """Move what visitors do into the warehouse until cancelled; what cannot be moved waits in the spool."""
    prepared = False
    while True:
        moved = 0
        try:
            if not prepared:
                await prepare(warehouse)
                prepared = True
            moved = await drain_spools(database, warehouse)
        except asyncio.CancelledError:
            raise
        except WarehouseAway:
            await asyncio.sleep(1)
        except Exception as failure:
            log.warning("warehouse waits", error=f"{type(failure).__name__}: {failure}"[:300])
            await asyncio.sleep(1)
        if not moved:
            await asyncio.sleep(poll_s)


async def rebuild(
    database: Database, warehouse: Warehouse, brand_id: UUID, files: Files | None = None
) -> int:
    """Forget a brand's sales and project them again from the whole log, archived stretches included; events heard.

    Behaviour has no other source than the warehouse itself and is left alone. ``files``: where the archive is; needed
    once there is one.
    """
    await prepare(warehouse)
    await warehouse.command("DELETE FROM sales WHERE brand = {brand:UUID}", brand=brand_id)
    async with database.brand(brand_id) as session:
        await start_over(session, PROJECTIONS)
    return await drain(database, brand_id, set(PROJECTIONS), files=files)


async def lag_s(session: AsyncSession) -> int:
    """Seconds since the oldest event that the session's brand's sales do not show yet; 0 when they show all."""
    (found,) = await behind(session, PROJECTIONS)
    return found.seconds
