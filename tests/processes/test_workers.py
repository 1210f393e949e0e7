"""Two workers: what one has in hand when it is killed or frozen, the other carries on within ten seconds, once."""

import asyncio
import secrets
import signal
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from bench.stall import Stall, open_stall
from siyu.insight.warehouse import Warehouse
from siyu.kernel import clock
from siyu.kernel.checks import run_checks
from siyu.people.brands import create_brand
from tests.processes.gate import Gate
from tests.processes.programs import SECONDS, Program, TwoWebs, until

ORDERS = 12
BLOW = pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])


async def placed(stack: TwoWebs, stall: Stall, count: int = ORDERS) -> list[str]:
    """Orders of one piece each, placed at both web processes in turn."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:

        async def place(at: int) -> str:
            buyer = stall.buyers[at % len(stall.buyers)]
            body = {
                "lines": [{"sku_id": str(stall.skus[0]), "quantity": 1}], "delivery": "express",
                "address_id": str(buyer.address_id), "expected_total_minor": stall.total_minor,
            }  # fmt: skip
            answer = await client.post(
                f"http://127.0.0.1:{stack.ports[at % 2]}/api/shop/orders", json=body,
                headers={"host": stall.host, "authorization": f"Bearer {buyer.token}", "idempotency-key": f"k{at}"},
            )  # fmt: skip
            assert answer.status_code == 201, answer.text
            return answer.json()["id"]

        return list(await asyncio.gather(*(place(at) for at in range(count))))


async def one(stack: TwoWebs, stall: Stall, sql: str) -> Any:
    async with stack.database.raw(stall.brand_id) as connection:
        return await connection.fetchval(sql)


async def taker(workers: list[Program], condition: str) -> tuple[Program, Program]:
    """The worker whose connection is in the state asked for, and the other one."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for at, worker in enumerate(workers):
            if await worker.backends(condition):
                return worker, workers[1 - at]
        await asyncio.sleep(0.05)
    raise AssertionError((condition, [worker.said() for worker in workers]))


def strike(worker: Program, blow: int) -> None:
    if blow == signal.SIGKILL:
        worker.kill()
    else:
        worker.signal(blow)


@asynccontextmanager
async def waking(worker: Program, blow: int):
    """Who was frozen wakes up at the end, and has time to do what it should not."""
    yield
    if blow == signal.SIGSTOP:
        worker.signal(signal.SIGCONT)
        await asyncio.sleep(3)
        assert worker.process.poll() is None, worker.said()


async def sales(stack: TwoWebs, stall: Stall) -> tuple[int, int]:
    warehouse = Warehouse(stack.urls.clickhouse)
    try:
        [row] = await warehouse.ask(
            stall.brand_id,
            """SELECT count() AS rows, uniqExact(order_id) AS orders FROM sales FINAL
               WHERE brand = {brand:UUID} AND line = 0 AND kind = 'placed'""",
        )
    finally:
        await warehouse.close()
    return int(row["rows"]), int(row["orders"])


@BLOW
async def test_a_page_for_the_warehouse_moves_on_from_a_worker_that_is(
    stack: TwoWebs, workers: list[Program], gate: Gate, blow: int
):
    stall = await open_stall(stack, skus=1, pieces=100, buyers=4)
    gate.close()
    await placed(stack, stall)
    await until(lambda: _true(gate.waiting), 30)
    holding = {port for worker in workers for port in worker.sockets() & gate.waiting}
    [victim] = [worker for worker in workers if worker.sockets() & holding]
    await asyncio.sleep(1)
    assert not {*gate.waiting} - victim.sockets(), "one tells, the other keeps away"

    strike(victim, blow)
    gate.open()
    gate_opened = time.monotonic()
    async with waking(victim, blow):
        await until(lambda: _heard(stack, stall), SECONDS)
        print("heard after", round(time.monotonic() - gate_opened, 1))
    assert await sales(stack, stall) == (ORDERS, ORDERS)
    await placed_more(stack, stall)
    assert await one(stack, stall, "select count(*) from parked_events") == 0


async def placed_more(stack: TwoWebs, stall: Stall) -> None:
    """Nothing is stuck afterwards."""
    await placed(stack, stall, ORDERS + 4)  # the first twelve are there already
    await until(lambda: _sold(stack, stall, ORDERS + 4), SECONDS)


