"""What a process knows to be free: orders of what there is plenty of need not wait for each other."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from siyu.goods.orders.placing.wanted import Wanted

Shelf = tuple[UUID, UUID | None]
"""A SKU, and the store that hands it out; none: it is sent."""
EVERYBODY = 512
"""Orders that a process may have under way at once, with room to spare."""
_MOST = 50_000


class Plenty:
    """Free pieces by shelf, as the last batch here left them; others may have taken some since.

    Only a hint: a batch that relies on it counts again under the lock before it takes anything.
    """

    def __init__(self) -> None:
        self._free: dict[Shelf, int] = {}

    def scarce(self, one: Wanted) -> list[UUID]:
        """The SKUs of an order that are not known to be there for everybody who may ask at the same time."""
        return [
            sku_id
            for sku_id, quantity in one.lines
            if self._free.get((sku_id, one.store_id), 0) < EVERYBODY * quantity
        ]

    def free(self, wanted: Sequence[Wanted]) -> dict[Shelf, int] | None:
        """What is free for these orders, if there is several times as much as they ask for; else ``None``."""
        asked: dict[Shelf, int] = {}
        for one in wanted:
            for sku_id, quantity in one.lines:
                shelf = (sku_id, one.store_id)
                asked[shelf] = asked.get(shelf, 0) + quantity
        if any(self._free.get(shelf, 0) < 4 * quantity for shelf, quantity in asked.items()):
            return None
        return {shelf: self._free[shelf] for shelf in asked}

    def note(self, left: Mapping[Shelf, int]) -> None:
        """What a batch has seen under the lock, less what it takes."""
        if len(self._free) > _MOST:
            self._free.clear()
        self._free.update(left)
