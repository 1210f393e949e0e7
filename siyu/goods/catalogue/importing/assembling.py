"""Rows of one product become one product. Every format hands its rows here as ``Entry``.

Rows of a product stand together. The first one tells the product; the following ones add variants
and images, and may repeat the product's fields, but not change them. One pass; what is kept of
earlier products is a hash of each handle and code.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from re import ASCII
from re import compile as pattern
from typing import Final, Literal

import msgspec
from msgspec import Struct

from siyu.goods.catalogue.importing import cells
from siyu.goods.catalogue.importing.cells import CellRefused, require
from siyu.goods.catalogue.importing.mapping import ATTRIBUTE
from siyu.goods.catalogue.importing.parsed import (
    ParsedImage,
    ParsedOption,
    ParsedProduct,
    ParsedVariant,
    Rejected,
    rejected,
)

MAX_OPTIONS: Final = 5
MAX_VARIANTS: Final = 1_000
MAX_IMAGES: Final = 100
FINGERPRINT: Final = b"2"  # a new reading of the same text would need a new number

_PRODUCT_FIELDS: Final = (
    *("title", "title_en", "subtitle", "description", "description_en", "category"),
    *("status", "tags"),
)
_OPTION_TARGETS: Final = tuple(
    (f"option{n}_name", f"option{n}_value") for n in range(1, MAX_OPTIONS + 1)
)
_HANDLE = pattern(r"[\w.\-]{1,120}")
_NOT_IN_SLUG = pattern(r"[^a-z0-9]+", ASCII)
_BETWEEN_OPTIONS = pattern(r"[;；|\n]+")
_NAME_AND_VALUE = pattern(r"\s*([^=:：＝]+?)\s*[=:：＝]\s*(.+?)\s*")
_SAYS = pattern(r"[=:：＝]")


class Entry(Struct):
    """One row in the words of ``mapping.TARGETS``; only cells that hold something.

    ``line`` is where to point in a refusal. ``rows`` counts it (0 for a row from a sibling table).
    ``adds_variant`` False: the row only adds images. ``options``: names and values when the format
    tells them apart from the targets.
    """

    line: int
    values: dict[str, str]
    rows: int = 1
    adds_variant: bool = True
    refusal: CellRefused | None = None


class Reading(Struct, frozen=True):
    """How cells are to be understood. ``columns`` gives a target's column for refusals."""

    columns: Mapping[str, str]
    currency: str = "CNY"
    locale: str | None = None
    money: Literal["yuan", "fen"] = "yuan"
    splitter: str = ""
    default_status: str = "draft"
    price_from_list_price: bool = False


class _Told(Struct, frozen=True, kw_only=True, gc=False):
    """What a product's first row tells of it."""

    locale: str
    title: dict[str, str]
    subtitle: dict[str, str]
    description_html: dict[str, str]
    description_images: tuple[str, ...]
    category: tuple[str, ...]
    tags: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]
    status: str


class _Draft:
    """A product while its rows arrive."""

    def __init__(self, handle: str, entry: Entry) -> None:
        self.handle, self.line, self.first = handle, entry.line, entry.values
        self.lines: list[int] = []
        self.rows = 0
        self.complete = True
        self.told: _Told | None = None
        self.option_names: tuple[str, ...] | None = None
        self.variants: dict[tuple[str, ...], ParsedVariant] = {}
        self.images: dict[str, str] = {}


def assemble(entries: Iterable[Entry], reading: Reading) -> Iterator[ParsedProduct | Rejected]:
    """Products and refused rows, in the order of their last rows. Never raises for a cell."""
    seen_handles: set[int] = set()
    seen_codes: set[int] = set()
    draft: _Draft | None = None
    for entry in entries:
        handle, refused = _handle_of(entry)
        if draft is None or refused is not None or handle != draft.handle:
            if draft is not None:
                yield from _finish(draft, reading)
            draft = _Draft(handle, entry)
            refused = refused or _start(draft, entry, reading, seen_handles)
        elif draft.told is None:
            refused = CellRefused("product_refused", "handle", handle)
        else:
            refused = _conflict(draft, entry)
            draft.complete = draft.complete and refused is None
        if refused is None:
            refused = _add(draft, entry, reading, seen_codes)
        if refused is not None and (entry.rows or refused.code != "product_refused"):
            column = reading.columns.get(refused.target, refused.target)
            yield rejected(entry.line, column, refused.code, refused.value)
    if draft is not None:
        yield from _finish(draft, reading)


