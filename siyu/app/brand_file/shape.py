"""What a brand file looks like, and why one is refused.

``SIYUBRAND1`` · salt · sealed and compressed parts. A part is a head (JSON, its length in front) and pieces, each with
its length, ended by an empty one. The last part says that nothing is missing. Memory holds a few pieces at a time.
"""

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

import siyu.app.tables  # noqa: F401
from siyu.kernel.db import Base
from siyu.kernel.errors import Refusal

MAGIC, SALT, PIECE = b"SIYUBRAND1", 16, 1 << 18
OF_THE_HOUSE = frozenset([
    "event_cursors", "event_archives", "parked_events", "staff_sessions", "vault_keys", "slow_statements",
    "ledger_cursors", "ledger_roll_ups",
])  # fmt: skip
"""What belongs to the place: where listeners and roll-ups stand (and the sums up to there, made anew), who is signed in,
and the wrapping of people's keys (they go bare)."""
COUNTED = frozenset([("events", "xid"), ("ledger_postings", "tx")])
"""Numbers of the old server's transactions: in the new house a row has the number of the one that takes it over."""


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


class AtWork(Refusal):
    """Somebody takes the brand over at this moment; ``facts``: brand."""

    code = "brand_file.at_work"
    detail = "This brand is being taken over right now. Wait until that is done."


class Moved(msgspec.Struct, frozen=True):
    """What went over."""

    brand_id: UUID
    slug: str
    rows: dict[str, int]
    files: int


def tables_in_order() -> list[Any]:
    """Tables from those that point nowhere up, so that what a row points at is there before it."""
    return [table for table in Base.metadata.sorted_tables if table.name not in OF_THE_HOUSE]


def columns_of(table: Any) -> list[str]:
    """A table's columns as they travel: without the numbers of the old server."""
    return [
        str(column.name) for column in table.columns if (table.name, column.name) not in COUNTED
    ]


class Writer:
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


def schema_name() -> str:
    """A name of what the tables look like: only between equal ones rows go over."""
    told = [[str(table.name), columns_of(table)] for table in tables_in_order()]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]


class Reader:
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


def key_of(passphrase: str, salt: bytes) -> bytes:
    """Scrypt (RFC 7914), 64 MB and a fifth of a second: guessing is dear."""
    return Scrypt(salt=salt, length=32, n=1 << 16, r=8, p=1).derive(passphrase.encode())
