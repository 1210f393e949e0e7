"""A brand as it is after years, written set-wise: customers, orders with lines, goods, stock, audit, jobs.

Rows have the shapes that the program writes; nothing is stated in the event log, so no listener hears of them.
"""

import random
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from siyu.goods.orders.rules import NUMBER_SPACE, order_number
from siyu.kernel import clock, search, vault
from siyu.kernel.db import brand_on
from siyu.people import customers

ZONE = ZoneInfo("Asia/Shanghai")
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹"
GIVEN = (
    "明",
    "小明",
    "芳",
    "丽华",
    "伟",
    "建国",
    "静",
    "雅琴",
    "磊",
    "思远",
    "玉兰",
    "海燕",
    "文博",
    "佳怡",
    "志强",
)


class Crowd(msgspec.Struct, frozen=True):
    """How many there are of everything."""

    orders: int = 200_000
    customers: int = 60_000
    products: int = 10_000
    stores: int = 3
    audit: int = 200_000
    jobs: int = 5_000
    parked: int = 2_000
    links: int = 2_000
    staff: int = 300
    movements: int = 20_000
    days: int = 730
    """Over how many days up to now it is spread."""


async def fill(connection: asyncpg.Connection, crowd: Crowd, *, store_ids: list[Any]) -> None:
    """Write it into the brand that the transaction of ``connection`` is bound to. Needs a warehouse location."""
    now = clock.now()
    await connection.execute(_TOOLS)
    names = ["".join(pair) for pair in product(SURNAMES, GIVEN)]
    await _goods(connection, crowd, now)
    await connection.execute(_CUSTOMERS, crowd.customers, now, crowd.days, store_ids)
    await connection.execute(_COUNTER, crowd.customers)
    await _people(connection, names)
    await connection.execute(_LINKS, crowd.links, now, crowd.days, store_ids)
    await _orders(connection, crowd, now, store_ids)
    await connection.execute(_AUDIT, crowd.audit, now, crowd.days)
    await connection.execute(_JOBS, crowd.jobs, now, crowd.days)
    await connection.execute(_PARKED, crowd.parked, now)
    await connection.execute(_STAFF, crowd.staff)


async def _people(connection: asyncpg.Connection, names: list[str]) -> None:
    """Names and phones of the customers, and one address each: sealed, as the program does it."""
    brand_id = brand_on(connection)
    rows = await connection.fetch("select id, seq, joined_at from customers order by seq")
    for start in range(0, len(rows), 5_000):
        page = rows[start : start + 5_000]
        profiles = [
            customers.Profile(names[row["seq"] * 7919 % len(names)], f"139{row['seq']:08d}")
            for row in page
        ]
        ids = [row["id"] for row in page]
        keys = await vault.keys_for(connection, ids, new=True)
        await connection.execute(
            _SEALED,
            ids,
            [keys[id].seal("profile", one) for id, one in zip(ids, profiles, strict=True)],
            vault.tokens(brand_id, "phone", (one.phone for one in profiles)),
            vault.tokens(brand_id, "last4", (one.phone[-4:] for one in profiles)),
            vault.tokens(brand_id, "name", (one.name for one in profiles)),
        )
        addresses = [
            customers.Address(id, one.name, one.phone, "330106", f"文三路 {start + at} 号")
            for at, (id, one) in enumerate(zip(ids, profiles, strict=True))
        ]
        contacts = await customers.keep_contacts(connection, list(zip(ids, addresses, strict=True)))
        await connection.executemany(
            "insert into crowd_contacts values ($1, $2)", list(zip(ids, contacts, strict=True))
        )


async def _goods(connection: asyncpg.Connection, crowd: Crowd, now: datetime) -> None:
    words = [
        sorted(search.tokens(f"和田玉{kind}{n} {kind}-{n}"))
        for n, kind in zip(range(crowd.products), _kinds(), strict=False)
    ]
    await connection.execute(
        "create temp table crowd_goods (n bigint primary key, kind text, words text[]) on commit drop"
    )
    await connection.copy_records_to_table(
        "crowd_goods",
        records=[
            (n, kind, words[n]) for n, kind in zip(range(crowd.products), _kinds(), strict=False)
        ],
    )
    await connection.execute(_PRODUCTS, now)
    await connection.execute(_SKUS)
    await connection.execute(_PRODUCT_WORDS)
    await connection.execute(_LEVELS, now)
    await connection.execute(_MOVEMENTS, crowd.movements, now)


def _kinds() -> Any:
    while True:
        yield from ("手镯", "平安扣", "吊坠", "茶则", "印章", "如意", "手串", "玉牌")


