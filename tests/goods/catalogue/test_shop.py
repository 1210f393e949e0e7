"""What shoppers read: lists and pages from kept bytes that are never older than the change they show."""

import asyncio
from uuid import UUID, uuid4

import pytest

from siyu.goods import stock
from siyu.goods.stock import Movement
from tests.conftest import client_for

from .conftest import counting_queries, edited, jade, simple


async def made(console, body):
    answer = await console.post("/api/console/products", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def eventually(ask, holds):
    """News travel over PostgreSQL: give them a moment, far less than the time to live."""
    answer = await ask()
    for _ in range(100):
        answer = await ask()
        if holds(answer):
            return answer
        await asyncio.sleep(0.02)
    raise AssertionError(answer.text)


async def test_a_page_shows_prices_options_and_honest_stock(console, shop):
    product = await made(console, jade())
    page = (await shop.get(f"/api/shop/products/{product['id']}")).json()

    assert (
        page["title"] == "和田玉平安镯" and page["description_html"] == "<p>产自<b>新疆和田</b></p>"
    )
    assert (page["price_minor"], page["price_max_minor"], page["list_price_minor"]) == (
        128000,
        138000,
        158000,
    )
    assert [(sku["free"], sku["list_price_minor"]) for sku in page["skus"]] == [
        (3, 158000),
        (0, None),
    ]
    assert page["sold_out"] is False and page["only_left"] == 3
    assert page["options"][0]["values"][0]["name"] == "54"
    assert page["attributes"] == [{"name": "材质", "value": "和田玉"}]
    english = (
        await shop.get(f"/api/shop/products/{product['handle']}", params={"lang": "en"})
    ).json()
    assert english["title"] == "Hetian jade bangle" and english["options"][0]["name"] == "Size"
    assert english["subtitle"] == "温润如初"


async def test_stock_is_shown_exactly_up_to_ninety_nine(console, shop):
    product = await made(console, simple("很多", on_hand=5000))
    page = (await shop.get(f"/api/shop/products/{product['id']}")).json()
    assert page["skus"][0]["free"] == 99 and page["only_left"] is None


async def test_drafts_and_unknown_names_are_not_there_and_what_came_off_sale_says_so(console, shop):
    draft = await made(console, simple("草稿", status="draft"))
    off = await made(console, simple("下架", status="off"))
    assert (await shop.get(f"/api/shop/products/{draft['id']}")).status_code == 404
    assert (await shop.get(f"/api/shop/products/{uuid4()}")).status_code == 404
    gone = await shop.get(f"/api/shop/products/{off['handle']}")
    assert gone.status_code == 409 and gone.json()["code"] == "catalogue.not_on_sale"
    assert (await shop.get("/api/shop/products")).json() == {"items": [], "next": None, "total": 0}


async def test_lists_search_sort_and_page_through_a_category_and_below(console, shop):
    top = (await console.post("/api/console/categories", json={"name": {"zh-CN": "首饰"}})).json()[
        "id"
    ]
    below = (
        await console.post(
            "/api/console/categories", json={"name": {"zh-CN": "手镯"}, "parent_id": top}
        )
    ).json()["id"]
    for n in range(5):
        await made(console, simple(f"银镯{n}", price_minor=1000 + n, category_ids=[below]))
    await made(console, simple("茶杯", price_minor=1, tags=[]))

    async def page(**query):
        answer = await shop.get("/api/shop/products", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert (await page())["total"] == 6
    assert (await page())["items"][0]["title"] == "茶杯"
    assert [c["price_minor"] for c in (await page(sort="price_down", limit=2))["items"]] == [
        1004,
        1003,
    ]
    first = await page(category_id=top, sort="price_up", limit=3)
    second = await page(category_id=top, sort="price_up", limit=3, cursor=first["next"])
    assert first["total"] == 5 and second["next"] is None
    assert [c["price_minor"] for c in first["items"] + second["items"]] == [
        1000,
        1001,
        1002,
        1003,
        1004,
    ]
    assert [c["title"] for c in (await page(q="银镯3"))["items"]] == ["银镯3"]
    assert (await page(q="金"))["total"] == 0
    tree = {c["name"]: c for c in (await shop.get("/api/shop/categories")).json()["items"]}
    assert tree["首饰"]["product_count"] == tree["手镯"]["product_count"] == 5


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "sort=cheap", "category_id=7", "cursor=%%%", "q=%00"],
)
async def test_what_cannot_be_asked_is_refused(shop, query):
    answer = await shop.get(f"/api/shop/products?{query}")
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_second_look_asks_the_database_nothing_and_costs_no_bytes(console, shop):
    product = await made(console, jade())
    for path in (f"/api/shop/products/{product['id']}", "/api/shop/products?limit=20"):
        first = await shop.get(path)
        with counting_queries() as asked:
            again = await shop.get(path)
            known = await shop.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.content == first.content
        assert [one for one in asked if "products" in one] == []
        assert known.status_code == 304 and known.content == b""


