"""What people do in the journeys: staff at the desk, shoppers on a phone."""

import re
import secrets
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

AXE = Path(__file__).resolve().parents[2] / "web/console/node_modules/axe-core/axe.min.js"


async def tap(page: Page, text: str, *, last: bool = False, exact: bool = True) -> None:
    """Click what shows this text."""
    found = page.get_by_text(text, exact=exact).locator("visible=true")
    await (found.last if last else found.first).click()


async def signed_in_desk(page: Page, house: Any) -> None:
    """Sign in as the owner with the keyboard."""
    await page.goto(house.console)
    await page.locator("input").nth(0).fill(house.login)
    await page.locator("input[type=password]").fill(house.password)
    await page.keyboard.press("Enter")
    await expect(page.locator("nav").first).to_be_visible()


async def walk(page: Page, path: str) -> None:
    """Go to a page of the console inside the app, and wait until it has read what it shows."""
    await page.evaluate(
        """path => {
            document.querySelector('#page > *')?.setAttribute('data-left', '')
            history.pushState({}, '', path)
            dispatchEvent(new PopStateEvent('popstate', { state: null }))
        }""",
        path,
    )
    await page.wait_for_function(
        "since => !document.querySelector('[data-left]') || Date.now() - since > 1500",  # a page may stay and change
        arg=int(time.time() * 1000),
    )
    await settled(page)


async def settled(page: Page) -> None:
    """Wait until the page is there and nothing on it is busy any more."""
    await page.wait_for_function(
        """() => {
            const asked = document.querySelector('[role="dialog"]')  // a question may wait in front of an unfinished page
            const busy = (!asked && document.querySelector('[aria-busy="true"], .t-loading')) || !document.querySelector('#page > *, uni-page-body, form')
            if (busy) window.__still = 0
            else window.__still = (window.__still || 0) + 1
            return window.__still > 2
        }""",
        polling=60,
    )
    await page.evaluate("() => { window.__still = 0 }")


async def focus_on(page: Page, name: str, *, most: int = 90, back: bool = False) -> None:
    """Press Tab until the focus is on what is called so. Fails when Tab does not get there."""
    for _ in range(most):
        await page.keyboard.press("Shift+Tab" if back else "Tab")
        said = await page.evaluate(
            "() => { const e = document.activeElement; return (e.getAttribute('aria-label') || e.innerText || '').trim() }"
        )
        if re.fullmatch(name, said.replace("\n", " ")):
            return
    raise AssertionError(f"Tab does not reach {name!r}")


_AT_REST = """() => Promise.race([
    new Promise(done => setTimeout(done, 1500)),
    Promise.allSettled(document.getAnimations()
        .filter(one => Number.isFinite(one.effect?.getComputedTiming().endTime)).map(one => one.finished)),
]).then(() => null)"""


async def barriers(page: Page) -> list[str]:
    """What axe finds on the page against WCAG 2 A and AA: rule and the first place."""
    if not await page.evaluate("() => !!window.axe"):
        await page.evaluate(AXE.read_text())
    await page.evaluate(_AT_REST)  # colours on their way are nobody's colours
    found = await page.evaluate(
        "() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa'], resultTypes: ['violations'], iframes: false })"
    )
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found["violations"]]


async def too_wide(page: Page) -> bool:
    """Whether the page must be scrolled sideways."""
    return await page.evaluate("() => document.documentElement.scrollWidth > innerWidth + 1")


ZH = {
    "agree": "同意", "buy": "立即购买", "size": "100 g 罐", "send": "发送验证码", "sign_in": "登录", "add_address": "添加收货地址",
    "recipient": "收货人", "phone": "手机号", "region": "所在地区", "street": "详细地址", "save": "保存", "submit": "提交订单",
}  # fmt: skip
EN = {
    "agree": "Accept", "buy": "Buy now", "size": "100 g tin", "send": "Send code", "sign_in": "Sign in", "add_address": "Add an address",
    "recipient": "Recipient", "phone": "Phone", "region": "Region", "street": "Street", "save": "Save", "submit": "Place order",
}  # fmt: skip


def some_phone() -> str:
    """A number that nobody of the demo has."""
    return f"139{secrets.randbelow(10**8):08d}"


async def code_from(page: Page) -> str:
    """The code in the demo's message."""
    message = page.get_by_text(re.compile(r"\b\d{6}\b")).first
    await expect(message).to_be_visible()
    code = re.search(r"\b(\d{6})\b", await message.inner_text())
    assert code
    return code[1]


async def sign_in(page: Page, words: dict[str, str]) -> None:
    """Sign in at the shop with the code of the demo's message."""
    await page.locator("input[type=tel]").first.fill(some_phone())
    await tap(page, words["send"])
    code = await code_from(page)
    await page.locator("input").nth(1).fill(code)
    await tap(page, words["sign_in"], last=True)


async def add_address(page: Page, words: dict[str, str]) -> None:
    """Write an address in 西湖区 into the book and come back."""
    await tap(page, words["add_address"])
    await expect(page).to_have_url(re.compile("address"))
    await page.locator("input >> visible=true").nth(0).fill("苏晴")
    await page.locator("input >> visible=true").nth(1).fill("13900000001")
    await page.get_by_label(words["region"]).first.click()
    for name in ("浙江省", "杭州市", "西湖区"):
        await tap(page, name)
    await page.locator("textarea >> visible=true").first.fill("文三路 100 号")
    await tap(page, words["save"], last=True)
