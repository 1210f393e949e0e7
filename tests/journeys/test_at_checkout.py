"""At the checkout on a phone: what a reload, a failed payment or a mistyped number does, and how amounts are shown."""

import json
import re
from typing import Any

import pytest
from playwright.async_api import APIResponse, Page, Route, expect

from tests.journeys.browser import PHONE, visitor
from tests.journeys.people import EN, ZH, add_address, barriers, sign_in, tap

pytestmark = pytest.mark.journey
TEA, CUP = "明前龙井", "青瓷莲瓣杯"


async def _buy_at_once(phone: Page, house: Any) -> None:
    """As far as the checkout of one tin of tea, with another thing left lying in the bag."""
    await phone.goto(f"{house.shop}/pages/product/index?id=ware-01")
    await tap(phone, "放入购物袋")
    await expect(phone.get_by_text("已放入购物袋").first).to_be_visible()
    await phone.goto(f"{house.shop}/pages/product/index?id=tea-01")
    await tap(phone, ZH["buy"])
    await tap(phone, ZH["size"])
    await tap(phone, ZH["buy"], last=True)
    await sign_in(phone, ZH)
    await expect(phone).to_have_url(re.compile("checkout"))
    await add_address(phone, ZH)
    await expect(phone).to_have_url(re.compile("checkout"))


async def _answered(route: Route, house: Any) -> APIResponse:
    """What the shop answers; asked for beside the browser, which alone knows what *.localhost is."""
    here = house.shop.split("://")[1]
    url = route.request.url.replace(here, f"127.0.0.1:{here.split(':')[1]}")
    return await route.fetch(url=url, headers={**route.request.headers, "host": here})


async def _my_orders(phone: Page) -> list[dict[str, Any]]:
    return await phone.evaluate(
        "async () => (await (await fetch('/api/shop/orders?state=all&limit=10')).json()).items"
    )


async def test_a_reload_at_checkout_keeps_what_is_bought_at_once_until_it_is_ordered(house, phone):
    await _buy_at_once(phone, house)
    await phone.reload()
    await expect(phone.get_by_text(TEA).first).to_be_visible()
    await expect(phone.get_by_text("西湖区").first).to_be_visible()
    assert await phone.get_by_text(CUP).count() == 0
    await tap(phone, ZH["submit"])
    await expect(phone).to_have_url(re.compile("cashier"))
    await phone.goto(f"{house.shop}/pages/checkout/index")
    await expect(phone.get_by_text("没有要结算的商品").first).to_be_visible()
    await phone.goto(f"{house.shop}/pages/cart/index")
    await expect(phone.get_by_text(CUP).locator("visible=true").first).to_be_visible()


async def test_an_order_whose_answer_got_lost_is_not_placed_again_after_a_reload(house, phone):
    await _buy_at_once(phone, house)

    async def lose(route: Route) -> None:
        if route.request.method == "POST":
            await _answered(route, house)
            await route.abort()
        else:
            await route.continue_()

    await phone.route("**/api/shop/orders?*", lose)
    await tap(phone, ZH["submit"])
    await expect(phone.get_by_text("没有连上店铺", exact=False).first).to_be_visible()
    await phone.unroute("**/api/shop/orders?*")
    await phone.reload()
    await expect(phone.get_by_text(TEA).first).to_be_visible()
    await tap(phone, ZH["submit"])
    await expect(phone).to_have_url(re.compile("cashier"))
    assert len(await _my_orders(phone)) == 1


async def test_after_a_failed_payment_one_tap_pays_again(house, phone):
    await _buy_at_once(phone, house)
    await tap(phone, ZH["submit"])
    await expect(phone).to_have_url(re.compile("cashier"))
    failed = phone.url
    await tap(phone, "付款失败")
    await expect(phone.get_by_text("这次付款没有成功", exact=False).first).to_be_visible()
    await tap(phone, "再付一次")
    await tap(phone, "付款成功", exact=False)
    assert phone.url != failed
    await expect(phone).to_have_url(re.compile("paid"))


async def test_a_mistyped_number_is_named_beside_its_field(house, phone):
    await phone.goto(f"{house.shop}/pages/me/index")
    await tap(phone, "手机号登录")
    field = phone.get_by_label("手机号", exact=True)
    send = phone.get_by_role("button", name=ZH["send"])
    wrong = phone.get_by_role("alert").get_by_text("11 位手机号", exact=False)
    await field.fill("12345")
    assert await wrong.count() == 0
    await expect(send).not_to_have_attribute("aria-disabled", "true")
    await send.click()
    await expect(wrong).to_be_visible()
    await expect(field).to_have_attribute("aria-invalid", "true")
    said = await field.get_attribute("aria-describedby")
    assert "11 位手机号" in await phone.locator(f"#{said}").inner_text()
    assert await barriers(phone) == []
    await field.fill("138 0013 8000")
    await expect(wrong).to_have_count(0)
    await expect(field).to_have_attribute("aria-invalid", "false")
    await phone.get_by_role("button", name=ZH["sign_in"]).last.click()
    await expect(phone.get_by_role("alert").get_by_text("6 位数字", exact=False)).to_be_visible()


AMOUNTS = {0: "¥0.00", 1: "¥0.01", 123456789: "¥1,234,567.89"}


@pytest.mark.parametrize(("locale", "words"), [("zh-CN", ZH), ("en-US", EN)])
async def test_amounts_are_grouped_and_lose_no_fen(house, browser, locale, words):
    async with visitor(browser, size=PHONE, locale=locale) as phone:
        await phone.goto(house.shop)
        await tap(phone, words["agree"])
        for minor, shown in AMOUNTS.items():
            await _with_prices(phone, house, minor)
            await phone.goto(f"{house.shop}/pages/product/index?id=ware-01")
            await expect(phone.locator(".money-figure").first).to_have_text(shown)
            await phone.goto(f"{house.shop}/pages/search/index?q=tea")
            await expect(phone.locator(".money-figure").first).to_contain_text(shown)


async def test_amounts_of_orders_are_grouped_and_lose_no_fen(house, phone):
    await _buy_at_once(phone, house)
    await tap(phone, ZH["submit"])
    await expect(phone).to_have_url(re.compile("cashier"))
    order_id = (await _my_orders(phone))[0]["id"]
    for minor, shown in AMOUNTS.items():
        await _with_prices(phone, house, minor)
        for page in ("orders/index", f"order/index?id={order_id}", f"paid/index?id={order_id}"):
            await phone.goto(f"{house.shop}/pages/{page}")
            await expect(phone.get_by_text(shown).locator("visible=true").first).to_be_visible()


async def _with_prices(phone: Page, house: Any, minor: int) -> None:
    """From now on all that the shop says costs this."""

    def priced(value: Any) -> Any:
        if isinstance(value, list):
            return [priced(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            key: minor if key.endswith("_minor") and one is not None else priced(one)
            for key, one in value.items()
        }

    async def answer(route: Route) -> None:
        found = await _answered(route, house)
        await route.fulfill(response=found, body=json.dumps(priced(await found.json())))

    await phone.unroute_all()
    await phone.route(re.compile(r"/api/shop/(products|orders)"), answer)
