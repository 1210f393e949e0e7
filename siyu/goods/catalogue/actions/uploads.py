"""Imports as the console makes them: a file handed in, looked at, read in some way, and started as a job."""

import asyncio
import hashlib
from datetime import timedelta
from itertools import islice
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.catalogue.actions.expiring import UNCLAIMED, file_key
from siyu.goods.catalogue.actions.importing import EXPIRES, RejectedOut
from siyu.goods.catalogue.actions.intake import standing
from siyu.goods.catalogue.importing import (
    Handed,
    Mapping,
    ParsedProduct,
    Rejected,
    detect,
    open_table,
    parse,
    suggest_mapping,
)
from siyu.goods.catalogue.importing.parsed import ImportRefused
from siyu.goods.catalogue.tables import CatalogueImportRow, ImportMappingRow
from siyu.kernel import clock, jobs, timers
from siyu.kernel.db import Database, brand_of, driver_of
from siyu.kernel.errors import NotFound, Refusal
from siyu.kernel.files import Files
from siyu.kernel.ids import new_id
from siyu.kernel.leases import taking_time

MAX_UPLOAD_BYTES = 60_000_000
READING_S = 60.0
"""How long looking through a large file may take while the request's transaction waits."""
SHOWN_PRODUCTS, LOOKED_AT = 20, 500


class MappingField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of a product: from a column, or the same for every row.

    Besides the fields of a product there are ``money`` (constant ``yuan`` or ``fen``) and ``splitter``.
    """

    target: str
    column: str | None = None
    constant: str | None = None


class ProductSeen(msgspec.Struct, frozen=True):
    """A product of the file, and what taking it in would do."""

    handle: str
    title: dict[str, str]
    variants: int
    price_min_minor: int
    price_max_minor: int
    change: Literal["new", "updated", "unchanged"]


class ImportPreviewOut(msgspec.Struct, frozen=True):
    """The beginning of a file as it would be read."""

    products: list[ProductSeen]
    rejected: list[RejectedOut]
    rows_read: int


class ImportStarted(Refusal):
    """The import has been started already; ``facts``: job_id."""

    code = "catalogue.import_started"
    detail = "This import has been started already. Upload the file again to import it once more."


class ImportExpired(Refusal):
    """The file has been deleted after its time; ``facts``: expired_at."""

    code = "catalogue.import_expired"
    status = 410
    detail = "The file has expired and was deleted. Upload it again."


def mapping_of(fields: list[MappingField]) -> Mapping | None:
    """The mapping that fields say; nothing for none. Raises ``ImportRefused``."""
    if not fields:
        return None
    columns = {
        one.target: one.column
        for one in fields
        if one.column and one.target not in ("money", "splitter")
    }
    constants = {one.target: one.constant or "" for one in fields if not one.column}
    money, splitter = constants.pop("money", "yuan"), constants.pop("splitter", "")
    if money not in ("yuan", "fen"):
        raise ImportRefused("bad_mapping", found=f"money = {money}")
    mapping = Mapping(
        columns=columns,
        constants=constants,
        money="fen" if money == "fen" else "yuan",
        splitter=splitter[:10],
    )
    mapping.check_targets()
    return mapping


def fields_of(mapping: Mapping) -> list[MappingField]:
    """A mapping as fields, those with columns first."""
    fields = [MappingField(target, column, None) for target, column in mapping.columns.items()]
    fields += [
        MappingField(target, None, constant) for target, constant in mapping.constants.items()
    ]
    if mapping.money != "yuan":
        fields.append(MappingField("money", None, mapping.money))
    if mapping.splitter:
        fields.append(MappingField("splitter", None, mapping.splitter))
    return fields


async def take_upload(
    session: AsyncSession,
    database: Database,
    files: Files,
    filename: str,
    content: bytes,
    keep_days: int,
) -> CatalogueImportRow:
    """Keep a file of products and look at it: its format, header, first rows, and a suggested mapping.

    It is kept sealed, and for so many days. A file whose row does not come to be is deleted within ``UNCLAIMED``.

    Raises ``ImportRefused`` when it is not a table that can be read, or has no rows.
    """
    name = filename.replace("\\", "/").rpartition("/")[2][:200] or "products.csv"
    async with taking_time(session, READING_S):
        table = await asyncio.to_thread(open_table, content, name)
        await asyncio.to_thread(table.check_rows)
    row = CatalogueImportRow(
        id=new_id(),
        filename=name,
        size_bytes=len(content),
        file_hash=hashlib.sha256(content).hexdigest(),
        format=detect(table.header),
        header=list(table.header),
        sample=[[cell[:200] for cell in cells] for cells in await asyncio.to_thread(table.sample)],
        mapping=msgspec.to_builtins(fields_of(suggest_mapping(table.header))),
    )
    row.created_at = clock.now()
    row.expires_at = until = row.created_at + timedelta(days=keep_days)
    brand_id = brand_of(session)
    # Committed before the file is there: should this session roll back, somebody still comes for the file.
    async with database.raw(brand_id) as connection:
        await timers.put_on(connection, EXPIRES, [row.id], [row.created_at + UNCLAIMED])
    row.file_key = key = file_key(brand_id, row.id)
    await files.put(key, content)
    await timers.put(session, EXPIRES, row.id, until)
    session.add(row)
    await session.flush()
    return row


async def one_import(session: AsyncSession, import_id: UUID) -> CatalogueImportRow:
    """An import of the console. Raises ``NotFound``."""
    row = await session.get(CatalogueImportRow, (brand_of(session), import_id))
    if row is None:
        raise NotFound(import_id=str(import_id))
    return row


async def page_of_imports(
    session: AsyncSession, before: tuple[Any, UUID] | None, limit: int
) -> list[CatalogueImportRow]:
    """Imports, newest first."""
    wanted = select(CatalogueImportRow).order_by(
        CatalogueImportRow.created_at.desc(), CatalogueImportRow.id.desc()
    )
    if before is not None:
        at, import_id = before
        older = (CatalogueImportRow.created_at < at) | (
            (CatalogueImportRow.created_at == at) & (CatalogueImportRow.id < import_id)
        )
        wanted = wanted.where(older)
    return list(await session.scalars(wanted.limit(limit)))


def key_of(row: CatalogueImportRow) -> str:
    """Where the import's file lies. Raises ``ImportExpired``, ``NotFound``."""
    if row.expired_at is not None:
        raise ImportExpired(expired_at=row.expired_at.isoformat())
    if row.file_key is None:
        raise NotFound(import_id=str(row.id))
    return row.file_key


