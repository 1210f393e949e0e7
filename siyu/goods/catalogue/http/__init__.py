"""The catalogue's doors: the console's editors and imports, the shop's reads, and pictures."""

from siyu.goods.catalogue.http.imports import console_routes as import_routes
from siyu.goods.catalogue.http.products import console_routes as product_routes
from siyu.goods.catalogue.http.shop import (
    hot_list,
    hot_product,
    media_route,
    open_shop_window,
    shop_routes,
)

console_routes = [*product_routes, *import_routes]
routes = [media_route]

__all__ = ["console_routes", "hot_list", "hot_product", "open_shop_window", "routes", "shop_routes"]
