"""What the catalogue needs of others: pieces on the shelf (stock), drawn pictures, and where pictures are served."""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

import asyncpg
import msgspec


class Pieces(msgspec.Struct, frozen=True):
    """What the shop can sell of a SKU online, in pieces; ``free`` may be below zero when safety stock is touched."""

    on_hand: int = 0
    reserved: int = 0
    free: int = 0


class Shelf(Protocol):
    """Stock, seen from below: implemented by ``siyu.goods.stock`` and plugged in by ``app``."""

    async def online(
        self, connection: asyncpg.Connection, sku_ids: Sequence[UUID]
    ) -> Mapping[UUID, Pieces]:
        """Pieces at the brand's online warehouse, for the SKUs that have a level there."""
        ...

    async def count(
        self, connection: asyncpg.Connection, counted: Mapping[UUID, int], *, kind: str, reason: str
    ) -> set[UUID]:
        """Set what is on hand at the online warehouse; the SKUs for which that changed something.

        ``kind`` is ``counted`` or ``imported``. Never goes below what is reserved: then on hand becomes the reserved.
        """
        ...

    async def stores_with(self, connection: asyncpg.Connection, sku_ids: Sequence[UUID]) -> int:
        """How many stores offer pick-up and have a free piece of any of the SKUs."""
        ...


class Artist(Protocol):
    """Draws a stand-in for a picture that is not there (yet)."""

    def draw(self, seed: str, label: str) -> bytes:
        """A square picture of at least 800 pixels, in any format Pillow reads; the same seed gives the same bytes."""
        ...


class Plugs:
    """What a process has plugged in. ``app`` fills it once at start."""

    shelf: Shelf
    artist: Artist | None = None
    media_origin: str = "http://media.localhost:8000"


plugs = Plugs()