def _handle_of(entry: Entry) -> tuple[str, CellRefused | None]:
    """The handle of a row: given, or made from the title. A row without either belongs nowhere."""
    if entry.refusal is not None and not entry.values.get("handle"):
        return f"#{entry.line}", entry.refusal
    given = entry.values.get("handle", "")
    if given:
        if _HANDLE.fullmatch(given) is None:
            return f"#{entry.line}", CellRefused("bad_handle", "handle", given)
        return given, None
    title = entry.values.get("title", "")
    if not title:
        return f"#{entry.line}", CellRefused("no_title", "title")
    slug = _NOT_IN_SLUG.sub("-", title.lower()).strip("-")
    if title.isascii() and slug:
        return slug[:120], None
    return f"p-{_digest(title)}", None


def _start(draft: _Draft, entry: Entry, reading: Reading, seen: set[int]) -> CellRefused | None:
    """Read the product's own fields from its first row."""
    key = hash(draft.handle)
    if key in seen:
        return CellRefused("conflicting_handle", "handle", draft.handle)
    seen.add(key)
    if entry.refusal is not None:
        return entry.refusal
    values = entry.values
    target = "title"
    try:
        title = values.get("title", "")
        require(bool(title), "no_title")
        require(len(title) <= 200, "title_too_long")
        require(len(values.get("title_en", "")) <= 200, "title_too_long", "title_en")
        target = "locale"
        locale = cells.locale(values["locale"]) if "locale" in values else reading.locale
        locale = locale or ("zh-CN" if values.get("title_en") else cells.language_of(title))
        target = "description"
        html = cells.safe_html(values.get("description", ""))
        target = "description_en"
        html_en = cells.safe_html(values.get("description_en", ""))
        target = "status"
        status = values.get("status", "")
        status = cells.status(status) if status else reading.default_status
    except CellRefused as refused:
        target = refused.target or target
        return CellRefused(refused.code, target, values.get(target, ""))
    draft.told = _Told(
        locale=locale,
        title=_in_locales((locale, title), ("en", values.get("title_en", ""))),
        subtitle=_in_locales((locale, values.get("subtitle", "")[:200])),
        description_html=_in_locales((locale, html), ("en", html_en)),
        description_images=tuple(dict.fromkeys(cells.images_in(html) + cells.images_in(html_en))),
        category=cells.steps(values.get("category", "")),
        tags=cells.words(values.get("tags", ""), reading.splitter),
        attributes=tuple(
            (name.removeprefix(ATTRIBUTE)[:100], value[:500])
            for name, value in values.items()
            if name.startswith(ATTRIBUTE)
        ),
        status=status,
    )
    return None


def _in_locales(*texts: tuple[str, str]) -> dict[str, str]:
    """Texts by locale, without empty ones; of two in the same locale the first counts."""
    return {locale: text for locale, text in reversed(texts) if text}


def _conflict(draft: _Draft, entry: Entry) -> CellRefused | None:
    """A following row may leave the product's fields empty or repeat them, nothing else."""
    if entry.refusal is not None:
        return entry.refusal
    for target in _PRODUCT_FIELDS:
        value = entry.values.get(target)
        if value and value != draft.first.get(target):
            return CellRefused("conflicting_handle", target, value)
    return None


def _add(draft: _Draft, entry: Entry, reading: Reading, seen_codes: set[int]) -> CellRefused | None:
    """Take the row's images and variant, or neither."""
    values = entry.values
    target = "images"
    try:
        require(len(draft.variants) < MAX_VARIANTS, "too_many_variants")
        urls = list(cells.image_urls(values.get("images", ""), reading.splitter))
        require(len(draft.images.keys() | set(urls)) <= MAX_IMAGES, "too_many_images")
        if entry.adds_variant:
            target = "options"
            names, chosen = _options(values)
            same = draft.option_names is None or names == draft.option_names
            require(same, "other_options", value="; ".join(names))
            new = chosen not in draft.variants
            require(new, "repeated_variant", value=" / ".join(chosen))
            variant = _variant(draft.handle, chosen, values, reading)
            target = "sku"
            require(hash(variant.code) not in seen_codes, "repeated_code", value=variant.code)
            seen_codes.add(hash(variant.code))
            draft.option_names = names
            draft.variants[chosen] = variant
    except CellRefused as refused:
        draft.complete = False
        target = refused.target or target
        return CellRefused(refused.code, target, refused.value or values.get(target, ""))
    for url in urls:
        draft.images.setdefault(url, values.get("image_alt", "")[:200])
    draft.rows += entry.rows
    draft.lines.append(entry.line)
    return None


