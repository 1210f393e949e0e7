"""Long work of the catalogue: taking files in, fetching pictures, and what time brings."""

import asyncio
from collections import Counter
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.catalogue.actions.expiring import expire_imports
from siyu.goods.catalogue.actions.importing import EXPIRES, report_csv, run_import
from siyu.goods.catalogue.actions.media import keep_files, render
from siyu.goods.catalogue.actions.products import OFF_SALE, TO_SALE, follow_times
from siyu.goods.catalogue.actions.uploads import MappingField, key_of, mapping_of, one_import
from siyu.goods.catalogue.actions.writing import say_changed
from siyu.kernel import jobs, timers
from siyu.kernel.db import Actor
from siyu.kernel.errors import Refusal
from siyu.kernel.jobs import Work, job
from siyu.kernel.timers import Timer
from siyu.people.brands import brand_facts

log = structlog.get_logger("siyu.catalogue")
_READING = {"zh-CN": "读取并写入商品", "en": "Reading and writing products"}
_FORGETTING = {"zh-CN": "删除到期的导入文件", "en": "Delete import files whose time is over"}
_FETCHING = {"zh-CN": "取回图片", "en": "Fetching pictures"}
AT_ONCE, MAX_PICTURE_BYTES, GIVE_UP_ON_HOST = 6, 15_000_000, 3
ATTEMPTS = 3


@timers.due(TO_SALE)
async def put_on_sale(session: AsyncSession, due: list[Timer]) -> None:
    """Scheduled products go on sale when their time comes."""
    await follow_times(session, [timer.subject for timer in due])


@timers.due(OFF_SALE)
async def take_off(session: AsyncSession, due: list[Timer]) -> None:
    """Products come off sale when their time is over."""
    await follow_times(session, [timer.subject for timer in due])


@timers.due(EXPIRES)
async def forget_imports(session: AsyncSession, due: list[Timer]) -> None:
    """Files and reports of imports whose time is over are deleted by a job, outside any transaction."""
    ids = [str(timer.subject) for timer in due]
    await jobs.start(session, "catalogue.expire_imports", {"import_ids": ids}, _FORGETTING)


@job("catalogue.expire_imports")
async def delete_expired(work: Work, args: dict[str, Any]) -> dict[str, Any]:
    """Delete files and reports of imports; killed anywhere, it does the rest when run again."""
    ids = [UUID(one) for one in args["import_ids"]]
    expired, files = await expire_imports(work.database, work.files, work.brand_id, ids)
    await work.progress(expired, len(ids), _FORGETTING)
    return {"expired": expired, "files": files}


@job("catalogue.import")
async def take_file_in(work: Work, args: dict[str, Any]) -> dict[str, Any]:
    """Take an uploaded file in. Killed anywhere it goes on from its last committed chunk."""
    async with work.database.brand(work.brand_id) as session:
        row = await one_import(session, UUID(args["import_id"]))
    brand = await brand_facts(work.database, work.brand_id)
    mapping = (
        mapping_of(msgspec.convert(row.mapping, list[MappingField]))
        if row.format == "table"
        else None
    )

    async def progress(done: int, total: int | None, refused: int) -> None:
        await work.progress(done, total, _READING, refused)

    async with work.files.local(key_of(row)) as file:
        result = await run_import(
            work.database,
            work.brand_id,
            file,
            filename=row.filename,
            format=row.format,
            mapping=mapping,
            currency=brand.currency,
            progress=progress,
            import_id=row.id,
            actor=Actor("system", None, "siyu import"),
            hold=work.hold,
        )
    await work.progress(result.rows, result.rows, _READING, result.rejected_rows)
    if result.rejected_rows:
        await work.report(await report_csv(work.database, work.brand_id, row.id))
    return msgspec.to_builtins(result)


class _Waiting(msgspec.Struct):
    id: UUID
    source: str


@job("catalogue.images")
async def fetch_pictures(work: Work, _: dict[str, Any]) -> dict[str, Any]:
    """Fetch pictures from where imports said they are; what cannot be fetched keeps its generated art.

    Each is tried at most ``ATTEMPTS`` times over all runs; a host that fails thrice in a row is left alone in this run.
    """
    fetched, failed = 0, 0
    down: Counter[str] = Counter()
    after = UUID(int=0)
    async with work.database.raw(work.brand_id) as connection:
        total = await connection.fetchval(
            "select count(*) from media where hash is null and source is not null and attempts < $1",
            ATTEMPTS,
        )
    while batch := await _next_pictures(work, after):
        after = batch[-1].id
        gate = asyncio.Semaphore(AT_ONCE)
        outcomes = await asyncio.gather(*(_fetch_one(work, one, down, gate) for one in batch))
        fetched += sum(1 for error in outcomes if error is None)
        failed += sum(1 for error in outcomes if error is not None)
        await work.progress(fetched + failed, total, _FETCHING, failed)
    return {"fetched": fetched, "failed": failed}


async def _next_pictures(work: Work, after: UUID) -> list[_Waiting]:
    async with work.database.raw(work.brand_id) as connection:
        rows = await connection.fetch(
            """select id, source from media where hash is null and source is not null and attempts < $1 and id > $2
               order by id limit 60""",
            ATTEMPTS,
            after,
        )
    return [_Waiting(row["id"], row["source"]) for row in rows]


async def _fetch_one(
    work: Work, one: _Waiting, down: Counter[str], gate: asyncio.Semaphore
) -> str | None:
    """Fetch and keep one picture; the reason when it could not be."""
    host = urlsplit(one.source).netloc
    async with gate:
        if down[host] >= GIVE_UP_ON_HOST:
            return "host does not answer"
        try:
            answer = await work.egress.fetch(one.source, max_bytes=MAX_PICTURE_BYTES, timeout_s=10)
        except Refusal as refusal:
            down[host] += 1
            await _note(work, one.id, refusal.detail)
            return refusal.detail
        down[host] = 0
        if answer.status != 200:
            await _note(work, one.id, f"HTTP {answer.status}")
            return f"HTTP {answer.status}"
        try:
            picture = await render(answer.body)
        except Refusal as refusal:
            await _note(work, one.id, refusal.detail)
            return refusal.detail
    await keep_files(work.files, work.brand_id, picture)
    async with work.database.raw(work.brand_id) as connection:
        await work.hold(connection)
        await connection.execute(
            "update media set hash = $2, width = $3, height = $4, error = '', attempts = attempts + 1 where id = $1",
            one.id,
            picture.hash,
            picture.width,
            picture.height,
        )
        rows = await connection.fetch(
            "select distinct product_id from product_images where media_id = $1", one.id
        )
        await say_changed(connection, [row["product_id"] for row in rows])
    return None


async def _note(work: Work, media_id: UUID, error: str) -> None:
    async with work.database.raw(work.brand_id) as connection:
        await work.hold(connection)
        await connection.execute(
            "update media set attempts = attempts + 1, error = $2 where id = $1",
            media_id,
            error[:300],
        )
