"""Who was forgotten, kept outside the database: an append-only file that a restored house obeys before it opens.

One line of JSON for each person: ``{"brand", "person", "at"}``. A line that a power cut left unfinished is ignored:
whoever it was about is written again, because the database still says that the journal does not know.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

_AT_ONCE = 5_000


class Shred(msgspec.Struct, frozen=True):
    """A person of a brand was forgotten then."""

    brand: UUID
    person: UUID
    at: datetime


class Journal:
    """The file. Several processes may append."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, shreds: Sequence[Shred]) -> None:
        """Write lines, on the disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = file.seek(0, os.SEEK_END)
            if end and _last_byte(file.fileno(), end) != b"\n":
                file.write(b"\n")  # somebody was cut off: their line must not swallow ours
            file.write(b"".join(msgspec.json.encode(one) + b"\n" for one in shreds))
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Iterator[Shred]:
        """All entries, oldest first; unfinished lines are passed over."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for line in file:
                try:
                    yield msgspec.json.decode(line, type=Shred)
                except (msgspec.DecodeError, msgspec.ValidationError):
                    continue


def _last_byte(descriptor: int, end: int) -> bytes:
    return os.pread(descriptor, 1, end - 1)


_AGAIN = """
with known as (
    select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as s(brand_id, person_id, at)
), noted as (
    insert into vault_shreds (brand_id, person_id, at, is_journaled)
    select distinct on (brand_id, person_id) brand_id, person_id, at, true from known
    where exists (select from brands b where b.brand_id = known.brand_id)
    order by brand_id, person_id, at
    on conflict do nothing
)
delete from vault_keys k using known where k.brand_id = known.brand_id and k.person_id = known.person_id
"""


async def replay(owner: asyncpg.Connection, journal: Journal) -> int:
    """Forget again whoever a restored database still knows; how many keys were destroyed.

    ``owner``: a connection of the schema's owner, before any door opens.
    """
    count, pack = 0, list[Shred]()
    for one in journal.read():
        pack.append(one)
        if len(pack) == _AT_ONCE:
            count, pack = count + await forget_again(owner, pack), []
    return count + (await forget_again(owner, pack) if pack else 0)


async def forget_again(connection: asyncpg.Connection, pack: Sequence[Shred]) -> int:
    """Destroy the keys of people who were forgotten, where they are there again; how many."""
    done = await connection.execute(
        _AGAIN, [one.brand for one in pack], [one.person for one in pack], [one.at for one in pack]
    )
    return int(done.split()[-1])
