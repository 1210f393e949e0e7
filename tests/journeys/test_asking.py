"""Small askings: dialogs that stay, fields that say what they lack, amounts that explain themselves."""

import re
from urllib.parse import unquote

import pytest
from playwright.async_api import expect

from tests.journeys.people import walk

pytestmark = pytest.mark.journey


async def test_a_double_click_leaves_the_dialog_that_it_opened_open(desk):
    await walk(desk, "/backups")
    await desk.get_by_role("button", name="立即备份").dblclick()
    dialog = desk.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await desk.wait_for_timeout(400)
    await expect(dialog).to_be_visible()
    await desk.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_a_change_says_what_it_lacks_and_refuses_a_day_that_no_calendar_has(desk):
    await walk(desk, "/effective")
    await desk.get_by_role("button", name="改：多久没付款就关闭").click()
    dialog = desk.get_by_role("dialog")
    await expect(dialog.get_by_text("还差：为什么")).to_be_visible()
    await dialog.get_by_text("定个时刻").click()
    await expect(dialog.get_by_text("还差：从哪一刻起和为什么")).to_be_visible()
    moment = dialog.locator("#moment")
    await moment.fill("2031-02-31 10:00")
    await moment.press("Tab")
    await expect(dialog.get_by_text("没有「2031-02-31 10:00」这一刻")).to_be_visible()
    await dialog.get_by_label("为什么").fill("二月没有三十一日")
    await expect(dialog.get_by_role("button", name="排上")).to_be_disabled()


async def test_amounts_of_the_list_and_of_the_board_lead_to_the_ledger(house, desk):
    await walk(desk, "/orders?state=completed")
    amount = desk.get_by_role("button", name="解释 ¥").first
    name = await amount.get_attribute("aria-label") or ""
    await amount.click()
    await expect(desk.get_by_role("dialog")).to_contain_text(name.removeprefix("解释 "))
    await walk(desk, "/board")
    net = desk.get_by_role("link", name="解释 ¥").first
    await expect(net).to_be_visible(timeout=30_000)
    await net.click()
    await expect(desk).to_have_url(re.compile(r"/ledger\?from=.*&to="))
    await expect(desk.get_by_text("商品销售收入")).to_be_visible()


async def test_whom_one_searches_for_stands_in_no_address(desk):
    asked: list[str] = []
    desk.on("request", lambda request: asked.append(unquote(request.url)))
    fields = {"/customers": "全名、手机号或后四位", "/orders": "订单号、全名、手机或后四位"}
    for page, field in fields.items():
        await walk(desk, page)
        before = len(asked)
        await desk.get_by_placeholder(field).first.fill("13800009999")
        await expect(desk.get_by_text("没有").first).to_be_visible()
        assert len(asked) > before
    assert not [url for url in asked if "13800009999" in url]
