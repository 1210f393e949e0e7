"""Which column of an unknown table is what: written down, guessed from the header, saved as TOML."""

import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, cast

from msgspec import Struct

from siyu.goods.catalogue.importing.parsed import ImportRefused

TARGETS: Final = (
    *("handle", "title", "title_en", "subtitle", "description", "description_en", "category"),
    *("options", "option1_name", "option1_value", "option2_name", "option2_value"),
    *("option3_name", "option3_value", "option4_name", "option4_value"),
    *("option5_name", "option5_value", "sku", "price", "list_price", "stock"),
    *("weight_g", "weight_kg", "barcode", "images", "image_alt", "variant_image", "status", "tags"),
    "locale",
)
ATTRIBUTE: Final = "attribute:"

# What a column is called, the likeliest name first. Compared without case, spaces and punctuation.
_NAMES: Final[dict[str, str]] = {
    "handle": "handle 商品标识 标识 url_handle slug 商品id 货号 款号 商品编码 spu spu编码 spuid product_id item_id 商品编号",
    "title": "title 商品名称 商品标题 标题 名称 品名 产品名称 宝贝名称 宝贝标题 product_name name product_title item_name 商品名",
    "title_en": "title_en 英文名称 英文标题 英文名 商品英文名 english_title english_name name_en",
    "subtitle": "subtitle 副标题 卖点 商品卖点 商品简介 简介 brief short_description 宝贝卖点",
    "description": "description 商品详情 详情 描述 商品描述 图文详情 宝贝描述 body body_html detail details product_description content",
    "description_en": "description_en 英文详情 英文描述",
    "category": "category 分类 商品分类 类目 商品类目 商品分组 分组 categories product_category product_type type 品类 类别 店铺分类",
    "options": "options 规格 商品规格 规格属性 销售属性 sku规格 规格名称 variant options_text 规格值",
    "option1_name": "option1_name 规格名1 规格1名称 规格项1",
    "option1_value": "option1_value 规格值1 规格1 规格1值 颜色 color colour",
    "option2_name": "option2_name 规格名2 规格2名称 规格项2",
    "option2_value": "option2_value 规格值2 规格2 规格2值 尺码 尺寸 size 圈口",
    "option3_name": "option3_name 规格名3 规格3名称 规格项3",
    "option3_value": "option3_value 规格值3 规格3 规格3值",
    "sku": "sku sku编码 规格编码 sku_code skuid sku_id 商家编码 商品条码编码 variant_sku 编码 商品货号 物料编码 规格商家编码",
    "price": "price 售价 销售价 销售价格 价格 单价 现价 零售价 商品价格 sale_price selling_price unit_price retail_price 一口价 店铺价",
    "list_price": "list_price 原价 划线价 市场价 标价 吊牌价 参考价 compare_at_price regular_price msrp original_price market_price 专柜价",
    "stock": "stock 库存 库存数量 商品库存 数量 可售库存 可用库存 现有库存 总库存 quantity qty inventory inventory_quantity stock_quantity on_hand",
    "weight_g": "weight_g 重量g 重量克 克重 净重g 商品重量g weight_grams grams 重量",
    "weight_kg": "weight_kg 重量kg 重量千克 重量公斤 商品重量kg 物流重量kg weight",
    "barcode": "barcode 条码 条形码 商品条码 商品条形码 国际条码 ean upc gtin 69码 ean13",
    "images": "images 图片 商品图片 主图 商品主图 图片地址 图片链接 图片url image image_url image_src picture pictures photo 商品图 宝贝图片 轮播图 image_urls",
    "status": "status 状态 商品状态 上架状态 是否上架 销售状态 上下架状态 上下架 published is_on_sale on_sale",
    "tags": "tags 标签 商品标签 关键词 关键字 keywords labels tag",
}
_UNIT = re.compile(r"[(（\[【]\s*(.*?)\s*[)）\]】]")
_PUNCTUATION = re.compile(r"[\W_]+")