async def _sold(stack: TwoWebs, stall: Stall, count: int) -> bool:
    return await sales(stack, stall) == (count, count)


async def _heard(stack: TwoWebs, stall: Stall) -> bool:
    return await sales(stack, stall) == (ORDERS, ORDERS) and await stack.settled(within_s=0.01)


async def _true(value: Any) -> bool:
    return bool(value)


@BLOW
async def test_overdue_orders_are_cancelled_once_though_a_worker_in_the_middle_of_them_is(
    stack: TwoWebs, workers: list[Program], own_url: str, blow: int
):
    stall = await open_stall(stack, skus=1, pieces=100, buyers=4)
    await placed(stack, stall)
    holder = await asyncpg.connect(own_url)
    try:
        await holder.execute("begin; select from stock_levels for update")
        async with stack.database.raw(stall.brand_id) as connection:
            long_ago = clock.now() - timedelta(hours=1)
            await connection.execute("update orders set pay_by = $1", long_ago)
            await connection.execute("update timers set due_at = $1", long_ago)
        victim, _ = await taker(workers, "wait_event_type = 'Lock'")
        strike(victim, blow)
        await holder.execute("rollback")
    finally:
        await holder.close()
    async with waking(victim, blow):
        took = await until(lambda: _cancelled(stack, stall), SECONDS)
        print("cancelled after", round(took, 1))
    freed = "select count(*) from stock_movements where kind = 'released'"
    assert await one(stack, stall, freed) == ORDERS
    assert await one(stack, stall, "select sum(reserved)::int from stock_levels") == 0
    assert not await run_checks(stack.database, stall.brand_id)


async def _cancelled(stack: TwoWebs, stall: Stall) -> bool:
    return (
        await one(stack, stall, "select count(*) from orders where state = 'cancelled'") == ORDERS
    )


IMPORT = "handle,title,category,sku,price,stock,status\n" + "".join(
    f"bangle-{at},玉镯 {at},首饰/手镯,B-{at},{at + 1}.00,{at % 50},on_sale\n" for at in range(300)
)
_TAKEN_IN = """
select json_build_array((select count(*) from products), (select sum(version) from products),
                        (select count(*) from stock_movements), (select sum(on_hand) from stock_levels))::text
"""


@BLOW
async def test_an_import_goes_on_within_seconds_though_its_worker_is(
    stack: TwoWebs, workers: list[Program], own_url: str, blow: int
):
    slug = f"imports-{secrets.token_hex(4)}"
    made = await create_brand(
        stack.database, slug=slug, name={"zh-CN": "进货", "en": "Imports"}, owner_login=f"owner@{slug}",
        owner_password="right horse 7",
    )  # fmt: skip
    holder = await asyncpg.connect(own_url)
    base = f"http://127.0.0.1:{stack.ports[1]}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as console:
        who = {"login": made.owner_login, "password": "right horse 7"}
        session = await console.post("/api/console/session", json=who)
        console.headers["x-csrf-token"] = session.json()["csrf_token"]
        file = {"file": ("products.csv", IMPORT.encode())}
        handed = await console.post("/api/console/imports", files=file)
        lock = "select pg_advisory_lock(hashtextextended('catalogue.import/' || $1, 0))"
        await holder.execute(lock, str(made.brand_id))
        start_it = f"/api/console/imports/{handed.json()['id']}/start"
        job = (await console.post(start_it, json={"format": "siyu"})).json()["id"]
        victim, _ = await taker(workers, "wait_event = 'advisory'")
        strike(victim, blow)
        await holder.close()

        async def done() -> bool:
            told = (await console.get(f"/api/console/jobs/{job}")).json()
            assert told["state"] in ("running", "done"), told
            return told["state"] == "done"

        async def taken_over() -> bool:
            async with stack.database.raw(made.brand_id) as connection:
                return await connection.fetchval("select max(attempts) from jobs") == 2

        async with waking(victim, blow):
            print("taken over after", round(await until(taken_over, SECONDS), 1))
            await until(done)
        assert await done()
    async with stack.database.raw(made.brand_id) as connection:
        assert await connection.fetchval(_TAKEN_IN) == f"[300, 300, {300 - 6}, {50 * 49 * 3}]"
        assert await connection.fetchval("select attempts from jobs where kind = 'catalogue.import'") == 2  # fmt: skip
