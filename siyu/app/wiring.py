"""Which module brings what: one line per module and list; only ``app`` knows everybody.

``CONSOLE`` handlers stand below ``/api/console``, ``SHOP`` below ``/api/shop``, ``ROOT`` at the root.
``HOT`` are raw ASGI callables in front of the framework: ``Hot(method, prefix, asgi)``; the same paths also exist
as plain handlers, or else in ``siyu.app.openapi.raw``, so that they stand in the OpenAPI document. ``LISTENING`` modules register
reactions, timers, jobs and invariants by being imported. ``STARTUPS`` are ``async def (runtime)`` called when a process opens, and
may return an ``async def ()`` that is called when it closes.
"""

from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import siyu.app.backup.health
import siyu.app.backup.http
import siyu.app.demo.art
import siyu.app.demo.run
import siyu.app.effective
import siyu.app.health
import siyu.app.health.http
import siyu.app.health.keys
import siyu.app.health.nightly
import siyu.app.ledger
import siyu.app.notifying
import siyu.app.operations
import siyu.app.parts
import siyu.app.todo
import siyu.goods.catalogue.http
import siyu.goods.catalogue.invariants
import siyu.goods.catalogue.jobs
import siyu.goods.fulfilment
import siyu.goods.fulfilment.http
import siyu.goods.fulfilment.reactions
import siyu.goods.orders
import siyu.goods.orders.http
import siyu.goods.orders.invariants
import siyu.goods.orders.reactions
import siyu.goods.payments.http
import siyu.goods.payments.reactions
import siyu.goods.pricing.http
import siyu.goods.stock.http
import siyu.goods.stock.invariants
import siyu.goods.stock.reactions
import siyu.insight.boards.http
import siyu.insight.warehouse.reactions
import siyu.kernel.effective
import siyu.kernel.ledger
import siyu.kernel.news
import siyu.kernel.otlp
import siyu.kernel.slow
import siyu.people.brands
import siyu.people.brands.http
import siyu.people.customers.http
import siyu.people.notices
import siyu.people.notices.http
import siyu.people.notices.reactions
import siyu.people.staff.http
import siyu.people.staff.invariants
import siyu.scenes.links
import siyu.scenes.links.http
import siyu.scenes.storefront.http
import siyu.scenes.storefront.reactions
from siyu.app.hot import Hot

CONSOLE: list[Any] = [
    *siyu.people.brands.http.console_routes,
    *siyu.people.staff.http.console_routes,
    *siyu.people.customers.http.console_routes,
    *siyu.people.notices.http.console_routes,
    *siyu.goods.catalogue.http.console_routes,
    *siyu.goods.stock.http.console_routes,
    *siyu.goods.pricing.http.console_routes,
    *siyu.goods.orders.http.console_routes,
    *siyu.goods.fulfilment.http.console_routes,
    *siyu.scenes.links.http.console_routes,
    *siyu.scenes.storefront.http.console_routes,
    *siyu.insight.boards.http.console_routes,
    *siyu.app.operations.console_routes,
    *siyu.app.health.http.console_routes,
    *siyu.app.backup.http.console_routes,
    *siyu.app.ledger.console_routes,
    *siyu.app.effective.console_routes,
]
SHOP: list[Any] = [
    *siyu.people.customers.http.shop_routes,
    *siyu.goods.catalogue.http.shop_routes,
    *siyu.goods.orders.http.shop_routes,
    *siyu.goods.payments.http.shop_routes,
    *siyu.scenes.storefront.http.shop_routes,
]
ROOT: list[Any] = [*siyu.app.health.http.routes, *siyu.goods.catalogue.http.routes]
HOT: list[Hot] = [
    Hot("GET", "/api/shop/products", siyu.goods.catalogue.http.hot_list),
    Hot("GET", "/api/shop/products/", siyu.goods.catalogue.http.hot_product),
    Hot("POST", "/api/shop/orders", siyu.goods.orders.place),
    Hot("POST", "/v1/", siyu.app.parts.track),
    Hot("OPTIONS", "/v1/", siyu.app.parts.track),
    Hot("GET", "/l/", siyu.app.parts.open_link),
]
LISTENING: list[ModuleType] = [
    siyu.kernel.effective,
    siyu.kernel.ledger,
    siyu.app.demo.run,
    siyu.app.health.nightly,
    siyu.goods.catalogue.jobs,
    siyu.goods.catalogue.invariants,
    siyu.goods.stock.reactions,
    siyu.goods.stock.invariants,
    siyu.goods.orders.reactions,
    siyu.goods.orders.invariants,
    siyu.goods.payments.reactions,
    siyu.goods.fulfilment.reactions,
    siyu.people.notices.reactions,
    siyu.app.notifying,
    siyu.insight.warehouse.reactions,
    siyu.people.staff.invariants,
    siyu.scenes.storefront.reactions,
]
STARTUPS: list[Callable[[Any], Awaitable[Any]]] = [
    siyu.kernel.otlp.open_traces,
    siyu.kernel.slow.open_slow_statements,
    siyu.kernel.news.open_news,
    siyu.kernel.effective.open_memory,
    siyu.people.brands.open_memory,
    siyu.goods.catalogue.http.open_shop_window,
    siyu.people.customers.open_session_cache,
    siyu.people.customers.open_crowd,
    siyu.people.notices.open_channels,
    siyu.goods.payments.open_till,
    siyu.goods.orders.open_crowd,
    siyu.goods.orders.open_placing,
    siyu.app.parts.open_warehouse,
    siyu.app.parts.open_tracking,
    siyu.app.parts.open_payments,
    siyu.app.parts.open_links,
]

siyu.goods.catalogue.plugs.artist = siyu.app.demo.art
siyu.goods.catalogue.plugs.shelf = siyu.goods.stock.OnlineShelf()
siyu.people.customers.plugs.touch_of = siyu.app.parts.touch_of
siyu.people.customers.plugs.purchase_figures = siyu.goods.orders.figures
siyu.people.customers.plugs.cart_quantities = siyu.goods.orders.cart_quantities
siyu.people.customers.plugs.order_counts = siyu.goods.orders.state_counts
siyu.people.customers.plugs.recent_orders = siyu.goods.orders.http.recent_orders
siyu.people.customers.plugs.orders_under_way = siyu.goods.orders.under_way
siyu.people.customers.plugs.timeline = siyu.goods.orders.http.customer_timeline
siyu.goods.orders.plugs.sources = siyu.scenes.links.sources
siyu.goods.orders.plugs.fulfilment = siyu.goods.fulfilment.fulfilled
siyu.insight.boards.http.waiting.append(siyu.app.todo.todo)
siyu.insight.boards.http.histories.append(siyu.app.operations.year_in_making)
siyu.app.health.more.append(siyu.app.health.keys.look)
siyu.app.health.more.append(siyu.app.backup.health.look)
