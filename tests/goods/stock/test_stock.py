"""Stock: counted, adjusted, reserved; every balance explained by its movements."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.goods import stock
from siyu.goods.stock import Movement, rules
from siyu.kernel.checks import run_checks
from siyu.kernel.events import drain

STOCK = {
    "stock.replay",
    "stock.steps",
    "stock.not_oversold",
}  # orders have an invariant of their own on what is reserved


async def product(console, title="玉镯", pieces=10):
    sku = {"code": "", "option_values": [], "price_minor": 1990, "on_hand": pieces}
    answer = await console.post(
        "/api/console/products",
        json={"title": {"zh-CN": title}, "skus": [sku], "status": "on_sale"},
    )
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["skus"][0]["id"])


@pytest.fixture
async def place(database, brand):
    """The brand's online warehouse."""
    async with database.raw(brand.id) as connection:
        return await stock.online_location(connection)


async def reserve(database, brand, sku, place, pieces):
    """What placing an order does to stock: lock, look, move. Whether it was possible."""
    async with database.raw(brand.id) as connection:
        level = (await stock.lock_levels(connection, [(sku, place)]))[sku, place]
        if level.free < pieces:
            return False
        taken = Movement(
            sku_id=sku,
            location_id=place,
            kind="reserved",
            delta_reserved=pieces,
            order_id=uuid4(),
            order_number="N1",
        )
        await stock.apply_movements(connection, [taken])
        return True


async def test_fifty_rivals_for_ten_pieces_get_exactly_ten(console, database, brand, place):
    sku = await product(console, pieces=10)
    answers = await asyncio.gather(*(reserve(database, brand, sku, place, 1) for _ in range(50)))
    assert sum(answers) == 10
    async with database.raw(brand.id) as connection:
        assert await stock.free(connection, [sku]) == {sku: 0}
    assert await run_checks(database, brand.id, STOCK) == []


async def test_crossing_orders_for_the_same_two_skus_never_lock_each_other_up(
    console, database, brand, place
):
    one, two = await product(console, "一", 30), await product(console, "二", 30)

    async def both(first, second):
        async with database.raw(brand.id) as connection:
            levels = await stock.lock_levels(connection, [(first, place), (second, place)])
            assert len(levels) == 2
            moves = [
                Movement(sku_id=sku, location_id=place, kind="reserved", delta_reserved=1)
                for sku in (first, second)
            ]
            await stock.apply_movements(connection, moves)

    await asyncio.gather(*(both(*pair) for pair in [(one, two), (two, one)] * 15))
    async with database.raw(brand.id) as connection:
        assert await stock.free(connection, [one, two]) == {one: 0, two: 0}


async def test_each_movement_of_a_batch_keeps_the_balance_right_after_it(
    console, database, brand, place
):
    sku = await product(console, pieces=10)
    async with database.raw(brand.id) as connection:
        await stock.lock_levels(connection, [(sku, place)])
        moves = [("reserved", 0, 3), ("shipped", -2, -2), ("released", 0, -1), ("returned", 1, 0)]
        await stock.apply_movements(
            connection,
            [
                Movement(sku_id=sku, location_id=place, kind=k, delta_on_hand=h, delta_reserved=r)
                for k, h, r in moves
            ],
        )
    seen = (await console.get(f"/api/console/stock/{sku}/movements")).json()["items"]
    assert [(m["kind"], m["on_hand_after"], m["reserved_after"]) for m in seen] == [
        ("returned", 9, 0),
        ("released", 8, 0),
        ("shipped", 8, 1),
        ("reserved", 10, 3),
        ("counted", 10, 0),
    ]
    assert await run_checks(database, brand.id, STOCK) == []


async def test_a_balance_never_goes_below_zero_even_when_somebody_forgets_to_look(
    console, database, brand, place
):
    sku = await product(console, pieces=1)
    with pytest.raises(asyncpg.CheckViolationError):
        async with database.raw(brand.id) as connection:
            await stock.apply_movements(
                connection,
                [Movement(sku_id=sku, location_id=place, kind="reserved", delta_reserved=2)],
            )


