"""A shopper buys on a phone; staff see it, ship it, and the board counts it."""

import re

import pytest
from playwright.async_api import expect

from tests.journeys.browser import PHONE, visitor
from tests.journeys.people import EN, ZH, add_address, sign_in, signed_in_desk, tap

pytestmark = pytest.mark.journey


async def test_a_shopper_buys_tea_on_the_phone_and_staff_ship_it(house, browser):
    async with visitor(browser, size=PHONE) as phone:
        await phone.goto(house.shop)
        await tap(phone, ZH["agree"])
        await expect(phone.get_by_text("水色").first).to_be_visible()
        await phone.goto(f"{house.shop}/pages/product/index?id=tea-01")
        await tap(phone, ZH["buy"])
        await tap(phone, ZH["size"])
        await tap(phone, ZH["buy"], last=True)
        await sign_in(phone, ZH)
        await expect(phone).to_have_url(re.compile("checkout"))
        await add_address(phone, ZH)
        await expect(phone).to_have_url(re.compile("checkout"))
        await tap(phone, ZH["submit"])
        await expect(phone).to_have_url(re.compile("cashier"))
        await tap(phone, "付款成功", exact=False)
        await expect(phone).to_have_url(re.compile("paid"))
        order_id = phone.url.split("id=")[1].split("&")[0]
        async with visitor(browser) as desk:
            await signed_in_desk(desk, house)
            await desk.goto(f"{house.console}/orders/{order_id}")
            await expect(desk.get_by_text("价格是怎么来的").first).to_be_visible()
            await desk.get_by_role("button", name="发货").first.click()
            dialog = desk.locator("form#ship")
            await dialog.locator(".t-select").first.click()
            await desk.locator(".t-select-option").first.click()
            await dialog.locator("input").last.fill("SF1234567890")
            await desk.get_by_role("button", name="发货").last.click()
            await expect(desk.get_by_text("SF1234567890").first).to_be_visible()
        await phone.goto(f"{house.shop}/pages/order/index?id={order_id}")
        await expect(phone.get_by_text("SF1234567890").first).to_be_visible()


async def test_the_english_shop_sells_as_well(house, browser):
    async with visitor(browser, size=PHONE, locale="en-US") as phone:
        await phone.goto(house.shop)
        await tap(phone, EN["agree"])
        await phone.goto(f"{house.shop}/pages/product/index?id=ware-01")
        await expect(phone.get_by_text("Celadon lotus cup").first).to_be_visible()
        await tap(phone, EN["buy"])
        await phone.wait_for_timeout(500)
        if await phone.locator("input[type=tel] >> visible=true").count() == 0:
            await tap(phone, EN["buy"], last=True)
        await sign_in(phone, EN)
        await expect(phone).to_have_url(re.compile("checkout"))


async def test_who_declines_the_privacy_notice_can_look_around_and_leaves_no_trace(house, browser):
    async with visitor(browser, size=PHONE) as phone:
        sent: list[str] = []
        phone.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
        await phone.goto(house.shop)
        await tap(phone, "先不同意")
        await phone.goto(f"{house.shop}/pages/product/index?id=tea-01")
        await expect(phone.get_by_text("明前龙井").first).to_be_visible()
        assert await phone.context.cookies() == []
        assert [one for one in sent if one.startswith("POST")] == []


async def test_staff_sign_in_with_the_keyboard_and_see_todays_sales(house, browser):
    async with visitor(browser) as desk:
        await signed_in_desk(desk, house)
        for path, words in (
            ("/products", "商品"),
            ("/orders", "全部"),
            ("/customers", "客户"),
            ("/stock", "库存"),
            ("/jobs", "演示"),
            ("/audit", "操作"),
            ("/staff", "店员"),
        ):
            await desk.goto(house.console + path)
            await expect(desk.get_by_text(words).first).to_be_visible()
