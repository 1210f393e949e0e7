"""Every page in both languages, on a desk's screen and on a phone: whole, named, and nothing runs off the side."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.journeys.browser import DESKTOP, PHONE, visitor
from tests.journeys.people import EN, ZH, barriers, settled, tap, too_wide, walk

pytestmark = pytest.mark.journey
TEXTS = Path(__file__).resolve().parents[2] / "web/console/src/texts"
RAW_KEY = re.compile(rf"\b({'|'.join(file.stem for file in TEXTS.glob('*.json'))})\.[a-z_]+\b")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PAGES = (
    "/", "/board", "/customers", "/customers/{customers}", "/vault", "/notices", "/products", "/products/{products}", "/products/new", "/categories",
    "/imports", "/stock", "/orders", "/orders/{orders}", "/freight", "/storefront", "/storefront/home", "/links", "/units",
    "/staff", "/roles", "/ledger", "/jobs", "/health", "/parked-events", "/backups", "/audit", "/settings", "/effective", "/me",
)  # fmt: skip
SHOP = (
    "/", "/pages/category/index", "/pages/product/index?id=tea-01", "/pages/product/index?id=kgold-01", "/pages/search/index?q=tea",
    "/pages/cart/index", "/pages/orders/index", "/pages/me/index",
)  # fmt: skip

_TEXT = """() => [...document.body.querySelectorAll('*')].filter(one => !one.closest('code, pre, script, style, .mono'))
    .flatMap(one => [...one.childNodes]).filter(node => node.nodeType === 3).map(node => node.data).join(' ')"""
"""What a page says, without what it quotes from programs: statements, addresses, keys."""
OF_MERCHANTS = ("/", "/pages/category/index")
"""Pages that show what only exists in Chinese: addresses of stores, goods that somebody imported."""


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_every_page_of_the_console_is_whole(house, desk, language):
    routes = (TEXTS.parent / "router.ts").read_text().count("meta: { page:")
    assert len(PAGES) == routes - 1, "a page is new: add it here (one import has its own journey)"
    some = {}
    for kind in ("customers", "products", "orders"):
        answer = await desk.request.get(f"{house.console}/api/console/{kind}")
        some[kind] = (await answer.json())["items"][0]["id"]
    try:
        if language == "en":
            await desk.locator(".lang").click()
            await desk.get_by_text("Net sales today").first.wait_for()
        for path in PAGES:
            await _look(desk, path.format(**some), language)
    finally:
        if language == "en":
            await desk.set_viewport_size(DESKTOP)
            await desk.locator(".lang").first.click()
            await expect(desk.locator(".lang").first).to_have_text("EN")


async def _look(desk, path, language):
    for size in (DESKTOP, PHONE):
        await desk.set_viewport_size(size)
        if size is DESKTOP:
            await walk(desk, path)
        where = f"{path} in {language} at {size['width']}"
        assert not await too_wide(desk), f"{where} runs off the side"
        if language == "zh-CN":
            assert await barriers(desk) == [], where
            continue
        assert not RAW_KEY.search(await desk.evaluate(_TEXT)), where
        said = await desk.locator("th, legend, .lab label, .hint, nav a").all_inner_texts()
        rail = re.compile(r"^[私览人货场台]\s*")
        assert [one for one in said if CHINESE.search(rail.sub("", one))] == [], where


@pytest.mark.parametrize(("locale", "words"), [("zh-CN", ZH), ("en-US", EN)])
async def test_every_page_of_the_shop_is_whole(house, browser, locale, words):
    async with visitor(browser, size=PHONE, locale=locale) as phone:
        await phone.goto(house.shop)
        assert await barriers(phone) == [], "the privacy notice"
        await tap(phone, words["agree"])
        for path in SHOP:
            await phone.goto(house.shop + path)
            await settled(phone)
            for size in (PHONE, DESKTOP):
                await phone.set_viewport_size(size)
                assert not await too_wide(phone), f"{path} runs off the side at {size['width']}"
            await phone.set_viewport_size(PHONE)
            assert await barriers(phone) == [], path
            if locale == "en-US" and path not in OF_MERCHANTS:
                assert CHINESE.findall(await phone.inner_text("body")) == [], path
