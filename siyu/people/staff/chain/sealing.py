"""Sealing the audit: rows that wait become a link of their brand's chain, in batches, by the worker.

A link holds the SHA-256 of every row it covers, and the SHA-256 of all that together with the hash of the link before
it, signed (HMAC) with the house's secret, which the database does not know. PostgreSQL computes the hashes from the
rows as they lie there, when sealing and when proving: both use the two expressions below.
"""

import asyncio
from uuid import UUID

import structlog

from siyu.kernel import clock
from siyu.kernel.db import Database, is_away
from siyu.people.staff.credentials import keyed_hash

log = structlog.get_logger("siyu.audit")
EVERY_S = 15.0
MOST = 1_000
"""Rows in one link."""

LEAF = """encode(sha256(convert_to(jsonb_build_array(a.brand_id, a.id, cast(extract(epoch from a.at) * 1000000 as bigint),
    a.actor_kind, a.actor_id, a.actor_name, a.actor_path, a.action, a.subject_kind, a.subject_id, a.subject_label, a.facts,
    a.request_id)::text, 'UTF8')), 'hex')"""
"""The hash of a row ``a`` of the audit."""
LINK = """encode(sha256(convert_to(jsonb_build_array(s.number, s.previous, cast(extract(epoch from s.sealed_at) * 1000000 as bigint),
    cast(extract(epoch from s.until) * 1000000 as bigint), s.count, s.leaves)::text, 'UTF8')), 'hex')"""
"""The hash of a link ``s`` of the chain."""

_TAKE = f"""
with taken as (
    delete from audit_unsealed where audit_id in (
        select audit_id from audit_unsealed order by audit_id limit $1)
    returning audit_id),
rows as (select a.id, a.at, {LEAF} as leaf from taken t join audit a on a.id = t.audit_id),
last as (select number, hash from audit_seals order by number desc limit 1),
s as (select coalesce((select number from last), 0) + 1 as number, coalesce((select hash from last), '') as previous,
             $2::timestamptz as sealed_at, max(r.at) as until, count(*) as count,
             jsonb_agg(jsonb_build_array(r.id, r.leaf) order by r.id) as leaves
      from rows r having count(*) > 0)
select s.*, {LINK} as hash from s
"""  # fmt: skip
_KEEP = """
insert into audit_seals (number, previous, sealed_at, until, count, leaves, hash, signature)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def seal_brand(database: Database, secret: bytes, brand_id: UUID) -> int:
    """Seal what waits of a brand, one link; how many rows. Sealers of one brand wait for each other."""
    async with database.raw(brand_id) as connection:
        await connection.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"audit chain/{brand_id}"
        )
        link = await connection.fetchrow(_TAKE, MOST, clock.now())
        if link is None:
            return 0
        await connection.execute(_KEEP, *link, signature_of(secret, link["hash"]))
    # The log lies outside the database: who rewrites a chain there would have to rewrite this as well.
    log.info("audit sealed", brand=str(brand_id), link=link["number"], rows=link["count"], chain=link["hash"])  # fmt: skip
    return link["count"]


def signature_of(secret: bytes, link_hash: str) -> str:
    """What only the holder of the house's secret can put under a link."""
    return keyed_hash(secret, "audit chain", link_hash)


async def seal_all(database: Database, secret: bytes) -> int:
    """Seal all that waits, of all brands; how many rows."""
    async with database.dispatcher() as connection:
        waiting = await connection.fetch("select distinct brand_id from audit_unsealed limit 1000")
    total = 0
    for row in waiting:
        while count := await seal_brand(database, secret, row["brand_id"]):
            total += count
            if count < MOST:
                break
    return total


async def keep_sealing(database: Database, secret: bytes) -> None:
    """Seal every ``EVERY_S`` seconds until cancelled."""
    while True:
        try:
            await seal_all(database, secret)
        except Exception as failure:
            if not (is_away(failure) or isinstance(failure, TimeoutError)):
                log.exception("audit not sealed")
            else:
                log.warning("audit waits to be sealed", error=type(failure).__name__)
        await asyncio.sleep(EVERY_S)
