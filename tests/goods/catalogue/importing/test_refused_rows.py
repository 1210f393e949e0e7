"""A bad row is refused with its place and reason; the rest goes in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siyu.goods.catalogue.importing import FORMATS, ParsedProduct, Rejected, detect, parse
from tests.goods.catalogue.importing.tables import (
    GOODS,
    SHOPIFY,
    SIYU,
    csv_of,
    flat,
    refused,
    shopify,
)


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"title": ""}, "title", "no_title"),
        ({"title": "", "handle": ""}, "title", "no_title"),
        ({"title": "长" * 201}, "title", "title_too_long"),
        ({"handle": "a/b"}, "handle", "bad_handle"),
        ({"price": ""}, "price", "no_price"),
        ({"price": "面议"}, "price", "not_a_number"),
        ({"price": "-1"}, "price", "negative"),
        ({"price": "1.005"}, "price", "too_fine"),
        ({"price": "99999999999"}, "price", "too_large"),
        ({"list_price": "x"}, "list_price", "not_a_number"),
        ({"stock": "-3"}, "stock", "negative"),
        ({"stock": "1.5"}, "stock", "not_whole"),
        ({"weight_g": "heavy"}, "weight_g", "not_a_number"),
        ({"description": "<script>x</script>"}, "description", "script_in_html"),
        ({"description": "<a href='javascript:x'>x</a>"}, "description", "script_in_html"),
        ({"status": "sold out"}, "status", "bad_status"),
        ({"options": "a=1;b=2;c=3;d=4;e=5;f=6"}, "options", "too_many_options"),
        ({"options": "=x"}, "options", "bad_option"),
        ({"options": "a=1;a=2"}, "options", "bad_option"),
        ({"images": "photo.jpg"}, "images", "bad_image_url"),
        ({"sku": "x" * 101}, "sku", "code_too_long"),
    ],
)
def test_a_bad_row_is_refused_with_line_column_and_reason_and_the_rest_goes_in(
    cells: dict[str, str], column: str, code: str
):
    good = {"handle": "good", "title": "好", "price": "1"}
    table = csv_of(
        SIYU,
        flat(**{**good, "handle": "before"}),
        flat(**{**good, "handle": "bad", **cells}),
        flat(**{**good, "handle": "after"}),
    )
    items = list(parse(table))
    assert [item.handle for item in items if isinstance(item, ParsedProduct)] == ["before", "after"]
    (bad,) = [item for item in items if isinstance(item, Rejected)]
    assert (bad.line, bad.column, bad.code) == (3, column, code)
    assert bad.reason.keys() == {"zh-CN", "en"} and len(bad.value) <= 120


def test_a_row_with_too_many_cells_is_refused():
    table = csv_of("title,price", ["a", "1"], ["b", "1", "2"])
    assert refused(table) == [(3, "", "too_many_cells")]


def test_a_bad_variant_does_not_take_its_product_along():
    table = csv_of(
        SIYU,
        flat(handle="ring", title="戒指", options="号=12", price="oops"),
        flat(handle="ring", options="号=13", price="10"),
        flat(handle="ring", options="号=13", price="11"),
        flat(handle="ring", options="圈口=14", price="11"),
    )
    items = list(parse(table))
    (ring,) = [item for item in items if isinstance(item, ParsedProduct)]
    assert [variant.option_values for variant in ring.variants] == [("13",)]
    assert not ring.complete
    assert (ring.line, ring.rows) == (2, 1)
    assert refused(table) == [
        (2, "price", "not_a_number"),
        (4, "options", "repeated_variant"),
        (5, "options", "other_options"),
    ]


def test_rows_of_a_refused_product_say_so():
    table = csv_of(
        SIYU,
        flat(handle="ring", price="10", options="号=12"),
        flat(handle="ring", price="10", options="号=13"),
    )
    assert refused(table) == [(2, "title", "no_title"), (3, "handle", "product_refused")]


def test_a_handle_that_comes_back_as_something_else_is_a_conflict():
    row = {"title": "戒指", "price": "10"}
    table = csv_of(
        SIYU,
        flat(handle="ring", **row),
        flat(handle="ring", title="项链", price="10", options="长=45"),
        flat(handle="tea", **row),
        flat(handle="ring", **row),
    )
    assert refused(table) == [
        (3, "title", "conflicting_handle"),
        (5, "handle", "conflicting_handle"),
    ]


def test_one_sku_code_belongs_to_one_variant():
    row = {"title": "戒指", "price": "10", "sku": "A-1"}
    table = csv_of(SIYU, flat(handle="a", **row), flat(handle="b", **row))
    assert refused(table) == [(3, "sku", "repeated_code")]


def test_a_product_of_pictures_only_cannot_be_sold():
    table = csv_of(SHOPIFY, shopify(Handle="x", Title="X", ImageSrc="https://i.example/1.jpg"))
    assert refused(table) == [(2, "Variant Price", "no_variant")]


CELL = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(["", "a", "b", "10", "-1", "9.99", "Title", "Default Title", "颜色=绿", "true", "[]", '["x"]', "<b>", "on_sale", "https://i.example/1.jpg"]),
)  # fmt: skip
HEADERS = {
    "shopify": SHOPIFY,
    "litemall": GOODS,
    "siyu": SIYU + ",option1_name,option1_value,barcode,weight_kg,attribute:x",
    "table": "商品名称,售价,原价,库存,规格,图片,状态,分类,条码",
}


@pytest.mark.parametrize("wanted", FORMATS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_cell_whatever_breaks_the_reading_and_every_row_is_accounted_for(
    wanted: str, data: st.DataObject
):
    header = HEADERS[wanted]
    width = header.count(",") + 1
    rows = data.draw(st.lists(st.lists(CELL, min_size=1, max_size=width + 1), max_size=8))
    table = csv_of(header, *rows)
    assert detect(table.header) == wanted
    items = list(parse(table))
    assert items == list(parse(table))
    told = sum(item.rows if isinstance(item, ParsedProduct) else 1 for item in items)
    assert told == sum(1 for _ in table)
    found = [item for item in items if isinstance(item, ParsedProduct)]
    codes = [variant.code for product in found for variant in product.variants]
    assert len(set(codes)) == len(codes)
    assert len({product.handle for product in found}) == len(found)
    assert all(product.variants and product.title for product in found)
    assert all(len(v.option_values) == len(p.options) for p in found for v in p.variants)
