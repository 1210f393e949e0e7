"""What many shoppers do at once with carts, quotes and payments, in common transactions; placing has its own room."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from siyu.goods import catalogue, pricing, stock
from siyu.goods.catalogue import ImageOut, Sellable
from siyu.goods.orders import actions, queries
from siyu.goods.orders.actions import PayAsked, Put, ToPay
from siyu.goods.orders.placing import Prices
from siyu.kernel.batching import Batcher, harmless
from siyu.kernel.errors import Refusal


class CartSeen(Struct, frozen=True):
    """A cart, and all that is to be said about its SKUs."""

    lines: Sequence[queries.CartLine]
    skus: Mapping[UUID, Sellable]
    free: Mapping[UUID, int]
    pictures: Mapping[UUID, ImageOut]


class ToQuote(Struct, frozen=True):
    """What a quote has to know: prices of these SKUs, in a store when one is named, with freight or without."""

    sku_ids: Collection[UUID]
    store_id: UUID | None
    with_freight: bool


class Quotable(Struct, frozen=True):
    """Prices, and pictures by id."""

    prices: Prices
    pictures: Mapping[UUID, ImageOut]


class Crowd:
    """The steps of a process's shoppers; each asks ``(brand_id, request)`` and waits for the commit."""

    def __init__(self, runtime: Any) -> None:
        database = runtime.database
        self.puts: Batcher[Put, CartSeen] = Batcher(database, _put, None)
        self.carts: Batcher[UUID, CartSeen] = Batcher(database, _carts, harmless)
        self.quotes: Batcher[ToQuote, Quotable] = Batcher(database, _quote, harmless)
        self.payments: Batcher[PayAsked, ToPay] = Batcher(database, _start_payments, harmless)

    async def close(self) -> None:
        """Answer who waits, and take nobody new."""
        for batcher in (self.puts, self.carts, self.quotes, self.payments):
            await batcher.close()


async def _put(
    connection: asyncpg.Connection, _: UUID, puts: Sequence[Put]
) -> Sequence[CartSeen | Refusal]:
    refusals = await actions.put_in_carts(connection, puts)
    seen = await carts_seen(connection, [one.owner_id for one in puts])
    return [refusal or cart for refusal, cart in zip(refusals, seen, strict=True)]


async def _carts(
    connection: asyncpg.Connection, _: UUID, owner_ids: Sequence[UUID]
) -> Sequence[CartSeen]:
    return await carts_seen(connection, owner_ids)


async def carts_seen(connection: asyncpg.Connection, owner_ids: Sequence[UUID]) -> list[CartSeen]:
    """Carts by position."""
    carts = await queries.carts_of(connection, sorted(set(owner_ids)))
    sku_ids = {line.sku_id for lines in carts.values() for line in lines}
    if not sku_ids:
        return [CartSeen([], {}, {}, {}) for _ in owner_ids]
    skus = await catalogue.sellable(connection, sku_ids)
    free = await stock.free(connection, sku_ids)
    pictures = await catalogue.images(connection, [sku.image_id for sku in skus.values()])
    return [CartSeen(carts.get(owner_id, []), skus, free, pictures) for owner_id in owner_ids]


async def _quote(
    connection: asyncpg.Connection, _: UUID, wanted: Sequence[ToQuote]
) -> Sequence[Quotable]:
    sku_ids = {sku_id for one in wanted for sku_id in one.sku_ids}
    stores = {one.store_id for one in wanted if one.store_id is not None}
    sellable = await catalogue.sellable(connection, sku_ids)
    prices: Mapping[tuple[UUID, UUID], int] = {}
    if stores:
        prices = await pricing.store_prices(connection, stores, sku_ids)
    templates: Sequence[pricing.Template] = []
    if any(one.with_freight for one in wanted):
        templates = await pricing.templates(connection)
    pictures = await catalogue.images(connection, [sku.image_id for sku in sellable.values()])
    return [
        Quotable(Prices(sellable, prices, templates if one.with_freight else []), pictures)
        for one in wanted
    ]


async def _start_payments(
    connection: asyncpg.Connection, _: UUID, asked: Sequence[PayAsked]
) -> Sequence[ToPay | Refusal]:
    return await actions.start_payments(connection, asked)


def crowd_of(runtime: Any) -> Crowd:
    """The process's crowd."""
    return runtime.parts["buyers"]


async def open_crowd(runtime: Any) -> Callable[[], Awaitable[None]]:
    """Make the process's crowd; what closes it again."""
    crowd = runtime.parts["buyers"] = Crowd(runtime)
    return crowd.close
