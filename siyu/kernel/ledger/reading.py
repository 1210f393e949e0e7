"""Balances, period statements, and the explanation of any amount. Each reads one snapshot, roll-ups and tail together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from siyu.kernel import clock
from siyu.kernel.ledger.kinds import Wallet
from siyu.kernel.ledger.rules import Standing, available


class Flow(msgspec.Struct, frozen=True):
    """What a book was debited and credited by one kind of posting, before the period and within it."""

    account_id: UUID
    kind: str
    opening_debit: int
    opening_credit: int
    debit: int
    credit: int


class Book(msgspec.Struct, frozen=True):
    """An account as statements show it."""

    id: UUID
    kind: str
    unit: str
    owner: str


class Line(msgspec.Struct, frozen=True):
    """A posting with the names of its accounts."""

    id: UUID
    key: str
    kind: str
    unit: str
    amount: int
    state: str
    rule: str
    subject: UUID | None
    reverses: UUID | None
    event_id: UUID | None
    booked_at: datetime
    source: Book
    destination: Book


_BOOKS = (
    "select id, kind, unit, owner from ledger_accounts where id = book order by unit, kind, owner"
)
# An instant within an hour needs that hour's postings themselves; on the hour this finds none.
_FLOWS = """
with cursor as (select coalesce((select hi from ledger_cursors), 0) as hi),
ends as (select * from (values (0, $1::timestamptz), (1, $2::timestamptz)) as e(nth, at)),
single as (
    select e.nth, p.source, p.destination, p.kind, p.amount
    from ends e cross join cursor c join ledger_postings p on p.state = 'posted' and p.tx >= c.hi and p.booked_at < e.at
    union all
    select e.nth, p.source, p.destination, p.kind, p.amount
    from ends e cross join cursor c
    join ledger_postings p on p.state = 'posted' and p.tx < c.hi
         and p.booked_at >= date_trunc('hour', e.at, 'UTC') and p.booked_at < e.at),
flows as (
    select e.nth, r.account_id, r.kind, sum(r.debit) as debit, sum(r.credit) as credit
    from ends e join ledger_roll_ups r on r.hour < date_trunc('hour', e.at, 'UTC') group by 1, 2, 3
    union all
    select s.nth, a.book, s.kind, sum(s.debit), sum(s.credit)
    from (select nth, source as account_id, kind, sum(amount) as debit, 0 as credit from single group by 1, 2, 3
          union all
          select nth, destination, kind, 0, sum(amount) from single group by 1, 2, 3) s
    join ledger_accounts a on a.id = s.account_id group by 1, 2, 3)
select account_id, kind,
       coalesce(sum(debit) filter (where nth = 0), 0)::bigint as opening_debit,
       coalesce(sum(credit) filter (where nth = 0), 0)::bigint as opening_credit,
       coalesce(sum(debit) filter (where nth = 1), 0)::bigint - coalesce(sum(debit) filter (where nth = 0), 0)::bigint as debit,
       coalesce(sum(credit) filter (where nth = 1), 0)::bigint - coalesce(sum(credit) filter (where nth = 0), 0)::bigint as credit
from flows group by account_id, kind order by account_id, kind
"""
_SHORT_OF_FOREVER = datetime.fromisoformat("9999-01-01T00:00:00+00:00")
_FOREVER_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


async def books(connection: asyncpg.Connection) -> dict[UUID, Book]:
    """All books of the brand by id; guarded accounts stand together as one."""
    return {row["id"]: Book(*row) for row in await connection.fetch(_BOOKS)}


async def flows(
    connection: asyncpg.Connection, begin: datetime | None = None, end: datetime | None = None
) -> list[Flow]:
    """Debits and credits by book and kind: before ``begin``, and from then on until ``end`` (exclusive).

    Over all books and kinds of a unit debits equal credits, before and within.
    """
    rows = await connection.fetch(_FLOWS, begin or _FOREVER_AGO, end or _SHORT_OF_FOREVER)
    return [Flow(*row) for row in rows]


_LINES = """
select p.id, p.key, p.kind, p.unit, p.amount, p.state, p.rule, p.subject, p.reverses, p.event_id, p.booked_at,
       s.id as source_id, s.kind as source_kind, s.owner as source_owner,
       d.id as destination_id, d.kind as destination_kind, d.owner as destination_owner
from ({chosen}) p
left join ledger_accounts s on s.id = p.source left join ledger_accounts d on d.id = p.destination
order by p.booked_at desc, p.id desc limit $1
"""


class Chosen(msgspec.Struct, frozen=True):
    """Which postings are looked at; None = any. ``side``: only those that debit, or credit, the account."""

    account_id: UUID | None = None
    kind: str | None = None
    subject: UUID | None = None
    begin: datetime | None = None
    end: datetime | None = None
    side: Literal["debit", "credit"] | None = None


class Moved(msgspec.Struct, frozen=True):
    """What chosen postings debit and credit the chosen account by; all accounts, when none is chosen."""

    unit: str
    debit: int
    credit: int


_OF_SUBJECT = """
select unit, coalesce(sum(amount) filter (where $3::uuid is null or source = $3), 0)::bigint,
       coalesce(sum(amount) filter (where $3::uuid is null or destination = $3), 0)::bigint
