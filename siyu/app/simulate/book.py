"""What people were told, kept beside the house: orders, pieces and money by arithmetic of its own."""

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

Place = tuple[str, str]
"""SKU and location."""
COMPLETES_AFTER = timedelta(days=10)


class Wrong(Exception):
    """The house said or did something that the book says cannot be."""


class Line(msgspec.Struct):
    """Some equal pieces of an order."""

    id: str
    sku: str
    quantity: int
    minor: int
    shipped: int = 0
    released: int = 0
    refunded: int = 0

    @property
    def held(self) -> int:
        return self.quantity - self.shipped - self.released

    def share(self, pieces: int) -> int:
        """What these next pieces give back; all shares of a line add up to it."""
        upto = self.minor * (self.refunded + pieces) // self.quantity
        return upto - self.minor * self.refunded // self.quantity


class Order(msgspec.Struct):
    """An acknowledged order as its shopper and the staff were told of it."""

    id: str
    number: int
    """Its place in the order in which they were acknowledged."""
    shopper: int
    key: str
    location: str
    delivery: str
    lines: list[Line]
    placed_minor: int
    total_minor: int
    freight_minor: int
    pay_by: datetime
    state: str = "unpaid"
    ended_by: str = ""
    paid_minor: int = 0
    refunded_minor: int = 0
    freight_refunded_minor: int = 0
    was_paid: bool = False
    completes_at: datetime | None = None
    parcels: dict[str, bool] = {}
    """Whether each was signed for."""
    payments: dict[str, int] = {}
    """Amounts by payment that somebody began."""

    @property
    def held(self) -> int:
        return sum(line.held for line in self.lines)


class Book:
    """The whole truth as it was told. All amounts in minor units, all counts in pieces."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.on_hand: Counter[Place] = Counter()
        self.reserved: Counter[Place] = Counter()
        self.prices: dict[str, int] = {}
        self.settled: dict[str, int] = {}
        """Payments of which the house said that they arrived."""
        self.returned_minor = 0
        """Agreed to go back, extra payments included."""
        self.extra_minor = 0
        self.messages: set[str] = set()
        self.visits = 0
        self.notes = 0
        self.acts: Counter[str] = Counter()
        self.latest: deque[str] = deque(maxlen=12)

    def note(self, act: str, **facts: Any) -> None:
        """Something is about to happen: counted, and kept among the latest."""
        self.acts[act] += 1
        self.latest.append(f"{act} {' '.join(f'{k}={v}' for k, v in facts.items())}".strip())

    def free(self, place: Place) -> int:
        """Pieces that can be ordered."""
        return self.on_hand[place] - self.reserved[place]

    def has(self, location: str, wanted: dict[str, int]) -> bool:
        """Whether all these pieces are free."""
        return all(self.free((sku, location)) >= n for sku, n in wanted.items())

    def place(self, order: Order) -> None:
        """An order was acknowledged."""
        if order.id in self.orders:
            raise Wrong(f"two keys were answered with the same order {order.id}")
        self.orders[order.id] = order
        self._hold(order, order.lines, 1)

    def _hold(self, order: Order, lines: Iterable[Line], sign: int) -> None:
        for line in lines:
            self.reserved[line.sku, order.location] += sign * line.held

    def cancel(self, order: Order, by: str) -> None:
        """Ended before it shipped: an unpaid one frees its pieces, of a paid one everything goes back."""
        if order.state == "unpaid":
            self._hold(order, order.lines, -1)
            order.state, order.ended_by = "cancelled", by
        else:
            self.refund_rest(order)

    def refund_rest(self, order: Order, *, held: bool = True) -> None:
        """Everything that is left goes back, freight included."""
        rest = {line.id: line.quantity - line.refunded for line in order.lines}
        left = order.freight_minor - order.freight_refunded_minor
        self.refund(order, rest, freight_minor=left, restock=True, held=held)

    def refund(
        self,
        order: Order,
        pieces: dict[str, int],
        *,
        freight_minor: int = 0,
        restock: bool,
        held: bool = True,
    ) -> int:
        """Pieces and freight go back; the amount."""
        amount = freight_minor
        for line in order.lines:
            if not (count := pieces.get(line.id, 0)):
                continue
            amount += line.share(count)
            released = min(count, line.held)
            if held:
                self.reserved[line.sku, order.location] -= released
            line.refunded += count
            line.released += released
            if restock:
                self.on_hand[line.sku, order.location] += count - released
        order.freight_refunded_minor += freight_minor
        order.refunded_minor += amount
        self.returned_minor += amount
        if all(line.refunded == line.quantity for line in order.lines):
            order.state = "refunded"
        return amount

    def arrived(self, order: Order, payment_id: str, amount_minor: int) -> str:
        """A payment was acknowledged as arrived: ``paid``, ``late``, ``sold out``, ``extra``, or ``again``."""
        if payment_id in self.settled:
            return "again"
        self.settled[payment_id] = amount_minor
        fits = amount_minor == order.total_minor and not order.was_paid
        if fits and order.state == "unpaid":
            self._paid(order)
            return "paid"
        if fits and order.state == "cancelled" and order.ended_by == "time":
            there = self.has(order.location, _wanted(order))
            self._paid(order)
            if there:
                self._hold(order, order.lines, 1)
                return "late"
            self.refund_rest(order, held=False)
            return "sold out"
        self.returned_minor += amount_minor
        self.extra_minor += amount_minor
        return "extra"

    def _paid(self, order: Order) -> None:
        order.state = "ready" if order.delivery == "pick_up" else "paid"
        order.paid_minor, order.was_paid = order.total_minor, True

    def ship(self, order: Order, pieces: dict[str, int], now: datetime) -> None:
        """Pieces left for the buyer."""
        for line in order.lines:
            count = pieces.get(line.id, 0)
            line.shipped += count
            self.on_hand[line.sku, order.location] -= count
            self.reserved[line.sku, order.location] -= count
        if order.delivery == "express":
            order.state = "shipped"
            self.watch(order, now)
        else:
            order.state = "completed"

    def watch(self, order: Order, now: datetime) -> None:
        """A shipped order with nothing left to send completes by itself after a while."""
        if order.state == "shipped" and not order.held:
            order.completes_at = now + COMPLETES_AFTER

    def sign(self, order: Order, parcel: str) -> None:
        """A parcel arrived."""
        order.parcels[parcel] = True
        if order.state == "shipped" and not order.held and all(order.parcels.values()):
            order.state = "completed"

    def pass_time(self, now: datetime) -> None:
        """The worker served what is due."""
        for order in self.orders.values():
            if order.state == "unpaid" and order.pay_by <= now:
                self.cancel(order, "time")
                self.acts["order timed out"] += 1
            due = order.completes_at is not None and order.completes_at <= now
            if due and order.state == "shipped" and not order.held:
                order.state = "completed"
                self.acts["order completed by itself"] += 1

    def of(self, *states: str) -> list[Order]:
        """Orders in these states, in the order in which they were acknowledged."""
        return [order for order in self.orders.values() if order.state in states]


def _wanted(order: Order) -> dict[str, int]:
    wanted: Counter[str] = Counter()
    for line in order.lines:
        wanted[line.sku] += line.quantity
    return dict(wanted)
