"""Orders at the console: found, changed, refunded, by those who may."""

import secrets
from contextlib import aclosing
from uuid import uuid4

from tests.conftest import searching, sign_in
from tests.goods.orders.conftest import keyed, paid_order


async def colleague(app, console, brand, role, unit_id=None):
    me = (await console.get("/api/console/session")).json()
    login = f"{role}.{secrets.token_hex(3)}@{brand.slug}"
    made = await console.post(
        "/api/console/staff", headers=keyed(),
        json={"login": login, "name": "同事", "password": "right horse 8", "roles": [role], "unit_id": str(unit_id or me["staff"]["unit_id"])},
    )  # fmt: skip
    assert made.status_code < 300, made.text
    return await sign_in(app, brand, login, "right horse 8")


async def test_the_list_counts_states_filters_and_pages(stall, shopper, console):
    sku = await stall.sku(1000, 100)
    paid = [(await paid_order(shopper, {sku: 1}, 1000))["id"] for _ in range(3)]
    unpaid = [(await shopper.ordered({sku: n}, 1000 * n))["id"] for n in (2, 5)]
    page = (await console.get("/api/console/orders")).json()
    assert page["counts"] == {"all": 5, "paid": 3, "unpaid": 2}
    assert [row["id"] for row in page["items"]] == unpaid[::-1] + paid[::-1]
    assert (
        page["items"][0]["customer_name"] == "王小明"
        and page["items"][0]["first_title"]["zh-CN"] == "青玉手镯"
    )

    page = (await console.get("/api/console/orders", params={"state": "paid", "limit": 2})).json()
    assert [row["id"] for row in page["items"]] == paid[:0:-1] and page["counts"]["all"] == 5
    rest = (
        await console.get(
            "/api/console/orders", params={"state": "paid", "limit": 2, "cursor": page["next"]}
        )
    ).json()
    assert ([row["id"] for row in rest["items"]], rest["next"]) == (paid[:1], None)

    for narrowed, expected in [
        ({"min_minor": 1500, "max_minor": 2500}, unpaid[:1]), ({"source": "guide"}, []), ({"store_id": str(uuid4())}, []),
        ({"from": "2020-01-01", "to": "2020-12-31"}, []),
    ]:  # fmt: skip
        page = (await console.get("/api/console/orders", params=narrowed)).json()
        assert [row["id"] for row in page["items"]] == expected, narrowed
    assert (await console.get("/api/console/orders", params={"cursor": "nonsense"})).json()[
        "code"
    ] == "http.bad_cursor"
    assert (await console.get("/api/console/session")).json()["counts"]["orders_to_ship"] == 3


async def test_orders_are_found_by_number_name_and_phone(stall, shopper, console):
    sku = await stall.sku(1000, 100)
    placed = await shopper.ordered({sku: 1}, 1000)
    other = await stall.shopper("欧阳明月")
    theirs = await other.ordered({sku: 1}, 1000)
    await stall.settle()

    async def found(q: str) -> list[str]:
        return [
            row["id"]
            for row in (await console.get("/api/console/orders", headers=searching(q))).json()[
                "items"
            ]
        ]

    for q in (
        placed["number"],
        placed["number"].replace(" ", ""),
        "王小明",
        shopper.phone,
        f" {shopper.phone[-4:]} ",
    ):
        assert await found(q) == [placed["id"]], q
    assert await found("欧阳明月") == [theirs["id"]]
    for q in ("小明", "明月", "0000", "？", placed["number"][:-1] + "x"):
        assert await found(q) == [], q
    for words in ("%FF", "%00", "x" * 101):
        for path in ("orders", "customers"):
            wrong = await console.get(f"/api/console/{path}", headers={"X-Search": words})
            assert wrong.status_code == 422 and wrong.json()["code"] == "http.invalid", words
            assert wrong.json()["errors"][0]["path"] == "X-Search"