class Mapping(Struct, frozen=True, kw_only=True):
    """Target field ← column, or a constant for every row.

    Targets are ``TARGETS`` and ``attribute:NAME`` for any further fact. ``money``: what unit the
    price columns hold. ``splitter`` separates several values in one cell (images, tags); empty
    means the usual separators.
    """

    columns: dict[str, str]
    constants: dict[str, str] = {}
    money: Literal["yuan", "fen"] = "yuan"
    splitter: str = ""

    def to_toml(self) -> str:
        """As a file that ``from_toml`` reads back to an equal mapping."""
        lines = [f"money = {_quoted(self.money)}", f"splitter = {_quoted(self.splitter)}"]
        for title, table in (("columns", self.columns), ("constants", self.constants)):
            lines += ["", f"[{title}]"]
            lines += [f"{_quoted(key)} = {_quoted(value)}" for key, value in table.items()]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, text: str) -> "Mapping":
        """Read a mapping file. Raises ``ImportRefused``: bad_mapping, unknown_target."""
        try:
            parts: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ImportRefused("bad_mapping", found=str(error)) from error
        unknown = parts.keys() - {"columns", "constants", "money", "splitter"}
        columns, constants = _texts(parts.get("columns", {})), _texts(parts.get("constants", {}))
        money, splitter = parts.get("money", "yuan"), parts.get("splitter", "")
        if unknown or money not in ("yuan", "fen") or not isinstance(splitter, str):
            found = ", ".join(sorted(unknown)) or f"money = {money!r}, splitter = {splitter!r}"
            raise ImportRefused("bad_mapping", found=found)
        mapping = cls(columns=columns, constants=constants, money=money, splitter=splitter)
        mapping.check_targets()
        return mapping

    def check_targets(self) -> None:
        """Raise ``ImportRefused`` (unknown_target) for a field that does not exist."""
        for target in (*self.columns, *self.constants):
            if target not in TARGETS and not (target.startswith(ATTRIBUTE) and target != ATTRIBUTE):
                raise ImportRefused("unknown_target", target=target)

    def check_against(self, header: Sequence[str]) -> None:
        """Raise ``ImportRefused`` unless it can be applied to a table with this header.

        Reasons: unknown_target, unknown_column, nothing_mapped.
        """
        self.check_targets()
        for target, column in self.columns.items():
            if column not in header:
                raise ImportRefused("unknown_column", target=target, column=column)
        given = self.columns.keys() | self.constants.keys()
        if "title" not in given or not given & {"price", "list_price"}:
            raise ImportRefused("nothing_mapped")


def suggest_mapping(header: Iterable[str]) -> Mapping:
    """Guess from the names of columns, Chinese and English; no column is used twice.

    An exact name wins over a name that merely contains a known one; what nobody knows stays out.
    ``money`` becomes "fen" when the price column says so.
    """
    known = {column: _plain(column) for column in header}
    spelled = {target: [_plain(name) for name in names.split()] for target, names in _NAMES.items()}
    found: dict[str, str] = {}

    def take(target: str, matches: Iterable[str]) -> None:
        column = next((column for column in matches if column not in found.values()), None)
        if target not in found and column is not None:
            found[target] = column

    for target, names in spelled.items():
        take(target, (column for name in names for column, plain in known.items() if plain == name))
    for target, names in spelled.items():
        long = [name for name in names if len(name) > (1 if not name.isascii() else 4)]
        take(
            target,
            (
                column
                for name in long
                for column, plain in known.items()
                if name in plain and _near(target, plain)
            ),
        )
    if "handle" in found and "sku" not in found and "编码" in found["handle"]:
        found["sku"] = found.pop("handle")  # one code for everything names what is sold
    fen = _in_fen(found.get("price", "")) or _in_fen(found.get("list_price", ""))
    columns = {target: found[target] for target in TARGETS if target in found}
    constants = {
        f"option{n}_name": columns[f"option{n}_value"]
        for n in (1, 2, 3)
        if f"option{n}_value" in columns and f"option{n}_name" not in columns
    }
    return Mapping(columns=columns, constants=constants, money="fen" if fen else "yuan")


def _near(target: str, plain: str) -> bool:
    """Keep a loose match from taking a column that is plainly something else."""
    others = {
        "title": ("id", "编", "类", "图", "英文", "english", "品牌", "供应商", "规格", "店铺"),
        "price": ("成本", "cost", "原", "市场", "划线", "compare", "会员", "批发", "结算"),
        "stock": ("预警", "锁定", "占用", "alert", "扣减", "方式", "policy", "tracker"),
        "images": ("alt", "position", "视频", "video"),
        "status": ("审核", "order", "订单"),
        "weight_g": ("kg", "千克", "公斤", "unit", "单位"),
        "weight_kg": ("unit", "单位"),
        "description": ("seo", "meta"),
        "handle": ("条码",),
    }
    return not any(word in plain for word in others.get(target, ()))


def _plain(name: str) -> str:
    """A column's name without case, marks and spaces; a unit in brackets stays if it is one."""
    text = unicodedata.normalize("NFKC", name).casefold()
    text = _UNIT.sub(
        lambda match: match[1] if match[1] in {"g", "kg", "克", "千克", "公斤"} else "", text
    )
    return _PUNCTUATION.sub("", text)


def _in_fen(column: str) -> bool:
    units = [unit.strip() for unit in _UNIT.findall(unicodedata.normalize("NFKC", column))]
    return "分" in units or column.casefold().endswith(("_fen", "_minor", "_cents"))


def _texts(value: object) -> dict[str, str]:
    table = cast("dict[str, object]", value) if isinstance(value, dict) else {"": None}
    if not all(isinstance(entry, str) for entry in table.values()):
        raise ImportRefused("bad_mapping", found="columns and constants map text to text")
    return cast("dict[str, str]", table)


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes, and DEL, which TOML does not allow bare."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
