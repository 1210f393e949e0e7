"""The formats: which one a table is in, and its rows in the words of ``mapping.TARGETS``.

``siyu`` is our own flat format, one row per variant, CSV or XLSX, a header with these names in any
order; only ``title`` and ``price`` are needed:

======================  ==========================================================================
handle                  names the product for good; rows of one product stand together and share
                        it. Made from the title when missing
title, title_en         the name, Chinese and English (the language of ``title`` alone is guessed)
subtitle                one short line
description             HTML; also ``description_en``
category                path from the root, ``首饰/手镯``
options                 ``颜色=翠绿; 圈口=54``: the same names in every row of the product; or in
                        columns of their own, ``option1_name``, ``option1_value`` … ``option5_value``
sku                     the merchant's code of this variant; made from handle and options if missing
price, list_price       decimal, in the brand's currency, e.g. ``1,280.00``
stock                   pieces on hand; empty says nothing about stock
weight_g, barcode       grams, EAN
variant_image           http(s) address of this variant's picture
images                  http(s) addresses separated by spaces, commas or ``|``; rows add theirs up
status                  ``draft`` (also when empty), ``on_sale`` or ``off``
tags                    separated by commas
locale                  ``zh-CN`` or ``en``: the language of the row's texts; guessed when empty
attribute:NAME          any further fact, e.g. ``attribute:材质``
======================  ==========================================================================

The first row of a product tells its fields; the following rows leave them empty or repeat them.
``siyu export products`` writes this format.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import Final, Literal

from siyu.goods.catalogue.importing import litemall
from siyu.goods.catalogue.importing.assembling import Entry, Reading, assemble
from siyu.goods.catalogue.importing.cells import CellRefused, clean, spoken
from siyu.goods.catalogue.importing.mapping import ATTRIBUTE, TARGETS, Mapping, suggest_mapping
from siyu.goods.catalogue.importing.parsed import ImportRefused, ParsedProduct, Rejected
from siyu.goods.catalogue.importing.reading import EXTRA, Table

Format = Literal["shopify", "siyu", "litemall", "table"]
FORMATS: Final[tuple[Format, ...]] = ("shopify", "siyu", "litemall", "table")

_SHOPIFY: Final = {
    "handle": "Handle",
    "title": "Title",
    "description": "Body (HTML)",
    "category": "Type",
    "tags": "Tags",
    **{
        f"option{n}_{part}": f"Option{n} {part.title()}"
        for n in (1, 2, 3)
        for part in ("name", "value")
    },
    "sku": "Variant SKU",
    "weight_g": "Variant Grams",
    "stock": "Variant Inventory Qty",
    "price": "Variant Price",
    "list_price": "Variant Compare At Price",
    "barcode": "Variant Barcode",
    "images": "Image Src",
    "image_alt": "Image Alt Text",
    "variant_image": "Variant Image",
    "status": "Status",
    "attribute:Vendor": "Vendor",
}


def detect(header: Iterable[str]) -> Format:
    """The format a header belongs to; "table" for one that needs a mapping."""
    names = set(header)
    if {"Handle", "Title", "Variant Price"} <= names:
        return "shopify"
    if names >= {"id", "goods_sn", "name", "retail_price", "gallery"}:
        return "litemall"
    if {"title", "price"} <= names and all(_is_target(name) for name in names):
        return "siyu"
    return "table"


def parse(
    table: Table,
    format: str = "auto",
    mapping: Mapping | None = None,
    *,
    currency: str = "CNY",
    locale: str | None = None,
) -> Generator[ParsedProduct | Rejected, None, None]:
    """Products and refused rows, streaming, in one pass; the same for the same file every time.

    ``format`` "auto" is detected from the header; a ``mapping`` always makes it a "table", and a
    "table" without one is read by ``suggest_mapping``. ``locale`` is the language of the texts,
    guessed per product when None. Rows add up: ``rows`` of all products + refused rows = rows of
    the table (rows of litemall's sibling tables are refused beyond that count).

    Raises ``ImportRefused`` before the first item for an unknown format or a mapping that does not
    fit, and later if the file turns out damaged.
    """
    if format not in ("auto", *FORMATS):
        raise ImportRefused("unknown_format", format=format)
    chosen = "table" if mapping else detect(table.header) if format == "auto" else format
    if chosen == "shopify":
        _need(table, "Handle", "Title", "Variant Price")
        reading = Reading(_SHOPIFY, currency, locale)
        entries = _shopify(table)
    elif chosen == "litemall":
        _need(table, "id", "name", "retail_price")
        reading = Reading(litemall.COLUMNS, currency, locale)
        entries = litemall.entries(table)
    elif chosen == "siyu":
        _need(table, "title", "price")
        own = {name: name for name in table.header if _is_target(name)}
        reading = Reading(own, currency, locale)
        entries = _mapped(table, Mapping(columns=own), unescaped=True)
    else:
        mapping = mapping or suggest_mapping(table.header)
        mapping.check_against(table.header)
        reading = Reading(
            mapping.columns,
            currency,
            locale,
            mapping.money,
            mapping.splitter,
            price_from_list_price=True,
        )
        entries = _mapped(table, mapping)
    return _run(entries, reading)


def _run(
    entries: Iterator[Entry], reading: Reading
) -> Generator[ParsedProduct | Rejected, None, None]:
    yield from assemble(entries, reading)


def _need(table: Table, *columns: str) -> None:
    for column in columns:
        if column not in table.header:
            raise ImportRefused("unknown_column", target=column, column=column)


def _is_target(name: str) -> bool:
    return name in TARGETS or name.startswith(ATTRIBUTE)


def _values(row: dict[str, str], columns: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Cells that hold something, cleaned, by target."""
    return {
        target: text
        for target, column in columns
        if (text := row.get(column)) and (text := clean(text))
    }


def _ragged(row: dict[str, str]) -> CellRefused | None:
    return CellRefused("too_many_cells", value=row[EXTRA]) if EXTRA in row else None


def _mapped(table: Table, mapping: Mapping, *, unescaped: bool = False) -> Iterator[Entry]:
    columns = tuple(mapping.columns.items())
    with closing(iter(table)) as rows:
        for line, row in rows:
            values = {**mapping.constants, **_values(row, columns)}
            if unescaped:
                values = {target: spoken(text) for target, text in values.items()}
            yield Entry(line, values, refusal=_ragged(row))


def _shopify(table: Table) -> Iterator[Entry]:
    """Shopify's product CSV: https://help.shopify.com/en/manual/products/import-export/using-csv.

    Continuation rows repeat the handle only; option names stand in the first row; a row without
    price and options adds an image; "Title / Default Title" means there is nothing to choose.
    """
    columns = tuple(_SHOPIFY.items())
    handle = ""
    names: dict[str, str] = {}
    with closing(iter(table)) as rows:
        for line, row in rows:
            values = _values(row, columns)
            first = values.get("handle") != handle
            if first:
                handle = values.get("handle", "")
                names = {
                    target: text for target, text in values.items() if target.endswith("_name")
                }
                if "category" not in values and (path := clean(row.get("Product Category", ""))):
                    values["category"] = path
            if values.get("option1_value") == "Default Title":
                values = {
                    target: text
                    for target, text in values.items()
                    if not target.startswith("option")
                }
            elif "option1_value" in values:
                values = names | values
            told = values.keys() & {"price", "sku", "option1_value"}
            adds_variant = bool(told) or (first and "images" not in values)
            if first or "title" in values:
                values["status"] = _shopify_status(
                    values.get("status", ""), row.get("Published", "")
                )
            else:
                values.pop("status", None)
            yield Entry(line, values, adds_variant=adds_variant, refusal=_ragged(row))


def _shopify_status(status: str, published: str) -> str:
    """On sale needs both: an active product, published to the online store."""
    word = status.strip().lower() or "active"
    if word == "active":
        return "off" if published.strip().lower() == "false" else "on_sale"
    return word
