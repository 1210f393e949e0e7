"""A database of its own, and programs on it: what follows and serves there must not reach into other tests."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from siyu.kernel.engines import host
from siyu.kernel.settings import Settings, urls_of
from tests.conftest import TEMPLATE, on_database
from tests.processes.gate import Gate
from tests.processes.programs import Program, TwoWebs

Start = Callable[..., Awaitable[list[Program]]]


@pytest.fixture(scope="module")
async def gate(clickhouse_url: str) -> AsyncIterator[Gate]:
    """The way to ClickHouse."""
    gate = Gate(clickhouse_url)
    yield gate
    gate.open()
    await gate.end()


@pytest.fixture(scope="module")
async def own_url(server_url: str) -> AsyncIterator[str]:
    """The owner's URL of a fresh database."""
    if not (host.PROC / "net/tcp").exists():
        pytest.skip("who is at work is found in /proc")
    name = f"siyu_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database {name} template {TEMPLATE}")
    yield on_database(server_url, name)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture(scope="module")
async def start(
    own_url: str, gate: Gate, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Start]:
    """``await start("serve", "serve", "work")``: programs on the fresh database, ended by number at the end."""
    begun: list[Program] = []
    folder = tmp_path_factory.mktemp("programs")
    through = await gate.start()

    async def start(*what: str) -> list[Program]:
        settings = {
            "SIYU_PROFILE": "demo", "SIYU_DATABASE_URL": own_url, "SIYU_CLICKHOUSE_URL": through,
            "SIYU_SECRET": "one for all of them", "SIYU_CONSOLE_ORIGIN": "http://localhost",
        }  # fmt: skip
        fresh = [
            Program(one, folder / "home", folder / f"{one}-{len(begun) + at}.log", **settings)
            for at, one in enumerate(what)
        ]
        for one in fresh:
            begun.append(one)
            await one.start()
        return fresh

    yield start
    for one in begun:
        one.kill()


@pytest.fixture(scope="module")
async def stack(own_url: str, clickhouse_url: str, start: Start) -> AsyncIterator[TwoWebs]:
    """Two web processes, and doors to what they share."""
    webs = await start("serve", "serve")
    stack = TwoWebs(webs, urls_of(Settings(database_url=own_url, clickhouse_url=clickhouse_url)))
    await stack.database.open()
    yield stack
    await stack.database.close()


@pytest.fixture(scope="module")
async def pair(start: Start) -> list[Program]:
    """Two workers, started once."""
    return await start("work", "work")


@pytest.fixture
async def workers(pair: list[Program], gate: Gate) -> list[Program]:
    """Two living workers that have finished with starting."""
    for one in pair:
        if one.process.poll() is not None:
            await one.start()
    await gate.quiet()
    return pair
