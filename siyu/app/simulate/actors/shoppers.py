"""Shoppers: they come through links, fill carts, sign in, order what others want too, change their minds, ask twice."""

import re
from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from siyu.app.simulate.actors.paying import pay
from siyu.app.simulate.book import Line, Order, Wrong
from siyu.app.simulate.house import Answer, Host
from siyu.app.simulate.opening import DISTRICTS, GOODS
from siyu.app.simulate.world import Act, World, must, refused
from siyu.kernel import clock

EVERYDAY = tuple(code for code, _, _ in GOODS if code != "hot")


class Person(msgspec.Struct):
    """Somebody with a phone: signed in on one device, with an address."""

    number: int
    phone: str
    host: Host
    district: str
    address_id: str = ""


async def come(world: World, chance: Random) -> Person:
    """A stranger comes, looks around as a guest, signs in by a code and writes an address down."""
    number = len(world.people)
    person = Person(number, f"139{number:08d}", world.house.shop, chance.choice(DISTRICTS))
    await _sign_in(world, chance, person)
    address = {
        "recipient": f"顾客{number}", "phone": person.phone, "district_code": person.district, "street": "文三路 100 号",
    }  # fmt: skip
    made = await world.shop_asked(person.host, "POST", "/addresses", address, key=world.key())
    person.address_id = must(made)["id"]
    world.people.append(person)
    return person


async def _sign_in(world: World, chance: Random, person: Person) -> None:
    guest, begun = world.house.shop, clock.now()
    if chance.random() < 0.5:
        link = chance.choice(world.shop.links)
        await world.house.ask(guest, "GET", f"/l/{link}", blow=world.blow())
        world.book.note("came through a link", person=person.number)
        guest = Host(guest.name, {"x-siyu-link": link})
    accepted = {"privacy_version": world.shop.privacy_version}
    token = must(await world.shop_asked(guest, "POST", "/session/guest", accepted))["token"]
    guest = Host(guest.name, {**guest.headers, "authorization": f"Bearer {token}"})
    await _look_around(world, chance, person.number)
    if chance.random() < 0.5:
        sku = world.shop.skus[chance.choice(EVERYDAY)]
        await world.shop_asked(guest, "PUT", f"/cart/{sku}", {"quantity": 1})
    while True:
        await _pause_between_codes(world)
        sent = await world.shop_asked(guest, "POST", "/session/code", {"phone": person.phone})
        if sent.status == 429 and not sent.repeated:  # else the code was sent, and the answer lost
            raise Wrong(f"no code for {person.phone}: {sent.body}")
        inbox = must(
            await world.house.ask(guest, "GET", f"/api/shop/demo-inbox?phone={person.phone}")
        )
        code = re.findall(r"\d{6}", inbox["items"][0]["text"])[0]
        if chance.random() < 0.2:
            wrong = {"phone": person.phone, "code": f"{(int(code) + 1) % 1_000_000:06d}"}
            bad = await world.shop_asked(guest, "POST", "/session/verify", wrong, struck=False)
            refused(bad, "customers.wrong_code")
        typed = {"phone": person.phone, "code": code}
        entered = await world.shop_asked(guest, "POST", "/session/verify", typed)
        if entered.status == 200:
            break
        # The code was spent in the house, but the answer was lost: the guest's session has ended with it.
        if not entered.repeated:
            raise Wrong(f"the right code was refused: {entered.body}")
        refused(entered, "customers.wrong_code", "customers.privacy_needed")
        again = must(await world.shop_asked(world.house.shop, "POST", "/session/guest", accepted))
        guest = Host(guest.name, {"authorization": f"Bearer {again['token']}"})
    token = entered.body["token"]
    person.host = Host(guest.name, {"authorization": f"Bearer {token}"})
    world.house.at(begun + timedelta(minutes=6))  # however often it was tried
    world.book.note("signed in", person=person.number)


async def _pause_between_codes(world: World) -> None:
    world.house.at(clock.now() + timedelta(seconds=61))


