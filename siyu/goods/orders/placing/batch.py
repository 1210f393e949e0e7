"""One batch of orders of one brand: read, lock, decide, write – in one transaction of the batcher's own."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from siyu.goods import catalogue, pricing, stock
from siyu.goods.orders.actions.stating import UNPAID, watch
from siyu.goods.orders.placing.costing import Prices
from siyu.goods.orders.placing.deciding import (
    Decision,
    Draft,
    Earlier,
    Ground,
    Same,
    decide,
    placed_out,
)
from siyu.goods.orders.placing.plenty import Plenty, Shelf
from siyu.goods.orders.placing.wanted import PlacedOut, Wanted
from siyu.goods.orders.placing.writing import TAKEN, draw_numbers, enough_numbers, orders_of
from siyu.goods.orders.ports import Source, plugs
from siyu.goods.orders.rules import Place
from siyu.kernel import clock, effective, events, timers, tracing
from siyu.kernel.batching import Batcher, Overtaken
from siyu.kernel.db import Actor, Database
from siyu.kernel.errors import Refusal
from siyu.kernel.ids import new_id
from siyu.kernel.together import Read, Rows, read_together, write_together
from siyu.people import customers
from siyu.people.brands import UNPAID_TIMEOUT, brand_facts

SHOPPER = Actor("customer", None, "")
_EARLIER = """
select o.customer_id, o.request_key, o.request_hash, o.id, o.number, o.total_minor, o.pay_by
from unnest($1::uuid[], $2::text[]) as w(customer_id, request_key)
cross join lateral (select * from orders o where o.customer_id = w.customer_id and o.request_key = w.request_key
                    limit 1) o
"""
_EARLIER_AND_TAKEN = f"""
{_EARLIER}
union all select null, null, null, null, number, null, null from ({TAKEN.replace("$1", "$3")}) as t
"""
_EMPTY_CARTS = """
delete from cart_lines c using unnest($1::uuid[], $2::uuid[]) as bought(owner_id, sku_id)
where c.owner_id = bought.owner_id and c.sku_id = bought.sku_id
"""
ROOMS_MEMORY_S = 3.0
OrderBatcher = Batcher[Wanted, PlacedOut]


def open_batcher(
    database: Database, dated: effective.Memory, *, in_flight: int = 2, max_batch: int = 128
) -> OrderBatcher:
    """The process's batcher of orders; close it before the database.

    Orders of a scarce SKU are decided one batch after the other. Of what there is plenty, batches run side by side.
    """
    plenty = Plenty()
    known_rooms: dict[UUID, tuple[float, Rooms]] = {}

    async def place(
        connection: asyncpg.Connection, brand_id: UUID, wanted: Sequence[Wanted]
    ) -> Sequence[PlacedOut | Refusal]:
        facts = await brand_facts(database, brand_id)
        timeout = timedelta(minutes=await dated.value(brand_id, UNPAID_TIMEOUT))
        read_at, rooms = known_rooms.get(brand_id, (0.0, None))
        if rooms is None or not rooms.serve(wanted) or monotonic() - read_at > ROOMS_MEMORY_S:
            rooms = await rooms_of(connection)
            known_rooms[brand_id] = (monotonic(), rooms)
        return await place_orders(
            connection, wanted, rooms, plenty, currency=facts.currency, time_zone=facts.time_zone, timeout=timeout,
        )  # fmt: skip

    return Batcher(
        database,
        place,
        placed_before,
        claims=lambda one: [*plenty.scarce(one), (one.customer_id, one.key)],
        in_flight=in_flight,
        max_batch=max_batch,
    )


class Rooms(Struct, frozen=True):
    """The place that online orders come from, and the stores' own places by store."""

    online: UUID | None
    stores: Mapping[UUID, UUID]

    def serve(self, wanted: Sequence[Wanted]) -> bool:
        """Whether these orders can be taken from known places."""
        return all(
            self.online is not None if one.delivery == "express" else one.store_id in self.stores
            for one in wanted
        )

    def place_of(self, one: Wanted) -> UUID | None:
        """Where an order is taken from; ``None`` when there is no such place."""
        if one.delivery == "express":
            return self.online
        return self.stores.get(one.store_id) if one.store_id else None

    def places_of(self, wanted: Sequence[Wanted]) -> dict[Shelf, Place]:
        """The places of the pieces of these orders, by what shoppers call them."""
        return {
            (sku_id, one.store_id): (sku_id, room)
            for one in wanted
            if (room := self.place_of(one)) is not None
            for sku_id, _ in one.lines
        }


