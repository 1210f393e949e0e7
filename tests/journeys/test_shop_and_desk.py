"""A shopper buys on a phone; staff see it, ship it, and the board counts it."""

import os
import re
import subprocess
import sys

import asyncpg
import msgspec
import pytest
from playwright.async_api import expect

from tests.journeys.browser import DESKTOP, PHONE, visitor
from tests.journeys.people import (
    EN,
    ZH,
    add_address,
    barriers,
    sign_in,
    signed_in_desk,
    tap,
    too_wide,
    walk,
)

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
            page = await desk.locator("#page").inner_text()
            assert re.search(r"1\d{2}\*{4}\d{4}", page) and not re.search(r"1\d{10}", page)
            await expect(dialog.get_by_role("group")).to_contain_text(re.compile(r"1\d{10}"))
            await desk.set_viewport_size(PHONE)
            assert await dialog.evaluate("e => e.getBoundingClientRect().right") <= PHONE["width"]
            await desk.set_viewport_size(DESKTOP)
            await dialog.locator(".t-select").first.click()
            await desk.locator(".t-select-option").first.click()
            await dialog.locator("input").last.fill("SF1234567890")
            await desk.get_by_role("button", name="发货").last.click()
            await expect(desk.get_by_text("SF1234567890").first).to_be_visible()
        await phone.goto(f"{house.shop}/pages/order/index?id={order_id}")
        await expect(phone.get_by_text("SF1234567890").first).to_be_visible()


async def test_what_was_written_survives_a_session_that_ends_and_no_question_stands_in_the_way(
    house, browser
):
    async with visitor(browser) as desk:
        await signed_in_desk(desk, house)
        await walk(desk, "/products/new")
        await desk.locator("#page input").first.fill("写到一半的茶")
        await desk.get_by_label("售价").first.fill("88.00")
        await desk.context.clear_cookies()
        await desk.locator("button[type=submit]").click()
        await expect(desk).to_have_url(re.compile("/sign-in"))
        await expect(desk.get_by_role("dialog")).to_have_count(0)
        await desk.locator("input").nth(0).fill(house.login)
        await desk.locator("input[type=password]").fill(house.password)
        await desk.keyboard.press("Enter")
        await expect(desk).to_have_url(re.compile("/products/new"))
        await expect(desk.locator("#page input").first).to_have_value("写到一半的茶")
        await expect(desk.get_by_label("售价").first).to_have_value("88.00")
        await desk.get_by_label(re.compile("我的菜单")).click()
        await desk.get_by_role("menuitem", name="退出登录").click()
        await desk.get_by_role("dialog").get_by_role("button").last.click()
        await expect(desk).to_have_url(re.compile("/sign-in"))
        await signed_in_desk(desk, house)
        await walk(desk, "/products/new")
        await expect(desk.locator("#page input").first).to_have_value("")


async def test_a_page_that_a_role_does_not_open_is_refused_before_it_asks_for_anything(
    house, browser
):
    async with visitor(browser) as desk:
        guide = msgspec.structs.replace(house, login="hz01.guide1@lanyu")
        await signed_in_desk(desk, guide)
        asked: list[str] = []
        desk.on("request", lambda request: asked.append(request.url))
        for path in ("/imports", "/audit", "/board"):
            await walk(desk, path)
            await expect(desk.get_by_role("alert")).to_contain_text("你的角色不能做这一步")
            assert await desk.locator("#page input, #page table").count() == 0, path
        assert [one for one in asked if re.search("/api/console/(imports|audit|boards)", one)] == []


async def test_the_board_says_quietly_that_the_demos_year_is_being_made(house, desk):
    shown = {**os.environ, "SIYU_HOME": str(house.home)}
    url = subprocess.run(
        [sys.executable, "-m", "siyu", "db", "url"],
        env=shown, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    connection = await asyncpg.connect(url)
    try:
        year = "where kind = 'demo.year'"
        later = "lease_until = now() + interval '1 hour'"
        await connection.execute(
            f"update jobs set state = 'running', done = 30, total = 120, {later} {year}"
        )
        await desk.goto(f"{house.console}/board")
        note = desk.get_by_role("status").filter(has_text="生成演示品牌的一年")
        await expect(note).to_contain_text("30 / 120")
        await connection.execute(f"update jobs set done = 60 {year}")
        await expect(note).to_contain_text("60 / 120")
        for size in (PHONE, DESKTOP):
            await desk.set_viewport_size(size)
            assert not await too_wide(desk)
        assert await barriers(desk) == []
    finally:
        await connection.execute(f"update jobs set state = 'done', lease_until = null {year}")
        await connection.close()
    await expect(note).to_have_count(0)


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
