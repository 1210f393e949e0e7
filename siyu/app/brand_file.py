"""A whole brand in one encrypted file: written from one house, read into another, with its ids.

``SIYUBRAND1`` · salt · sealed and compressed parts. A part is a head (JSON, its length in front) and pieces, each with
its length, ended by an empty one. The last part says that nothing is missing. Memory holds a piece at a time, and of
files and days of behaviour one.
"""

import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast
from uuid import UUID

import asyncpg
import msgspec
import zstandard
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from sqlalchemy.sql.functions import next_value

import siyu.app.tables  # noqa: F401
from siyu.app.backup.content import behaviour_by_days
from siyu.insight.warehouse import rebuild
from siyu.kernel import vault
from siyu.kernel.db import Base
from siyu.kernel.errors import Refusal
from siyu.kernel.events import behind_on, listeners
from siyu.kernel.sealing import Sealing, Unreadable, Unsealed

Say = Callable[[str, int, int | None], None]
"""Called with the part, how many of it are done and how many there are (``None``: unknown)."""
MAGIC, SALT, PIECE = b"SIYUBRAND1", 16, 1 << 18
OF_THE_HOUSE = frozenset(["event_cursors", "event_archives", "parked_events", "staff_sessions", "vault_keys", "slow_statements"])  # fmt: skip
"""What belongs to the place: where listeners stand, who is signed in, and the wrapping of people's keys (they go bare)."""


class NotWhole(Refusal):
    """The file was damaged or cut off, or the passphrase is another one; ``facts``: file."""

    code = "brand_file.unreadable"
    status = 422
    detail = "This file cannot be read: the passphrase is another one, or it was damaged. Nothing was taken over."


class StillMoving(Refusal):
    """Events of the brand are not heard by everybody yet, or are parked; ``facts``: listener."""

    code = "brand_file.still_moving"
    detail = "Not every event of the brand has been heard. Let the worker catch up, see to what is parked, and try again."


class PutAway(Refusal):
    """Old events of the brand lie in archive files, which another house cannot go on with."""

    code = "brand_file.events_put_away"
    detail = "Old events of this brand were put away into files, and such a brand cannot be moved with this version."


class Taken(Refusal):
    """The house has this brand, or one of its names, already; ``facts``: kind, key."""

    code = "brand_file.taken"
    detail = "This house already has the brand, or one of its names. Nothing was taken over."


class OtherSchema(Refusal):
    """The file was written by another version of siyu; ``facts``: written_by, this."""

    code = "brand_file.other_version"
    status = 422
    detail = "The file was written by another version. Bring both houses to the same version and export again."


class Moved(msgspec.Struct, frozen=True):
    """What went over."""

    brand_id: UUID
    slug: str
    rows: dict[str, int]
    files: int


def _order() -> list[Any]:
    """Tables from those that point nowhere up, so that what a row points at is there before it."""
    return [table for table in Base.metadata.sorted_tables if table.name not in OF_THE_HOUSE]


def _columns(table: Any) -> list[str]:
    return [
        str(column.name)
        for column in table.columns
        if (table.name, column.name) != ("events", "xid")
    ]