async def rooms_of(connection: asyncpg.Connection) -> Rooms:
    """The brand's places as placing needs them."""
    rooms = await stock.locations(connection)
    return Rooms(
        next((room.id for room in rooms if room.sells_online), None),
        {
            room.unit_id: room.id
            for room in rooms
            if room.unit_id is not None and room.kind == "store"
        },
    )


async def place_orders(
    connection: asyncpg.Connection,
    wanted: Sequence[Wanted],
    rooms: Rooms,
    plenty: Plenty | None = None,
    *,
    currency: str,
    time_zone: str,
    timeout: timedelta,
) -> list[PlacedOut | Refusal]:
    """Accept what can be held, in order of arrival, and answer each by position.

    Repeating a key returns the first order. Refusals: NotOnSale, OutOfStock, PriceChanged, BadAddress, BadStore,
    NotDelivered, KeyReused. Locks stock by (sku, location) after reading prices, so a price change that commits
    in between holds for the next batch only. Where there is plenty it is locked only at the end, for as long as the
    commit takes; raises ``Overtaken`` when there was less than it seemed.
    """
    plenty = plenty or Plenty()
    day = clock.today(time_zone)
    drawn = draw_numbers(day, len(wanted))
    places = rooms.places_of(wanted)
    known = plenty.free(wanted)
    if known is None:
        ground, taken = await _ground(connection, wanted, rooms, drawn)
    else:
        supposed = {places[shelf]: free for shelf, free in known.items()}
        ground, taken = await _ground(connection, wanted, rooms, drawn, supposed)
    decisions = decide(wanted, ground)
    drafts = [one for one in decisions if isinstance(one, Draft)]
    orders: list[PlacedOut] = []
    if drafts:
        free_numbers = [number for number in drawn if number not in taken]
        numbers = await enough_numbers(connection, day, free_numbers, len(drafts))
        orders, movements = await _write(connection, drafts, numbers, currency, timeout)
        left = ground.free
        if known is None:
            await stock.apply_movements(connection, movements, actor=SHOPPER)
        else:
            left = await _take(connection, set(places.values()), movements)
        plenty.note({shelf: left.get(place, 0) for shelf, place in places.items()})
        if known is not None and min(left.values()) < 0:
            raise Overtaken
        await _empty_carts(connection, drafts)
    return _answers(decisions, orders)


def _answers(
    decisions: Sequence[Decision], orders: Iterable[PlacedOut]
) -> list[PlacedOut | Refusal]:
    written = iter(orders)
    answers: list[PlacedOut | Refusal] = []
    for one in decisions:
        if isinstance(one, Draft):
            answers.append(next(written))
        elif isinstance(one, Same):
            answers.append(answers[one.at])
        else:
            answers.append(one)
    return answers


async def _write(
    connection: asyncpg.Connection,
    drafts: list[Draft],
    numbers: Sequence[str],
    currency: str,
    timeout: timedelta,
) -> tuple[list[PlacedOut], list[stock.Movement]]:
    """The orders with their events and deadline; the movements of stock are left to the caller."""
    placed_at = clock.now()
    pay_by = placed_at + timeout
    made = await orders_of(
        connection, drafts, numbers, placed_at=placed_at, pay_by=pay_by, currency=currency
    )
    traces = tracing.told(draft.wanted for draft in drafts)
    _, stated = events.stating(connection, made.events, SHOPPER, moments=[placed_at], traces=traces)
    # One deadline for the whole batch: its handler closes every order of it that is due.
    deadline = timers.putting(UNPAID, [new_id()], [pay_by], [watch(placed_at)])
    await write_together(connection, made.rows, stated, deadline)
    orders = [
        placed_out(order_id, number, draft.basket.priced.total_minor, pay_by)
        for order_id, number, draft in zip(made.ids, numbers, drafts, strict=True)
    ]
    return orders, made.movements


