"""Imported products into the catalogue, a chunk of them in one transaction and a constant number of statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from siyu.goods.catalogue import editing, rules
from siyu.goods.catalogue.actions.media import Wanted, media_of_sources, own_pictures
from siyu.goods.catalogue.actions.writing import Change, write_products
from siyu.goods.catalogue.importing import ParsedProduct, Rejected
from siyu.goods.catalogue.ports import plugs
from siyu.goods.catalogue.queries.whole import whole_products
from siyu.goods.catalogue.shapes import AttributeOut, NewId, OptionIn, ProductIn, SkuIn, Whole
from siyu.goods.catalogue.showing import own_id, stored_html
from siyu.kernel import clock
from siyu.kernel.db import Actor
from siyu.kernel.ids import new_id, new_ids

CODE_TAKEN = {
    "zh-CN": "这个规格编码属于另一个商品",
    "en": "This SKU code belongs to another product",
}
BAD_IMAGE = {"zh-CN": "图片地址太长", "en": "The image address is too long"}


class Shelves:
    """The brand's categories by parent and name in any locale; missing ones are made on the way."""

    def __init__(self) -> None:
        self._known: dict[tuple[UUID | None, str], UUID] | None = None
        self._fresh: list[tuple[UUID, UUID | None, str, str, int]] = []

    def forget(self) -> None:
        """What was made did not stay (a trial run)."""
        self._known = None

    async def place(
        self, connection: asyncpg.Connection, products: Sequence[ParsedProduct]
    ) -> dict[tuple[str, ...], UUID]:
        """The category of each path that the products name."""
        if self._known is None:
            self._known = {}
            for row in await connection.fetch("select id, parent_id, name::text from categories"):
                for name in msgspec.json.decode(row["name"], type=dict[str, str]).values():
                    self._known.setdefault((row["parent_id"], name), row["id"])
        placed: dict[tuple[str, ...], UUID] = {}
        for product in products:
            if product.category and product.category not in placed:
                placed[product.category] = self._walk(product.category, product.locale)
        if self._fresh:
            await connection.execute(
                """insert into categories (id, parent_id, name, position)
                   select id, parent_id, jsonb_build_object(locale, name), position
                   from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[]) as c(id, parent_id, locale, name, position)""",
                *([row[n] for row in self._fresh] for n in range(5)),
            )
            self._fresh = []
        return placed

    def _walk(self, path: tuple[str, ...], locale: str) -> UUID:
        assert self._known is not None
        at: UUID | None = None
        for name in path:
            known = self._known.get((at, name))
            if known is None:
                known = self._known[at, name] = new_id()
                self._fresh.append((known, at, locale, name, len(self._known)))
            at = known
        assert at is not None
        return at


