"""Visitors who leave before they are answered: nobody's failure, and no news about the database."""

import asyncio
import random
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from siyu.kernel.db import is_away, is_given_up
from siyu.kernel.http.problems import is_ended, note_away

pytestmark = pytest.mark.kernel_db


async def asked(app: Any, brand: Any, path: str, send: Any) -> None:
    """A request as a server hands it in, answered through ``send``."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    await app(
        {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", brand.host.encode())],
            "client": ("127.0.0.1", 4),
            "server": ("127.0.0.1", 80),
        },
        receive,
        send,
    )


@pytest.mark.parametrize("gone_at", [1, 2])
@pytest.mark.parametrize("path", ["/api/shop/products", "/api/shop/stores", "/health/ready", "/"])
async def test_who_has_left_before_the_answer_is_no_lost_database(app, brand, path, gone_at):
    tries = 0

    async def send(_: Any) -> None:
        nonlocal tries
        tries += 1
        if tries >= gone_at:
            raise ConnectionResetError("the peer has closed")

    with capture_logs() as told:
        await asked(app, brand, path, send)
    assert told == []
    assert tries == gone_at, "nothing more is sent to somebody who has left"


async def test_requests_that_are_cancelled_at_any_moment_say_nothing_of_the_database(shop, console):
    chance = random.Random(7)
    ways = [
        (shop, "/api/shop/products"),
        (shop, "/api/shop/stores"),
        (shop, "/api/shop/session"),
        (console, "/api/console/products"),
        (console, "/api/console/orders"),
    ]
    with capture_logs() as told:
        for moment in range(12):
            asking = [
                asyncio.create_task(client.get(path)) for client, path in chance.choices(ways, k=20)
            ]
            await asyncio.sleep(moment * 0.003)
            for one in asking[::2]:
                one.cancel()
            answers = await asyncio.gather(*asking, return_exceptions=True)
            left = [one for one in answers if isinstance(one, BaseException)]
            assert all(isinstance(one, asyncio.CancelledError) for one in left)
    # A busy machine makes statements slow, and that is told; it is not about whoever left.
    told = [one for one in told if "shape" not in one]
    assert [one for one in told if one["log_level"] in ("warning", "error")] == []


async def test_a_connection_that_breaks_for_one_who_left_is_told_from_a_database_that_is_lost(
    database, brand, owner_url
):
    """The same broken connection: once under a request that goes on, once under one that was cancelled."""
    owner = await asyncpg.connect(owner_url)

    async def broken(*, cancelled: bool) -> BaseException:
        began: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def work() -> None:
            async with database.raw(brand.id) as connection:
                try:
                    began.set_result(connection.get_server_pid())
                    await asyncio.sleep(5 if cancelled else 0.3)
                finally:
                    await connection.fetchval("select 1")

        task = asyncio.create_task(work())
        await owner.execute("select pg_terminate_backend($1)", await began)
        await asyncio.sleep(0.1)
        if cancelled:
            task.cancel()
        (error,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(error, Exception)
        return error

    lost, left = await broken(cancelled=False), await broken(cancelled=True)
    assert is_away(lost) and not is_given_up(lost)
    assert is_given_up(left)
    await owner.close()


async def test_a_time_limit_that_runs_out_is_not_a_visitor_who_left():
    with pytest.raises(TimeoutError) as slow:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(1)
    assert not is_given_up(slow.value)


async def test_a_transaction_that_was_idle_for_too_long_is_no_database_that_is_away(
    database, brand
):
    async def said_nothing() -> None:
        async with database.raw(brand.id) as connection:
            await connection.execute("set local idle_in_transaction_session_timeout = '50ms'")
            await asyncio.sleep(0.3)
            await connection.fetchval("select 1")

    with pytest.raises(Exception) as ended:
        await said_nothing()
    with pytest.raises(OSError) as refused:
        await asyncpg.connect("postgresql://nobody:x@127.0.0.1:1/none")
    assert is_away(ended.value) and is_ended(ended.value)
    assert is_away(refused.value) and not is_ended(refused.value)
    with capture_logs() as told:
        note_away(ExceptionGroup("cleanup of dependencies", [ended.value]))
        note_away(refused.value)
    assert [one["event"] for one in told] == ["connection had ended", "database away"]
