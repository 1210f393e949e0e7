"""A year of the demo brand's order book: finished orders with money, returns and events, in chunks of short transactions.

Drawn from the shape in ``CHANNELS``; events carry ``origin = demo``, so nothing is awarded, sent or charged.
"""

import bisect
import math
import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from siyu.app.demo.calendar import busy
from siyu.goods import orders, payments, pricing
from siyu.goods.catalogue import Sellable
from siyu.goods.orders import OrderCompleted, OrderPaid, OrderPlaced, Piece, RefundAgreed
from siyu.goods.orders.rules import order_number
from siyu.kernel.events import state_on
from siyu.kernel.ids import new_id
from siyu.kernel.ledger import Posting, book_on


class Channel(msgspec.Struct, frozen=True):
    """A channel's year: orders, average in yuan, share of returns, of guide-led orders, and of tea among its orders."""

    source: str
    orders: int
    average: int
    returns: float
    guided: float
    tea: float
    provider: str


CHANNELS = (
    Channel("store", 26_000, 2_650, 0.02, 0.22, 0.10, "pos"),
    Channel("mini_program", 9_200, 820, 0.06, 0.16, 0.34, "wechat_pay"),
    Channel("tmall", 4_900, 760, 0.14, 0.0, 0.22, "tmall"),
    Channel("douyin", 3_600, 380, 0.31, 0.0, 0.40, "douyin"),
    Channel("jd", 1_300, 880, 0.08, 0.0, 0.20, "jd"),
    Channel("wechat_shop", 1_000, 460, 0.06, 0.05, 0.42, "wechat_pay"),
)
CHUNK = 400
AT_ONCE, DELIVERED, BACK = timedelta(minutes=5), timedelta(days=3), timedelta(days=4, hours=3)
"""From placing to having it at the till, from the carrier, and to agreeing to take it back."""
_HOURS = (1, 0, 0, 0, 0, 0, 1, 2, 4, 7, 11, 12, 10, 10, 11, 11, 11, 11, 12, 14, 16, 14, 9, 4)


class Buyer(msgspec.Struct, frozen=True):
    """A customer with the moment they joined and the store they belong to."""

    id: UUID
    joined_at: datetime
    store_id: UUID | None


class Shelf:
    """SKUs by price, to draw one near a wanted price."""

    def __init__(self, skus: Sequence[Sellable]) -> None:
        self._skus = sorted(
            (sku for sku in skus if sku.price_minor > 0),
            key=lambda sku: (sku.price_minor, sku.code),
        )
        self._prices = [sku.price_minor for sku in self._skus]

    def near(self, price: float, chance: random.Random) -> Sellable:
        """A SKU among the dozen nearest in price."""
        at = bisect.bisect(self._prices, price)
        low, high = max(0, at - 6), min(len(self._skus), at + 6)
        return self._skus[chance.randrange(low, high)]


class Sold(msgspec.Struct):
    """One order as it is written."""

    id: UUID
    number: str
    source: str
    provider: str
    buyer: UUID
    store_id: UUID | None
    guide_id: UUID | None
    pick_up: bool
    at: datetime
    skus: list[Sellable]
    priced: pricing.Priced
    line_ids: list[UUID]
    returned: bool
    done: bool
    """Whether the buyer has it, or it is still on its way."""


