"""The console's doors to imports: hand in a file, look at it, read it some way, start."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, MultipartBody, QueryParameter
from msgspec import Meta
from sqlalchemy import select

from siyu.goods.catalogue.actions import uploads
from siyu.goods.catalogue.actions.uploads import MAX_UPLOAD_BYTES, ImportPreviewOut, MappingField
from siyu.goods.catalogue.importing import ImportRefused
from siyu.goods.catalogue.tables import CatalogueImportRow
from siyu.kernel import jobs
from siyu.kernel.http import JobOut, decode_cursor, encode_cursor
from siyu.people.staff import Desk

Format = Literal["shopify", "siyu", "litemall", "table"]
Size = Annotated[int, QueryParameter(ge=1, le=100)]
Cell = Annotated[str, Meta(max_length=500)]


class ImportOut(msgspec.Struct):
    """A file that was handed in.

    ``expires_at``: when it will be deleted; ``expired_at``: when it was, with its ``sample`` and the report.
    """

    id: UUID
    filename: str
    bytes: int
    format: str
    header: list[str]
    sample: list[list[str]]
    mapping: list[MappingField]
    job: JobOut | None
    created_at: datetime
    expires_at: datetime | None
    expired_at: datetime | None


class ImportPage(msgspec.Struct):
    items: list[ImportOut]
    next: str | None


class TableIn(msgspec.Struct):
    file: UploadFile


class PreviewIn(msgspec.Struct, forbid_unknown_fields=True):
    format: Format
    mapping: Annotated[list[MappingField], Meta(max_length=200)] = []


class StartIn(msgspec.Struct, forbid_unknown_fields=True):
    format: Format
    mapping: Annotated[list[MappingField], Meta(max_length=200)] = []
    save_mapping_as: Annotated[str, Meta(max_length=80)] | None = None


class SavedMapping(msgspec.Struct):
    name: str
    mapping: list[MappingField]


class SavedMappings(msgspec.Struct):
    items: list[SavedMapping]


async def _shown(desk: Desk, rows: list[CatalogueImportRow]) -> list[ImportOut]:
    """Imports with their jobs, in two round trips."""
    ids = [row.job_id for row in rows if row.job_id]
    by_id: dict[UUID, JobOut] = {}
    if ids:
        found = await desk.session.scalars(select(jobs.JobRow).where(jobs.JobRow.id.in_(ids)))
        by_id = {job.id: JobOut.of(job) for job in found}
    return [
        ImportOut(
            row.id,
            row.filename,
            row.size_bytes,
            row.format,
            row.header,
            row.sample,
            msgspec.convert([one for one in row.mapping if "target" in one], list[MappingField]),
            by_id.get(row.job_id) if row.job_id else None,
            row.created_at,
            row.expires_at,
            row.expired_at,
        )
        for row in rows
    ]


@post("/imports", tags=["imports"])
async def post_import(desk: NamedDependency[Desk], data: MultipartBody[TableIn]) -> ImportOut:
    """Hand in a table of products: CSV or XLSX, gzipped or not, up to 60 MB. Refusals: catalogue.import_refused."""
    desk.require("products.import")
    content = await data.file.read(MAX_UPLOAD_BYTES + 1)
    if len(content) > MAX_UPLOAD_BYTES:
        raise ImportRefused("too_big", limit=MAX_UPLOAD_BYTES)
    row = await uploads.take_upload(
        desk.session,
        desk.runtime.database,
        desk.runtime.files,
        data.file.filename,
        content,
        desk.runtime.settings.import_files_keep_days,
    )
    await desk.audit(
        "import.uploaded", subject_kind="import", subject_id=row.id, label=row.filename
    )
    return (await _shown(desk, [row]))[0]


@get("/imports", tags=["imports"])
async def list_imports(
    desk: NamedDependency[Desk], cursor: FromQuery[str | None] = None, limit: Size = 20
) -> ImportPage:
    """Imports, newest first."""
    desk.require("products.import")
    before = decode_cursor(cursor, datetime, UUID)
    rows = await uploads.page_of_imports(desk.session, before, limit + 1)  # pyright: ignore[reportArgumentType]
    following = (
        encode_cursor((rows[limit - 1].created_at, rows[limit - 1].id))
        if len(rows) > limit
        else None
    )
    return ImportPage(await _shown(desk, rows[:limit]), following)


@get("/imports/mappings", tags=["imports"])
async def list_mappings(desk: NamedDependency[Desk]) -> SavedMappings:
    """Saved mappings, the latest first."""
    desk.require("products.import")
    rows = await uploads.mappings(desk.session)
    return SavedMappings(
        [SavedMapping(row.name, msgspec.convert(row.mapping, list[MappingField])) for row in rows]
    )


@get("/imports/{import_id:uuid}", tags=["imports"])
async def show_import(desk: NamedDependency[Desk], import_id: FromPath[UUID]) -> ImportOut:
    """One import with its job."""
    desk.require("products.import")
    return (await _shown(desk, [await uploads.one_import(desk.session, import_id)]))[0]


@post("/imports/{import_id:uuid}/preview", tags=["imports"], status_code=200)
async def preview_import(
    desk: NamedDependency[Desk], import_id: FromPath[UUID], data: JSONBody[PreviewIn]
) -> ImportPreviewOut:
    """The first products and refusals as the file would be read now; nothing is kept.

    Refusals: catalogue.import_refused, catalogue.import_expired.
    """
    desk.require("products.import")
    return await uploads.preview(
        desk.session, desk.runtime.files, import_id, data.format, data.mapping
    )


@post("/imports/{import_id:uuid}/start", tags=["imports"], status_code=202)
async def start_import(
    desk: NamedDependency[Desk], import_id: FromPath[UUID], data: JSONBody[StartIn]
) -> JobOut:
    """Take the file in, as a job.

    Refusals: catalogue.import_started, catalogue.import_refused, catalogue.import_expired.
    """
    desk.require("products.import")
    job_id = await uploads.start_import(
        desk.session, import_id, data.format, data.mapping, data.save_mapping_as
    )
    row = await jobs.one(desk.session, job_id)
    await desk.audit(
        "import.started",
        subject_kind="import",
        subject_id=import_id,
        label=row.title.get("zh-CN", ""),
    )
    return JobOut.of(row)


console_routes = [
    post_import,
    list_imports,
    list_mappings,
    show_import,
    preview_import,
    start_import,
]
