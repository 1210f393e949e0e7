"""The catalogue as a table in our own format (``importing.formats``): what the import reads back as the same."""

import csv
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final, TextIO
from uuid import UUID

import asyncpg
import msgspec

from siyu.goods.catalogue.importing import cells
from siyu.goods.catalogue.importing.mapping import ATTRIBUTE
from siyu.goods.catalogue.ports import plugs
from siyu.goods.catalogue.queries.doors import image_out
from siyu.goods.catalogue.queries.whole import whole_products
from siyu.goods.catalogue.rules import said
from siyu.goods.catalogue.shapes import LocaleText, Sku, Whole
from siyu.goods.catalogue.showing import addressed_html, pictures_in
from siyu.kernel.money import to_text

AT_ONCE: Final = 200
_OPTIONS: Final = tuple(f"option{n}_{part}" for n in range(1, 6) for part in ("name", "value"))
COLUMNS: Final = (
    *("handle", "locale", "title", "title_en", "subtitle", "description", "description_en"),
    *("category", *_OPTIONS, "sku", "price", "list_price", "stock", "weight_g", "barcode"),
    *("variant_image", "images", "status", "tags"),
)
_NAMES = """
select distinct name from products, jsonb_array_elements(attributes) as a,
       lateral (select value as name from jsonb_each_text(a->'name')) n
where deleted_at is null order by name limit 300
"""


class _Around(msgspec.Struct, frozen=True):
    """What rows of a batch need besides the products."""

    currency: str
    addresses: Mapping[UUID, str]
    paths: Mapping[UUID, Mapping[str, str]]
    on_hand: Mapping[UUID, int]


async def write_catalogue(
    connection: asyncpg.Connection, currency: str, target: TextIO, *, as_json: bool = False
) -> int:
    """Write the catalogue as CSV, or as one JSON object a line; how many rows."""
    header = [*COLUMNS, *(ATTRIBUTE + name for name in await attribute_names(connection))]
    writer = csv.DictWriter(target, header, restval="", extrasaction="ignore")
    if not as_json:
        writer.writeheader()
    count = 0
    async for row in exported_rows(connection, currency):
        if as_json:
            target.write(msgspec.json.encode(row).decode() + "\n")
        else:
            writer.writerow({column: cells.harmless(text) for column, text in row.items()})
        count += 1
    return count


async def attribute_names(connection: asyncpg.Connection) -> list[str]:
    """Names of facts that products have, each a column of the table; at most 300."""
    names = [row["name"].strip() for row in await connection.fetch(_NAMES)]
    return [name for name in dict.fromkeys(names) if name]


async def exported_rows(
    connection: asyncpg.Connection, currency: str
) -> AsyncIterator[dict[str, str]]:
    """A row per SKU on offer, rows of a product together, ordered by handle; only cells that say something.

    Columns are ``COLUMNS`` and ``attribute:NAME``. What a cell could not say exactly (a tag with a comma in it,
    a category with a slash) stays empty: the import then leaves it as it is.
    """
    categories = await _paths(connection)
    after = ""
    while True:
        rows = await connection.fetch(
            "select id, handle from products where handle > $1 and deleted_at is null order by handle limit $2",
            after,
            AT_ONCE,
        )
        if not rows:
            return
        after = rows[-1]["handle"]
        ids = [row["id"] for row in rows]
        found = await whole_products(connection, ids)
        products = [found[one] for one in ids if one in found]
        skus = [sku.id for product in products for sku in product.on_offer]
        pieces = await plugs.shelf.online(connection, skus)
        around = _Around(
            currency,
            await _addresses(connection, products),
            categories,
            {sku_id: one.on_hand for sku_id, one in pieces.items()},
        )
        for product in products:
            for row in rows_of(product, around):
                yield row