def orders_of(
    channel: Channel,
    days: Sequence[date],
    scale: float,
    time_zone: str,
    jewellery: Shelf,
    tea: Shelf,
    buyers: Sequence[Buyer],
    stores: Sequence[UUID],
    guides: dict[UUID, list[UUID]],
    chance: random.Random,
    until: datetime,
) -> Iterator[Sold]:
    """A channel's orders day by day up to a moment; as many as its share of ``scale``."""
    weights = [busy(day, channel.source) for day in days]
    whole, zone = sum(weights), ZoneInfo(time_zone)
    mu = math.log(channel.average * 100) - 0.32
    used: set[str] = set()
    for day, weight in zip(days, weights, strict=True):
        count = channel.orders * scale * weight / whole
        for _ in range(int(count) + (chance.random() < count % 1)):
            hour = chance.choices(range(24), _HOURS)[0]
            at = datetime(
                day.year,
                day.month,
                day.day,
                hour,
                chance.randrange(60),
                chance.randrange(60),
                tzinfo=zone,
            )
            if at > until:
                continue
            is_tea = chance.random() < channel.tea
            shelf, spend = (
                (tea, math.exp(mu) * 0.35) if is_tea else (jewellery, math.exp(mu) * 1.05)
            )
            skus = [shelf.near(spend * math.exp(chance.gauss(0, 0.75)), chance)]
            if chance.random() < (0.3 if is_tea else 0.09):
                extra = tea.near(15_000 * math.exp(chance.gauss(0, 0.6)), chance)
                if extra.sku_id != skus[0].sku_id:
                    skus.append(extra)
            buyer = _buyer(buyers, at, chance)
            store = (
                (buyer.store_id or chance.choice(stores))
                if channel.source == "store" or chance.random() < 0.3
                else None
            )
            guided = store is not None and chance.random() < channel.guided * (
                1 if channel.source == "store" else 3.3
            )
            number = _number(channel, day, used, chance)
            pick_up = channel.source == "store" or (
                channel.source == "mini_program" and store is not None and chance.random() < 0.7
            )
            returned = chance.random() < channel.returns and at + BACK <= until
            done = at + (AT_ONCE if pick_up else DELIVERED) <= until
            yield Sold(
                new_id(), number, channel.source, channel.provider, buyer.id, store,
                chance.choice(guides[store]) if guided and store and guides.get(store) else None,
                pick_up, at, skus, _priced(skus, channel.source, chance), [new_id() for _ in skus], returned, done,
            )  # fmt: skip


def _buyer(buyers: Sequence[Buyer], at: datetime, chance: random.Random) -> Buyer:
    """Somebody who had joined by then; those who joined early buy again more often."""
    for _ in range(6):
        one = buyers[int(len(buyers) * chance.random() ** 1.25)]
        if one.joined_at <= at:
            return one
    return buyers[0]


def _number(channel: Channel, day: date, used: set[str], chance: random.Random) -> str:
    """A number that no other order has: channels are written side by side, so the last drawn digit is the channel's."""
    at = CHANNELS.index(channel)
    while (number := order_number(day.month, day.day, chance.randrange(10**6) * 10 + at)) in used:
        pass
    used.add(number)
    return number


def _priced(skus: Sequence[Sellable], source: str, chance: random.Random) -> pricing.Priced:
    lines = [
        pricing.Line(
            1 if sku.price_minor > 200_00 else chance.choice((1, 1, 1, 2)), sku.price_minor
        )
        for sku in skus
    ]
    changes: list[Any] = []
    if (
        source == "store" and chance.random() < 0.12
    ):  # a guide rounds the price down, with the manager's leave
        whole = lines[0].quantity * skus[0].price_minor
        changes.append(
            pricing.LinePrice(
                0,
                whole * chance.choice((95, 97, 98)) // 100,
                rule="staff",
                note={"zh-CN": "店长特批", "en": "Manager's leave"},
            )
        )
    goods = sum(line.quantity * sku.price_minor for line, sku in zip(lines, skus, strict=True))
    return pricing.price(
        lines, changes, freight_minor=1_200 if source != "store" and goods < 9_900 else 0
    )


