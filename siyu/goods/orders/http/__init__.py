"""The doors of orders: console, shop, and what other modules' doors show of an order."""

from siyu.goods.orders.http.console import console_routes
from siyu.goods.orders.http.shop import shop_routes
from siyu.goods.orders.http.showing import (
    customer_timeline,
    order_for_desk,
    order_rows,
    recent_orders,
)
from siyu.goods.orders.http.wire import OrderOut, OrderRowOut, RefundOut

__all__ = [
    "OrderOut",
    "OrderRowOut",
    "RefundOut",
    "console_routes",
    "customer_timeline",
    "order_for_desk",
    "order_rows",
    "recent_orders",
    "shop_routes",
]
