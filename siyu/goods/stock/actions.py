"""Writes of stock: every balance changes through a movement, in sets, on a brand-bound connection."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import asyncpg
import msgspec

from siyu.goods.stock import queries
from siyu.goods.stock.events import StockAdjusted
from siyu.goods.stock.queries import Level, Place
from siyu.goods.stock.rules import BelowReserved
from siyu.kernel import clock, events
from siyu.kernel.columns import once
from siyu.kernel.db import SYSTEM, Actor
from siyu.kernel.errors import NotFound
from siyu.kernel.ids import new_id


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one balance, in pieces. ``kind``: see ``rules.KINDS``."""

    sku_id: UUID
    location_id: UUID
    kind: str
    delta_on_hand: int = 0
    delta_reserved: int = 0
    order_id: UUID | None = None
    order_number: str = ""
    reason: str = ""


_LOCK = """
select l.sku_id, l.location_id, l.on_hand, l.reserved, l.safety
from unnest($1::uuid[], $2::uuid[]) as w(sku_id, location_id)
join stock_levels l on l.sku_id = w.sku_id and l.location_id = w.location_id
order by l.sku_id, l.location_id
for update of l
"""


async def lock_levels(
    connection: asyncpg.Connection, places: Iterable[Place]
) -> dict[Place, Level]:
    """Lock balances until the transaction ends, always in the order (sku, location), and read them.

    Places that never had a piece are absent: nothing is free there.
    """
    wanted = sorted(set(places))
    rows = await connection.fetch(
        _LOCK, [sku for sku, _ in wanted], [location for _, location in wanted]
    )
    return {(row["sku_id"], row["location_id"]): Level(*row) for row in rows}


# One statement: the balances move once per place, each movement keeps the balance right after it, and the
# web processes are told of products whose shown stock (0…99) has changed.
_APPLY = """
with wanted as (
    select coalesce(sku_id, ($1::uuid[])[1]) as sku_id, coalesce(location_id, ($2::uuid[])[1]) as location_id,
           coalesce(kind, ($3::text[])[1]) as kind, coalesce(delta_on_hand, ($4::bigint[])[1]) as delta_on_hand,
           coalesce(delta_reserved, ($5::bigint[])[1]) as delta_reserved, order_id, order_number,
           coalesce(reason, ($8::text[])[1]) as reason, position
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::uuid[], $7::text[], $8::text[])
        with ordinality as w(sku_id, location_id, kind, delta_on_hand, delta_reserved,
                             order_id, order_number, reason, position)
), summed as (
    select sku_id, location_id, sum(delta_on_hand)::bigint as on_hand, sum(delta_reserved)::bigint as reserved
    from wanted group by sku_id, location_id
), changed as (
    update stock_levels l
    set on_hand = l.on_hand + s.on_hand, reserved = l.reserved + s.reserved, updated_at = $11
    from summed s where l.sku_id = s.sku_id and l.location_id = s.location_id
    returning l.brand_id, l.sku_id, l.location_id, l.on_hand, l.reserved, l.safety,
              greatest(0, least(99, l.on_hand - l.reserved - l.safety)) as shown,
              greatest(0, least(99, l.on_hand - s.on_hand - l.reserved + s.reserved - l.safety)) as shown_before
), written as (
    insert into stock_movements (sku_id, location_id, kind, delta_on_hand, delta_reserved, on_hand_after,
                                 reserved_after, order_id, order_number, reason, actor_id, actor_name, at)
    select w.sku_id, w.location_id, w.kind, w.delta_on_hand, w.delta_reserved,
           c.on_hand - coalesce(sum(w.delta_on_hand) over later, 0),
           c.reserved - coalesce(sum(w.delta_reserved) over later, 0),
           w.order_id, w.order_number, w.reason, $9, $10, $11
    from wanted w join changed c on c.sku_id = w.sku_id and c.location_id = w.location_id
    window later as (partition by w.sku_id, w.location_id order by w.position
                     rows between 1 following and unbounded following)
    order by w.position
    returning 1
), told as (
    select c.brand_id, array_agg(distinct s.product_id) as product_ids
    from changed c join skus s on s.brand_id = c.brand_id and s.id = c.sku_id
    where c.shown <> c.shown_before group by c.brand_id
)
select (select count(*) from written), (select min(on_hand - reserved - safety) from changed),
       (select pg_notify('siyu_news', 'stock ' || brand_id || ' ' ||
                case when cardinality(product_ids) > 150 then '*' else array_to_string(product_ids, ',') end)
        from told)
"""


async def apply_movements(
    connection: asyncpg.Connection, movements: Sequence[Movement], *, actor: Actor = SYSTEM
) -> int:
    """Write movements and move the balances, in one statement; the fewest pieces that one of the places has free now.

    Lock the places first (``lock_levels``) unless there is only one: several are locked in a common order there. Every place must have a level; the caller has checked that enough is free. A balance below zero, or
    reserved above on hand, is a bug and raises asyncpg's ``CheckViolationError``.
    """
    if not movements:
        return 0
    written, left, _ = await connection.fetchrow(
        _APPLY,
        once([one.sku_id for one in movements]),
        once([one.location_id for one in movements]),
        once([one.kind for one in movements]),
        once([one.delta_on_hand for one in movements]),
        once([one.delta_reserved for one in movements]),
        [one.order_id for one in movements],
        [one.order_number for one in movements],
        once([one.reason for one in movements]),
        actor.id,
        actor.name,
        clock.now(),
    )
    assert written == len(movements), "a movement names a place that has no level"
    return left


