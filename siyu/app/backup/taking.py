"""Taking a backup: a base with the log behind it from the embedded engine, a dump from any other, then what lies beside."""

import asyncio
import math
import secrets
import subprocess
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg
import msgspec

from siyu.app.backup import archiving, content, retention
from siyu.app.backup.folder import PIECE, Base, Folder
from siyu.insight.warehouse import Warehouse, WarehouseAway
from siyu.kernel.engines import client_programs
from siyu.kernel.errors import Refusal
from siyu.kernel.settings import Settings, Urls

Say = Callable[[str, int, int | None], None]
"""Called with the step, bytes done and bytes in all (``None``: unknown)."""
KEYS = "keys"
SEGMENT_S = 30
"""A segment of the log ends after so many seconds at the latest: what a lost disk costs, with the time to seal it."""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class NoOwner(Refusal):
    """The process does not know the database's owner, who alone sees everything."""

    code = "backup.no_owner"
    detail = (
        "With a PostgreSQL of your own, backups are taken by its owner: run 'siyu backup' with SIYU_DATABASE_URL, "
        "for example every night."
    )


class NotTaken(Refusal):
    """PostgreSQL's program did not succeed; ``facts``: its last words."""

    code = "backup.not_taken"
    detail = "PostgreSQL could not be copied. See what its program says, mend that, and try again."


class Taken(msgspec.Struct, frozen=True):
    """What came of it: the backup, and the ids of those that were let go."""

    base: Base
    pruned: list[str]
    without_behaviour: bool = False


def keys_of(home: Path) -> Path:
    """Where a house keeps the keys that no backup contains."""
    return home / KEYS


async def take(settings: Settings, urls: Urls, say: Say = lambda *_: None) -> Taken:
    """Take a backup of the running engines now, then let go what no kept one needs.

    Raises ``InUse``, ``NoOwner``, ``NotTaken``, ``NoKey``, ``WrongKey``, ``Damaged``, and ``OSError`` when the disk is full.
    """
    if not urls.owner:
        raise NoOwner
    folder = await asyncio.to_thread(Folder.make, settings.backups, keys_of(settings.home))
    with folder.alone("taking"):
        id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
        copy = _dump if settings.database_url else _physical
        base = await copy(settings.home, folder, urls.owner, id, say)
        await asyncio.to_thread(_keep_secrets, settings.home, folder, id)
        without = await _full_round(settings, urls, folder, say)
        size = await asyncio.to_thread(folder.size, f"bases/{id}")
        base = msgspec.structs.replace(base, bytes=size)
        await asyncio.to_thread(folder.put, f"bases/{id}/about", msgspec.json.encode(base))
        pruned = await asyncio.to_thread(retention.prune, folder, settings.backup_keep_days)
    return Taken(base, pruned, without)


async def _physical(home: Path, folder: Folder, owner: str, id: str, say: Say) -> Base:
    """Copy the embedded cluster while it serves, and wait until the log that makes the copy consistent is sealed."""
    begun = datetime.now(UTC)
    await asyncio.to_thread(archiving.begin, home, id)
    chain = archiving.chain_of(home)
    connection = await asyncpg.connect(owner)
    try:
        version: int = await connection.fetchval("show server_version_num")
        size: int = await connection.fetchval(
            "select sum(pg_database_size(oid))::bigint from pg_database"
        )
        # Only once segments are kept: ending them early writes 16 MB each time, however little happened.
        await connection.execute(f"alter system set archive_timeout = '{SEGMENT_S}s'")
        await connection.execute("select pg_reload_conf()")
    finally:
        await connection.close()
    major = int(version) // 10_000
    command = [
        str(client_programs(major) / "pg_basebackup"),
        *door(owner),
        "-D",
        "-",
        "-Ft",
        "-X",
        "none",
        "-c",
        "fast",
    ]
    await asyncio.to_thread(
        _stream, command, owner, folder, f"bases/{id}/base", lambda n: say("database", n, size)
    )
    finished = datetime.now(UTC)
    await asyncio.to_thread(archiving.wait_sealed, home, folder)
    first = _first_segment(folder, chain)
    return Base(
        id=id, kind="physical", begun_at=begun, finished_at=finished, postgres=major, bytes=0, chain=chain, wal_from=first,
        wal_to=archiving.last_sealed(folder, chain),
    )  # fmt: skip


