"""What comes out of a product table: products, refused rows, or one refusal of the whole file."""

from typing import ClassVar, Final

from msgspec import Struct

from siyu.kernel.errors import Refusal

REASONS: Final[dict[str, tuple[str, str]]] = {
    "too_many_cells": ("这一行的格子比表头多", "This row has more cells than the header"),
    "no_title": ("没有商品名称", "The product has no title"),
    "title_too_long": ("商品名称超过 200 字", "The title is longer than 200 characters"),
    "bad_handle": (
        "标识只能用文字、数字、连字符、点和下划线，最多 120 字",
        "A handle takes letters, digits, hyphens, dots and underscores, 120 at most",
    ),
    "conflicting_handle": (
        "同一标识在前面已经是另一个商品，或同一商品的行不相邻",
        "The same handle stands above with other product fields, or its rows are not adjacent",
    ),
    "product_refused": (
        "同一商品的第一行没有通过",
        "The first row of this product was refused",
    ),
    "no_variant": ("没有可卖的规格：没有价格", "Nothing to sell: no row of it has a price"),
    "no_price": ("没有价格", "There is no price"),
    "not_a_number": ("不是数字", "This is not a number"),
    "too_fine": ("小数位数超过币种的最小单位", "More decimals than the currency has"),
    "negative": ("不能是负数", "This cannot be negative"),
    "too_large": ("数字太大", "The number is too large"),
    "not_whole": ("要填整数", "This must be a whole number"),
    "script_in_html": (
        "详情里有脚本",
        "The description contains a script",
    ),
    "description_too_long": ("详情太长", "The description is too long"),
    "bad_status": (
        "状态要填 draft、on_sale 或 off（草稿、在售、下架）",
        "A status is draft, on_sale or off",
    ),
    "bad_locale": ("语言要填 zh-CN 或 en", "A language is zh-CN or en"),
    "too_many_options": ("规格项超过 5 个", "More than 5 options"),
    "bad_option": ("规格要写成「名称=值」", "An option is written as name=value"),
    "other_options": (
        "规格项和这个商品的其他行不一样",
        "The options differ from the other rows of this product",
    ),
    "repeated_variant": (
        "这个规格在同一商品里已经有了",
        "This product already has a variant with these options",
    ),
    "repeated_code": ("这个规格编码在前面已经用过", "This SKU code stands above already"),
    "code_too_long": ("编码超过 100 个字符", "The code is longer than 100 characters"),
    "too_many_variants": ("一个商品超过 1,000 个规格", "More than 1,000 variants in one product"),
    "bad_image_url": (
        "图片要用 http 或 https 地址",
        "An image is given by an http or https address",
    ),
    "too_many_images": ("一个商品超过 100 张图片", "More than 100 images in one product"),
    "bad_json": ("不是合法的 JSON", "This is not valid JSON"),
    "marked_deleted": ("在来源系统里已删除", "It is marked as deleted where it comes from"),
}

