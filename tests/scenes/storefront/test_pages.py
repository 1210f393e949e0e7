"""Pages of blocks: drafts, versions, the way back, and what shoppers see."""

import asyncio
from uuid import uuid4

GRID = {
    "type": "product_grid",
    "id": "grid",
    "title": {"zh-CN": "刚到店", "en": "New"},
    "source": {"kind": "newest", "limit": 4},
}
TEXT = {
    "type": "text_image",
    "id": "story",
    "title": {"zh-CN": "茶事", "en": "Tea"},
    "text": {"zh-CN": "明前"},
}


async def save(console, blocks, version):
    return await console.put(
        "/api/console/pages/home/draft", json={"blocks": blocks, "version": version}
    )


async def test_a_draft_is_not_seen_by_shoppers_until_it_is_published(stall, console, shop):
    await stall.sku()
    saved = await save(console, [GRID, TEXT], 0)
    assert (saved.status_code, saved.json()["draft_version"]) == (200, 1)
    before = (await shop.get("/api/shop/pages/home")).json()["blocks"]
    assert [block["id"] for block in before] == ["newest"], (
        "a shop without pages shows its newest products"
    )
    published = (await console.post("/api/console/pages/home/publish")).json()
    assert published["published_number"] == 1
    after = (await shop.get("/api/shop/pages/home")).json()["blocks"]
    assert [(block["type"], block["title"]) for block in after] == [
        ("product_grid", "刚到店"),
        ("text_image", "茶事"),
    ]
    assert after[0]["items"][0]["title"] == "青玉手镯"
    english = (await shop.get("/api/shop/pages/home?lang=en")).json()["blocks"]
    assert [block["title"] for block in english] == ["New", "Tea"]
    assert english[1]["text"] == "明前", "text that is not translated falls back"


async def test_all_six_kinds_of_block_are_shown_and_empty_ones_left_out(stall, console, shop):
    await stall.store()
    blocks = [
        {
            "type": "banner",
            "id": "b",
            "items": [{"title": {"zh-CN": "水色初成"}, "link": {"kind": "page", "id": "home"}}],
        },
        {"type": "categories", "id": "c", "category_ids": []},
        {
            "type": "product_row",
            "id": "r",
            "title": {"zh-CN": "行"},
            "source": {"kind": "ids", "ids": [str(uuid4())]},
        },
        GRID,
        TEXT,
        {"type": "store", "id": "s", "title": {"zh-CN": "门店"}, "unit_ids": []},
    ]
    await stall.sku()
    preview = await console.post("/api/console/pages/home/preview", json={"blocks": blocks})
    assert preview.status_code == 200, preview.text
    assert [block["type"] for block in preview.json()["blocks"]] == [
        "banner",
        "product_grid",
        "text_image",
        "store",
    ]
    assert preview.json()["blocks"][3]["items"][0]["name"] == "湖滨店"
    assert (await console.get("/api/console/pages/home")).json()["draft"] == [], (
        "a preview keeps nothing"
    )


async def test_who_saves_second_from_the_same_version_is_refused_and_nothing_is_lost(console):
    answers = await asyncio.gather(*(save(console, [{**TEXT, "id": f"t{n}"}], 0) for n in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    loser = next(answer for answer in answers if answer.status_code == 409)
    assert (loser.json()["code"], loser.json()["facts"]["draft_version"]) == (
        "storefront.changed_meanwhile",
        1,
    )


async def test_rolling_back_shows_an_earlier_version_under_a_new_number(console, shop):
    await save(console, [TEXT], 0)
    await console.post("/api/console/pages/home/publish")
    await save(console, [{**TEXT, "title": {"zh-CN": "第二版"}}], 1)
    await console.post("/api/console/pages/home/publish")
    back = await console.post("/api/console/pages/home/rollback", json={"version_number": 1})
    assert back.json()["published_number"] == 3
    assert (await shop.get("/api/shop/pages/home")).json()["blocks"][0]["title"] == "茶事"
    versions = (await console.get("/api/console/pages/home/versions")).json()["items"]
    assert [version["number"] for version in versions] == [3, 2, 1]
    assert (
        await console.post("/api/console/pages/home/rollback", json={"version_number": 9})
    ).status_code == 404


async def test_pages_that_make_no_sense_are_refused(console):
    double = await save(console, [TEXT, TEXT], 0)
    assert (double.status_code, double.json()["code"]) == (422, "storefront.double_block")
    long = await save(console, [{**TEXT, "id": f"t{n}"} for n in range(41)], 0)
    assert long.json()["code"] == "storefront.too_many_blocks"
    unknown = await save(console, [{"type": "iframe", "id": "x"}], 0)
    assert (unknown.status_code, unknown.json()["code"]) == (400, "http.malformed")
    assert (await console.get("/api/console/pages/secret")).status_code == 404
    await save(console, [TEXT], 0)
    await console.post("/api/console/pages/home/publish")
    assert (await console.post("/api/console/pages/home/publish")).json()[
        "code"
    ] == "storefront.nothing_new"
