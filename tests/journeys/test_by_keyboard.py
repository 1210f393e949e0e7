"""Without a mouse: staff reach an order and act on it, a shopper buys."""

import re

import pytest
from playwright.async_api import expect

from tests.journeys.browser import PHONE, visitor
from tests.journeys.people import code_from, focus_on, settled, some_phone, walk

pytestmark = pytest.mark.journey


async def test_staff_sign_in_reach_an_order_and_write_a_note_without_a_mouse(house, browser, grown):
    async with visitor(browser) as desk:
        await desk.goto(house.console)
        await expect(desk.locator("input").first).to_be_focused()
        await desk.keyboard.type(house.login)
        await desk.keyboard.press("Tab")
        await desk.keyboard.type(house.password)
        await desk.keyboard.press("Enter")
        await expect(desk.get_by_text("今日净销售额").first).to_be_visible()
        await focus_on(desk, ".*商品$")
        await desk.keyboard.press("Enter")
        await expect(desk).to_have_url(re.compile("/products"))
        await focus_on(desk, r"订单\s*\d*")
        await desk.keyboard.press("Enter")
        await expect(desk).to_have_url(re.compile("/orders"))
        await settled(desk)
        await focus_on(desk, r"\d{4} \d{4} \d{4}")
        await desk.keyboard.press("Enter")
        await expect(desk).to_have_url(re.compile("/orders/.+"))
        await settled(desk)
        await focus_on(desk, "备注")
        await desk.keyboard.press("Enter")
        dialog = desk.get_by_role("dialog")
        await expect(dialog.locator("textarea")).to_be_focused()
        for _ in range(6):  # Tab stays inside
            await desk.keyboard.press("Tab")
            assert await dialog.locator(":focus").count() == 1
        await desk.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(desk.get_by_role("button", name="备注")).to_be_focused()
        await desk.keyboard.press("Enter")
        await desk.keyboard.type("键盘写的备注")
        await focus_on(desk, "记下|存好|写下|保存|备注", most=6)
        await desk.keyboard.press("Enter")
        await expect(desk.get_by_text("键盘写的备注").first).to_be_visible()


async def test_the_list_of_roles_closes_after_each_choice_with_mouse_and_keys(desk):
    await walk(desk, "/staff")
    await desk.locator(".person").first.click()
    dialog, open_list = desk.get_by_role("dialog"), desk.locator(".t-select-option:visible")
    roles = dialog.locator("label").filter(has_text="角色").first
    before = await roles.locator(".t-tag").count()
    await roles.locator(".t-select").click()
    await open_list.filter(has_not=desk.locator(".t-is-checked")).last.click()
    await expect(open_list).to_have_count(0)
    await expect(roles.locator(".t-tag")).to_have_count(before + 1)
    await expect(roles.locator("input")).to_be_focused()
    await desk.keyboard.press("Enter")
    await expect(open_list.first).to_be_visible()
    await desk.keyboard.press("ArrowDown")
    await desk.keyboard.press("Enter")
    await expect(open_list).to_have_count(0)
    await expect(roles.locator(".t-tag")).not_to_have_count(before + 1)
    await expect(dialog).to_be_visible()


async def test_a_shopper_buys_without_a_mouse(house, browser):
    async with visitor(browser, size=PHONE) as phone:
        await phone.goto(f"{house.shop}/pages/product/index?id=tea-02")
        press = phone.keyboard.press
        await settled(phone)
        await focus_on(phone, "同意")
        await press("Enter")
        await focus_on(phone, "立即购买")
        await press("Enter")
        await focus_on(phone, "100 g 罐")
        await press("Enter")
        await focus_on(phone, "立即购买", most=12)
        await press("Enter")
        await expect(phone.locator("input[type=tel]").first).to_be_visible()
        await focus_on(phone, "手机号", most=8)
        await phone.keyboard.type(some_phone())
        await expect(phone.get_by_role("button", name="发送验证码")).to_be_enabled()
        await focus_on(phone, "发送验证码", most=8)
        await press("Enter")
        code = await code_from(phone)
        await focus_on(phone, ".*验证码", most=8)
        await phone.keyboard.type(code)
        await phone.wait_for_timeout(300)  # the kit hands on what is typed ten times a second
        await focus_on(phone, "登录", most=8)
        await press("Enter")
        await expect(phone).to_have_url(re.compile("checkout"))
        await settled(phone)
        await focus_on(phone, "添加收货地址.*")
        await press("Enter")
        await expect(phone).to_have_url(re.compile("address"))
        await _write_address(phone)
        await expect(phone).to_have_url(re.compile("checkout"))
        await expect(phone.get_by_text("苏晴").first).to_be_visible()
        await focus_on(phone, "提交订单")
        await press("Enter")
        await expect(phone).to_have_url(re.compile("cashier"))
        await settled(phone)
        await focus_on(phone, "付款成功")
        await press("Enter")
        await expect(phone).to_have_url(re.compile("paid"))


async def _write_address(phone) -> None:
    for field, words in (("收货人", "苏晴"), ("手机号", "13900000001")):
        await focus_on(phone, field)
        await phone.keyboard.type(words)
    await focus_on(phone, "所在地区", most=4)
    await phone.keyboard.press("Enter")
    for name in ("浙江省", "杭州市", "西湖区"):
        await phone.get_by_text(name, exact=True).locator("visible=true").first.wait_for()
        await focus_on(phone, name)
        await phone.keyboard.press("Enter")
    await focus_on(phone, "详细地址")
    await phone.keyboard.type("文三路 100 号")
    await phone.wait_for_timeout(300)  # the kit hands on what is typed ten times a second
    await focus_on(phone, "保存")
    await phone.keyboard.press("Enter")
