"""Laws of paying back, whatever the amounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.goods.payments import rules
from siyu.goods.payments.rules import MoreThanPaid, NothingToPay

minor = st.integers(0, 10**12)
payments = st.lists(minor, max_size=8)


@given(payments, st.data())
def test_a_refund_is_taken_exactly_and_never_more_from_a_payment_than_is_left_on_it(left, data):
    amount = data.draw(st.integers(1, sum(left))) if sum(left) else 0
    if not amount:
        return
    taken = rules.spread(amount, left)
    assert sum(taken) == amount and len(taken) == len(left)
    assert all(0 <= part <= available for part, available in zip(taken, left, strict=True))


@given(payments, st.data())
def test_a_payment_is_touched_only_when_the_earlier_ones_are_used_up(left, data):
    if not sum(left):
        return
    taken = rules.spread(data.draw(st.integers(1, sum(left))), left)
    last = max(at for at, part in enumerate(taken) if part)
    assert taken[:last] == left[:last]


@given(payments, st.integers(1, 10**12))
def test_more_than_was_paid_never_goes_back(left, more):
    with pytest.raises(MoreThanPaid) as refused:
        rules.spread(sum(left) + more, left)
    assert refused.value.facts == {"left_minor": sum(left)}


@given(payments, st.integers(-(10**12), 0))
def test_nothing_and_less_than_nothing_cannot_be_paid_back(left, amount):
    with pytest.raises(NothingToPay):
        rules.spread(amount, left)


@given(st.lists(st.tuples(st.sampled_from(rules.REFUND_STATES), minor), max_size=8), minor)
def test_a_refund_and_its_failure_leave_what_there_was(refunds, rest):
    """Every refund lowers what is left by its amount; one that failed counts as if it had never been."""
    stood = sum(amount for state, amount in refunds if state != "failed")
    paid = stood + rest
    assert rules.left_to_refund(paid, refunds) == rest
    assert rules.left_to_refund(paid, [("failed", amount) for _, amount in refunds]) == paid
    assert rules.left_to_refund(paid + 1, [*refunds, ("agreed", 1)]) == rest


@given(payments.filter(any), st.data())
def test_refunds_one_after_the_other_come_to_the_same_as_one(left, data):
    """However a refund is cut up, each payment ends where one single refund would have left it."""
    whole = data.draw(st.integers(1, sum(left)))
    first = data.draw(st.integers(1, whole))
    once = rules.spread(whole, left)
    if first == whole:
        return
    begun = rules.spread(first, left)
    still = [available - part for available, part in zip(left, begun, strict=True)]
    rest = rules.spread(whole - first, still)
    assert [a + b for a, b in zip(begun, rest, strict=True)] == once


@given(st.sampled_from(rules.STATES))
def test_money_that_arrived_is_booked_once(state):
    assert rules.takes_effect(state) == (state != "succeeded")
