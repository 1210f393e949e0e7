"""What the ledger knows of: kinds of accounts and of postings, declared in code by the modules whose money it is."""

from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Literal
from uuid import UUID

import msgspec

Title = dict[str, str]


class AccountKind(msgspec.Struct, frozen=True):
    """A kind of account. ``side`` is where its balance grows: what we have is ``debit``, owe or earned ``credit``.

    ``guarded`` accounts (a wallet, a budget) have a balance row that limited postings lock; the others have none.
    """

    name: str
    title: Title
    side: Literal["debit", "credit"]
    guarded: bool = False


class PostingKind(msgspec.Struct, frozen=True):
    """A kind of posting and the rule that makes it. The limit is the kind's: two kinds may differ on one account.

    ``rule`` names the rule with its version, ``sentence`` says it; a changed rule is a new version.
    """

    name: str
    title: Title
    rule: str
    sentence: Title
    source: AccountKind
    destination: AccountKind
    limited: bool = False
    """Whether it may take no more than its (guarded) source has."""
    reversal_may_overdraw: bool = True
    """Whether taking it back may leave its destination below zero: points that were earned, spent, and then undone."""


account_kinds: dict[str, AccountKind] = {}
posting_kinds: dict[str, PostingKind] = {}


def declare_account(kind: AccountKind) -> AccountKind:
    """Make a kind of account known; its name is data and never changes."""
    assert kind.name not in account_kinds, f"two kinds of account are called {kind.name}"
    account_kinds[kind.name] = kind
    return kind


def declare_posting(kind: PostingKind) -> PostingKind:
    """Make a kind of posting known; its name is data and never changes. Only guarded accounts can be limited."""
    assert kind.name not in posting_kinds, f"two kinds of posting are called {kind.name}"
    assert kind.source.guarded or not kind.limited, "a limit needs a balance that can be locked"
    posting_kinds[kind.name] = kind
    return kind


class Account(msgspec.Struct, frozen=True, dict=True):
    """One account: a kind in a unit (``CNY``, ``points``, ``coupon:…``), of an owner if it is somebody's.

    A ``lot`` is an account by itself: what somebody got at one time, with its expiry. Nothing has to be opened
    beforehand; the first posting does it, and the first one's ``expires_at`` stays.
    """

    kind: AccountKind
    unit: str
    owner: str = ""
    lot: UUID | None = None
    expires_at: datetime | None = None

    @cached_property
    def id(self) -> UUID:
        """Follows from kind, unit, owner and lot, so nobody has to look it up; migrations make the same in SQL."""
        said = f"{self.kind.name}|{self.unit}|{self.owner}|{self.lot or ''}"
        return UUID(bytes=sha256(said.encode()).digest()[:16])

    @cached_property
    def book(self) -> UUID:
        """The account that statements show it under: itself, or all guarded ones of a kind and unit together."""
        return Account(self.kind, self.unit).id if self.kind.guarded else self.id


class Wallet(msgspec.Struct, frozen=True):
    """All lots of an owner; as a source it is spent first in, first out."""

    kind: AccountKind
    unit: str
    owner: str


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """An amount that goes from one account to another. ``key`` makes repetition harmless; ``amount`` > 0.

    ``pending`` only holds it until it is settled. ``event_id`` is what happened; ``subject`` whose amount it explains,
    e.g. the order.
    """

    kind: PostingKind
    source: Account | Wallet
    destination: Account
    amount: int
    key: str
    event_id: UUID | None
    subject: UUID | None = None
    rule: str = ""
    """Empty: the kind's own."""
    pending: bool = False
    booked_at: datetime | None = None
    """When it counts, for history that is taken over; now, when it is not given."""

    def __post_init__(self) -> None:
        """What cannot be posted is a bug of whoever asks."""
        assert self.amount > 0 and self.source.unit == self.destination.unit
        assert (
            self.source.kind == self.kind.source and self.destination.kind == self.kind.destination
        )
        assert self.source.kind.guarded or isinstance(self.source, Account), "lots are guarded"
