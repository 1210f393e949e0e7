"""The lines of the simulation: a blow that is called off leaves nobody waiting for an answer that never comes."""

import asyncio

import asyncpg
import pytest

from siyu.app.simulate.crashes import Line
from siyu.app.simulate.processes import waits_at
from siyu.kernel.db import APP
from siyu.kernel.settings import role_url


async def test_who_asked_something_that_was_swallowed_loses_the_line_also_when_the_blow_is_called_off(
    owner_url,
):
    line = Line(role_url(owner_url, APP), "postgres")
    connection = await asyncpg.connect(await line.open())
    struck: list[str] = []
    line.arm(0, done=True, strike=lambda: struck.append("blow"))
    asking = asyncio.create_task(connection.execute("select pg_sleep(0.3)"))
    await asyncio.sleep(0.1)
    line.disarm()
    with pytest.raises(asyncpg.PostgresConnectionError):
        await asyncio.wait_for(asking, 10)
    assert struck == []
    await line.close()


async def test_what_does_not_end_is_told_to_its_innermost_call():
    async def innermost() -> None:
        await asyncio.Event().wait()

    async def outermost() -> None:
        await innermost()

    task = asyncio.create_task(outermost())
    await asyncio.sleep(0)
    told = waits_at(task)
    task.cancel()
    assert told.index("outermost") < told.index("innermost") < told.index("locks.py")