class _Writer:
    """Parts into a sealed stream."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def head(self, **facts: Any) -> None:
        self.piece(msgspec.json.encode(facts))

    def piece(self, content: bytes) -> None:
        for at in range(0, len(content), PIECE):
            some = content[at : at + PIECE]
            self._stream.write(len(some).to_bytes(4, "big") + some)

    async def keep(self, content: bytes) -> None:
        """``piece`` as COPY hands it over."""
        self.piece(content)

    def end(self) -> None:
        self._stream.write(bytes(4))


async def export_brand(
    runtime: Any, slug: str, brand_id: UUID, path: Path, passphrase: str, say: Say = lambda *_: None
) -> Moved:
    """Write a brand as of one moment into a new file. Raises ``StillMoving``, ``PutAway``, ``FileExistsError``."""
    rows: dict[str, int] = {}
    draft = path.with_name(
        f".{path.name}.{secrets.token_hex(4)}.draft"
    )  # what a killed export left is in nobody's way
    if path.exists():  # noqa: ASYNC240  # a look at one name
        raise FileExistsError(17, "exists already; choose another name", str(path))
    try:
        with draft.open("xb") as file:
            salt = os.urandom(SALT)
            file.write(MAGIC + salt)
            sealing = Sealing(file, _key(passphrase, salt), "brand")
            packer = zstandard.ZstdCompressor(level=3)
            with packer.stream_writer(cast("IO[bytes]", sealing), closefd=False) as stream:
                out = _Writer(cast("IO[bytes]", stream))
                files = await _write(runtime, slug, brand_id, out, rows, say)
            sealing.close()
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return Moved(brand_id, slug, rows, files)


async def _write(
    runtime: Any, slug: str, brand_id: UUID, out: _Writer, rows: dict[str, int], say: Say
) -> int:
    connection = await asyncpg.connect(runtime.urls.app)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            bare = cast("Any", connection)  # the stubs do not know its COPY
            await connection.execute("select set_config('siyu.brand', $1, true)", str(brand_id))
            await _check_still(connection)
            out.head(part="brand", slug=slug, brand_id=str(brand_id), schema=_schema())
            out.end()
            tables = _order()
            for at, table in enumerate(tables):
                say(str(table.name), at, len(tables))
                columns = _columns(table)
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
            out.head(part="keys")
            say("people's keys", 0, None)
            async for piece in vault.carried(connection, brand_id):
                out.piece(piece)
            out.end()
    finally:
        await connection.close()
    async for bucket, content, at, days in behaviour_by_days(runtime.parts["warehouse"], brand_id):
        say("days of visits", at, days)
        out.head(part="behaviour", bucket=bucket)
        out.piece(content)
        out.end()
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


def _schema() -> str:
    """A name of what the tables look like: only between equal ones rows go over."""
    told = [[str(table.name), _columns(table)] for table in _order()]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]


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


class _Reader:
    """Parts from a sealed stream. Raises ``NotWhole``."""

    def __init__(self, stream: Any, path: Path) -> None:
        self._stream, self._path = stream, path

    def _exactly(self, size: int) -> bytes:
        held = bytearray()
        while len(held) < size:
            some = self._stream.read(size - len(held))
            if not some:
                raise NotWhole(file=str(self._path))
            held += some
        return bytes(held)

    def head(self) -> dict[str, Any]:
        """What the next part is; its pieces follow."""
        return msgspec.json.decode(next(self.pieces(), b"{}"))

    def pieces(self) -> Iterator[bytes]:
        while size := int.from_bytes(self._exactly(4), "big"):
            yield self._exactly(size)

    async def stream(self) -> AsyncIterator[bytes]:
        for piece in self.pieces():
            yield piece


async def import_brand(runtime: Any, path: Path, passphrase: str) -> Moved:
    """Take a brand over from a file: all of it or nothing, besides files, which nobody sees before.

    Raises ``NotWhole``, ``Taken``, ``OtherSchema``.
    """
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise NotWhole(file=str(path))
        salt = file.read(SALT)
        try:
            with Unsealed(
                cast("IO[bytes]", _From(file, len(MAGIC) + SALT)), _key(passphrase, salt), "brand"
            ) as content:
                unpacked = zstandard.ZstdDecompressor().stream_reader(cast("IO[bytes]", content))
                return await _read(runtime, _Reader(unpacked, path))
        except (Unreadable, zstandard.ZstdError, msgspec.DecodeError):
            raise NotWhole(file=str(path)) from None


class _From:
    """A file whose beginning is somewhere inside another one."""

    def __init__(self, file: IO[bytes], start: int) -> None:
        self._file, self._start = file, start

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset + (self._start if whence == 0 else 0), whence) - self._start

    def close(self) -> None:
        """The owner closes it."""


async def _read(runtime: Any, source: _Reader) -> Moved:
    head = source.head()
    for _ in source.pieces():
        pass
    brand_id, slug = UUID(head["brand_id"]), str(head["slug"])
    if head["schema"] != _schema():
        raise OtherSchema(written_by=head["schema"], this=_schema())
    await _refuse_known(runtime, brand_id, slug)
    rows: dict[str, int] = {}
    kept: list[str] = []
    connection = await asyncpg.connect(runtime.urls.app)
    try:
        async with connection.transaction():
            await connection.execute("select set_config('siyu.brand', $1, true)", str(brand_id))
            end = await _take_parts(runtime, source, connection, brand_id, rows, kept)
            assert end["rows"] == rows and end["files"] == len(kept)  # sealed whole, read whole
            await connection.executemany(_HEARD, [(name,) for name in listeners])
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UniqueViolationError) as error:
        await _forget(runtime, brand_id, kept)
        raise Taken(key=slug, why=type(error).__name__) from None
    except BaseException:
        await _forget(runtime, brand_id, kept)
        raise
    finally:
        await connection.close()
    await rebuild(runtime.database, runtime.parts["warehouse"], brand_id, runtime.files)
    return Moved(brand_id, slug, rows, len(kept))


_HEARD = """
insert into event_cursors (listener, lo, hi, seq) select $1, n.x, n.x, 0
from (select (pg_current_xact_id()::text::bigint + 1)::text::xid8 as x) n
"""
"""Everything that came over had been heard; all of it has this transaction's number."""


