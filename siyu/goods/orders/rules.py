"""Pure decisions about orders: what may follow what, who gets the last pieces, what a refund gives back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from siyu.kernel.errors import Refusal

State = Literal["unpaid", "paid", "shipped", "ready", "completed", "cancelled", "refunded"]
Delivery = Literal["express", "pick_up"]

STATES: tuple[State, ...] = (
    "unpaid",
    "paid",
    "shipped",
    "ready",
    "completed",
    "cancelled",
    "refunded",
)
TRANSITIONS: dict[State, frozenset[State]] = {
    "unpaid": frozenset({"paid", "ready", "cancelled"}),
    "paid": frozenset({"shipped", "ready", "completed", "refunded"}),
    "ready": frozenset({"paid", "completed", "refunded"}),
    "shipped": frozenset({"completed", "refunded"}),
    "completed": frozenset({"refunded"}),
    "cancelled": frozenset(
        {"paid", "ready", "refunded"}
    ),  # a late payment takes it up again, or goes back
    "refunded": frozenset(),
}
HELD: frozenset[State] = frozenset({"unpaid", "paid", "ready", "shipped"})
"""States in which pieces that were neither shipped nor given back are reserved."""
SHIP_WITHIN = timedelta(hours=48)
"""From payment to hand-over to the carrier (FIELD 0.2, mini-program shipping report)."""
MAX_QUANTITY = 999
MAX_LINES = 100


class WrongState(Refusal):
    """The order is not in a state that allows this; ``facts``: state."""

    code = "orders.wrong_state"
    detail = "The order has moved on. Load it again to see what can be done now."


class NotCancellable(WrongState):
    """The order can no longer be cancelled; ``facts``: state."""

    code = "orders.not_cancellable"
    detail = "The order cannot be cancelled any more. Ask for a refund instead."


class PriceChanged(Refusal):
    """The order costs something else than the shopper saw; ``facts``: total_minor."""

    code = "pricing.changed"
    detail = "The price has changed. Show the new total and ask again."


class NotOnSale(Refusal):
    """A piece is not sold (any more); ``facts``: sku_id."""

    code = "catalogue.not_on_sale"
    detail = "This is not on sale. Remove it and order the rest."


class NothingLeftToRefund(Refusal):
    """More is asked back than is left; ``facts``: line_id, left."""

    code = "orders.refund_too_large"
    detail = "That is more than is left to refund."


class RefundNotFailed(Refusal):
    """Only a refund that failed can be sent again; ``facts``: state."""

    code = "orders.refund_not_failed"
    detail = "This refund has not failed. Load the order again to see how it stands."


class BadAddress(Refusal):
    """The address is missing or not one of the customer's."""

    code = "orders.address_needed"
    status = 422
    detail = "Choose one of your addresses for delivery by courier."


class BadStore(Refusal):
    """The store is missing, closed, or does not hand out orders."""

    code = "orders.store_needed"
    status = 422
    detail = "Choose a store that offers pick-up."


class PickUpClosed(Refusal):
    """The brand offers no pick-up at the moment."""

    code = "orders.pick_up_closed"
    detail = "Pick-up is not offered at the moment. Have the order sent instead."


def may_become(state: State, following: State) -> bool:
    """Whether an order in a state may go on to another one."""
    return following in TRANSITIONS[state]


def advance(state: State, following: State) -> State:
    """The following state. Raises ``WrongState``."""
    if not may_become(state, following):
        raise WrongState(state=state, wanted=following)
    return following


# ── Numbers that people read ──────────────────────────────────────────────────────────────────────

# Quasigroup of order 10 without fixed points: finds each wrong digit and each swap of neighbours
# (H. M. Damm, Total anti-symmetrische Quasigruppen, Marburg 2004).
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
NUMBER_SPACE = 10**7
_STATES: list[dict[str, Any]] = [{"is": str(digit)} for digit in range(10)]
"""The table as states that lead to each other by digit: each order's number walks through it."""
for _row, _state in zip(_DAMM, _STATES, strict=True):
    _state.update({str(digit): _STATES[int(after)] for digit, after in enumerate(_row)})


def check_digit(digits: str) -> str:
    """The digit that makes a number valid when it is put behind it."""
    state = _STATES[0]
    for digit in digits:
        state = state[digit]
    return state["is"]


def order_number(month: int, day: int, draw: int) -> str:
    """Month, day, seven drawn digits and a check digit, in groups of four; it does not tell how much is sold."""
    assert 0 <= draw < NUMBER_SPACE
    body = f"{month:02d}{day:02d}{draw:07d}"
    return f"{body[:4]} {body[4:8]} {body[8:]}{check_digit(body)}"


def number_in(text: str) -> str | None:
    """The order number that somebody typed, spaces or not; None when it cannot be one."""
    digits = text.replace(" ", "").replace("-", "")
    if (
        len(digits) != 12
        or not (digits.isascii() and digits.isdigit())
        or check_digit(digits) != "0"
    ):
        return None
    return f"{digits[:4]} {digits[4:8]} {digits[8:]}"


