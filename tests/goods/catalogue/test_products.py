"""Products at the console: made, edited, refused, listed, changed in bulk."""

from datetime import timedelta
from uuid import uuid4

import pytest

from siyu.kernel import clock, timers
from siyu.kernel.checks import run_checks

from .conftest import counting_queries, edited, jade, picture, simple


async def made(console, body):
    answer = await console.post("/api/console/products", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_product_comes_back_as_it_was_handed_in(console):
    product = await made(console, jade())

    assert product["version"] == 1 and product["status"] == "on_sale"
    assert product["handle"].startswith("hetian-jade-bangle-")
    assert [sku["on_hand"] for sku in product["skus"]] == [3, 0]
    assert [sku["price_minor"] for sku in product["skus"]] == [128000, 138000]
    values = product["options"][0]["values"]
    assert [sku["option_value_ids"] for sku in product["skus"]] == [
        [values[0]["id"]],
        [values[1]["id"]],
    ]
    again = (await console.get(f"/api/console/products/{product['id']}")).json()
    assert again == product


async def test_an_edit_keeps_the_ids_of_what_is_still_meant(console, database, brand):
    product = await made(console, jade())
    body = edited(product)
    body["options"][0]["values"] = [{"zh-CN": "52"}, {"zh-CN": "54"}, {"zh-CN": "56"}]
    for sku in body["skus"]:
        sku["option_values"] = [sku["option_values"][0] + 1]
    body["skus"].insert(
        0, {"code": "NEW-52", "option_values": [0], "price_minor": 118000, "on_hand": 7}
    )

    changed = (await console.put(f"/api/console/products/{product['id']}", json=body)).json()

    assert changed["version"] == 2
    assert changed["skus"][0]["code"] == "NEW-52"
    assert [sku["id"] for sku in changed["skus"]][1:] == [sku["id"] for sku in product["skus"]]
    assert [v["id"] for v in changed["options"][0]["values"]][1:] == [
        v["id"] for v in product["options"][0]["values"]
    ]
    assert [sku["on_hand"] for sku in changed["skus"]] == [7, 3, 0]
    assert await run_checks(database, brand.id) == []


async def test_a_sku_that_is_left_out_is_not_offered_any_more_and_comes_back_by_its_code(console):
    product = await made(console, jade())
    code, sku_id = product["skus"][1]["code"], product["skus"][1]["id"]
    body = edited(product)
    body["skus"].pop()
    changed = (await console.put(f"/api/console/products/{product['id']}", json=body)).json()
    assert len(changed["skus"]) == 1

    body = edited(changed)
    body["skus"].append({"code": code, "option_values": [1], "price_minor": 1})
    again = (await console.put(f"/api/console/products/{product['id']}", json=body)).json()
    assert again["skus"][1]["id"] == sku_id


async def test_who_saves_second_is_told_and_nothing_is_lost(console):
    product = await made(console, jade())
    first = await console.put(
        f"/api/console/products/{product['id']}", json=edited(product, tags=["first"])
    )
    second = await console.put(
        f"/api/console/products/{product['id']}", json=edited(product, tags=["second"])
    )

    assert first.status_code == 200
    assert second.status_code == 409 and second.json()["code"] == "catalogue.changed_meanwhile"
    assert second.json()["facts"] == {"version": 2}
    assert (await console.get(f"/api/console/products/{product['id']}")).json()["tags"] == ["first"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"title": {"zh-CN": "  "}}, "title"),
        ({"title": {"klingon!": "tlh"}}, "title"),
        ({"title": {"zh-CN": "玉" * 201}}, "title"),
        ({"handle": "a b"}, "handle"),
        ({"status": "scheduled"}, "on_sale_at"),
        ({"description_html": {"zh-CN": "<p onclick=x()>hi</p>"}}, "description_html.zh-CN"),
        ({"description_html": {"zh-CN": "<script>x</script>"}}, "description_html.zh-CN"),
        ({"category_ids": ["00000000-0000-7000-8000-000000000000"]}, "category_ids"),
        ({"image_ids": ["00000000-0000-7000-8000-000000000000"]}, "image_ids"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_path(console, change, path):
    answer = await console.post("/api/console/products", json=jade(**change))
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "http.invalid"
    assert path in [error["path"] for error in answer.json()["errors"]]


async def test_skus_are_refused_for_missing_values_repeated_combinations_and_repeated_codes(
    console,
):
    for change, path in (
        ({"option_values": [7]}, "skus.1.option_values"),
        ({"option_values": []}, "skus.1.option_values"),
        ({"option_values": [0]}, "skus.1.option_values"),
        ({"code": "A"}, "skus.1.code"),
    ):
        body = jade()
        body["skus"][0]["code"] = "A"
        body["skus"][1].update(change)
        answer = await console.post("/api/console/products", json=body)
        assert answer.status_code == 422 and answer.json()["errors"][0]["path"] == path, answer.text
    body = jade()
    body["skus"][0]["price_minor"] = -1
    assert (await console.post("/api/console/products", json=body)).status_code == 400


async def test_nothing_goes_on_sale_without_anything_to_buy(console):
    answer = await console.post("/api/console/products", json=jade(options=[], skus=[]))
    assert answer.status_code == 422 and answer.json()["code"] == "catalogue.not_ready"
    draft = await made(console, jade(options=[], skus=[], status="draft"))
    bulk = await console.post(
        "/api/console/products/bulk", json={"ids": [draft["id"]], "action": "on_sale"}
    )
    assert (
        bulk.json()["changed"] == 0 and bulk.json()["refused"][0]["code"] == "catalogue.not_ready"
    )


async def test_handles_and_codes_name_one_thing(console):
    await made(console, simple("一", handle="one"))
    taken = await console.post("/api/console/products", json=simple("二", handle="one"))
    assert taken.status_code == 409 and taken.json()["code"] == "catalogue.handle_taken"

    first = simple("三")
    first["skus"][0]["code"] = "C-1"
    await made(console, first)
    second = simple("四")
    second["skus"][0]["code"] = "C-1"
    taken = await console.post("/api/console/products", json=second)
    assert taken.status_code == 409 and taken.json()["code"] == "catalogue.code_taken"
    assert taken.json()["facts"] == {"codes": ["C-1"]}


async def test_the_same_key_makes_one_product(console):
    headers = {"Idempotency-Key": "make-once"}
    first = await console.post("/api/console/products", json=jade(), headers=headers)
    again = await console.post("/api/console/products", json=jade(), headers=headers)
    other = await console.post("/api/console/products", json=simple("另一个"), headers=headers)
    assert first.json() == again.json()
    assert other.status_code == 409 and other.json()["code"] == "http.key_reused"


async def test_the_list_searches_chinese_by_any_part_of_a_word_and_latin_by_words(console):
    await made(console, jade())
    await made(console, simple("龙井茶", status="draft", tags=[], attributes=[]))

    async def found(**query):
        answer = await console.get("/api/console/products", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert [p["title"]["zh-CN"] for p in (await found(q="玉平"))["items"]] == ["和田玉平安镯"]
    assert [p["title"]["zh-CN"] for p in (await found(q="茶"))["items"]] == ["龙井茶"]
    assert len((await found(q="BANGLE hetian"))["items"]) == 1
    assert (await found(q="bang"))["items"] == []
    assert (await found(q="!!!"))["items"] == []
    everything = await found()
    assert everything["counts"] == {"all": 2, "draft": 1, "scheduled": 0, "on_sale": 1, "off": 0}
    assert [p["title"]["zh-CN"] for p in (await found(status="draft"))["items"]] == ["龙井茶"]
    assert (await found(q="玉", status="draft"))["counts"]["on_sale"] == 1
    row = (await found(q="玉平"))["items"][0]
    assert (row["price_min_minor"], row["price_max_minor"], row["sku_count"], row["free"]) == (
        128000,
        138000,
        2,
        3,
    )


@pytest.mark.parametrize("sort", ["updated", "newest", "price_up", "price_down"])
async def test_pages_follow_each_other_without_gaps_or_repetition(console, sort):
    for n in range(7):
        await made(console, simple(f"第{n}件", price_minor=100 * (n % 3)))
    seen, cursor = [], None
    while True:
        params = {"sort": sort, "limit": 3, **({"cursor": cursor} if cursor else {})}
        page = (await console.get("/api/console/products", params=params)).json()
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert len({p["id"] for p in seen}) == len(seen) == 7
    prices = [p["price_min_minor"] for p in seen]
    if sort.startswith("price"):
        assert prices == sorted(prices, reverse=sort == "price_down")
    refused = await console.get("/api/console/products", params={"cursor": "nonsense"})
    assert refused.json()["code"] == "http.bad_cursor"


async def test_a_longer_list_takes_no_more_queries(console):
    async def asked():
        """Both times just after an asking, since a process reads some things afresh now and then."""
        await console.get("/api/console/products")
        with counting_queries() as statements:
            return (await console.get("/api/console/products")).json(), statements

    await made(console, jade())
    few = (await asked())[1]
    for n in range(6):
        await made(console, simple(f"第{n}件"))
    page, many = await asked()
    assert len(page["items"]) == 7 and len(many) == len(few) <= 25


async def test_bulk_actions_change_what_can_be_changed_and_say_why_the_rest_could_not(
    console, database, brand
):
    one, two = await made(console, simple("一")), await made(console, simple("二", status="draft"))
    nobody = str(uuid4())

    answer = await console.post(
        "/api/console/products/bulk",
        json={"ids": [one["id"], two["id"], nobody], "action": "delete"},
    )
    assert answer.json()["changed"] == 1
    assert {r["id"]: r["code"] for r in answer.json()["refused"]} == {
        one["id"]: "catalogue.still_on_sale",
        nobody: "http.not_found",
    }
    assert (await console.get(f"/api/console/products/{two['id']}")).status_code == 404
    assert (
        await console.post("/api/console/products/bulk", json={"ids": [one["id"]], "action": "off"})
    ).json()["changed"] == 1
    shelf = (await console.post("/api/console/categories", json={"name": {"zh-CN": "首饰"}})).json()
    moved = {"ids": [one["id"]], "action": "category", "category_id": shelf["id"]}
    assert (await console.post("/api/console/products/bulk", json=moved)).json()["changed"] == 1
    product = (await console.get(f"/api/console/products/{one['id']}")).json()
    assert product["status"] == "off" and product["category_ids"] == [shelf["id"]]
    moved["category_id"] = nobody
    assert (await console.post("/api/console/products/bulk", json=moved)).status_code == 422
    await made(console, simple("二", handle=two["handle"]))  # deleted ones give their names back
    assert await run_checks(database, brand.id) == []


async def test_a_scheduled_product_goes_on_sale_and_comes_off_by_itself(
    console, shop, database, brand
):
    start = clock.now() + timedelta(hours=1)
    times = {"on_sale_at": start.isoformat(), "off_at": (start + timedelta(hours=1)).isoformat()}
    product = await made(console, jade(status="scheduled", **times))
    page = f"/api/shop/products/{product['handle']}"
    assert (await shop.get(page)).json()["code"] == "catalogue.not_on_sale"
    try:
        clock.freeze(start + timedelta(seconds=1))
        await timers.run_due(database, brand.id)
        assert (await console.get(f"/api/console/products/{product['id']}")).json()[
            "status"
        ] == "on_sale"
        clock.freeze(start + timedelta(hours=1, seconds=1))
        await timers.run_due(database, brand.id)
        off = (await console.get(f"/api/console/products/{product['id']}")).json()
    finally:
        clock.freeze(None)
    assert off["status"] == "off" and off["version"] == 3


async def test_categories_form_a_tree_without_circles(console):
    async def category(name, parent=None, **more):
        answer = await console.post(
            "/api/console/categories", json={"name": {"zh-CN": name}, "parent_id": parent, **more}
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    top = await category("首饰")
    below = await category("手镯", top, position=2)
    circle = await console.patch(f"/api/console/categories/{top}", json={"parent_id": below})
    assert circle.status_code == 422 and circle.json()["code"] == "catalogue.category_circle"
    renamed = await console.patch(
        f"/api/console/categories/{below}", json={"name": {"zh-CN": "镯子", "en": "Bangles"}}
    )
    assert renamed.json()["parent_id"] == top and renamed.json()["position"] == 2
    assert (
        await console.post("/api/console/categories", json={"name": {"zh-CN": " "}})
    ).status_code == 422
    assert (await console.patch(f"/api/console/categories/{uuid4()}", json={})).status_code == 404
    assert (await console.delete(f"/api/console/categories/{top}")).json()[
        "code"
    ] == "catalogue.category_in_use"
    await made(console, jade(category_ids=[below]))
    tree = {c["id"]: c for c in (await console.get("/api/console/categories")).json()["items"]}
    assert tree[below]["product_count"] == 1 and tree[top]["product_count"] == 0
    page = (await console.get("/api/console/products", params={"category_id": top})).json()
    assert len(page["items"]) == 1 and page["items"][0]["category_name"] == {
        "zh-CN": "镯子",
        "en": "Bangles",
    }


async def test_the_products_of_a_deleted_category_stay(console, database, brand):
    async def category(name, parent=None):
        body = {"name": {"zh-CN": name}, "parent_id": parent}
        return (await console.post("/api/console/categories", json=body)).json()

    top = await category("首饰")
    first, second = await category("手镯", top["id"]), await category("新品", top["id"])
    both = await made(console, jade(category_ids=[first["id"], second["id"]]))
    one = await made(console, jade(category_ids=[first["id"]]))
    full = await console.delete(f"/api/console/categories/{top['id']}")
    assert full.status_code == 409 and full.json()["facts"] == {"categories": 2}

    assert (await console.delete(f"/api/console/categories/{first['id']}")).status_code == 204

    assert (await console.get(f"/api/console/products/{both['id']}")).json()["category_ids"] == [
        second["id"]
    ]
    left = (await console.get(f"/api/console/products/{one['id']}")).json()
    assert left["category_ids"] == [] and left["version"] == one["version"]
    listed = (
        await console.get("/api/console/products", params={"category_id": second["id"]})
    ).json()
    assert [row["id"] for row in listed["items"]] == [both["id"]]
    assert await run_checks(database, brand.id) == []


async def test_categories_stand_in_three_levels_at_most(console):
    parent = None
    for name in ("首饰", "手镯", "翡翠手镯"):
        body = {"name": {"zh-CN": name}, "parent_id": parent}
        parent = (await console.post("/api/console/categories", json=body)).json()["id"]
    deeper = {"name": {"zh-CN": "冰种"}, "parent_id": parent}
    refused = await console.post("/api/console/categories", json=deeper)
    assert refused.status_code == 422 and refused.json()["code"] == "catalogue.category_circle"


async def test_pictures_in_a_description_become_ours(console, shop):
    upload = await console.post("/api/console/media", files={"file": ("a.jpg", picture())})
    image = upload.json()
    html = f'<p>看</p><img src="{image["url"]}#m{image["id"].replace("-", "")}"><img src="https://elsewhere.example/x.jpg">'
    product = await made(console, jade(description_html={"zh-CN": html}, image_ids=[image["id"]]))

    shown = (await shop.get(f"/api/shop/products/{product['id']}")).json()
    assert "elsewhere.example" not in shown["description_html"]
    assert image["url"] in shown["description_html"] and "/art-" in shown["description_html"]
    again = await console.put(f"/api/console/products/{product['id']}", json=edited(product))
    assert again.json()["description_html"] == product["description_html"]


async def test_without_the_permission_nothing_is_shown_or_changed(app, console, brand):
    from tests.conftest import sign_in

    login, password = f"ware@{brand.slug}", "right horse 7"
    body = {"login": login, "name": "仓管", "password": password, "roles": ["warehouse"]}
    unit = (await console.get("/api/console/units")).json()["items"][0]["id"]
    assert (
        await console.post("/api/console/staff", json={**body, "unit_id": unit})
    ).status_code == 201
    clerk = await sign_in(app, brand, login, password)
    assert (await clerk.get("/api/console/products")).status_code == 200
    for answer in (
        await clerk.post("/api/console/products", json=jade()),
        await clerk.post(
            "/api/console/products/bulk", json={"ids": [str(uuid4())], "action": "off"}
        ),
        await clerk.post("/api/console/categories", json={"name": {"zh-CN": "x"}}),
        await clerk.post("/api/console/media", files={"file": ("a.jpg", picture())}),
        await clerk.get("/api/console/imports"),
    ):
        assert answer.status_code == 403 and answer.json()["code"] == "http.not_allowed", (
            answer.text
        )
    await clerk.aclose()


async def test_another_brand_sees_and_changes_nothing(console, rival_console):
    product = await made(console, jade())
    shelf = (await console.post("/api/console/categories", json={"name": {"zh-CN": "首饰"}})).json()
    address = f"/api/console/products/{product['id']}"
    assert (await rival_console.get("/api/console/products")).json()["counts"]["all"] == 0
    assert (await rival_console.get(address)).status_code == 404
    assert (await rival_console.put(address, json=edited(product))).status_code == 404
    bulk = await rival_console.post(
        "/api/console/products/bulk", json={"ids": [product["id"]], "action": "off"}
    )
    assert bulk.json()["changed"] == 0
    assert (await rival_console.delete(f"/api/console/categories/{shelf['id']}")).status_code == 404
    assert (
        await rival_console.post("/api/console/products", json=jade(category_ids=[shelf["id"]]))
    ).status_code == 422
    assert (await console.get(address)).json() == product
