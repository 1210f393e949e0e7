"""Staff bring goods in and change them; the shop shows it."""

import io
import re
import secrets

import pytest
from PIL import Image
from playwright.async_api import expect

from tests.journeys.browser import PHONE
from tests.journeys.people import barriers, settled, too_wide, walk

pytestmark = pytest.mark.journey


def table(mark: str) -> bytes:
    """Four goods in columns that no known program writes; the second has no price, the third a script in its text."""
    rows = (
        "品名,介绍,价钱,件数,货号",
        f"雨花茶{mark},南京雨花台,128.00,30,YH-{mark}",
        f"无价之宝{mark},没有价钱,面议,1,WJ-{mark}",
        f"带刺的茶{mark},<p>福鼎<script>alert(1)</script></p>,268,5,DC-{mark}",
        f"白茶饼{mark},<p>福鼎</p>,268,5,BC-{mark}",
    )
    return "\r\n".join(rows).encode("gbk")


async def test_a_price_that_is_no_amount_stays_with_a_word_about_it_and_cannot_be_saved(desk):
    await walk(desk, "/products/new")
    await desk.locator("input").first.fill("看不懂的价")
    price, save = desk.get_by_label("售价").first, desk.locator("button[type=submit]")
    await price.fill("128.00")
    await price.blur()
    await expect(save).to_be_enabled()
    for wrong in ("十二块", "12.345", "-5"):
        await price.fill(wrong)
        await price.blur()
        await expect(price).to_have_value(wrong)
        await expect(desk.get_by_role("alert").filter(has_text="这不是金额")).to_be_visible()
        await expect(save).to_be_disabled()
    await price.fill("１，２８０")
    await price.blur()
    await expect(price).to_have_value("1280.00")
    await expect(save).to_be_enabled()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "这不是表格"),
        ("goods.csv.gz", bytes(range(1, 256)) * 20, "这不是表格"),
        ("goods.csv", b"title,price\n", "这张表没有行"),
    ],
)
async def test_what_is_no_table_or_has_no_rows_is_told_where_it_was_handed_in(
    desk, name, content, said
):
    await walk(desk, "/imports")
    given = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    await desk.locator("input[type=file]").set_input_files(given)
    await expect(desk.get_by_role("alert")).to_contain_text(said)
    await expect(desk).to_have_url(re.compile("/imports$"))


async def test_staff_import_a_table_and_its_goods_are_in_the_shop(house, desk, phone):
    mark = secrets.token_hex(3)
    await walk(desk, "/imports")
    await desk.locator("input[type=file]").set_input_files(
        {"name": f"{mark}.csv", "mimeType": "text/csv", "buffer": table(mark)}
    )
    await expect(desk).to_have_url(re.compile("/imports/.+"))
    await expect(desk.get_by_role("heading", name="哪一列是什么")).to_be_visible()
    assert await barriers(desk) == []
    await desk.set_viewport_size(PHONE)
    assert not await too_wide(desk)
    await desk.set_viewport_size({"width": 1440, "height": 900})
    for field, column in (
        ("名称", "品名"),
        ("说明", "介绍"),
        ("售价", "价钱"),
        ("库存", "件数"),
        ("编码", "货号"),
    ):
        row = desk.get_by_role("row").filter(has=desk.get_by_role("cell", name=field, exact=True))
        if await row.locator("input").first.input_value() == column:
            continue  # recognised by its name
        await row.locator(".t-select").click()
        await desk.locator(".t-select-option:visible").get_by_text(column, exact=True).click()
        await expect(desk.locator(".t-select-option:visible")).to_have_count(0)
    await desk.get_by_label("或者固定为 状态").fill("on_sale")
    await desk.get_by_role("button", name="试读一遍").click()
    await expect(desk.get_by_text("2 行进不来")).to_be_visible()
    refused = desk.get_by_role("listitem").filter(has_text="面议")
    await expect(refused).to_contain_text("第 3 行")
    await expect(refused).to_contain_text("价钱")
    await desk.get_by_role("button", name="开始导入").click()
    await expect(desk.get_by_role("button", name="去看商品")).to_be_visible(timeout=30_000)
    async with desk.expect_download() as saved:
        await desk.get_by_role("link", name="下载报告").first.click()
    report = await (await saved.value).path()
    assert "面议" in report.read_text(encoding="utf-8-sig")
    await phone.goto(f"{house.shop}/pages/search/index?q={mark}")
    await expect(phone.get_by_text(f"雨花茶{mark}").first).to_be_visible()
    await expect(phone.get_by_text(f"白茶饼{mark}").first).to_be_visible()
    for name in ("无价之宝", "带刺的茶"):
        assert await phone.get_by_text(f"{name}{mark}").count() == 0


def picture() -> bytes:
    """A small blue picture."""
    drawn = io.BytesIO()
    Image.new("RGB", (400, 400), (40, 60, 160)).save(drawn, "PNG")
    return drawn.getvalue()


async def test_a_changed_name_price_and_picture_are_in_the_shop_until_it_is_put_off_sale(
    house, desk, phone
):
    found = await desk.request.get(f"{house.console}/api/console/products?q=ware-09")
    (product,) = [one for one in (await found.json())["items"] if one["handle"] == "ware-09"]
    mark = secrets.token_hex(3)
    await walk(desk, f"/products/{product['id']}")
    await desk.get_by_label("名称").first.fill(f"朱泥壶{mark}")
    price = desk.get_by_label(re.compile("^售价"))
    await price.fill("2,345.60")
    await price.press("Tab")
    before = await desk.get_by_role("button", name=re.compile("张往前")).count()
    await desk.locator("input[type=file]").set_input_files(
        {"name": "blue.png", "mimeType": "image/png", "buffer": picture()}
    )
    forward = desk.get_by_role("button", name=re.compile("张往前"))
    await expect(forward).to_have_count(before + 1)
    for place in range(before, 0, -1):  # the newest becomes the face
        await forward.nth(place).click()
    await desk.get_by_role("button", name="存好").click()
    await expect(desk.get_by_text("已存好").first).to_be_visible()
    address = f"{house.shop}/pages/product/index?id=ware-09"
    await phone.goto(address)
    await expect(phone.get_by_text(f"朱泥壶{mark}").first).to_be_visible()
    await expect(phone.locator("uni-page-body")).to_contain_text("2,345.60")
    assert await _blue(phone)
    await desk.get_by_text("已下架").first.click()
    await desk.get_by_role("button", name="存好").click()
    await expect(desk.locator("h1 + *, .chip").get_by_text("已下架").first).to_be_visible()
    await phone.goto(address)
    await settled(phone)
    await expect(phone.get_by_text("立即购买", exact=True)).to_have_count(0)
    await desk.get_by_text("在售").last.click()
    await desk.get_by_role("button", name="存好").click()


async def _blue(phone) -> bool:
    """Whether the first picture of the page is the blue one."""
    await phone.wait_for_function(
        "() => [...document.images].some(one => one.complete && one.naturalWidth > 200)"
    )
    shot = Image.open(
        io.BytesIO(await phone.screenshot(clip={"x": 150, "y": 150, "width": 40, "height": 40}))
    )
    red, _, blue = shot.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    return blue > red + 60
