"""One house for all blows of a run: what is struck comes back, so the next test finds it whole."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.crash.house import House


@pytest.fixture(scope="session")
async def house() -> AsyncIterator[House]:
    """A running house of the demo profile (it has the sandbox's cashier), stopped by Ctrl-C at the end."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("who is struck is found in /proc")
    house = House()
    try:
        await house.start()
        yield house
        await house.stop()
    finally:
        house.forget()
