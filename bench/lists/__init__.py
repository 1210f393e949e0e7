"""The console's lists in a house that is years old: every list, page, filter, search and count over HTTP.

Target: 200 ms each at 200,000 orders and 60,000 customers, asked one after the other by one person.
"""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import asyncpg
import httpx
import msgspec

from bench.lists.crowd import Crowd, fill
from bench.report import Figure, Report, load_average
from bench.stack import Stack, house_or
from siyu.kernel import clock
from siyu.kernel.http import encode_cursor
from siyu.people import brands, customers

TARGET_MS = 200.0
PASSWORD = secrets.token_urlsafe(12)


class Old(msgspec.Struct):
    """The brand that is years old, and what lists are asked about."""

    brand_id: UUID
    slug: str
    store_id: UUID
    keys: dict[str, str] = {}
    """Cursors deep in each list."""
    facts: dict[str, str] = {}
    """A number, a phone, a SKU … that is there."""


async def run(*, crowd: Crowd, times: int = 30, given: Stack | None = None) -> Report:
    """Every list so many times; p50 and p99 in milliseconds."""
    report = Report("lists", {"times": times, **msgspec.to_builtins(crowd)})
    async with house_or(given) as stack:
        began = time.perf_counter()
        stack.use_keys()
        old = await grow(stack, crowd)
        report.conditions["seconds to write it"] = round(time.perf_counter() - began, 1)
        port = stack.port
        async with (
            signed_in(port, f"owner@{old.slug}") as owner,
            signed_in(port, f"store@{old.slug}") as keeper,
        ):
            wrong = [await _measure(report, owner, one, times) for one in asked(old)]
            wrong += [
                await _measure(report, keeper, one, times, "store: ")
                for one in asked_at_a_store(old)
            ]
            counted = (await owner.get("/api/console/orders")).json()["counts"]["all"]
        refused = [one for one in wrong if one]
        report.check("every answer was 200", not refused, refused=refused)
        report.check("the list counts every order", counted == crowd.orders, counted=counted)
    return report