from ledger_postings
where subject = $1 and state = 'posted' and ($2::text is null or kind = $2)
  and ($4::timestamptz is null or booked_at >= $4) and ($5::timestamptz is null or booked_at < $5)
group by unit order by unit
"""


async def moved(connection: asyncpg.Connection, chosen: Chosen) -> list[Moved]:
    """Sums of the postings that count (neither pending nor void), by unit; from roll-ups unless a subject is chosen."""
    if chosen.subject:
        bounds = chosen.kind, chosen.account_id, chosen.begin, chosen.end
        found = [
            Moved(*row) for row in await connection.fetch(_OF_SUBJECT, chosen.subject, *bounds)
        ]
    else:
        units = {id: book.unit for id, book in (await books(connection)).items()}
        sums: dict[str, list[int]] = {}
        for flow in await flows(connection, chosen.begin, chosen.end):
            if chosen.account_id in (None, flow.account_id) and chosen.kind in (None, flow.kind):
                own = sums.setdefault(units[flow.account_id], [0, 0])
                own[0] += flow.debit
                own[1] += flow.credit
        found = [Moved(unit, *own) for unit, own in sorted(sums.items())]
    if chosen.side and chosen.account_id:
        debits = chosen.side == "debit"
        found = [Moved(one.unit, one.debit * debits, one.credit * (not debits)) for one in found]
    return found


async def page_of_lines(
    connection: asyncpg.Connection,
    chosen: Chosen,
    *,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Line]:
    """Postings, the newest first. Keyset paging by ``(booked_at, id)``."""
    assert 1 <= limit <= 1001
    values: list[Any] = [limit]

    def bound(value: Any, sort: str) -> str:
        values.append(value)
        return f"${len(values)}::{sort}"

    where: list[str] = []
    if chosen.kind:
        where.append(f"kind = {bound(chosen.kind, 'text')}")
    if chosen.subject:
        where.append(f"subject = {bound(chosen.subject, 'uuid')}")
    if chosen.begin:
        where.append(f"booked_at >= {bound(chosen.begin, 'timestamptz')}")
    if chosen.end:
        where.append(f"booked_at < {bound(chosen.end, 'timestamptz')}")
    if before:
        where.append(
            f"(booked_at, id) < ({bound(before[0], 'timestamptz')}, {bound(before[1], 'uuid')})"
        )
    sides = [""]
    if chosen.account_id:
        account = bound(chosen.account_id, "uuid")
        sides = [
            f"{column} = {account}"
            for column, side in (("source", "debit"), ("destination", "credit"))
            if chosen.side in (None, side)
        ]
    parts = [
        f"(select * from ledger_postings where {' and '.join([*filter(None, [side]), *where]) or 'true'}"
        " order by booked_at desc, id desc limit $1)"
        for side in sides
    ]
    rows = await connection.fetch(_LINES.format(chosen=" union all ".join(parts)), *values)
    return [_line(row) for row in rows]


_BY_ID = _LINES.format(chosen="select * from ledger_postings where id = any($2::uuid[])")
_BY_KEY = _LINES.format(chosen="select * from ledger_postings where key = any($2::text[])")


async def lines_by_id(connection: asyncpg.Connection, ids: Sequence[UUID]) -> list[Line]:
    """These postings, as many as there are."""
    return [_line(row) for row in await connection.fetch(_BY_ID, len(ids), list(ids))]


async def lines_by_key(connection: asyncpg.Connection, keys: Sequence[str]) -> list[Line]:
    """All parts of what these keys stand for, 1000 at most."""
    return [_line(row) for row in await connection.fetch(_BY_KEY, 1000, list(keys))]


def _line(row: asyncpg.Record) -> Line:
    unit, own = row["unit"], {name: row[name] for name in Line.__struct_fields__[:11]}
    source = Book(row["source_id"], row["source_kind"], unit, row["source_owner"])
    destination = Book(
        row["destination_id"], row["destination_kind"], unit, row["destination_owner"]
    )
    return Line(**own, source=source, destination=destination)


class Held(msgspec.Struct, frozen=True):
    """A wallet: what was posted into its lots, what pending postings hold of it, and what can be spent now."""

    posted: int
    held: int
    available: int


async def wallet_on(connection: asyncpg.Connection, wallet: Wallet) -> Held:
    """A wallet's balance over all its lots."""
    rows = await connection.fetch(
        """select account_id, posted, held, opened_at, expires_at from ledger_balances
           where owner = $1 and kind = $2 and unit = $3""",
        wallet.owner,
        wallet.kind.name,
        wallet.unit,
    )
    lots = [Standing(*row) for row in rows]
    return Held(
        sum(lot.posted for lot in lots),
        sum(lot.held for lot in lots),
        available(lots, clock.now()),
    )
