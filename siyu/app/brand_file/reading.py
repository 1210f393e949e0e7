"""Reading a brand from a file into this house: all of it or nothing."""

from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast
from uuid import UUID

import asyncpg
import msgspec
import zstandard
from sqlalchemy.sql.functions import next_value

from siyu.app.brand_file import arriving
from siyu.app.brand_file.shape import (
    MAGIC,
    SALT,
    AtWork,
    Moved,
    NotWhole,
    OtherSchema,
    Reader,
    Taken,
    columns_of,
    key_of,
    schema_name,
    tables_in_order,
)
from siyu.kernel import vault
from siyu.kernel.events import listeners
from siyu.kernel.leases import alone
from siyu.kernel.sealing import Unreadable, Unsealed
from siyu.people import staff


async def import_brand(runtime: Any, path: Path, passphrase: str) -> Moved:
    """Take a brand over from a file: all of it or nothing, also when the process is killed (``arriving``).

    Raises ``NotWhole``, ``Taken``, ``OtherSchema``, ``AtWork``.
    """
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise NotWhole(file=str(path))
        salt = file.read(SALT)
        try:
            with Unsealed(
                cast("IO[bytes]", _From(file, len(MAGIC) + SALT)), key_of(passphrase, salt), "brand"
            ) as content:
                unpacked = zstandard.ZstdDecompressor().stream_reader(cast("IO[bytes]", content))
                return await _read(runtime, Reader(unpacked, path))
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


async def _read(runtime: Any, source: Reader) -> Moved:
    head = source.head()
    for _ in source.pieces():
        pass
    brand_id, slug = UUID(head["brand_id"]), str(head["slug"])
    if head["schema"] != schema_name():
        raise OtherSchema(written_by=head["schema"], this=schema_name())
    async with alone(runtime.database, brand_id, arriving.LEASE) as mine:
        if not mine:
            raise AtWork(brand=slug)
        await _refuse_known(runtime, brand_id, slug)
        await arriving.begin(runtime, brand_id)
        try:
            moved = await _take(runtime, source, brand_id, slug)
        except BaseException:
            with suppress(Exception):  # then the note stays, and the worker clears up
                await arriving.settle(runtime, brand_id)
            raise
        await arriving.settle(runtime, brand_id)
    return moved


async def _take(runtime: Any, source: Reader, brand_id: UUID, slug: str) -> Moved:
    rows: dict[str, int] = {}
    files: list[str] = []
    connection = await asyncpg.connect(runtime.urls.app)
    try:
        async with connection.transaction():
            await connection.execute("select set_config('siyu.brand', $1, true)", str(brand_id))
            parts = _Parts(runtime, source, connection, brand_id, slug)
            end = await parts.take(rows, files)
            assert end["rows"] == rows and end["files"] == len(files)  # sealed whole, read whole
            await connection.executemany(_HEARD, [(name,) for name in listeners])
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UniqueViolationError) as error:
        raise Taken(key=slug, why=type(error).__name__) from None
    finally:
        await connection.close()
    return Moved(brand_id, slug, rows, len(files))


_HEARD = """
insert into event_cursors (listener, lo, hi, seq) select $1, n.x, n.x, 0
from (select (pg_current_xact_id()::text::bigint + 1)::text::xid8 as x) n
"""
"""Everything that came over had been heard; all of it has this transaction's number."""


class _Parts:
    """Parts of a file on their way to where they belong."""

    def __init__(
        self, runtime: Any, source: Reader, connection: Any, brand_id: UUID, slug: str
    ) -> None:
        self._runtime, self._source, self._connection = runtime, source, connection
        self._brand_id, self._slug = brand_id, slug

    async def take(self, rows: dict[str, int], files: list[str]) -> dict[str, Any]:
        """Rows into the transaction, files and behaviour beside it, until the part that ends it all; that one's head."""
        tables: dict[str, Any] = {table.name: table for table in tables_in_order()}
        while True:
            head = self._source.head()
            if head["part"] == "table":
                table = tables[head["name"]]
                rows[table.name] = await _take_rows(self._connection, table, self._source)
            elif head["part"] == "file":
                files.append(await self._take_file(str(head["key"])))
            elif head["part"] == "behaviour":
                content = b"".join(self._source.pieces())
                await self._runtime.parts["warehouse"].write(
                    "INSERT INTO behaviour FORMAT Native", content
                )
            elif head["part"] == "end":
                return head
            else:
                await self._take_secrets(str(head["part"]))

    async def _take_file(self, key: str) -> str:
        if not key.startswith(f"{self._brand_id}/"):
            raise NotWhole(file=key)
        await self._runtime.files.put_stream(key, self._source.stream())
        return key

    async def _take_secrets(self, part: str) -> None:
        """Secrets into the forms that this house opens and proves; the rows they are for are there."""
        on, brand_id, secret = self._connection, self._brand_id, self._runtime.secret
        if part == "keys":
            await vault.received(on, brand_id, self._source.pieces())
        elif part == "second_steps":
            await staff.received_second_steps(on, brand_id, secret, self._source.pieces())
        else:
            assert part == "audit", part
            told = b"".join(self._source.pieces())
            await staff.received_audit_chain(on, brand_id, self._slug, secret, told)


async def _take_rows(connection: Any, table: Any, source: Reader) -> int:
    """One table's rows, by way of a temporary one: COPY goes round row-level security, so PostgreSQL refuses it there."""
    columns = columns_of(table)
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
