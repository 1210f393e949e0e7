"""Paying: at the sandbox's cashier or with the bank, whose calls come late, doubled, out of order or with other amounts."""

from datetime import timedelta
from random import Random

from siyu.app.simulate.bank import BANK
from siyu.app.simulate.book import Order, Wrong
from siyu.app.simulate.world import Act, World, hear_bank, must, refused
from siyu.goods import orders
from siyu.goods.payments import SANDBOX
from siyu.kernel import clock

WAYS = (
    "at once", "at once", "at once", "twice", "three at once", "soon", "late", "late", "wrong first", "fails first", "never",
)  # fmt: skip

_CHOICES: dict[str, tuple[str, ...]] = {
    "fails first": ("fail", "pay"), "never": (), "late": ("delay",), "soon": ("delay",), "twice": ("twice",),
    "three at once": ("twice",),
}  # fmt: skip
"""What is clicked at the sandbox's cashier."""


async def pay(world: World, chance: Random, order: Order) -> None:
    """Go to a cashier and pay in one of many ways; when the time is over the house must say so."""
    with_bank = chance.random() < 0.6
    way = chance.choice(WAYS)
    world.book.note("pay", order=order.number, way=way, bank=with_bank)
    payment = await _begin(world, order, BANK if with_bank else SANDBOX)
    if payment is None:
        return
    if with_bank:
        await _with_bank(world, chance, order, payment, way)
    else:
        await _with_sandbox(world, order, payment, way)
    await world.look(order)


async def _begin(world: World, order: Order, provider: str) -> str | None:
    orders.plugs.payment_provider = provider
    answer = await world.shop_asked(
        world.people[order.shopper].host, "POST", f"/orders/{order.id}/pay", key=world.key()
    )
    if order.state != "unpaid" or order.pay_by <= clock.now():
        refused(answer, "orders.wrong_state")
        return None
    payment = must(answer)["payment_id"]
    order.payments[payment] = order.total_minor
    return payment


async def _with_sandbox(world: World, order: Order, payment: str, way: str) -> None:
    person = world.people[order.shopper]
    for outcome in _CHOICES.get(way, ("pay",)):
        if outcome == "pay" and way == "fails first":
            again = await _begin(world, order, SANDBOX)
            if again is None:
                return
            if again == payment:
                raise Wrong(f"payment {payment} has failed, and is to be paid again")
            payment = again
        asked = await world.shop_asked(
            person.host, "POST", f"/cashier/{payment}", {"outcome": outcome}
        )
        state = must(asked)["state"]
        if outcome in ("pay", "twice"):
            if state != "succeeded":
                raise Wrong(f"paid at the cashier, but the payment is {state}")
            world.book.arrived(order, payment, order.total_minor)
        elif outcome == "delay":
            world.sandbox_due.append((clock.now() + timedelta(seconds=15), payment, order))


async def _with_bank(world: World, chance: Random, order: Order, payment: str, way: str) -> None:
    if way == "never":
        return
    bank, now = world.house.bank, clock.now()
    amount = bank.receive(payment)

    def arrange(after: timedelta, reported_minor: int = amount) -> None:
        world.bank_news.append((now + after, len(world.bank_news), payment, reported_minor))

    soon = timedelta(seconds=chance.randrange(5, 1200))
    over = order.pay_by - now + timedelta(seconds=chance.randrange(-120, 86_400))
    match way:
        case "soon":
            arrange(soon)
        case "late":
            arrange(over)
        case "wrong first" | "fails first":
            await hear_bank(world, payment, amount + chance.choice((-1, 1, 100)))
            arrange(soon)
        case "three at once":
            await hear_bank(world, payment, amount, times=3)
        case "twice":
            await hear_bank(world, payment, amount)
            arrange(over)
        case _:
            await hear_bank(world, payment, amount)


async def pay_an_old_one(world: World, chance: Random) -> None:
    """Somebody comes back to an unpaid order, or to one whose time is over."""
    waiting = [one for one in world.book.of("unpaid", "cancelled") if one.ended_by != "shopper"]
    if waiting:
        await pay(world, chance, chance.choice(waiting))


async def pay_twice(world: World, chance: Random) -> None:
    """The price changes while somebody pays: they pay the new one, then the bank reports the old one too. One goes back."""
    unpaid = [
        one for one in world.book.of("unpaid") if one.pay_by > clock.now() and one.total_minor > 100
    ]
    if not unpaid:
        return
    order = chance.choice(unpaid)
    world.book.note("pay twice", order=order.number)
    old = await _begin(world, order, BANK)
    if old is None:
        return
    line = chance.choice(order.lines)
    await change_price(world, order, line.id, max(1, line.minor - chance.randrange(1, 90)))
    new = await _begin(world, order, BANK)
    if new is None:
        return
    for payment in chance.sample([old, new], 2):
        await hear_bank(world, payment, world.house.bank.receive(payment))


async def change_price(world: World, order: Order, line_id: str, line_minor: int) -> None:
    """Staff set what a line of an unpaid order costs, with a reason."""
    line = next(one for one in order.lines if one.id == line_id)
    asked = {"line_id": line_id, "new_minor": line_minor, "reason": "老客户"}
    world.book.note("price", order=order.number, line_minor=line_minor)
    must(await world.desk_asked("POST", f"/orders/{order.id}/price", asked, key=world.key()))
    order.total_minor += line_minor - line.minor
    line.minor = line_minor
    await world.look(order)


async def cancel_while_paying(world: World, chance: Random) -> None:
    """The shopper cancels in the moment in which the bank calls: the money goes back, whoever is first."""
    unpaid = [one for one in world.book.of("unpaid") if one.pay_by > clock.now()]
    if not unpaid:
        return
    order = chance.choice(unpaid)
    world.book.note("cancel while paying", order=order.number)
    payment = await _begin(world, order, BANK)
    if payment is None:
        return
    amount, blow = world.house.bank.receive(payment), world.blow()
    said, cancelled = await world.house.together(
        world.house.tell_till(payment, amount, blow),
        world.house.ask(
            world.people[order.shopper].host, "POST", f"/api/shop/orders/{order.id}/cancel", {"reason": "算了"}
        ),
    )  # fmt: skip
    if said != "succeeded" or (cancelled.status >= 300 and not cancelled.repeated):
        raise Wrong(f"the call was answered {said}, cancelling {cancelled.status} {cancelled.body}")
    shown = must(await world.desk_asked("GET", f"/orders/{order.id}", struck=False))
    paid_first = shown["state"] == "refunded"
    if paid_first:
        world.book.arrived(order, payment, amount)
        world.book.cancel(order, "shopper")
    else:
        world.book.cancel(order, "shopper")
        world.book.arrived(order, payment, amount)
    await world.look(order)


ACTS: list[Act] = [*[pay_an_old_one] * 3, *[pay_twice] * 2, *[cancel_while_paying] * 2]