async def _look_around(world: World, chance: Random, number: int) -> None:
    """A batch of behaviour; sent again until it is kept, so the warehouse must forget the repetitions."""
    count = chance.randrange(2, 7)
    batch = [
        {"type": "track", "event": "Product Viewed", "messageId": f"m{world.seed}-{world.day}-{number}-{world.book.visits}-{at}",
         "anonymousId": f"v{number}", "properties": {"quantity": at}, "timestamp": clock.now().isoformat()}
        for at in range(count)
    ]  # fmt: skip
    world.book.visits += 1
    body = {"batch": batch, "writeKey": world.shop.write_key}
    must(await world.house.ask(world.house.shop, "POST", "/v1/batch", body, blow=world.blow()))
    if chance.random() < 0.2:
        must(await world.house.ask(world.house.shop, "POST", "/v1/batch", body))
    world.book.messages |= {str(one["messageId"]) for one in batch}
    world.book.note("looked around", messages=count)


async def someone(world: World, chance: Random) -> Person:
    """Somebody who was here before, or a stranger."""
    if world.people and chance.random() < 0.6:
        return chance.choice(world.people)
    return await come(world, chance)


# ── Ordering ──────────────────────────────────────────────────────────────────────────────────────


async def buy(world: World, chance: Random) -> None:
    """Fill a cart, ask what it costs, order, and mostly pay."""
    person = await someone(world, chance)
    codes = chance.sample(EVERYDAY, chance.randrange(1, 3))
    wanted = {world.shop.skus[code]: chance.randrange(1, 4) for code in codes}
    for sku, quantity in wanted.items():
        await world.shop_asked(person.host, "PUT", f"/cart/{sku}", {"quantity": quantity})
    pick_up = chance.random() < 0.3
    order = await order_of(world, person, wanted, pick_up=pick_up, from_cart=True)
    if order is not None and chance.random() < 0.75:
        await pay(world, chance, order)


def _asked(
    world: World, person: Person, wanted: dict[str, int], *, pick_up: bool
) -> dict[str, Any]:
    lines = [{"sku_id": sku, "quantity": quantity} for sku, quantity in wanted.items()]
    where: dict[str, Any] = {"delivery": "express", "address_id": person.address_id}
    if pick_up:
        where = {"delivery": "pick_up", "store_id": world.shop.store}
    return {"lines": lines, **where}


async def price(world: World, person: Person, asked: dict[str, Any]) -> Answer:
    """What it costs now; the goods must cost what the book says."""
    asking = {name: value for name, value in asked.items() if name != "address_id"}
    asking["district_code"] = person.district
    answer = await world.shop_asked(person.host, "POST", "/quote", asking)
    if answer.status == 200:
        goods = sum(world.book.prices[one["sku_id"]] * one["quantity"] for one in asked["lines"])
        if answer.body["goods_minor"] != goods:
            raise Wrong(f"the goods are quoted at {answer.body['goods_minor']}, not {goods}")
    return answer


async def order_of(
    world: World, person: Person, wanted: dict[str, int], *, pick_up: bool, times: int = 1, from_cart: bool = False,
) -> Order | None:  # fmt: skip
    """Order as the quote says, so many times at once under one key; ``None`` when the house rightly refuses."""
    asked = _asked(world, person, wanted, pick_up=pick_up)
    quoted = await price(world, person, asked)
    if quoted.status >= 300:
        _off_sale(world, quoted, wanted)
        return None
    asked |= {"expected_total_minor": quoted.body["total_minor"], "from_cart": from_cart}
    key = world.key()
    world.book.note("order", person=person.number, pieces=sum(wanted.values()), times=times)
    blow = world.blow(0.12)
    answers = await world.house.together(
        *(
            world.house.ask(
                person.host,
                "POST",
                "/api/shop/orders",
                asked,
                key=key,
                blow=blow if at == 0 else None,
            )
            for at in range(times)
        )
    )
    location = world.shop.store_location if pick_up else world.shop.warehouse
    if not world.book.has(location, wanted):
        for answer in answers:
            refused(answer, "stock.out_of_stock")
        world.book.acts["sold out"] += 1
        return None
    if len({must(answer, 201)["id"] for answer in answers}) != 1:
        raise Wrong(f"one key made several orders: {answers}")
    return await write_down(
        world, person, key, answers[0].body, wanted, pick_up=pick_up, quote=quoted.body
    )


