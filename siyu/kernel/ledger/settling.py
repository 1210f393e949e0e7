"""What becomes of a posting: a pending one is posted or void; a posted one is taken back, whole or in parts; lots expire."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from siyu.kernel import clock
from siyu.kernel.errors import NotFound, Refusal
from siyu.kernel.ids import new_id
from siyu.kernel.ledger.kinds import Account, PostingKind, posting_kinds
from siyu.kernel.ledger.posting import (
    Leg,
    Posted,
    answer_of,
    apply,
    earlier_of,
    lock,
    posted_of,
    standing_of,
    write_legs,
    write_whole,
)
from siyu.kernel.ledger.rules import (
    AlreadySettled,
    KeyReused,
    Overdrawn,
    Standing,
    give_back,
)


class Settling(msgspec.Struct, frozen=True):
    """A pending posting comes to its end: it counts from now on, or never did."""

    key: str
    done: bool


class Reversal(msgspec.Struct, frozen=True, kw_only=True):
    """A posting is taken back, by ``amount`` or all that is left of it; lots get back what came from them."""

    of: str
    """The key of what is taken back."""
    key: str
    event_id: UUID | None
    amount: int | None = None
    rule: str = ""


_PENDING = """
select id, key, part, kind, source, destination, unit, amount, state, subject, reverses from ledger_postings
where key = any($1::text[]) order by key, part for update
"""
_SETTLE = """
with done as (
    update ledger_postings p set state = w.state, booked_at = $3, tx = pg_current_xact_id()::text::bigint
    from unnest($1::uuid[], $2::text[]) as w(id, state) where p.id = w.id and p.state = 'pending'
    returning p.source, p.destination, p.amount, p.state)
update ledger_balances b set posted = b.posted + m.posted, held = b.held + m.held
from (select account_id, sum(posted)::bigint as posted, sum(held)::bigint as held
      from (select source as account_id, case when state = 'posted' then -amount else 0 end as posted, -amount as held from done
            union all
            select destination, amount, 0 from done where state = 'posted') s group by account_id) m
