"""A brand with goods and signed-in shoppers for a bench, made through the modules' doors."""

import csv
import secrets
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from bench.load import KEY, request
from bench.stack import Stack
from siyu.goods import catalogue, stock
from siyu.kernel.db import driver_of
from siyu.people import brands, customers

PRICE = "19.90"
DISTRICT = "330106"


class Buyer(msgspec.Struct, frozen=True):
    """A customer with a session and an address."""

    id: UUID
    token: str
    address_id: UUID


class Stall(msgspec.Struct):
    """A brand: its SKUs, all of one price, and its buyers. ``total_minor`` is what one piece costs, freight in it."""

    brand_id: UUID
    host: str
    write_key: str
    privacy_version: str
    location_id: UUID
    handles: list[str] = []
    skus: list[UUID] = []
    buyers: list[Buyer] = []
    total_minor: int = 0

    def order(self, buyer: Buyer, sku_id: UUID, key: str = KEY.decode()) -> bytes:
        """A prepared request that orders one piece."""
        body = {
            "lines": [{"sku_id": sku_id, "quantity": 1}], "delivery": "express", "address_id": buyer.address_id,
            "expected_total_minor": self.total_minor,
        }  # fmt: skip
        return request("POST", self.host, "/api/shop/orders", body, token=buyer.token, key=key)


async def open_stall(stack: Stack, *, skus: int, pieces: int, buyers: int) -> Stall:
    """A fresh brand with so many products of one SKU each, ``pieces`` of each on hand, and so many buyers."""
    stack.use_keys()
    slug = f"bench-{secrets.token_hex(4)}"
    made = await brands.create_brand(
        stack.database, slug=slug, name={"zh-CN": "测试", "en": "Bench"}, owner_login=f"owner@{slug}",
        owner_password=secrets.token_urlsafe(12),
    )  # fmt: skip
    facts = await brands.brand_facts(stack.database, made.brand_id)
    async with stack.database.brand(made.brand_id) as session:
        location_id = await stock.online_location(session)
    stall = Stall(
        made.brand_id,
        f"{slug}.localhost:{stack.port}",
        facts.write_key,
        facts.privacy_version,
        location_id,
    )
    await _fill(stack, stall, skus, pieces)
    await more_buyers(stack, stall, buyers)
    if buyers:
        await _price(stack, stall)
    return stall


async def _fill(stack: Stack, stall: Stall, skus: int, pieces: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "products.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(
                [
                    "handle",
                    "title",
                    "title_en",
                    "description",
                    "category",
                    "sku",
                    "price",
                    "stock",
                    "status",
                ]
            )
            for at in range(skus):
                words = f"<p>和田玉手镯，温润细腻，每件附鉴定证书。编号 {at}。</p>" * 4
                writer.writerow(
                    [
                        f"bangle-{at}",
                        f"和田玉手镯 {at}",
                        f"Jade bangle {at}",
                        words,
                        "首饰/手镯",
                        f"B-{at}",
                        PRICE,
                        min(pieces, 99_999),
                        "on_sale",
                    ]
                )
        result = await catalogue.run_import(stack.database, stall.brand_id, path)
    assert not result.rejected, result.rejected[:3]
    async with stack.database.raw(stall.brand_id) as connection:
        rows = await connection.fetch(
            "select p.handle, s.id from products p join skus s on s.product_id = p.id order by s.code"
        )
        if pieces > 99_999:  # more than a file may say
            await stock.count_pieces(
                connection, {(row["id"], stall.location_id): pieces for row in rows}
            )
    stall.handles, stall.skus = [row["handle"] for row in rows], [row["id"] for row in rows]
    assert len(stall.skus) == skus


async def more_buyers(stack: Stack, stall: Stall, count: int) -> list[Buyer]:
    """Let so many new customers join, each with a session and an address."""
    fresh: list[Buyer] = []
    while len(fresh) < count:
        some = min(200, count - len(fresh))
        first = 13_000_000_000 + len(stall.buyers)
        async with stack.database.brand(stall.brand_id) as session:
            people = [
                customers.NewCustomer(phone=str(first + at), name=f"顾客{at}") for at in range(some)
            ]
            ids = await customers.join_customers(session, people)
            tokens = await customers.open_sessions(session, ids)
            for id, token, person in zip(ids, tokens, people, strict=True):
                address = await customers.save_address(
                    session,
                    id,
                    customers.AddressIn(
                        person.name, person.phone, DISTRICT, "文三路 100 号 2 幢 301 室"
                    ),
                )
                fresh.append(Buyer(id, token, address.id))
        stall.buyers += fresh[-some:]
    return fresh


async def _price(stack: Stack, stall: Stall) -> None:
    lines = [{"sku_id": str(stall.skus[0]), "quantity": 1}]
    answer = await stack.ask(
        "POST", stall.host, "/api/shop/quote", {"lines": lines, "delivery": "express", "district_code": DISTRICT},
        authorization=f"Bearer {stall.buyers[0].token}",
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    stall.total_minor = answer.json()["total_minor"]


async def set_pieces(stack: Stack, stall: Stall, sku_id: UUID, pieces: int) -> None:
    """Count a SKU anew: so many are free to be sold."""
    async with stack.database.brand(stall.brand_id) as session:
        driver = await driver_of(session)
        reserved = await driver.fetchval(
            "select reserved from stock_levels where sku_id = $1 and location_id = $2",
            sku_id,
            stall.location_id,
        )
        await stock.count_pieces(driver, {(sku_id, stall.location_id): reserved + pieces})


async def book(stack: Stack, stall: Stall) -> dict[str, Any]:
    """What the database says was sold."""
    async with stack.database.raw(stall.brand_id) as connection:
        row = await connection.fetchrow(
            """select (select count(*) from orders) as orders, (select count(*) from order_lines) as lines,
                      (select count(*) from events where kind = 'orders.placed/1') as events,
                      (select count(distinct subject) from events where kind = 'orders.placed/1') as subjects,
                      (select count(*) from stock_movements where kind = 'reserved') as movements,
                      (select coalesce(sum(delta_reserved), 0)::bigint from stock_movements where kind = 'reserved') as taken,
                      (select count(distinct (customer_id, request_key)) from orders) as keys"""
        )
    return dict(row)
