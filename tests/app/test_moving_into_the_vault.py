"""A house with years of orders gets its vault: everything in clear is sealed, and reads as before."""

import asyncio
import json
from datetime import timedelta

import asyncpg
from alembic import command

from siyu.app import schema
from siyu.goods.orders import queries
from siyu.kernel import clock
from siyu.kernel.db import APP, DISPATCHER, Database
from siyu.kernel.ids import new_id
from siyu.kernel.roles import bootstrap_roles
from siyu.kernel.settings import role_password, role_url
from siyu.people import customers

_CUSTOMER = """
insert into customers (brand_id, id, seq, name, phone, phone_last4, locale, joined_at, source, scene)
values ($1, $2, $3, $4, $5, right($5, 4), 'zh-CN', now(), 'direct', '')
"""
_ADDRESS = """
insert into addresses (brand_id, id, customer_id, recipient, phone, district_code, street, is_default, created_at)
values ($1, $2, $3, $4, $5, '330106', $6, true, now())
"""
_ORDER = """
insert into orders (brand_id, id, number, state, customer_id, request_key, request_hash, placed_at, pay_by, delivery,
                    location_id, recipient, source, currency, goods_minor, freight_minor, total_minor, quantity,
                    first_title, waterfall, customer_note)
values ($1, $2, $3, 'paid', $4, $3, '', now(), now(), $5, gen_random_uuid(), $6::jsonb, '', 'CNY', 1, 0, 1, 1, '{}', '[]', $7)
"""
_NOTE = "insert into order_notes (brand_id, id, order_id, at, staff_name, text) values ($1, gen_random_uuid(), $2, now(), '店长', $3)"
_ENDED = "update orders set cancel_reason = $2, waterfall = $3::jsonb where id = $1"
_REFUND = """
insert into order_refunds (brand_id, id, order_id, amount_minor, reason, state, restock, agreed_at)
values ($1, gen_random_uuid(), $2, 0, $3, 'succeeded', true, $4)
"""
_PRICE = [
    {"stage": "list", "amount_minor": 2, "rule": "", "note": {}},
    {"stage": "manual", "amount_minor": -1, "rule": "staff", "note": {"zh-CN": "王小明是熟人", "en": "王小明是熟人"}},
]  # fmt: skip
_OLD = ("order_refunds", "customers", "addresses", "orders", "order_notes")


async def _years(owner, brand, people):
    """Two customers of the time before, with what they left: an address, two orders to it, one picked up, a note."""
    orders = []
    for seq, (person, name, phone) in enumerate(people, 1):
        await owner.execute(_CUSTOMER, brand, person, seq, name, phone)
        await owner.execute(
            _ADDRESS, brand, new_id(), person, f"{name}的妈妈", "13700000001", "旧街 1 号"
        )
        said = f'{{"id": "{new_id()}", "recipient": "{name}的妈妈", "phone": "13700000001", "district_code": "330106", "street": "旧街 1 号"}}'
        for at, (delivery, recipient, note) in enumerate(
            (("express", said, "放门口"), ("express", said, ""), ("pick_up", "{}", ""))
        ):
            orders.append(new_id())
            await owner.execute(
                _ORDER, brand, orders[-1], f"{seq}{at}", person, delivery, recipient, note
            )
    await owner.execute(_NOTE, brand, orders[0], "很急")
    await owner.execute(_ENDED, orders[0], "王小明不要了", json.dumps(_PRICE))
    await owner.execute(_ENDED, orders[1], "timeout", "[]")
    for at, why in enumerate(("王小明过敏", "extra_payment")):
        await owner.execute(_REFUND, brand, orders[0], why, clock.now() + timedelta(seconds=at))
    return orders


async def test_what_stood_in_clear_is_sealed_and_reads_as_before(empty):
    await bootstrap_roles(empty, {role: role_password(empty, role) for role in (APP, DISPATCHER)})
    await asyncio.to_thread(command.upgrade, schema.alembic_config(empty), "0006")
    owner, brand = await asyncpg.connect(empty), new_id()
    people = [(new_id(), "王小明", "13900000001"), (new_id(), "", "13900000002")]
    orders = await _years(owner, brand, people)
    await schema.upgrade(empty)

    for table in _OLD:
        lines = str(
            [row["line"] for row in await owner.fetch(f"select t::text as line from {table} t")]
        )
        for word in ("王小明", "13900000001", "13700000001", "旧街", "放门口", "很急"):
            assert word not in lines and word.encode().hex() not in lines, (table, word)
    assert await owner.fetchval("select count(*) from contacts") == 4, (
        "equal recipients share a contact"
    )
    await owner.close()

    database = Database(role_url(empty, APP), role_url(empty, DISPATCHER))
    await database.open()
    async with database.brand(brand) as session:
        cards = await customers.cards(session, [person for person, _, _ in people])
        assert [(cards[id].name, cards[id].phone) for id, _, _ in people] == [
            (n, p) for _, n, p in people
        ]
        assert await customers.find_customers(session, "13900000002") == [people[1][0]]
        (address,) = await customers.addresses(session, people[0][0])
        assert (address.recipient, address.street) == ("王小明的妈妈", "旧街 1 号")
        first, second, third = [await queries.one(session, one) for one in orders[:3]]
        assert await queries.note_of_customer(session, first) == "放门口"
        assert [one.text for one in await queries.notes_of(session, first)] == ["很急"]
        reasons = [
            first.cancel_reason,
            *[one.row.reason for one in await queries.refunds_of(session, first.id)],
        ]
        assert await queries.reasons_of(session, first, reasons) == ["王小明不要了", "王小明过敏", "extra_payment"]  # fmt: skip
        assert await queries.reasons_of(session, second, [second.cancel_reason]) == ["timeout"]
        assert await queries.waterfall_of(session, first) == _PRICE
        assert first.contact_id == second.contact_id and third.contact_id is None
        sent_to = await customers.contacts(session, [first.contact_id])
        assert sent_to[first.contact_id].phone == "13700000001"
        found = await queries.page_of_orders(session, queries.Filter(q="王小明的妈妈"))
        assert {row.id for row in found} == set(orders[:2])
    await database.close()