async def test_another_brands_desk_finds_nothing(stall, shopper, app, rival, rival_stall):
    placed = await paid_order(shopper, {await stall.sku(): 1}, 1990)
    await stall.settle()
    line = (await stall.fetch("select line_id from order_lines"))[0]["line_id"]
    async with aclosing(await sign_in(app, rival)) as theirs:
        for q in ("", placed["number"], "王小明", shopper.phone):
            page = (await theirs.get("/api/console/orders", headers=searching(q))).json()
            assert page["items"] == [] and page["counts"]["all"] == 0
        url = f"/api/console/orders/{placed['id']}"
        bodies = {
            "cancel": {"reason": "x"}, "notes": {"text": "x"}, "price": {"line_id": str(line), "new_minor": 1, "reason": "xx"},
            "refunds": {"lines": [{"line_id": str(line), "quantity": 1}], "freight_minor": 0, "reason": "xx", "restock": True},
        }  # fmt: skip
        assert (await theirs.get(url)).status_code == 404
        for path, body in bodies.items():
            assert (
                await theirs.post(f"{url}/{path}", json=body, headers=keyed())
            ).status_code == 404, path
        address = {
            "recipient": "甲",
            "phone": "13800138000",
            "district_code": "330106",
            "street": "路 1 号",
            "is_default": False,
        }
        assert (await theirs.patch(f"{url}/address", json=address)).status_code == 404
    assert (await shopper.order(placed["id"]))["state"] == "paid"


async def test_the_detail_shows_everything_and_what_may_be_done(stall, shopper, console):
    placed = await paid_order(shopper, {await stall.sku(): 2}, 3980)
    await stall.settle()
    order = (await console.get(f"/api/console/orders/{placed['id']}")).json()
    assert order["customer"] == {
        "id": str(shopper.id), "name": "王小明", "phone_masked": f"{shopper.phone[:3]}****{shopper.phone[-4:]}", "orders": 1, "spent_minor": 3980,
    }  # fmt: skip
    assert (
        order["recipient"]["phone"] == f"{shopper.phone[:3]}****{shopper.phone[-4:]}"
        and order["recipient"]["region_names"][0] == "浙江省"
    )
    assert [step["stage"] for step in order["waterfall"]] == ["list", "total"]
    assert (
        order["waterfall"][0]["label"]["zh-CN"] == "商品原价"
        and order["waterfall"][-1]["amount_minor"] == 3980
    )
    assert [(p["provider"], p["amount_minor"], p["state"]) for p in order["payments"]] == [
        ("sandbox", 3980, "succeeded")
    ]
    assert [item["kind"] for item in order["timeline"]] == ["orders.paid", "orders.placed"]
    assert set(order["may"]) == {"note", "cancel", "ship", "refund", "change_address"}


async def test_a_changed_price_is_kept_with_its_reason_and_closes_payments_under_way(
    stall, shopper, console
):
    first, second = await stall.sku(1000), await stall.sku(700)
    placed = await shopper.ordered({first: 2, second: 1}, 2700)
    old_payment = await shopper.start_paying(placed["id"])
    url = f"/api/console/orders/{placed['id']}"
    line = (await console.get(url)).json()["lines"][0]
    body = {"line_id": line["id"], "new_minor": 1500, "reason": "老客优惠"}
    key = keyed()
    order = (await console.post(f"{url}/price", json=body, headers=key)).json()
    assert (order["total_minor"], order["lines"][0]["line_minor"]) == (2200, 1500)
    manual = next(step for step in order["waterfall"] if step["stage"] == "manual")
    assert (manual["amount_minor"], manual["note"]["zh-CN"]) == (-500, "老客优惠")
    assert (await console.post(f"{url}/price", json=body, headers=key)).json()["version"] == order[
        "version"
    ]
    audit = (await console.get("/api/console/audit")).json()["items"][0]
    assert (audit["action"], audit["facts"]["total_minor"]) == ("orders.price_changed", 2200)

    await shopper.at_cashier(old_payment)  # somebody pays the old amount all the same: it goes back
    await stall.settle()
    assert (await shopper.order(placed["id"]))["state"] == "unpaid"
    await shopper.pay(placed["id"])
    order = (await console.get(url)).json()
    assert (order["state"], order["paid_minor"], order["refunded_minor"]) == ("paid", 2200, 0)
    assert [refund["amount_minor"] for refund in order["refunds"]] == [2700]
    late = await console.post(f"{url}/price", json=body | {"new_minor": 1}, headers=keyed())
    assert (late.status_code, late.json()["code"]) == (409, "orders.wrong_state")
    await stall.all_holds()


