"""Reads of pricing, in one round trip each; on a session or on a bare brand-bound connection."""

from collections.abc import Iterable, Mapping
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.pricing.rules import FreightRule
from siyu.kernel.db import driver_of
from siyu.kernel.together import Read, Rows

Source = AsyncSession | asyncpg.Connection
_RULES = msgspec.json.Decoder(tuple[FreightRule, ...])


class Template(msgspec.Struct, frozen=True):
    """A freight template of the brand."""

    id: UUID
    name: dict[str, str]
    is_default: bool
    rules: tuple[FreightRule, ...]


async def templates(source: Source) -> list[Template]:
    """All freight templates; the default first, then in the order they were made."""
    return await TEMPLATES.on(await _connection_of(source))


def _templates_of(rows: Rows) -> list[Template]:
    return [
        Template(
            row["id"],
            msgspec.json.decode(row["name"], type=dict[str, str]),
            row["is_default"],
            _RULES.decode(row["rules"]),
        )
        for row in rows
    ]


TEMPLATES = Read(
    """select id, name::text as name, is_default, rules::text as rules from freight_templates
       order by is_default desc, id""",
    ("id", "name", "is_default", "rules"),
    (),
    _templates_of,
)
"""``templates`` for those who read something else in the same message."""


async def store_prices(
    source: Source, unit_ids: Iterable[UUID], sku_ids: Iterable[UUID]
) -> Mapping[tuple[UUID, UUID], int]:
    """Prices of stores by ``(unit, sku)``; absent where the catalogue's price holds."""
    connection = await _connection_of(source)
    rows = await connection.fetch(
        "select unit_id, sku_id, price_minor from store_prices where unit_id = any($1::uuid[]) and sku_id = any($2::uuid[])",
        list(set(unit_ids)),
        list(set(sku_ids)),
    )
    return {(row["unit_id"], row["sku_id"]): row["price_minor"] for row in rows}


async def prices_of_store(source: Source, unit_id: UUID) -> dict[UUID, int]:
    """All prices of one store by SKU."""
    connection = await _connection_of(source)
    rows = await connection.fetch(
        "select sku_id, price_minor from store_prices where unit_id = $1 order by sku_id", unit_id
    )
    return {row["sku_id"]: row["price_minor"] for row in rows}


async def _connection_of(source: Source) -> asyncpg.Connection:
    return await driver_of(source) if isinstance(source, AsyncSession) else source
