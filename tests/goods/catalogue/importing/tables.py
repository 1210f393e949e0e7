"""Small tables as merchants would send them, and what comes out of them."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from siyu.goods.catalogue.importing import (
    Mapping,
    ParsedProduct,
    Rejected,
    Table,
    open_table,
    parse,
)

BESIDE = Path(__file__).parents[5]  # real exports may lie beside the project


def beside(folder: str) -> Path:
    found = next(BESIDE.glob(f"*/data/{folder}"), None)
    if found is None:
        pytest.skip("the real export is not on this machine")
    return found


def csv_of(header: str, *rows: Sequence[object]) -> Table:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return open_table(text.getvalue().encode(), "goods.csv")


def products(
    table: Table, wanted: str = "auto", mapping: Mapping | None = None
) -> list[ParsedProduct]:
    items = list(parse(table, wanted, mapping))
    assert [item for item in items if isinstance(item, Rejected)] == []
    return [item for item in items if isinstance(item, ParsedProduct)]


def refused(
    table: Table, wanted: str = "auto", mapping: Mapping | None = None
) -> list[tuple[int, str, str]]:
    items = parse(table, wanted, mapping)
    return [(item.line, item.column, item.code) for item in items if isinstance(item, Rejected)]


SHOPIFY = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,"
    "Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,Variant Compare At Price,Variant Barcode,"
    "Image Src,Image Alt Text,Variant Image,Status"
)


def shopify(**cells: object) -> list[object]:
    columns = SHOPIFY.split(",")
    short = {column.replace(" ", "").replace("(HTML)", ""): column for column in columns}
    row = {short[name]: value for name, value in cells.items()}
    return [row.get(column, "") for column in columns]


GOODS = "id,goods_sn,name,category_id,brand_id,gallery,keywords,brief,is_on_sale,pic_url,unit,counter_price,retail_price,detail,deleted"


SIYU = "handle,title,title_en,description,category,options,sku,price,list_price,stock,weight_g,images,status,tags"


def flat(**cells: object) -> list[object]:
    return [cells.get(column, "") for column in SIYU.split(",")]
