"""Which module brings what: one line per module and list; only ``app`` knows everybody.

``CONSOLE`` handlers stand below ``/api/console``, ``SHOP`` below ``/api/shop``, ``ROOT`` at the root.
``HOT`` are raw ASGI callables in front of the framework: ``Hot(method, prefix, asgi)``; the same paths also exist
as plain handlers, so that they stand in the OpenAPI document. ``LISTENING`` modules register reactions,
timers, jobs and invariants by being imported. ``STARTUPS`` are ``async def (runtime)`` called when a process opens, and
may return an ``async def ()`` that is called when it closes.
"""

from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from siyu.app.hot import Hot
import siyu.goods.orders.http
import siyu.goods.orders.placing
import siyu.goods.orders.reactions
import siyu.goods.pricing.http
import siyu.people.brands.http
import siyu.people.customers.http
import siyu.people.staff.http

CONSOLE: list[Any] = [
    *siyu.people.brands.http.console_routes,
    *siyu.people.staff.http.console_routes,
    *siyu.people.customers.http.console_routes,
    *siyu.goods.pricing.http.console_routes,
    *siyu.goods.orders.http.console_routes,
]
SHOP: list[Any] = [
    *siyu.people.customers.http.shop_routes,
    *siyu.goods.orders.http.shop_routes,
]
ROOT: list[Any] = []
HOT: list[Hot] = [
    Hot("POST", "/api/shop/orders", siyu.goods.orders.placing.place),
]
LISTENING: list[ModuleType] = [
    siyu.goods.orders.reactions,
]
STARTUPS: list[Callable[[Any], Awaitable[Any]]] = [
    siyu.goods.orders.placing.start,
]

siyu.people.customers.plugs.purchase_figures = siyu.goods.orders.figures
siyu.people.customers.plugs.cart_quantity = siyu.goods.orders.cart_quantity
siyu.people.customers.plugs.order_counts = siyu.goods.orders.state_counts
siyu.people.customers.plugs.recent_orders = siyu.goods.orders.http.recent_orders
siyu.people.customers.plugs.timeline = siyu.goods.orders.http.customer_timeline
