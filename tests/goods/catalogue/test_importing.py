"""Imports: whole files in, again changes nothing, bad rows are told, killed ones go on."""

import asyncio
import csv
import gzip
import io
import re
from pathlib import Path
from uuid import UUID

import pytest

from siyu.goods.catalogue import run_import
from siyu.goods.catalogue.actions import importing
from siyu.kernel import jobs
from siyu.kernel.checks import run_checks
from siyu.kernel.events import drain

from .conftest import edited

pytestmark = pytest.mark.usefixtures("app")
DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
SHOPIFY, LITEMALL = DATA / "catalogue-shopify", DATA / "catalogue-litemall-zh"
HEADER = [
    "handle",
    "title",
    "title_en",
    "description",
    "category",
    "options",
    "sku",
    "price",
    "list_price",
    "stock",
    "images",
    "status",
    "tags",
]


def table(*rows: dict[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def bangle(n: int = 1, **changes: str) -> dict[str, str]:
    row = {
        "handle": f"bangle-{n}",
        "title": f"玉镯{n}",
        "price": "1280.00",
        "stock": "5",
        "sku": f"B-{n}",
        "status": "on_sale",
        "category": "首饰/手镯",
    }
    return {**row, **changes}


@pytest.fixture
def take(database, brand, tmp_path):
    """Import rows as a file; the result."""

    async def run(content: bytes, name: str = "products.csv", **more):
        path = tmp_path / name
        path.write_bytes(content)
        return await run_import(database, brand.id, path, **more)

    return run


async def figures(database, brand):
    async with database.raw(brand.id) as connection:
        return tuple(
            await connection.fetchrow(
                """select (select count(*) from products), (select count(*) from skus where active),
                          (select coalesce(sum(price_minor), 0)::bigint from skus where active),
                          (select coalesce(sum(on_hand), 0)::bigint from stock_levels),
                          (select coalesce(sum(version), 0)::bigint from products), (select count(*) from stock_movements),
                          (select count(*) from events where kind like 'catalogue.%')"""
            )
        )


@pytest.mark.skipif(not SHOPIFY.is_dir(), reason="the sample files are not here")
async def test_shopify_exports_go_in_whole_and_again_change_nothing(database, brand):
    files = [SHOPIFY / name for name in ("apparel.csv", "home-and-garden.csv", "jewelery.csv")]
    first = [await run_import(database, brand.id, file) for file in files]
    assert [
        sum(getattr(r, name) for r in first)
        for name in (
            "rows",
            "products",
            "variants",
            "images",
            "updated",
            "unchanged",
            "rejected_rows",
        )
    ] == [84, 60, 66, 82, 0, 0, 0]
    before = await figures(database, brand)
    assert before[:3] == (60, 66, 462158)

    again = [await run_import(database, brand.id, file) for file in files]
    assert sum(r.unchanged for r in again) == 60 and sum(r.updated for r in again) == 0
    assert await figures(database, brand) == before
    assert await run_checks(database, brand.id) == []


@pytest.mark.skipif(not LITEMALL.is_dir(), reason="the sample files are not here")
async def test_a_chinese_catalogue_of_several_tables_goes_in_whole(database, brand, shop):
    result = await run_import(database, brand.id, LITEMALL / "litemall_goods.csv.gz")
    assert (result.products, result.variants, result.rejected_rows) == (239, 244, 0)
    assert (await figures(database, brand))[:4] == (239, 244, 10673010, 24761)
    again = await run_import(database, brand.id, LITEMALL / "litemall_goods.csv.gz")
    assert again.unchanged == 239
    assert await run_checks(database, brand.id) == []
    for card in (await shop.get("/api/shop/products", params={"limit": 20})).json()["items"]:
        part = next(word for word in re.findall("[\u4e00-\u9fff]{3}", card["title"]))
        found = (await shop.get("/api/shop/products", params={"q": part, "limit": 100})).json()
        assert card["id"] in [one["id"] for one in found["items"]], part


async def test_a_changed_row_updates_and_keeps_what_people_did_at_the_console(
    take, console, database, brand
):
    first = await take(table(bangle(1), bangle(2)))
    assert (first.products, first.updated, first.unchanged) == (2, 0, 0)
    product = (await console.get("/api/console/products", params={"q": "玉镯1"})).json()["items"][0]
    product = (await console.get(f"/api/console/products/{product['id']}")).json()
    body = edited(product, title={"zh-CN": "玉镯1", "en": "Jade bangle"}, status="off")
    await console.put(f"/api/console/products/{product['id']}", json=body)

    second = await take(table(bangle(1, price="999.99", stock="8", status=""), bangle(2)))

    assert (second.products, second.updated, second.unchanged) == (2, 1, 1)
    changed = (await console.get(f"/api/console/products/{product['id']}")).json()
    assert (
        changed["title"] == {"zh-CN": "玉镯1", "en": "Jade bangle"} and changed["status"] == "off"
    )
    assert [(sku["id"], sku["price_minor"], sku["on_hand"]) for sku in changed["skus"]] == [
        (product["skus"][0]["id"], 99999, 8)
    ]
    assert await run_checks(database, brand.id) == []


async def test_bad_rows_are_told_with_line_column_and_reason_while_the_rest_goes_in(take, console):
    mine = {
        "title": {"zh-CN": "自己的"},
        "skus": [{"code": "MINE", "option_values": [], "price_minor": 1}],
    }
    assert (await console.post("/api/console/products", json=mine)).status_code == 201
    result = await take(
        table(
            bangle(1),
            bangle(2, price="free"),
            bangle(3, price="-1"),
            bangle(4, title=""),
            bangle(5, description="<p>x</p><script>steal()</script>"),
            bangle(1, title="别的", sku="B-1b"),
            bangle(7, sku="MINE"),
            bangle(8),
        )
    )
    assert result.products == 2 and result.rows == 8
    assert sorted((r.line, r.column, r.code) for r in result.rejected) == [
        (3, "price", "not_a_number"),
        (4, "price", "negative"),
        (5, "title", "no_title"),
        (6, "description", "script_in_html"),
        (7, "handle", "conflicting_handle"),
        (8, "sku", "code_taken"),
    ]
    assert all(set(r.reason) == {"zh-CN", "en"} for r in result.rejected)


async def test_a_trial_run_says_the_same_and_leaves_nothing(take, database, brand):
    content = table(bangle(1), bangle(2, price="x"))
    tried = await take(content, dry_run=True)
    assert await figures(database, brand) == (0, 0, 0, 0, 0, 0, 0)
    done = await take(content)
    for name in ("rows", "products", "variants", "images", "rejected"):
        assert getattr(tried, name) == getattr(done, name)


async def test_a_killed_import_goes_on_where_it_was(take, database, brand, monkeypatch):
    monkeypatch.setattr(importing, "CHUNK", 10)
    content = table(*(bangle(n, price="x" if n % 20 == 5 else "10") for n in range(100)))

    class Killed(BaseException):
        pass

    taken = []

    async def kill(done, _total, _refused):
        taken.append(done)
        if len(taken) == 4:
            raise Killed

    with pytest.raises(Killed):
        await take(content, progress=kill)
    halfway = await figures(database, brand)
    assert 0 < halfway[0] < 95

    result = await take(content)

    assert (result.rows, result.products, result.rejected_rows, len(result.rejected)) == (
        100,
        95,
        5,
        5,
    )
    end = await figures(database, brand)
    assert end[0] == end[4] == 95 and end[3] == 95 * 5 and end[5] == 95
    assert await run_checks(database, brand.id) == []


async def test_two_equal_imports_at_once_make_each_product_once(
    take, database, brand, tmp_path, monkeypatch
):
    monkeypatch.setattr(importing, "CHUNK", 7)
    (tmp_path / "a.csv").write_bytes(table(*(bangle(n) for n in range(60))))
    results = await asyncio.gather(
        *(run_import(database, brand.id, tmp_path / "a.csv") for _ in range(2))
    )
    assert all(r.products == 60 for r in results)
    assert (await figures(database, brand))[:5] == (60, 60, 60 * 128000, 300, 60)


async def test_the_console_imports_a_table_of_unknown_columns_with_a_saved_mapping(
    console, runtime, database, brand
):
    rows = "宝贝名称,一口价,可售库存,颜色\n银镯,99.50,7,银\n玉镯,坏,1,绿\n=cmd()|x,bad,1,绿\n"
    upload = await console.post(
        "/api/console/imports", files={"file": ("我的商品.csv", rows.encode("gbk"))}
    )
    assert upload.status_code == 201, upload.text
    given = upload.json()
    assert given["format"] == "table" and given["header"] == [
        "宝贝名称",
        "一口价",
        "可售库存",
        "颜色",
    ]
    assert given["sample"][0][0] == "银镯" and given["job"] is None
    assert {"target": "price", "column": "一口价", "constant": None} in given["mapping"]
    mapping = [*given["mapping"], {"target": "status", "column": None, "constant": "on_sale"}]
    address = f"/api/console/imports/{given['id']}"

    seen = (
        await console.post(f"{address}/preview", json={"format": "table", "mapping": mapping})
    ).json()
    assert [(p["title"], p["change"], p["price_min_minor"]) for p in seen["products"]] == [
        ({"zh-CN": "银镯"}, "new", 9950)
    ]
    assert [r["code"] for r in seen["rejected"]] == ["not_a_number", "not_a_number"] and seen[
        "rows_read"
    ] == 3
    bad = await console.post(
        f"{address}/start",
        json={"format": "table", "mapping": [{"target": "price", "column": "无"}]},
    )
    assert bad.status_code == 422 and bad.json()["code"] == "catalogue.import_refused"

    start = await console.post(
        f"{address}/start", json={"format": "table", "mapping": mapping, "save_mapping_as": "淘宝"}
    )
    assert start.status_code == 202 and start.json()["state"] == "waiting", start.text
    twice = await console.post(f"{address}/start", json={"format": "table", "mapping": mapping})
    assert twice.status_code == 409 and twice.json()["code"] == "catalogue.import_started"
    await jobs.run(runtime, brand.id, UUID(start.json()["id"]))

    job = (await console.get(address)).json()["job"]
    assert job["state"] == "done" and job["has_report"], job
    assert (job["result"]["products"], job["result"]["rejected_rows"]) == (1, 2)
    report = (await console.get(f"/api/console/jobs/{job['id']}/report")).content.decode(
        "utf-8-sig"
    )
    lines = list(csv.reader(io.StringIO(report)))
    assert lines[1][:3] == ["3", "一口价", "not_a_number"] and len(lines) == 3
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line)
    assert (await console.get("/api/console/imports/mappings")).json()["items"] == [
        {"name": "淘宝", "mapping": mapping}
    ]
    assert (await console.get("/api/console/imports")).json()["items"][0]["id"] == given["id"]


async def test_what_is_no_table_is_refused_at_the_door(console):
    for name, content in (
        ("a.csv", b""),
        ("a.pdf", b"%PDF-1.7 ..."),
        ("a.csv.gz", gzip.compress(b"x", mtime=0)[:-6]),
    ):
        answer = await console.post("/api/console/imports", files={"file": (name, content)})
        assert answer.status_code == 422 and answer.json()["code"] == "catalogue.import_refused", (
            answer.text
        )


@pytest.mark.parametrize("content", [b"title,price,sku\n", b"title,price,sku\n,,\n\n"])
async def test_a_table_that_is_only_a_header_is_refused_at_the_door(console, content):
    answer = await console.post("/api/console/imports", files={"file": ("a.csv", content)})
    assert answer.status_code == 422 and answer.json()["facts"]["reason"] == "no_rows"
    assert "没有行" in answer.json()["facts"]["reason_text"]["zh-CN"]
    assert (await console.get("/api/console/imports")).json()["items"] == []


async def test_imports_of_another_brand_cannot_be_reached(console, rival_console):
    upload = await console.post("/api/console/imports", files={"file": ("a.csv", table(bangle(1)))})
    address = f"/api/console/imports/{upload.json()['id']}"
    assert (await rival_console.get(address)).status_code == 404
    assert (
        await rival_console.post(f"{address}/preview", json={"format": "siyu"})
    ).status_code == 404
    assert (
        await rival_console.post(f"{address}/start", json={"format": "siyu"})
    ).status_code == 404
    assert (await rival_console.get("/api/console/imports")).json()["items"] == []


async def test_an_import_is_history_and_what_it_brings_is_on_the_stock_list(
    take, console, database, brand
):
    await take(table(bangle(1), bangle(2, stock="")))
    async with database.raw(brand.id) as connection:
        origins = await connection.fetch(
            "select distinct origin from events where kind like 'catalogue.%'"
        )
        assert [row[0] for row in origins] == ["import"]
    await drain(database, brand.id, {"goods.stock.reactions.open_balances"})
    stock = (await console.get("/api/console/stock")).json()["items"]
    assert {row["code"]: row["on_hand"] for row in stock} == {"B-1": 5, "B-2": 0}
