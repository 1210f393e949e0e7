"""Who may take how much, from which lots, and what comes back. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from siyu.kernel.errors import Refusal


class Overdrawn(Refusal):
    """There is less than is asked for; ``facts``: available."""

    code = "ledger.overdrawn"
    detail = "There is not enough left for this. Ask for what is available, or less."


class KeyReused(Refusal):
    """The key was used for something else; ``facts``: key."""

    code = "ledger.key_reused"
    detail = "This key already stands for another posting. Use a new one."


class AlreadySettled(Refusal):
    """A pending posting came to the other end already; ``facts``: state."""

    code = "ledger.already_settled"
    detail = "This was settled already, and otherwise. Look at what it came to."


class ReversedTooMuch(Refusal):
    """More is taken back than is left of a posting; ``facts``: left."""

    code = "ledger.reversed_too_much"
    detail = "That is more than is left to take back."


class Standing(Struct):
    """A guarded account as it is under its lock: what was posted, and what of it pending postings hold."""

    account_id: UUID
    posted: int
    held: int
    opened_at: datetime
    expires_at: datetime | None = None

    @property
    def free(self) -> int:
        """What limited postings may take; below zero after a reversal."""
        return self.posted - self.held

    def is_open(self, now: datetime) -> bool:
        """Whether it can be spent from: not expired, and something is free."""
        return self.free > 0 and (self.expires_at is None or self.expires_at > now)


def available(lots: Iterable[Standing], now: datetime) -> int:
    """What a wallet can spend: what is free in open lots less what other lots owe."""
    return sum(lot.free for lot in lots if lot.is_open(now) or lot.free < 0)


def first_in_first_out(
    lots: Sequence[Standing], amount: int, now: datetime
) -> list[tuple[UUID, int]]:
    """Take an amount from open lots: those that expire first, then those that came first. Raises ``Overdrawn``."""
    if amount > (most := available(lots, now)):
        raise Overdrawn(available=max(0, most))
    parts: list[tuple[UUID, int]] = []
    for lot in sorted((lot for lot in lots if lot.is_open(now)), key=_turn):
        if not amount:
            break
        part = min(amount, lot.free)
        parts.append((lot.account_id, part))
        amount -= part
    assert amount == 0
    return parts


def _turn(lot: Standing) -> tuple[bool, float, float, int]:
    expires = lot.expires_at.timestamp() if lot.expires_at else 0.0
    return (lot.expires_at is None, expires, lot.opened_at.timestamp(), lot.account_id.int)


def give_back(left: Sequence[tuple[UUID, int]], amount: int | None) -> list[tuple[UUID, int]]:
    """Spread what is taken back over the parts of a posting: what was taken last comes back first. Sums to the amount.

    ``None`` = all that is left. Raises ``ReversedTooMuch``, also for nothing.
    """
    whole = sum(part for _, part in left)
    rest = whole if amount is None else amount
    if not 0 < rest <= whole:
        raise ReversedTooMuch(left=whole)
    parts: list[tuple[UUID, int]] = []
    for id, most in reversed(left):
        if part := min(rest, most):
            parts.append((id, part))
            rest -= part
    return parts
