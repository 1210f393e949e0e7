"""Staff change the shop's first page: they see it while writing, publish it, and take it back."""

import secrets

import pytest
from playwright.async_api import expect

from tests.journeys.people import settled, walk

pytestmark = pytest.mark.journey


async def test_a_banner_is_seen_while_it_is_written_then_published_then_taken_back(
    house, desk, phone
):
    await walk(desk, "/storefront/home")
    before = (await desk.locator(".list li .line").all_inner_texts())[0]
    live = await desk.get_by_text("线上是第").first.inner_text()
    title = f"冬藏{secrets.token_hex(2)}"
    await desk.locator(".list li .pick").first.click()
    await desk.get_by_label("标题").first.fill(title)
    preview = desk.frame_locator("iframe")
    await expect(preview.get_by_text(title).first).to_be_visible(timeout=10_000)
    await phone.goto(house.shop)
    await settled(phone)
    assert await phone.get_by_text(title).count() == 0, "a draft is not for shoppers"
    await desk.get_by_role("button", name="发布", exact=True).click()
    await desk.get_by_role("dialog").get_by_role("button", name="发布", exact=True).click()
    await expect(desk.get_by_text(live)).to_have_count(0)
    await phone.goto(house.shop)
    await expect(phone.get_by_text(title).first).to_be_visible()
    await desk.get_by_role("button", name="历史版本").click()
    await desk.get_by_role("dialog").get_by_role("button", name="退回这一版").first.click()
    await desk.get_by_role("dialog").last.get_by_role("button", name="退回这一版").click()
    await expect(desk.locator(".list li .line").first).to_have_text(before)
    await phone.goto(house.shop)
    await settled(phone)
    await expect(phone.get_by_text(title)).to_have_count(0)
