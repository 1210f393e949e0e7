"""What was handed in for an import lies sealed and is deleted after its time; the counts remain."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from siyu.goods.catalogue import run_import
from siyu.goods.catalogue.actions import uploads
from siyu.kernel import clock, jobs, timers

TABLE = "title,price,sku\n玉镯,99.50,E-1\n坏的,不是价格,E-2\n"


@pytest.fixture
async def imported(console, runtime, brand):
    """An import that is done, with a report: its answer."""
    made = await console.post("/api/console/imports", files={"file": ("表.csv", TABLE.encode())})
    address = f"/api/console/imports/{made.json()['id']}"
    started = await console.post(f"{address}/start", json={"format": "siyu"})
    assert started.status_code == 202, started.text
    await jobs.run(runtime, brand.id, UUID(started.json()["id"]))
    return (await console.get(address)).json()


def kept(home: Path, brand) -> list[Path]:
    return [
        path
        for part in ("imports", "jobs")
        for path in (home / "files" / str(brand.id) / part).glob("*")
    ]


async def expire(runtime, brand, days):
    """What the worker does so many days later."""
    clock.freeze(clock.now() + timedelta(days=days))
    try:
        await timers.run_due(runtime.database, brand.id, ["catalogue.import_expires"])
        async with runtime.database.brand(brand.id) as session:
            waiting = await jobs.page(session, state="waiting")
        for job in waiting:
            if job.kind == "catalogue.expire_imports":
                await jobs.run(runtime, brand.id, job.id)
    finally:
        clock.freeze(None)


async def test_file_and_report_lie_sealed(imported, home, brand, console):
    report = await console.get(f"/api/console/jobs/{imported['job']['id']}/report")
    assert "不是价格" in report.text
    lying = kept(home, brand)
    assert len(lying) == 2
    for path in lying:
        assert "玉镯".encode() not in path.read_bytes() and "不是".encode() not in path.read_bytes()


async def test_after_thirty_days_only_the_counts_remain(
    imported, home, brand, console, runtime, database
):
    address = f"/api/console/imports/{imported['id']}"
    assert imported["expires_at"] is not None and imported["expired_at"] is None
    await expire(runtime, brand, 29)
    assert len(kept(home, brand)) == 2
    await expire(runtime, brand, 31)

    assert kept(home, brand) == []
    gone = (await console.get(address)).json()
    assert gone["expired_at"] is not None and gone["sample"] == []
    assert (gone["job"]["has_report"], gone["job"]["result"]["products"]) == (False, 1)
    assert "rejected" not in gone["job"]["result"] and gone["job"]["result"]["rejected_rows"] == 1
    report = await console.get(f"/api/console/jobs/{imported['job']['id']}/report")
    assert report.status_code == 404
    refused = await console.post(f"{address}/preview", json={"format": "siyu"})
    assert refused.status_code == 410 and refused.json()["code"] == "catalogue.import_expired"
    async with database.raw(brand.id) as connection:
        assert await connection.fetchval("select count(*) from import_rejections") == 0


async def test_a_file_that_nobody_started_expires_and_cannot_be_started(
    console, home, brand, runtime
):
    made = await console.post("/api/console/imports", files={"file": ("a.csv", TABLE.encode())})
    await expire(runtime, brand, 31)
    assert kept(home, brand) == []
    refused = await console.post(
        f"/api/console/imports/{made.json()['id']}/start", json={"format": "siyu"}
    )
    assert refused.status_code == 410 and refused.json()["code"] == "catalogue.import_expired"


async def test_a_file_that_a_job_waits_for_gets_another_day(console, home, brand, runtime):
    made = await console.post("/api/console/imports", files={"file": ("a.csv", TABLE.encode())})
    address = f"/api/console/imports/{made.json()['id']}"
    started = await console.post(f"{address}/start", json={"format": "siyu"})
    await expire(runtime, brand, 31)
    assert len(kept(home, brand)) == 1
    await jobs.run(runtime, brand.id, UUID(started.json()["id"]))
    assert (await console.get(address)).json()["job"]["state"] == "done"
    await expire(runtime, brand, 33)
    assert kept(home, brand) == []


async def test_refused_rows_of_the_command_line_expire_too(runtime, database, brand, tmp_path):
    (tmp_path / "p.csv").write_text(TABLE)
    result = await run_import(database, brand.id, tmp_path / "p.csv", keep_days=3)
    assert result.rejected_rows == 1
    await expire(runtime, brand, 4)
    async with database.raw(brand.id) as connection:
        assert await connection.fetchval("select count(*) from import_rejections") == 0
        assert await connection.fetchval(
            "select expired_at is not null and counts->>'products' = '1' from catalogue_imports"
        )


async def test_a_file_whose_import_was_rolled_back_is_deleted_within_the_hour(
    home, brand, runtime, database
):
    with pytest.raises(RuntimeError):
        async with database.brand(brand.id) as session:
            await uploads.take_upload(session, database, runtime.files, "a.csv", TABLE.encode(), 30)
            raise RuntimeError
    assert len(kept(home, brand)) == 1
    await expire(runtime, brand, 1 / 24)
    assert kept(home, brand) == []


async def test_of_two_clicks_one_starts_the_import(console, database, brand):
    made = await console.post("/api/console/imports", files={"file": ("a.csv", TABLE.encode())})
    import_id = UUID(made.json()["id"])
    async with database.brand(brand.id) as session:
        await uploads.start_import(session, import_id, "siyu", [], None)
        second = asyncio.create_task(
            console.post(f"/api/console/imports/{import_id}/start", json={"format": "siyu"})
        )
        await asyncio.wait([second], timeout=0.3)
    answer = await second
    assert answer.status_code == 409 and answer.json()["code"] == "catalogue.import_started"
    async with database.brand(brand.id) as session:
        assert len(await jobs.page(session)) == 1