# ── Who gets the pieces ───────────────────────────────────────────────────────────────────────────

Place = tuple[UUID, UUID]
"""``(sku_id, location_id)``"""


def take(free: dict[Place, int], wanted: Mapping[Place, int]) -> Place | None:
    """Take all pieces of one order from what is free, or nothing: then the first place that has too few.

    Called in order of arrival. An order that is too large leaves everything to the later ones.
    """
    for place, quantity in wanted.items():
        if free.get(place, 0) < quantity:
            return place
    for place, quantity in wanted.items():
        free[place] -= quantity
    return None


# ── Refunds from the frozen allocation ────────────────────────────────────────────────────────────


class RefundableLine(Struct, frozen=True):
    """A line as it was allocated when the order was placed, and what has come back since."""

    line_id: UUID
    quantity: int
    line_minor: int
    refunded_quantity: int
    shipped_quantity: int
    released_quantity: int
    """Refunded pieces that had not been shipped."""


class RefundedLine(Struct, frozen=True):
    """``released`` pieces were never shipped; the other ``quantity - released`` are with the buyer."""

    line_id: UUID
    quantity: int
    amount_minor: int
    released: int


class Refunding(Struct, frozen=True):
    """``amount_minor`` = the lines' amounts + ``freight_minor``."""

    lines: tuple[RefundedLine, ...]
    freight_minor: int
    amount_minor: int


def refund_share(line_minor: int, quantity: int, before: int, pieces: int) -> int:
    """What ``pieces`` of a line give back when ``before`` were given back already.

    Each refund is the difference of two points on one staircase, so any split of the line adds up to
    ``line_minor`` exactly and every step is less than one minor unit off its exact share.
    """
    assert 0 <= before <= before + pieces <= quantity
    return line_minor * (before + pieces) // quantity - line_minor * before // quantity


def refund(
    lines: Iterable[RefundableLine],
    pieces: Mapping[UUID, int],
    *,
    freight_minor: int = 0,
    freight_left_minor: int = 0,
) -> Refunding:
    """The refund of some pieces of some lines and of some freight; pieces not shipped yet go first.

    Raises ``NothingLeftToRefund`` for more than is left, for an unknown line, and for nothing at all.
    """
    by_id = {line.line_id: line for line in lines}
    refunded: list[RefundedLine] = []
    for line_id, quantity in pieces.items():
        line = by_id.get(line_id)
        left = line.quantity - line.refunded_quantity if line else 0
        if line is None or not 0 < quantity <= left:
            raise NothingLeftToRefund(line_id=str(line_id), left=left)
        unshipped = line.quantity - line.shipped_quantity - line.released_quantity
        amount = refund_share(line.line_minor, line.quantity, line.refunded_quantity, quantity)
        refunded.append(RefundedLine(line_id, quantity, amount, min(quantity, unshipped)))
    if not 0 <= freight_minor <= freight_left_minor:
        raise NothingLeftToRefund(freight_minor=freight_left_minor)
    if not refunded and not freight_minor:
        raise NothingLeftToRefund(left=0)
    return Refunding(
        tuple(refunded), freight_minor, sum(line.amount_minor for line in refunded) + freight_minor
    )


def may_refund(state: State, *, freight_left_minor: int) -> bool:
    """Whether money may go back in this state; once all pieces have, only freight that is left."""
    return state in ("paid", "ready", "shipped", "completed") or (
        state == "refunded" and freight_left_minor > 0
    )


def everything_left(lines: Sequence[RefundableLine]) -> dict[UUID, int]:
    """The pieces of all lines that have not been refunded yet."""
    left = {line.line_id: line.quantity - line.refunded_quantity for line in lines}
    return {line_id: quantity for line_id, quantity in left.items() if quantity}


# ── What may be done now ──────────────────────────────────────────────────────────────────────────


def staff_may(
    state: State, delivery: Delivery, *, unshipped: int, shipped: int, refundable: bool
) -> list[str]:
    """Actions open to staff (before permissions): ship, pick_up, cancel, refund, change_price, note, change_address."""
    may = ["note"]
    if state == "unpaid":
        may += ["cancel", "change_price"]
    if state in ("paid", "ready") and not shipped:
        may.append("cancel")
    if delivery == "express" and state in ("paid", "shipped") and unshipped:
        may.append("ship")
    if delivery == "pick_up" and state in ("paid", "ready") and unshipped:
        may.append("pick_up")
    if refundable and state in ("paid", "ready", "shipped", "completed", "refunded"):
        may.append("refund")
    if delivery == "express" and state in ("unpaid", "paid") and not shipped:
        may.append("change_address")
    return may


def shopper_may(state: State, delivery: Delivery, *, unshipped: int, shipped: int) -> list[str]:
    """Actions open to the buyer: pay, cancel, received."""
    if state == "unpaid":
        return ["pay", "cancel"]
    if state in ("paid", "ready") and not shipped:
        return ["cancel"]
    return ["received"] if state == "shipped" and delivery == "express" and not unshipped else []
