"""Where an order can be picked up: stores, and what each has too few of."""

from siyu.kernel.ids import new_id


async def asked(shop, *lines):
    wanted = [{"sku_id": str(sku), "quantity": quantity} for sku, quantity in lines]
    return await shop.post("/api/shop/stores/pick-up", json={"lines": wanted})


async def test_stores_that_have_everything_come_first_and_others_say_what_is_missing(stall, shop):
    poor, rich, _ = (
        await stall.store("a1"),
        await stall.store("b1"),
        await stall.store("c1", pick_up=False),
    )
    tin, cup = await stall.sku(pieces=9), await stall.sku(pieces=9)
    await stall.count(tin, 3, store_id=rich)
    await stall.count(cup, 1, store_id=rich)
    await stall.count(tin, 1, store_id=poor)
    answer = await asked(shop, (tin, 2), (cup, 1))
    assert answer.status_code == 200
    found = [(one["store"]["id"], one["missing"]) for one in answer.json()["items"]]
    assert found == [(str(rich), []), (str(poor), [str(tin), str(cup)])]


async def test_the_same_goods_in_two_lines_count_together(stall, shop):
    store = await stall.store()
    tin = await stall.sku()
    await stall.count(tin, 3, store_id=store)
    twice = (await asked(shop, (tin, 2), (tin, 2))).json()["items"]
    assert [one["missing"] for one in twice] == [[str(tin)]]


async def test_pieces_of_another_brand_or_unknown_goods_are_missing_everywhere(
    stall, rival_stall, shop
):
    await stall.store()
    theirs = await rival_stall.sku(store_id=await rival_stall.store())
    for sku in (theirs, new_id()):
        assert [one["missing"] for one in (await asked(shop, (sku, 1))).json()["items"]] == [
            [str(sku)]
        ]


async def test_nothing_and_too_much_are_refused(shop):
    assert (await asked(shop)).status_code in (400, 422)
    assert (await asked(shop, (new_id(), 0))).status_code in (400, 422)
