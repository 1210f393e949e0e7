"""Pure decisions of the catalogue: what may be sold, what a product is found by. What an edit means: ``editing``."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import msgspec

from siyu.goods.catalogue.importing.cells import MAX_DEPTH, CellRefused, safe_html
from siyu.goods.catalogue.shapes import (
    LocaleText,
    ProductIn,
    Whole,
)
from siyu.kernel.errors import Invalid, Refusal
from siyu.kernel.search import tokens

_HANDLE = re.compile(r"[\w.\-]{1,120}")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")
_TITLE, _SUBTITLE, _NAME, _FACT = 200, 200, 100, 500


class NotOnSale(Refusal):
    """Something that is asked for cannot be bought now; ``facts``: sku_ids or product_id."""

    code = "catalogue.not_on_sale"
    detail = "This is not on sale any more."


class ChangedMeanwhile(Refusal):
    """Somebody else saved first; ``facts``: version (now)."""

    code = "catalogue.changed_meanwhile"
    detail = "Somebody has changed this meanwhile. Load it again and repeat your change."


class HandleTaken(Refusal):
    """Another product of the brand has the handle; ``facts``: handle."""

    code = "catalogue.handle_taken"
    detail = "Another product has this handle. Choose another one."


class CodeTaken(Refusal):
    """Another product of the brand has these SKU codes; ``facts``: codes."""

    code = "catalogue.code_taken"
    detail = "Another product has a SKU with this code. Choose another one."


class NotReady(Refusal):
    """A product cannot go on sale as it is; ``facts``: missing."""

    code = "catalogue.not_ready"
    status: ClassVar[int] = 422
    detail = "It needs a title and at least one SKU before it can go on sale."


class StillOnSale(Refusal):
    """A product on sale cannot be deleted."""

    code = "catalogue.still_on_sale"
    detail = "Take it off sale before you delete it."


class CategoryInUse(Refusal):
    """A category with categories below it cannot be deleted; ``facts``: categories."""

    code = "catalogue.category_in_use"
    detail = "Move the categories below it elsewhere before you delete it."


class CategoryCircle(Refusal):
    """A category cannot stand below itself."""

    code = "catalogue.category_circle"
    status: ClassVar[int] = 422
    detail = "A category cannot stand below itself or deeper than three levels."


class _Findings:
    """Collects what is wrong, so that an editor can show all of it at once."""

    def __init__(self) -> None:
        self.errors: list[dict[str, str]] = []

    def unless(self, holds: object, path: str, message: str) -> None:
        if not holds:
            self.errors.append({"path": path, "message": message})

    def text(self, value: LocaleText, path: str, longest: int, *, needed: bool = False) -> None:
        self.unless(all(_LOCALE.fullmatch(locale) for locale in value), path, "unknown_locale")
        self.unless(
            len(value) <= 20 and all(len(text) <= longest for text in value.values()),
            path,
            "too_long",
        )
        self.unless(not needed or any(text.strip() for text in value.values()), path, "missing")


def checked(wanted: ProductIn) -> ProductIn:
    """The same product with clean texts and safe HTML. Raises ``Invalid`` with every error and its path."""
    found = _Findings()
    found.text(wanted.title, "title", _TITLE, needed=True)
    found.text(wanted.subtitle, "subtitle", _SUBTITLE)
    found.unless(not wanted.handle or _HANDLE.fullmatch(wanted.handle), "handle", "bad_handle")
    for at, option in enumerate(wanted.options):
        found.text(option.name, f"options.{at}.name", _NAME, needed=True)
        for n, value in enumerate(option.values):
            found.text(value, f"options.{at}.values.{n}", _NAME, needed=True)
    for at, attribute in enumerate(wanted.attributes):
        found.text(attribute.name, f"attributes.{at}.name", _NAME, needed=True)
        found.text(attribute.value, f"attributes.{at}.value", _FACT)
    _check_skus(wanted, found)
    times = (wanted.on_sale_at, wanted.off_at)
    found.unless(
        all(t is None or t.tzinfo is not None for t in times), "on_sale_at", "no_time_zone"
    )
    if not found.errors:
        found.unless(wanted.status != "scheduled" or wanted.on_sale_at, "on_sale_at", "missing")
        late = wanted.on_sale_at and wanted.off_at and wanted.off_at <= wanted.on_sale_at
        found.unless(not late, "off_at", "before_on_sale")
    html: LocaleText = {}
    for locale, text in wanted.description_html.items():
        found.unless(_LOCALE.fullmatch(locale), "description_html", "unknown_locale")
        try:
            html[locale] = safe_html(text)
        except CellRefused as refused:
            found.unless(False, f"description_html.{locale}", refused.code)
    if found.errors:
        raise Invalid(errors=found.errors)
    return msgspec.structs.replace(
        wanted,
        title=_trimmed(wanted.title),
        subtitle=_trimmed(wanted.subtitle),
        description_html=_trimmed(html),
    )


def _check_skus(wanted: ProductIn, found: _Findings) -> None:
    combinations: set[tuple[int, ...]] = set()
    codes: set[str] = set()
    for at, sku in enumerate(wanted.skus):
        path, chosen = f"skus.{at}", tuple(sku.option_values)
        fits = len(chosen) == len(wanted.options) and all(
            0 <= index < len(option.values)
            for index, option in zip(chosen, wanted.options, strict=False)
        )
        found.unless(fits, f"{path}.option_values", "no_such_value")
        found.unless(chosen not in combinations, f"{path}.option_values", "repeated_combination")
        combinations.add(chosen)
        code = sku.code.strip()
        found.unless(not code or code not in codes, f"{path}.code", "repeated_code")
        found.unless(code.isprintable(), f"{path}.code", "bad_code")
        codes.add(code)


def _trimmed(text: LocaleText) -> LocaleText:
    return {locale: value.strip() for locale, value in text.items() if value.strip()}


def status_at(
    wanted: str, on_sale_at: datetime | None, off_at: datetime | None, now: datetime
) -> str:
    """The status a product has at a moment, when it was given one with these times."""
    if wanted in ("scheduled", "on_sale") and off_at is not None and off_at <= now:
        return "off"
    if wanted == "scheduled" and on_sale_at is not None and on_sale_at <= now:
        return "on_sale"
    return wanted


def require_ready(product: Whole) -> None:
    """Raise ``NotReady`` unless shoppers could buy something."""
    missing = [
        what
        for what, there in (("title", any(product.title.values())), ("skus", product.on_offer))
        if not there
    ]
    if product.status in ("scheduled", "on_sale") and missing:
        raise NotReady(missing=missing, product_id=str(product.id))


def words_of(product: Whole) -> set[str]:
    """Everything a product is found by: titles, tags, handle, codes, barcodes, choices and facts."""
    texts = [
        *product.title.values(),
        *product.subtitle.values(),
        *product.tags,
        product.handle,
        *(text for sku in product.on_offer for text in (sku.code, sku.barcode) if text),
        *(
            text
            for option in product.options
            for value in option.values
            for text in value.name.values()
        ),
        *(text for attribute in product.attributes for text in attribute.value.values()),
    ]
    return tokens("\n".join(texts))


def depth_of(category_id: UUID, parent_of: Callable[[UUID], UUID | None]) -> int:
    """How deep a category stands (1 = at the root). Raises ``CategoryCircle`` beyond ``MAX_DEPTH`` or in a circle."""
    depth, at = 0, category_id
    while True:
        depth += 1
        if depth > MAX_DEPTH:
            raise CategoryCircle
        parent = parent_of(at)
        if parent is None:
            return depth
        at = parent


def said(text: Mapping[str, str], locale: str, otherwise: str = "zh-CN") -> str:
    """Merchant text in a locale: that one, the same language, the brand's own, any; empty without any."""
    if locale in text:
        return text[locale]
    language = locale.partition("-")[0]
    near = next(
        (value for known, value in text.items() if known.partition("-")[0] == language), None
    )
    return near or text.get(otherwise) or next(iter(text.values()), "")
