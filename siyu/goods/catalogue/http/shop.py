"""The shop's doors: lists and product pages from kept bytes (raw ASGI), categories, and pictures.

The raw callables stand in front of the framework; the handlers of the same paths are there for the OpenAPI
document and answer the same.
"""

from typing import Annotated, Any
from urllib.parse import parse_qs, unquote
from uuid import UUID

import msgspec
from litestar import asgi, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from siyu.goods.catalogue.http.pictures import MediaDoor
from siyu.goods.catalogue.http.window import Window, send_answer
from siyu.goods.catalogue.ports import plugs
from siyu.goods.catalogue.queries.shop import (
    ProductCardPage,
    ShopFilter,
    ShopProduct,
    ShopSort,
    page_of_cards,
    shop_product,
)
from siyu.goods.catalogue.queries.tree import ShopCategory, shop_categories
from siyu.kernel.db import Database
from siyu.kernel.errors import Invalid
from siyu.kernel.news import News
from siyu.people.brands import BrandFacts, brand_of_scope
from siyu.people.customers import Visit, locale_of

LIST, PRODUCT = "/api/shop/products", "/api/shop/products/"
_KNOWN = ("q", "category_id", "sort", "cursor", "limit")


class ShopCategories(msgspec.Struct):
    items: list[ShopCategory]


class ShopWindow:
    """What a web process holds for the shop's reads."""

    def __init__(self, database: Database, window: Window, media: MediaDoor) -> None:
        self._database, self._window, self.media = database, window, media

    async def serve_list(self, scope: Any, send: Any) -> None:
        """GET /api/shop/products. Raises ``Invalid``, ``NotFound``, ``BadCursor``."""
        brand = await brand_of_scope(self._database, scope)
        locale = locale_of(scope, brand)
        query = scope.get("query_string", b"")

        async def make() -> tuple[bytes, frozenset[UUID], bool]:
            asked = filter_of(query)
            async with self._database.raw(brand.id) as connection:
                page = await page_of_cards(connection, asked, locale, brand.default_locale)
            return msgspec.json.encode(page), frozenset(card.id for card in page.items), True

        answer = await self._window.answer(brand.id, (locale, query), make)
        await send_answer(scope, send, answer)

    async def serve_product(self, scope: Any, send: Any) -> None:
        """GET /api/shop/products/{id or handle}. Raises ``NotFound``, ``NotOnSale``."""
        brand = await brand_of_scope(self._database, scope)
        name = scope["path"][len(PRODUCT) :].rstrip("/")
        answer = await self._window.answer(
            brand.id,
            (locale := locale_of(scope, brand), name, "page"),
            lambda: self._product(brand, name, locale),
        )
        await send_answer(scope, send, answer)

    async def _product(
        self, brand: BrandFacts, name: str, locale: str
    ) -> tuple[bytes, frozenset[UUID], bool]:
        async with self._database.raw(brand.id) as connection:
            page = await shop_product(connection, name, locale, brand.default_locale)
        return msgspec.json.encode(page), frozenset([page.id]), False


def filter_of(query_string: bytes) -> ShopFilter:
    """What the address asks for. Raises ``Invalid`` with every value that cannot be."""
    if len(query_string) > 2_000:
        raise Invalid("The address is too long.")
    given = {
        name: values[0]
        for name, values in parse_qs(query_string.decode("latin-1")).items()
        if name in _KNOWN
    }
    if "\0" in given.get("q", ""):
        raise Invalid(errors=[{"path": "q", "message": "NUL"}])
    given["q"] = given.get("q", "")[:100]
    try:
        asked = msgspec.convert(given, ShopFilter, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(
            errors=[{"path": str(error).rpartition("`$.")[2].rstrip("`"), "message": str(error)}]
        ) from None
    if not 1 <= asked.limit <= 100:
        raise Invalid(errors=[{"path": "limit", "message": "1 to 100"}])
    return asked


_open: list[ShopWindow] = []


async def open_shop_window(runtime: Any) -> Any:
    """Open the process's shop window and picture door; needs ``runtime.parts["news"]``. What closes it again."""
    news: News = runtime.parts["news"]
    plugs.media_origin = runtime.settings.media
    shop = ShopWindow(runtime.database, Window(news), MediaDoor(runtime.database, runtime.files))
    _open.append(shop)

    async def close() -> None:
        _open.remove(shop)

    return close


async def hot_list(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI's shape
    """The list, of the process that was opened last."""
    await _open[-1].serve_list(scope, send)


async def hot_product(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI's shape
    """The product page, of the process that was opened last."""
    await _open[-1].serve_product(scope, send)


@asgi("/media", is_mount=True, copy_scope=True)
async def media_route(scope: Any, receive: Any, send: Any) -> None:
    """Pictures, on the media origin."""
    path = unquote(scope.get("raw_path", b"").decode("latin-1").partition("?")[0]) or scope["path"]
    await _open[-1].media({**scope, "path": path}, receive, send)


@get("/products", tags=["shop"])
async def list_products(
    visit: NamedDependency[Visit],
    q: Annotated[str, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")] = "",
    category_id: FromQuery[UUID | None] = None,
    sort: FromQuery[ShopSort] = "newest",
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
) -> ProductCardPage:
    """What is on sale: searched (Chinese by any part of a word), in a category and below it, sorted."""
    asked = ShopFilter(q, category_id, sort, limit, cursor)
    return await page_of_cards(visit.session, asked, visit.locale, visit.brand.default_locale)


@get("/products/{name:str}", tags=["shop"])
async def show_product(visit: NamedDependency[Visit], name: FromPath[str]) -> ShopProduct:
    """A product by id or handle, with honest stock (capped at 99). Refusals: catalogue.not_on_sale."""
    return await shop_product(visit.session, name, visit.locale, visit.brand.default_locale)


@get("/categories", tags=["shop"])
async def list_categories(visit: NamedDependency[Visit]) -> ShopCategories:
    """All categories, with the number of products on sale in and below each."""
    return ShopCategories(
        await shop_categories(visit.session, visit.locale, visit.brand.default_locale)
    )


shop_routes = [list_products, show_product, list_categories]
