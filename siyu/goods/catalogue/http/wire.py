"""What the console's handlers of the catalogue answer with."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from siyu.goods.catalogue.ports import Pieces, plugs
from siyu.goods.catalogue.queries.doors import ImageOut, images
from siyu.goods.catalogue.queries.whole import whole_products
from siyu.goods.catalogue.shapes import AttributeOut, LocaleText
from siyu.goods.catalogue.showing import pictures_in, shown_html
from siyu.kernel.errors import NotFound


class ValueOut(msgspec.Struct, frozen=True):
    """One choice of an option."""

    id: UUID
    name: LocaleText


class OptionOut(msgspec.Struct, frozen=True):
    """What a shopper chooses by."""

    id: UUID
    name: LocaleText
    values: list[ValueOut]


class SkuOut(msgspec.Struct, frozen=True):
    """A SKU with its pieces at the place that sells online."""

    id: UUID
    code: str
    option_value_ids: list[UUID]
    price_minor: int
    list_price_minor: int | None
    weight_g: int
    barcode: str
    image_id: UUID | None
    on_hand: int
    reserved: int
    free: int
    active: bool


class ProductOut(msgspec.Struct, frozen=True):
    """A product with everything that its editor shows."""

    id: UUID
    version: int
    handle: str
    title: LocaleText
    subtitle: LocaleText
    description_html: LocaleText
    status: str
    on_sale_at: datetime | None
    off_at: datetime | None
    category_ids: list[UUID]
    tags: list[str]
    attributes: list[AttributeOut]
    options: list[OptionOut]
    skus: list[SkuOut]
    images: list[ImageOut]
    kind: str
    freight_template_id: UUID | None
    created_at: datetime
    updated_at: datetime


async def product_out(connection: asyncpg.Connection, product_id: UUID) -> ProductOut:
    """A product for its editor; only active SKUs. Raises ``NotFound``."""
    product = (await whole_products(connection, [product_id])).get(product_id)
    if product is None:
        raise NotFound(product_id=str(product_id))
    pieces = await plugs.shelf.online(connection, [sku.id for sku in product.on_offer])
    inside = pictures_in(product.description)
    pictures = await images(connection, [*product.image_ids, *inside])
    nothing = Pieces()
    return ProductOut(
        id=product.id,
        version=product.version,
        handle=product.handle,
        title=product.title,
        subtitle=product.subtitle,
        description_html=shown_html(product.description, pictures),
        status=product.status,
        on_sale_at=product.on_sale_at,
        off_at=product.off_at,
        category_ids=product.category_ids,
        tags=product.tags,
        attributes=product.attributes,
        options=[
            OptionOut(
                option.id, option.name, [ValueOut(value.id, value.name) for value in option.values]
            )
            for option in product.options
        ],
        skus=[
            SkuOut(
                id=sku.id,
                code=sku.code,
                option_value_ids=sku.value_ids,
                price_minor=sku.price_minor,
                list_price_minor=sku.list_price_minor,
                weight_g=sku.weight_g,
                barcode=sku.barcode,
                image_id=sku.image_id,
                on_hand=pieces.get(sku.id, nothing).on_hand,
                reserved=pieces.get(sku.id, nothing).reserved,
                free=pieces.get(sku.id, nothing).free,
                active=sku.active,
            )
            for sku in product.on_offer
        ],
        images=[pictures[one] for one in product.image_ids if one in pictures],
        kind=product.kind,
        freight_template_id=product.freight_template_id,
        created_at=product.created_at,
        updated_at=product.updated_at,
    )