where b.account_id = m.account_id
"""


async def settle_on(
    connection: asyncpg.Connection, wanted: Sequence[Settling]
) -> list[Posted | Refusal]:
    """Bring pending postings to their end; again answers the same. Refusals: ``NotFound``, ``AlreadySettled``."""
    rows: dict[str, list[asyncpg.Record]] = {}
    for row in await connection.fetch(_PENDING, [one.key for one in wanted]):
        rows.setdefault(row["key"], []).append(row)
    answers: list[Posted | Refusal] = []
    ends: dict[str, str] = {}
    for one in wanted:
        end = "posted" if one.done else "void"
        if one.key not in rows:
            answers.append(NotFound(key=one.key))
            continue
        state = ends.get(one.key) or rows[one.key][0]["state"]
        if state == "pending":
            ends[one.key] = end
        elif state != end:
            answers.append(AlreadySettled(state=state))
            continue
        there = posted_of(rows[one.key])
        answers.append(msgspec.structs.replace(there, state=end, fresh=state == "pending"))
    if ends:
        due = [row for key in ends for row in rows[key]]
        await lock(
            connection, sorted({row[end] for row in due for end in ("source", "destination")})
        )
        states = [ends[row["key"]] for row in due]
        await connection.execute(_SETTLE, [row["id"] for row in due], states, clock.now())
    return answers


_TAKEN_BACK = """
select reverses, sum(amount)::bigint as amount from ledger_postings where reverses = any($1::uuid[]) group by reverses
"""


async def reverse_on(
    connection: asyncpg.Connection, wanted: Sequence[Reversal]
) -> list[Posted | Refusal]:
    """Take postings back, in this order. The same key with the same content answers as before.

    Refusals: ``NotFound`` (also for what is not posted), ``ReversedTooMuch``, ``KeyReused``, and ``Overdrawn`` where
    the kind does not let its destination go below zero.
    """
    if not wanted:
        return []
    originals: dict[str, list[asyncpg.Record]] = {}
    for row in await connection.fetch(_PENDING, [one.of for one in wanted]):
        if row["state"] == "posted":
            originals.setdefault(row["key"], []).append(row)
    rows = {row["id"]: row for parts in originals.values() for row in parts}
    ends = sorted({row[end] for row in rows.values() for end in ("source", "destination")})
    standings = {row["account_id"]: standing_of(row) for row in await lock(connection, ends)}
    earlier = await earlier_of(connection, [one.key for one in wanted])
    taken: dict[UUID, int] = dict(await connection.fetch(_TAKEN_BACK, list(rows)))
    answers: list[Posted | Refusal] = []
    legs: list[Leg] = []
    made: dict[str, tuple[Reversal, Posted]] = {}
    now = clock.now()
    for one in wanted:
        try:
            parts = originals.get(one.of)
            if not parts:
                raise NotFound(key=one.of)
            if one.key in made:
                answers.append(_repeated(one, *made[one.key]))
                continue
            if one.key in earlier:
                answers.append(_before(one, earlier[one.key], {row["id"] for row in parts}))
                continue
            new = _back(one, parts, taken, standings, now)
        except Refusal as refusal:
            answers.append(refusal)
            continue
        apply(new, standings)
        for leg in new:
            assert leg.reverses is not None
            taken[leg.reverses] = taken.get(leg.reverses, 0) + leg.amount
        legs += new
        made[one.key] = (one, answer_of(new))
        answers.append(made[one.key][1])
    if legs and not await write_whole(connection, legs, []):
        return await reverse_on(connection, wanted)
    return answers


def _back(
    one: Reversal,
    parts: Sequence[asyncpg.Record],
    taken: dict[UUID, int],
    standings: dict[UUID, Standing],
    now: datetime,
) -> list[Leg]:
    left = [(row["id"], row["amount"] - taken.get(row["id"], 0)) for row in parts]
    by_id = {row["id"]: row for row in parts}
    spread = give_back(left, one.amount)
    kind = posting_kinds[parts[0]["kind"]]
    giver = standings.get(parts[0]["destination"])
    if giver and not kind.reversal_may_overdraw:
        asked = sum(amount for _, amount in spread)
        if asked > giver.free:
            raise Overdrawn(available=max(0, giver.free))
    return [
        Leg(
            new_id(), one.key, part, kind.name, by_id[id]["destination"], by_id[id]["source"], by_id[id]["unit"], amount,
            "posted", one.event_id, one.rule or kind.rule, by_id[id]["subject"], id, now,
        )
        for part, (id, amount) in enumerate(spread, 1)
    ]  # fmt: skip


def _repeated(one: Reversal, first: Reversal, answer: Posted) -> Posted:
    if (one.of, one.amount) != (first.of, first.amount):
        raise KeyReused(key=one.key)
    return msgspec.structs.replace(answer, fresh=False)


def _before(one: Reversal, rows: Sequence[asyncpg.Record], parts: set[UUID]) -> Posted:
    amount = sum(row["amount"] for row in rows)
    if rows[0]["reverses"] not in parts or one.amount not in (None, amount):
        raise KeyReused(key=one.key)
    return posted_of(rows)


_EXPIRED = """
select account_id, unit, posted, held, opened_at, expires_at from ledger_balances
where kind = $1 and expires_at <= $2 and posted - held > 0 order by expires_at, account_id limit $3
"""


async def expire_on(
    connection: asyncpg.Connection, kind: PostingKind, owner: str = "", *, most: int = 1000
) -> int:
    """Move what is left in lots that have expired to the kind's destination; how many lots, at most ``most``.

    What pending postings hold stays; when it comes free it expires the next time.
    """
    now = clock.now()
    units: dict[UUID, str] = {
        row["account_id"]: row["unit"]
        for row in await connection.fetch(_EXPIRED, kind.source.name, now, most)
    }
    legs: list[Leg] = []
    for row in await lock(connection, sorted(units)):
        lot = standing_of(row)
        if lot.free > 0:
            to, id = Account(kind.destination, row["unit"], owner), new_id()
            leg = Leg(
                id, f"{kind.name}:{id}", 1, kind.name, lot.account_id, to.id, row["unit"], lot.free, "posted", None, kind.rule,
                None, None, now,
            )  # fmt: skip
            legs.append(leg)
    if legs:
        books = {unit: Account(kind.destination, unit, owner) for unit in units.values()}
        await write_legs(connection, legs, list(books.values()), guarded=True)
    return len(legs)