def rows_of(product: Whole, around: _Around) -> Iterable[dict[str, str]]:
    """The rows of one product: the first tells its fields."""
    locale = "zh-CN" if "zh-CN" in product.title else next(iter(product.title), "zh-CN")
    told = _told(product, locale, around)
    for sku in product.on_offer:
        row = {"handle": product.handle, **told, **_variant(product, sku, locale, around)}
        told: dict[str, str] = {}
        yield {column: text for column, text in row.items() if text}


def _told(product: Whole, locale: str, around: _Around) -> dict[str, str]:
    shown = addressed_html(product.description, around.addresses)
    other = locale != "en"
    shelf = product.category_ids[0] if product.category_ids else None
    path = around.paths.get(shelf) if shelf else None
    facts = {
        f"{ATTRIBUTE}{one.name[locale].strip()}": one.value[locale]
        for one in reversed(product.attributes)
        if one.name.get(locale, "").strip() and one.value.get(locale)
    }
    return {
        "locale": locale,
        "title": product.title.get(locale, ""),
        "title_en": product.title.get("en", "") if other else "",
        "subtitle": product.subtitle.get(locale, ""),
        "description": shown.get(locale, ""),
        "description_en": shown.get("en", "") if other else "",
        "category": path.get(locale, "") if path else "",
        "images": " ".join(around.addresses[one] for one in product.image_ids if one in around.addresses),
        "status": product.status if product.status != "scheduled" else "",
        "tags": _joined(product.tags),
        **facts,
    }  # fmt: skip


def _joined(tags: list[str]) -> str:
    together = ",".join(tags)
    return together if cells.words(together) == tuple(tags) else ""


def _variant(product: Whole, sku: Sku, locale: str, around: _Around) -> dict[str, str]:
    chosen = set(sku.value_ids)
    options: dict[str, str] = {}
    for n, option in enumerate(product.options, start=1):
        value = next((one for one in option.values if one.id in chosen), None)
        if value is not None:
            options[f"option{n}_name"] = said(option.name, locale)
            options[f"option{n}_value"] = said(value.name, locale)
    price, listed = sku.price_minor, sku.list_price_minor
    return {
        **options,
        "sku": sku.code,
        "price": to_text(price, around.currency),
        "list_price": to_text(listed, around.currency) if listed is not None else "",
        "stock": str(around.on_hand[sku.id]) if sku.id in around.on_hand else "",
        "weight_g": str(sku.weight_g),
        "barcode": sku.barcode,
        "variant_image": around.addresses.get(sku.image_id, "") if sku.image_id else "",
    }


async def _addresses(connection: asyncpg.Connection, products: Iterable[Whole]) -> dict[UUID, str]:
    """Where pictures come from; for those that were uploaded, our own address with their id."""
    wanted: set[UUID] = set()
    for product in products:
        wanted.update(product.image_ids, pictures_in(product.description))
        wanted.update(sku.image_id for sku in product.on_offer if sku.image_id)
    rows = await connection.fetch(
        "select brand_id, id, hash, source from media where id = any($1::uuid[])", list(wanted)
    )
    return {
        row["id"]: row["source"]
        or f"{image_out(row['brand_id'], row['id'], row['hash'], {}, generated=False).url}#m{row['id'].hex}"
        for row in rows
    }


async def _paths(connection: asyncpg.Connection) -> dict[UUID, dict[str, str]]:
    """Category → locale → path from the root, for those that can be said as a path."""
    rows = await connection.fetch("select id, parent_id, name::text from categories")
    names: dict[UUID, LocaleText] = {row["id"]: msgspec.json.decode(row["name"]) for row in rows}
    parents = {row["id"]: row["parent_id"] for row in rows}
    paths: dict[UUID, dict[str, str]] = {}
    for one in names:
        for locale in ("zh-CN", "en"):
            steps: list[str] = []
            at: UUID | None = one
            while at is not None and len(steps) <= cells.MAX_DEPTH:
                steps.insert(0, said(names[at], locale))
                at = parents[at]
            path = " > ".join(steps)
            if cells.steps(path) == tuple(steps):
                paths.setdefault(one, {})[locale] = path
    return paths