async def _take(
    connection: asyncpg.Connection, places: set[Place], movements: Sequence[stock.Movement]
) -> dict[Place, int]:
    """Take what nobody has locked; what is free then, below zero where it was too much."""
    free: dict[Place, int] = {}
    if len(places) > 1:  # one is locked by the taking itself; several, in the order that all keep
        free = await _locked(connection, places)
        for one in movements:
            free[one.sku_id, one.location_id] -= one.delta_reserved
    if any(left < 0 for left in free.values()):
        return free
    try:
        fewest = await stock.apply_movements(connection, movements, actor=SHOPPER)
    except asyncpg.CheckViolationError:  # more than is there at all
        fewest = -1
    return free or dict.fromkeys(places, fewest)


async def _empty_carts(connection: asyncpg.Connection, drafts: Sequence[Draft]) -> None:
    bought = [
        (draft.wanted.customer_id, sku_id)
        for draft in drafts
        if draft.wanted.from_cart
        for sku_id, _ in draft.wanted.lines
    ]
    if bought:
        await connection.execute(
            _EMPTY_CARTS, [owner for owner, _ in bought], [sku for _, sku in bought]
        )


async def _ground(
    connection: asyncpg.Connection,
    wanted: Sequence[Wanted],
    rooms: Rooms,
    drawn: Sequence[str],
    supposed: dict[Place, int] | None = None,
) -> tuple[Ground, set[str]]:
    """What is to be decided on, and which of the drawn numbers are taken. ``supposed``: do not lock, go by this."""
    sku_ids = {sku_id for one in wanted for sku_id, _ in one.lines}
    sent = [one for one in wanted if one.delivery == "express"]
    stores = {one.store_id for one in wanted if one.store_id is not None}
    asked = {(one.customer_id, one.address_id) for one in sent if one.address_id is not None}
    reads: list[Read[Any]] = [
        catalogue.sellable_read(sku_ids),
        pricing.TEMPLATES,
        customers.destinations_read(asked),
    ]
    placed_before = _placed_before_read(wanted, drawn)
    if supposed is not None:
        # Nothing is locked: of who comes later the unique key tells, and the batch comes again.
        reads.append(placed_before)
    sellable, templates, there, *before = await read_together(connection, *reads)
    store_prices: Mapping[tuple[UUID, UUID], int] = {}
    if stores:
        store_prices = await pricing.store_prices(connection, stores, sku_ids)
    codes = {one.link for one in wanted if one.link}
    sources: Mapping[str, Source] = {}
    if codes:
        sources = await plugs.sources(connection, codes)
    free = supposed
    if free is None:
        free = await _locked(connection, rooms.places_of(wanted).values())
        # After the locks: sees whoever held them before.
        before = [await placed_before.on(connection)]
    ((earlier, taken),) = before
    prices = Prices(sellable, store_prices, templates)
    return Ground(prices, free, rooms.online, rooms.stores, there, sources, earlier), taken


async def _locked(connection: asyncpg.Connection, places: Iterable[Place]) -> dict[Place, int]:
    levels = await stock.lock_levels(connection, places)
    return {place: level.free for place, level in levels.items()}


_Before = tuple[dict[tuple[UUID, str], Earlier], set[str]]


def _placed_before_read(wanted: Iterable[Wanted], drawn: Sequence[str] = ()) -> Read[_Before]:
    """Orders by ``(customer, key)``, and those of the drawn numbers that are taken."""
    keys = {(one.customer_id, one.key) for one in wanted}
    columns = (
        "customer_id",
        "request_key",
        "request_hash",
        "id",
        "number",
        "total_minor",
        "pay_by",
    )
    values = ([customer for customer, _ in keys], [key for _, key in keys], list(drawn))
    return Read(_EARLIER_AND_TAKEN, columns, values, _placed_before_of)


def _placed_before_of(rows: Rows) -> _Before:
    earlier = {
        (row["customer_id"], row["request_key"]): Earlier(
            row["request_hash"],
            placed_out(row["id"], row["number"], row["total_minor"], row["pay_by"]),
        )
        for row in rows
        if row["id"] is not None
    }
    return earlier, {row["number"] for row in rows if row["id"] is None}


async def placed_before(
    connection: asyncpg.Connection, _: UUID, wanted: Sequence[Wanted]
) -> Sequence[PlacedOut | None]:
    """The orders that were committed under these keys for the same input, by position."""
    found = (await _placed_before_read(wanted).on(connection))[0]
    answers: list[PlacedOut | None] = []
    for one in wanted:
        earlier = found.get((one.customer_id, one.key))
        answers.append(
            earlier.placed if earlier is not None and earlier.input_hash == one.input_hash else None
        )
    return answers
