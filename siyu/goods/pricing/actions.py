"""Writes of pricing."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.pricing.rules import FreightRule
from siyu.goods.pricing.tables import FreightTemplateRow
from siyu.kernel.db import brand_of, driver_of
from siyu.kernel.errors import NotFound
from siyu.kernel.ids import new_id


async def save_template(
    session: AsyncSession,
    template_id: UUID | None,
    *,
    name: Mapping[str, str],
    is_default: bool,
    rules: Sequence[FreightRule],
) -> UUID:
    """Make a freight template, or replace one. A new default takes over from the old one.

    Raises ``NotFound`` for an unknown template.
    """
    driver = await driver_of(session)
    await driver.execute(
        "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"{brand_of(session)}/freight"
    )
    row = None
    if template_id is not None:
        row = await session.get(FreightTemplateRow, (brand_of(session), template_id))
        if row is None:
            raise NotFound(freight_template_id=str(template_id))
    if is_default:
        others = update(FreightTemplateRow).where(FreightTemplateRow.is_default)
        await session.execute(
            others.values(is_default=False), execution_options={"synchronize_session": "fetch"}
        )
    if row is None:
        row = FreightTemplateRow(id=new_id())
        session.add(row)
    row.name, row.is_default, row.rules = dict(name), is_default, msgspec.to_builtins(list(rules))
    await session.flush()
    return row.id


async def set_store_prices(
    session: AsyncSession, unit_id: UUID, prices: Mapping[UUID, int | None]
) -> None:
    """Set prices of one store by SKU; ``None`` gives a piece back to the catalogue's price.

    Raises ``NotFound`` when a SKU does not exist.
    """
    driver = await driver_of(session)
    known = await driver.fetchval(
        "select count(*) from skus where id = any($1::uuid[])", list(prices)
    )
    if known != len(prices):
        raise NotFound(sku_ids=[str(sku) for sku in prices])
    gone = [sku for sku, price in prices.items() if price is None]
    await driver.execute(
        "delete from store_prices where unit_id = $1 and sku_id = any($2::uuid[])", unit_id, gone
    )
    kept = {sku: price for sku, price in prices.items() if price is not None}
    await driver.execute(
        """insert into store_prices (unit_id, sku_id, price_minor)
           select $1, p.sku_id, p.price_minor from unnest($2::uuid[], $3::bigint[]) as p(sku_id, price_minor)
           on conflict (brand_id, sku_id, unit_id) do update set price_minor = excluded.price_minor""",
        unit_id,
        list(kept),
        list(kept.values()),
    )
