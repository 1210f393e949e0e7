"""What was promised is kept through ``kill -9`` of any part, under load; the house is whole again by itself within seconds."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bench.stall import open_stall
from tests.crash.books import compare
from tests.crash.crowd import Crowd
from tests.crash.house import EVERYTHING, PARTS, SOON_S, House
from tests.crash.several import SECONDS_OF_EACH, SeveralHouse

ROUNDS = int(os.environ.get("SIYU_CRASH_ROUNDS", "100"))


async def _strike(
    house: House, victim: str, *, whole: bool, calm_s: float, after_s: float = 1.0
) -> dict[str, Any]:
    """One round: load, a blow in the middle of it, recovery, and the books; the figures."""
    await house.whole()
    stall = await open_stall(house.stack, skus=3, pieces=50_000, buyers=32)
    crowd = Crowd(house, stall)
    over = asyncio.Event()

    async def blow() -> None:
        try:
            await asyncio.sleep(calm_s)
            crowd.struck_at = time.time()
            house.strike(victim, whole=whole)
            await house.mend(victim)
            while crowd.served_again_at is None:
                assert time.time() - crowd.struck_at < SOON_S, house.last_words()
                await asyncio.sleep(0.1)
            await asyncio.sleep(after_s)
        finally:
            over.set()

    await asyncio.gather(blow(), crowd.run(over, buyers=22, payers=8, senders=2))
    assert crowd.served_again_at is not None
    await compare(crowd)
    return {
        "victim": victim, "served again after": round(crowd.served_again_at - crowd.struck_at, 1),
        "all caught up after": round(time.time() - crowd.struck_at, 1), "orders": len(crowd.placed),
        "paid": len(crowd.paid), "messages": crowd.messages, "answers": dict(crowd.answers),
    }  # fmt: skip


@pytest.mark.parametrize("victim", [*PARTS, EVERYTHING])
async def test_orders_payments_and_behaviour_are_kept_exactly_once_through_kill_9_of(
    house, victim, record_property
):
    told = await _strike(house, victim, whole=True, calm_s=1.0)
    record_property("kill -9", told)
    print(told)
    assert told["orders"] > 20 and told["paid"] and told["messages"]


@pytest.fixture(scope="module")
async def several() -> AsyncIterator[SeveralHouse]:
    """Two web processes and two workers on one pair of engines."""
    house = SeveralHouse()
    try:
        await house.start()
        yield house
        await house.stop()
    finally:
        house.forget()


async def test_two_webs_and_two_workers_lose_and_double_nothing_while_each_is_killed_in_turn(
    several, record_property
):
    stall = await open_stall(several.stack, skus=3, pieces=50_000, buyers=32)
    crowd = Crowd(several, stall)
    over = asyncio.Event()

    async def blows() -> None:
        try:
            for victim in ("worker", "web", "second worker", "second web"):
                await asyncio.sleep(1)
                several.strike(victim)
                await several.mend(victim)
        finally:
            over.set()

    await asyncio.gather(blows(), crowd.run(over, buyers=22, payers=8, senders=2))
    await compare(crowd)
    told: dict[str, Any] = {
        "orders": len(crowd.placed), "paid": len(crowd.paid), "answers": dict(crowd.answers)
    }  # fmt: skip
    record_property("several", told)
    print(told)
    assert told["orders"] > 20 and told["paid"] and crowd.messages


@pytest.mark.soak
async def test_a_hundred_blows_at_chance_moments_lose_and_double_nothing(house, capsys):
    await _many_blows(house, [*PARTS, *PARTS, EVERYTHING], capsys)


@pytest.mark.soak
async def test_a_hundred_blows_on_two_webs_and_two_workers_lose_and_double_nothing(several, capsys):
    await _many_blows(several, [*PARTS, *PARTS, *SECONDS_OF_EACH, EVERYTHING], capsys)


async def _many_blows(house: House, victims: list[str], capsys: Any) -> None:
    chance = random.Random(20261122)
    told: list[dict[str, Any]] = []
    for _ in range(ROUNDS):
        victim = chance.choice(victims)
        told.append(
            await _strike(house, victim, whole=chance.random() < 0.7, calm_s=chance.uniform(0, 2.5))
        )
        with capsys.disabled():
            print(told[-1], flush=True)
    for victim in sorted({one["victim"] for one in told}):
        of = [one for one in told if one["victim"] == victim]
        for what in ("served again after", "all caught up after"):
            times = sorted(one[what] for one in of)
            with capsys.disabled():
                print(
                    f"{victim}: {len(of)} blows, {what} {times[len(of) // 2]} s (median), {times[-1]} s (longest)"
                )
