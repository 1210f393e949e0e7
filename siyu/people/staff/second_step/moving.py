"""Second steps on their way into another house, which seals them with its own secret.

The secrets travel bare: only inside a file that is sealed itself. Recovery codes need nothing; they are hashes.
"""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import asyncpg
import msgspec
import structlog

from siyu.kernel.sealing import Unreadable, seal, unseal
from siyu.people.staff.second_step.keeping import name_of

log = structlog.get_logger("siyu.staff")
_PAGE = 500
_SECRETS = (
    "select staff_id, secret from staff_second_steps where staff_id > $1 order by staff_id limit $2"
)


async def carried(
    connection: asyncpg.Connection, brand_id: UUID, secret: bytes
) -> AsyncIterator[bytes]:
    """The secrets of the connection's brand, in pieces. One that cannot be read here will not be there either."""
    after = UUID(int=0)
    while rows := await connection.fetch(_SECRETS, after, _PAGE):
        bare: list[tuple[UUID, bytes]] = []
        for row in rows:
            try:
                own = unseal(secret, name_of(brand_id, row["staff_id"]), row["secret"])
            except Unreadable:
                log.warning("second step unreadable", staff=str(row["staff_id"]))
                continue
            bare.append((row["staff_id"], own))
        if bare:
            yield msgspec.msgpack.encode(bare)
        after = rows[-1]["staff_id"]


async def received(
    connection: asyncpg.Connection, brand_id: UUID, secret: bytes, pieces: Iterator[bytes]
) -> None:
    """Seal what ``carried`` gave, once the rows are there, in the transaction that takes the brand over."""
    for piece in pieces:
        bare = msgspec.msgpack.decode(piece, type=list[tuple[UUID, bytes]])
        sealed = [seal(secret, name_of(brand_id, staff), own) for staff, own in bare]
        await connection.execute(
            """update staff_second_steps s set secret = w.secret
               from unnest($1::uuid[], $2::bytea[]) as w(staff_id, secret) where s.staff_id = w.staff_id""",
            [staff for staff, _ in bare],
            sealed,
        )
