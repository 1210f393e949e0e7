"""When a payment may change, and how much may go back. Pure."""

from siyu.kernel.errors import Refusal

STATES = ("started", "succeeded", "failed", "closed")
REFUND_STATES = ("agreed", "succeeded", "failed")


class NothingToPay(Refusal):
    """The amount is not positive."""

    code = "payments.nothing_to_pay"
    status = 422
    detail = "There is nothing to pay here."


class WrongAmount(Refusal):
    """The provider reports another amount than was asked for; the payment is left alone for a person to judge."""

    code = "payments.wrong_amount"
    detail = "The amount paid is not the amount asked for. Compare both with the provider's record."


class MoreThanPaid(Refusal):
    """A refund would exceed what was paid and not yet refunded; ``facts``: left_minor."""

    code = "payments.more_than_paid"
    detail = "This is more than can still be refunded."


class NoSuchOutcome(Refusal):
    """The sandbox does not know this outcome."""

    code = "payments.no_such_outcome"
    status = 422
    detail = "Choose one of: pay, fail, delay, twice."


def takes_effect(state: str) -> bool:
    """Whether news of success changes a payment in this state: all but one that has succeeded already.

    A payment we had given up (closed, failed) may still be paid late; that money is real.
    """
    assert state in STATES
    return state != "succeeded"


def attempt(key: str, number: int) -> str:
    """The key of a refund's n-th attempt; the first one bears the refund's own."""
    assert number >= 1 and "#" not in key
    return key if number == 1 else f"{key}#{number}"


def key_of(attempt_key: str) -> str:
    """The key of the refund that an attempt belongs to."""
    return attempt_key.partition("#")[0]


def left_to_refund(paid_minor: int, refunds: list[tuple[str, int]]) -> int:
    """What may still go back: paid less every refund (state, amount) that has not failed."""
    left = paid_minor - sum(amount for state, amount in refunds if state != "failed")
    assert left >= 0
    return left


def spread(amount_minor: int, left: list[int]) -> list[int]:
    """Take a refund from payments in their order, each up to what is left on it. Sums to the amount.

    Raises ``MoreThanPaid``.
    """
    if amount_minor <= 0:
        raise NothingToPay(amount_minor=amount_minor)
    if amount_minor > sum(left):
        raise MoreThanPaid(left_minor=sum(left))
    taken: list[int] = []
    rest = amount_minor
    for available in left:
        part = min(rest, available)
        taken.append(part)
        rest -= part
    return taken