def _options(values: dict[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and chosen values, from ``options`` (``颜色=翠绿; 圈口=54``) or ``option1_…``."""
    pairs: list[tuple[str, str]] = []
    if together := values.get("options"):
        for part in _BETWEEN_OPTIONS.split(together):
            if not part.strip():
                continue
            match = _NAME_AND_VALUE.fullmatch(part)
            if match is None and _SAYS.search(part):
                raise CellRefused("bad_option", "options", part)
            unnamed = "规格" if not pairs else f"规格{len(pairs) + 1}"
            pairs.append((match[1], match[2]) if match else (unnamed, part.strip()))
    for n, (name_target, value_target) in enumerate(_OPTION_TARGETS, start=1):
        if value := values.get(value_target):
            pairs.append((values.get(name_target) or f"规格{n}", value))
    if len(pairs) > MAX_OPTIONS:
        raise CellRefused("too_many_options")
    names = tuple(name[:100] for name, _ in pairs)
    if len(set(names)) < len(names):
        raise CellRefused("bad_option", value="; ".join(names))
    return names, tuple(value[:100] for _, value in pairs)


def _variant(
    handle: str, chosen: tuple[str, ...], values: dict[str, str], reading: Reading
) -> ParsedVariant:
    """What is sold: price, stock, weight, codes."""
    given = values.get
    target = "price"
    try:
        price_text, list_text = given("price", ""), given("list_price", "")
        if not price_text and reading.price_from_list_price:
            target, price_text = "list_price", list_text
        require(bool(price_text), "no_price")
        price = cells.amount_minor(price_text, reading.currency, reading.money)
        target = "list_price"
        list_price = (
            cells.amount_minor(list_text, reading.currency, reading.money) if list_text else 0
        )
        target = "stock"
        stock = cells.count(text) if (text := given("stock")) else None
        target = "weight_g" if given("weight_g") else "weight_kg"
        weight = (
            cells.grams(text, 1 if target == "weight_g" else 1000)
            if (text := given(target))
            else None
        )
        for target in ("sku", "barcode"):
            require(len(given(target, "")) <= 100, "code_too_long")
    except CellRefused as refused:
        raise CellRefused(refused.code, target, given(target, "")) from None
    image = given("variant_image", "")
    return ParsedVariant(
        code=given("sku") or generated_code(handle, chosen),
        option_values=chosen,
        price_minor=price,
        list_price_minor=list_price if list_price > price else None,
        stock=stock,
        weight_g=weight,
        barcode=given("barcode"),
        image_url=image if image.startswith(("http://", "https://")) else None,
    )


def generated_code(handle: str, option_values: tuple[str, ...]) -> str:
    """A SKU code for a variant without one: the same for the same handle and options, always."""
    return f"{handle[:60]}-{_digest(handle, *option_values)}"


def _digest(*texts: str) -> str:
    return blake2b("\0".join(texts).encode(), digest_size=5).hexdigest()


def _finish(draft: _Draft, reading: Reading) -> Iterator[ParsedProduct | Rejected]:
    """The finished product, or its rows refused if none of them can be sold."""
    if draft.told is None:
        return
    if not draft.variants:
        for line in draft.lines:
            yield rejected(line, reading.columns.get("price", "price"), "no_variant", draft.handle)
        return
    told = draft.told
    product = ParsedProduct(
        handle=draft.handle,
        locale=told.locale,
        title=told.title,
        subtitle=told.subtitle,
        description_html=told.description_html,
        description_images=told.description_images,
        category=told.category,
        tags=told.tags,
        attributes=told.attributes,
        options=tuple(
            ParsedOption(name, tuple(dict.fromkeys(chosen[n] for chosen in draft.variants)))
            for n, name in enumerate(draft.option_names or ())
        ),
        variants=tuple(draft.variants.values()),
        images=tuple(ParsedImage(url, alt) for url, alt in draft.images.items()),
        status=told.status,
        complete=True,
        fingerprint="",
        line=0,
        rows=0,
    )
    content = blake2b(FINGERPRINT + msgspec.json.encode(product), digest_size=16)
    # Nobody has seen the product yet: a changed copy of a hundred thousand of them would cost a second.
    for field, value in (
        ("complete", draft.complete),
        ("fingerprint", content.hexdigest()),
        ("line", draft.line),
        ("rows", draft.rows),
    ):
        msgspec.structs.force_setattr(product, field, value)
    yield product
