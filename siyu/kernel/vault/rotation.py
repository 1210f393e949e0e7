"""Wrapping people's keys anew with this month's key, so that old months' keys can be destroyed."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from siyu.kernel.db import Database
from siyu.kernel.errors import Refusal
from siyu.kernel.jobs import Work, job
from siyu.kernel.vault.envelopes import PersonKey
from siyu.kernel.vault.keyring import MONTH, keyring

_PAGE = 1_000
_OLD = """
select person_id, month, wrapped from vault_keys where month <> $1 and person_id > $2 order by person_id limit $3
for update
"""
_WRAP = """
update vault_keys k set month = $1, wrapped = w.wrapped
from unnest($2::uuid[], $3::bytea[]) as w(person_id, wrapped) where k.person_id = w.person_id
"""


class KeyNeeded(Refusal):
    """People's keys are still wrapped with this month's key; ``facts``: month, people."""

    code = "vault.key_needed"
    detail = "This month's key still opens people's data. Renew the wrapping first; then it can be destroyed."


class NoMonth(Refusal):
    """What was named is not a month; ``facts``: month."""

    code = "vault.no_month"
    status = 422
    detail = "Name a month as YYYY-MM, for example 2026-03. Nothing was destroyed."


class Held(msgspec.Struct, frozen=True):
    """How many people's keys of a brand a month's key wraps."""

    month: str
    people: int


async def held_keys(database: Database, brand_id: UUID) -> list[Held]:
    """Months whose keys this brand's people depend on, oldest first."""
    async with database.raw(brand_id) as connection:
        rows = await connection.fetch(
            "select month, count(*) as people from vault_keys group by month order by month"
        )
    return [Held(row["month"], row["people"]) for row in rows]


async def drop_month(database: Database, month: str) -> None:
    """Destroy a month's key. Backups made while it was in use can no longer be opened. Raises ``NoMonth``, ``KeyNeeded``, ``KeyMissing``."""
    if not MONTH.fullmatch(month):
        raise NoMonth(month=month[:40])
    async with database.dispatcher() as connection:
        people = await connection.fetchval(
            "select count(*) from vault_keys where month = $1", month
        )
    if people or month == keyring().current()[0]:
        raise KeyNeeded(month=month, people=people)
    keyring().drop(month)


@job("vault.rewrap")
async def run_rewrap(work: Work, _: dict[str, Any]) -> dict[str, Any]:
    """Wrap a brand's keys anew, with progress; taken up again where it stopped."""
    month = keyring().current()[0]
    held = await held_keys(work.database, work.brand_id)
    total = sum(one.people for one in held if one.month != month)
    await work.progress(0, total)
    done = await rewrap(work.database, work.brand_id, work.progress)
    return {"renewed": done}


async def rewrap(
    database: Database, brand_id: UUID, told: Callable[[int], Awaitable[None]] | None = None
) -> int:
    """Wrap each older key of a brand with this month's; how many. Pages of their own transactions, so it can go on later.

    ``told`` hears how many are done. Raises ``KeyMissing``, ``Unopenable``: then nothing of that page was changed.
    """
    done, after, ring = 0, UUID(int=0), keyring()
    month, cipher = ring.current()
    while True:
        async with database.raw(brand_id) as connection:
            rows = await connection.fetch(_OLD, month, after, _PAGE)
            if not rows:
                return done
            wrapped: list[bytes] = []
            for row in rows:
                old = ring.of_month(row["month"])
                key = PersonKey.unwrap(brand_id, row["person_id"], row["wrapped"], old)
                wrapped.append(key.wrap(cipher))
            await connection.execute(_WRAP, month, [row["person_id"] for row in rows], wrapped)
        done, after = done + len(rows), rows[-1]["person_id"]
        if told is not None:
            await told(done)
