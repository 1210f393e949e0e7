"""From the text of one cell to a value. Exact: amounts never pass through a float."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser
from typing import Final

import nh3

from siyu.kernel.money import MINOR_DIGITS

MAX_PRICE_MINOR: Final = 10**11
MAX_STOCK: Final = 10**9
MAX_WEIGHT_G: Final = 10**8
MAX_DESCRIPTION: Final = 200_000
MAX_DEPTH: Final = 3
"""Levels of categories: what a phone shows without getting lost."""

STATUSES: Final = {
    **dict.fromkeys(("draft", "草稿", "未发布", "待上架"), "draft"),
    **dict.fromkeys(
        ("on_sale", "on sale", "active", "published", "在售", "上架", "已上架", "出售中", "销售中", "true", "yes", "1", "是"),
        "on_sale",
    ),
    **dict.fromkeys(
        ("off", "archived", "下架", "已下架", "仓库中", "停售", "false", "no", "0", "否"), "off"
    ),
}  # fmt: skip

_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff]")
_PLAIN_AMOUNT = re.compile(r"(\d{1,15})(?:\.(\d{1,6}))?", re.ASCII)
_AMOUNT = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d*))?", re.ASCII)
_CURRENCY_SIGNS = re.compile(r"^(?:CNY|RMB|¥|￥|\$|€|£)\s*|\s*(?:CNY|RMB|元)$", re.IGNORECASE)
_TOO_FINE_TO_WEIGH = re.compile(r"(\.\d{6})\d+\s*$")
_BETWEEN_URLS = re.compile(r"[\s|;,，；]+(?=https?://|//)", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)
_BETWEEN_TAGS = re.compile(r"[,，、;；|\n]+")
_BETWEEN_STEPS = re.compile(r"\s*(?:>|/|＞|›|»)\s*")
_IMAGE_SOURCE = re.compile(r'<img [^>]*?src="(https?://[^"]+)"')
_MAY_BE_SCRIPT = re.compile(
    r"script|\bon\w|[\s/\"'<]on|&#|&colon|&tab|&newline|data\s*:", re.IGNORECASE
)
_MARKUP = re.compile(r"[<>&\r\x00\xa0]")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


class CellRefused(ValueError):
    """A cell cannot be taken; ``code`` is a key of ``REASONS``. Becomes a refused row."""

    def __init__(self, code: str, target: str = "", value: str = "") -> None:
        super().__init__(code)
        self.code, self.target, self.value = code, target, value


def require(holds: bool, code: str, target: str = "", value: str = "") -> None:  # noqa: FBT001
    """Raise ``CellRefused`` unless it holds."""
    if not holds:
        raise CellRefused(code, target, value)


def clean(text: str) -> str:
    """Without surrounding space and without characters that no text column can hold."""
    text = text.strip()
    return _UNWANTED.sub("", text) if not text.isprintable() else text


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection); ``spoken`` takes the mark off again."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def spoken(text: str) -> str:
    """What ``harmless`` was given."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(_FORMULA) else text


def decimal_digits(text: str, digits: int) -> int:
    """A decimal number as an integer of ``digits`` decimals, exactly: ``("12.5", 2)`` is 1250.

    Takes a currency sign, thousands separated in threes, and full-width digits.
    Raises ``CellRefused``: ``not_a_number``, ``too_fine``.
    """
    if (usual := _PLAIN_AMOUNT.fullmatch(text)) and len(usual[2] or "") <= digits:
        return int(usual[1] + (usual[2] or "").ljust(digits, "0"))
    plain = _CURRENCY_SIGNS.sub("", unicodedata.normalize("NFKC", text).strip())
    match = _AMOUNT.fullmatch(plain)
    if match is None or not (match[2] or match[3]) or len(plain) > 40:
        raise CellRefused("not_a_number")
    sign, whole, fraction = match[1], (match[2] or "0").replace(",", ""), match[3] or ""
    if fraction[digits:].strip("0"):
        raise CellRefused("too_fine")
    value = int(whole + fraction[:digits].ljust(digits, "0"))
    return -value if sign == "-" else value


def amount_minor(text: str, currency: str, unit: str = "yuan") -> int:
    """A price in minor units. ``unit`` "fen": the cell holds minor units already.

    Raises ``CellRefused``: ``not_a_number``, ``too_fine``, ``negative``, ``too_large``.
    """
    value = decimal_digits(text, 0 if unit == "fen" else MINOR_DIGITS[currency])
    return _within(value, MAX_PRICE_MINOR)


def count(text: str) -> int:
    """A whole number of pieces. Raises ``CellRefused`` with ``not_whole`` for a fraction."""
    try:
        return _within(decimal_digits(text, 0), MAX_STOCK)
    except CellRefused as refused:
        raise CellRefused("not_whole" if refused.code == "too_fine" else refused.code) from None


