"""The rows of accepted orders, in one statement for any number of them."""

import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from siyu.goods.orders.events import OrderPlaced, Piece
from siyu.goods.orders.placing.deciding import Basket, Draft
from siyu.goods.orders.rules import NUMBER_SPACE, order_number
from siyu.goods.stock import Movement
from siyu.kernel import vault
from siyu.kernel.columns import once
from siyu.kernel.ids import new_ids
from siyu.kernel.together import Write

_WRITE = """
with alike as materialized (
select k, delivery, location_id, store_id, source, scene, came_store_id, guide_id, link_id, goods_minor, freight_minor,
       quantity, first_title::jsonb, image_ids::jsonb, waterfall::jsonb
from unnest($11::text[], $12::uuid[], $13::uuid[], $14::text[], $15::text[], $16::uuid[], $17::uuid[], $18::uuid[],
            $19::bigint[], $20::bigint[], $21::bigint[], $22::text[], $23::text[], $24::text[])
     with ordinality as a(delivery, location_id, store_id, source, scene, came_store_id, guide_id, link_id, goods_minor,
                          freight_minor, quantity, first_title, image_ids, waterfall, k)
), placed as (
insert into orders (id, number, state, customer_id, request_key, request_hash, placed_at, pay_by, delivery, location_id,
                    pick_up_store_id, contact_id, source, scene, store_id, guide_id, link_id, currency, goods_minor,
                    freight_minor, total_minor, quantity, first_title, image_ids, waterfall, sealed_note)
select o.id, o.number, 'unpaid', o.customer_id, o.request_key, o.request_hash, $8, $9, a.delivery, a.location_id,
       a.store_id, o.contact_id, a.source, a.scene, a.came_store_id, a.guide_id, a.link_id, $10, a.goods_minor,
       a.freight_minor, a.goods_minor + a.freight_minor, a.quantity, a.first_title, a.image_ids, a.waterfall, o.sealed_note
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::bytea[], $25::bigint[])
     with ordinality as o(id, number, customer_id, request_key, request_hash, contact_id, sealed_note, k, position)
join alike a on a.k = coalesce(o.k, ($25::bigint[])[1]) order by o.position
), alike_lines as materialized (
select k, sku_id, product_id, code, title::jsonb, option_label::jsonb, image_id, quantity, list_minor, unit_minor,
       line_minor, steps::jsonb
from unnest($26::uuid[], $27::uuid[], $28::text[], $29::text[], $30::text[], $31::uuid[], $32::bigint[], $33::bigint[],
            $34::bigint[], $35::bigint[], $36::text[])
     with ordinality as a(sku_id, product_id, code, title, option_label, image_id, quantity, list_minor, unit_minor,
                          line_minor, steps, k)
)
insert into order_lines (order_id, line_id, sku_id, product_id, code, title, option_label, image_id, quantity,
                         list_minor, unit_minor, line_minor, steps)
select l.order_id, l.line_id, a.sku_id, a.product_id, a.code, a.title, a.option_label, a.image_id, a.quantity,
       a.list_minor, a.unit_minor, a.line_minor, a.steps
from unnest($37::uuid[], $38::uuid[], $39::bigint[]) with ordinality as l(order_id, line_id, k, position)
join alike_lines a on a.k = coalesce(l.k, ($39::bigint[])[1]) order by l.position
"""
"""What many orders of a batch have in common (``k``) is sent once: the driver's time goes by the number of values."""


class Orders(Struct, frozen=True):
    """The rows of accepted drafts, and what follows: ids by position, and what others have to be told."""

    ids: list[UUID]
    movements: list[Movement]
    events: list[OrderPlaced]
    rows: Write


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


async def orders_of(
    connection: asyncpg.Connection,
    drafts: Sequence[Draft],
    numbers: Sequence[str],
    *,
    placed_at: datetime,
    pay_by: datetime,
    currency: str,
) -> Orders:
    """Orders and lines to be inserted. The caller writes them, moves the stock and states the events."""
    order_ids, notes = new_ids(len(drafts)), await _sealed_notes(connection, drafts)
    kinds, line_kinds = _Alike(), _Alike()
    of_orders: list[UUID] = []
    of_line_kinds: list[int] = []
    movements: list[Movement] = []
    events: list[OrderPlaced] = []
    line_ids = new_ids(sum(len(draft.basket.skus) for draft in drafts))
    fresh = iter(line_ids)
    for order_id, number, draft in zip(order_ids, numbers, drafts, strict=True):
        pieces: list[Piece] = []
        basket, location_id = draft.basket, draft.location_id
        for at, (sku, line) in enumerate(zip(basket.skus, basket.priced.lines, strict=True)):
            line_id = next(fresh)
            of_orders.append(order_id)
            of_line_kinds.append(line_kinds.number((id(basket), at), _line_kind, basket, at))
            movements.append(
                Movement(
                    sku_id=sku.sku_id,
                    location_id=location_id,
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
    order_kinds = [
        kinds.number(
            (id(draft.basket), draft.location_id, draft.wanted.store_id, draft.came),
            _order_kind,
            draft,
        )
        for draft in drafts
    ]
    wanted = [draft.wanted for draft in drafts]
    values = (
        order_ids, numbers, [one.customer_id for one in wanted], [one.key for one in wanted],
        [one.input_hash for one in wanted], [draft.contact_id for draft in drafts], notes if any(notes) else [], placed_at, pay_by, currency,
        *kinds.columns(), once(order_kinds), *line_kinds.columns(), of_orders, line_ids, once(of_line_kinds),
    )  # fmt: skip
    return Orders(order_ids, movements, events, Write(_WRITE, values))


class _Alike:
    """Values that rows have in common, each combination once; rows name theirs by number, from 1."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._rows: list[tuple[object, ...]] = []

    def number(self, key: Hashable, make: Callable[..., tuple[object, ...]], *of: object) -> int:
        """The number of a combination, which ``make(*of)`` gives at its first time."""
        known = self._numbers.get(key)
        if known is None:
            self._rows.append(make(*of))
            known = self._numbers[key] = len(self._rows)
        return known

    def columns(self) -> Iterable[list[object]]:
        """The combinations by column, in the order of their numbers."""
        return map(list, zip(*self._rows, strict=True))


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


def _order_kind(draft: Draft) -> tuple[object, ...]:
    one, basket, came = draft.wanted, draft.basket, draft.came
    return (
        one.delivery, draft.location_id, one.store_id, came.source, came.scene, came.store_id or one.store_id,
        came.guide_id, came.link_id, basket.priced.goods_minor, basket.priced.freight_minor, basket.quantity,
        basket.first_title, basket.image_ids, basket.waterfall,
    )  # fmt: skip


def _line_kind(basket: Basket, at: int) -> tuple[object, ...]:
    sku, line = basket.skus[at], basket.priced.lines[at]
    return (
        sku.sku_id, sku.product_id, sku.code, *basket.texts[at], sku.image_id, line.quantity, line.list_minor,
        line.unit_minor, line.line_minor, basket.steps[at],
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
