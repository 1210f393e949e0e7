"""An import that is killed in its middle and begun again ends as one that nobody disturbed."""

import asyncio
import csv
import json
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from siyu.people.brands import create_brand
from tests.crash.house import ROOT, SOON_S, House, environment

PRODUCTS, BAD = 3000, 7
_WHOLE = """
select (select count(*) from products) as products, (select count(*) from skus) as skus,
       (select sum(version)::bigint from products) as versions,
       (select count(*) from stock_movements) as movements,
       (select sum(on_hand)::bigint from stock_levels) as pieces,
       (select md5(string_agg(concat_ws('|', p.handle, p.title::text, p.status, s.code, s.price_minor, l.on_hand), ';'
                              order by p.handle, s.code))
        from products p join skus s on s.product_id = p.id left join stock_levels l on l.sku_id = s.id) as texts,
       (select json_object_agg(kind, times)::text
        from (select kind, count(*) as times from events group by kind order by kind) e) as events,
       (select json_agg(r)::text from (select line, "column", code from import_rejections order by position) r) as refused,
       (select json_agg(json_build_array(done_products, counts, finished_at is not null))::text
        from catalogue_imports) as imports
"""


class Seller(msgspec.Struct):
    """A brand of this test's own."""

    id: UUID
    slug: str
    login: str
    password: str


async def seller(house: House) -> Seller:
    slug, password = f"import-{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    made = await create_brand(
        house.stack.database, slug=slug, name={"zh-CN": "进货", "en": "Imports"}, owner_login=f"owner@{slug}",
        owner_password=password,
    )  # fmt: skip
    return Seller(made.brand_id, slug, f"owner@{slug}", password)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of products of which some cannot be taken in."""
    path = tmp_path_factory.mktemp("import") / "products.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["handle", "title", "title_en", "category", "sku", "price", "stock", "status"])  # fmt: skip
        bad = {500 + 300 * at for at in range(BAD)}
        writer.writerows(
            [f"bangle-{at}", f"玉镯 {at}", f"Bangle {at}", "首饰/手镯", f"B-{at}", "oops" if at in bad else f"{at % 900 + 1}.00", at % 50, "on_sale"]
            for at in range(PRODUCTS)
        )  # fmt: skip
    return path


async def taken_in(house: House, brand_id: UUID) -> dict[str, Any]:
    async with house.stack.database.raw(brand_id) as connection:
        return dict(await connection.fetchrow(_WHOLE))


async def done(house: House, brand_id: UUID) -> int:
    """Products of the import that are committed."""
    async with house.stack.database.raw(brand_id) as connection:
        return await connection.fetchval("select coalesce(max(done_products), 0) from catalogue_imports")  # fmt: skip


async def in_its_middle(house: House, brand_id: UUID) -> int:
    end = time.monotonic() + SOON_S
    while not (committed := await done(house, brand_id)):
        assert time.monotonic() < end, house.last_words()
        await asyncio.sleep(0.01)
    return committed


async def command(house: House, table: Path, brand: Seller) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "siyu", "import", "products", str(table), "--brand", brand.slug, "--json",
        cwd=ROOT, env=environment(house.home), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture(scope="module")
async def undisturbed(house, table) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the command said and what it brought in, when nobody disturbed it."""
    brand = await seller(house)
    said, complained = await (await command(house, table, brand)).communicate()
    assert said, complained
    whole = await taken_in(house, brand.id)
    assert whole["products"] == PRODUCTS - BAD, whole
    return json.loads(said), whole


def without_ids(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name != "import_id"}


async def test_a_killed_import_command_goes_on_where_it_was(house, table, undisturbed):
    brand = await seller(house)
    first = await command(house, table, brand)
    committed = await in_its_middle(house, brand.id)
    first.send_signal(signal.SIGKILL)
    await first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert committed < PRODUCTS and (await taken_in(house, brand.id))["products"] < PRODUCTS - BAD

    said, complained = await (await command(house, table, brand)).communicate()
    assert said, complained
    assert without_ids(json.loads(said)) == without_ids(undisturbed[0])
    assert await taken_in(house, brand.id) == undisturbed[1]


async def test_an_import_job_goes_on_after_its_worker_was_killed(house, table, undisturbed):
    brand = await seller(house)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{house.port}", trust_env=False, timeout=30
    ) as console:
        who = {"login": brand.login, "password": brand.password}
        answer = await console.post("/api/console/session", json=who)
        assert answer.status_code < 300, answer.text
        console.headers["x-csrf-token"] = answer.json()["csrf_token"]
        handed = await console.post(
            "/api/console/imports", files={"file": ("products.csv", table.read_bytes())}
        )
        assert handed.status_code == 201, handed.text
        started = await console.post(
            f"/api/console/imports/{handed.json()['id']}/start", json={"format": "siyu"}
        )
        assert started.status_code == 202, started.text
        job = f"/api/console/jobs/{started.json()['id']}"

        assert await in_its_middle(house, brand.id) < PRODUCTS
        house.strike("worker")
        assert (await console.get(job)).json()["state"] == "running"
        # Another worker waits until the lease of the dead one has run out; those seconds are not waited for here.
        async with house.stack.database.raw(brand.id) as connection:
            await connection.execute("update jobs set lease_until = now() - interval '1 second'")
        end = time.monotonic() + SOON_S
        while (told := (await console.get(job)).json())["state"] == "running":
            assert time.monotonic() < end, (told, house.last_words())
            await asyncio.sleep(0.1)
    assert told["state"] == "done" and told["failed"] == BAD, told
    assert await taken_in(house, brand.id) == undisturbed[1]