def grams(text: str, per_unit: int = 1) -> int:
    """A weight in whole grams, halves rounded up; ``per_unit`` 1000 for a cell in kilograms."""
    millionths = decimal_digits(_TOO_FINE_TO_WEIGH.sub(r"\1", text), 6)
    return _within((millionths * per_unit + 500_000) // 10**6, MAX_WEIGHT_G)


def locale(text: str) -> str:
    """``zh-CN`` or ``en``; raises ``CellRefused`` for another one."""
    known = {"zh-cn": "zh-CN", "zh": "zh-CN", "中文": "zh-CN", "en": "en", "英文": "en"}.get(
        text.lower()
    )
    if known is None:
        raise CellRefused("bad_locale")
    return known


def status(text: str) -> str:
    """``draft``, ``on_sale`` or ``off``; raises ``CellRefused`` for any other word."""
    known = STATUSES.get(text.casefold().replace("-", "_"))
    if known is None:
        raise CellRefused("bad_status")
    return known


def image_urls(text: str, splitter: str = "") -> Iterator[str]:
    """The addresses in a cell, without repetition; a protocol-relative one becomes https.

    Raises ``CellRefused``: ``bad_image_url``.
    """
    if not text:
        return
    parts = text.split(splitter) if splitter else _BETWEEN_URLS.split(text)
    for part in dict.fromkeys(part.strip() for part in parts):
        url = "https:" + part if part.startswith("//") else part
        if not url:
            continue
        if len(url) > 2_000 or _URL.fullmatch(url) is None:
            raise CellRefused("bad_image_url")
        yield url


@lru_cache(maxsize=4096)
def words(text: str, splitter: str = "") -> tuple[str, ...]:
    """Tags in a cell, without repetition, at most 50 of at most 60 characters."""
    parts = text.split(splitter) if splitter else _BETWEEN_TAGS.split(text)
    return tuple(dict.fromkeys(word[:60] for part in parts if (word := part.strip())))[:50]


@lru_cache(maxsize=4096)
def steps(text: str) -> tuple[str, ...]:
    """A category path, from the root: ``首饰 > 手镯`` or ``首饰/手镯``; of a deeper one the first ``MAX_DEPTH``."""
    parts = (part.strip() for part in _BETWEEN_STEPS.split(text))
    return tuple(step[:80] for step in parts if step)[:MAX_DEPTH]


def language_of(text: str) -> str:
    """``zh-CN`` when there is a Chinese character in it, else ``en``."""
    return "zh-CN" if _CHINESE.search(text) else "en"


# ── HTML ──────────────────────────────────────────────────────────────────────────────────────────

_CLEANER = nh3.Cleaner(
    tags={
        *("p", "br", "div", "span", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "blockquote", "pre"),
        *("ul", "ol", "li", "dl", "dt", "dd", "strong", "b", "em", "i", "u", "s", "small", "sub"),
        *("sup", "del", "ins", "code", "table", "caption", "thead", "tbody", "tfoot", "tr", "th"),
        *("td", "img", "figure", "figcaption", "a"),
    },
    attributes={
        "a": {"href", "title"},
        "img": {"src", "alt", "title", "width", "height"},
        "td": {"colspan", "rowspan"},
        "th": {"colspan", "rowspan", "scope"},
    },
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel="noopener noreferrer nofollow",
)


def safe_html(text: str) -> str:
    """HTML of an allow-list of tags and attributes; what is merely unknown is left out.

    Raises ``CellRefused``: ``script_in_html`` for a script element, a handler attribute or a
    script address, so that an attack is reported and not quietly repaired; ``description_too_long``.
    """
    if len(text) > MAX_DESCRIPTION:
        raise CellRefused("description_too_long")
    if not _MARKUP.search(text):
        return text.strip()
    if ("<" in text or "&" in text) and _MAY_BE_SCRIPT.search(text):
        _ScriptSearch.refuse_scripts(text)
    return _CLEANER.clean(text).strip()


def images_in(html: str) -> tuple[str, ...]:
    """Addresses of the pictures inside sanitised HTML, in order, without repetition."""
    return tuple(dict.fromkeys(url.replace("&amp;", "&") for url in _IMAGE_SOURCE.findall(html)))


class _ScriptSearch(HTMLParser):
    """Looks at what tags say; text between tags may speak of scripts as it likes."""

    @classmethod
    def refuse_scripts(cls, text: str) -> None:
        try:
            search = cls(convert_charrefs=True)
            search.feed(text)
            search.close()
        except AssertionError:  # html.parser's answer to a declaration it does not know
            raise CellRefused("script_in_html") from None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag.rpartition(":")[2] == "script":
            raise CellRefused("script_in_html")
        for name, value in attrs:
            address = re.sub(r"[\x00-\x20]+", "", value or "").casefold()
            if re.match(r"on[a-z]", name.strip("/\"'")) or address.startswith(
                ("javascript:", "vbscript:", "livescript:", "data:text/html", "data:image/svg")
            ):
                raise CellRefused("script_in_html")


def _within(value: int, limit: int) -> int:
    if value < 0:
        raise CellRefused("negative")
    if value > limit:
        raise CellRefused("too_large")
    return value
