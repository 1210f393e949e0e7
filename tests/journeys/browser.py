"""Starts the browser of the journeys: the one that tools/browser.py finds or fetches."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    StorageState,
    ViewportSize,
    async_playwright,
)

DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
FINDER = Path(__file__).resolve().parents[2] / "tools" / "browser.py"


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    """A headless Chromium; *.localhost reaches the loopback by itself.

    Raises RuntimeError with one sentence when there is none.
    """
    asked = subprocess.run([sys.executable, FINDER], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        raise RuntimeError(asked.stderr.strip())
    found = json.loads(asked.stdout)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found["executable"],
            args=found["args"],
            env={**os.environ, **found["env"]},
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visitor(
    browser: Browser,
    *,
    size: ViewportSize = DESKTOP,
    locale: str = "zh-CN",
    known: StorageState | None = None,
) -> AsyncGenerator[Page]:
    """A person of their own: no cookies but those ``known``, one page, a screen size and a language.

    On leaving, an error of a script, one in the browser's console or a request to a foreign host fails the journey.
    """
    context = await browser.new_context(
        viewport=size, locale=locale, timezone_id="Asia/Shanghai", storage_state=known
    )
    wrongs = watch(context)
    try:
        yield await context.new_page()
    finally:
        await context.close()
    assert not wrongs, "\n".join(wrongs)


def watch(context: BrowserContext) -> list[str]:
    """A list that fills with errors and foreign addresses while the person looks around."""
    wrongs: list[str] = []

    def at_home(url: str) -> bool:
        address = urlsplit(url)
        host = address.hostname or ""
        inside = address.scheme in {"data", "blob", "about"}
        return inside or host == "127.0.0.1" or host.split(".")[-1] == "localhost"

    def hear(message: ConsoleMessage) -> None:
        # The browser itself notes refusals (a session that has ended, a stock that ran out): pages show those.
        if message.type == "error" and "Failed to load resource" not in message.text:
            wrongs.append(f"console: {message.text}")

    context.on("console", hear)
    context.on("weberror", lambda error: wrongs.append(f"script error: {error.error}"))
    context.on(
        "request",
        lambda request: None if at_home(request.url) else wrongs.append(f"foreign: {request.url}"),
    )
    return wrongs
