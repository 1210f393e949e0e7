"""Running an import: stream, take in chunk by chunk, remember how far; killed anywhere, it goes on from there."""

import asyncio
import csv
import hashlib
import io
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

from siyu.goods.catalogue.actions.intake import Shelves, Taken, take_in
from siyu.goods.catalogue.actions.media import ask_for_pictures
from siyu.goods.catalogue.importing import (
    Handed,
    Mapping,
    ParsedProduct,
    Rejected,
    open_table,
    parse,
)
from siyu.kernel import clock, jobs, timers
from siyu.kernel.db import SYSTEM, Actor, Database, driver_of
from siyu.kernel.errors import NotFound
from siyu.kernel.ids import new_id

CHUNK = 1000
"""What one transaction takes: so many products and refusals, or products with so many variants together."""
KEPT_REJECTIONS, SHOWN_REJECTIONS = 50_000, 1_000
LONG_S = 0.9
EXPIRES = "catalogue.import_expires"
KEPT_DAYS = 30
Progress = Callable[[int, int | None, int], Awaitable[None]]
"""Called with rows done, rows in all (if known) and rows refused, after each chunk."""
Item = ParsedProduct | Rejected


class RejectedOut(msgspec.Struct, frozen=True):
    """A line that did not go in, and why."""

    line: int
    column: str
    code: str
    reason: dict[str, str]
    value: str


class ImportResult(msgspec.Struct):
    """What an import did.

    Products, variants and images are those of the file that are in; ``updated`` and ``unchanged`` count
    products that existed before. ``rejected`` holds the first 1,000 of ``rejected_rows``.
    """

    rows: int = 0
    products: int = 0
    variants: int = 0
    images: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected_rows: int = 0
    rejected: list[RejectedOut] = []
    import_id: UUID | None = None


class _TrialOver(Exception):
    """Rolls a trial run's transaction back."""


async def run_import(
    database: Database,
    brand_id: UUID,
    source: Path | Handed,
    *,
    format: str = "auto",
    mapping: Mapping | None = None,
    currency: str = "CNY",
    dry_run: bool = False,
    progress: Progress | None = None,
    import_id: UUID | None = None,
    filename: str = "",
    keep_days: int = KEPT_DAYS,
    actor: Actor = SYSTEM,
    hold: jobs.Hold | None = None,
) -> ImportResult:
    """Take a file of products in. The same file again changes nothing; an interrupted one goes on where it was.

    Each chunk is one transaction of well under two seconds. Refused rows are kept with the import (``report_csv``).
    With ``dry_run`` everything is tried and nothing stays. What was handed in comes with its ``import_id``.
    ``hold`` begins each transaction that writes and raises when somebody else has taken over. Raises ``ImportRefused`` when the file cannot be read.
    """
    table = await asyncio.to_thread(open_table, source, filename)
    await asyncio.to_thread(table.check_rows)
    items = await asyncio.to_thread(parse, table, format, mapping, currency=currency)
    total = table.lines
    run = _Run(database, brand_id, actor, dry_run=dry_run, hold=hold)
    done = 0 if dry_run else await run.begin(source, format, mapping, import_id, keep_days)
    stream = iter(items)
    await asyncio.to_thread(_skip, stream, done)
    weight = CHUNK
    upcoming = asyncio.create_task(asyncio.to_thread(_chunk, stream, weight))
    try:
        while chunk := await upcoming:
            upcoming = asyncio.create_task(asyncio.to_thread(_chunk, stream, weight))
            done += len(chunk)
            began = time.monotonic()
            await run.take(chunk, done)
            weight = _next_weight(weight, time.monotonic() - began)
            if progress is not None:
                await progress(run.result.rows, total, run.result.rejected_rows)
    finally:
        if not upcoming.done():
            await asyncio.wait([upcoming])
        items.close()
    await run.finish()
    return run.result


