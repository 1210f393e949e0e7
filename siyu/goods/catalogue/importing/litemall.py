"""An export of the litemall shop: a table of goods, with SKUs, options and categories beside it.

``litemall_goods`` alone is enough (one variant per product, at ``retail_price``); with
``…_goods_product`` each SKU becomes a variant. The smaller siblings are held in memory.
Cells hold JSON lists (gallery, specifications), HTML (detail), and yuan with decimals.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Final, NamedTuple

from siyu.goods.catalogue.importing.assembling import Entry
from siyu.goods.catalogue.importing.cells import CellRefused, clean, require
from siyu.goods.catalogue.importing.reading import EXTRA, Table

COLUMNS: Final = {
    "handle": "goods_sn",
    "title": "name",
    "subtitle": "brief",
    "description": "detail",
    "category": "category_id",
    "status": "is_on_sale",
    "tags": "keywords",
    "price": "goods_product.price",
    "list_price": "counter_price",
    "stock": "goods_product.number",
    "options": "goods_product.specifications",
    "images": "gallery",
    "sku": "goods_product.id",
}
_NOTHING_TO_CHOOSE = ("标准",)


class _Sku(NamedTuple):
    line: int
    row: dict[str, str]


class _Beside(NamedTuple):
    """The siblings, by the id of the goods (categories and brands by their own)."""

    skus: dict[str, list[_Sku]] | None
    options: dict[str, dict[str, str]]
    attributes: dict[str, dict[str, str]]
    categories: dict[str, str]
    brands: dict[str, str]


def entries(table: Table) -> Iterator[Entry]:
    """One entry per SKU; the first of a product carries its fields and counts as its row."""
    beside = _read_siblings(table)
    with closing(iter(table)) as rows:
        for line, row in rows:
            yield from _product(line, row, beside)


def _product(line: int, row: dict[str, str], beside: _Beside) -> Iterator[Entry]:
    values = _own_values(row, beside)
    try:
        require(EXTRA not in row, "too_many_cells", value=row.get(EXTRA, ""))
        require(row.get("deleted") != "1", "marked_deleted", "deleted", "1")
        pictures = [row.get("pic_url", "").strip(), *_texts(row.get("gallery", ""), "images")]
        values["images"] = "\n".join(dict.fromkeys(url for url in pictures if url))
    except CellRefused as refused:
        yield Entry(line, values, refusal=refused)
        return
    if beside.skus is None:
        yield Entry(line, values | _present(price=row.get("retail_price", "")))
        return
    skus = beside.skus.get(row.get("id", ""), [])
    if not skus:
        yield Entry(line, values, refusal=CellRefused("no_variant", "price"))
    options = beside.options.get(row.get("id", ""), {})
    for position, sku in enumerate(skus):
        told = (
            values
            if position == 0
            else {
                "handle": values.get("handle", ""),
                **_present(list_price=row.get("counter_price", "")),
            }
        )
        try:
            told = told | _variant_values(sku.row, options, alone=len(skus) == 1)
            refusal = None
        except CellRefused as refused:
            refusal = refused
        # Only the first entry is a row of the table; the others point into the table of SKUs.
        yield Entry(
            line if position == 0 else sku.line, told, rows=int(position == 0), refusal=refusal
        )


def _own_values(row: dict[str, str], beside: _Beside) -> dict[str, str]:
    on_sale = row.get("is_on_sale", "").strip()
    values = _present(
        handle=row.get("goods_sn", "") or row.get("id", ""),
        title=row.get("name", ""),
        subtitle=row.get("brief", ""),
        description=row.get("detail", ""),
        category=beside.categories.get(row.get("category_id", ""), ""),
        status={"1": "on_sale", "0": "off", "": "draft"}.get(on_sale, on_sale),
        tags=row.get("keywords", ""),
        list_price=row.get("counter_price", ""),
    )
    facts = {"品牌": beside.brands.get(row.get("brand_id", ""), ""), "单位": row.get("unit", "")}
    facts |= beside.attributes.get(row.get("id", ""), {})
    return values | {
        f"attribute:{name}": text for name, value in facts.items() if (text := clean(value))
    }


def _variant_values(
    sku: dict[str, str], options: Mapping[str, str], *, alone: bool
) -> dict[str, str]:
    chosen = _texts(sku.get("specifications", ""), "options")
    if alone and tuple(chosen) == _NOTHING_TO_CHOOSE:
        chosen = []
    if len(chosen) > 5:
        raise CellRefused("too_many_options", "options", " / ".join(chosen))
    values = _present(
        price=sku.get("price", ""), stock=sku.get("number", ""), variant_image=sku.get("url", "")
    )
    for n, value in enumerate(chosen, start=1):
        values |= {f"option{n}_name": options.get(value, f"规格{n}"), f"option{n}_value": value}
    return values


def _texts(cell: str, target: str) -> list[str]:
    """A JSON list of texts. Raises ``CellRefused``: bad_json."""
    if not cell.strip():
        return []
    try:
        found: object = json.loads(cell)
    except (ValueError, RecursionError):
        raise CellRefused("bad_json", target, cell) from None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):  # pyright: ignore[reportUnknownVariableType]
        raise CellRefused("bad_json", target, cell)
    return [text for item in found if (text := clean(str(item)))]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _present(**texts: str) -> dict[str, str]:
    return {target: text for target, raw in texts.items() if (text := clean(raw))}


def _read_siblings(table: Table) -> _Beside:
    """All siblings, by the end of their names, whatever the prefix; deleted rows left out."""
    found = {
        kind: next((t for name, t in table.siblings.items() if name.endswith(kind)), None)
        for kind in ("goods_product", "goods_specification", "goods_attribute", "category", "brand")
    }

    def rows(kind: str) -> Iterator[_Sku]:
        sibling = found[kind]
        for line, row in sibling or ():
            if row.get("deleted") != "1":
                yield _Sku(line, row)

    skus: dict[str, list[_Sku]] = {}
    for sku in rows("goods_product"):
        skus.setdefault(sku.row.get("goods_id", ""), []).append(sku)
    options: dict[str, dict[str, str]] = {}
    for _, row in rows("goods_specification"):
        options.setdefault(row.get("goods_id", ""), {})[row.get("value", "")] = row.get(
            "specification", ""
        )
    attributes: dict[str, dict[str, str]] = {}
    for _, row in rows("goods_attribute"):
        attributes.setdefault(row.get("goods_id", ""), {})[row.get("attribute", "")] = row.get(
            "value", ""
        )
    brands = {row.get("id", ""): row.get("name", "") for _, row in rows("brand")}
    return _Beside(
        skus if found["goods_product"] is not None else None,
        options,
        attributes,
        _category_paths({row.get("id", ""): row for _, row in rows("category")}),
        brands,
    )


def _category_paths(rows: dict[str, dict[str, str]]) -> dict[str, str]:
    """Id → ``root > … > leaf``; a circle ends where it closes."""

    def names_to_root(key: str) -> Iterator[str]:
        passed: set[str] = set()
        while key in rows and key not in passed:
            passed.add(key)
            yield rows[key].get("name", "").replace("/", "·")
            key = rows[key].get("pid", "")

    return {key: " > ".join(reversed(list(names_to_root(key)))) for key in rows}