async def test_an_edit_is_seen_by_the_next_shopper(console, shop):
    product = await made(console, jade())
    path = f"/api/shop/products/{product['id']}"
    await shop.get(path)
    await shop.get("/api/shop/products")
    await console.put(
        path.replace("shop", "console"), json=edited(product, title={"zh-CN": "新名字"})
    )
    await eventually(lambda: shop.get(path), lambda a: a.json()["title"] == "新名字")
    await eventually(
        lambda: shop.get("/api/shop/products"), lambda a: a.json()["items"][0]["title"] == "新名字"
    )
    await console.post("/api/console/products/bulk", json={"ids": [product["id"]], "action": "off"})
    await eventually(lambda: shop.get(path), lambda a: a.status_code == 409)
    await eventually(lambda: shop.get("/api/shop/products"), lambda a: a.json()["total"] == 0)


async def test_reserved_pieces_are_seen_by_the_next_shopper(console, shop, database, brand):
    product = await made(console, simple("最后三件", on_hand=3))
    path = f"/api/shop/products/{product['id']}"
    assert (await shop.get(path)).json()["only_left"] == 3
    assert (await shop.get("/api/shop/products")).json()["items"][0]["only_left"] == 3
    async with database.raw(brand.id) as connection:
        sku, place = UUID(product["skus"][0]["id"]), await stock.online_location(connection)
        await stock.lock_levels(connection, [(sku, place)])
        await stock.apply_movements(
            connection, [Movement(sku_id=sku, location_id=place, kind="reserved", delta_reserved=3)]
        )
    page = await eventually(lambda: shop.get(path), lambda a: a.json()["sold_out"])
    assert page.json()["skus"][0]["free"] == 0 and page.json()["only_left"] is None
    await eventually(
        lambda: shop.get("/api/shop/products"), lambda a: a.json()["items"][0]["sold_out"]
    )


async def test_lists_take_the_same_number_of_queries_for_one_and_for_many(console, shop):
    await made(console, simple("零"))
    with counting_queries() as few:
        await shop.get("/api/shop/products?limit=19")
    for n in range(5):
        await made(console, simple(f"第{n}"))
    with counting_queries() as many:
        assert len((await shop.get("/api/shop/products?limit=18")).json()["items"]) == 6
    assert len(many) <= len(few) + 1 <= 12


async def test_a_shop_shows_its_own_brand_only(app, console, shop, rival):
    product = await made(console, jade())
    async with client_for(app, rival.host) as other:
        assert (await other.get(f"/api/shop/products/{product['id']}")).status_code == 404
        assert (await other.get(f"/api/shop/products/{product['handle']}")).status_code == 404
        assert (await other.get("/api/shop/products")).json()["total"] == 0
    async with client_for(app, "nobody.localhost") as nobody:
        assert (await nobody.get("/api/shop/products")).status_code == 404


async def test_the_plain_handlers_answer_like_the_raw_ones(app, console, shop, brand):
    from siyu.app.web import litestar_app

    product = await made(console, jade())
    framework = litestar_app(app.runtime)

    async def direct(scope, receive, send):
        scope.setdefault("state", {})["slug"] = brand.slug
        await framework(scope, receive, send)

    async with client_for(direct, brand.host) as plain:
        for path in ("/api/shop/products", f"/api/shop/products/{product['id']}"):
            assert (await plain.get(path)).json() == (await shop.get(path)).json()
