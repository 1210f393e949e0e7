"""Products with everything that belongs to them, in a constant number of round trips."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from siyu.goods.catalogue.shapes import AttributeOut, Option, Sku, Value, Whole

_PRODUCTS = """
select id, version, handle, title::text, subtitle::text, description::text, kind, status, on_sale_at, off_at,
       tags::text, attributes::text, freight_template_id, words, fingerprint, published_at, created_at, updated_at
from products where {where} and deleted_at is null
"""
_OPTIONS = """
select o.product_id, o.id as option_id, o.name::text as option_name, v.id as value_id, v.name::text as value_name
from product_options o
left join product_option_values v on v.brand_id = o.brand_id and v.option_id = o.id
where o.product_id = any($1) order by o.product_id, o.position, v.position
"""
_SKUS = """
select product_id, id, code, option_value_ids::text, option_label::text, price_minor, list_price_minor, weight_g,
       barcode, image_id, active
from skus where product_id = any($1) order by product_id, not active, position
"""


async def whole_products(
    connection: asyncpg.Connection, product_ids: Sequence[UUID]
) -> dict[UUID, Whole]:
    """Products by id, deleted and unknown ones absent; five round trips for any number of them."""
    rows = await connection.fetch(_PRODUCTS.format(where="id = any($1::uuid[])"), list(product_ids))
    return {whole.id: whole for whole in await _with_parts(connection, rows)}


async def whole_by_handle(
    connection: asyncpg.Connection, handles: Sequence[str]
) -> dict[str, Whole]:
    """Products by handle, deleted and unknown ones absent; five round trips for any number of them."""
    rows = await connection.fetch(_PRODUCTS.format(where="handle = any($1::text[])"), list(handles))
    return {whole.handle: whole for whole in await _with_parts(connection, rows)}


async def _with_parts(connection: asyncpg.Connection, rows: Sequence[Any]) -> list[Whole]:
    ids = [row["id"] for row in rows]
    if not ids:
        return []
    options = await _options(connection, ids)
    skus = await _skus(connection, ids)
    categories = await _lists(
        connection,
        "select product_id, category_id from product_categories where product_id = any($1) order by product_id, position",
        ids,
    )
    images = await _lists(
        connection,
        "select product_id, media_id from product_images where product_id = any($1) order by product_id, position",
        ids,
    )
    return [
        Whole(
            id=row["id"],
            version=row["version"],
            handle=row["handle"],
            title=_decoded(row["title"]),
            subtitle=_decoded(row["subtitle"]),
            description=_decoded(row["description"]),
            kind=row["kind"],
            status=row["status"],
            on_sale_at=row["on_sale_at"],
            off_at=row["off_at"],
            tags=_decoded(row["tags"]),
            attributes=msgspec.json.decode(row["attributes"], type=list[AttributeOut]),
            freight_template_id=row["freight_template_id"],
            category_ids=categories[row["id"]],
            image_ids=images[row["id"]],
            options=options[row["id"]],
            skus=skus[row["id"]],
            words=row["words"],
            fingerprint=row["fingerprint"],
            published_at=row["published_at"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )
        for row in rows
    ]


async def _options(connection: asyncpg.Connection, ids: list[UUID]) -> dict[UUID, list[Option]]:
    found: dict[UUID, dict[UUID, Option]] = defaultdict(dict)
    for row in await connection.fetch(_OPTIONS, ids):
        of_product = found[row["product_id"]]
        option = of_product.get(row["option_id"])
        if option is None:
            option = of_product[row["option_id"]] = Option(
                row["option_id"], _decoded(row["option_name"]), []
            )
        if row["value_id"] is not None:
            option.values.append(Value(row["value_id"], _decoded(row["value_name"])))
    return defaultdict(list, {key: list(options.values()) for key, options in found.items()})


async def _skus(connection: asyncpg.Connection, ids: list[UUID]) -> dict[UUID, list[Sku]]:
    found: dict[UUID, list[Sku]] = defaultdict(list)
    for row in await connection.fetch(_SKUS, ids):
        found[row["product_id"]].append(
            Sku(
                id=row["id"],
                code=row["code"],
                value_ids=msgspec.json.decode(row["option_value_ids"], type=list[UUID]),
                label=_decoded(row["option_label"]),
                price_minor=row["price_minor"],
                list_price_minor=row["list_price_minor"],
                weight_g=row["weight_g"],
                barcode=row["barcode"],
                image_id=row["image_id"],
                active=row["active"],
            )
        )
    return found


async def _lists(
    connection: asyncpg.Connection, query: str, ids: list[UUID]
) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for row in await connection.fetch(query, ids):
        found[row[0]].append(row[1])
    return found


def _decoded(encoded: str) -> Any:
    return msgspec.json.decode(encoded)