async def _take_parts(
    runtime: Any,
    source: _Reader,
    connection: Any,
    brand_id: UUID,
    rows: dict[str, int],
    kept: list[str],
) -> dict[str, Any]:
    """Rows into the transaction, files and behaviour beside it, until the part that ends it all; that one's head."""
    tables: dict[str, Any] = {table.name: table for table in _order()}
    while True:
        head = source.head()
        if head["part"] == "table":
            table = tables[head["name"]]
            rows[table.name] = await _take_rows(connection, table, source)
        elif head["part"] == "keys":
            await vault.received(connection, brand_id, source.pieces())
        elif head["part"] == "file":
            key = str(head["key"])
            if not key.startswith(f"{brand_id}/"):
                raise NotWhole(file=key)
            await runtime.files.put(key, b"".join(source.pieces()))
            kept.append(key)
        elif head["part"] == "behaviour":
            content = b"".join(source.pieces())
            await runtime.parts["warehouse"].write("INSERT INTO behaviour FORMAT Native", content)
        else:
            assert head["part"] == "end", head
            return head


async def _take_rows(connection: Any, table: Any, source: _Reader) -> int:
    """One table's rows, by way of a temporary one: COPY goes round row-level security, so PostgreSQL refuses it there."""
    columns = _columns(table)
    names = ", ".join(f'"{name}"' for name in columns)
    await connection.execute(
        f'create temp table arriving on commit drop as select {names} from "{table.name}" limit 0'
    )
    await connection.copy_to_table(
        "arriving", source=source.stream(), columns=columns, format="binary"
    )
    numbers = [str(column.name) for column in table.columns if _is_numbered(column)]
    targets = ", ".join(f'"{name}"' for name in columns if name not in numbers)
    # What a house counts by itself is counted anew, in its order.
    order = f" order by {numbers[0]}" if numbers else ""
    done = await connection.execute(
        f'insert into "{table.name}" ({targets}) select {targets} from arriving{order}'
    )
    await connection.execute("drop table arriving")
    return int(done.split()[-1])


def _is_numbered(column: Any) -> bool:
    return column.server_default is not None and isinstance(column.server_default.arg, next_value)


async def _refuse_known(runtime: Any, brand_id: UUID, slug: str) -> None:
    async with runtime.database.dispatcher() as connection:
        row = await connection.fetchrow(
            "select kind, key from directory where brand_id = $1 or (kind = 'slug' and key = $2) limit 1",
            brand_id,
            slug,
        )
    if row is not None:
        raise Taken(kind=row["kind"], key=row["key"])


async def _forget(runtime: Any, brand_id: UUID, kept: list[str]) -> None:
    """Take back what lies outside the transaction that did not come to its end."""
    for key in kept:
        await runtime.files.delete(key)
    await runtime.parts["warehouse"].command(
        "DELETE FROM behaviour WHERE brand = {brand:UUID}", brand=brand_id
    )


def _key(passphrase: str, salt: bytes) -> bytes:
    """Scrypt (RFC 7914), 64 MB and a fifth of a second: guessing is dear."""
    return Scrypt(salt=salt, length=32, n=1 << 16, r=8, p=1).derive(passphrase.encode())
