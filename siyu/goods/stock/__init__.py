"""Stock: what is on hand, reserved and free at each place, and the movements that explain it."""

from siyu.goods.stock.actions import (
    Movement,
    adjust,
    apply_movements,
    count_pieces,
    lock_levels,
    online_location,
    open_levels,
    store_location,
)
from siyu.goods.stock.events import StockAdjusted
from siyu.goods.stock.queries import (
    Level,
    Location,
    Place,
    free,
    free_in_stores,
    levels,
    locations,
    online,
)
from siyu.goods.stock.rules import BelowReserved, OutOfStock, only_left, shown
from siyu.goods.stock.shelf import OnlineShelf

__all__ = [
    "BelowReserved",
    "Level",
    "Location",
    "Movement",
    "OnlineShelf",
    "OutOfStock",
    "Place",
    "StockAdjusted",
    "adjust",
    "apply_movements",
    "count_pieces",
    "free",
    "free_in_stores",
    "levels",
    "locations",
    "lock_levels",
    "online",
    "online_location",
    "only_left",
    "open_levels",
    "shown",
    "store_location",
]
