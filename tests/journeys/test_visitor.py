"""The journeys' own eyes: they must see what they are there to see."""

import pytest

from tests.journeys.browser import PHONE, chromium, visitor

pytestmark = pytest.mark.journey


async def test_chinese_is_drawn_with_glyphs_and_not_with_boxes():
    async with chromium() as browser, visitor(browser, size=PHONE) as page:
        await page.set_content("<span id=a>龙</span><span id=b>井</span>")
        drawn = [await page.locator(name).screenshot() for name in ("#a", "#b")]
        assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("<img src='http://cdn.invalid/a.png'>", "foreign: http://cdn.invalid/a.png"),
        ("<script>undefined_function()</script>", "script error"),
    ],
)
async def test_a_foreign_host_or_a_script_error_fails_the_journey(content: str, wrong: str):
    async with chromium() as browser:
        with pytest.raises(AssertionError, match=wrong):
            async with visitor(browser) as page:
                await page.set_content(content)
