"""Placing orders: many at a time, in one transaction, decided in order of arrival."""

from siyu.goods.orders.placing.batch import (
    OrderBatcher,
    open_batcher,
    place_orders,
    placed_before,
    rooms_of,
)
from siyu.goods.orders.placing.costing import Prices, cost, merged
from siyu.goods.orders.placing.door import Placing, place, start
from siyu.goods.orders.placing.wanted import OrderLineIn, PlacedOut, PlaceOrderIn, Wanted

__all__ = [
    "OrderBatcher",
    "OrderLineIn",
    "PlaceOrderIn",
    "PlacedOut",
    "Placing",
    "Prices",
    "Wanted",
    "cost",
    "merged",
    "open_batcher",
    "place",
    "place_orders",
    "placed_before",
    "rooms_of",
    "start",
]
