"""What the ledger promises, one promise at a time."""

import asyncio
import secrets
from datetime import timedelta

import pytest

from siyu.kernel import clock, ledger, timers
from siyu.kernel.ids import new_id
from tests.kernel.ledger.conftest import (
    BREAKAGE,
    CORRECTED,
    EXPIRED,
    GRANTED,
    MOVED,
    REDEEMED,
    TENDER,
    Purse,
    refused,
)


@pytest.fixture(autouse=True)
async def books_are_right(purse):
    yield
    assert await purse.broken() == []


async def test_points_are_spent_first_in_first_out_and_those_that_expire_first_go_first(purse):
    never, late, soon = purse.lot(), purse.lot(30), purse.lot(3)
    await purse.post(*(purse.earning(10, lot=lot) for lot in (never, late, soon)))
    (answer,) = await purse.post(purse.redeeming(25))
    assert [(part.source, part.amount) for part in answer.parts] == [
        (soon.id, 10),
        (late.id, 10),
        (never.id, 5),
    ]
    assert (await purse.held()).available == 5


async def test_what_is_redeemed_never_exceeds_what_is_there_and_moves_nothing(purse):
    await purse.post(purse.earning(10))
    (answer,) = await purse.post(purse.redeeming(11))
    assert refused(answer) == "ledger.overdrawn" and answer.facts == {"available": 10}
    assert await purse.held() == ledger.Held(10, 0, 10)


async def test_in_one_list_a_refusal_leaves_the_rest_to_the_next(purse):
    answers = await purse.post(
        purse.earning(10), purse.redeeming(6), purse.redeeming(5), purse.redeeming(4)
    )
    kinds = [type(answer).__name__ for answer in answers]
    assert kinds == ["Posted", "Posted", "Overdrawn", "Posted"]


async def test_the_limit_is_the_kinds_a_correction_may_overdraw_the_same_lot(purse):
    lot = purse.lot()
    await purse.post(purse.earning(10, lot=lot))
    (redeemed,) = await purse.post(purse.redeeming(11, source=lot))
    assert refused(redeemed) == "ledger.overdrawn"
    key = "correction"
    (corrected,) = await purse.post(purse.redeeming(11, source=lot, kind=CORRECTED, key=key))
    assert corrected.amount == 11
    assert (await purse.held()).posted == -1
    await purse.reverse(key)


async def test_a_reversal_excuses_a_debt_of_what_it_took_and_not_of_more(purse):
    lot = purse.lot()
    await purse.post(purse.earning(10, key="earned", lot=lot))
    await purse.post(purse.redeeming(10, source=lot))
    await purse.reverse("earned")
    assert (await purse.held()).posted == -10 and await purse.broken() == []
    more = purse.redeeming(5, source=lot, kind=CORRECTED, key="more")
    assert isinstance((await purse.post(more))[0], ledger.Posted)
    assert [one.name for one in await purse.broken()] == ["ledger.limits"]
    await purse.reverse("more")


@pytest.mark.parametrize("guarded", [True, False])
async def test_the_same_key_answers_the_same_and_moves_nothing_again(purse, guarded):
    lot = purse.lot()
    await purse.post(purse.earning(100, lot=lot))
    wanted = purse.redeeming(7, key="k") if guarded else moving("k", 7)
    (first,), (again,) = await purse.post(wanted), await purse.post(wanted)
    assert (first.fresh, again.fresh) == (True, False)
    assert first.parts == again.parts
    both = await purse.post(wanted, wanted)
    assert [one.parts for one in both] == [first.parts] * 2
    other = purse.redeeming(8, key="k") if guarded else moving("k", 8)
    (refusal,) = await purse.post(other)
    assert refused(refusal) == "ledger.key_reused"


def moving(key, amount):
    return ledger.Posting(
        kind=MOVED, source=ledger.Account(TENDER, "points"), destination=ledger.Account(BREAKAGE, "points"),
        amount=amount, key=key, event_id=None,
    )  # fmt: skip


async def test_the_same_key_with_other_content_in_one_list_is_refused(purse):
    await purse.post(purse.earning(100))
    first, second = await purse.post(purse.redeeming(7, key="k"), purse.redeeming(8, key="k"))
    assert first.amount == 7 and refused(second) == "ledger.key_reused"


async def test_what_is_pending_is_held_and_counts_only_once_it_is_posted(purse):
    await purse.post(purse.earning(10))
    await purse.post(purse.redeeming(8, key="hold", pending=True))
    assert await purse.held() == ledger.Held(10, 8, 2)
    assert refused((await purse.post(purse.redeeming(3)))[0]) == "ledger.overdrawn"
    assert (await purse.settle("hold", done=True)).state == "posted"
    assert (await purse.settle("hold", done=True)).fresh is False
    assert refused(await purse.settle("hold", done=False)) == "ledger.already_settled"
    assert await purse.held() == ledger.Held(2, 0, 2)


