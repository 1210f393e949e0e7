"""Staff give money back, and both sides see it."""

import pytest
from playwright.async_api import expect

from tests.journeys.people import walk

pytestmark = pytest.mark.journey


async def test_staff_refund_a_piece_and_the_order_says_what_went_back(house, desk):
    page = await desk.request.get(f"{house.console}/api/console/orders?state=completed&limit=50")
    items = (await page.json())["items"]
    (order, *_) = [one for one in items if one["quantity"] == 1 and not one["refunded_minor"]]
    amount = f"¥{order['total_minor'] / 100:,.2f}"
    await walk(desk, f"/orders/{order['id']}")
    await desk.get_by_role("button", name="更多操作").click()
    await desk.get_by_role("menuitem", name="退款").click()
    dialog = desk.get_by_role("dialog")
    refund = dialog.get_by_role("button", name="退款 ¥")
    await expect(refund).to_be_disabled()
    await dialog.get_by_label("原因，顾客能看到").fill("茶罐磕了一角")
    await expect(refund).to_be_enabled()
    await refund.click()
    await expect(dialog).to_have_count(0)
    await expect(desk.get_by_text(f"已退 {amount}").first).to_be_visible()
    await expect(desk.get_by_text("茶罐磕了一角").first).to_be_visible()
    await expect(desk.get_by_text("已退到").first).to_be_visible(timeout=30_000)
    await walk(desk, f"/orders?state=refunded&q={order['number'].replace(' ', '')}")
    await expect(desk.get_by_role("link", name=order["number"])).to_be_visible()
