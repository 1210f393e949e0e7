"""People's keys on their way into another house, which wraps them with its own month's key.

They travel bare: only inside a file that is sealed itself.
"""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import asyncpg
import msgspec

from siyu.kernel.vault.envelopes import PersonKey
from siyu.kernel.vault.keyring import keyring

_PAGE = 2_000
BROUGHT = "token_key"
"""The kind of the directory's entry that says by its name which token key a brand brought with it."""
_KEYS = """
select person_id, month, wrapped from vault_keys where person_id > $1 order by person_id limit $2
"""


async def carried(connection: asyncpg.Connection, brand_id: UUID) -> AsyncIterator[bytes]:
    """What blind tokens of the brand are made with, then its people's keys, in pieces. Raises ``KeyMissing``."""
    ring, after = keyring(), UUID(int=0)
    yield ring.token_key(brand_id)
    while rows := await connection.fetch(_KEYS, after, _PAGE):
        keys = [
            (
                row["person_id"],
                PersonKey.unwrap(
                    brand_id, row["person_id"], row["wrapped"], ring.of_month(row["month"])
                ).bare(),
            )
            for row in rows
        ]
        yield msgspec.msgpack.encode(keys)
        after = rows[-1]["person_id"]


async def received(connection: asyncpg.Connection, brand_id: UUID, pieces: Iterator[bytes]) -> int:
    """Keep what ``carried`` gave, in the transaction that takes the brand over; how many keys.

    Who was forgotten there is to be written into this house's journal too.
    """
    ring, count = keyring(), 0
    mark = ring.keep_token_key(brand_id, next(pieces))
    # Whoever moves for the second time has the mark of its first move among its rows.
    await connection.execute("delete from directory where kind = $1", BROUGHT)
    if mark is not None:
        await connection.execute("insert into directory (kind, key) values ($1, $2)", BROUGHT, mark)
    month, cipher = ring.current()
    for piece in pieces:
        keys = msgspec.msgpack.decode(piece, type=list[tuple[UUID, bytes]])
        wrapped = [PersonKey(brand_id, person, raw).wrap(cipher) for person, raw in keys]
        await connection.execute(
            "insert into vault_keys (person_id, month, wrapped) select id, $1, w from unnest($2::uuid[], $3::bytea[]) as k(id, w)",
            month, [person for person, _ in keys], wrapped,
        )  # fmt: skip
        count += len(keys)
    await connection.execute("update vault_shreds set is_journaled = false")
    return count