def _off_sale(world: World, answer: Answer, wanted: dict[str, int]) -> None:
    refused(answer, "catalogue.not_on_sale")
    if not world.off_sale & wanted.keys():
        raise Wrong(f"everything of {wanted} is on sale, but: {answer.body}")
    world.book.acts["not on sale"] += 1


async def write_down(
    world: World, person: Person, key: str, placed: dict[str, Any], wanted: dict[str, int], *, pick_up: bool,
    quote: dict[str, Any],
) -> Order:  # fmt: skip
    """Keep an acknowledged order in the book, with its lines as the desk sees them."""
    if placed["total_minor"] != quote["total_minor"]:
        raise Wrong(f"quoted {quote['total_minor']}, ordered for {placed['total_minor']}")
    shown = must(await world.desk_asked("GET", f"/orders/{placed['id']}", struck=False))
    lines = [
        Line(line["id"], line["sku_id"], line["quantity"], line["line_minor"])
        for line in shown["lines"]
    ]
    for line in lines:
        if line.minor != line.quantity * world.book.prices[line.sku]:
            raise Wrong(f"line {line} does not cost its price")
    if Counter({line.sku: line.quantity for line in lines}) != Counter(wanted):
        raise Wrong(f"ordered {wanted}, the order has {lines}")
    order = Order(
        placed["id"], len(world.book.orders), person.number, key,
        world.shop.store_location if pick_up else world.shop.warehouse, "pick_up" if pick_up else "express", lines,
        placed["total_minor"], placed["total_minor"], shown["freight_minor"], datetime.fromisoformat(placed["pay_by"]),
        parcels={}, payments={},
    )  # fmt: skip
    world.book.place(order)
    return order


async def want_the_last(world: World, chance: Random) -> None:
    """Several want the last pieces of the same thing at the same moment: as many get it as there are."""
    people = list(world.people)
    while len(people) < 4:
        people.append(await come(world, chance))
    crowd = sorted(chance.sample(people, min(len(people), 6)), key=lambda one: one.number)
    sku, place = world.shop.skus["hot"], (world.shop.skus["hot"], world.shop.warehouse)
    there, wanted = world.book.free(place), {world.shop.skus["hot"]: 1}
    if there > len(crowd) - 2:  # somebody counts again before the rush
        left = world.book.reserved[place] + chance.randrange(1, len(crowd) - 1)
        counted = {"sku_id": sku, "location_id": world.shop.warehouse, "counted": left}
        must(await world.desk_asked("POST", "/stock/adjust", counted, key=world.key()))
        world.book.on_hand[place] = left
        there = world.book.free(place)
    quotes = [await price(world, one, _asked(world, one, wanted, pick_up=False)) for one in crowd]
    if quotes[0].status >= 300:
        return _off_sale(world, quotes[0], wanted)
    keys = [world.key() for _ in crowd]
    world.book.note("rush", people=len(crowd), pieces=there)
    blow = world.blow(0.2)
    answers = await world.house.together(
        *(
            world.house.ask(
                one.host, "POST", "/api/shop/orders",
                _asked(world, one, wanted, pick_up=False) | {"expected_total_minor": quote.body["total_minor"]},
                key=key, blow=blow if one is crowd[0] else None,
            )
            for one, quote, key in zip(crowd, quotes, keys, strict=True)
        )
    )  # fmt: skip
    won = [at for at, answer in enumerate(answers) if answer.status == 201]
    if len(won) != min(there, len(crowd)):
        raise Wrong(f"{there} pieces, {len(crowd)} asked, {len(won)} were told that they have one")
    for at, answer in enumerate(answers):
        if at not in won:
            refused(answer, "stock.out_of_stock")
            continue
        await write_down(
            world, crowd[at], keys[at], answer.body, wanted, pick_up=False, quote=quotes[at].body
        )
    return None