async def preview(
    session: AsyncSession,
    files: Files,
    import_id: UUID,
    format: str,
    fields: list[MappingField],
) -> ImportPreviewOut:
    """The first products and refusals of a file as it would be read now. Nothing is kept.

    Raises ``ImportRefused``, ``ImportExpired``, ``NotFound``.
    """
    row = await one_import(session, import_id)
    mapping = mapping_of(fields) if format == "table" else None
    async with taking_time(session, READING_S), files.local(key_of(row)) as file:
        items = await asyncio.to_thread(_first_items, file, row.filename, format, mapping)
    products = [item for item in items if isinstance(item, ParsedProduct)]
    refused = [item for item in items if isinstance(item, Rejected)]
    connection: asyncpg.Connection = await driver_of(session)
    shown = products[:SHOWN_PRODUCTS]
    known = await standing(connection, shown)
    return ImportPreviewOut(
        [_seen(product, known.get(product.handle)) for product in shown],
        [RejectedOut(r.line, r.column, r.code, r.reason, r.value) for r in refused[:50]],
        sum(product.rows for product in products) + len(refused),
    )


def _first_items(
    file: Handed, filename: str, format: str, mapping: Mapping | None
) -> list[ParsedProduct | Rejected]:
    items = parse(open_table(file, filename), format, mapping)
    try:
        return list(islice(items, LOOKED_AT))
    finally:
        items.close()


def _seen(product: ParsedProduct, known: tuple[UUID, str | None] | None) -> ProductSeen:
    prices = [variant.price_minor for variant in product.variants]
    change = (
        "new" if known is None else "unchanged" if known[1] == product.fingerprint else "updated"
    )
    return ProductSeen(product.handle, product.title, len(prices), min(prices), max(prices), change)


async def start_import(
    session: AsyncSession,
    import_id: UUID,
    format: str,
    fields: list[MappingField],
    save_mapping_as: str | None,
) -> UUID:
    """Let a worker take the file in; the job's id.

    Refusals: ``ImportStarted``, ``ImportRefused``, ``ImportExpired``, ``NotFound``.
    """
    row = await session.get(
        CatalogueImportRow, (brand_of(session), import_id), with_for_update=True
    )  # of two clicks the second waits here, and sees the job of the first
    if row is None:
        raise NotFound(import_id=str(import_id))
    key_of(row)
    if row.job_id is not None:
        raise ImportStarted(job_id=str(row.job_id))
    mapping = mapping_of(fields) if format == "table" else None
    if mapping is not None:
        mapping.check_against(row.header)
    row.format = format
    row.mapping = msgspec.to_builtins(fields)
    title = {"zh-CN": f"导入商品：{row.filename}", "en": f"Import products: {row.filename}"}
    job_id = await jobs.start(session, "catalogue.import", {"import_id": str(row.id)}, title)
    row.job_id = job_id
    if save_mapping_as:
        await save_mapping(session, save_mapping_as, fields)
    await session.flush()
    return job_id


async def save_mapping(session: AsyncSession, name: str, fields: list[MappingField]) -> None:
    """Keep a mapping under a name, in place of an earlier one of that name."""
    await session.merge(
        ImportMappingRow(
            brand_id=brand_of(session),
            name=name.strip()[:80],
            mapping=msgspec.to_builtins(fields),
            saved_at=clock.now(),
        )
    )


async def mappings(session: AsyncSession) -> list[ImportMappingRow]:
    """Saved mappings, the latest first."""
    return list(
        await session.scalars(
            select(ImportMappingRow).order_by(ImportMappingRow.saved_at.desc()).limit(100)
        )
    )
