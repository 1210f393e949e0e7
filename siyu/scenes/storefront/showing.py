"""From blocks to what a phone shows: products, categories, pictures and stores filled in, in one locale."""

from collections.abc import Iterable
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import catalogue
from siyu.goods.catalogue import ImageOut, ProductCard, ShopCategory
from siyu.people import brands
from siyu.people.brands import BrandFacts, Unit
from siyu.people.customers import region_names
from siyu.scenes.links.rules import Target
from siyu.scenes.storefront import rules
from siyu.scenes.storefront.rules import Banner, Block, Categories, ProductSource, TextImage

STORES_SHOWN = 3


class StoreOut(msgspec.Struct):
    """A store as shoppers see it; coordinates in degrees."""

    id: UUID
    name: str
    address: str
    phone: str
    hours: str
    district: str
    latitude: float | None
    longitude: float | None
    pick_up: bool


class PickUpStoreOut(msgspec.Struct):
    """A store that hands out orders. ``missing``: the SKUs asked for that it has too few of."""

    store: StoreOut
    missing: list[UUID]


class ShopBannerItem(msgspec.Struct):
    """One picture with words."""

    image: ImageOut | None
    eyebrow: str
    title: str
    text: str
    link: Target
    link_text: str


class ShopBanner(msgspec.Struct, tag_field="type", tag="banner"):
    """A large picture, or several."""

    id: str
    items: list[ShopBannerItem]


class ShopCategories(msgspec.Struct, tag_field="type", tag="categories"):
    """Ways into categories."""

    id: str
    items: list[ShopCategory]


class ShopProducts(msgspec.Struct, tag_field="type", tag="product_row"):
    """Products to swipe."""

    id: str
    title: str
    more: Target
    items: list[ProductCard]


class ShopProductGrid(msgspec.Struct, tag_field="type", tag="product_grid"):
    """Products in two columns."""

    id: str
    title: str
    more: Target
    items: list[ProductCard]


class ShopTextImage(msgspec.Struct, tag_field="type", tag="text_image"):
    """Words and a picture."""

    id: str
    title: str
    text: str
    image: ImageOut | None
    side: Literal["left", "right", "top"]


class ShopStores(msgspec.Struct, tag_field="type", tag="store"):
    """Stores to visit."""

    id: str
    title: str
    items: list[StoreOut]


ShopBlock = (
    ShopBanner | ShopCategories | ShopProducts | ShopProductGrid | ShopTextImage | ShopStores
)


def store_out(unit: Unit, brand: BrandFacts, locale: str) -> StoreOut:
    """A unit as shoppers see it."""
    names = region_names(unit.district_code) if unit.district_code else ()
    return StoreOut(
        unit.id, brand.text(unit.name, locale), unit.address, unit.phone, brand.text(unit.hours, locale),
        " ".join(dict.fromkeys(names)), _degrees(unit.latitude_e6), _degrees(unit.longitude_e6), unit.pick_up,
    )  # fmt: skip


def _degrees(e6: int | None) -> float | None:
    return None if e6 is None else e6 / 1_000_000


async def shown(
    session: AsyncSession, blocks: list[Block], brand: BrandFacts, locale: str
) -> list[ShopBlock]:
    """Blocks as a phone shows them. What does not exist any more is left out, and so is a block that has nothing to show."""
    pictures = await catalogue.images(session, rules.images_of(blocks))
    products = await _products(session, blocks, locale, brand.default_locale)
    tree = (
        await catalogue.shop_categories(session, locale, brand.default_locale)
        if _any(blocks, Categories)
        else []
    )
    stores = await brands.shop_stores(session) if _any(blocks, rules.Store) else []

    def say(text: dict[str, str]) -> str:
        return brand.text(text, locale)

    out: list[ShopBlock] = []
    for block in blocks:
        match block:
            case Banner(id=id, items=items):
                out.append(
                    ShopBanner(
                        id,
                        [
                            ShopBannerItem(
                                pictures.get(item.image_id) if item.image_id else None,
                                say(item.eyebrow),
                                say(item.title),
                                say(item.text),
                                item.link,
                                say(item.link_text),
                            )
                            for item in items
                        ],
                    )
                )
            case Categories(id=id, category_ids=ids):
                named = {one.id: one for one in tree}
                top = (
                    [named[i] for i in ids if i in named]
                    if ids
                    else [one for one in tree if one.parent_id is None][:8]
                )
                out.append(ShopCategories(id, top))
            case rules.ProductRow(id=id, title=title, source=source):
                out.append(ShopProducts(id, say(title), _more(source), products[id]))
            case rules.ProductGrid(id=id, title=title, source=source):
                out.append(ShopProductGrid(id, say(title), _more(source), products[id]))
            case TextImage(id=id, title=title, text=text, image_id=image_id, side=side):
                out.append(
                    ShopTextImage(
                        id,
                        say(title),
                        say(text),
                        pictures.get(image_id) if image_id else None,
                        side,
                    )
                )
            case rules.Store(id=id, title=title, unit_ids=ids):
                chosen = (
                    [unit for unit in stores if unit.id in ids] if ids else stores[:STORES_SHOWN]
                )
                out.append(
                    ShopStores(id, say(title), [store_out(unit, brand, locale) for unit in chosen])
                )
    return [block for block in out if isinstance(block, ShopTextImage) or block.items]


async def _products(
    session: AsyncSession, blocks: Iterable[Block], locale: str, otherwise: str
) -> dict[str, list[ProductCard]]:
    """Cards by block: one question per distinct source, one for all cards."""
    wanted: dict[str, list[UUID]] = {}
    for block in blocks:
        if isinstance(block, rules.ProductRow | rules.ProductGrid):
            wanted[block.id] = await _ids(session, block.source)
    every = list(dict.fromkeys(one for ids in wanted.values() for one in ids))
    known = (
        {card.id: card for card in await catalogue.cards(session, every, locale, otherwise)}
        if every
        else {}
    )
    return {block: [known[one] for one in ids if one in known] for block, ids in wanted.items()}


async def _ids(session: AsyncSession, source: ProductSource) -> list[UUID]:
    match source.kind:
        case "ids":
            return source.ids[: source.limit]
        case "category":
            return (
                await catalogue.products_in(session, source.category_id, source.limit)
                if source.category_id
                else []
            )
        case "newest":
            return await catalogue.newest_products(session, source.limit)


def _more(source: ProductSource) -> Target:
    return (
        Target("category", str(source.category_id))
        if source.kind == "category" and source.category_id
        else Target("none")
    )


def _any(blocks: Iterable[Any], kind: type) -> bool:
    return any(isinstance(block, kind) for block in blocks)
