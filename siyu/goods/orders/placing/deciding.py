"""Who gets what: the decision over one batch, in order of arrival. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from siyu.goods import pricing, stock
from siyu.goods.catalogue import Sellable
from siyu.goods.orders.placing import costing
from siyu.goods.orders.placing.costing import Prices
from siyu.goods.orders.placing.wanted import PlacedOut, Wanted
from siyu.goods.orders.ports import DIRECT, Source
from siyu.goods.orders.rules import BadAddress, BadStore, Place, PriceChanged, take
from siyu.kernel.errors import Refusal
from siyu.kernel.http import KeyReused
from siyu.people.customers import Destination


class Basket(Struct, frozen=True):
    """What equal orders of a batch have in common: price and texts (JSON), computed once."""

    priced: pricing.Priced
    skus: tuple[Sellable, ...]
    quantity: int
    first_title: str
    image_ids: str
    waterfall: str
    texts: tuple[tuple[str, str], ...]
    """Title and option label of each line."""
    steps: tuple[str, ...]


class Draft(Struct, frozen=True):
    """An accepted order that has no number yet."""

    wanted: Wanted
    basket: Basket
    location_id: UUID
    contact_id: UUID | None
    came: Source


class Earlier(Struct, frozen=True):
    """An order that was placed before under the same key."""

    input_hash: str
    placed: PlacedOut


class Ground(Struct, frozen=True):
    """Everything a batch is decided on. ``free`` is taken from while deciding."""

    prices: Prices
    free: dict[Place, int]
    online: UUID | None
    store_rooms: Mapping[UUID, UUID]
    """Location by store."""
    destinations: Mapping[tuple[UUID, UUID], Destination]
    """By ``(customer, address)``."""
    sources: Mapping[str, Source]
    earlier: Mapping[tuple[UUID, str], Earlier]
    """By ``(customer, key)``."""


class Same(Struct, frozen=True):
    """Asks for the same as an earlier request of this batch: gets that one's answer."""

    at: int


Decision = Draft | PlacedOut | Same | Refusal


def decide(wanted: Sequence[Wanted], ground: Ground) -> list[Decision]:
    """An answer for each, by position: a draft to write, an order placed before, or a refusal.

    A refusal takes nothing and does not bind its key; a repeated key gets the first order, with another input
    ``KeyReused``.
    """
    baskets: dict[Any, Basket | Refusal] = {}
    drafted: dict[tuple[UUID, str], int] = {}
    answers: list[Decision] = []
    for at, one in enumerate(wanted):
        key = (one.customer_id, one.key)
        earlier = ground.earlier.get(key)
        same = drafted.get(key)
        if earlier is not None:
            answers.append(earlier.placed if earlier.input_hash == one.input_hash else KeyReused())
        elif same is not None:
            answers.append(Same(same) if wanted[same].input_hash == one.input_hash else KeyReused())
        else:
            answer = _draft(one, ground, baskets)
            if isinstance(answer, Draft):
                drafted[key] = at
            answers.append(answer)
    return answers


def _draft(one: Wanted, ground: Ground, baskets: dict[Any, Basket | Refusal]) -> Draft | Refusal:
    district_code, contact_id = None, None
    if one.delivery == "express":
        there = (
            ground.destinations.get((one.customer_id, one.address_id)) if one.address_id else None
        )
        if there is None:
            return BadAddress()
        district_code, contact_id = there.district_code, there.contact_id
        location_id = ground.online
    else:
        location_id = ground.store_rooms.get(one.store_id) if one.store_id else None
        if one.store_id is None:
            return BadStore()
    same = (one.lines, district_code, one.store_id)
    basket = baskets.get(same)
    if basket is None:
        basket = baskets[same] = _basket(one, ground.prices, district_code)
    if isinstance(basket, Refusal):
        return basket
    if basket.priced.total_minor != one.expected_total_minor:
        return PriceChanged(total_minor=basket.priced.total_minor)
    if location_id is None:  # nothing was ever put there
        return stock.OutOfStock(sku_id=str(one.lines[0][0]), free=0, asked=one.lines[0][1])
    short = take(ground.free, {(sku_id, location_id): quantity for sku_id, quantity in one.lines})
    if short is not None:
        asked = dict(one.lines)[short[0]]
        return stock.OutOfStock(
            sku_id=str(short[0]), free=max(0, ground.free.get(short, 0)), asked=asked
        )
    came = ground.sources.get(one.link, DIRECT) if one.link else DIRECT
    return Draft(one, basket, location_id, contact_id, came)


def _basket(one: Wanted, prices: Prices, district_code: str | None) -> Basket | Refusal:
    try:
        priced = costing.cost(one.lines, prices, district_code=district_code, store_id=one.store_id)
    except Refusal as refusal:
        return refusal
    skus = tuple(prices.sellable[sku_id] for sku_id, _ in one.lines)
    encode = msgspec.json.encode
    return Basket(
        priced,
        skus,
        sum(quantity for _, quantity in one.lines),
        encode(skus[0].title).decode(),
        encode([sku.image_id for sku in skus if sku.image_id][:3]).decode(),
        encode(priced.waterfall).decode(),
        tuple((encode(sku.title).decode(), encode(sku.option_label).decode()) for sku in skus),
        tuple(encode(line.steps).decode() for line in priced.lines),
    )


def placed_out(id: UUID, number: str, total_minor: int, pay_by: datetime) -> PlacedOut:
    """The answer for a new order; repeated requests get the same, whatever became of it since."""
    return PlacedOut(id, number, "unpaid", total_minor, pay_by)
