"""Posting: lists of amounts in one statement, or three when a limit is among them. On the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from siyu.kernel import clock, timers
from siyu.kernel.errors import Refusal
from siyu.kernel.ids import new_id
from siyu.kernel.ledger.kinds import Account, Posting, Wallet
from siyu.kernel.ledger.rules import KeyReused, Overdrawn, Standing, first_in_first_out

ROLL_UP = "ledger.roll_up"
"""Kind of the timer that moves the tail into roll-ups; put when a book is opened, goes on by itself."""


class Part(msgspec.Struct, frozen=True):
    """One row of a posting; several when it was spent from several lots."""

    id: UUID
    part: int
    source: UUID
    destination: UUID
    amount: int


class Posted(msgspec.Struct, frozen=True):
    """What a key stands for. ``fresh`` is false when it did so before."""

    key: str
    state: str
    parts: tuple[Part, ...]
    fresh: bool = True

    @property
    def amount(self) -> int:
        """The whole of it."""
        return sum(part.amount for part in self.parts)


class Leg(msgspec.Struct, frozen=True):
    """A row that is about to be written."""

    id: UUID
    key: str
    part: int
    kind: str
    source: UUID
    destination: UUID
    unit: str
    amount: int
    state: str
    event_id: UUID | None
    rule: str
    subject: UUID | None
    reverses: UUID | None
    booked_at: datetime


_NEW = """
with opened as (
    insert into ledger_accounts (id, kind, unit, owner, lot, book, expires_at, opened_at)
    select *, $22::timestamptz from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::timestamptz[])
    on conflict (brand_id, id) do nothing returning id),
new as (
    insert into ledger_postings (id, key, part, kind, source, destination, unit, amount, state, event_id, rule, subject,
                                 reverses, booked_at)
    select * from unnest($8::uuid[], $9::text[], $10::bigint[], $11::text[], $12::uuid[], $13::uuid[], $14::text[], $15::bigint[],
                         $16::text[], $17::uuid[], $18::text[], $19::uuid[], $20::uuid[], $21::timestamptz[])
    on conflict (brand_id, key, part) do nothing returning key, source, destination, amount, state)
"""
_MOVED = """,
moved as (
    update ledger_balances b set posted = b.posted + m.posted, held = b.held + m.held
    from (select account_id, sum(posted)::bigint as posted, sum(held)::bigint as held
          from (select source as account_id, case when state = 'posted' then -amount else 0 end as posted,
                       case when state = 'pending' then amount else 0 end as held from new
                union all
                select destination, amount, 0 from new where state = 'posted') s group by account_id) m
    where b.account_id = m.account_id)
"""
_DONE = "select (select count(*) from opened) as opened, (select array_agg(key) from new) as keys"
_OPEN = """
with opened as (
    insert into ledger_accounts (id, kind, unit, owner, lot, book, expires_at, opened_at)
    select *, $8::timestamptz from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::timestamptz[])
    order by 1 on conflict (brand_id, id) do nothing)
insert into ledger_balances (account_id, kind, unit, owner, expires_at, opened_at)
select id, kind, unit, owner, expires_at, $8::timestamptz
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::timestamptz[])
     as a(id, kind, unit, owner, lot, book, expires_at)
order by id on conflict (brand_id, account_id) do nothing
"""
_LOCK = """
select account_id, owner, kind, unit, posted, held, opened_at, expires_at from ledger_balances
where account_id in (
    select unnest($1::uuid[])
    union
    select b.account_id from ledger_balances b
    join unnest($2::text[], $3::text[], $4::text[]) as w(owner, kind, unit) on b.owner = w.owner and b.kind = w.kind and b.unit = w.unit
    where b.posted <> 0 or b.held <> 0)