class Taken(msgspec.Struct):
    """What became of a chunk."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[Rejected] = []
    pictures: int = 0
    """Addresses that wait to be fetched."""


async def standing(
    connection: asyncpg.Connection, products: Sequence[ParsedProduct]
) -> dict[str, tuple[UUID, str | None]]:
    """Which handles exist already, with the fingerprint of what was imported last.

    Deleted products have given their handles back.
    """
    # Lateral, here and below: each name is one descent of its index even while a fresh brand's tables have no
    # statistics yet; "= any(…)" was planned as a scan of the whole brand then, per chunk.
    rows = await connection.fetch(
        """select h.handle, p.id, p.fingerprint from unnest($1::text[]) as h(handle)
           cross join lateral (select id, fingerprint from products where handle = h.handle limit 1) p""",
        [product.handle for product in products],
    )
    return {row["handle"]: (row["id"], row["fingerprint"]) for row in rows}


async def take_in(
    connection: asyncpg.Connection,
    products: Sequence[ParsedProduct],
    shelves: Shelves,
    actor: Actor,
) -> Taken:
    """Write what is new or different; leave alone what is as it was imported last.

    Stock is set as counted, for products that are written. Products whose SKU codes belong to others are refused.
    """
    taken = Taken(refused=[])
    known = await standing(connection, products)
    different = [
        p for p in products if p.handle not in known or known[p.handle][1] != p.fingerprint
    ]
    taken.unchanged = len(products) - len(different)
    different, taken.refused = await _without_foreign_codes(connection, different, known)
    if not different:
        return taken
    ids = sorted(known[p.handle][0] for p in different if p.handle in known)
    if ids:
        await connection.fetch(
            "select id from products where id = any($1::uuid[]) order by id for update", ids
        )
    before = await whole_products(connection, ids)
    placed = await shelves.place(connection, different)
    pictures = await media_of_sources(connection, _sources(different))
    taken.pictures = len(pictures)
    pictures |= await own_pictures(connection, _addresses(different))
    changes: list[Change] = []
    alike: list[Whole] = []
    counted: dict[UUID, int] = {}
    now, fresh = clock.now(), ids_in_blocks()
    for product in different:
        earlier = before[known[product.handle][0]] if product.handle in known else None
        after = _planned(product, earlier, placed, pictures, now, fresh)
        if earlier is not None and same_content(earlier, after):
            alike.append(after)
        else:
            changes.append((earlier, after))
        stock = {
            variant.code: variant.stock for variant in product.variants if variant.stock is not None
        }
        counted.update({sku.id: stock[sku.code] for sku in after.on_offer if sku.code in stock})
    await write_products(connection, changes, actor=actor, origin="import")
    await _remember(connection, alike)
    if counted:
        await plugs.shelf.count(connection, counted, kind="imported", reason="")
    taken.updated = sum(1 for earlier, _ in changes if earlier is not None)
    taken.new = len(changes) - taken.updated
    taken.unchanged += len(alike)
    return taken


def same_content(before: Whole, after: Whole) -> bool:
    """Whether a write would change nothing that anybody can see."""
    return before == msgspec.structs.replace(
        after,
        version=before.version,
        fingerprint=before.fingerprint,
        updated_at=before.updated_at,
    )


async def _remember(connection: asyncpg.Connection, alike: Sequence[Whole]) -> None:
    """Next time the fingerprint tells at once that there is nothing to do."""
    if alike:
        await connection.execute(
            """update products p set fingerprint = f.fingerprint
               from unnest($1::uuid[], $2::text[]) as f(id, fingerprint) where p.id = f.id""",
            [product.id for product in alike],
            [product.fingerprint for product in alike],
        )


async def _without_foreign_codes(
    connection: asyncpg.Connection,
    products: list[ParsedProduct],
    known: Mapping[str, tuple[UUID, str | None]],
) -> tuple[list[ParsedProduct], list[Rejected]]:
    """A code names one thing of the brand: products that claim another's are refused whole."""
    codes = [variant.code for product in products for variant in product.variants]
    rows = await connection.fetch(
        """select c.code, s.product_id from unnest($1::text[]) as c(code)
           cross join lateral (select product_id from skus where code = c.code limit 1) s""",
        codes,
    )
    owner = {row["code"]: row["product_id"] for row in rows}
    good: list[ParsedProduct] = []
    refused: list[Rejected] = []
    for product in products:
        own = known[product.handle][0] if product.handle in known else None
        foreign = [v.code for v in product.variants if v.code in owner and owner[v.code] != own]
        if foreign:
            refused.append(
                Rejected(product.line, "sku", "code_taken", CODE_TAKEN, foreign[0][:120])
            )
        else:
            good.append(product)
    return good, refused


def _sources(products: Sequence[ParsedProduct]) -> list[Wanted]:
    wanted: list[Wanted] = []
    for product in products:
        label = rules.said(product.title, "zh-CN")
        wanted += [
            Wanted(image.source_url, {product.locale: image.alt} if image.alt else {}, label)
            for image in product.images
        ]
        wanted += [Wanted(source, {}, label) for source in product.description_images]
        wanted += [
            Wanted(variant.image_url, {}, label)
            for variant in product.variants
            if variant.image_url
        ]
    return [one for one in wanted if own_id(one.source) is None]


