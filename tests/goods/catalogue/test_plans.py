"""Lists and searches use their indexes, asked as the running program asks: as ``app``, under row-level security."""

import re
from collections.abc import Iterator

import asyncpg
import pytest

from siyu.goods.catalogue import run_import

from .conftest import counting_queries


@pytest.fixture
async def full(app, database, brand, owner_url, tmp_path):
    """Twelve hundred products, with statistics."""
    rows = ["handle,title,price,stock,status,category,sku"]
    rows += [
        f"h-{n},玉{chr(0x4E00 + n)}镯第{n}件,{n % 700 + 1},{n % 50},on_sale,分类{n % 20},S-{n}"
        for n in range(1200)
    ]
    (tmp_path / "p.csv").write_text("\n".join(rows))
    await run_import(database, brand.id, tmp_path / "p.csv")
    connection = await asyncpg.connect(owner_url)
    await connection.execute("analyze")
    await connection.close()


def scanned_whole(plan: str) -> Iterator[str]:
    """Tables read row by row that are not small."""
    yield from re.findall(
        r"Seq Scan on (products|skus|product_tokens|product_categories|media|stock_levels|stock_movements)\b",
        plan,
    )


ADDRESSES = [
    "/api/console/products",
    "/api/console/products?status=on_sale&sort=price_up",
    "/api/console/products?q=玉镯第77",
    "/api/console/stock?limit=20",
    "/api/console/stock?q=S-77",
    "/api/shop/products?sort=price_down",
    "/api/shop/products?q=第77件",
    "/api/shop/products/h-77",
]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_no_list_reads_a_whole_table(
    full, console, shop, database, brand, address, monkeypatch
):
    seen: list[tuple[str, tuple]] = []
    original = asyncpg.Connection.fetch

    async def fetch(self, query, *args, **more):
        seen.append((query, args))
        return await original(self, query, *args, **more)

    monkeypatch.setattr(asyncpg.Connection, "fetch", fetch)
    client = shop if "/shop/" in address else console
    answer = await client.get(address)
    monkeypatch.undo()
    assert answer.status_code == 200, answer.text
    plans = 0
    async with database.raw(brand.id) as connection:
        for query, args in seen:
            if (
                not query.lstrip().lower().startswith(("select", "with"))
                or "for update" in query
                or ("count(*)" in query and "token" not in query)
            ):
                continue
            plan = "\n".join(row[0] for row in await connection.fetch("explain " + query, *args))
            assert list(scanned_whole(plan)) == [], f"{query}\n{plan}"
            plans += 1
    assert plans > 0


async def test_the_plans_are_looked_at_for_real(full, console):
    with counting_queries() as asked:
        await console.get("/api/console/products")
    assert any("from products p" in one for one in asked)


async def test_a_brand_that_the_statistics_do_not_know_finds_its_rows_by_the_right_index(
    full, database, rival
):
    asked = {
        "skus_brand_id_code_key": (
            """select s.id from unnest($1::text[]) as c(code)
               cross join lateral (select id from skus where code = c.code limit 1) s""",
            ["S-1"],
        ),
    }
    async with database.raw(rival.id) as connection:
        if connection.get_server_version().major < 18:
            pytest.skip("the planner can be told since PostgreSQL 18")
        for index, (query, names) in asked.items():
            plan = "\n".join(row[0] for row in await connection.fetch("explain " + query, names))
            assert index in plan, plan