_ORDERS = """
insert into orders (id, number, state, customer_id, request_key, request_hash, placed_at, pay_by, paid_at, completed_at, delivery,
    location_id, pick_up_store_id, source, store_id, guide_id, currency, goods_minor, freight_minor, total_minor, paid_minor,
    refunded_minor, freight_refunded_minor, quantity, first_title, image_ids, waterfall)
select id, number, state, customer_id, 'demo-' || number, '', placed_at, placed_at + interval '30 minutes',
    placed_at + interval '1 minute', completed_at, delivery, location_id, store_of_pick_up, source, store_id, guide_id, 'CNY', goods, freight,
    goods + freight, goods + freight, refunded, case when refunded > 0 then freight else 0 end, quantity, title::jsonb, images::jsonb, waterfall::jsonb
from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::uuid[], $9::uuid[],
    $10::text[], $11::uuid[], $12::uuid[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::text[], $18::text[], $19::text[])
  as o(id, number, state, customer_id, placed_at, completed_at, delivery, location_id, store_of_pick_up, source, store_id, guide_id, goods,
    freight, refunded, quantity, title, images, waterfall)
"""
_LINES = """
insert into order_lines (order_id, line_id, sku_id, product_id, code, title, option_label, image_id, quantity, list_minor, unit_minor,
    line_minor, steps, shipped_quantity, refunded_quantity, refunded_minor)
select order_id, line_id, sku_id, product_id, code, title::jsonb, label::jsonb, image_id, quantity, list_minor, unit_minor, line_minor,
    steps::jsonb, quantity, case when returned then quantity else 0 end, case when returned then line_minor else 0 end
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::bigint[], $10::bigint[],
    $11::bigint[], $12::bigint[], $13::text[], $14::bool[])
  as l(order_id, line_id, sku_id, product_id, code, title, label, image_id, quantity, list_minor, unit_minor, line_minor, steps, returned)
"""
_PAYMENTS = """
insert into payments (id, payable_kind, payable_id, payable_label, payer_id, provider, amount_minor, state, provider_reference,
    created_at, settled_at)
select id, 'order', order_id, number, payer, provider, amount, 'succeeded', upper(left(replace(id::text, '-', ''), 20)), at,
    at + interval '1 minute'
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::bigint[], $7::timestamptz[])
  as p(id, order_id, number, payer, provider, amount, at)
"""
_REFUNDS = """
with r as (select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::uuid[])
             as r(id, order_id, payment_id, amount, freight, at, back_id)),
paid_back as (insert into payment_refunds (id, payment_id, key, amount_minor, state, reason, provider_reference, error, created_at, settled_at)
    select back_id, payment_id, id::text, amount, 'succeeded', 'order_refund', '', '', at, at + interval '1 hour' from r)
insert into order_refunds (id, order_id, amount_minor, freight_minor, reason, state, restock, agreed_at, agreed_by)
select id, order_id, amount, freight, 'seven_days', 'succeeded', true, at, '' from r
"""
_REFUND_LINES = """
insert into order_refund_lines (refund_id, order_id, line_id, quantity, amount_minor)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[])
"""


async def write(
    connection: asyncpg.Connection, sold: Sequence[Sold], online: UUID, rooms: dict[UUID, UUID]
) -> None:
    """Write a chunk of orders with lines, payments, refunds and events in the connection's transaction."""
    payment_ids = [new_id() for _ in sold]
    await connection.execute(_ORDERS, *_columns([_order(one, online, rooms) for one in sold]))
    await connection.execute(_LINES, *_columns([row for one in sold for row in _lines(one)]))
    paid = [(p, o) for p, o in zip(payment_ids, sold, strict=True) if o.priced.total_minor > 0]
    if paid:
        rows = [
            (p, o.id, o.number, o.buyer, o.provider, o.priced.total_minor, o.at) for p, o in paid
        ]
        await connection.execute(_PAYMENTS, *_columns(rows))
    returned = [(new_id(), new_id(), p, o) for p, o in paid if o.returned]
    if returned:
        await connection.execute(
            _REFUNDS,
            *_columns(
                [
                    (r, o.id, p, o.priced.total_minor, o.priced.freight_minor, _back(o), back)
                    for r, back, p, o in returned
                ]
            ),
        )
        lines = [
            (r, o.id, line_id, line.quantity, line.line_minor)
            for r, _, _, o in returned
            for line_id, line in zip(o.line_ids, o.priced.lines, strict=True)
        ]
        await connection.execute(_REFUND_LINES, *_columns(lines))
    told = [
        event
        for one, payment in zip(sold, payment_ids, strict=True)
        for event in _events(one, payment)
    ]
    told += [event for r, _, _, o in returned for event in _returned(o, r)]
    told.sort(key=lambda pair: pair[0])
    ids = await state_on(
        connection, [event for _, event in told], origin="demo", occurred_at=[at for at, _ in told]
    )
    stated: dict[tuple[str, UUID], UUID] = {
        (event.kind, event.subject): id for id, (_, event) in zip(ids, told, strict=True)
    }
    booked = [posting for p, o in paid for posting in _sold(o, p, stated["orders.paid/1", o.id])]
    booked += [
        posting
        for r, back, _, o in returned
        for posting in _given_back(o, r, back, stated["orders.refund_agreed/1", o.id])
    ]
    await book_on(connection, booked)


