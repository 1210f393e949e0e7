"""Two brands with everything in them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.app.estate import Estate, open_estate


@pytest.fixture(scope="module")
async def ours(app: Any, database: Any) -> AsyncIterator[Estate]:
    """The brand whose owner and shopper ask."""
    estate = await open_estate(app, database)
    yield estate
    await estate.close()


@pytest.fixture(scope="module")
async def theirs(app: Any, database: Any) -> AsyncIterator[Estate]:
    """The brand whose ids are asked for."""
    estate = await open_estate(app, database)
    yield estate
    await estate.close()
