"""What the console reads of the ledger, with the words of the kinds of accounts and postings."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from siyu.kernel import ledger

LocaleText = dict[str, str]


class LedgerAccountOut(msgspec.Struct):
    """An account; ``owner`` tells those of one kind apart (the provider). Guarded ones stand together as one.

    ``side`` (debit or credit) is where its balance grows.
    """

    id: UUID
    kind: str
    title: LocaleText
    owner: str
    side: str

    @classmethod
    def of(cls, book: ledger.Book) -> "LedgerAccountOut":
        """The wire form."""
        kind = ledger.account_kinds.get(book.kind)
        title, side = (kind.title, kind.side) if kind else ({"en": book.kind}, "credit")
        return cls(book.id, book.kind, title, book.owner, side)


class LedgerEventOut(msgspec.Struct):
    """What happened: the event in whose transaction it was posted. ``facts`` are its ids and amounts."""

    id: UUID
    kind: str
    occurred_at: datetime
    origin: str
    actor_kind: str
    facts: dict[str, Any]


class PostingOut(msgspec.Struct):
    """An amount that went from one account to another, by which rule. Amounts are minor units where the unit is a currency.

    ``subject_label`` is the number of the order that it is of. ``event`` is told in explanations only, and not when it
    lies in the log's archive.
    """

    id: UUID
    kind: str
    title: LocaleText
    rule: str
    sentence: LocaleText
    unit: str
    amount: int
    state: str
    booked_at: datetime
    source: LedgerAccountOut
    destination: LedgerAccountOut
    subject: UUID | None
    subject_label: str
    reverses: UUID | None
    event_id: UUID | None
    event: LedgerEventOut | None

    @classmethod
    def of(
        cls, line: ledger.Line, label: str = "", event: LedgerEventOut | None = None
    ) -> "PostingOut":
        """The wire form."""
        kind = ledger.posting_kinds.get(line.kind)
        return cls(
            line.id, line.kind, kind.title if kind else {"en": line.kind}, line.rule, kind.sentence if kind else {}, line.unit,
            line.amount, line.state, line.booked_at, LedgerAccountOut.of(line.source), LedgerAccountOut.of(line.destination),
            line.subject, label, line.reverses, line.event_id, event,
        )  # fmt: skip


class PostingSumOut(msgspec.Struct):
    """What all chosen postings come to in a unit, those of later pages too; pending and void ones do not count.

    Debits and credits of the chosen account; of all accounts, when none is chosen.
    """

    unit: str
    debit: int
    credit: int


class PostingPage(msgspec.Struct):
    """Postings, the newest first. ``sums`` stand on the first page only."""

    items: list[PostingOut]
    next: str | None
    sums: list[PostingSumOut]


class ExplainedOut(msgspec.Struct):
    """An amount and the postings that it is made of, the oldest first; they add up to it."""

    amount: int
    unit: str
    lines: list[PostingOut]


class LedgerMovementOut(msgspec.Struct):
    """What one kind of posting moved on an account."""

    kind: str
    title: LocaleText
    debit: int
    credit: int


class StatementLineOut(msgspec.Struct):
    """An account's period: opening, movements, closing; balances grow on its ``side`` (debit or credit)."""

    account: LedgerAccountOut
    unit: str
    side: str
    opening: int
    debit: int
    credit: int
    closing: int
    movements: list[LedgerMovementOut]


class StatementTotalOut(msgspec.Struct):
    """All accounts of a unit. Debits equal credits, and balances of both sides are the same."""

    unit: str
    debit: int
    credit: int
    closing_debit: int
    closing_credit: int
    balanced: bool


class StatementOut(msgspec.Struct):
    """Days ``first`` to ``last`` of the brand's calendar."""

    first: date
    last: date
    lines: list[StatementLineOut]
    totals: list[StatementTotalOut]


def statement_of(
    first: date,
    last: date,
    books: dict[UUID, ledger.Book],
    flows: list[ledger.Flow],
) -> StatementOut:
    """Put flows together by account; those that never moved are left out."""
    by_book: dict[UUID, list[ledger.Flow]] = {}
    for flow in flows:
        by_book.setdefault(flow.account_id, []).append(flow)
    turn = {name: at for at, name in enumerate(ledger.account_kinds)}
    lines = [_line(books[id], by_book[id]) for id in books if id in by_book]
    lines.sort(key=lambda line: (line.unit, turn.get(line.account.kind, 0), line.account.owner))
    totals: list[StatementTotalOut] = []
    for unit in dict.fromkeys(line.unit for line in lines):
        own = [line for line in lines if line.unit == unit]
        debit, credit = sum(line.debit for line in own), sum(line.credit for line in own)
        sides = {
            side: sum(line.closing for line in own if line.side == side)
            for side in ("debit", "credit")
        }
        balanced = debit == credit and sides["debit"] == sides["credit"]
        totals.append(
            StatementTotalOut(unit, debit, credit, sides["debit"], sides["credit"], balanced)
        )
    return StatementOut(first, last, lines, totals)


def _line(book: ledger.Book, flows: list[ledger.Flow]) -> StatementLineOut:
    kind = ledger.account_kinds.get(book.kind)
    side = kind.side if kind else "credit"
    sign = 1 if side == "credit" else -1
    opening = sign * sum(flow.opening_credit - flow.opening_debit for flow in flows)
    debit, credit = sum(flow.debit for flow in flows), sum(flow.credit for flow in flows)
    movements = [
        LedgerMovementOut(
            flow.kind,
            ledger.posting_kinds[flow.kind].title if flow.kind in ledger.posting_kinds else {"en": flow.kind},
            flow.debit,
            flow.credit,
        )
        for flow in flows
        if flow.debit or flow.credit
    ]  # fmt: skip
    closing = opening + sign * (credit - debit)
    return StatementLineOut(
        LedgerAccountOut.of(book), book.unit, side, opening, debit, credit, closing, movements
    )
