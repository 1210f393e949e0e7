"""A stall with goods and shoppers, made by the modules' own doors where they have one."""

import itertools
import secrets
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from siyu.goods import stock
from siyu.kernel import clock, events, timers
from siyu.kernel.checks import run_checks
from siyu.kernel.db import driver_of
from siyu.kernel.ids import new_id
from siyu.people import brands, customers
from tests.conftest import client_for

_phones = itertools.count(13_000_000_000 + secrets.randbelow(10**8) * 9)


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


async def paid_order(shopper, goods, total):
    placed = await shopper.ordered(goods, total)
    await shopper.pay(placed["id"])
    return placed


class Shopper:
    """A signed-in customer with one address in 杭州西湖区, holding an HTTP client of the shop."""

    def __init__(self, client: httpx.AsyncClient, id: UUID, address_id: UUID, phone: str) -> None:
        self.http, self.id, self.address_id, self.phone = client, id, address_id, phone

    async def place(
        self,
        goods: dict[UUID, int],
        total_minor: int,
        *,
        key: str | None = None,
        headers: Any = None,
        **more: Any,
    ) -> httpx.Response:
        order = {
            "lines": [{"sku_id": str(sku), "quantity": quantity} for sku, quantity in goods.items()],
            "delivery": "express", "address_id": str(self.address_id), "store_id": None, "note": "",
            "expected_total_minor": total_minor, "from_cart": False, "link": None,
        } | more  # fmt: skip
        headers = {"Idempotency-Key": key or secrets.token_hex(8)} | (headers or {})
        return await self.http.post("/api/shop/orders", json=order, headers=headers)

    async def ordered(
        self, goods: dict[UUID, int], total_minor: int, **more: Any
    ) -> dict[str, Any]:
        answer = await self.place(goods, total_minor, **more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def pay(self, order_id: str, outcome: str = "pay") -> dict[str, Any]:
        payment = await self.start_paying(order_id)
        return await self.at_cashier(payment, outcome)

    async def start_paying(self, order_id: str) -> str:
        answer = await self.http.post(
            f"/api/shop/orders/{order_id}/pay", headers={"Idempotency-Key": secrets.token_hex(8)}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["payment_id"]

    async def at_cashier(self, payment_id: str, outcome: str = "pay") -> dict[str, Any]:
        answer = await self.http.post(f"/api/shop/cashier/{payment_id}", json={"outcome": outcome})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def order(self, order_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/api/shop/orders/{order_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()


class Stall:
    """Builders and readings of one brand."""

    def __init__(self, app: Any, database: Any, brand: Any) -> None:
        self.app, self.database, self.brand = app, database, brand
        self._clients: list[httpx.AsyncClient] = []

    async def sku(
        self, price_minor: int = 1990, pieces: int = 10, *, weight_g: int = 500, title: str = "青玉手镯", on_sale: bool = True,
        store_id: UUID | None = None,
    ) -> UUID:  # fmt: skip
        """A product with one SKU, counted at the online warehouse (or at a store)."""
        product, sku = new_id(), new_id()
        async with self.database.brand(self.brand.id) as session:
            driver = await driver_of(session)
            await driver.execute(
                """insert into products (id, handle, title, status, created_at, updated_at, published_at, sku_count,
                                         price_min_minor, price_max_minor)
                   values ($1, $2, $3::text::jsonb, $4, now(), now(), now(), 1, $5, $5)""",
                product, f"p-{product.hex}", f'{{"zh-CN": "{title}", "en": "Jade bangle"}}', "on_sale" if on_sale else "off",
                price_minor,
            )  # fmt: skip
            await driver.execute(
                "insert into skus (id, product_id, code, price_minor, weight_g) values ($1, $2, $3, $4, $5)",
                sku, product, f"C-{sku.hex[-8:]}", price_minor, weight_g,
            )  # fmt: skip
        await self.count(sku, pieces, store_id=store_id)
        return sku

    async def count(self, sku: UUID, pieces: int, *, store_id: UUID | None = None) -> None:
        """Put pieces on the shelf."""
        async with self.database.brand(self.brand.id) as session:
            place = (
                await stock.store_location(session, store_id)
                if store_id
                else await stock.online_location(session)
            )
            await stock.count_pieces(await driver_of(session), {(sku, place): pieces})

    async def level(self, sku: UUID) -> tuple[int, int]:
        """(on hand, reserved) over all places."""
        async with self.database.raw(self.brand.id) as connection:
            row = await connection.fetchrow(
                "select sum(on_hand)::bigint as on_hand, sum(reserved)::bigint as reserved from stock_levels where sku_id = $1",
                sku,
            )
            return row["on_hand"], row["reserved"]

    async def store(self, code: str = "hz01", *, pick_up: bool = True) -> UUID:
        """A store below HQ."""
        async with self.database.brand(self.brand.id) as session:
            top = await brands.hq(session)
            made = await brands.add_unit(
                session, parent_id=top.id, kind="store", code=code, name={"zh-CN": "湖滨店", "en": "Lakeside"},
                store=brands.StorePlace(address="延安路 1 号", district_code="330106", phone="0571-1", hours={"zh-CN": "10-22"}, latitude_e6=None, longitude_e6=None, pick_up=pick_up),
            )  # fmt: skip
            return made.id

    async def shopper(self, name: str = "王小明") -> Shopper:
        """A customer who is signed in and has an address."""
        phone = str(next(_phones))
        async with self.database.brand(self.brand.id) as session:
            (customer_id,) = await customers.join_customers(
                session, [customers.NewCustomer(phone=phone, name=name)]
            )
            (token,) = await customers.open_sessions(session, [customer_id])
            address = await customers.save_address(
                session,
                customer_id,
                customers.AddressIn(name, phone, "330106", "文三路 100 号", True),
            )
        client = client_for(self.app, self.brand.host, Authorization=f"Bearer {token}")
        self._clients.append(client)
        return Shopper(client, customer_id, address.id, phone)

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        """Rows of the brand."""
        async with self.database.raw(self.brand.id) as connection:
            return await connection.fetch(sql, *values)

    async def settle(self) -> None:
        """Let all listeners hear what there is."""
        await events.drain(self.database, self.brand.id)

    async def pass_time(self) -> None:
        """Serve all deadlines that have come."""
        await timers.run_due(self.database, self.brand.id)

    async def all_holds(self) -> None:
        """Every registered invariant of orders and stock holds."""
        broken = await run_checks(self.database, self.brand.id)
        assert not broken, broken

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


@pytest.fixture
async def stall(app: Any, database: Any, brand: Any) -> AsyncIterator[Stall]:
    stall = Stall(app, database, brand)
    yield stall
    await stall.close()


@pytest.fixture
async def rival_stall(app: Any, database: Any, rival: Any) -> AsyncIterator[Stall]:
    stall = Stall(app, database, rival)
    yield stall
    await stall.close()


@pytest.fixture
async def shopper(stall: Stall) -> Shopper:
    return await stall.shopper()


@pytest.fixture
def later() -> Any:
    """Sets the clock ahead for the rest of a test: ``later(minutes=31)``."""
    from datetime import timedelta

    def ahead(**by: float) -> None:
        clock.freeze(clock.now() + timedelta(**by))

    yield ahead
    clock.freeze(None)
