"""Batch reads for the modules above: one round trip each, on a session or on a bare brand-bound connection."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.catalogue.ports import plugs
from siyu.kernel.clock import now
from siyu.kernel.db import driver_of
from siyu.kernel.search import wanted
from siyu.kernel.together import Read, Rows

Source = AsyncSession | asyncpg.Connection
LocaleText = dict[str, str]
SIZES = (200, 400, 800)


class Sellable(msgspec.Struct, frozen=True):
    """What an order needs to know of a SKU. Amounts in minor units."""

    sku_id: UUID
    product_id: UUID
    code: str
    title: LocaleText
    option_label: LocaleText
    image_id: UUID | None
    price_minor: int
    list_price_minor: int | None
    weight_g: int
    on_sale: bool
    freight_template_id: UUID | None
    kind: str
    exists: bool = True
    """Whether its product has not been deleted."""


class ImageOut(msgspec.Struct, frozen=True):
    """A picture as clients get it; ``sizes`` are edge lengths in pixels → address on the media origin."""

    id: UUID
    alt: LocaleText
    url: str
    sizes: dict[str, str]
    generated: bool


class ProductTitle(msgspec.Struct, frozen=True):
    """What a list above needs to show a product."""

    id: UUID
    handle: str
    title: LocaleText
    image_id: UUID | None


async def connection_of(source: Source) -> asyncpg.Connection:
    """The asyncpg connection behind either kind of source."""
    return await driver_of(source) if isinstance(source, AsyncSession) else source


_SELLABLE = """
select s.id, s.product_id, s.code, p.title::text as title, s.option_label::text as option_label,
       coalesce(s.image_id, p.image_id) as image_id, s.price_minor, s.list_price_minor, s.weight_g,
       s.active and p.status = 'on_sale' and p.deleted_at is null and (p.off_at is null or p.off_at > $2) as on_sale,
       p.freight_template_id, p.kind, p.deleted_at is null as there
from skus s join products p on p.brand_id = s.brand_id and p.id = s.product_id
where s.id = any($1::uuid[])
"""
_SELLABLE_GIVES = (
    "id", "product_id", "code", "title", "option_label", "image_id", "price_minor", "list_price_minor", "weight_g",
    "on_sale", "freight_template_id", "kind", "there",
)  # fmt: skip


async def sellable(
    source: Source, sku_ids: Iterable[UUID], *, at: datetime | None = None
) -> dict[UUID, Sellable]:
    """SKUs as an order takes them; ids that do not exist are absent, those off sale say so."""
    return await sellable_read(sku_ids, at=at).on(await connection_of(source))


def sellable_read(
    sku_ids: Iterable[UUID], *, at: datetime | None = None
) -> Read[dict[UUID, Sellable]]:
    """``sellable`` for those who read something else in the same message."""
    return Read(_SELLABLE, _SELLABLE_GIVES, (list(sku_ids), at or now()), _sellable_of)


def _sellable_of(rows: Rows) -> dict[UUID, Sellable]:
    return {
        row["id"]: Sellable(
            row["id"],
            row["product_id"],
            row["code"],
            _text(row["title"]),
            _text(row["option_label"]),
            row["image_id"],
            row["price_minor"],
            row["list_price_minor"],
            row["weight_g"],
            row["on_sale"],
            row["freight_template_id"],
            row["kind"],
            row["there"],
        )
        for row in rows
    }


async def skus_found(source: Source, q: str, *, most: int = 2_000) -> list[UUID]:
    """Active SKUs of products that a search finds (words, codes, barcodes), at most ``most``."""
    connection = await connection_of(source)
    asked = wanted(q)
    if not asked:
        return []
    rows = await connection.fetch(
        """select s.id from skus s where s.active and s.product_id in (
               select id from product_tokens where token = any($1::text[]) group by id having count(*) = $2)
           order by s.id desc limit $3""",
        asked,
        len(asked),
        most,
    )
    return [row["id"] for row in rows]


async def active_skus(source: Source, product_ids: Iterable[UUID]) -> list[UUID]:
    """The active SKUs of products."""
    connection = await connection_of(source)
    rows = await connection.fetch(
        "select id from skus where active and product_id = any($1::uuid[]) order by id",
        list(product_ids),
    )
    return [row["id"] for row in rows]


async def titles(source: Source, product_ids: Iterable[UUID]) -> dict[UUID, ProductTitle]:
    """Titles of products, removed ones included; unknown ids are absent."""
    connection = await connection_of(source)
    rows = await connection.fetch(
        "select id, handle, title::text as title, image_id from products where id = any($1::uuid[])",
        list(product_ids),
    )
    return {
        row["id"]: ProductTitle(row["id"], row["handle"], _text(row["title"]), row["image_id"])
        for row in rows
    }


async def images(source: Source, media_ids: Iterable[UUID | None]) -> dict[UUID, ImageOut]:
    """Pictures by id; unknown ids are absent. A picture without a file yet is shown as generated art."""
    ids = list({one for one in media_ids if one is not None})
    if not ids:
        return {}
    connection = await connection_of(source)
    rows = await connection.fetch(
        "select brand_id, id, hash, alt::text as alt, generated from media where id = any($1::uuid[])",
        ids,
    )
    return {
        row["id"]: image_out(
            row["brand_id"], row["id"], row["hash"], _text(row["alt"]), generated=row["generated"]
        )
        for row in rows
    }


def image_out(
    brand_id: UUID, id: UUID, file_hash: str | None, alt: LocaleText, *, generated: bool
) -> ImageOut:
    """The addresses of a picture. Each names its content, so clients may keep it for ever."""
    name = file_hash or f"art-{id.hex}"
    root = f"{plugs.media_origin}/media/{brand_id.hex}/{name}"
    sizes = {str(size): f"{root}/{size}.webp" for size in SIZES}
    return ImageOut(id, alt, sizes["800"], sizes, generated or file_hash is None)


def _text(encoded: str) -> LocaleText:
    return msgspec.json.decode(encoded, type=dict[str, str])
