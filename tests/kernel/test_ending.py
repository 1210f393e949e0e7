"""Whoever ends, ends: also in the moment of a bell, and before a server that says nothing any more."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from siyu.kernel import db
from siyu.kernel.batching import Batcher, OutcomeUnknown, harmless
from siyu.kernel.db import APP, DISPATCHER, Database
from siyu.kernel.errors import Busy
from siyu.kernel.ids import new_id
from siyu.kernel.news import News
from siyu.kernel.settings import role_url
from tests.processes.gate import Gate

pytestmark = pytest.mark.kernel_db


async def test_news_end_also_when_they_are_rung_for_in_the_same_moment(owner_url):
    news = News(role_url(owner_url, DISPATCHER))
    running = asyncio.create_task(news.run())
    async with asyncio.timeout(20):
        while not news.listening:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # it waits for the bell
    news.ring("events", new_id(), {"test.rung/1"})
    running.cancel()
    ended, _ = await asyncio.wait({running}, timeout=5)
    running.cancel()
    assert ended, "it goes on, and whoever closes the process waits for it for ever"


async def test_a_batch_that_is_begun_in_the_moment_of_the_end_is_answered(database, brand):
    async def decide(_: Any, __: Any, wanted: Any) -> list[str]:
        if "held" in wanted[0]:
            await asyncio.sleep(30)
        return list(wanted)

    asking = Batcher[str, str](database, decide, harmless)
    held = [asyncio.create_task(asking.ask(brand.id, f"held {at}")) for at in range(5)]
    await asyncio.sleep(0.01)
    late = asyncio.create_task(asking.ask(brand.id, "late"))
    await asyncio.sleep(0.005)
    closing = asyncio.create_task(asking.close(within_s=0.002))
    await asyncio.sleep(0)
    time.sleep(
        0.1
    )  # the close's time is over when the loop looks again, and so is the wait of who came late
    await asyncio.wait_for(closing, 10)
    answered, waiting = await asyncio.wait({late, *held}, timeout=5)
    for one in waiting:
        one.cancel()
    assert not waiting, "nobody answers them any more"
    assert all(isinstance(one.exception(), (OutcomeUnknown, Busy)) for one in answered)


@pytest.fixture
async def gate(owner_url) -> AsyncIterator[Gate]:
    gate = Gate(owner_url)
    yield gate
    gate.open()
    await gate.end()


@pytest.fixture
async def beyond(gate, monkeypatch) -> Database:
    """A database behind the gate; nobody's patience lasts long."""
    monkeypatch.setattr(db, "UNDO_S", 0.5)
    monkeypatch.setattr(db, "CLOSE_S", 0.5)
    url = await gate.start()
    database = Database(role_url(url, APP), role_url(url, DISPATCHER), size=2, raw_size=2)
    await database.open()
    return database


async def test_a_server_that_falls_silent_keeps_no_request_waiting_for_ever(beyond, brand, gate):
    async def decide(connection: Any, _: Any, wanted: Any) -> list[str]:
        await connection.execute("select 1")
        return list(wanted)

    asking = Batcher[str, str](beyond, decide, harmless, transaction_s=0.5, patience_s=0.5)
    assert await asking.ask(brand.id, "before") == "before"
    gate.close()
    with pytest.raises((OutcomeUnknown, Busy)):
        await asyncio.wait_for(asking.ask(brand.id, "meanwhile"), 20)
    gate.open()
    assert await asking.ask(brand.id, "after") == "after"
    await asking.close()
    await beyond.close()


async def test_closing_ends_before_a_silent_server(beyond, brand, gate):
    async with beyond.brand(brand.id) as session:
        await session.execute(text("select 1"))
    gate.close()
    await asyncio.wait_for(beyond.close(), 15)
