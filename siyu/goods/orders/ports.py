"""What orders need of modules above them; ``app`` plugs it in once at start."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

import asyncpg
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession


class Source(Struct, frozen=True):
    """Where an order came from: a signed link's facts, or ``direct``."""

    source: str = "direct"
    scene: str = ""
    store_id: UUID | None = None
    guide_id: UUID | None = None
    link_id: UUID | None = None


DIRECT = Source()


class Sources(Protocol):
    """Knows what a link's code stands for (``scenes.links``)."""

    async def __call__(
        self, connection: asyncpg.Connection, codes: Iterable[str]
    ) -> Mapping[str, Source]:
        """Sources by code, on a bare brand-bound connection; unknown codes are absent."""
        ...


class ParcelLineOut(Struct):
    """Pieces of a line in a parcel."""

    line_id: UUID
    quantity: int


class ParcelOut(Struct):
    """A parcel as the console shows it."""

    id: UUID
    carrier: str
    carrier_name: dict[str, str]
    tracking_number: str
    lines: list[ParcelLineOut]
    shipped_at: datetime
    signed_at: datetime | None


class Fulfilled(Struct, frozen=True):
    """What was done to bring an order to its buyer."""

    parcels: tuple[ParcelOut, ...] = ()
    pick_up_code: str | None = None


class Fulfilment(Protocol):
    """Knows parcels and pick-up codes (``goods.fulfilment``)."""

    async def __call__(
        self, session: AsyncSession, order_ids: Iterable[UUID]
    ) -> Mapping[UUID, Fulfilled]:
        """By order; absent where nothing was done yet."""
        ...


async def _no_sources(connection: asyncpg.Connection, codes: Iterable[str]) -> Mapping[str, Source]:
    assert connection and codes
    return {}


async def _not_fulfilled(
    session: AsyncSession, order_ids: Iterable[UUID]
) -> Mapping[UUID, Fulfilled]:
    assert session and order_ids
    return {}


class Plugs:
    """What a process has plugged in; the defaults hold in a house without links and parcels."""

    def __init__(self) -> None:
        self.sources: Sources = _no_sources
        self.fulfilment: Fulfilment = _not_fulfilled
        self.payment_provider = "sandbox"
        """Name of the provider that new payments begin with (``payments.plug_in``)."""


plugs = Plugs()
