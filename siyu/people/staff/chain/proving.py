"""Proving the audit: whether its rows and the chain over them are as they were sealed, and if not, which is the first."""

import hmac
import re
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel.db import driver_of
from siyu.kernel.errors import Refusal
from siyu.people.staff.chain.sealing import LEAF, LINK, signature_of
from siyu.people.staff.credentials import keyed_hash
from siyu.people.staff.tables import AuditSealRow, AuditUnsealedRow

MOVED_IN = "brand.moved_in"
"""The audit's action when a brand came from another house: its facts name the end of what was sealed there."""
BROKEN = f"""
with s as (
    select *, coalesce(lag(hash) over (order by number), '') as hash_before,
           coalesce(lag(number) over (order by number), 0) as number_before
    from audit_seals),
leaves as (
    select s.number, l.place, cast(l.leaf ->> 0 as uuid) as audit_id, l.leaf ->> 1 as hash
    from s, jsonb_array_elements(s.leaves) with ordinality as l(leaf, place))
select s.number as link, 0 as place, null::uuid as audit_id, 'link changed' as what
from s where s.hash <> {LINK} or s.count <> jsonb_array_length(s.leaves)
union all
select s.number, 0, null, 'link missing before' from s
where s.previous <> s.hash_before or s.number <> s.number_before + 1
union all
select l.number, l.place, l.audit_id, case when a.id is null then 'row removed' else 'row changed' end
from leaves l left join audit a on a.id = l.audit_id where a.id is null or l.hash <> {LEAF}
union all
select null, null, a.id, 'row added' from audit a
where not exists (select from leaves l where l.audit_id = a.id)
  and not exists (select from audit_unsealed u where u.audit_id = a.id)
"""
"""Every place where audit and chain do not agree, of the session's brand."""
_FIRST = f"select * from ({BROKEN}) as broken order by link nulls last, place, audit_id limit 1"


_HEAD = re.compile(r"[0-9a-f]{12,64}")


class NoHead(Refusal):
    """What was given cannot be the end of a chain."""

    code = "audit.no_head"
    status = 422
    detail = "The end of a chain is 64 characters of 0-9 and a-f; its first 12, which the page shows, are enough. Check what was typed."


class Broken(msgspec.Struct, frozen=True):
    """The first place that is not as it was sealed; ``audit_id`` is null when a whole link is meant."""

    what: str
    """``row changed`` · ``row removed`` · ``row added`` · ``link changed`` · ``link missing before`` · ``link signed otherwise`` · ``link not there``"""
    link: int | None
    audit_id: UUID | None


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far a brand's audit is sealed."""

    sealed_until: datetime | None
    """The time of the latest sealed row; null when nothing is sealed yet."""
    links: int
    rows: int
    waiting: int
    """Rows that wait to be sealed."""
    head: str
    """The hash of the last link: who writes it down elsewhere can prove later that nothing before it was touched."""


async def state_of(session: AsyncSession) -> State:
    """How far the session's brand is sealed."""
    links, rows, until = (
        await session.execute(
            select(func.count(), func.coalesce(func.sum(AuditSealRow.count), 0), func.max(AuditSealRow.until))
        )
    ).one()  # fmt: skip
    last = select(AuditSealRow.hash).order_by(AuditSealRow.number.desc()).limit(1)
    waiting = await session.scalar(select(func.count()).select_from(AuditUnsealedRow))
    return State(
        sealed_until=until,
        links=links,
        rows=int(rows),
        waiting=waiting or 0,
        head=await session.scalar(last) or "",
    )


async def first_broken(session: AsyncSession, secret: bytes, head: str = "") -> Broken | None:
    """``first_broken_on`` of the session's brand."""
    return await first_broken_on(await driver_of(session), secret, head)


async def first_broken_on(
    connection: asyncpg.Connection, secret: bytes, head: str = ""
) -> Broken | None:
    """The first place where the brand's audit is not as it was sealed; None when all is.

    ``head``: a hash that somebody wrote down earlier, or its first 12 characters or more; it must still be in the chain.
    Raises ``NoHead``.
    """
    head = head.strip().lower()
    if head and not _HEAD.fullmatch(head):
        raise NoHead
    row = await connection.fetchrow(_FIRST)
    if row is not None:
        return Broken(row["what"], row["link"], row["audit_id"])
    links = await connection.fetch(
        "select number, hash, signature from audit_seals order by number"
    )
    elsewhere = await _links_of_other_houses(connection, secret)
    for number, link_hash, signature in links:
        if number > elsewhere and signature != signature_of(secret, link_hash):
            return Broken("link signed otherwise", number, None)
    if not head:
        return None
    meant = sum(link["hash"].startswith(head) for link in links)
    if meant > 1:
        raise NoHead("Several links begin with these characters; give more of them.")
    return None if meant else Broken("link not there", None, None)


async def _links_of_other_houses(connection: asyncpg.Connection, secret: bytes) -> int:
    """Up to which link other houses signed, by what this one proved when the brand came in."""
    rows = await connection.fetch(
        """select a.brand_id, s.number, s.hash, a.facts ->> 'proof' as proof from audit a
           join audit_seals s on s.number::text = a.facts ->> 'links' and s.hash = a.facts ->> 'end'
           where a.action = $1 order by s.number desc""",
        MOVED_IN,
    )
    for row in rows:
        proof = proof_of_move(secret, row["brand_id"], row["number"], row["hash"])
        if hmac.compare_digest(row["proof"] or "", proof):
            return row["number"]
    return 0


def proof_of_move(secret: bytes, brand_id: UUID, links: int, end: str) -> str:
    """What only this house can say: the brand came in with so many links, the last one with this hash."""
    return keyed_hash(secret, "audit move", f"{brand_id}/{links}/{end}")