async def ask_twice(world: World, chance: Random) -> None:
    """One click too many: the same order with the same key, three times at once, and once more much later."""
    person = await someone(world, chance)
    wanted = {world.shop.skus[chance.choice(EVERYDAY)]: 1}
    await order_of(world, person, wanted, pick_up=False, times=3)


async def change_cart_at_once(world: World, chance: Random) -> None:
    """Two open windows change the same line of a cart; one of both numbers lies there afterwards."""
    person = await someone(world, chance)
    sku = world.shop.skus[chance.choice(EVERYDAY)]
    numbers = chance.sample(range(1, 9), 3)
    world.book.note("carts at once", person=person.number)
    blow = world.blow()
    answers = await world.house.together(
        *(
            world.house.ask(
                person.host, "PUT", f"/api/shop/cart/{sku}", {"quantity": number}, blow=blow if at == 0 else None
            )
            for at, number in enumerate(numbers)
        )
    )  # fmt: skip
    if sku in world.off_sale:
        return
    for answer in answers:
        must(answer)
    cart = must(await world.shop_asked(person.host, "GET", "/cart", struck=False))
    lying = [line["quantity"] for line in cart["lines"] if line["sku_id"] == sku]
    if len(lying) != 1 or lying[0] not in numbers:
        raise Wrong(f"of {numbers} pieces {lying} lie in the cart")
    must(await world.shop_asked(person.host, "PUT", f"/cart/{sku}", {"quantity": 0}))


async def give_up(world: World, chance: Random) -> None:
    """A shopper cancels an order that has not been sent."""
    open_orders = [
        one
        for one in world.book.of("unpaid", "paid", "ready")
        if not any(line.shipped for line in one.lines)
    ]
    if not open_orders:
        return
    order = chance.choice(open_orders)
    if order.state == "unpaid" and order.pay_by <= clock.now():
        return
    world.book.note("cancel", order=order.number, state=order.state)
    answer = await world.shop_asked(
        world.people[order.shopper].host,
        "POST",
        f"/orders/{order.id}/cancel",
        {"reason": "改变主意"},
    )
    if answer.status >= 300:
        refused(answer, *(("orders.not_cancellable",) if answer.repeated else ()))
    world.book.cancel(order, "shopper")
    await world.look(order)


async def confirm(world: World, chance: Random) -> None:
    """A shopper says that everything has arrived; not before everything was sent."""
    shipped = world.book.of("shipped")
    if not shipped:
        return
    order = chance.choice(shipped)
    world.book.note("confirm receipt", order=order.number)
    answer = await world.shop_asked(
        world.people[order.shopper].host, "POST", f"/orders/{order.id}/received"
    )
    if order.held:
        refused(answer, "orders.wrong_state")
    else:
        must(answer)
        order.state = "completed"
    await world.look(order)


async def order_again_with_an_old_key(world: World, chance: Random) -> None:
    """The answer of days ago is asked for once more: the same order, whatever became of it, and nothing new."""
    if not world.book.orders:
        return
    order = chance.choice(list(world.book.orders.values()))
    rows = await world.house.rows("select count(*) as n from orders")
    body = _asked(world, world.people[order.shopper], {}, pick_up=order.delivery == "pick_up")
    sku = world.shop.skus["stone"]
    body |= {"lines": [{"sku_id": sku, "quantity": 777}], "expected_total_minor": 1}
    world.book.note("old key", order=order.number)
    answer = await world.shop_asked(
        world.people[order.shopper].host, "POST", "/orders", body, key=order.key, struck=False
    )
    refused(answer, "http.key_reused")
    if await world.house.rows("select count(*) as n from orders") != rows:
        raise Wrong("an old key made a new order")


ACTS: list[Act] = [
    *[buy] * 9, *[want_the_last] * 2, *[ask_twice] * 2, change_cart_at_once, *[give_up] * 2, *[confirm] * 2,
    order_again_with_an_old_key,
]  # fmt: skip