def _chunk(stream: Iterator[Item], weight: int) -> list[Item]:
    """What comes next, by weight: a product of many variants is as much work as many products."""
    chunk: list[Item] = []
    for item in stream:
        chunk.append(item)
        weight -= max(1, len(item.variants) // 2) if isinstance(item, ParsedProduct) else 1
        if weight <= 0:
            break
    return chunk


def _next_weight(weight: int, took_s: float) -> int:
    """Transactions that state events stay well under two seconds, however busy the machine is."""
    if took_s > LONG_S:
        return max(1, weight // 2)
    return min(CHUNK, weight * 2) if took_s < LONG_S / 3 else weight


def _skip(stream: Iterator[Item], count: int) -> None:
    next(islice(stream, count, count), None)


def size_and_hash(source: Path) -> tuple[int, str]:
    """Bytes and SHA-256 (hexadecimal) of a file, or of all files of a folder by name."""
    size, digest = 0, hashlib.sha256()
    for path in sorted(source.iterdir()) if source.is_dir() else [source]:
        if path.is_file():
            with path.open("rb") as file:
                digest.update(path.name.encode() if source.is_dir() else b"")
                while block := file.read(1 << 20):
                    digest.update(block)
                    size += len(block)
    return size, digest.hexdigest()


class _Run:
    """One run of one import: its row, its counts, its categories."""

    def __init__(
        self,
        database: Database,
        brand_id: UUID,
        actor: Actor,
        *,
        dry_run: bool,
        hold: jobs.Hold | None,
    ) -> None:
        self._database, self._brand_id, self._actor = database, brand_id, actor
        self._dry_run, self._hold = dry_run, hold
        self._shelves = Shelves()
        self._pictures = 0
        self.result = ImportResult(rejected=[])

    @asynccontextmanager
    async def _writing(self) -> AsyncGenerator[asyncpg.Connection]:
        async with self._database.raw(self._brand_id) as connection:
            if self._hold is not None:
                await self._hold(connection)
            yield connection

    async def begin(
        self,
        source: Path | Handed,
        format: str,
        mapping: Mapping | None,
        import_id: UUID | None,
        keep_days: int,
    ) -> int:
        """Find or make the import's row; how many items of the stream are committed already."""
        assert import_id is not None or isinstance(source, Path), "what was handed in has its row"
        size, digest = 0, ""
        if isinstance(source, Path):
            size, digest = await asyncio.to_thread(size_and_hash, source)
        way = msgspec.json.encode(
            [] if mapping is None else [msgspec.to_builtins(mapping)]
        ).decode()
        async with self._writing() as connection:
            row = await connection.fetchrow(
                """select id, done_products, counts::text, finished_at from catalogue_imports
                   where case when $1::uuid is null then file_hash = $2 and format = $3 and mapping = $4::text::jsonb
                                   and finished_at is null and file_key is null and expired_at is null
                              else id = $1 end
                   order by created_at desc limit 1 for update""",
                import_id,
                digest,
                format,
                way,
            )
            if row is None:
                if not isinstance(source, Path):
                    raise NotFound(import_id=str(import_id))
                await self._note(connection, source, size, digest, (format, way), keep_days)
                return 0
            self.result.import_id = row["id"]
            if (
                row["finished_at"] is not None
            ):  # asked for again: begin at the front, nothing will change
                await self._begin_again(connection)
                return 0
            await self._remember(connection, row["counts"])
            return row["done_products"]

    async def _note(
        self,
        connection: asyncpg.Connection,
        source: Path,
        size: int,
        digest: str,
        reading: tuple[str, str],
        keep_days: int,
    ) -> None:
        """The row of a file from the command line; what is kept of its refused rows expires."""
        now, import_id = clock.now(), new_id()
        until = now + timedelta(days=keep_days)
        await connection.execute(
            """insert into catalogue_imports (id, filename, size_bytes, file_hash, format, mapping, created_at, expires_at)
               values ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8)""",
            import_id, source.name, size, digest, *reading, now, until,
        )  # fmt: skip
        await timers.put_on(connection, EXPIRES, [import_id], [until])
        self.result.import_id = import_id

    async def _begin_again(self, connection: asyncpg.Connection) -> None:
        await connection.execute(
            "delete from import_rejections where import_id = $1", self.result.import_id
        )
        await connection.execute(
            "update catalogue_imports set done_products = 0, counts = '{}', finished_at = null where id = $1",
            self.result.import_id,
        )

    async def _remember(self, connection: asyncpg.Connection, counts: str) -> None:
        """Counts and refusals of the chunks that an earlier run committed."""
        for name, value in msgspec.json.decode(counts, type=dict[str, int]).items():
            setattr(self.result, name, value)
        rows = await connection.fetch(
            f"""select line, "column", code, reason::text, value from import_rejections where import_id = $1
                order by position limit {SHOWN_REJECTIONS}""",
            self.result.import_id,
        )
        self.result.rejected = [
            RejectedOut(
                r["line"], r["column"], r["code"], msgspec.json.decode(r["reason"]), r["value"]
            )
            for r in rows
        ]

    async def take(self, chunk: list[Item], done: int) -> None:
        """Take a chunk in, with the progress in the same transaction."""
        products = [item for item in chunk if isinstance(item, ParsedProduct)]
        refused = [item for item in chunk if isinstance(item, Rejected)]
        try:
            async with self._writing() as connection:
                await connection.execute(
                    "select pg_advisory_xact_lock(hashtextextended('catalogue.import/' || $1, 0))",
                    str(self._brand_id),
                )
                taken = await take_in(connection, products, self._shelves, self._actor)
                self._count(products, [*refused, *taken.refused], taken)
                if self._dry_run:
                    raise _TrialOver  # noqa: TRY301 - the way out of a transaction that must not stay
                await self._keep(connection, [*refused, *taken.refused], done)
        except _TrialOver:
            self._shelves.forget()

    def _count(self, products: list[ParsedProduct], refused: list[Rejected], taken: Taken) -> None:
        result = self.result
        lines = {one.line for one in taken.refused}
        inside = [product for product in products if product.line not in lines]
        result.rows += sum(product.rows for product in products) + len(refused) - len(taken.refused)
        result.products += len(inside)
        result.variants += sum(len(product.variants) for product in inside)
        result.images += sum(len(product.images) for product in inside)
        result.updated += taken.updated
        result.unchanged += taken.unchanged
        result.rejected_rows += len(refused)
        result.rejected += [
            RejectedOut(r.line, r.column, r.code, r.reason, r.value)
            for r in refused[: max(0, SHOWN_REJECTIONS - len(result.rejected))]
        ]
        self._pictures += taken.pictures

    async def _keep(
        self, connection: asyncpg.Connection, refused: list[Rejected], done: int
    ) -> None:
        result = self.result
        counts = {
            name: getattr(result, name)
            for name in (
                "rows",
                "products",
                "variants",
                "images",
                "updated",
                "unchanged",
                "rejected_rows",
            )
        }
        await connection.execute(
            "update catalogue_imports set done_products = $2, counts = $3::text::jsonb where id = $1",
            result.import_id,
            done,
            msgspec.json.encode(counts).decode(),
        )
        first = result.rejected_rows - len(refused)
        room = max(0, KEPT_REJECTIONS - first)
        if kept := refused[:room]:
            await connection.execute(
                """insert into import_rejections (import_id, position, line, "column", code, reason, value)
                   select $1, $2 + n, line, col, code, reason::jsonb, value
                   from unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[])
                        with ordinality as r(line, col, code, reason, value, n)""",
                result.import_id,
                first,
                [one.line for one in kept],
                [one.column for one in kept],
                [one.code for one in kept],
                [msgspec.json.encode(one.reason).decode() for one in kept],
                [one.value for one in kept],
            )

    async def finish(self) -> None:
        """Close the import's row, and ask for the pictures."""
        if self._dry_run:
            return
        async with self._database.brand(self._brand_id, actor=self._actor) as session:
            if self._hold is not None:
                await self._hold(await driver_of(session))
            await ask_for_pictures(session)
        async with self._writing() as connection:
            await connection.execute(
                "update catalogue_imports set finished_at = $2 where id = $1",
                self.result.import_id,
                clock.now(),
            )


def csv_safe(text: str) -> str:
    """A cell that a spreadsheet will not take for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


async def report_csv(database: Database, brand_id: UUID, import_id: UUID) -> bytes:
    """All refused rows of an import (up to 50,000) as ``rejected_csv``."""
    async with database.raw(brand_id) as connection:
        rows = await connection.fetch(
            """select line, "column", code, reason::text, value from import_rejections
               where import_id = $1 order by position""",
            import_id,
        )
    refused = [
        RejectedOut(r["line"], r["column"], r["code"], msgspec.json.decode(r["reason"]), r["value"])
        for r in rows
    ]
    return await asyncio.to_thread(rejected_csv, refused)


def rejected_csv(refused: Sequence[RejectedOut]) -> bytes:
    """Refused rows as CSV (UTF-8 with a mark, as Excel likes it); no cell is taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["行 line", "列 column", "代码 code", "原因", "reason", "内容 value"])
    for one in refused:
        cells = [
            one.column,
            one.code,
            one.reason.get("zh-CN", ""),
            one.reason.get("en", ""),
            one.value,
        ]
        writer.writerow([one.line, *(csv_safe(cell) for cell in cells)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()
