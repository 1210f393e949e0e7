"""Products as merchants export them become ours."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from siyu.goods.catalogue.importing import (
    ImportRefused,
    Mapping,
    ParsedImage,
    ParsedOption,
    ParsedProduct,
    Rejected,
    detect,
    open_table,
    parse,
)
from tests.goods.catalogue.importing.tables import (
    GOODS,
    SHOPIFY,
    SIYU,
    beside,
    csv_of,
    flat,
    products,
    refused,
    shopify,
)


def test_a_shopify_product_gathers_its_rows():
    table = csv_of(
        SHOPIFY,
        shopify(Handle="bangle", Title="Jade Bangle", Body="<p>Cool</p>", Vendor="Lanyu", Type="Bangles", Tags="jade, gift",
                Published="true", Option1Name="Color", Option1Value="Icy", VariantPrice="1299.90", VariantCompareAtPrice="1,500.00",
                VariantInventoryQty="3", VariantGrams="52", ImageSrc="https://i.example/1.jpg", ImageAltText="front"),
        shopify(Handle="bangle", Option1Value="Ink", VariantPrice="1399", VariantImage="https://i.example/2.jpg"),
        shopify(Handle="bangle", ImageSrc="https://i.example/2.jpg"),
        shopify(Handle="tea", Title="White Tea", Published="false", Option1Name="Title", Option1Value="Default Title", VariantPrice="58"),
    )  # fmt: skip
    bangle, tea = products(table)
    assert bangle.title == {"en": "Jade Bangle"}
    assert bangle.category == ("Bangles",)
    assert bangle.tags == ("jade", "gift")
    assert bangle.attributes == (("Vendor", "Lanyu"),)
    assert bangle.options == (ParsedOption("Color", ("Icy", "Ink")),)
    assert bangle.images == (
        ParsedImage("https://i.example/1.jpg", "front"),
        ParsedImage("https://i.example/2.jpg"),
    )
    icy, ink = bangle.variants
    assert (icy.price_minor, icy.list_price_minor, icy.stock, icy.weight_g) == (
        129990,
        150000,
        3,
        52,
    )
    assert (ink.option_values, ink.price_minor, ink.stock, ink.image_url) == (
        ("Ink",),
        139900,
        None,
        "https://i.example/2.jpg",
    )
    assert (bangle.status, tea.status) == ("on_sale", "off")
    assert (bangle.line, bangle.rows, tea.line, tea.rows) == (2, 3, 5, 1)
    assert tea.options == () and tea.variants[0].option_values == ()


def test_codes_are_made_from_handle_and_options_and_stay_the_same():
    rows = [
        shopify(
            Handle="ring", Title="Ring", Option1Name="Size", Option1Value=size, VariantPrice="10"
        )
        for size in ("12", "13")
    ]
    codes = [v.code for p in products(csv_of(SHOPIFY, *rows)) for v in p.variants]
    assert len(set(codes)) == 2 and all(code.startswith("ring-") for code in codes)
    turned = [v.code for p in products(csv_of(SHOPIFY, *reversed(rows))) for v in p.variants]
    assert set(turned) == set(codes)
    given = shopify(Handle="ring", Title="Ring", VariantSKU="R-1", VariantPrice="10")
    assert products(csv_of(SHOPIFY, given))[0].variants[0].code == "R-1"


def test_shopifys_drafts_and_archived_products_are_not_put_on_sale():
    rows = [
        shopify(Handle=status, Title=status, Status=status, Published="true", VariantPrice="1")
        for status in ("active", "draft", "archived")
    ]
    assert [product.status for product in products(csv_of(SHOPIFY, *rows))] == [
        "on_sale",
        "draft",
        "off",
    ]


def test_the_real_shopify_exports_come_out_to_the_cent():
    found: list[ParsedProduct] = []
    rows = 0
    for path in sorted(beside("catalogue-shopify").glob("*.csv")):
        table = open_table(path)
        assert detect(table.header) == "shopify"
        rows += sum(1 for _ in table)
        found += products(table)
    variants = [variant for product in found for variant in product.variants]
    assert (rows, len(found), len(variants)) == (84, 60, 66)
    assert sum(product.rows for product in found) == 84
    assert sum(len(product.images) for product in found) == 82
    assert sum(variant.price_minor for variant in variants) == 462158


def test_the_real_litemall_export_comes_out_to_the_fen():
    folder = beside("catalogue-litemall-zh")
    for source in (folder, folder / "litemall_goods.csv.gz"):
        found = products(open_table(source))
        variants = [variant for product in found for variant in product.variants]
        assert (len(found), len(variants)) == (239, 244)
        assert sum(variant.price_minor for variant in variants) == 10673010
        assert sum(variant.stock or 0 for variant in variants) == 24761
        assert sum(product.status == "on_sale" for product in found) == 238
        bed = next(product for product in found if product.handle == "1181000")
        assert [option.name for option in bed.options] == ["规格", "颜色"]
        assert all(len(product.category) == 2 for product in found)


def litemall_folder(folder: Path, *, skus: bool = True) -> Path:
    def write(name: str, header: str, *rows: list[object]) -> None:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(header.split(","))
        writer.writerows(rows)
        (folder / f"shop_{name}.csv.gz").write_bytes(gzip.compress(text.getvalue().encode()))

    gallery = json.dumps(["http://i.example/a.jpg", "http://i.example/b.jpg"])
    write(
        "goods",
        GOODS,
        [7, "7", "和田玉手串", 11, 1, gallery, "送礼,手串", "温润", 1, "http://i.example/a.jpg", "条", "999.00", "899.00", "<p>x</p>", 0],
        [8, "8", "茶罐", 11, 0, "[oops", "", "", 1, "", "个", "99", "58", "", 0],
        [9, "9", "旧款", 11, 0, "[]", "", "", 1, "", "个", "99", "58", "", 1],
        [10, "10", "无规格", 11, 0, "[]", "", "", 0, "", "个", "99", "58", "", 0],
    )  # fmt: skip
    write("category", "id,name,pid,deleted", [1, "首饰", 0, 0], [11, "手串", 1, 0])
    write("brand", "id,name,deleted", [1, "澜玉", 0])
    write("goods_attribute", "id,goods_id,attribute,value,deleted", [1, 7, "产地", "新疆", 0])
    write(
        "goods_specification",
        "id,goods_id,specification,value,deleted",
        [1, 7, "尺寸", "8 mm", 0],
        [2, 7, "尺寸", "10 mm", 0],
    )
    if skus:
        write(
            "goods_product",
            "id,goods_id,specifications,price,number,url,deleted",
            [1, 7, '["8 mm"]', "899.00", 5, "http://i.example/8.jpg", 0],
            [2, 7, '["10 mm"]', "abc", 5, "", 0],
            [3, 7, '["12 mm"]', "999.50", 6, "", 1],
        )
    return folder


def test_a_litemall_export_joins_its_tables(tmp_path: Path):
    table = open_table(litemall_folder(tmp_path))
    items = list(parse(table))
    (bracelet,) = [item for item in items if isinstance(item, ParsedProduct)]
    assert bracelet.category == ("首饰", "手串")
    assert bracelet.attributes == (("品牌", "澜玉"), ("单位", "条"), ("产地", "新疆"))
    assert bracelet.tags == ("送礼", "手串")
    assert bracelet.options == (ParsedOption("尺寸", ("8 mm",)),)
    assert (
        bracelet.variants[0].price_minor,
        bracelet.variants[0].list_price_minor,
        bracelet.variants[0].stock,
    ) == (89900, 99900, 5)
    assert [image.source_url for image in bracelet.images] == [
        "http://i.example/a.jpg",
        "http://i.example/b.jpg",
    ]
    assert not bracelet.complete
    assert [(i.line, i.column, i.code) for i in items if isinstance(i, Rejected)] == [
        (3, "goods_product.price", "not_a_number"),
        (3, "gallery", "bad_json"),
        (4, "deleted", "marked_deleted"),
        (5, "goods_product.price", "no_variant"),
    ]


def test_litemall_goods_alone_are_sold_at_their_retail_price(tmp_path: Path):
    table = open_table(litemall_folder(tmp_path, skus=False))
    found = [item for item in parse(table) if isinstance(item, ParsedProduct)]
    assert [(p.handle, p.variants[0].price_minor, p.status) for p in found] == [
        ("7", 89900, "on_sale"),
        ("10", 5800, "off"),
    ]


def test_our_own_format_tells_everything_in_one_table():
    table = csv_of(
        SIYU + ",attribute:材质",
        [*flat(handle="bangle-icy", title="冰种手镯", title_en="Icy bangle", description="<p>晴水</p>", category="首饰/手镯",
               options="圈口=54; 颜色=晴水", sku="B-54", price="3,496.00", list_price="3680", stock="2", weight_g="48.5",
               images="https://i.example/1.jpg https://i.example/2.jpg", status="on_sale", tags="翡翠，送礼"), "翡翠"],
        [*flat(handle="bangle-icy", title="冰种手镯", options="圈口=56;颜色=晴水", sku="B-56", price="3696"), ""],
    )  # fmt: skip
    assert detect(table.header) == "siyu"
    (bangle,) = products(table)
    assert bangle.title == {"zh-CN": "冰种手镯", "en": "Icy bangle"}
    assert bangle.description_html == {"zh-CN": "<p>晴水</p>"}
    assert bangle.category == ("首饰", "手镯")
    assert bangle.options == (ParsedOption("圈口", ("54", "56")), ParsedOption("颜色", ("晴水",)))
    assert bangle.attributes == (("材质", "翡翠"),)
    assert [
        (v.code, v.price_minor, v.list_price_minor, v.stock, v.weight_g) for v in bangle.variants
    ] == [
        ("B-54", 349600, 368000, 2, 49),
        ("B-56", 369600, None, None, None),
    ]
    assert (bangle.status, len(bangle.images), bangle.complete) == ("on_sale", 2, True)


def test_products_without_handle_are_told_apart_by_their_title():
    table = csv_of(
        "商品名称,规格,售价",
        ["手镯", "圈口:54", "10"],
        ["手镯", "圈口:56", "11"],
        ["Gold Ring", "", "12"],
    )
    bangle, ring = products(table)
    assert len(bangle.variants) == 2 and bangle.handle.startswith("p-")
    assert ring.handle == "gold-ring"


def test_an_unknown_table_is_read_by_a_mapping():
    table = csv_of(
        "品名,分,类,图,大类",
        ["手镯", "128050", "翡翠", "https://i.example/1.jpg#https://i.example/2.jpg", "首饰"],
    )
    mapping = Mapping(
        columns={
            "title": "品名",
            "price": "分",
            "images": "图",
            "attribute:类": "类",
            "category": "大类",
        },
        constants={"status": "on_sale", "tags": "新品"},
        money="fen",
        splitter="#",
    )
    (bangle,) = products(table, "table", mapping)
    assert bangle.variants[0].price_minor == 128050
    assert (len(bangle.images), bangle.attributes, bangle.tags) == (2, (("类", "翡翠"),), ("新品",))
    assert refused(table, "table", Mapping(columns={"title": "品名", "price": "类"})) == [
        (2, "类", "not_a_number")
    ]


def test_a_workbook_in_gbk_times_is_still_a_workbook_and_a_gbk_csv_says_the_same():
    text = "商品名称,售价,库存\n翡翠手镯,1280.00,3\n"
    (plain,) = products(open_table(text.encode("gb18030"), "goods.csv"))
    assert (plain.title, plain.variants[0].price_minor, plain.variants[0].stock) == (
        {"zh-CN": "翡翠手镯"},
        128000,
        3,
    )
    (packed,) = products(open_table(gzip.compress(b"\xef\xbb\xbf" + text.encode()), "goods.csv.gz"))
    assert packed == plain


@pytest.mark.parametrize(
    ("header", "wanted", "mapping", "reason"),
    [
        ("title,price", "csv", None, "unknown_format"),
        ("title,price", "shopify", None, "unknown_column"),
        ("品牌,颜色", "auto", None, "nothing_mapped"),
        (
            "title,price",
            "table",
            Mapping(columns={"title": "Title", "price": "price"}),
            "unknown_column",
        ),
        (
            "title,price",
            "table",
            Mapping(columns={"name": "title", "price": "price"}),
            "unknown_target",
        ),
    ],
)
def test_what_does_not_fit_the_table_is_refused_at_once(
    header: str, wanted: str, mapping: Mapping | None, reason: str
):
    with pytest.raises(ImportRefused) as refusal:
        parse(csv_of(header, ["a", "1"]), wanted, mapping)
    assert refusal.value.facts["reason"] == reason


def test_the_fingerprint_changes_with_the_content_and_only_with_it():
    row = {"handle": "ring", "title": "戒指", "price": "10.00", "stock": "5"}
    (first,) = products(csv_of(SIYU, flat(**row)))
    (moved,) = products(
        csv_of(
            SIYU, flat(handle="other", title="别的", price="1"), flat(**{**row, "price": " 10 "})
        )
    )[1:]
    (changed,) = products(csv_of(SIYU, flat(**{**row, "stock": "4"})))
    assert first.fingerprint == moved.fingerprint != changed.fingerprint
    assert first.line != moved.line
