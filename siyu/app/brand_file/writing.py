"""Writing a brand into one encrypted file, as of one moment."""

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, cast
from uuid import UUID

import asyncpg
import zstandard

from siyu.app.brand_file.shape import (
    MAGIC,
    SALT,
    Moved,
    PutAway,
    StillMoving,
    Writer,
    columns_of,
    key_of,
    schema_name,
    tables_in_order,
)
from siyu.kernel import vault
from siyu.kernel.events import behind_on, listeners
from siyu.kernel.sealing import Sealing
from siyu.people import staff

Say = Callable[[str, int, int | None], None]
"""Called with the part, how many of it are done and how many there are (``None``: unknown)."""


async def export_brand(
    runtime: Any, slug: str, brand_id: UUID, path: Path, passphrase: str, say: Say = lambda *_: None
) -> Moved:
    """Write a brand as of one moment into a new file. Raises ``StillMoving``, ``PutAway``, ``FileExistsError``."""
    rows: dict[str, int] = {}
    # A name of its own: what a killed export left is in nobody's way.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.draft")
    if path.exists():  # noqa: ASYNC240  # a look at one name
        raise FileExistsError(17, "exists already; choose another name", str(path))
    try:
        with draft.open("xb") as file:
            salt = os.urandom(SALT)
            file.write(MAGIC + salt)
            sealing = Sealing(file, key_of(passphrase, salt), "brand")
            packer = zstandard.ZstdCompressor(level=3)
            with packer.stream_writer(cast("IO[bytes]", sealing), closefd=False) as stream:
                out = Writer(cast("IO[bytes]", stream))
                files = await _write(runtime, slug, brand_id, out, rows, say)
            sealing.close()
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return Moved(brand_id, slug, rows, files)


async def _write(
    runtime: Any, slug: str, brand_id: UUID, out: Writer, rows: dict[str, int], say: Say
) -> int:
    connection = await asyncpg.connect(runtime.urls.app)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            bare = cast("Any", connection)  # the stubs do not know its COPY
            await connection.execute("select set_config('siyu.brand', $1, true)", str(brand_id))
            await _check_still(connection)
            out.head(part="brand", slug=slug, brand_id=str(brand_id), schema=schema_name())
            out.end()
            tables = tables_in_order()
            for at, table in enumerate(tables):
                say(str(table.name), at, len(tables))
                columns = columns_of(table)
                out.head(part="table", name=str(table.name), columns=columns)
                names = ", ".join(f'"{name}"' for name in columns)
                keys = ", ".join(
                    f'"{column.name}"' for column in table.primary_key if column.name in columns
                )
                done: str = await bare.copy_from_query(
                    f'select {names} from "{table.name}" order by {keys}',
                    output=out.keep,
                    format="binary",
                )
                out.end()
                rows[str(table.name)] = int(done.rsplit(maxsplit=1)[-1])
            say("people's keys", 0, None)
            await _write_secrets(runtime, connection, brand_id, out)
    finally:
        await connection.close()
    await _write_behaviour(runtime, brand_id, out, say)
    files = 0
    async for key in runtime.files.keys(f"{brand_id}/"):
        say("files", files, None)
        out.head(part="file", key=key)
        async for piece in runtime.files.stream(key):
            out.piece(piece)
        out.end()
        files += 1
    out.head(part="end", rows=rows, files=files)
    out.end()
    return files


async def _write_secrets(runtime: Any, connection: Any, brand_id: UUID, out: Writer) -> None:
    """What the other house cannot open or prove, because it has secrets of its own."""
    out.head(part="keys")
    async for piece in vault.carried(connection, brand_id):
        out.piece(piece)
    out.end()
    out.head(part="second_steps")
    async for piece in staff.carried_second_steps(connection, brand_id, runtime.secret):
        out.piece(piece)
    out.end()
    out.head(part="audit")
    out.piece(await staff.carried_audit_chain(connection, runtime.secret))
    out.end()


async def _check_still(connection: Any) -> None:
    if await connection.fetchval("select exists (select from event_archives)"):
        raise PutAway
    begun = {
        row["listener"] for row in await connection.fetch("select listener from event_cursors")
    }
    for name in listeners:
        if name not in begun:
            raise StillMoving(listener=name)
    for one in await behind_on(connection):
        if one.events or one.parked:
            raise StillMoving(listener=one.listener)
    if await connection.fetchval("select exists (select from tracking_spool)"):
        raise StillMoving(listener="tracking")


ROWS = 5_000
"""Rows of behaviour in a part, about: both houses hold one part in memory."""
_DAYS = """
SELECT toString(toDate(at)) AS day, toUInt32(count()) AS count FROM behaviour WHERE brand = {brand:UUID}
GROUP BY day ORDER BY day
"""
# By the day on which it happened, which the table is ordered by; many of one day are dealt out by their ids.
_SOME = """
SELECT * FROM behaviour FINAL WHERE brand = {brand:UUID} AND toDate(at) >= toDate({first:String})
AND toDate(at) <= toDate({last:String}) AND cityHash64(message_id) % {parts:UInt32} = {part:UInt32} FORMAT Native
"""


async def _write_behaviour(runtime: Any, brand_id: UUID, out: Writer, say: Say) -> None:
    warehouse = runtime.parts["warehouse"]
    days = [(row["day"], row["count"]) for row in await warehouse.ask(brand_id, _DAYS)]
    pieces = spans(days)
    for at, (first, last, parts) in enumerate(pieces):
        say("days of visits", at, len(pieces))
        for part in range(parts):
            out.head(part="behaviour", first=first, last=last)
            out.piece(
                await warehouse.read(
                    _SOME, brand=brand_id, first=first, last=last, parts=parts, part=part
                )
            )
            out.end()


def spans(days: Sequence[tuple[str, int]], most: int = ROWS) -> list[tuple[str, str, int]]:
    """Days in order, with their rows, as spans of ``most`` rows at most; a day with more is one span in several parts."""
    out: list[tuple[str, str, int]] = []
    room = 0
    for day, count in days:
        if count <= room:
            out[-1] = (out[-1][0], day, 1)
            room -= count
        else:
            out.append((day, day, max(1, -(-count // most))))
            room = max(0, most - count)
    return out
