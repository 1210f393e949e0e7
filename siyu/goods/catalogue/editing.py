"""What an edit means: the product before and the one that is wanted make the one to be kept. Pure.

Ids of options, values and SKUs that are still meant stay, because orders and movements point at them.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

import msgspec

from siyu.goods.catalogue.rules import require_ready, status_at, words_of
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

_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+", re.ASCII)
SEPARATOR = " / "


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