def _addresses(products: Sequence[ParsedProduct]) -> set[str]:
    """Addresses of pictures and SKUs' pictures: those in descriptions are understood where they are stored."""
    return {image.source_url for product in products for image in product.images} | {
        variant.image_url
        for product in products
        for variant in product.variants
        if variant.image_url
    }


def _planned(
    product: ParsedProduct,
    earlier: Whole | None,
    placed: Mapping[tuple[str, ...], UUID],
    pictures: Mapping[str, UUID],
    now: datetime,
    fresh: NewId,
) -> Whole:
    """The product after the import. A file never takes something off sale by saying nothing about it."""
    status = earlier.status if earlier and product.status == "draft" else product.status
    images = [
        pictures[image.source_url] for image in product.images if image.source_url in pictures
    ]
    wanted = ProductIn(
        title=product.title,
        skus=_skus(product, pictures),
        handle=product.handle,
        subtitle=product.subtitle,
        description_html={
            locale: stored_html(html, pictures) for locale, html in product.description_html.items()
        },
        status=status,  # pyright: ignore[reportArgumentType]
        on_sale_at=earlier.on_sale_at if earlier else None,
        off_at=earlier.off_at if earlier else None,
        category_ids=_categories(placed.get(product.category), earlier),
        tags=list(product.tags) if product.tags or earlier is None else earlier.tags,
        attributes=_attributes(product, earlier),
        options=[
            OptionIn(
                {product.locale: option.name}, [{product.locale: value} for value in option.values]
            )
            for option in product.options
        ],
        image_ids=images if images or earlier is None else earlier.image_ids,
        kind=earlier.kind if earlier else "goods",  # pyright: ignore[reportArgumentType]
        freight_template_id=earlier.freight_template_id if earlier else None,
    )
    after = editing.plan(earlier, wanted, now, fresh, merge=True, keep_missing=not product.complete)
    msgspec.structs.force_setattr(after, "fingerprint", product.fingerprint)
    return after


def ids_in_blocks() -> NewId:
    """``new_id`` for work that needs thousands: made in blocks of a thousand."""
    made: list[UUID] = []

    def fresh() -> UUID:
        if not made:
            made.extend(reversed(new_ids(1000)))
        return made.pop()

    return fresh


def _categories(named: UUID | None, earlier: Whole | None) -> list[UUID]:
    """The file names the first category; those that staff have added stay."""
    others = earlier.category_ids if earlier else []
    return [named, *(one for one in others if one != named)] if named else others


def _attributes(product: ParsedProduct, earlier: Whole | None) -> list[AttributeOut]:
    """Facts of the file in place of those of the same name; what the file does not speak of stays."""
    locale = product.locale
    told = [AttributeOut({locale: name}, {locale: value}) for name, value in product.attributes]
    if earlier is None:
        return told
    fresh = dict(product.attributes)
    kept: list[AttributeOut] = []
    for one in earlier.attributes:
        name = one.name.get(locale)
        value = fresh.pop(name, None) if name is not None else None
        kept.append(one if value is None else AttributeOut(one.name, {**one.value, locale: value}))
    return kept + [one for one in told if one.name[locale] in fresh]


def _skus(product: ParsedProduct, pictures: Mapping[str, UUID]) -> list[SkuIn]:
    index = [{value: n for n, value in enumerate(option.values)} for option in product.options]
    return [
        SkuIn(
            code=variant.code,
            option_values=[index[n][value] for n, value in enumerate(variant.option_values)],
            price_minor=variant.price_minor,
            list_price_minor=variant.list_price_minor,
            weight_g=variant.weight_g,
            barcode=variant.barcode,
            image_id=pictures.get(variant.image_url) if variant.image_url else None,
        )
        for variant in product.variants
    ]