async def _orders(
    connection: asyncpg.Connection, crowd: Crowd, now: datetime, store_ids: list[Any]
) -> None:
    """Orders evenly over the days, the newest still under way, each of one line."""
    chance = random.Random(20)
    step = timedelta(days=crowd.days) / crowd.orders
    drawn = random.Random(21).sample(range(NUMBER_SPACE), min(crowd.orders, NUMBER_SPACE))
    records: list[tuple[Any, ...]] = []
    for n in range(crowd.orders):
        at = now - step * n
        local = at.astimezone(ZONE)
        records.append(
            (
                n,
                at,
                order_number(local.month, local.day, drawn[n]),
                int(crowd.customers * chance.random() ** 1.5) + 1,
            )
        )
    await connection.execute(
        "create temp table crowd_orders (n bigint primary key, at timestamptz, number text, customer bigint) on commit drop"
    )
    await connection.copy_records_to_table("crowd_orders", records=records)
    await connection.execute("analyze crowd_orders")
    await connection.execute(_ORDERS, store_ids, crowd.orders)
    await connection.execute(_LINES, crowd.products * 2)


_TOOLS = """
create function pg_temp.id_at(at timestamptz) returns uuid language sql volatile as $$
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
          || '8' || substr(md5(random()::text), 1, 15))::uuid
$$;
create temp table crowd_contacts (customer_id uuid primary key, contact_id uuid) on commit drop
"""
_PRODUCTS = """
insert into products (id, handle, title, status, created_at, updated_at, published_at, sku_count, price_min_minor, price_max_minor)
select pg_temp.id_at($1::timestamptz - n * interval '1 minute'), 'crowd-' || n,
       jsonb_build_object('zh-CN', '和田玉' || kind || n, 'en', 'Jade ' || n),
       case when n % 10 = 0 then 'off' else 'on_sale' end, $1::timestamptz - n * interval '1 minute', $1::timestamptz - n * interval '1 minute',
       $1::timestamptz - n * interval '1 minute', 2, 10000 + n * 10, 12000 + n * 10
from crowd_goods
"""
_SKUS = """
insert into skus (id, product_id, code, position, price_minor, weight_g)
select pg_temp.id_at(p.created_at), p.id, 'C-' || substr(p.handle, 7) || '-' || v, v, p.price_min_minor + v * 2000, 50
from products p, generate_series(0, 1) v where p.handle like 'crowd-%'
"""
_PRODUCT_WORDS = """
insert into product_tokens (token, id)
select distinct unnest(g.words || array['c-' || g.n || '-0', 'c-' || g.n || '-1']), p.id
from crowd_goods g join products p on p.handle = 'crowd-' || g.n
"""
_LEVELS = """
insert into stock_levels (sku_id, location_id, on_hand, reserved, updated_at)
select s.id, l.id, (random() * random() * 200)::bigint, 0, $1::timestamptz from skus s cross join stock_locations l where s.code like 'C-%'
on conflict do nothing
"""
_MOVEMENTS = """
insert into stock_movements (sku_id, location_id, kind, delta_on_hand, delta_reserved, on_hand_after, reserved_after, reason, at)
select l.sku_id, l.location_id, 'counted', 1, 0, n, 0, '盘点', $2::timestamptz - ($1::bigint - n) * interval '1 minute'
from generate_series(1, $1::bigint) n,
     (select sku_id, location_id from stock_levels order by sku_id desc, location_id desc limit 1) l
"""
_CUSTOMERS = """
insert into customers (id, seq, locale, joined_at, source, scene, store_id)
select pg_temp.id_at(at), i, 'zh-CN', at,
       (array['wechat_group', 'store_code', 'mini_program', 'tmall', ''])[1 + i % 5], '',
       case when i % 10 < 7 then ($4::uuid[])[1 + i % array_length($4::uuid[], 1)] end
from generate_series(1, $1::bigint) i
cross join lateral (select $2::timestamptz - $3::bigint * interval '1 day' * (1 - i::float / $1::bigint) as at) t
"""
_SEALED = """
update customers c set sealed = w.sealed, phone_token = w.phone, last4_token = w.last4, name_token = w.name
from unnest($1::uuid[], $2::bytea[], $3::uuid[], $4::uuid[], $5::uuid[]) as w(id, sealed, phone, last4, name)
where c.id = w.id
"""
_COUNTER = """
insert into customer_counters (last_seq) values ($1::bigint) on conflict (brand_id) do update set last_seq = excluded.last_seq
"""
_LINKS = """
insert into links (id, code, target_kind, target_id, source, scene, store_id, note, created_at)
select pg_temp.id_at(at), 'crowd' || n, 'page', 'home', 'wechat_group', '', ($4::uuid[])[1 + n % array_length($4::uuid[], 1)],
       '第' || n || '期', at
from generate_series(1, $1::bigint) n
cross join lateral (select $2::timestamptz - $3::bigint * interval '1 day' * (1 - n::float / $1::bigint) as at) t
"""
_ORDERS = """
insert into orders (id, number, state, customer_id, request_key, request_hash, placed_at, pay_by, paid_at, completed_at,
                    cancelled_at, ship_by, delivery, location_id, contact_id, source, store_id, link_id, currency, goods_minor,
                    freight_minor, total_minor, paid_minor, refunded_minor, quantity, first_title, waterfall)
select pg_temp.id_at(o.at), o.number, s.state, c.id, 'crowd-' || o.n, '', o.at, o.at + interval '30 minutes',
       case when s.state not in ('unpaid', 'cancelled') then o.at + interval '2 minutes' end,
       case when s.state in ('completed', 'refunded') then o.at + interval '5 days' end,
       case when s.state = 'cancelled' then o.at + interval '30 minutes' end, o.at + interval '2 days', 'express', w.id,
       h.contact_id,
       (array['mini_program', 'wechat_group', 'store_code', 'tmall', 'douyin', ''])[1 + o.n % 6],
       case when o.n % 20 < 11 then ($1::uuid[])[1 + o.n % array_length($1::uuid[], 1)] end,
       k.id, 'CNY', m.minor, 0, m.minor,
       case when s.state in ('unpaid', 'cancelled') then 0 else m.minor end,
       case when s.state = 'refunded' then m.minor else 0 end, 1,
       jsonb_build_object('zh-CN', '和田玉手镯', 'en', 'Jade bangle'), '[]'
from crowd_orders o
join customers c on c.seq = o.customer
join crowd_contacts h on h.customer_id = c.id
cross join lateral (select case when o.n < $2::bigint / 5000 then 'unpaid' when o.n < $2::bigint / 285 then 'paid' when o.n < $2::bigint / 80 then 'shipped'
                                when o.n % 100 < 88 then 'completed' when o.n % 100 < 95 then 'cancelled' else 'refunded' end as state) s
cross join lateral (select (5000 * exp(3.5 * (abs(hashint8(o.n)) % 10000) / 10000.0))::bigint as minor) m
cross join (select id from stock_locations where sells_online limit 1) w
left join links k on o.n % 10 = 0 and k.code = 'crowd' || (1 + o.n % 997)
"""
_LINES = """
insert into order_lines (order_id, line_id, sku_id, product_id, code, title, option_label, quantity, list_minor, unit_minor,
                         line_minor, steps, shipped_quantity)
select o.id, pg_temp.id_at(o.placed_at), s.id, s.product_id, s.code, o.first_title, '{}', 1, o.total_minor, o.total_minor,
       o.total_minor, '[]', case when o.state in ('shipped', 'completed') then 1 else 0 end
from orders o
join (select id, product_id, code, row_number() over (order by id) as n from skus where code like 'C-%') s
  on s.n = 1 + abs(hashtext(o.number)) % $1::bigint
where o.request_key like 'crowd-%'
"""
_AUDIT = """
insert into audit (id, at, actor_kind, actor_id, actor_name, actor_path, action, subject_kind, subject_id, subject_label, facts, request_id)
select pg_temp.id_at(at), at, 'staff', s.id, s.name, s.path,
       (array['orders.shipped', 'product.changed', 'customer.revealed', 'stock.adjusted', 'orders.cancelled'])[1 + n % 5],
       (array['order', 'product', 'customer', 'sku', 'order'])[1 + n % 5], pg_temp.id_at(at), '第' || n, '{}', 'crowd'
from generate_series(1, $1::bigint) n
cross join lateral (select $2::timestamptz - $3::bigint * interval '1 day' * (1 - n::float / $1::bigint) as at) t
cross join (select p.id, p.name, u.path from staff p join units u on u.id = p.unit_id order by p.id limit 1) s
"""
_JOBS = """
insert into jobs (id, kind, title, state, args, step, done, failed, result, attempts, created_by, created_at, finished_at)
select pg_temp.id_at(at), 'catalogue.import', '{"zh-CN": "导入商品", "en": "Import products"}',
       (array['done', 'done', 'done', 'failed', 'cancelled'])[1 + n % 5], '{}', '{}', 100, 0, '{}', 1, '店主', at, at
from generate_series(1, $1::bigint) n
cross join lateral (select $2::timestamptz - $3::bigint * interval '1 day' * (1 - n::float / $1::bigint) as at) t
"""
_PARKED = """
insert into parked_events (listener, seq, subject, kind, error, attempts, parked_at)
select 'crowd.listener', n * 3 + k, subject, 'orders.placed/1', case when k = 0 then 'it failed' else '' end, 1, $2::timestamptz
from generate_series(1, $1::bigint) n
cross join lateral (select pg_temp.id_at($2::timestamptz - n * interval '1 second') as subject) t, generate_series(0, 2) k
"""
_STAFF = """
insert into staff (id, login, name, unit_id, active, locale, password_hash, created_at)
select pg_temp.id_at(now()), 'crowd' || n || '@' || u.brand_id, '店员' || n, u.id, n % 9 > 0, 'zh-CN', '', now()
from generate_series(1, $1::bigint) n
cross join (select id, brand_id from units order by path limit 1) u
"""
