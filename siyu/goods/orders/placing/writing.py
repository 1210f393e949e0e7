"""The rows of accepted orders, in one statement for any number of them."""

import os
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from siyu.goods.orders.events import OrderPlaced, Piece
from siyu.goods.orders.placing.deciding import Draft
from siyu.goods.orders.rules import NUMBER_SPACE, order_number
from siyu.goods.stock import Movement
from siyu.kernel import vault
from siyu.kernel.ids import new_id

_WRITE = """
with placed as (
insert into orders (id, number, state, customer_id, request_key, request_hash, placed_at, pay_by, delivery, location_id,
                    pick_up_store_id, contact_id, source, scene, store_id, guide_id, link_id, currency, goods_minor,
                    freight_minor, total_minor, quantity, first_title, image_ids, waterfall, sealed_note)
select o.id, o.number, 'unpaid', o.customer_id, o.request_key, o.request_hash, $22, $23, o.delivery, o.location_id,
       o.pick_up_store_id, o.contact_id, o.source, o.scene, o.store_id, o.guide_id, o.link_id, $24, o.goods_minor,
       o.freight_minor, o.goods_minor + o.freight_minor, o.quantity, o.first_title::jsonb, o.image_ids::jsonb,
       o.waterfall::jsonb, o.sealed_note
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::uuid[], $9::uuid[],
            $10::text[], $11::text[], $12::uuid[], $13::uuid[], $14::uuid[], $15::bigint[], $16::bigint[], $17::bigint[],
            $18::text[], $19::text[], $20::text[], $21::bytea[])
     as o(id, number, customer_id, request_key, request_hash, delivery, location_id, pick_up_store_id, contact_id,
          source, scene, store_id, guide_id, link_id, goods_minor, freight_minor, quantity,
          first_title, image_ids, waterfall, sealed_note)
)
insert into order_lines (order_id, line_id, sku_id, product_id, code, title, option_label, image_id, quantity,
                         list_minor, unit_minor, line_minor, steps)
select l.order_id, l.line_id, l.sku_id, l.product_id, l.code, l.title::jsonb, l.option_label::jsonb, l.image_id,
       l.quantity, l.list_minor, l.unit_minor, l.line_minor, l.steps::jsonb
from unnest($25::uuid[], $26::uuid[], $27::uuid[], $28::uuid[], $29::text[], $30::text[], $31::text[], $32::uuid[],
            $33::bigint[], $34::bigint[], $35::bigint[], $36::bigint[], $37::text[])
     as l(order_id, line_id, sku_id, product_id, code, title, option_label, image_id, quantity,
          list_minor, unit_minor, line_minor, steps)
"""


class Written(Struct, frozen=True):
    """What follows from writing drafts: ids by position, and what others have to be told."""

    order_ids: list[UUID]
    movements: list[Movement]
    events: list[OrderPlaced]


TAKEN = """
select o.number from unnest($1::text[]) as w(number)
cross join lateral (select number from orders o where o.number = w.number limit 1) o
"""
"""One look-up by its own index per number, whatever a plan believes about the size of the table."""


def draw_numbers(day: date, count: int) -> list[str]:
    """At least that many numbers of a day, each once. Some may be taken: a few more are drawn, for a busy day."""
    count += count // 16 + 2
    noise = os.urandom(8 * count)
    draws = {int.from_bytes(noise[at : at + 8]) % NUMBER_SPACE for at in range(0, len(noise), 8)}
    return [order_number(day.month, day.day, one) for one in draws]


async def enough_numbers(
    connection: asyncpg.Connection, day: date, free: Sequence[str], count: int
) -> list[str]:
    """``count`` numbers which no order has, of these and, when they are too few, of others.

    Two transactions that draw the same one: the second is repeated.
    """
    found = list(dict.fromkeys(free))
    while len(found) < count:
        drawn = draw_numbers(day, count - len(found))
        taken = {row["number"] for row in await connection.fetch(TAKEN, drawn)}
        found += [number for number in drawn if number not in taken and number not in found]
    return found[:count]