async def open_levels(connection: asyncpg.Connection, places: Iterable[Place]) -> None:
    """Let SKUs have a balance (zero) at places; those that have one keep it."""
    wanted = sorted(set(places))
    await connection.execute(
        """insert into stock_levels (sku_id, location_id)
           select * from unnest($1::uuid[], $2::uuid[]) on conflict do nothing""",
        [sku for sku, _ in wanted],
        [location for _, location in wanted],
    )


async def online_location(source: queries.Source) -> UUID:
    """The place that serves online orders: the brand's warehouse. Opened at the first call."""
    connection = await queries.connection_of(source)
    found = await connection.fetchval("select id from stock_locations where sells_online")
    if found is not None:
        return found
    await connection.execute(
        """insert into stock_locations (id, kind, name, sells_online, created_at)
           values ($1, 'warehouse', $2::text::jsonb, true, $3) on conflict do nothing""",
        new_id(),
        '{"zh-CN": "总仓", "en": "Main warehouse"}',
        clock.now(),
    )
    return await connection.fetchval("select id from stock_locations where sells_online")


async def store_location(
    source: queries.Source, unit_id: UUID, name: dict[str, str] | None = None
) -> UUID:
    """The place of a store's stock, which serves its pick-up orders. Opened at the first call."""
    connection = await queries.connection_of(source)
    find = "select id from stock_locations where unit_id = $1 and kind = 'store'"
    found = await connection.fetchval(find, unit_id)
    if found is not None:
        return found
    await connection.execute(
        """insert into stock_locations (id, kind, unit_id, name, created_at)
           values ($1, 'store', $2, $3::text::jsonb, $4) on conflict do nothing""",
        new_id(),
        unit_id,
        msgspec.json.encode(name or {"zh-CN": "门店", "en": "Store"}).decode(),
        clock.now(),
    )
    return await connection.fetchval(find, unit_id)


async def describe_location(
    connection: asyncpg.Connection, location_id: UUID, name: dict[str, str], *, pick_up: bool
) -> None:
    """Give a place the name and the pick-up of its store."""
    await connection.execute(
        "update stock_locations set name = $2::text::jsonb, pick_up = $3 where id = $1",
        location_id,
        msgspec.json.encode(name).decode(),
        pick_up,
    )


async def count_pieces(
    connection: asyncpg.Connection,
    counted: Mapping[Place, int],
    *,
    kind: str = "counted",
    reason: str = "",
    actor: Actor = SYSTEM,
) -> dict[Place, Level]:
    """Set what is on hand at places (opened where needed); the balances after, of those that changed.

    Pieces that orders have reserved stay on hand: a lower count becomes the reserved number.
    """
    await open_levels(connection, counted)
    before = await lock_levels(connection, counted)
    movements: list[Movement] = []
    after: dict[Place, Level] = {}
    for place, pieces in counted.items():
        level = before[place]
        on_hand = max(pieces, level.reserved)
        if on_hand != level.on_hand:
            delta = on_hand - level.on_hand
            movements.append(
                Movement(
                    sku_id=place[0],
                    location_id=place[1],
                    kind=kind,
                    delta_on_hand=delta,
                    reason=reason,
                )
            )
            after[place] = msgspec.structs.replace(level, on_hand=on_hand)
    await apply_movements(connection, movements, actor=actor)
    return after


async def adjust(
    source: queries.Source,
    place: Place,
    *,
    delta: int | None = None,
    counted: int | None = None,
    reason: str,
    actor: Actor = SYSTEM,
) -> Level:
    """Correct a balance by hand, by a difference or to a count (exactly one of them).

    Refusals: ``BelowReserved``. Raises ``NotFound`` when the SKU or the place does not exist.
    """
    assert (delta is None) != (counted is None)
    connection = await queries.connection_of(source)
    known = await connection.fetchval(
        "select exists (select from skus where id = $1) and exists (select from stock_locations where id = $2)",
        *place,
    )
    if not known:
        raise NotFound(sku_id=str(place[0]), location_id=str(place[1]))
    await open_levels(connection, [place])
    level = (await lock_levels(connection, [place]))[place]
    change = delta if delta is not None else (counted or 0) - level.on_hand
    if level.on_hand + change < level.reserved:
        raise BelowReserved(on_hand=level.on_hand + change, reserved=level.reserved)
    kind = "counted" if counted is not None or change <= 0 else "received"
    if change:
        movement = Movement(
            sku_id=place[0], location_id=place[1], kind=kind, delta_on_hand=change, reason=reason
        )
        await apply_movements(connection, [movement], actor=actor)
        adjusted = StockAdjusted(
            sku_id=place[0],
            location_id=place[1],
            delta=change,
            on_hand=level.on_hand + change,
            reserved=level.reserved,
        )
        await events.state_on(connection, [adjusted], actor=actor)
    return msgspec.structs.replace(level, on_hand=level.on_hand + change)
