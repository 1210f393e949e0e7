"""What shoppers read: cards, pages of cards, and one product with honest stock."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from siyu.goods.catalogue.ports import Pieces, plugs
from siyu.goods.catalogue.queries.doors import ImageOut, Source, connection_of, images
from siyu.goods.catalogue.queries.listing import Where, free_of_products, searching
from siyu.goods.catalogue.queries.tree import subtree_ids
from siyu.goods.catalogue.queries.whole import whole_products
from siyu.goods.catalogue.rules import NotOnSale, said
from siyu.goods.catalogue.shapes import Whole
from siyu.goods.catalogue.showing import pictures_in, shown_html
from siyu.kernel.errors import NotFound
from siyu.kernel.http.paging import decode_cursor, encode_cursor

ShopSort = Literal["newest", "price_up", "price_down"]
SHOWN_AT_MOST, FEW, SHIP_WITHIN_HOURS = 99, 5, 48


class ProductCard(msgspec.Struct, frozen=True):
    """A product in a list. ``only_left`` when five or fewer pieces are free in all."""

    id: UUID
    handle: str
    title: str
    subtitle: str
    image: ImageOut | None
    price_minor: int
    price_max_minor: int
    list_price_minor: int | None
    sold_out: bool
    only_left: int | None


class ProductCardPage(msgspec.Struct, frozen=True):
    """A page of cards; ``total`` over all pages."""

    items: list[ProductCard]
    next: str | None
    total: int


class ShopFact(msgspec.Struct, frozen=True):
    """A fact about a product."""

    name: str
    value: str


class ShopValue(msgspec.Struct, frozen=True):
    """One choice."""

    id: UUID
    name: str


class ShopOption(msgspec.Struct, frozen=True):
    """What a shopper chooses by."""

    id: UUID
    name: str
    values: list[ShopValue]


class ShopSku(msgspec.Struct, frozen=True):
    """What can be bought; ``free`` is honest, capped at 99."""

    id: UUID
    code: str
    option_value_ids: list[UUID]
    price_minor: int
    list_price_minor: int | None
    free: int
    image_id: UUID | None


class ShopProduct(msgspec.Struct, frozen=True):
    """A product's page: the fields of its card, and the rest."""

    id: UUID
    handle: str
    title: str
    subtitle: str
    image: ImageOut | None
    price_minor: int
    price_max_minor: int
    list_price_minor: int | None
    sold_out: bool
    only_left: int | None
    description_html: str
    images: list[ImageOut]
    attributes: list[ShopFact]
    options: list[ShopOption]
    skus: list[ShopSku]
    kind: str
    pick_up_stores: int
    ship_within_hours: int


class ShopFilter(msgspec.Struct, frozen=True):
    """What a shopper asks for."""

    q: str = ""
    category_id: UUID | None = None
    sort: ShopSort = "newest"
    limit: int = 20
    cursor: str | None = None


_ORDER: dict[str, tuple[str, bool, Any]] = {
    "newest": ("p.published_at", True, datetime),
    "price_up": ("p.price_min_minor", False, int),
    "price_down": ("p.price_min_minor", True, int),
}
_CARD = """p.id, p.handle, p.title::text, p.subtitle::text, p.image_id, p.price_min_minor, p.price_max_minor,
           p.list_price_minor, p.published_at"""
_ON_SALE = ("p.status = 'on_sale'", "p.deleted_at is null", "p.sku_count > 0")


async def page_of_cards(
    source: Source, asked: ShopFilter, locale: str, otherwise: str = "zh-CN"
) -> ProductCardPage:
    """What is on sale, searched and sorted; constant number of round trips."""
    connection = await connection_of(source)
    where = Where(*_ON_SALE)
    if not searching(where, asked.q):
        return ProductCardPage([], None, 0)
    if asked.category_id is not None:
        ids = await subtree_ids(connection, asked.category_id)
        where.add(
            "p.id in (select c.product_id from product_categories c where c.category_id = any(?::uuid[]))",
            ids,
        )
    total = await connection.fetchval(
        f"select count(*) from products p where {where}", *where.arguments
    )
    column, descending, kind = _ORDER[asked.sort]
    after = decode_cursor(asked.cursor, kind, UUID)
    if after is not None:
        where.add(f"({column}, p.id) {'<' if descending else '>'} (?, ?)", *after)
    direction = "desc" if descending else "asc"
    rows = await connection.fetch(
        f"""select {_CARD} from products p where {where}
            order by {column} {direction}, p.id {direction} limit {asked.limit + 1}""",
        *where.arguments,
    )
    following = None
    if len(rows) > asked.limit:
        rows = rows[: asked.limit]
        following = encode_cursor((rows[-1][column.removeprefix("p.")], rows[-1]["id"]))
    return ProductCardPage(await _cards(connection, rows, locale, otherwise), following, total)


async def cards(
    source: Source, product_ids: Sequence[UUID], locale: str, otherwise: str = "zh-CN"
) -> list[ProductCard]:
    """Cards of products in the order asked for; those not on sale are left out."""
    connection = await connection_of(source)
    where = Where(*_ON_SALE)
    where.add("p.id = any(?::uuid[])", list(product_ids))
    rows = await connection.fetch(f"select {_CARD} from products p where {where}", *where.arguments)
    found = {card.id: card for card in await _cards(connection, rows, locale, otherwise)}
    return [found[one] for one in dict.fromkeys(product_ids) if one in found]