async def grow(stack: Stack, crowd: Crowd) -> Old:
    """Make the brand with its stores and staff, and fill it."""
    slug = f"old-{secrets.token_hex(4)}"
    made = await brands.create_brand(
        stack.database, slug=slug, name={"zh-CN": "老店", "en": "Old shop"}, owner_login=f"owner@{slug}",
        owner_password=PASSWORD,
    )  # fmt: skip
    async with stack.database.brand(made.brand_id) as session:
        top = await brands.hq(session)
        stores = [
            (
                await brands.add_unit(
                    session, parent_id=top.id, kind="store", code=f"s{n}", name={"zh-CN": f"{n} 号店"},
                    store=brands.StorePlace(
                        address="延安路 1 号", district_code="330106", phone="0571", hours={}, latitude_e6=None,
                        longitude_e6=None, pick_up=True,
                    ),
                )
            ).id
            for n in range(crowd.stores)
        ]  # fmt: skip
    old = Old(made.brand_id, slug, stores[0])
    async with signed_in(stack.port, f"owner@{slug}") as owner:
        answer = await owner.post(
            "/api/console/staff",
            json={"login": f"store@{slug}", "name": "店长", "roles": ["operator"], "unit_id": str(stores[0]), "password": PASSWORD},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
    async with stack.database.raw(made.brand_id) as connection:
        await fill(connection, crowd, store_ids=stores)
    if stack.urls.owner:
        connection = await asyncpg.connect(stack.urls.owner)
        await connection.execute("vacuum analyze")
        await connection.close()
    async with stack.database.raw(made.brand_id) as connection:
        await look(connection, old, crowd)
    return old


_DEEP = {
    "orders": ("select placed_at, id from orders order by placed_at, id offset $1 limit 1", "orders"),
    "orders of a state": (
        "select placed_at, id from orders where state = 'completed' order by placed_at, id offset $1 limit 1", "orders",
    ),
    "customers": ("select joined_at, id from customers order by joined_at, id offset $1 limit 1", "customers"),
    "audit": ("select at, id from audit order by at, id offset $1 limit 1", "audit"),
    "jobs": ("select id from jobs order by id offset $1 limit 1", "jobs"),
    "links": ("select created_at, id from links order by created_at, id offset $1 limit 1", "links"),
    "parked": ("select listener, subject from parked_events where error <> '' order by 1, 2 offset $1 limit 1", "parked"),
    "stock": ("select sku_id, location_id from stock_levels order by 1, 2 offset $1 limit 1", "products"),
}  # fmt: skip
"""A row deep in each list (a tenth from its end), as the list's sort key."""


async def look(connection: asyncpg.Connection, old: Old, crowd: Crowd) -> None:
    """Find cursors deep in the lists and things to ask for."""
    for name, (sql, many) in _DEEP.items():
        row = await connection.fetchrow(sql, getattr(crowd, many) // 10)
        assert row is not None, name
        old.keys[name] = encode_cursor(tuple(row.values()))
    order = await connection.fetchrow(
        "select number, customer_id from orders order by placed_at desc offset $1 limit 1",
        crowd.orders // 40,
    )
    sku = await connection.fetchrow(
        "select sku_id, count(*) from stock_movements group by sku_id order by 2 desc limit 1"
    )
    actor = await connection.fetchrow("select actor_id, subject_id from audit order by at limit 1")
    place = await connection.fetchval("select id from stock_locations where sells_online limit 1")
    assert order and sku and actor
    (buyer,) = (await customers.cards(connection, [order["customer_id"]])).values()
    old.facts = {
        "number": order["number"], "phone": buyer.phone, "name": buyer.name, "last4": buyer.phone[-4:],
        "sku": str(sku["sku_id"]), "actor": str(actor["actor_id"]), "subject": str(actor["subject_id"]),
        "place": str(place), "store": str(old.store_id),
    }  # fmt: skip


def asked(old: Old) -> list[tuple[str, str, dict[str, Any]]]:
    """What an owner asks: name, path, query (``X-Search`` among it)."""
    facts, keys = old.facts, old.keys
    today = clock.today("Asia/Shanghai")
    month = {"from": str(today - timedelta(days=30)), "to": str(today)}
    orders: dict[str, dict[str, Any]] = {
        "first page": {}, "100 a page": {"limit": 100}, "deep page": {"cursor": keys["orders"]}, "state paid": {"state": "paid"},
        "state completed": {"state": "completed"}, "state refunded": {"state": "refunded"},
        "state completed, deep": {"state": "completed", "cursor": keys["orders of a state"]},
        "source": {"source": "douyin"}, "source unknown": {"source": "nowhere"}, "store": {"store_id": facts["store"]},
        "a month": month, "a month a year ago": {"from": str(today - timedelta(days=395)), "to": str(today - timedelta(days=365))},
        "from an amount": {"min_minor": 150_000}, "up to an amount": {"max_minor": 6_000}, "between amounts": {"min_minor": 100_000, "max_minor": 100_100},
        "number": {"X-Search": facts["number"]}, "name": {"X-Search": facts["name"]}, "phone": {"X-Search": facts["phone"]},
        "last four digits": {"X-Search": facts["last4"]}, "nobody": {"X-Search": "欧阳无名"},
        "name and state": {"X-Search": facts["name"], "state": "completed"},
        "view: paid at a store this month": {"state": "paid", "store_id": facts["store"], **month},
        "view: dear ones of a source": {"source": "tmall", "min_minor": 120_000, "state": "completed"},
    }  # fmt: skip
    customers: dict[str, dict[str, Any]] = {
        "first page": {}, "100 a page": {"limit": 100}, "deep page": {"cursor": keys["customers"]}, "oldest": {"sort": "oldest"},
        "oldest, deep": {"sort": "oldest", "cursor": keys["customers"]}, "name": {"X-Search": facts["name"]},
        "phone": {"X-Search": facts["phone"]}, "last four digits": {"X-Search": facts["last4"]},
        "nobody": {"X-Search": "欧阳无名"},
    }  # fmt: skip
    stock: dict[str, dict[str, Any]] = {
        "first page": {}, "deep page": {"cursor": keys["stock"]}, "a place": {"location_id": facts["place"]}, "low": {"low": "true"},
        "low at a place": {"low": "true", "location_id": facts["place"]}, "word": {"q": "如意"}, "code": {"q": "C-77-1"},
    }  # fmt: skip
    products: dict[str, dict[str, Any]] = {
        "first page": {}, "status": {"status": "off"}, "price": {"sort": "price_up"}, "word": {"q": "手镯"}, "code": {"q": "C-77-1"},
    }  # fmt: skip
    audit: dict[str, dict[str, Any]] = {
        "first page": {}, "deep page": {"cursor": keys["audit"]}, "actor": {"actor_id": facts["actor"]},
        "action": {"action": "customer.revealed"}, "unknown action": {"action": "nothing"}, "thing": {"subject": facts["subject"]},
        "kind of thing": {"subject": "customer"}, "unknown kind": {"subject": "nothing"},
        "a time": {"from": f"{today - timedelta(days=400)}T00:00:00Z", "to": f"{today - timedelta(days=370)}T00:00:00Z"},
    }  # fmt: skip
    jobs: dict[str, dict[str, Any]] = {
        "first page": {}, "deep page": {"cursor": keys["jobs"]}, "failed": {"state": "failed"}, "running": {"state": "running"},
    }  # fmt: skip
    groups = {
        "orders": orders, "customers": customers, "stock": stock, "products": products, "audit": audit, "jobs": jobs,
        "parked-events": {"first page": {}, "deep page": {"cursor": keys["parked"]}},
        "links": {"first page": {}, "deep page": {"cursor": keys["links"]}},
        "staff": {"first page": {}, "name": {"q": "店员"}, "role": {"role": "operator"}},
        f"stock/{facts['sku']}/movements": {"first page": {}, "deep page": {"cursor": encode_cursor((5_000,))}},
        "session": {"counts of the menu": {}}, "locations": {"all": {}}, "categories": {"all": {}}, "imports": {"first page": {}},
    }  # fmt: skip
    return [
        (f"{path.rpartition('/')[2]}: {name}", path, query)
        for path, some in groups.items()
        for name, query in some.items()
    ]


def asked_at_a_store(old: Old) -> list[tuple[str, str, dict[str, Any]]]:
    """What somebody asks who sees one store only."""
    wanted = (
        "orders: ",
        "customers: ",
        "stock: first",
        "stock: low",
        "audit: first",
        "audit: action",
        "links: ",
        "staff: first",
    )
    return [one for one in asked(old) if one[0].startswith(wanted)]


@asynccontextmanager
async def signed_in(port: int, login: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the console, signed in."""
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"host": f"localhost:{port}"},
        trust_env=False,
        timeout=60,
    ) as client:
        answer = await client.post(
            "/api/console/session", json={"login": login, "password": PASSWORD}
        )
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        yield client


async def ask(client: httpx.AsyncClient, path: str, query: dict[str, Any]) -> httpx.Response:
    """One page of a list; what is searched for among people goes in its header."""
    given = dict(query)
    words = {"X-Search": quote(given.pop("X-Search"))} if "X-Search" in given else {}
    return await client.get(f"/api/console/{path}", params=given, headers=words)


async def _measure(
    report: Report,
    client: httpx.AsyncClient,
    one: tuple[str, str, dict[str, Any]],
    times: int,
    who: str = "",
) -> str:
    """Ask for one page so many times; what was wrong with the answers, if anything."""
    name, path, query = one
    took: list[float] = []
    load, statuses = [load_average()], set[int]()
    for _ in range(times):
        began = time.perf_counter()
        answer = await ask(client, path, query)
        took.append(1000 * (time.perf_counter() - began))
        statuses.add(answer.status_code)
    ranked = sorted(took)
    p50, p99 = ranked[len(ranked) // 2], ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)]
    report.figures += [
        Figure(who + name, "ms", [p50], load, less_is_better=True),
        Figure("… p99", "ms", [p99], load, TARGET_MS, less_is_better=True),
    ]
    return "" if statuses == {200} else f"{who}{name}: {sorted(statuses)}"