async def test_the_address_can_change_until_something_ships(stall, shopper, console):
    placed = await paid_order(shopper, {await stall.sku(): 1}, 1990)
    url = f"/api/console/orders/{placed['id']}"
    address = {
        "recipient": "李雷",
        "phone": "13800138001",
        "district_code": "310115",
        "street": "世纪大道 1 号",
        "is_default": False,
    }
    order = (await console.patch(f"{url}/address", json=address)).json()
    assert (order["recipient"]["recipient"], order["recipient"]["district_code"]) == (
        "李*",
        "310115",
    )
    await stall.settle()
    assert (
        len((await console.get("/api/console/orders", headers=searching("李雷"))).json()["items"])
        == 1
    )
    bad = await console.patch(f"{url}/address", json=address | {"district_code": "999999"})
    assert bad.status_code == 422
    parcel = {
        "lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}],
        "carrier": "SF",
        "tracking_number": "SF1234567890",
    }
    await console.post(f"{url}/parcels", json=parcel, headers=keyed())
    assert (await console.patch(f"{url}/address", json=address)).json()[
        "code"
    ] == "orders.wrong_state"


async def test_the_recipient_is_whole_only_in_the_forms_of_those_who_ship_and_that_is_written_down(
    stall, shopper, console, app, brand
):
    placed = await paid_order(shopper, {await stall.sku(): 1}, 1990)
    url = f"/api/console/orders/{placed['id']}"
    async with aclosing(await colleague(app, console, brand, "warehouse")) as packer:
        order = (await packer.get(url)).json()
        assert order["recipient"]["phone"] == f"{shopper.phone[:3]}****{shopper.phone[-4:]}"
        whole = await packer.post(f"{url}/recipient")
        assert (whole.status_code, whole.json()["phone"]) == (200, shopper.phone)
        assert whole.json()["recipient"] == "王小明"
    for role in ("viewer", "guide", "dealer"):
        async with aclosing(await colleague(app, console, brand, role)) as other:
            answer = await other.post(f"{url}/recipient")
            assert (answer.status_code, answer.json()["code"]) == (403, "http.not_allowed")
    audit = (await console.get("/api/console/audit")).json()["items"]
    opened = [one for one in audit if one["action"] == "orders.recipient_opened"]
    assert [one["subject_id"] for one in opened] == [placed["id"]]
    parcel = {
        "lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}],
        "carrier": "SF",
        "tracking_number": "SF1234567890",
    }
    await console.post(f"{url}/parcels", json=parcel, headers=keyed())
    late = await console.post(f"{url}/recipient")
    assert (late.status_code, late.json()["code"]) == (409, "orders.wrong_state")


async def test_notes_are_for_colleagues_only(stall, shopper, console):
    placed = await shopper.ordered({await stall.sku(): 1}, 1990)
    order = (
        await console.post(
            f"/api/console/orders/{placed['id']}/notes",
            json={"text": "要求周末送"},
            headers=keyed(),
        )
    ).json()
    assert [note["text"] for note in order["notes"]] == ["要求周末送"]
    assert "要求周末送" not in (await shopper.http.get(f"/api/shop/orders/{placed['id']}")).text


async def test_staff_cancel_unpaid_and_paid_orders_but_not_shipped_ones(stall, shopper, console):
    sku = await stall.sku(1000, 10)
    unpaid, paid = await shopper.ordered({sku: 1}, 1000), await paid_order(shopper, {sku: 1}, 1000)
    for one, state in ((unpaid, "cancelled"), (paid, "refunded")):
        answer = await console.post(
            f"/api/console/orders/{one['id']}/cancel", json={"reason": "缺货"}, headers=keyed()
        )
        assert (answer.status_code, answer.json()["state"], answer.json()["cancel_reason"]) == (
            200,
            state,
            "缺货",
        )
    again = await console.post(
        f"/api/console/orders/{unpaid['id']}/cancel", json={"reason": ""}, headers=keyed()
    )
    assert (again.status_code, again.json()["code"]) == (409, "orders.not_cancellable")
    await stall.settle()
    await stall.all_holds()


async def test_roles_hide_fields_and_actions_and_a_store_sees_its_own_orders(
    stall, shopper, console, app, brand
):
    store = await stall.store()
    sku = await stall.sku(1990, 5)
    placed = await paid_order(shopper, {sku: 1}, 1990)
    local = await stall.sku(500, 5, store_id=store)
    picked = await shopper.ordered(
        {local: 1}, 500, delivery="pick_up", address_id=None, store_id=str(store)
    )
    async with aclosing(await colleague(app, console, brand, "viewer")) as viewer:
        order = (await viewer.get(f"/api/console/orders/{placed['id']}")).json()
        assert (
            order["recipient"]["street"] == "***" and order["recipient"]["phone"] == "***********"
        )
        assert order["customer"]["name"] == "王**" and order["may"] == []
        answer = await viewer.post(
            f"/api/console/orders/{placed['id']}/cancel", json={"reason": ""}, headers=keyed()
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "http.not_allowed")
    async with aclosing(await colleague(app, console, brand, "store_manager", store)) as manager:
        page = (await manager.get("/api/console/orders")).json()
        assert [row["id"] for row in page["items"]] == [picked["id"]] and page["counts"]["all"] == 1
        assert (await manager.get(f"/api/console/orders/{placed['id']}")).status_code == 404
        assert (await manager.get(f"/api/console/orders/{picked['id']}")).json()["store_name"][
            "zh-CN"
        ] == "湖滨店"


