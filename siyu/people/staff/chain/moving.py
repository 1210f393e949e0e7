"""The audit's chain on its way into another house, which goes on with it under a secret of its own.

What the old house signed stays as it is: the new one cannot check it, and would not forge it. It writes down where the
old part ends, with a proof of its own. Each link holds the hash of the one before, so that proof stands for all of them.
"""

from uuid import UUID

import asyncpg
import msgspec

from siyu.kernel import clock
from siyu.kernel.db import SYSTEM
from siyu.kernel.ids import new_id
from siyu.people.staff.chain.proving import MOVED_IN, first_broken_on, proof_of_move

_END = "select number, hash from audit_seals order by number desc limit 1"
_WRITTEN = """
with written as (
    insert into audit (id, at, actor_kind, actor_id, actor_name, actor_path, action, subject_kind, subject_id,
                       subject_label, facts, request_id)
    values ($1, $2, $3, null, $4, '', $5, 'brand', $6, $7, $8, '') returning id)
insert into audit_unsealed (audit_id) select id from written
"""


class Chain(msgspec.Struct, frozen=True):
    """A brand's chain as the house that it leaves saw it."""

    links: int
    end: str
    """The hash of the last link; empty when there is none."""
    broken: str
    """What ``first_broken`` said there; empty when all was as it was sealed."""


async def carried(connection: asyncpg.Connection, secret: bytes) -> bytes:
    """Where the chain of the connection's brand ends here, and whether it is whole."""
    broken = await first_broken_on(connection, secret)
    last = await connection.fetchrow(_END)
    links, end = (last["number"], last["hash"]) if last else (0, "")
    return msgspec.json.encode(Chain(links, end, broken.what if broken else ""))


async def received(
    connection: asyncpg.Connection, brand_id: UUID, slug: str, secret: bytes, told: bytes
) -> None:
    """Write down that the brand came in and where the part of the other house ends, once its rows are there.

    What was broken there stays broken here: this house only vouches for a chain that was whole.
    """
    chain = msgspec.json.decode(told, type=Chain)
    facts = msgspec.structs.asdict(chain)
    if chain.links and not chain.broken:
        facts["proof"] = proof_of_move(secret, brand_id, chain.links, chain.end)
    await connection.execute(
        _WRITTEN, new_id(), clock.now(), SYSTEM.kind, SYSTEM.name, MOVED_IN, brand_id, slug, msgspec.json.encode(facts).decode(),
    )  # fmt: skip
