"""The whole house for the journeys: ``siyu demo`` as a newcomer starts it, on a free port, with few members."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, Page, StorageState, expect

from siyu.kernel.engines import free_port
from tests.journeys.browser import PHONE, chromium, visitor
from tests.journeys.people import ZH, settled, signed_in_desk, tap

ROOT = Path(__file__).resolve().parents[2]
expect.set_options(timeout=15_000)


class House(msgspec.Struct):
    """A running demo."""

    console: str
    shop: str
    login: str
    password: str
    home: Path


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The demo, started as a program and stopped by Ctrl-C; it leaves nobody behind.

    ``SIYU_JOURNEY_HOME`` and ``SIYU_PORT`` point at a demo that is running already (while writing journeys).
    """
    if running := os.environ.get("SIYU_JOURNEY_HOME"):
        port, known = (
            os.environ.get("SIYU_PORT", "8000"),
            Path(running) / "secrets" / "demo-password",
        )
        yield House(
            f"http://localhost:{port}",
            f"http://lanyu.localhost:{port}",
            "owner@lanyu",
            known.read_text().strip()[:10],
            Path(running),
        )
        return
    home = tmp_path_factory.mktemp("demo")
    home.parent.chmod(0o755)
    port = free_port()
    environment = {**os.environ, "SIYU_HOME": str(home), "SIYU_PORT": str(port)}
    log = (home.parent / "demo.log").open("wb")
    program = subprocess.Popen(
        [sys.executable, "-m", "siyu", "demo", "--customers", "300"],
        cwd=ROOT,
        env=environment,
        stdout=log,
        stderr=log,
    )
    password = home / "secrets" / "demo-password"
    deadline = time.monotonic() + 240
    while not (password.exists() and b"Ctrl-C stops it" in (home.parent / "demo.log").read_bytes()):
        assert program.poll() is None, (home.parent / "demo.log").read_text()
        assert time.monotonic() < deadline, (home.parent / "demo.log").read_text()
        time.sleep(0.3)
    yield House(
        f"http://localhost:{port}",
        f"http://lanyu.localhost:{port}",
        "owner@lanyu",
        password.read_text().strip()[:10],
        home,
    )
    program.send_signal(signal.SIGINT)
    assert program.wait(60) == 0
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=2)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all journeys; people in it share nothing."""
    async with chromium() as one:
        yield one


@pytest.fixture(scope="session")
async def owner(house: House, browser: Browser) -> StorageState:
    """The owner's signed-in session, for people who need not sign in again."""
    async with visitor(browser) as page:
        await signed_in_desk(page, house)
        return await page.context.storage_state()


@pytest.fixture(scope="session")
async def grown(house: House, browser: Browser, owner: StorageState) -> None:
    """The demo's year of orders is there, and nothing works in the background any more."""
    async with visitor(browser, known=owner) as page:
        for _ in range(600):
            jobs = await (await page.request.get(f"{house.console}/api/console/jobs")).json()
            if all(one["state"] not in ("waiting", "running") for one in jobs["items"]):
                return
            await page.wait_for_timeout(200)
    raise AssertionError(f"the demo is not finished: {jobs}")


@pytest.fixture
async def desk(
    house: House, browser: Browser, owner: StorageState, grown: None
) -> AsyncIterator[Page]:
    """The owner at the console, in Chinese."""
    async with visitor(browser, known=owner) as page:
        await page.goto(house.console)
        await settled(page)
        yield page


@pytest.fixture
async def phone(house: House, browser: Browser) -> AsyncIterator[Page]:
    """A shopper in the Chinese shop who has accepted the privacy notice."""
    async with visitor(browser, size=PHONE) as page:
        await page.goto(house.shop)
        await tap(page, ZH["agree"])
        yield page
