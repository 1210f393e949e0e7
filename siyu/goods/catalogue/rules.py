"""Pure decisions of the catalogue: what may be sold, what an edit means, what a product is found by."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import ClassVar
from uuid import UUID

import msgspec

from siyu.goods.catalogue.importing.cells import MAX_DEPTH, CellRefused, safe_html
from siyu.goods.catalogue.shapes import (
    LocaleText,
    NewId,
    Option,
    ProductIn,
    Sku,
    SkuIn,
    Value,
    Whole,
)
from siyu.kernel.errors import Invalid, Refusal
from siyu.kernel.search import tokens

_HANDLE = re.compile(r"[\w.\-]{1,120}")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+", re.ASCII)
_TITLE, _SUBTITLE, _NAME, _FACT = 200, 200, 100, 500
SEPARATOR = " / "


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


# ── What an edit means ────────────────────────────────────────────────────────────────────────────


def plan(
    before: Whole | None,
    wanted: ProductIn,
    now: datetime,
    new_id: NewId,
    *,
    merge: bool = False,
    keep_missing: bool = False,
) -> Whole:
    """The product after an edit; ids of options, values and SKUs that are still meant are kept.

    ``merge`` (imports): texts add to those of other locales. SKUs that are not wanted any more become
    inactive, unless ``keep_missing`` and their options are still there. Raises ``NotReady``.
    """
    options, chosen_ids = _options(
        before.options if before else [], wanted, new_id, merge=merge, keep_missing=keep_missing
    )
    product_id = before.id if before else new_id()
    title = _merged(before.title if before else {}, wanted.title, merge=merge)
    handle = wanted.handle or (before.handle if before else handle_for(title, product_id))
    status = status_at(wanted.status, wanted.on_sale_at, wanted.off_at, now)
    put_on_sale = status == "on_sale" and (before is None or before.status != "on_sale")
    planned = Whole(
        id=product_id,
        version=before.version + 1 if before else 1,
        handle=handle,
        title=title,
        subtitle=_merged(before.subtitle if before else {}, wanted.subtitle, merge=merge),
        description=_merged(
            before.description if before else {}, wanted.description_html, merge=merge
        ),
        kind=wanted.kind,
        status=status,
        on_sale_at=wanted.on_sale_at if status in ("scheduled", "on_sale") else None,
        off_at=wanted.off_at if status in ("scheduled", "on_sale") else None,
        tags=list(dict.fromkeys(tag.strip() for tag in wanted.tags if tag.strip())),
        attributes=wanted.attributes,
        freight_template_id=wanted.freight_template_id,
        category_ids=list(dict.fromkeys(wanted.category_ids)),
        image_ids=list(dict.fromkeys(wanted.image_ids)),
        options=options,
        skus=_skus(
            before.skus if before else [],
            wanted,
            options,
            chosen_ids,
            handle=handle,
            new_id=new_id,
            keep_missing=keep_missing,
        ),
        words="",
        fingerprint=before.fingerprint if before else None,
        published_at=now if put_on_sale else before.published_at if before else None,
        created_at=before.created_at if before else now,
        updated_at=now,
    )
    require_ready(planned)
    msgspec.structs.force_setattr(planned, "words", " ".join(sorted(words_of(planned))))
    return planned


def _merged(before: LocaleText, wanted: LocaleText, *, merge: bool) -> LocaleText:
    return {**before, **wanted} if merge else dict(wanted)


def match(before: Sequence[LocaleText], wanted: Sequence[LocaleText]) -> list[int | None]:
    """For each wanted name the index of the earlier one it stands for: the same text, else the same place."""
    found: list[int | None] = [None] * len(wanted)
    left = dict(enumerate(before))
    for at, name in enumerate(wanted):
        for index, known in left.items():
            if any(known.get(locale) == text for locale, text in name.items()):
                found[at] = index
                del left[index]
                break
    for at, index in enumerate(found):
        if index is None and at in left and len(before) == len(wanted):
            found[at] = at
            del left[at]
    return found


def _options(
    before: list[Option], wanted: ProductIn, new_id: NewId, *, merge: bool, keep_missing: bool
) -> tuple[list[Option], list[list[UUID]]]:
    """The options after an edit, and the ids of their values in the order of the request."""
    options: list[Option] = []
    chosen: list[list[UUID]] = []
    for asked, index in zip(
        wanted.options,
        match([o.name for o in before], [o.name for o in wanted.options]),
        strict=True,
    ):
        earlier = before[index] if index is not None else None
        known = earlier.values if earlier else []
        values: list[Value] = []
        for name, at in zip(
            asked.values, match([v.name for v in known], asked.values), strict=True
        ):
            same = known[at] if at is not None else None
            values.append(
                Value(
                    same.id if same else new_id(),
                    _merged(same.name if same else {}, name, merge=merge),
                )
            )
        chosen.append([value.id for value in values])
        if keep_missing:
            kept = {value.id for value in values}
            values += [value for value in known if value.id not in kept]
        name = _merged(earlier.name if earlier else {}, asked.name, merge=merge)
        options.append(Option(earlier.id if earlier else new_id(), name, values))
    return options, chosen


def _skus(
    before: list[Sku],
    wanted: ProductIn,
    options: list[Option],
    chosen: list[list[UUID]],
    *,
    handle: str,
    new_id: NewId,
    keep_missing: bool,
) -> list[Sku]:
    by_code = {sku.code: sku for sku in before}
    by_values = {tuple(sku.value_ids): sku for sku in before if sku.active}
    names = {value.id: value.name for option in options for value in option.values}
    taken: set[UUID] = set()
    skus: list[Sku] = []
    for asked in wanted.skus:
        value_ids = [chosen[n][index] for n, index in enumerate(asked.option_values)]
        code = asked.code.strip() or sku_code(handle, [names[one] for one in value_ids])
        earlier = by_code.get(code) or by_values.get(tuple(value_ids))
        if earlier is not None and earlier.id in taken:
            earlier = None
        sku = _sku(earlier, asked, code, [(one, names[one]) for one in value_ids], new_id)
        taken.add(sku.id)
        skus.append(sku)
    for sku in before:
        if sku.id not in taken:
            stays = (
                keep_missing
                and sku.active
                and len(sku.value_ids) == len(options)
                and all(one in names for one in sku.value_ids)
            )
            skus.append(sku if stays else msgspec.structs.replace(sku, active=False))
    return skus


def _sku(
    earlier: Sku | None,
    asked: SkuIn,
    code: str,
    values: Sequence[tuple[UUID, LocaleText]],
    new_id: NewId,
) -> Sku:
    """What the request leaves out stays as it was."""
    return Sku(
        id=earlier.id if earlier else new_id(),
        code=code,
        value_ids=[value_id for value_id, _ in values],
        label=label_of([name for _, name in values]),
        price_minor=asked.price_minor,
        list_price_minor=asked.list_price_minor,
        weight_g=asked.weight_g
        if asked.weight_g is not None
        else (earlier.weight_g if earlier else 0),
        barcode=asked.barcode
        if asked.barcode is not None
        else (earlier.barcode if earlier else ""),
        image_id=asked.image_id or (earlier.image_id if earlier else None),
        active=True,
    )


def label_of(names: Sequence[LocaleText]) -> LocaleText:
    """Names of values joined, in every locale that one of them has; the others lend their first text."""
    locales = dict.fromkeys(locale for name in names for locale in name)
    return {
        locale: SEPARATOR.join(name.get(locale) or next(iter(name.values()), "") for name in names)
        for locale in locales
    }


def handle_for(title: LocaleText, product_id: UUID) -> str:
    """A handle for a product without one: from a Latin title, else from its id."""
    latin = next((text for text in (title.get("en", ""), *title.values()) if text.isascii()), "")
    slug = _NOT_IN_SLUG.sub("-", latin.lower()).strip("-")[:80]
    return f"{slug}-{product_id.hex[-6:]}" if slug else f"p-{product_id.hex[-12:]}"


def sku_code(handle: str, names: Sequence[LocaleText]) -> str:
    """A code for a SKU without one: the same for the same handle and values, always."""
    first = "\0".join([handle, *(next(iter(name.values()), "") for name in names)])
    return f"{handle[:60]}-{blake2b(first.encode(), digest_size=5).hexdigest()}"


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
