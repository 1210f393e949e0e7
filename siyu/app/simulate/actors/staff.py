"""Staff at their desks: parcels in parts, refunds, corrections of stock and prices, tables of new prices, two at one thing."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

from siyu.app.simulate.actors.paying import change_price
from siyu.app.simulate.actors.shoppers import EVERYDAY
from siyu.app.simulate.book import Order, Wrong
from siyu.app.simulate.opening import DISTRICTS, table_of
from siyu.app.simulate.world import Act, World, must, refused
from siyu.kernel import clock


async def ship(world: World, chance: Random) -> None:
    """Send an order whole or in part; every other time two desks send the same pieces at once."""
    ready = [one for one in world.book.of("paid", "shipped") if one.held]
    if not ready:
        return
    order = chance.choice(ready)
    pieces = {
        line.id: chance.randrange(1, line.held + 1) if chance.random() < 0.4 else line.held
        for line in order.lines
        if line.held
    }
    if len(order.parcels) >= 14:
        pieces = {line.id: line.held for line in order.lines if line.held}
    desks = 2 if chance.random() < 0.4 and _nothing_left(order, pieces) else 1
    parcel = {
        "lines": [{"line_id": line, "quantity": count} for line, count in pieces.items()],
        "carrier": "SF", "tracking_number": f"SF{world.book.acts['ship']:012d}",
    }  # fmt: skip
    world.book.note("ship", order=order.number, pieces=sum(pieces.values()), desks=desks)
    blow = world.blow(0.12)
    path = f"/api/console/orders/{order.id}/parcels"
    await world.at_desk()
    answers = await world.house.together(
        *(
            world.house.ask(
                world.house.console,
                "POST",
                path,
                parcel,
                key=world.key(),
                blow=blow if at == 0 else None,
            )
            for at in range(desks)
        )
    )
    won = [answer for answer in answers if answer.status == 200]
    if len(won) != 1:
        raise Wrong(
            f"{desks} desks sent the same pieces, {len(won)} were told that they did: {answers}"
        )
    for answer in answers:
        if answer.status != 200:
            refused(answer, "orders.not_that_many")
    world.book.ship(order, pieces, clock.now())
    for one in won[0].body["parcels"]:
        order.parcels.setdefault(one["id"], False)
    await world.look(order)


def _nothing_left(order: Order, pieces: Mapping[str, int]) -> bool:
    return all(pieces.get(line.id, 0) == line.held for line in order.lines)


async def sign(world: World, chance: Random) -> None:
    """A parcel has arrived."""
    waiting = [
        (order, parcel)
        for order in world.book.orders.values()
        for parcel, signed in order.parcels.items()
        if not signed
    ]
    if not waiting:
        return
    order, parcel = chance.choice(waiting)
    world.book.note("sign", order=order.number)
    answer = await world.desk_asked("POST", f"/parcels/{parcel}/signed")
    if answer.status >= 300:
        refused(answer, *(("fulfilment.already_signed",) if answer.repeated else ()))
    world.book.sign(order, parcel)
    await world.look(order)


async def hand_over(world: World, chance: Random) -> None:
    """Somebody fetches an order at the store; a wrong code first, now and then."""
    waiting = [one for one in world.book.of("ready") if one.held]
    if not waiting:
        return
    order = chance.choice(waiting)
    await world.work(struck=False)  # the code is made by an event
    person = world.people[order.shopper]
    shown = must(await world.shop_asked(person.host, "GET", f"/orders/{order.id}", struck=False))
    code = shown["pick_up_code"]
    if not code:
        raise Wrong(f"order {order.id} is ready and has no code: {shown}")
    path = f"/orders/{order.id}/pick-up"
    if chance.random() < 0.3:
        wrong = f"{(int(code) + 1) % 10**8:08d}"
        refused(
            await world.desk_asked("POST", path, {"code": wrong}, struck=False),
            "fulfilment.wrong_code",
        )
    world.book.note("hand over", order=order.number)
    answer = await world.desk_asked("POST", path, {"code": code})
    if answer.status >= 300:
        refused(answer, *(("orders.wrong_state",) if answer.repeated else ()))
    world.book.ship(order, {line.id: line.held for line in order.lines}, clock.now())
    await world.look(order)


async def refund(world: World, chance: Random) -> None:
    """Some pieces, all that is left, or some pieces and freight go back; sometimes two clicks at once, one refund."""
    paid = [
        one for one in world.book.of("paid", "ready", "shipped", "completed")
        if any(line.refunded < line.quantity for line in one.lines)
    ]  # fmt: skip
    if not paid:
        return
    order = chance.choice(paid)
    whole = chance.random() < 0.4
    left = {
        line.id: line.quantity - line.refunded
        for line in order.lines
        if line.refunded < line.quantity
    }
    pieces = left if whole else {line: chance.randrange(1, n + 1) for line, n in left.items()}
    freight_left = order.freight_minor - order.freight_refunded_minor
    freight = chance.choice((0, freight_left)) if whole else chance.randrange(freight_left + 1)
    restock = chance.random() < 0.7
    asked = {
        "lines": [{"line_id": line, "quantity": count} for line, count in pieces.items()],
        "reason": "不合适", "freight_minor": freight, "restock": restock,
    }  # fmt: skip
    clicks = 2 if chance.random() < 0.4 else 1
    world.book.note(
        "refund", order=order.number, pieces=sum(pieces.values()), freight=freight, clicks=clicks
    )
    key, blow = world.key(), world.blow(0.12)
    await world.at_desk()
    answers = await world.house.together(
        *(
            world.house.ask(
                world.house.console, "POST", f"/api/console/orders/{order.id}/refunds", asked, key=key,
                blow=blow if at == 0 else None,
            )
            for at in range(clicks)
        )
    )  # fmt: skip
    for answer in answers:
        must(answer)
    world.book.refund(order, pieces, freight_minor=freight, restock=restock)
    world.book.watch(order, clock.now())
    await world.look(order)
    too_many = {**asked, "lines": [{"line_id": order.lines[0].id, "quantity": 9_00}]}
    path = f"/orders/{order.id}/refunds"
    bad = await world.desk_asked("POST", path, too_many, key=world.key(), struck=False)
    refused(bad, "orders.refund_too_large", "orders.wrong_state")


async def send_failed_refunds_again(world: World, chance: Random) -> None:
    """What the bank refused is asked for once more."""
    failed = await world.house.rows(
        "select id, order_id from order_refunds where state = 'failed' order by agreed_at, id"
    )
    for row in failed:
        order = world.book.orders[str(row["order_id"])]
        world.book.note("refund again", order=order.number)
        path = f"/orders/{order.id}/refunds/{row['id']}/again"
        must(await world.desk_asked("POST", path, key=world.key()))


async def lower_price(world: World, chance: Random) -> None:
    """The price of a line of an unpaid order is lowered, with a reason; of one whose state has moved on it is refused."""
    unpaid = world.book.of("unpaid")
    if unpaid:
        order = chance.choice(unpaid)
        line = chance.choice(order.lines)
        await change_price(world, order, line.id, max(1, line.minor - chance.randrange(1, 500)))
    for order in world.book.of("paid", "completed")[:1]:
        asked = {"line_id": order.lines[0].id, "new_minor": 1, "reason": "试试"}
        answer = await world.desk_asked(
            "POST", f"/orders/{order.id}/price", asked, key=world.key(), struck=False
        )
        refused(answer, "orders.wrong_state")


async def write_note(world: World, chance: Random) -> None:
    """A note for colleagues, clicked twice."""
    if not world.book.orders:
        return
    order = chance.choice(list(world.book.orders.values()))
    world.book.note("note", order=order.number)
    key, asked = world.key(), {"text": f"第 {world.book.notes} 条：请礼品包装"}
    for _ in range(2):
        must(await world.desk_asked("POST", f"/orders/{order.id}/notes", asked, key=key))
    world.book.notes += 1


async def change_address(world: World, chance: Random) -> None:
    """An order goes elsewhere, as long as nothing was sent."""
    movable = [one for one in world.book.of("unpaid", "paid") if one.delivery == "express"]
    if not movable:
        return
    order = chance.choice(movable)
    world.book.note("address", order=order.number)
    address = {
        "recipient": "李先生", "phone": "13900001111", "district_code": chance.choice(DISTRICTS), "street": "解放路 8 号",
    }  # fmt: skip
    must(await world.desk_asked("PATCH", f"/orders/{order.id}/address", address))


async def correct_stock(world: World, chance: Random) -> None:
    """Pieces come in, are missed, or are counted; fewer than are reserved cannot be there."""
    sku = world.shop.skus[chance.choice((*EVERYDAY, "hot"))]
    place = (sku, world.shop.warehouse)
    delta = chance.randrange(-4, 12)
    world.book.note("stock", delta=delta)
    asked = {"sku_id": sku, "location_id": place[1], "delta": delta, "reason": "盘点"}
    answer = await world.desk_asked("POST", "/stock/adjust", asked, key=world.key())
    if world.book.free(place) + delta < 0:
        refused(answer, "stock.below_reserved")
    else:
        if must(answer)["on_hand"] != world.book.on_hand[place] + delta:
            raise Wrong(
                f"{world.book.on_hand[place]} and {delta} pieces are {answer.body['on_hand']}"
            )
        world.book.on_hand[place] += delta


async def take_off_sale(world: World, chance: Random) -> None:
    """Something is taken off sale, or all that was comes back."""
    back = [code for code, sku in world.shop.skus.items() if sku in world.off_sale]
    codes = back or [chance.choice(EVERYDAY)]
    action = "on_sale" if back else "off"
    world.book.note(f"goods {action}", codes="+".join(codes))
    asked = {"ids": [world.shop.products[code] for code in codes], "action": action}
    must(await world.desk_asked("POST", "/products/bulk", asked))
    world.off_sale = set() if back else {world.shop.skus[codes[0]]}


async def bring_new_prices(world: World, chance: Random) -> None:
    """A table with new prices is handed in and taken in by a job, which may die on its way."""
    codes = sorted(chance.sample([*EVERYDAY, "hot"], 3))
    codes = [code for code in codes if world.shop.skus[code] not in world.off_sale]
    prices = {code: chance.randrange(500, 90_000) for code in codes}
    world.book.note("new prices", codes="+".join(codes))
    rows = [
        {"handle": code, "title": f"{code} 茶器", "title_en": code, "sku": code, "price": f"{price // 100}.{price % 100:02d}",
         "status": "on_sale"}
        for code, price in prices.items()
    ]  # fmt: skip
    if not rows:
        return
    files = {"file": ("prices.csv", table_of(rows).encode())}
    given = must(await world.desk_asked("POST", "/imports", files=files))
    start = f"/imports/{given['id']}/start"
    begun = await world.desk_asked("POST", start, {"format": "siyu"})
    if begun.status >= 300:
        refused(begun, *(("catalogue.import_started",) if begun.repeated else ()))
    await _carry_through(world, given["id"])
    for code, price in prices.items():
        world.book.prices[world.shop.skus[code]] = price


async def _carry_through(world: World, import_id: str) -> None:
    """Until the job is done; one that lost its database in every try is retried by hand, as staff would."""
    begun, job = clock.now(), None
    for nth in range(1, 7):
        world.house.at(
            begun + nth * timedelta(seconds=40)
        )  # the lease of a worker that died is over by then
        await world.work()
        shown = must(await world.desk_asked("GET", f"/imports/{import_id}", struck=False))
        job = shown["job"]
        if job["state"] == "done":
            if job["result"].get("rejected"):
                raise Wrong(f"rows of new prices were refused: {job}")
            world.house.at(begun + timedelta(minutes=5))  # however often it was tried
            return
        if job["state"] == "failed":
            world.book.note("job retried", error=job["error"])
            must(await world.desk_asked("POST", f"/jobs/{job['id']}/retry", struck=False))
    raise Wrong(f"the job never came to its end: {job}")


ACTS: list[Act] = [
    *[ship] * 5, *[sign] * 3, *[hand_over] * 2, *[refund] * 3, *[send_failed_refunds_again] * 2, lower_price, write_note,
    change_address, *[correct_stock] * 2, take_off_sale, bring_new_prices,
]  # fmt: skip
