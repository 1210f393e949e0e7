"""Two brands with everything in them."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.app.estate import Estate, open_estate
from tests.app.terminal import GOODS, Terminal
from tests.conftest import on_database


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


@pytest.fixture(scope="module")
async def siyu(owner_url, clickhouse_url, ring, tmp_path_factory) -> AsyncIterator[Terminal]:
    """The program on this worker's database."""
    terminal = Terminal(
        home=str(tmp_path_factory.mktemp("cli")),
        keys=str(ring.folder),
        database_url=owner_url,
        clickhouse_url=clickhouse_url,
    )
    yield terminal
    terminal.close()


@pytest.fixture
def goods(tmp_path: Path) -> Path:
    path = tmp_path / "goods.csv"
    path.write_text(GOODS)
    return path


@pytest.fixture
async def empty(server_url: str) -> AsyncIterator[str]:
    """The owner's URL of a database with nothing in it."""
    name = f"empty_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database {name}")
    yield on_database(server_url, name)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()