async def test_movements_cannot_be_changed_or_removed(console, database, brand):
    await product(console)
    for statement in (
        "update stock_movements set delta_on_hand = 0",
        "delete from stock_movements",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.raw(brand.id) as connection:
                await connection.execute(statement)


async def test_a_check_finds_a_balance_that_nothing_explains(console, database, brand):
    sku = await product(console)
    async with database.raw(brand.id) as connection:
        await connection.execute(
            "update stock_levels set on_hand = on_hand + 1 where sku_id = $1", sku
        )
    broken = await run_checks(database, brand.id, STOCK)
    assert [one.name for one in broken] == ["stock.replay"]
    assert broken[0].rows[0]["on_hand"] == 11 and broken[0].rows[0]["replayed_on_hand"] == 10


async def test_staff_adjust_by_a_difference_or_to_a_count_with_a_reason_that_is_kept(
    console, place
):
    sku = await product(console)
    address, body = "/api/console/stock/adjust", {"sku_id": str(sku), "location_id": str(place)}
    more = (await console.post(address, json={**body, "delta": 5, "reason": "到货"})).json()
    assert (more["on_hand"], more["free"], more["title"]) == (15, 15, {"zh-CN": "玉镯"})
    less = (await console.post(address, json={**body, "counted": 4, "reason": "盘点"})).json()
    assert less["on_hand"] == 4
    seen = (
        await console.get(f"/api/console/stock/{sku}/movements", params={"location_id": str(place)})
    ).json()["items"]
    assert [(m["kind"], m["delta_on_hand"], m["reason"]) for m in seen][:2] == [
        ("counted", -11, "盘点"),
        ("received", 5, "到货"),
    ]
    assert seen[0]["actor_name"] and seen[0]["id"]
    audit = (await console.get("/api/console/audit", params={"action": "stock.adjusted"})).json()[
        "items"
    ]
    assert audit[0]["facts"]["reason"] == "盘点" and len(audit) == 2


async def test_adjusting_twice_under_one_key_counts_once(console, place):
    sku = await product(console)
    body = {"sku_id": str(sku), "location_id": str(place), "delta": 5, "reason": ""}
    for _ in range(2):
        answer = await console.post(
            "/api/console/stock/adjust", json=body, headers={"Idempotency-Key": "k"}
        )
        assert answer.json()["on_hand"] == 15


async def test_what_orders_have_reserved_cannot_be_counted_away(console, database, brand, place):
    sku = await product(console, pieces=5)
    assert await reserve(database, brand, sku, place, 3)
    body = {"sku_id": str(sku), "location_id": str(place), "reason": ""}
    refused = await console.post("/api/console/stock/adjust", json={**body, "counted": 2})
    assert refused.status_code == 409 and refused.json()["code"] == "stock.below_reserved"
    assert refused.json()["facts"] == {"on_hand": 2, "reserved": 3}
    for bad in ({}, {"delta": 1, "counted": 1}):
        assert (
            await console.post("/api/console/stock/adjust", json={**body, **bad})
        ).status_code == 422
    unknown = {**body, "sku_id": str(uuid4()), "delta": 1}
    assert (await console.post("/api/console/stock/adjust", json=unknown)).status_code == 404
    unknown = {**body, "location_id": str(uuid4()), "delta": 1}
    assert (await console.post("/api/console/stock/adjust", json=unknown)).status_code == 422


async def test_the_list_finds_by_words_and_shows_what_runs_low(console):
    for n in range(5):
        await product(console, f"银镯{n}", pieces=n * 3)
    low = (await console.get("/api/console/stock", params={"low": "true"})).json()["items"]
    assert sorted(row["on_hand"] for row in low) == [0, 3]
    found = (await console.get("/api/console/stock", params={"q": "银镯3"})).json()["items"]
    assert [row["on_hand"] for row in found] == [9]
    first = (await console.get("/api/console/stock", params={"limit": 3})).json()
    second = (
        await console.get("/api/console/stock", params={"limit": 3, "cursor": first["next"]})
    ).json()
    assert len(first["items"] + second["items"]) == 5 and second["next"] is None
    assert (await console.get("/api/console/stock", params={"q": "!"})).json()["items"] == []


async def test_every_store_has_a_stock_room_of_its_own(console, database, brand, place):
    top = (await console.get("/api/console/units")).json()["items"][0]["id"]
    store = {
        "parent_id": top,
        "kind": "store",
        "code": "hz01",
        "name": {"zh-CN": "湖滨店"},
        "store": {"pick_up": True},
    }
    unit = await console.post("/api/console/units", json=store)
    assert unit.status_code == 201, unit.text
    await drain(database, brand.id, {"goods.stock.reactions.follow_stores"})

    locations = (await console.get("/api/console/locations")).json()["items"]
    assert [(one["kind"], one["sells_online"], one["name"]["zh-CN"]) for one in locations] == [
        ("warehouse", True, "总仓"),
        ("store", False, "湖滨店"),
    ]
    assert locations[0]["unit_id"] == top and locations[1]["unit_id"] == unit.json()["id"]
    sku = await product(console)
    body = {"sku_id": str(sku), "location_id": locations[1]["id"], "counted": 2, "reason": "铺货"}
    assert (await console.post("/api/console/stock/adjust", json=body)).json()["location_name"] == {
        "zh-CN": "湖滨店"
    }
    assert (
        await console.get("/api/console/stock", params={"location_id": locations[1]["id"]})
    ).json()["items"][0]["on_hand"] == 2


async def test_another_brand_sees_and_moves_nothing(app, console, rival, place):
    from tests.conftest import sign_in

    sku = await product(console)
    other = await sign_in(app, rival)
    assert (await other.get("/api/console/stock")).json()["items"] == []
    assert (await other.get(f"/api/console/stock/{sku}/movements")).json()["items"] == []
    body = {"sku_id": str(sku), "location_id": str(place), "delta": -1, "reason": ""}
    assert (await other.post("/api/console/stock/adjust", json=body)).status_code == 422
    mine = (await other.get("/api/console/locations")).json()["items"][0]["id"]
    assert (
        await other.post("/api/console/stock/adjust", json={**body, "location_id": mine})
    ).status_code == 404
    await other.aclose()


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 100))
def test_shown_stock_is_never_more_than_there_is_nor_below_zero(on_hand, reserved, safety):
    free = rules.free(on_hand, reserved, safety)
    assert 0 <= rules.shown(free) <= max(0, free)
    assert rules.only_left(free) in {None, *range(1, 6)}
    assert (rules.only_left(free) is not None) == (0 < free <= 5)