async def write_orders(
    connection: asyncpg.Connection,
    drafts: Sequence[Draft],
    numbers: Sequence[str],
    *,
    placed_at: datetime,
    pay_by: datetime,
    currency: str,
) -> Written:
    """Insert orders and lines. The caller moves the stock and states the events that come back."""
    order_ids = [new_id() for _ in drafts]
    notes = await _sealed_notes(connection, drafts)
    orders = [
        _order_values(order_id, number, draft, note)
        for order_id, number, draft, note in zip(order_ids, numbers, drafts, notes, strict=True)
    ]
    lines: list[tuple[object, ...]] = []
    movements: list[Movement] = []
    events: list[OrderPlaced] = []
    for order_id, number, draft in zip(order_ids, numbers, drafts, strict=True):
        pieces: list[Piece] = []
        basket = draft.basket
        for at, (sku, line) in enumerate(zip(basket.skus, basket.priced.lines, strict=True)):
            line_id = new_id()
            lines.append(
                (
                    *(order_id, line_id, sku.sku_id, sku.product_id, sku.code, *basket.texts[at]),
                    *(sku.image_id, line.quantity, line.list_minor, line.unit_minor),
                    *(line.line_minor, basket.steps[at]),
                )
            )
            movements.append(
                Movement(
                    sku_id=sku.sku_id,
                    location_id=draft.location_id,
                    kind="reserved",
                    delta_reserved=line.quantity,
                    order_id=order_id,
                    order_number=number,
                )
            )
            pieces.append(
                Piece(line_id, sku.sku_id, sku.product_id, line.quantity, line.line_minor)
            )
        events.append(_placed(order_id, number, draft, pay_by, currency, tuple(pieces)))
    await connection.execute(
        _WRITE, *map(list, zip(*orders, strict=True)), placed_at, pay_by, currency,
        *map(list, zip(*lines, strict=True)),
    )  # fmt: skip
    return Written(order_ids, movements, events)


async def _sealed_notes(
    connection: asyncpg.Connection, drafts: Sequence[Draft]
) -> list[bytes | None]:
    """What customers wrote, as only their keys open it; most wrote nothing."""
    writers = {draft.wanted.customer_id for draft in drafts if draft.wanted.note}
    keys = await vault.keys_for(connection, writers) if writers else {}
    return [
        keys[one.customer_id].seal("orders.note", one.note) if one.note else None
        for one in (draft.wanted for draft in drafts)
    ]


def _order_values(
    order_id: UUID, number: str, draft: Draft, note: bytes | None
) -> tuple[object, ...]:
    one, basket, came = draft.wanted, draft.basket, draft.came
    return (
        order_id, number, one.customer_id, one.key, one.input_hash, one.delivery, draft.location_id, one.store_id,
        draft.contact_id, came.source, came.scene, came.store_id or one.store_id, came.guide_id, came.link_id,
        basket.priced.goods_minor, basket.priced.freight_minor, basket.quantity, basket.first_title,
        basket.image_ids, basket.waterfall, note,
    )  # fmt: skip


def _placed(
    order_id: UUID,
    number: str,
    draft: Draft,
    pay_by: datetime,
    currency: str,
    pieces: tuple[Piece, ...],
) -> OrderPlaced:
    one, priced, came = draft.wanted, draft.basket.priced, draft.came
    return OrderPlaced(
        order_id=order_id,
        customer_id=one.customer_id,
        source=came.source,
        scene=came.scene,
        store_id=came.store_id or one.store_id,
        guide_id=came.guide_id,
        link_id=came.link_id,
        number=number,
        delivery=one.delivery,
        currency=currency,
        goods_minor=priced.goods_minor,
        freight_minor=priced.freight_minor,
        total_minor=priced.total_minor,
        pay_by=pay_by,
        lines=pieces,
    )