def _sold(one: Sold, payment_id: UUID, event_id: UUID) -> list[Posting]:
    at, total = one.at + timedelta(minutes=1), one.priced.total_minor
    came = payments.came(payment_id, one.id, one.provider, "CNY", total, event_id, booked_at=at)
    freight = one.priced.freight_minor
    return [came, *orders.booked_paid(one.id, "CNY", total, freight, event_id, booked_at=at)]


def _given_back(one: Sold, refund_id: UUID, back_id: UUID, event_id: UUID) -> list[Posting]:
    total, freight, at = one.priced.total_minor, one.priced.freight_minor, _back(one)
    return [
        *orders.booked_refund(one.id, refund_id, "CNY", total, freight, event_id, booked_at=at),
        payments.went_back(back_id, one.id, one.provider, "CNY", total, event_id, booked_at=at + timedelta(hours=1)),
    ]  # fmt: skip


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _back(one: Sold) -> datetime:
    return one.at + BACK


def _done(one: Sold) -> datetime:
    return one.at + (AT_ONCE if one.pick_up else DELIVERED)


def _order(one: Sold, online: UUID, rooms: dict[UUID, UUID]) -> tuple[Any, ...]:
    priced = one.priced
    returned = one.returned and priced.total_minor > 0
    images = [str(sku.image_id) for sku in one.skus[:3] if sku.image_id]
    return (
        one.id, one.number, "refunded" if returned else "completed" if one.done else "shipped", one.buyer, one.at,
        _done(one) if one.done else None,
        "pick_up" if one.pick_up and one.store_id else "express",
        rooms[one.store_id] if one.pick_up and one.store_id else online, one.store_id if one.pick_up else None,
        one.source, one.store_id, one.guide_id, priced.goods_minor, priced.freight_minor,
        priced.total_minor if returned else 0, sum(line.quantity for line in priced.lines), _json(one.skus[0].title),
        _json(images), _json(priced.waterfall),
    )  # fmt: skip


def _lines(one: Sold) -> Iterator[tuple[Any, ...]]:
    returned = one.returned and one.priced.total_minor > 0
    for sku, line_id, line in zip(one.skus, one.line_ids, one.priced.lines, strict=True):
        yield (
            one.id, line_id, sku.sku_id, sku.product_id, sku.code, _json(sku.title), _json(sku.option_label), sku.image_id,
            line.quantity, line.list_minor, line.unit_minor, line.line_minor, _json(line.steps), returned,
        )  # fmt: skip


def _events(one: Sold, payment_id: UUID) -> Iterator[tuple[datetime, Any]]:
    pieces = _pieces(one)
    priced, of = one.priced, _of(one)
    yield one.at, OrderPlaced(
        **of, number=one.number, delivery="pick_up" if one.pick_up else "express", currency="CNY", goods_minor=priced.goods_minor,
        freight_minor=priced.freight_minor, total_minor=priced.total_minor, pay_by=one.at + timedelta(minutes=30), lines=pieces,
    )  # fmt: skip
    paid_at = one.at + timedelta(minutes=1)
    yield paid_at, OrderPaid(
        **of, payment_id=payment_id, currency="CNY", paid_minor=priced.total_minor, freight_minor=priced.freight_minor,
        paid_at=paid_at, lines=pieces,
    )  # fmt: skip
    if not one.done:
        return
    yield (
        _done(one),
        OrderCompleted(**of, by="carrier", total_minor=priced.total_minor, refunded_minor=0),
    )


def _returned(one: Sold, refund_id: UUID) -> Iterator[tuple[datetime, Any]]:
    yield _back(one), RefundAgreed(
        **_of(one), refund_id=refund_id, currency="CNY", amount_minor=one.priced.total_minor,
        freight_minor=one.priced.freight_minor, whole=True, lines=_pieces(one), paid_at=one.at + timedelta(minutes=1),
    )  # fmt: skip


def _of(one: Sold) -> dict[str, Any]:
    return {
        "order_id": one.id, "customer_id": one.buyer, "source": one.source, "scene": "", "store_id": one.store_id,
        "guide_id": one.guide_id, "link_id": None,
    }  # fmt: skip


def _pieces(one: Sold) -> tuple[Piece, ...]:
    return tuple(
        Piece(line_id, sku.sku_id, sku.product_id, line.quantity, line.line_minor)
        for sku, line_id, line in zip(one.skus, one.line_ids, one.priced.lines, strict=True)
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
