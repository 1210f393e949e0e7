"""Whatever is done to the ledger in whatever order, the books sum to zero and no limit breaks."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from siyu.kernel import ledger
from siyu.kernel.ids import new_id
from siyu.kernel.ledger.rules import (
    Overdrawn,
    ReversedTooMuch,
    Standing,
    available,
    first_in_first_out,
    give_back,
)
from tests.kernel.ledger.conftest import Purse

NOW = datetime(2026, 5, 1, tzinfo=UTC)
lots = st.lists(
    st.builds(
        lambda posted, held, opened, expires: Standing(
            new_id(), posted, held, NOW - timedelta(days=opened),
            None if expires is None else NOW + timedelta(days=expires),
        ),
        st.integers(-50, 100), st.integers(0, 30), st.integers(0, 5), st.none() | st.integers(-3, 3),
    ),
    max_size=6,
)  # fmt: skip


@given(lots, st.integers(1, 300))
def test_lots_give_exactly_what_is_asked_in_order_or_nothing(lots, amount):
    try:
        parts = first_in_first_out(lots, amount, NOW)
    except Overdrawn:
        assert amount > available(lots, NOW)
        return
    by_id = {lot.account_id: lot for lot in lots}
    assert sum(part for _, part in parts) == amount
    assert all(0 < part <= by_id[id].free and by_id[id].is_open(NOW) for id, part in parts)
    # Every lot but the last is emptied, and none that is left untouched expires before one that was taken.
    assert all(part == by_id[id].free for id, part in parts[:-1])
    far = NOW + timedelta(days=99)
    taken = [by_id[id].expires_at or far for id, _ in parts]
    left = [
        lot.expires_at or far
        for lot in lots
        if lot.is_open(NOW) and lot.account_id not in dict(parts)
    ]
    assert taken == sorted(taken) and (not left or min(left) >= taken[-1])


@given(st.lists(st.integers(0, 50), max_size=5), st.none() | st.integers(-5, 200))
def test_what_comes_back_adds_up_and_no_part_gets_more_than_it_gave(left, amount):
    pairs = [(new_id(), most) for most in left]
    try:
        parts = give_back(pairs, amount)
    except ReversedTooMuch:
        assert not 0 < (sum(left) if amount is None else amount) <= sum(left)
        return
    assert sum(part for _, part in parts) == (sum(left) if amount is None else amount)
    assert all(0 < part <= dict(pairs)[id] for id, part in parts)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("earn"), st.integers(1, 40), st.booleans()),
        st.tuples(st.just("redeem"), st.integers(1, 40), st.booleans()),
        st.tuples(st.just("settle"), st.integers(0, 8), st.booleans()),
        st.tuples(st.just("reverse"), st.integers(0, 8), st.integers(1, 20)),
        st.tuples(st.just("again"), st.integers(0, 8), st.just(0)),
        st.tuples(st.just("crash"), st.integers(1, 40), st.just(0)),
        st.tuples(st.just("roll"), st.just(0), st.just(0)),
        st.tuples(st.just("crowd"), st.integers(1, 15), st.integers(2, 5)),
    ),
    min_size=1,
    max_size=14,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=steps)
async def test_any_sequence_with_retries_voids_reversals_and_crashes_sums_to_zero(
    database, brand, steps
):
    purse = Purse(database, brand)
    done: list[ledger.Posting] = []
    taken_back = 0
    for what, one, other in steps:
        if what == "earn":
            done.append(purse.earning(one, pending=bool(other)))
            await purse.post(done[-1])
        elif what == "redeem":
            done.append(purse.redeeming(one, pending=bool(other)))
            await purse.post(done[-1])
        elif what == "settle" and one < len(done):
            await purse.settle(done[one].key, done=other)
        elif what == "reverse" and one < len(done):
            answer = await purse.reverse(done[one].key, other)
            taken_back += other if isinstance(answer, ledger.Posted) else 0
        elif what == "again" and one < len(done):
            before = await purse.held()
            (answer,) = await purse.post(done[one])
            if not isinstance(answer, ledger.Posted) or not answer.fresh:
                assert await purse.held() == before
        elif what == "crash":
            await _crash(purse, one)
        elif what == "roll":
            await purse.roll_up()
        elif what == "crowd":
            await asyncio.gather(*(purse.post(purse.redeeming(one)) for _ in range(other)))
    held = await purse.held()
    assert held.available >= -taken_back
    flows = await purse.flows()
    assert sum(flow.debit for flow in flows) == sum(flow.credit for flow in flows)
    assert await purse.broken() == []


async def _crash(purse: Purse, amount: int) -> None:
    before = await purse.held()
    with pytest.raises(RuntimeError):
        async with purse.database.raw(purse.brand.id) as connection:
            await ledger.post_on(connection, [purse.earning(amount), purse.redeeming(amount)])
            raise RuntimeError
    assert await purse.held() == before
