import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.goods.catalogue.importing import TARGETS, ImportRefused, Mapping, suggest_mapping

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "商品名称,商品编码,规格,售价(元),原价,库存数量,条形码,主图,分类,状态",
            {"title": "商品名称", "sku": "商品编码", "options": "规格", "price": "售价(元)", "list_price": "原价",
             "stock": "库存数量", "barcode": "条形码", "images": "主图", "category": "分类", "status": "状态"},
        ),
        (
            "*商品标题,价格,划线价,成本价,库存,商品图片,商品分组,商品详情,重量(kg),规格编码",
            {"title": "*商品标题", "price": "价格", "list_price": "划线价", "stock": "库存", "images": "商品图片",
             "category": "商品分组", "description": "商品详情", "weight_kg": "重量(kg)", "sku": "规格编码"},
        ),
        (
            "ID,Type,SKU,Name,Short description,Description,Weight (kg),Sale price,Regular price,Categories,Tags,Images,Stock",
            {"sku": "SKU", "title": "Name", "subtitle": "Short description", "description": "Description",
             "weight_kg": "Weight (kg)", "price": "Sale price", "list_price": "Regular price", "category": "Categories",
             "tags": "Tags", "images": "Images", "stock": "Stock"},
        ),
        (
            "货号,宝贝名称,颜色,尺码,一口价,数量,宝贝图片",
            {"handle": "货号", "title": "宝贝名称", "option1_value": "颜色", "option2_value": "尺码", "price": "一口价",
             "stock": "数量", "images": "宝贝图片"},
        ),
        ("product_name,unit_price,qty,image_url,category", {"title": "product_name", "price": "unit_price", "stock": "qty", "images": "image_url", "category": "category"}),
    ],
)  # fmt: skip
def test_usual_headers_are_understood(header: str, expected: dict[str, str]):
    assert suggest_mapping(header.split(",")).columns == expected


def test_an_option_column_names_its_option():
    assert suggest_mapping(["名称", "颜色", "价格"]).constants == {"option1_name": "颜色"}


def test_a_column_in_fen_is_noticed():
    assert suggest_mapping(["名称", "价格（分）"]).money == "fen"
    assert suggest_mapping(["name", "price_minor"]).money == "fen"
    assert suggest_mapping(["名称", "价格（元）"]).money == "yuan"


def test_nothing_is_guessed_where_nothing_is_known():
    assert suggest_mapping(["foo", "bar", ""]).columns == {}


@given(header=st.lists(TEXTS, unique=True, max_size=12))
def test_no_column_is_used_twice_and_only_columns_that_exist(header: list[str]):
    columns = suggest_mapping(header).columns
    assert len(set(columns.values())) == len(columns)
    assert set(columns.values()) <= set(header)


@given(
    columns=st.dictionaries(
        st.sampled_from(TARGETS) | TEXTS.map(lambda name: f"attribute:{name}"), TEXTS
    ),
    constants=st.dictionaries(
        st.sampled_from(TARGETS), st.text(st.characters(exclude_categories=["Cs"]))
    ),
    money=st.sampled_from(["yuan", "fen"]),
    splitter=st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
)
def test_a_saved_mapping_comes_back_as_it_was(columns, constants, money, splitter):
    mapping = Mapping(columns=columns, constants=constants, money=money, splitter=splitter)
    assert Mapping.from_toml(mapping.to_toml()) == mapping
    assert tomllib.loads(mapping.to_toml())["money"] == money


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not toml at all [", "bad_mapping"),
        ("money = 'dollars'", "bad_mapping"),
        ("colums = {}", "bad_mapping"),
        ("[columns]\ntitle = 3", "bad_mapping"),
        ("columns = 3", "bad_mapping"),
        ("[columns]\nname = 'x'", "unknown_target"),
        ("[constants]\n'attribute:' = 'x'", "unknown_target"),
    ],
)
def test_a_mapping_file_that_cannot_be_meant_is_refused(text: str, reason: str):
    with pytest.raises(ImportRefused) as refused:
        Mapping.from_toml(text)
    assert refused.value.facts["reason"] == reason
