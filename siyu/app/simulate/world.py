"""The world of a seed: days with their moments, who acts at each, and what everybody shares."""

import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from siyu.app.simulate import crashes
from siyu.app.simulate.book import Book, Order, Wrong
from siyu.app.simulate.crashes import Blow
from siyu.app.simulate.house import Answer, Host, House
from siyu.app.simulate.opening import Shop, arrive_at_desk
from siyu.kernel import clock

FIRST_DAY = datetime(2031, 3, 3, 0, 0, tzinfo=UTC)
SHOPPERS = 5
"""Who come on a day unless more are asked for."""

Act = Callable[["World", Random], Awaitable[None]]


class World:
    """A house, the book beside it, and the chance of a seed. Actors of all trades get it as their first argument."""

    def __init__(self, house: House, book: Book, shop: Shop, seed: int) -> None:
        self.house, self.book, self.shop, self.seed = house, book, shop, seed
        self.day = 0
        self.people: list[Any] = []
        """Those who have signed in at least once (``shoppers.Person``)."""
        self.bank_news: list[tuple[datetime, int, str, int]] = []
        """Call backs that the bank will make: when, in which order they were arranged, payment, amount."""
        self.sandbox_due: list[tuple[datetime, str, Order]] = []
        """The sandbox's late calls, which the worker makes: when, payment, order."""
        self.off_sale: set[str] = set()
        """SKUs that nobody can order now."""
        self.blows = Random(f"{seed}/blows")
        self._keys = 0

    @property
    def begins(self) -> datetime:
        """Midnight of the day."""
        return FIRST_DAY + timedelta(days=self.day)

    def key(self) -> str:
        """A key that nobody has used."""
        self._keys += 1
        return f"sim-{self.seed}-{self._keys}"

    def blow(self, likely: float = crashes.CHANCE) -> Blow | None:
        """What falls on the next action, if anything."""
        blow = crashes.draw(self.blows, likely)
        if blow is not None:
            self.book.note("blow", kills=blow.kills, done=blow.done, passing=blow.passing)
        return blow

    async def shop_asked(
        self, who: Host, method: str, path: str, body: Any = None, *, key: str = "", struck: bool = True
    ) -> Answer:  # fmt: skip
        """The shop's answer."""
        blow = self.blow() if struck else None
        return await self.house.ask(who, method, f"/api/shop{path}", body, key=key, blow=blow)

    async def at_desk(self) -> None:
        """Sign in again: a console that is left alone signs people out."""
        if clock.now() - self.house.desk_since > timedelta(hours=4):
            await arrive_at_desk(self.house)

    async def desk_asked(
        self, method: str, path: str, body: Any = None, *, key: str = "", struck: bool = True, files: Any = None,
    ) -> Answer:  # fmt: skip
        """The console's answer."""
        await self.at_desk()
        blow = self.blow() if struck else None
        return await self.house.ask(
            self.house.console, method, f"/api/console{path}", body, key=key, blow=blow, files=files
        )

    async def work(self, *, struck: bool = True) -> None:
        """The worker does all that can be done now; the book follows."""
        await self.house.work(self.blow(0.15) if struck else None)
        for due in [one for one in self.sandbox_due if one[0] <= clock.now()]:
            self.sandbox_due.remove(due)
            self.book.arrived(due[2], due[1], due[2].payments[due[1]])
        self.book.pass_time(clock.now())

    async def look(self, order: Order) -> None:
        """The order as the desk sees it is the order as the book has it. Raises ``Wrong``."""
        seen = must(await self.desk_asked("GET", f"/orders/{order.id}", struck=False))
        shown = {
            "state": seen["state"], "total_minor": seen["total_minor"], "paid_minor": seen["paid_minor"],
            "refunded_minor": seen["refunded_minor"],
            "lines": {line["id"]: [line["quantity"], line["line_minor"], line["shipped_quantity"], line["refunded_quantity"]]
                      for line in seen["lines"]},
        }  # fmt: skip
        kept = {
            "state": order.state, "total_minor": order.total_minor, "paid_minor": order.paid_minor,
            "refunded_minor": order.refunded_minor,
            "lines": {line.id: [line.quantity, line.minor, line.shipped, line.refunded] for line in order.lines},
        }  # fmt: skip
        if shown != kept:
            raise Wrong(f"order {order.id} is {shown}, but people were told {kept}")


def must(answer: Answer, status: int | None = None) -> Any:
    """The body of a success. Raises ``Wrong``."""
    if answer.status >= 300 or (status is not None and answer.status != status):
        raise Wrong(f"refused: {answer.status} {answer.body}")
    return answer.body


def refused(answer: Answer, *codes: str) -> None:
    """The refusal is one of these. Raises ``Wrong``."""
    if answer.code not in codes:
        raise Wrong(f"expected {' or '.join(codes)}, was answered {answer.status} {answer.body}")


async def live_a_day(world: World, acts: list[Act], count: int) -> None:
    """So many acts at moments of one day, the worker's rounds between them, calls of the bank when they are due."""
    chance = Random(f"{world.seed}/{world.day}")
    moments = sorted(
        world.begins + timedelta(seconds=chance.randrange(3600, 82_800)) for _ in range(count)
    )
    rest = timedelta(0)
    for moment in moments:
        await call_back(world, moment)
        world.house.at(moment)
        await chance.choice(acts)(world, chance)
        if chance.random() < 0.5:
            rest = timedelta(seconds=math.floor(chance.expovariate(1 / 600)))
            await call_back(world, clock.now() + rest)
            world.house.at(clock.now() + rest)
            await world.work()
    world.house.at(world.begins + timedelta(hours=23, minutes=30))


async def call_back(world: World, until: datetime) -> None:
    """The bank makes the calls that are due by then, each at its moment."""
    while due := [news for news in world.bank_news if news[0] <= until]:
        first = min(due)
        world.bank_news.remove(first)
        world.house.at(first[0])
        await hear_bank(world, first[2], first[3])


async def hear_bank(world: World, payment_id: str, amount_minor: int, times: int = 1) -> None:
    """The bank says that this came for a payment, so many times at once; the book follows."""
    book, right = world.book, world.house.bank.asked[payment_id]
    number = list(world.house.bank.asked).index(payment_id)
    book.note("bank calls", payment=number, amount=amount_minor, times=times)
    blow = world.blow()
    said = await world.house.together(
        *(
            world.house.tell_till(payment_id, amount_minor, blow if at == 0 else None)
            for at in range(times)
        )
    )
    order = next(one for one in book.orders.values() if payment_id in one.payments)
    if amount_minor != right and payment_id not in book.settled:
        expected = "payments.wrong_amount"
    else:
        book.arrived(order, payment_id, right)
        expected = "succeeded"
    if set(said) != {expected}:
        raise Wrong(f"the bank's call for payment {number} was answered {said}, not {expected}")
    await world.look(order)