FILE_REASONS: Final[dict[str, tuple[str, str]]] = {
    "empty": ("文件是空的", "The file is empty"),
    "no_header": ("找不到表头", "There is no header row"),
    "no_rows": ("这张表没有行，只有表头", "The table has no rows, only a header"),
    "not_a_table": (
        "这不是表格。能读的是 CSV、XLSX，和它们的 .gz",
        "This is not a table. CSV and XLSX are read, and .gz of them",
    ),
    "old_excel": (
        "旧版 .xls 不能读取。请在 Excel 里另存为 .xlsx",
        "Old .xls files cannot be read. Save it as .xlsx",
    ),
    "damaged": ("文件损坏，读不完整", "The file is damaged and cannot be read to its end"),
    "unknown_encoding": (
        "文字编码不是 UTF-8、UTF-16 或 GBK。请另存为 UTF-8",
        "The text is neither UTF-8, UTF-16 nor GBK. Save it as UTF-8",
    ),
    "too_big": ("文件太大", "The file is too big"),
    "packed_too_tightly": (
        "压缩比异常，拒绝解压",
        "The file unpacks to far more than such a table can hold",
    ),
    "too_many_rows": ("行数太多，请分成几个文件", "Too many rows. Split the file"),
    "too_many_columns": ("列数太多", "Too many columns"),
    "cell_too_long": (
        "有一个格子太长，多半是引号没有成对",
        "A cell is too long; probably a quotation mark is not closed",
    ),
    "line_too_long": (
        "有一行太长，这不像商品表",
        "A line is too long for a table of products",
    ),
    "nested": (
        "压缩包里还有压缩包。请解压一次，再上传里面的表格",
        "There is an archive inside the archive. Unpack it once and hand in the table itself",
    ),
    "unknown_format": ("不认识的格式", "There is no such format"),
    "unknown_target": ("映射里有不认识的字段", "The mapping names an unknown field"),
    "unknown_column": ("映射里的列在表头里找不到", "The mapping names a column that is not there"),
    "nothing_mapped": (
        "请先指出哪一列是商品名称、哪一列是价格",
        "Say first which column is the title and which the price",
    ),
    "bad_mapping": ("映射文件读不懂", "The mapping file cannot be read"),
}


class ImportRefused(Refusal):
    """The file as a whole cannot be imported; ``facts.reason`` is a key of ``FILE_REASONS``."""

    code: ClassVar[str] = "catalogue.import_refused"
    status: ClassVar[int] = 422
    detail: str = "This file cannot be imported; the reason says what to change."

    def __init__(self, reason: str, **facts: str | int) -> None:
        chinese, english = FILE_REASONS[reason]
        text = {"zh-CN": f"{chinese}。", "en": f"{english}."}
        super().__init__(text["en"], reason=reason, reason_text=text, **facts)


class ParsedOption(Struct, frozen=True, gc=False):
    """A question the buyer answers, with its values in the order of their first appearance."""

    name: str
    values: tuple[str, ...]


class ParsedVariant(Struct, frozen=True, kw_only=True, gc=False):
    """One thing that can be sold. ``option_values`` stand in the order of the product's options.

    ``stock`` None: the file says nothing about it. ``list_price_minor`` is above the price or None.
    """

    code: str
    option_values: tuple[str, ...]
    price_minor: int
    list_price_minor: int | None = None
    stock: int | None = None
    weight_g: int | None = None
    barcode: str | None = None
    image_url: str | None = None


class ParsedImage(Struct, frozen=True, gc=False):
    source_url: str
    alt: str = ""


class ParsedProduct(Struct, frozen=True, kw_only=True, gc=False):
    """A product as the file tells it, cleaned and checked, not yet compared with what exists.

    ``locale`` is the language of category, tags, attributes, options and image texts.
    ``description_html`` is sanitised; its own pictures are listed in ``description_images``.
    ``complete`` is False when rows of it were refused: variants that are missing here may exist.
    ``fingerprint`` changes exactly when the content does; ``line`` and ``rows`` are no content.
    """

    handle: str
    locale: str
    title: dict[str, str]
    subtitle: dict[str, str]
    description_html: dict[str, str]
    description_images: tuple[str, ...]
    category: tuple[str, ...]
    tags: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]
    options: tuple[ParsedOption, ...]
    variants: tuple[ParsedVariant, ...]
    images: tuple[ParsedImage, ...]
    status: str
    complete: bool
    fingerprint: str
    line: int
    rows: int


class Rejected(Struct, frozen=True, gc=False):
    """One refused row: where, why (in both languages), and the beginning of what stood there."""

    line: int
    column: str
    code: str
    reason: dict[str, str]
    value: str


def rejected(line: int, column: str, code: str, value: str = "") -> Rejected:
    """A refused row with the reason that belongs to ``code``."""
    chinese, english = REASONS[code]
    shown = value if len(value) <= 120 else value[:119] + "…"
    return Rejected(line, column, code, {"zh-CN": chinese, "en": english}, shown)
