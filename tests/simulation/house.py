"""A house for one seed: a database of its own, cloned from the run's template, beside the run's ClickHouse."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from siyu.kernel.settings import Settings
from tests.conftest import TEMPLATE, on_database


@asynccontextmanager
async def settings_of_a_clone(
    server_url: str, clickhouse_url: str, home: Path
) -> AsyncIterator[Settings]:
    """The settings of a demo-profile house on a fresh clone, dropped at the end."""
    name = f"siyu_sim_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server_url)
    try:
        for attempt in range(100):
            try:
                await connection.execute(f"create database {name} template {TEMPLATE}")
                break
            except asyncpg.ObjectInUseError:  # somebody clones it at this moment
                if attempt == 99:
                    raise
                await asyncio.sleep(0.1)
        yield Settings(
            home=home, profile="demo", port=80, database_url=on_database(server_url, name),
            clickhouse_url=clickhouse_url, secret="simulated",
        )  # fmt: skip
    finally:
        await connection.execute(f"drop database if exists {name} with (force)")
        await connection.close()


def told(report) -> str:
    """What a failing seed says: what was found, what happened before, and how to see it again."""
    lines = [f"day {report.day}:", *report.findings, "before it:", *report.latest]
    return "\n".join([*lines, f"replay: {report.replay}"])
