"""The archive: closed stretches of the log as Parquet files of one brand each, written once and read again in pages.

pyarrow is loaded when a file is written or read, in a thread: a process that never does either does not pay for it
(ADR 5). Files are named ``{brand_id}/events/{first day}_{last day}_{hi}_{part}.parquet`` and lie in ``Files``.
"""

import asyncio
import hashlib
import io
from collections import OrderedDict
from collections.abc import Sequence
from importlib import import_module
from typing import Any
from uuid import UUID

from asyncpg import Connection

from siyu.kernel import clock
from siyu.kernel.db import Database
from siyu.kernel.errors import Refusal
from siyu.kernel.events.listening import Listener
from siyu.kernel.files import Files

PART = 50_000
"""Events in a file at most; with the usual size of an event about 4 MB."""
_GROUP = 2_500
_READ = 5_000
_COLUMNS = (
    "seq",
    "xid",
    "id",
    "kind",
    "subject",
    "occurred_at",
    "recorded_at",
    "origin",
    "actor",
    "data",
)
_ROWS = """
select seq, xid::text::bigint as xid, id, kind, subject, occurred_at, recorded_at, origin, actor::text as actor, data::text as data
from events where xid >= $1::text::xid8 and xid < $2::text::xid8 and seq > $3 order by seq limit $4
"""
_PARTS = """
select key, sha256, first_seq from event_archives
where hi > $1::text::xid8 and lo < $2::text::xid8 and last_seq > $3 order by first_seq
"""
_KEEP = """
insert into event_archives (hi, part, lo, first_seq, last_seq, events, first_at, last_at, key, bytes, sha256, archived_at)
values ($1::text::xid8, $2, $3::text::xid8, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_HAS = (
    "select exists (select from event_archives where hi = $1::text::xid8 and lo = $2::text::xid8)"
)


class ArchiveBroken(Refusal):
    """A file of the archive is not what was written."""

    code = "events.archive_broken"
    status = 503
    detail = (
        "A file of the event log's archive differs from what was written. Restore it from a backup."
    )


async def archive(database: Database, files: Files, brand_id: UUID, lo: int, hi: int) -> int:
    """Write a brand's events of a closed stretch into files, read them again, then say so in one transaction.

    Events written; 0 when it had been done. Killed half way it is done again and replaces the same files.
    """
    async with database.raw(brand_id) as connection:
        if await connection.fetchval(_HAS, str(hi), str(lo)):
            return 0
    after, kept = 0, list[tuple[Any, ...]]()
    while rows := await _part(database, brand_id, lo, hi, after):
        first, last = rows[0], rows[-1]
        after = last["seq"]
        days = f"{min(r['recorded_at'] for r in rows):%Y-%m-%d}_{max(r['recorded_at'] for r in rows):%Y-%m-%d}"
        key = f"{brand_id}/events/{days}_{hi}_{len(kept):04}.parquet"
        content = await asyncio.to_thread(_written, rows)
        await files.put(key, content)
        digest = hashlib.sha256(content).hexdigest()
        if hashlib.sha256(await files.get(key)).hexdigest() != digest:
            raise ArchiveBroken(key=key)
        kept.append(
            (
                str(hi), len(kept), str(lo), first["seq"], after, len(rows), min(r["recorded_at"] for r in rows),
                max(r["recorded_at"] for r in rows), key, len(content), digest, clock.now(),
            )
        )  # fmt: skip
    async with database.raw(brand_id) as connection:
        if await connection.fetchval(_HAS, str(hi), str(lo)):
            return 0
        await connection.executemany(_KEEP, kept)
    return sum(row[5] for row in kept)


async def _part(database: Database, brand_id: UUID, lo: int, hi: int, after: int) -> list[Any]:
    rows: list[Any] = []
    while len(rows) < PART:
        async with database.raw(brand_id) as connection:
            await connection.execute("set local statement_timeout = '60s'")
            some = await connection.fetch(
                _ROWS, str(lo), str(hi), after, min(_READ, PART - len(rows))
            )
        if not some:
            break
        rows += some
        after = some[-1]["seq"]
    return rows


def _arrow() -> tuple[Any, Any]:
    return import_module("pyarrow"), import_module("pyarrow.parquet")


def _written(rows: Sequence[Any]) -> bytes:
    pa, pq = _arrow()
    stamp = pa.timestamp("us", tz="UTC")
    types = (
        pa.int64(),
        pa.int64(),
        pa.string(),
        pa.string(),
        pa.string(),
        stamp,
        stamp,
        *[pa.string()] * 3,
    )
    schema = pa.schema(list(zip(_COLUMNS, types, strict=True)))
    columns = [
        [str(row[name]) if name in ("id", "subject") else row[name] for row in rows]
        for name in _COLUMNS
    ]
    arrays = [pa.array(column, type=kind) for column, kind in zip(columns, types, strict=True)]
    sink = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=schema), sink, compression="zstd", row_group_size=_GROUP
    )
    return sink.getvalue()


_files_kept = 2
_kept: OrderedDict[str, bytes] = OrderedDict()


async def archived_page(
    driver: Connection,
    files: Files | None,
    window: tuple[int, int, int],
    listener: Listener,
    *,
    beside: Sequence[Any],
) -> list[Any]:
    """A page of a window ``(lo, hi, seq)`` from archive and table together, by ``seq``, each event once.

    ``beside``: the page of the table alone. Raises ``ArchiveBroken``; needs ``files`` if there are any for the window.
    """
    lo, hi, after = window
    found = {row["seq"]: row for row in beside}
    for part in await driver.fetch(_PARTS, str(lo), str(hi), after):
        known = sorted(found)[: listener.page]
        if len(known) == listener.page and known[-1] < part["first_seq"]:
            break
        assert files is not None, "this window was archived: whoever reads it needs the files"
        content = await _content(files, part["key"], part["sha256"])
        rows = await asyncio.to_thread(_read, content, window, listener)
        found |= {row["seq"]: row for row in rows}
    return [found[seq] for seq in sorted(found)[: listener.page]]


async def _content(files: Files, key: str, sha256: str) -> bytes:
    if key not in _kept:
        content = await files.get(key)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ArchiveBroken(key=key)
        _kept[key] = content
        while len(_kept) > _files_kept:
            _kept.popitem(last=False)
    return _kept[key]


def _read(content: bytes, window: tuple[int, int, int], listener: Listener) -> list[dict[str, Any]]:
    pa, pq = _arrow()
    lo, hi, after = window
    file = pq.ParquetFile(pa.BufferReader(content))
    rows: list[dict[str, Any]] = []
    for group in range(file.num_row_groups):
        if file.metadata.row_group(group).column(0).statistics.max <= after:
            continue
        for row in file.read_row_group(group).to_pylist():
            heard = row["kind"] in listener.kinds and (listener.history or row["origin"] == "live")
            if heard and row["seq"] > after and lo <= row["xid"] < hi:
                rows.append(row | {"id": UUID(row["id"]), "subject": UUID(row["subject"])})
        if len(rows) >= listener.page:
            break
    return rows[: listener.page]
