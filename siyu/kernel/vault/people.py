"""Keys of people, in sets: found, made, destroyed."""

import asyncio
from collections.abc import Iterable
from uuid import UUID

import asyncpg
import structlog

from siyu.kernel import clock
from siyu.kernel.db import Database, brand_on
from siyu.kernel.errors import Refusal
from siyu.kernel.vault.envelopes import PersonKey
from siyu.kernel.vault.journal import Journal, Shred
from siyu.kernel.vault.keyring import keyring

log = structlog.get_logger("siyu.vault")
LOOK_S = 60.0


class Forgotten(Refusal):
    """The person was forgotten: their data was destroyed, and nothing new is kept of them under the old id."""

    code = "vault.forgotten"
    status = 410
    detail = "This person's data was deleted for good. Whoever comes back starts anew."


_FIND = """
select p.id, k.month, k.wrapped from unnest($1::uuid[]) as p(id)
cross join lateral (select month, wrapped from vault_keys k where k.person_id = p.id limit 1) k
"""
_ADD = """
insert into vault_keys (person_id, month, wrapped)
select person_id, $2, wrapped from unnest($1::uuid[], $3::bytea[]) as w(person_id, wrapped)
where not exists (select from vault_shreds s where s.person_id = w.person_id)
on conflict do nothing returning person_id
"""
_TAKE_BACK = """
delete from vault_keys k using vault_shreds s
where k.person_id = any($1::uuid[]) and s.person_id = k.person_id returning k.person_id
"""
"""A statement of its own, so it sees whoever was forgotten while ``_ADD`` waited for their row."""
_STAND_IN = """
insert into vault_keys (person_id, month, wrapped) select id, '', '' from unnest($1::uuid[]) as p(id)
on conflict do nothing
"""
"""In the place of a key that is not there, until it is destroyed with the others: whoever is making that key is waited
for, and whoever starts now waits, and then finds that the person was forgotten."""


async def keys_of(
    connection: asyncpg.Connection, person_ids: Iterable[UUID | None]
) -> dict[UUID, PersonKey]:
    """Keys of people, one read for any number; who has none (never had, or was forgotten) is absent.

    Raises ``KeyMissing``, ``Unopenable``.
    """
    wanted = list({one for one in person_ids if one is not None})
    if not wanted:
        return {}
    brand_id, ring = brand_on(connection), keyring()
    return {
        row["id"]: PersonKey.unwrap(
            brand_id, row["id"], row["wrapped"], ring.of_month(row["month"])
        )
        for row in await connection.fetch(_FIND, wanted)
    }


async def keys_for(
    connection: asyncpg.Connection, person_ids: Iterable[UUID], *, new: bool = False
) -> dict[UUID, PersonKey]:
    """Keys of people, made for those without one. ``new``: nobody else knows of them yet, so nothing is looked up.

    Raises ``Forgotten`` when one of them was forgotten, ``KeyMissing``, ``Unopenable``.
    """
    wanted = sorted(set(person_ids))
    if not wanted:
        return {}
    found: dict[UUID, PersonKey] = {} if new else await keys_of(connection, wanted)
    lacking = [one for one in wanted if one not in found]
    if not lacking:
        return found
    brand_id = brand_on(connection)
    month, cipher = keyring().current()
    fresh = {one: PersonKey.new(brand_id, one) for one in lacking}
    added = await connection.fetch(_ADD, lacking, month, [fresh[one].wrap(cipher) for one in lacking])  # fmt: skip
    if (
        added
        and not new
        and await connection.fetch(_TAKE_BACK, [row["person_id"] for row in added])
    ):
        raise Forgotten
    found |= {row["person_id"]: fresh[row["person_id"]] for row in added}
    if len(found) < len(wanted):  # somebody else made one at the same time, or there is nobody
        found |= await keys_of(connection, [one for one in lacking if one not in found])
    if len(found) < len(wanted):
        raise Forgotten
    return found


async def key_unless_forgotten(connection: asyncpg.Connection, person_id: UUID) -> PersonKey | None:
    """A person's key, made if there is none; None when they were forgotten. Raises ``KeyMissing``, ``Unopenable``."""
    try:
        return (await keys_for(connection, [person_id]))[person_id]
    except Forgotten:
        return None


async def forget(connection: asyncpg.Connection, person_ids: Iterable[UUID]) -> int:
    """Destroy people's keys, in the caller's transaction; how many were forgotten now.

    After the commit call ``settle_journal``: what it has written no restored backup brings back.
    """
    wanted = sorted(set(person_ids))
    forgotten = await connection.fetch(
        """insert into vault_shreds (person_id, at) select id, $2 from unnest($1::uuid[]) as p(id)
           on conflict do nothing returning person_id""",
        wanted,
        clock.now(),
    )
    await connection.execute(_STAND_IN, wanted)
    await connection.execute("delete from vault_keys where person_id = any($1::uuid[])", wanted)
    return len(forgotten)


async def settle_journal(database: Database) -> int:
    """Write down outside who was forgotten inside; how many. Whoever was interrupted is repeated; entries may double."""
    async with database.dispatcher() as connection:
        rows = await connection.fetch(
            "select brand_id, person_id, at from vault_shreds where not is_journaled order by brand_id, at limit 10000"
        )
    if not rows:
        return 0
    Journal(keyring().journal).append(
        [Shred(row["brand_id"], row["person_id"], row["at"]) for row in rows]
    )
    by_brand: dict[UUID, list[UUID]] = {}
    for row in rows:
        by_brand.setdefault(row["brand_id"], []).append(row["person_id"])
    for brand_id, people in by_brand.items():
        async with database.raw(brand_id) as connection:
            await connection.execute(
                "update vault_shreds set is_journaled = true where person_id = any($1::uuid[])", people
            )  # fmt: skip
    return len(rows)


async def keep_journal(database: Database) -> None:
    """Settle the journal until cancelled: whoever asked may have been killed before it was written."""
    while True:
        try:
            if not await settle_journal(database):
                await asyncio.sleep(LOOK_S)
        except asyncio.CancelledError:
            raise
        except Exception as failure:
            log.warning("journal waits", error=f"{type(failure).__name__}: {failure}"[:300])
            await asyncio.sleep(1)