async def test_what_is_void_never_was(purse):
    await purse.post(purse.earning(10))
    await purse.post(purse.redeeming(8, key="hold", pending=True))
    await purse.settle("hold", done=False)
    assert await purse.held() == ledger.Held(10, 0, 10)
    assert refused(await purse.settle("hold", done=True)) == "ledger.already_settled"
    assert refused(await purse.settle("unknown", done=True)) == "http.not_found"
    assert refused(await purse.reverse("hold")) == "http.not_found"


async def test_redeemed_points_come_back_to_the_lots_they_came_from_with_their_expiry(purse):
    soon, late = purse.lot(3), purse.lot(30)
    await purse.post(purse.earning(10, lot=soon), purse.earning(10, lot=late))
    await purse.post(purse.redeeming(15, key="spent"))
    back = await purse.reverse("spent", 7)
    assert [(part.destination, part.amount) for part in back.parts] == [
        (late.id, 5),
        (soon.id, 2),
    ]
    assert refused(await purse.reverse("spent", 9)) == "ledger.reversed_too_much"
    assert (await purse.reverse("spent")).amount == 8
    assert refused(await purse.reverse("spent")) == "ledger.reversed_too_much"
    assert (await purse.held()).available == 20


async def test_taking_earned_points_back_may_leave_a_debt_that_the_next_ones_pay(purse):
    await purse.post(purse.earning(10, key="earned"), purse.redeeming(8))
    assert (await purse.reverse("earned", key="undone")).amount == 10
    assert await purse.held() == ledger.Held(-8, 0, -8)
    assert (await purse.reverse("earned", key="undone")).fresh is False
    await purse.post(purse.earning(10))
    assert refused((await purse.post(purse.redeeming(3)))[0]) == "ledger.overdrawn"
    assert (await purse.post(purse.redeeming(2)))[0].amount == 2


async def test_a_kind_may_forbid_that_its_reversal_overdraws(purse):
    lot = purse.lot()
    await purse.post(purse.earning(10, key="grant", kind=GRANTED, lot=lot), purse.redeeming(8))
    assert refused(await purse.reverse("grant")) == "ledger.overdrawn"
    assert (await purse.reverse("grant", 2)).amount == 2


async def test_the_key_of_a_reversal_stands_for_one_thing(purse):
    await purse.post(purse.earning(10, key="a"), purse.earning(10, key="b"))
    await purse.reverse("a", 3, key="r")
    assert refused(await purse.reverse("b", 3, key="r")) == "ledger.key_reused"
    assert refused(await purse.reverse("a", 4, key="r")) == "ledger.key_reused"


async def test_expired_points_cannot_be_spent_and_are_moved_once(purse):
    past = ledger.Account(
        purse.wallet.kind, "points", purse.owner, new_id(), clock.now() - timedelta(seconds=1)
    )
    await purse.post(purse.earning(10, lot=past), purse.earning(4))
    assert (await purse.held()).available == 4
    async with purse.database.raw(purse.brand.id) as connection:
        assert await ledger.expire_on(connection, EXPIRED) == 1
        assert await ledger.expire_on(connection, EXPIRED) == 0
    assert await purse.held() == ledger.Held(4, 0, 4)


async def test_contended_redemptions_never_overdraw(purse):
    await purse.post(*(purse.earning(10) for _ in range(5)))
    tries = [purse.post(purse.redeeming(7)) for _ in range(20)]
    answers = [answer for (answer,) in await asyncio.gather(*tries)]
    assert sum(isinstance(answer, ledger.Posted) for answer in answers) == 7
    assert (await purse.held()).available == 1


async def test_ten_replays_at_once_are_one_posting(purse):
    await purse.post(purse.earning(100))
    wanted = purse.redeeming(30, key="once")
    answers = [one for (one,) in await asyncio.gather(*(purse.post(wanted) for _ in range(10)))]
    assert sum(one.fresh for one in answers) == 1 and len({one.parts for one in answers}) == 1
    assert (await purse.held()).available == 70


async def at_once(purses, wanted):
    """Each in a transaction of its own that stays open for a moment, so that none sees the others' rows."""

    async def post(one, posting):
        async with one.database.raw(one.brand.id) as connection:
            (answer,) = await ledger.post_on(connection, [posting])
            await asyncio.sleep(0.1)
            return answer

    return await asyncio.gather(*(post(*pair) for pair in zip(purses, wanted, strict=True)))


