"""The tree of categories: small enough to be read whole."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from siyu.goods.catalogue.queries.doors import ImageOut, Source, connection_of, images
from siyu.goods.catalogue.rules import said
from siyu.goods.catalogue.shapes import LocaleText

MAX_CATEGORIES = 2_000

_TREE = """
with recursive below as (
    select id from categories where id = $1
    union
    select c.id from categories c join below b on c.parent_id = b.id
)
select id from below
"""
_ALL = """
select c.id, c.parent_id, c.name::text, c.position, c.image_id,
       (select count(*) from product_categories p join products d on d.brand_id = p.brand_id and d.id = p.product_id
        where p.brand_id = c.brand_id and p.category_id = c.id {condition}) as products
from categories c order by c.position, c.id limit 2000
"""


class CategoryOut(msgspec.Struct, frozen=True):
    """A category for the console; ``product_count`` counts its own products only."""

    id: UUID
    parent_id: UUID | None
    name: LocaleText
    position: int
    product_count: int
    image: ImageOut | None


class ShopCategory(msgspec.Struct, frozen=True):
    """A category for shoppers; ``product_count`` counts what is on sale in it and below."""

    id: UUID
    parent_id: UUID | None
    name: str
    image: ImageOut | None
    product_count: int


async def subtree_ids(connection: asyncpg.Connection, category_id: UUID) -> list[UUID]:
    """A category and everything below it; empty when it does not exist."""
    return [row["id"] for row in await connection.fetch(_TREE, category_id)]


async def category_names(source: Source, category_ids: Iterable[UUID]) -> dict[UUID, LocaleText]:
    """Names of categories by id; unknown ids are absent."""
    connection = await connection_of(source)
    rows = await connection.fetch(
        "select id, name::text from categories where id = any($1::uuid[])", list(category_ids)
    )
    return {row["id"]: msgspec.json.decode(row["name"], type=LocaleText) for row in rows}


async def category_tree(source: Source) -> list[CategoryOut]:
    """All categories, in the order of their positions; two round trips."""
    connection = await connection_of(source)
    rows = await connection.fetch(_ALL.format(condition="and d.deleted_at is null"))
    pictures = await images(connection, [row["image_id"] for row in rows])
    return [
        CategoryOut(
            row["id"],
            row["parent_id"],
            msgspec.json.decode(row["name"]),
            row["position"],
            row["products"],
            pictures.get(row["image_id"]),
        )
        for row in rows
    ]


async def shop_categories(
    source: Source, locale: str, otherwise: str = "zh-CN"
) -> list[ShopCategory]:
    """All categories for shoppers. One without a picture of its own borrows one of its products."""
    connection = await connection_of(source)
    rows = await connection.fetch(
        _ALL.format(condition="and d.status = 'on_sale' and d.deleted_at is null")
    )
    borrowed = await connection.fetch(
        """select distinct on (c.category_id) c.category_id, p.image_id
           from product_categories c join products p on p.brand_id = c.brand_id and p.id = c.product_id
           where p.status = 'on_sale' and p.deleted_at is null and p.image_id is not null
           order by c.category_id, p.published_at desc"""
    )
    lent = {row["category_id"]: row["image_id"] for row in borrowed}
    image_of = {row["id"]: row["image_id"] or lent.get(row["id"]) for row in rows}
    pictures = await images(connection, image_of.values())
    counts = _with_below(rows)
    return [
        ShopCategory(
            row["id"],
            row["parent_id"],
            said(msgspec.json.decode(row["name"]), locale, otherwise),
            pictures.get(image_of[row["id"]] or UUID(int=0)),
            counts[row["id"]],
        )
        for row in rows
    ]


def _with_below(rows: list[Any]) -> dict[UUID, int]:
    """Products in each category and below it."""
    children: dict[UUID | None, list[UUID]] = defaultdict(list)
    own = {row["id"]: row["products"] for row in rows}
    for row in rows:
        children[row["parent_id"]].append(row["id"])
    totals: dict[UUID, int] = {}

    def total(category_id: UUID, depth: int = 0) -> int:
        if category_id not in totals:
            below = children[category_id] if depth < 10 else []
            totals[category_id] = own[category_id] + sum(total(child, depth + 1) for child in below)
        return totals[category_id]

    for row in rows:
        total(row["id"])
    return totals
