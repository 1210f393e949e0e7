"""Orders of the demo that are still on their way: placed and paid through the same actions as a shopper's."""

import random
import secrets
from datetime import timedelta
from uuid import UUID

import msgspec

from siyu.goods import payments
from siyu.goods.orders import PlacedOut, Wanted, place_orders
from siyu.goods.orders.rules import PriceChanged
from siyu.goods.payments import SANDBOX
from siyu.kernel.db import Database
from siyu.kernel.errors import Refusal
from siyu.people.brands import BrandFacts, brand_facts, open_stores
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
        buyers = await connection.fetch(
            "select id, name, phone from customers order by seq limit 200"
        )
    async with database.brand(brand_id) as session:
        stores = [unit.id for unit in await open_stores(session, pick_up=True)]
    chance, stand = random.Random(f"{seed}/live"), 0
    for number in range(count):
        buyer, sku = chance.choice(buyers), chance.choice(skus)
        district, street = chance.choice(STREETS)
        async with database.brand(brand_id) as session:
            address = await save_address(
                session,
                buyer["id"],
                AddressIn(buyer["name"], buyer["phone"], district, street, True),
            )
        pick_up = number % 6 == 5
        wanted = Wanted(
            customer_id=buyer["id"], key=f"live-{number}", input_hash=secrets.token_hex(8), lines=((sku["id"], 1),),
            delivery="pick_up" if pick_up else "express", address_id=None if pick_up else address.id,
            store_id=chance.choice(stores) if pick_up else None, note="", expected_total_minor=-1, from_cart=False, link="",
        )  # fmt: skip
        stand += await _place(database, brand, wanted, paid=number % 9 != 8)
    return stand


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
            payment_id = await payments.start(
                session,
                "order",
                answer.id,
                answer.total_minor,
                label=answer.number,
                provider=SANDBOX,
                payer_id=wanted.customer_id,
            )
            await payments.settle(
                session, payment_id, amount_minor=answer.total_minor, reference="DEMO"
            )
    return 1


async def _ask(database: Database, brand: BrandFacts, wanted: Wanted) -> PlacedOut | Refusal:
    async with database.raw(brand.id) as connection:
        (answer,) = await place_orders(
            connection,
            [wanted],
            currency=brand.currency,
            time_zone=brand.time_zone,
            timeout=timedelta(minutes=brand.unpaid_timeout_minutes),
        )
    return answer