async def test_one_key_for_two_purses_at_the_same_moment_is_one_posting(purse):
    other = Purse(purse.database, purse.brand)
    await purse.post(*(purse.earning(50) for _ in range(2)))
    await other.post(*(other.earning(20) for _ in range(5)))
    pair = (purse, other)
    answers = await at_once(pair, [one.redeeming(60, key="same") for one in pair])
    told = [isinstance(answer, ledger.Posted) for answer in answers]
    assert sorted(told) == [False, True]
    assert isinstance(answers[told.index(False)], ledger.KeyReused)
    left = [(await one.held()).available for one in pair]
    assert left == [40 if told[0] else 100, 40 if told[1] else 100], "half of it was taken"


async def test_one_key_for_the_same_earning_twice_at_the_same_moment_answers_both_alike(purse):
    lot = purse.lot()
    answers = await at_once((purse, purse), [purse.earning(60, key="same", lot=lot)] * 2)
    assert sorted(one.fresh for one in answers) == [False, True]
    assert (await purse.held()).available == 60


async def test_a_crash_before_the_commit_leaves_nothing(purse):
    with pytest.raises(RuntimeError):
        async with purse.database.raw(purse.brand.id) as connection:
            await ledger.post_on(connection, [purse.earning(10, key="k")])
            raise RuntimeError
    assert await purse.held() == ledger.Held(0, 0, 0)
    assert (await purse.post(purse.earning(10, key="k")))[0].fresh


async def test_a_rival_sees_and_moves_nothing(purse, database, rival):
    await purse.post(purse.earning(10, key="k"))
    other = Purse(database, rival)
    other.owner, other.wallet = purse.owner, purse.wallet
    assert await other.held() == ledger.Held(0, 0, 0)
    assert refused(await other.reverse("k")) == "http.not_found"
    assert refused((await other.post(other.redeeming(1)))[0]) == "ledger.overdrawn"


# ── Roll-ups and statements ───────────────────────────────────────────────────────────────────────


def total(flows):
    return sum(flow.debit - flow.credit for flow in flows)


async def test_a_statement_says_the_same_before_and_after_rolling_up(purse):
    await purse.post(purse.earning(10), purse.redeeming(4, key="spent"))
    before = await purse.flows()
    assert total(before) == 0 and {flow.kind for flow in before} == {"trial.earned", REDEEMED.name}
    while await purse.roll_up() == 0:  # other tests' transactions may still be running
        await asyncio.sleep(0.05)
    assert await purse.flows() == before
    await purse.reverse("spent", 1)
    mixed = await purse.flows()
    await purse.roll_up()
    assert await purse.flows() == mixed


async def test_a_late_commit_is_never_passed_over(purse):
    await purse.post(purse.earning(100))
    async with purse.database.raw(purse.brand.id) as slow:
        await ledger.post_on(slow, [purse.earning(10)])
        await purse.post(purse.earning(5))
        await purse.roll_up()
    assert sum(flow.debit for flow in await purse.flows()) == 115
    while await purse.roll_up():
        pass
    assert sum(flow.debit for flow in await purse.flows()) == 115


async def test_an_opening_balance_and_the_movements_of_a_period_are_told_apart_at_any_minute(purse):
    noon = clock.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
    for minutes, amount in ((-90, 1), (10, 20), (25, 300), (70, 4000)):
        await purse.post(purse.earning(amount, booked_at=noon + timedelta(minutes=minutes)))
    for _ in range(2):
        flows = await purse.flows(noon + timedelta(minutes=20), noon + timedelta(minutes=70))
        assert sum(flow.opening_credit for flow in flows) == 21
        assert sum(flow.credit for flow in flows) == 300
        await purse.roll_up()


async def test_the_timer_rolls_up_and_puts_itself_again(purse):
    await purse.post(purse.earning(10))
    assert await timers.run_due(purse.database, purse.brand.id, ["ledger.roll_up"]) == 1
    async with purse.database.raw(purse.brand.id) as connection:
        due = await connection.fetchval("select due_at from timers where kind = 'ledger.roll_up'")
    assert due > clock.now()


async def test_a_key_that_only_holds_or_held_is_no_answer_to_whoever_wants_to_post(purse):
    await purse.post(purse.earning(100))
    hold = purse.redeeming(40, key=secrets.token_hex(8), pending=True)
    spend = purse.redeeming(40, key=hold.key)
    assert [one.state for one in await purse.post(hold)] == ["pending"]
    assert refused((await purse.post(spend))[0]) == "ledger.key_reused"
    await purse.settle(hold.key, done=False)
    assert refused((await purse.post(spend))[0]) == "ledger.key_reused"
    assert (await purse.post(hold))[0].state == "void", "whoever held it hears what became of it"
    assert (await purse.held()).available == 100
