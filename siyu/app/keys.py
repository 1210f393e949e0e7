"""Where a house's keys of personal data lie, that they are the ones its database was written with, and who was forgotten.

A database notes, as the comment of the table of wrapped keys, what its folder of keys is known by. A folder that is
missing or not mounted must not be taken for a new one: people would be met anew under other tokens, and sealed with
keys that disappear with the mount. For the same reason the directory keeps a mark of the token key that a brand brought.
"""

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from siyu.kernel.engines import EngineRefused
from siyu.kernel.settings import Settings

if TYPE_CHECKING:  # who looks after the house reads this without loading the house
    from siyu.kernel.db import Database
    from siyu.kernel.vault import Keyring, Shred

_NOTED = "select obj_description(to_regclass('public.vault_keys'), 'pg_class')"
_THERE = "select to_regclass('public.vault_keys') is not null"
_USED = "select exists (select from vault_keys)"
_BROUGHT = """
select brand_id, kind, key from directory where kind = $1 or (kind = 'brand' and brand_id = any($2::uuid[]))
"""
_NOTE_BROUGHT = "insert into directory (kind, key) values ($1, $2) on conflict do nothing"
_MONTHS = """
with recursive m as (
    select d.brand_id, (select k.month from vault_keys k where k.brand_id = d.brand_id order by k.month limit 1) as month
    from (select distinct brand_id from directory where kind = 'brand') d
    union all
    select m.brand_id, (select k.month from vault_keys k where k.brand_id = m.brand_id and k.month > m.month
                        order by k.month limit 1)
    from m where m.month is not null)
select distinct month from m where month is not null order by month
"""


class OtherKeys(EngineRefused):
    """The folder of keys is not the one that the database was written with."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} does not hold the keys that this database's personal data was sealed with. Mount or put back that folder, "
            "or name it with SIYU_KEYS; nothing was opened or made."
        )


def folder_of(settings: Settings) -> Path:
    """``SIYU_KEYS``, else ``keys`` in the home."""
    return Path(settings.keys) if settings.keys else Path(settings.home) / "keys"


def open_keys(settings: Settings) -> "Keyring":
    """Give this process the keys of its house."""
    from siyu.kernel.vault import Keyring, use_keyring

    ring = Keyring(folder_of(settings))
    use_keyring(ring)
    return ring


def fingerprint(folder: Path) -> str | None:
    """What a database knows a folder of keys by; ``None`` while no key is in it."""
    try:
        key = (folder / "tokens.key").read_bytes().strip()
    except FileNotFoundError:
        return None
    return hashlib.sha256(b"siyu keys " + key).hexdigest()[:32]


async def check_keys(connection: asyncpg.Connection, folder: Path) -> bool:
    """Whether the database knows this folder; ``False``: it knows none yet. Raises ``OtherKeys``."""
    noted = await connection.fetchval(_NOTED)
    if noted is not None and noted != fingerprint(folder):
        raise OtherKeys(folder)
    return noted is not None


async def claim_keys(owner_url: str, folder: Path) -> None:
    """Let the database know its folder of keys, the first time; a new house gets new keys. Raises ``OtherKeys``.

    Does nothing in a database without tables.
    """
    connection = await asyncpg.connect(owner_url)
    try:
        if await check_keys(connection, folder) or not await connection.fetchval(_THERE):
            return
        if fingerprint(folder) is None:
            if await connection.fetchval(_USED):
                raise OtherKeys(folder)
            from siyu.kernel.vault import Keyring

            Keyring(folder).house()
        await connection.execute(f"comment on table public.vault_keys is '{fingerprint(folder)}'")
    finally:
        await connection.close()


async def learn_brought(database: "Database", ring: "Keyring") -> list[UUID]:
    """Let a process know which brands brought a token key with them; those whose key is not in the folder.

    Such a brand's people cannot be found, and it is refused by ``KeyMissing``; the other brands go on.
    """
    from siyu.kernel.vault import BROUGHT

    there = ring.brought()
    async with database.dispatcher() as connection:
        rows = await connection.fetch(_BROUGHT, BROUGHT, there)
    marks = {row["brand_id"]: row["key"] for row in rows if row["kind"] == BROUGHT}
    brands = {row["brand_id"] for row in rows}
    for brand_id in brands - marks.keys():  # they moved in before it was noted
        if mark := ring.brought_mark(brand_id):
            async with database.raw(brand_id) as connection:
                await connection.execute(_NOTE_BROUGHT, BROUGHT, mark)
            marks[brand_id] = mark
    for brand_id, mark in marks.items():
        ring.expect(brand_id, mark)
    return sorted(brand_id for brand_id in brands if ring.has_lost(brand_id))


async def months_without_key(connection: asyncpg.Connection, ring: "Keyring") -> list[str]:
    """Months that people's keys are wrapped with, and whose key is not in the folder: their data does not open."""
    there = set(ring.months())
    return [row["month"] for row in await connection.fetch(_MONTHS) if row["month"] not in there]


async def obey_journal(database: "Database") -> int:
    """Forget again whoever the database still knows although they were forgotten; how many.

    Done by every process before it opens a door: a disk's snapshot, or a dump put back into the same server, brings
    people back without anybody telling the house.
    """
    from siyu.kernel import vault
    from siyu.people import customers

    forgotten = defaultdict[UUID, list["Shred"]](list)
    for one in vault.Journal(vault.keyring().journal).read():
        forgotten[one.brand].append(one)
    count = 0
    for brand_id, shreds in forgotten.items():
        async with database.raw(brand_id) as connection:
            if back := await vault.forget_again(connection, shreds):
                await customers.erase_forgotten(connection)
                count += back
    return count