async def _cards(
    connection: asyncpg.Connection, rows: Sequence[Any], locale: str, otherwise: str
) -> list[ProductCard]:
    if not rows:
        return []
    pictures = await images(connection, [row["image_id"] for row in rows])
    free = await free_of_products(connection, [row["id"] for row in rows])
    made: list[ProductCard] = []
    for row in rows:
        left = sum(max(0, pieces) for pieces in free[row["id"]].values())
        made.append(
            ProductCard(
                id=row["id"],
                handle=row["handle"],
                title=said(msgspec.json.decode(row["title"]), locale, otherwise),
                subtitle=said(msgspec.json.decode(row["subtitle"]), locale, otherwise),
                image=pictures.get(row["image_id"]),
                price_minor=row["price_min_minor"],
                price_max_minor=row["price_max_minor"],
                list_price_minor=row["list_price_minor"],
                sold_out=left == 0,
                only_left=left if 0 < left <= FEW else None,
            )
        )
    return made


async def shop_product(
    source: Source, name: str, locale: str, otherwise: str = "zh-CN"
) -> ShopProduct:
    """A product by id or handle. Raises ``NotFound``, and ``NotOnSale`` for one that is there but not to be bought."""
    connection = await connection_of(source)
    product_id = await connection.fetchval(
        "select id from products where (handle = $1 or id = $2) and deleted_at is null",
        name,
        _as_id(name),
    )
    product = (
        (await whole_products(connection, [product_id])).get(product_id) if product_id else None
    )
    if product is None or product.status == "draft":
        raise NotFound
    if product.status != "on_sale" or not product.on_offer:
        raise NotOnSale(product_id=str(product.id))
    sku_ids = [sku.id for sku in product.on_offer]
    pieces = await plugs.shelf.online(connection, sku_ids)
    stores = await plugs.shelf.stores_with(connection, sku_ids) if product.kind == "goods" else 0
    inside = pictures_in(product.description)
    pictures = await images(
        connection, [*product.image_ids, *(sku.image_id for sku in product.on_offer), *inside]
    )
    return _page(
        product, pieces, pictures, stores=stores, text=lambda value: said(value, locale, otherwise)
    )


def _as_id(name: str) -> UUID | None:
    try:
        return UUID(name) if len(name) == 36 else None
    except ValueError:
        return None


def _page(
    product: Whole,
    pieces: Mapping[UUID, Pieces],
    pictures: dict[UUID, ImageOut],
    *,
    stores: int,
    text: Callable[[dict[str, str]], str],
) -> ShopProduct:
    free = {sku.id: max(0, pieces.get(sku.id, Pieces()).free) for sku in product.on_offer}
    left, (low, high) = sum(free.values()), product.price_range
    shown = [pictures[one] for one in product.image_ids if one in pictures]
    html = shown_html({"": text(product.description)}, pictures)[""]
    of_skus = dict.fromkeys(sku.image_id for sku in product.on_offer if sku.image_id is not None)
    only_of_skus = [one for one in of_skus if one not in product.image_ids]
    return ShopProduct(
        id=product.id,
        handle=product.handle,
        title=text(product.title),
        subtitle=text(product.subtitle),
        image=shown[0] if shown else None,
        price_minor=low,
        price_max_minor=high,
        list_price_minor=product.list_price_minor,
        sold_out=left == 0,
        only_left=left if 0 < left <= FEW else None,
        description_html=html,
        images=shown + [pictures[one] for one in only_of_skus if one in pictures],
        attributes=[ShopFact(text(one.name), text(one.value)) for one in product.attributes],
        options=[
            ShopOption(
                option.id,
                text(option.name),
                [ShopValue(value.id, text(value.name)) for value in option.values],
            )
            for option in product.options
        ],
        skus=[
            ShopSku(
                sku.id,
                sku.code,
                sku.value_ids,
                sku.price_minor,
                sku.list_price_minor
                if sku.list_price_minor and sku.list_price_minor > sku.price_minor
                else None,
                min(free[sku.id], SHOWN_AT_MOST),
                sku.image_id,
            )
            for sku in product.on_offer
        ],
        kind=product.kind,
        pick_up_stores=stores,
        ship_within_hours=SHIP_WITHIN_HOURS,
    )


async def newest_products(source: Source, limit: int) -> list[UUID]:
    """Products on sale, the latest put on sale first."""
    connection = await connection_of(source)
    rows = await connection.fetch(
        f"select p.id from products p where {' and '.join(_ON_SALE)} order by p.published_at desc, p.id desc limit $1",
        limit,
    )
    return [row["id"] for row in rows]


async def products_in(source: Source, category_id: UUID, limit: int) -> list[UUID]:
    """Products on sale in a category and below it, the latest put on sale first."""
    connection = await connection_of(source)
    ids = await subtree_ids(connection, category_id)
    rows = await connection.fetch(
        f"""select p.id from products p where {" and ".join(_ON_SALE)}
            and p.id in (select c.product_id from product_categories c where c.category_id = any($2::uuid[]))
            order by p.published_at desc, p.id desc limit $1""",
        limit,
        ids,
    )
    return [row["id"] for row in rows]