order by account_id for update
"""
_EARLIER = """
select p.id, p.key, p.part, p.kind, p.source, p.destination, p.unit, p.amount, p.state, p.subject, p.reverses, b.owner
from ledger_postings p left join ledger_balances b on b.account_id = p.source
where p.key = any($1::text[]) order by p.key, p.part
"""

WalletKey = tuple[str, str, str]
Earlier = Mapping[str, list[asyncpg.Record]]


async def post_on(
    connection: asyncpg.Connection, wanted: Sequence[Posting]
) -> list[Posted | Refusal]:
    """Post (or hold, when pending) what is wanted, in this order; answers by position, in the caller's transaction.

    The same key with the same content answers as before and moves nothing. Refusals: ``Overdrawn`` where the kind is
    limited, ``KeyReused``. Locks the balances of guarded accounts in the order of their ids.
    """
    if not wanted:
        return []
    now = clock.now()
    if not any(one.source.kind.guarded or one.destination.kind.guarded for one in wanted):
        return await _post_freely(connection, wanted, now)
    standings, wallets = await _locked(connection, wanted, now)
    earlier = await earlier_of(connection, [one.key for one in wanted])
    answers: list[Posted | Refusal] = []
    made: dict[str, tuple[Posting, Posted]] = {}
    legs: list[Leg] = []
    for one in wanted:
        try:
            if one.key in made:
                answers.append(_again(one, *made[one.key]))
                continue
            if one.key in earlier:
                answers.append(_before(one, earlier[one.key]))
                continue
            new = _legs(one, _sources(one, standings, wallets, now), now)
        except Refusal as refusal:
            answers.append(refusal)
            continue
        apply(new, standings)
        legs += new
        made[one.key] = (one, answer_of(new))
        answers.append(made[one.key][1])
    if legs and not await write_whole(connection, legs, _books(wanted)):
        return await post_on(connection, wanted)
    return answers


async def book_on(connection: asyncpg.Connection, wanted: Sequence[Posting]) -> list[Posted]:
    """``post_on`` for what cannot be refused but by a bug. Raises the first refusal."""
    answers = await post_on(connection, wanted)
    for answer in answers:
        if isinstance(answer, Refusal):
            raise answer
    return [answer for answer in answers if isinstance(answer, Posted)]


async def _post_freely(
    connection: asyncpg.Connection, wanted: Sequence[Posting], now: datetime
) -> list[Posted | Refusal]:
    """No limit is among them, so they are written at once; what was there before is looked at afterwards."""
    made: dict[str, tuple[Posting, Posted]] = {}
    legs: list[Leg] = []
    answers: list[Posted | Refusal] = []
    for one in wanted:
        if one.key in made:
            try:
                answers.append(_again(one, *made[one.key]))
            except KeyReused as refusal:
                answers.append(refusal)
            continue
        assert isinstance(one.source, Account)
        new = _legs(one, [(one.source.id, one.amount)], now)
        legs += new
        made[one.key] = (one, answer_of(new))
        answers.append(made[one.key][1])
    fresh = await write_legs(connection, legs, _books(wanted), guarded=False)
    if lost := made.keys() - fresh:
        earlier = await earlier_of(connection, list(lost))
        for at, one in enumerate(wanted):
            if one.key in earlier:
                try:
                    answers[at] = _before(one, earlier[one.key])
                except KeyReused as refusal:
                    answers[at] = refusal
    return answers


def _accounts(wanted: Iterable[Posting]) -> dict[UUID, Account]:
    found: dict[UUID, Account] = {}
    for one in wanted:
        for account in (one.source, one.destination):
            if isinstance(account, Account):
                found.setdefault(account.id, account)
    return dict(sorted(found.items()))


def _books(wanted: Iterable[Posting]) -> list[Account]:
    """The accounts that statements show; guarded ones themselves are opened with their balances."""
    found: dict[UUID, Account] = {}
    for one in wanted:
        for account in (one.source, one.destination):
            if isinstance(account, Wallet) or account.kind.guarded:
                book = Account(account.kind, account.unit)
            else:
                book = account
            found.setdefault(book.id, book)
    return [found[id] for id in sorted(found)]


async def _locked(
    connection: asyncpg.Connection, wanted: Sequence[Posting], now: datetime
) -> tuple[dict[UUID, Standing], dict[WalletKey, list[Standing]]]:
    """Guarded accounts under their locks, opened where they are new, and the lots of wallets that are spent from."""
    accounts = {id: one for id, one in _accounts(wanted).items() if one.kind.guarded}
    wallets = [one.source for one in wanted if isinstance(one.source, Wallet)]
    keys = sorted({(one.owner, one.kind.name, one.unit) for one in wallets})
    rows = await lock(connection, list(accounts), keys)
    known = {row["account_id"] for row in rows}
    if missing := [one for id, one in accounts.items() if id not in known]:
        await connection.execute(_OPEN, *_columns(missing), now)
        rows = await lock(connection, list(accounts), keys)
    standings = {row["account_id"]: standing_of(row) for row in rows}
    lots: dict[WalletKey, list[Standing]] = {key: [] for key in keys}
    for row in rows:
        if (key := (row["owner"], row["kind"], row["unit"])) in lots:
            lots[key].append(standings[row["account_id"]])
    return standings, lots


async def lock(
    connection: asyncpg.Connection, ids: Sequence[UUID], wallets: Sequence[WalletKey] = ()
) -> list[asyncpg.Record]:
    """Lock balances by account and all lots of wallets, in the order of ids."""
    return await connection.fetch(
        _LOCK, list(ids), [w[0] for w in wallets], [w[1] for w in wallets], [w[2] for w in wallets]
    )


def standing_of(row: asyncpg.Record) -> Standing:
    """A locked balance as rules see it."""
    return Standing(
        row["account_id"], row["posted"], row["held"], row["opened_at"], row["expires_at"]
    )


async def earlier_of(connection: asyncpg.Connection, keys: Sequence[str]) -> Earlier:
    """What keys stand for already: the rows of each, by part."""
    found: dict[str, list[asyncpg.Record]] = {}
    for row in await connection.fetch(_EARLIER, list(dict.fromkeys(keys))):
        found.setdefault(row["key"], []).append(row)
    return found


def _sources(
    one: Posting,
    standings: Mapping[UUID, Standing],
    wallets: Mapping[WalletKey, list[Standing]],
    now: datetime,
) -> list[tuple[UUID, int]]:
    if isinstance(one.source, Wallet):
        lots = wallets[one.source.owner, one.source.kind.name, one.source.unit]
        return first_in_first_out(lots, one.amount, now)
    if one.kind.limited:
        free = standings[one.source.id].free
        if one.amount > free:
            raise Overdrawn(available=max(0, free))
    return [(one.source.id, one.amount)]


def _legs(one: Posting, sources: Sequence[tuple[UUID, int]], now: datetime) -> list[Leg]:
    return [
        Leg(
            new_id(), one.key, part, one.kind.name, source, one.destination.id, one.destination.unit, amount,
            "pending" if one.pending else "posted", one.event_id, one.rule or one.kind.rule, one.subject, None,
            one.booked_at or now,
        )
        for part, (source, amount) in enumerate(sources, 1)
    ]  # fmt: skip


def apply(legs: Iterable[Leg], standings: Mapping[UUID, Standing]) -> None:
    """Let the standings show what was just decided, for whoever is decided next."""
    for leg in legs:
        if source := standings.get(leg.source):
            if leg.state == "pending":
                source.held += leg.amount
            else:
                source.posted -= leg.amount
        if leg.state == "posted" and (destination := standings.get(leg.destination)):
            destination.posted += leg.amount


def answer_of(legs: Sequence[Leg]) -> Posted:
    """What is answered for rows that are about to be written."""
    return Posted(
        legs[0].key,
        legs[0].state,
        tuple(Part(leg.id, leg.part, leg.source, leg.destination, leg.amount) for leg in legs),
    )


def posted_of(rows: Sequence[asyncpg.Record]) -> Posted:
    """What is answered for rows that are there."""
    return Posted(
        rows[0]["key"],
        rows[0]["state"],
        tuple(
            Part(row["id"], row["part"], row["source"], row["destination"], row["amount"])
            for row in rows
        ),
        fresh=False,
    )


def _before(one: Posting, rows: Sequence[asyncpg.Record]) -> Posted:
    first = rows[0]
    same = (
        first["reverses"] is None
        and (
            one.pending or first["state"] == "posted"
        )  # what is held, or was let go, is no payment
        and (first["kind"], first["unit"]) == (one.kind.name, one.destination.unit)
        and (first["destination"], first["subject"]) == (one.destination.id, one.subject)
        and sum(row["amount"] for row in rows) == one.amount
        and (
            first["owner"] == one.source.owner
            if isinstance(one.source, Wallet)
            else first["source"] == one.source.id
        )
    )
    if not same:
        raise KeyReused(key=one.key)
    return posted_of(rows)


def _again(one: Posting, first: Posting, answer: Posted) -> Posted:
    """The same key twice in one list."""
    same = (one.kind, one.source, one.destination, one.amount, one.subject, one.pending) == (
        first.kind, first.source, first.destination, first.amount, first.subject, first.pending,
    )  # fmt: skip
    if not same:
        raise KeyReused(key=one.key)
    return msgspec.structs.replace(answer, fresh=False)


def _columns(accounts: Iterable[Account]) -> list[list[Any]]:
    rows = [(a.id, a.kind.name, a.unit, a.owner, a.lot, a.book, a.expires_at) for a in accounts]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 7


async def write_legs(
    connection: asyncpg.Connection,
    legs: Sequence[Leg],
    books: Sequence[Account],
    *,
    guarded: bool,
) -> list[str]:
    """Write rows, open the books that are new and move the balances of guarded ones; the keys of what was written.

    A row whose key and part somebody else has used, perhaps at this moment, is left out.
    """
    fields = [list(column) for column in zip(*map(msgspec.structs.astuple, legs), strict=True)]
    statement = _NEW + (_MOVED if guarded else "") + _DONE
    row = await connection.fetchrow(statement, *_columns(books), *fields, clock.now())
    assert row is not None
    if row["opened"]:
        await timers.put_on(connection, ROLL_UP, [_HOUSE], [clock.now()])
    return row["keys"] or []


async def write_whole(
    connection: asyncpg.Connection, legs: Sequence[Leg], books: Sequence[Account]
) -> bool:
    """Write all of it; or nothing, when somebody else has used one of the keys since they were looked up.

    Whoever is told ``False`` decides again: the key is found now, and what was spent is left to others.
    """
    await connection.execute("savepoint ledger_legs")
    written = len(await write_legs(connection, legs, books, guarded=True))
    is_whole = written == len(legs)
    await connection.execute(
        "release savepoint ledger_legs" if is_whole else "rollback to savepoint ledger_legs"
    )
    return is_whole


_HOUSE = UUID(int=0)
"""The subject of the brand's one roll-up timer."""
