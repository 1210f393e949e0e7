"""A brand on its way in: what lies outside PostgreSQL is put there before the commit that makes it a brand.

A note in the store of files, ``arriving/{brand_id}``, is there before the first of them and until all is done. Whoever
finds one that nobody works at (``settle_arrivals``) clears what never became a brand, and ends what did.
"""

import asyncio
from typing import Any
from uuid import UUID

import structlog

from siyu.insight.warehouse import WarehouseAway, rebuild
from siyu.kernel import ledger
from siyu.kernel.db import is_away
from siyu.kernel.leases import alone

log = structlog.get_logger("siyu.brand_file")
LEASE = "brand arriving"
EVERY_S = 600.0
_UNDER = "arriving"


async def begin(runtime: Any, brand_id: UUID) -> None:
    """Note that the brand arrives, and clear what an earlier try has left; call it under the lease."""
    if await runtime.files.exists(_note(brand_id)):
        await _clear(runtime, brand_id)
    await runtime.files.put(_note(brand_id), b"")


async def settle(runtime: Any, brand_id: UUID) -> bool:
    """End what has become a brand: sums and figures are made anew. Else clear it. Whether it is one; under the lease.

    Again does the same. Raises ``WarehouseAway``: the note stays, and the next one settles it.
    """
    async with runtime.database.raw(brand_id) as connection:
        is_here: bool = await connection.fetchval("select exists (select from brands)")
    if is_here:
        async with runtime.database.raw(brand_id) as connection:
            await ledger.roll_up_on(connection)
        await rebuild(runtime.database, runtime.parts["warehouse"], brand_id, runtime.files)
        await runtime.files.delete(_note(brand_id))
    else:
        await _clear(runtime, brand_id)
    return is_here


async def settle_arrivals(runtime: Any) -> int:
    """Settle every brand that was arriving when its process ended; how many. Again changes nothing."""
    count = 0
    for key in [key async for key in runtime.files.keys(_UNDER)]:
        brand_id = UUID(key.rpartition("/")[2])
        async with alone(runtime.database, brand_id, LEASE) as mine:
            if mine and await runtime.files.exists(key):
                log.warning(
                    "a brand did not arrive to its end",
                    brand=str(brand_id),
                    kept=await settle(runtime, brand_id),
                )
                count += 1
    return count


async def keep_arrivals(runtime: Any) -> None:
    """Settle at the start and every ``EVERY_S`` seconds until cancelled."""
    while True:
        try:
            await settle_arrivals(runtime)
        except Exception as failure:
            if not (is_away(failure) or isinstance(failure, TimeoutError | WarehouseAway)):
                log.exception("arriving brand not settled")
        await asyncio.sleep(EVERY_S)


async def _clear(runtime: Any, brand_id: UUID) -> None:
    for table in ("behaviour", "behaviour_lately"):
        await runtime.parts["warehouse"].command(
            f"DELETE FROM {table} WHERE brand = {{brand:UUID}}", brand=brand_id
        )
    await runtime.files.clear(str(brand_id))
    await runtime.files.delete(_note(brand_id))


def _note(brand_id: UUID) -> str:
    return f"{_UNDER}/{brand_id}"