def _first_segment(folder: Folder, chain: str) -> str:
    """The segment in which the newest base of a chain begins, as its history file says."""
    names = [name.rpartition("/")[2] for name in folder.names(f"wal/{chain}")]
    newest = max(name for name in names if name.endswith(".backup"))
    return newest.split(".")[0]


async def _dump(_: Path, folder: Folder, owner: str, id: str, say: Say) -> Base:
    """Write what ``pg_dump`` says of the whole database, as of one moment."""
    begun = datetime.now(UTC)
    connection = await asyncpg.connect(owner)
    try:
        version = int(await connection.fetchval("show server_version_num"))
        size: int = await connection.fetchval("select pg_database_size(current_database())")
    finally:
        await connection.close()
    command = [str(dump_programs(version // 10_000) / "pg_dump"), *door(owner), "-Fc", "-Z0"]
    await asyncio.to_thread(
        _stream, command, owner, folder, f"bases/{id}/dump", lambda n: say("database", n, size)
    )
    return Base(
        id=id, kind="dump", begun_at=begun, finished_at=begun, postgres=version // 10_000, bytes=0
    )


def dump_programs(major: int) -> Path:
    """The programs that write and read dumps as a server of this major knows them: newer ones say words it does not."""
    return client_programs(16 if major <= 16 else 18)


def door(owner: str) -> list[str]:
    """The database for a program's command line, which everybody may read: without the password."""
    parts = urlsplit(owner)
    netloc = parts.netloc.rpartition("@")
    return ["-d", urlunsplit(parts._replace(netloc=f"{netloc[0].partition(':')[0]}@{netloc[2]}"))]


def with_password(owner: str) -> dict[str, str]:
    """The environment in which PostgreSQL's programs find the password."""
    return {
        **ENVIRONMENT,
        "PGPASSWORD": unquote(urlsplit(owner).password or ""),
        "PGCONNECT_TIMEOUT": "10",
    }


def _stream(
    command: list[str], owner: str, folder: Folder, name: str, told: Callable[[int], None]
) -> None:
    """Seal a program's output into a file; nothing stays when the program fails. Raises ``NotTaken``."""
    done = 0
    with folder.writing(name) as target, _words() as said:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=said, env=with_password(owner)
        ) as running:
            assert running.stdout is not None
            try:
                while piece := running.stdout.read(PIECE):
                    target.write(piece)
                    done += len(piece)
                    told(done)
            except BaseException:
                running.kill()
                raise
        if running.returncode:
            said.seek(0)
            raise NotTaken(says=said.read().decode(errors="replace")[-400:].strip())


def _words() -> IO[bytes]:
    import tempfile

    return tempfile.TemporaryFile()


def _keep_secrets(home: Path, folder: Folder, id: str) -> None:
    """The house's own secrets go along, sealed; the keys below ``keys/`` never do."""
    with (
        folder.writing(f"bases/{id}/secrets") as stream,
        tarfile.open(fileobj=stream, mode="w|") as tar,
    ):
        for path in sorted((home / "secrets").glob("*")):
            if path.is_file() and not path.name.startswith("."):
                tar.add(path, path.name)


async def _full_round(settings: Settings, urls: Urls, folder: Folder, say: Say) -> bool:
    """Keep files and behaviour as they are now; whether behaviour could not be asked for."""
    warehouse = Warehouse(urls.clickhouse)
    done = [0]

    def told(size: int, _: str) -> None:
        done[0] += size
        say("files", done[0], None)

    try:
        # Whoever is at a round now does what this one would have to do: it is worth waiting for, however long.
        async with folder.in_turn("round", math.inf, lambda: say("waiting", 0, None)):
            state = await asyncio.to_thread(content.state_at, folder, None)
            try:
                await content.keep_round(
                    folder, state, settings.home / "files", warehouse, full=True, told=told
                )
            except WarehouseAway:
                await content.keep_round(
                    folder, state, settings.home / "files", None, full=True, told=told
                )
                return True
    finally:
        await warehouse.close()
    return False