async def test_saved_views_are_ones_own(stall, console, app, brand):
    made = await console.post(
        "/api/console/views",
        json={"page": "orders", "name": "大单", "query": {"min_minor": "100000"}},
        headers=keyed(),
    )
    assert made.status_code == 201
    await console.post(
        "/api/console/views",
        json={"page": "orders", "name": "大单", "query": {"min_minor": "200000"}},
        headers=keyed(),
    )
    views = (await console.get("/api/console/views", params={"page": "orders"})).json()["items"]
    assert [(view["name"], view["query"]) for view in views] == [("大单", {"min_minor": "200000"})]
    async with aclosing(await colleague(app, console, brand, "operator")) as other:
        assert (await other.get("/api/console/views")).json()["items"] == []
        assert (await other.delete(f"/api/console/views/{views[0]['id']}")).status_code == 404
    assert (await console.delete(f"/api/console/views/{views[0]['id']}")).status_code == 204


async def test_freight_templates_have_one_default_and_sensible_regions(console):
    rule = {
        "region_codes": [],
        "first_g": 1000,
        "first_minor": 800,
        "next_g": 1000,
        "next_minor": 200,
        "free_from_minor": None,
    }
    first = await console.post(
        "/api/console/freight-templates",
        json={"name": {"zh-CN": "默认"}, "is_default": True, "rules": [rule]},
        headers=keyed(),
    )
    assert first.status_code == 201, first.text
    second = await console.post(
        "/api/console/freight-templates",
        json={"name": {"zh-CN": "大件"}, "is_default": True, "rules": [rule]},
        headers=keyed(),
    )
    items = (await console.get("/api/console/freight-templates")).json()["items"]
    assert [(one["id"], one["is_default"]) for one in items] == [
        (second.json()["id"], True),
        (first.json()["id"], False),
    ]
    changed = await console.put(
        f"/api/console/freight-templates/{first.json()['id']}",
        json={"name": {"zh-CN": "默认"}, "is_default": True, "rules": []},
    )
    assert changed.json()["rules"] == []
    for wrong in (
        {"name": {"zh-CN": " "}},
        {"rules": [rule, rule]},
        {"rules": [rule | {"region_codes": ["33"]}] * 2},
    ):
        body = {"name": {"zh-CN": "x"}, "is_default": False, "rules": []} | wrong
        assert (
            await console.post("/api/console/freight-templates", json=body, headers=keyed())
        ).status_code == 422
    assert (
        await console.put(
            f"/api/console/freight-templates/{uuid4()}",
            json={"name": {"zh-CN": "x"}, "is_default": False, "rules": []},
        )
    ).status_code == 404


async def test_a_customer_with_orders_under_way_is_not_forgotten_and_afterwards_amounts_stay(
    stall, shopper, console
):
    sku = await stall.sku(1000, 100)
    placed = await shopper.ordered({sku: 1}, 1000, note="请放门口")
    await console.post(f"/api/console/orders/{placed['id']}/notes", json={"text": "王小明很急"})
    order = (await console.get(f"/api/console/orders/{placed['id']}")).json()
    assert (order["customer_note"], order["notes"][0]["text"]) == ("请放门口", "王小明很急")
    forget = f"/api/console/customers/{order['customer']['id']}/forget"
    refused = await console.post(forget, json={"reason": "asked"})
    assert (refused.status_code, refused.json()["code"]) == (409, "customers.still_busy")
    assert refused.json()["facts"] == {"orders": 1}
    await console.post(f"/api/console/orders/{placed['id']}/cancel", json={"reason": "不要了"})
    assert (await console.post(forget, json={"reason": "asked"})).status_code == 200
    order = (await console.get(f"/api/console/orders/{placed['id']}")).json()
    assert (order["recipient"], order["customer_note"], order["notes"][0]["text"]) == (None, "", "")
    assert order["total_minor"] == 1000 and order["customer"]["name"] == ""
    listed = (await console.get("/api/console/orders")).json()["items"]
    assert [one["id"] for one in listed] == [placed["id"]]
    await stall.all_holds()
