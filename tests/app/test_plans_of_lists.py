"""The console's lists use their indexes in a brand with years behind it, asked as ``app`` under row-level security.

A database of its own with rows enough that the planner's choice is real. Counts by state may read a whole brand;
how long that takes is measured by ``siyu bench lists``.
"""

import re
import secrets
from typing import Any

import asyncpg
import pytest
from asyncpg.prepared_stmt import PreparedStatement

from bench.lists import Old, ask, asked, asked_at_a_store, look
from bench.lists.crowd import Crowd, fill
from siyu.app.runtime import Runtime
from siyu.app.web import create_app
from siyu.kernel.db import driver_of
from siyu.kernel.settings import Settings, urls_of
from siyu.people import brands
from tests.conftest import TEMPLATE, make_brand, on_database, sign_in

CROWD = Crowd(
    orders=12_000, customers=4_000, products=3_000, audit=12_000, jobs=3_000, parked=3_000, links=1_000, staff=100,
    movements=3_000,
)  # fmt: skip
BIG = re.compile(
    r"Seq Scan on (orders|order_lines|customers|contacts|vault_keys|stock_levels|stock_movements|products|skus"
    r"|product_tokens|audit|jobs|parked_events|links|touchpoints)\b"
)
RARE = "nothing but the filter to go by, and next to no row has it: the brand's rows are read once through"
MAY_READ_ALL = {
    "orders: source unknown": RARE,
    "orders: between amounts": RARE,
    "audit: unknown kind": RARE,
    "audit: first page": "somebody of a store that has done nothing yet: " + RARE,
}
"""Filters without an index of their own, each of which would cost the hottest writes; ``siyu bench lists`` times them."""
PASSWORD = "left horse 8 gallops"


class Years:
    """The brand with its application: an owner, somebody who sees one store, and what lists are asked about."""

    def __init__(self, app: Any, runtime: Any, old: Old, owner: Any, keeper: Any) -> None:
        self.app, self.runtime, self.old, self.owner, self.keeper = app, runtime, old, owner, keeper


@pytest.fixture(scope="module")
async def years(server_url, clickhouse_url, ring, tmp_path_factory):
    name = f"siyu_{secrets.token_hex(4)}"
    server = await asyncpg.connect(server_url)
    await server.execute(f"create database {name} template {TEMPLATE}")
    url = on_database(server_url, name)
    settings = Settings(
        home=tmp_path_factory.mktemp("years"), profile="demo", port=80, database_url=url, clickhouse_url=clickhouse_url,
        secret="test", keys=str(ring.folder),
    )  # fmt: skip
    runtime = Runtime(settings, urls_of(settings), pool=4)
    app = create_app(runtime)
    await runtime.open()
    brand = await make_brand(runtime.database)
    async with runtime.database.brand(brand.id) as session:
        top = await brands.hq(session)
        place = brands.StorePlace(address="延安路 1 号", district_code="330106", phone="", hours={}, latitude_e6=None, longitude_e6=None, pick_up=True)  # fmt: skip
        stores = [
            (await brands.add_unit(session, parent_id=top.id, kind="store", code=f"s{n}", name={"zh-CN": "店"}, store=place)).id
            for n in range(CROWD.stores)
        ]  # fmt: skip
        await fill(await driver_of(session), CROWD, store_ids=stores)
    owner = await sign_in(app, brand)
    person = {"login": f"k@{brand.slug}", "name": "店长", "roles": ["operator"], "unit_id": str(stores[0]), "password": PASSWORD}  # fmt: skip
    assert (await owner.post("/api/console/staff", json=person)).status_code == 201
    keeper = await sign_in(app, brand, person["login"], PASSWORD)
    connection = await asyncpg.connect(url)
    await connection.execute("vacuum analyze")
    await connection.close()
    old = Old(brand.id, brand.slug, stores[0])
    async with runtime.database.raw(brand.id) as connection:
        await look(connection, old, CROWD)
    yield Years(app, runtime, old, owner, keeper)
    for client in (owner, keeper):
        await client.aclose()
    await runtime.close()
    await server.execute(f"drop database {name} with (force)")
    await server.close()


async def statements(
    monkeypatch, client: Any, path: str, query: dict[str, Any]
) -> list[tuple[str, tuple[Any, ...]]]:
    """What PostgreSQL is asked for one page, with its parameters."""
    seen: list[tuple[str, tuple[Any, ...]]] = []
    by_connection, by_statement = asyncpg.Connection.fetch, PreparedStatement.fetch

    async def fetch(self: Any, query: str, *args: Any, **more: Any) -> Any:
        seen.append((query, args))
        return await by_connection(self, query, *args, **more)

    async def fetch_prepared(self: Any, *args: Any, **more: Any) -> Any:
        seen.append((self.get_query(), args))
        return await by_statement(self, *args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(asyncpg.Connection, "fetch", fetch)
        patched.setattr(PreparedStatement, "fetch", fetch_prepared)
        answer = await ask(client, path, query)
    assert answer.status_code == 200, answer.text
    return seen


async def test_no_list_reads_a_whole_table(years, monkeypatch):
    wrong, plans = [], 0
    pages = [(years.owner, one) for one in asked(years.old)]
    pages += [(years.keeper, one) for one in asked_at_a_store(years.old)]
    for client, (name, path, query) in pages:
        seen = await statements(monkeypatch, client, path, query)
        async with years.runtime.database.raw(years.old.brand_id) as connection:
            for sql, args in seen:
                if (
                    not sql.lstrip().lower().startswith(("select", "with"))
                    or " count(" in sql.split(" FROM ")[0]
                ):
                    continue
                rows = await connection.fetch("explain " + sql, *args)
                plan = "\n".join(row[0] for row in rows)
                plans += 1
                if BIG.search(plan) and name not in MAY_READ_ALL:
                    wrong.append(f"{name}\n{sql}\n{plan}\n")
    assert not wrong, "\n".join(wrong)
    assert plans > len(pages)
    assert set(MAY_READ_ALL) <= {name for _, (name, _, _) in pages}


async def test_the_number_of_questions_does_not_grow_with_the_page(years, monkeypatch):
    """Ten rows cost as many round trips as two, on every list that has a limit; the others are bounded whole."""
    grown = []
    for path in ("orders", "customers", "stock", "products", "audit", "staff", "imports", f"stock/{years.old.facts['sku']}/movements"):  # fmt: skip
        counts = [
            len(await statements(monkeypatch, years.owner, path, {"limit": limit}))
            for limit in (2, 10, 60)
        ]
        if len(set(counts)) > 1 or counts[0] > 15:
            grown.append((path, counts))
    assert not grown
    for path in (
        "links",
        "jobs",
        "parked-events",
        "locations",
        "categories",
        "units",
        "views",
        "roles",
        "pages",
    ):
        assert len(await statements(monkeypatch, years.owner, path, {})) <= 12, path
