"""Orders of the demo that are still on their way: placed and paid through the same actions as a shopper's."""

import random
import secrets
from datetime import timedelta
from uuid import UUID

import msgspec

from siyu.goods import payments, stock
from siyu.goods.orders import PlacedOut, Wanted, place_orders, rooms_of
from siyu.goods.orders.rules import PriceChanged
from siyu.goods.payments import SANDBOX
from siyu.kernel import effective
from siyu.kernel.db import Database
from siyu.kernel.errors import Refusal
from siyu.people import customers
from siyu.people.brands import UNPAID_TIMEOUT, BrandFacts, brand_facts, open_stores
from siyu.people.customers import AddressIn, save_address

STREETS = (
    ("330106", "文三路 100 号"),
    ("310106", "南京西路 1600 号 1201"),
    ("440305", "科苑路 15 号"),
    ("110105", "建国路 93 号 8 号楼"),
)


async def fill(database: Database, brand_id: UUID, seed: int, count: int = 26) -> int:
    """Place ``count`` orders of customers, most of them paid and waiting to be shipped or picked up; how many stand."""
    brand = await brand_facts(database, brand_id)
    async with database.raw(brand_id) as connection:
        if await connection.fetchval(
            "select 1 from orders where state in ('paid', 'ready', 'unpaid') limit 1"
        ):
            return 0
        skus = await connection.fetch(
            """select s.id, s.price_minor from skus s join products p on p.id = s.product_id
               where p.handle ~ '^(tea|ware|pearl|kgold|antique)-' and s.active order by s.code"""
        )
        rows = await connection.fetch("select id from customers order by seq limit 200")
        cards = await customers.cards(connection, [row["id"] for row in rows])
        buyers = [cards[row["id"]] for row in rows]
    on_shelf = await _on_shelf(database, brand_id)
    chance, stand = random.Random(f"{seed}/live"), 0
    for number in range(count):
        buyer, sku_id = chance.choice(buyers), chance.choice(skus)["id"]
        district, street = chance.choice(STREETS)
        async with database.brand(brand_id) as session:
            address = await save_address(
                session,
                buyer.id,
                AddressIn(buyer.name, buyer.phone, district, street, True),
            )
        store_id = None
        if number % 6 == 5 and on_shelf:
            sku_id, store_id = chance.choice(on_shelf)
        wanted = Wanted(
            customer_id=buyer.id, key=f"live-{number}", input_hash=secrets.token_hex(8), lines=((sku_id, 1),),
            delivery="pick_up" if store_id else "express", address_id=None if store_id else address.id,
            store_id=store_id, note="", expected_total_minor=-1, from_cart=False, link="",
        )  # fmt: skip
        stand += await _place(database, brand, wanted, paid=number % 9 != 8)
    return stand


async def _on_shelf(database: Database, brand_id: UUID) -> list[tuple[UUID, UUID]]:
    """What can be picked up where: ``(sku_id, store_id)`` with pieces there."""
    async with database.brand(brand_id) as session:
        stores = [unit.id for unit in await open_stores(session, pick_up=True)]
    async with database.raw(brand_id) as connection:
        rooms = {await stock.store_location(connection, store): store for store in stores}
        rows = await connection.fetch(
            """select s.code, l.sku_id, l.location_id from stock_levels l join skus s on s.id = l.sku_id
               where l.location_id = any($1) and l.on_hand > l.reserved and s.active""",
            list(rooms),
        )
    at = {room: number for number, room in enumerate(rooms)}
    rows.sort(key=lambda row: (row["code"], at[row["location_id"]]))
    return [(row["sku_id"], rooms[row["location_id"]]) for row in rows]


async def _place(database: Database, brand: BrandFacts, wanted: Wanted, *, paid: bool) -> int:
    """One order as a shopper places it: who sees another total than expected asks again with that one."""
    answer = await _ask(database, brand, wanted)
    if isinstance(answer, PriceChanged):
        answer = await _ask(
            database,
            brand,
            msgspec.structs.replace(wanted, expected_total_minor=answer.facts["total_minor"]),
        )
    if isinstance(answer, Refusal):
        return 0
    if paid:
        async with database.brand(brand.id) as session:
            asked = payments.Asked(
                payable_kind="order",
                payable_id=answer.id,
                amount_minor=answer.total_minor,
                provider=SANDBOX,
                label=answer.number,
                payer_id=wanted.customer_id,
            )
            (payment_id,) = await payments.start(session, [asked])
            await payments.settle(
                session, [payments.Arrived(payment_id, answer.total_minor, "DEMO")]
            )
    return 1


async def _ask(database: Database, brand: BrandFacts, wanted: Wanted) -> PlacedOut | Refusal:
    async with database.raw(brand.id) as connection:
        (answer,) = await place_orders(
            connection,
            [wanted],
            await rooms_of(connection),
            currency=brand.currency,
            time_zone=brand.time_zone,
            timeout=timedelta(minutes=await effective.value_on(connection, UNPAID_TIMEOUT)),
        )
    return answer
