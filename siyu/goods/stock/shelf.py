"""Stock as the catalogue sees it: what ``siyu.goods.catalogue.Shelf`` asks for."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

from siyu.goods.catalogue import Pieces
from siyu.goods.stock import actions, queries
from siyu.kernel import effective
from siyu.people.brands import PICK_UP_OFFERED


class OnlineShelf:
    """The place that sells online, and the stores that hand out orders."""

    async def online(
        self, connection: asyncpg.Connection, sku_ids: Sequence[UUID]
    ) -> dict[UUID, Pieces]:
        """Pieces at the place that sells online."""
        found = await queries.online(connection, sku_ids)
        return {
            sku: Pieces(level.on_hand, level.reserved, level.free) for sku, level in found.items()
        }

    async def count(
        self, connection: asyncpg.Connection, counted: Mapping[UUID, int], *, kind: str, reason: str
    ) -> set[UUID]:
        """Set what is on hand there; the SKUs for which that changed something."""
        location_id = await actions.online_location(connection)
        places = {(sku, location_id): pieces for sku, pieces in counted.items()}
        changed = await actions.count_pieces(connection, places, kind=kind, reason=reason)
        return {sku for sku, _ in changed}

    async def stores_with(self, connection: asyncpg.Connection, sku_ids: Sequence[UUID]) -> int:
        """Stores that offer pick-up and have a free piece of any of the SKUs; none while the brand offers no pick-up."""
        if not await effective.value_on(connection, PICK_UP_OFFERED):
            return 0
        return await connection.fetchval(
            """select count(distinct p.id) from stock_locations p
               join stock_levels l on l.brand_id = p.brand_id and l.location_id = p.id
               where p.kind = 'store' and p.pick_up and l.sku_id = any($1::uuid[])
                 and l.on_hand - l.reserved - l.safety > 0""",
            list(sku_ids),
        )
