"""Decisions about orders, without a database."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.goods.orders import rules
from siyu.goods.orders.rules import NothingLeftToRefund, RefundableLine, WrongState

SKU, OTHER, PLACE = UUID(int=1), UUID(int=2), UUID(int=9)
LINE, SECOND = UUID(int=11), UUID(int=12)


@given(st.integers(1, 12), st.integers(1, 28), st.integers(0, rules.NUMBER_SPACE - 1), st.data())
def test_a_number_survives_spaces_and_one_wrong_digit_is_noticed(month, day, draw, data):
    number = rules.order_number(month, day, draw)
    assert len(number) == 14 and number[4] == number[9] == " "
    assert (
        rules.number_in(number)
        == rules.number_in(number.replace(" ", ""))
        == rules.number_in(f" {number.replace(' ', '-')} ")
        == number
    )
    at = data.draw(st.integers(0, 11))
    digits = number.replace(" ", "")
    wrong = str((int(digits[at]) + data.draw(st.integers(1, 9))) % 10)
    assert rules.number_in(digits[:at] + wrong + digits[at + 1 :]) is None


@given(st.integers(0, rules.NUMBER_SPACE - 1), st.integers(0, 10))
def test_swapped_neighbours_in_a_number_are_noticed(draw, at):
    digits = rules.order_number(3, 18, draw).replace(" ", "")
    swapped = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
    assert swapped == digits or rules.number_in(swapped) is None


@pytest.mark.parametrize(
    "text", ["", "1234", "王小明", "13800138000", "1122 0318 774x", "１１２２０３１８７７４２"]
)
def test_other_words_are_no_order_numbers(text):
    assert rules.number_in(text) is None


def test_states_lead_nowhere_they_should_not():
    assert rules.advance("unpaid", "paid") == "paid"
    for state, following in [
        ("unpaid", "shipped"),
        ("cancelled", "unpaid"),
        ("refunded", "paid"),
        ("completed", "cancelled"),
    ]:
        with pytest.raises(WrongState):
            rules.advance(state, following)
    assert set(rules.TRANSITIONS) == set(rules.STATES)


def test_an_order_too_large_leaves_the_pieces_to_later_ones_that_fit():
    free = {(SKU, PLACE): 5}
    answers = [rules.take(free, {(SKU, PLACE): wanted}) for wanted in (3, 9, 2, 1)]
    assert answers == [None, (SKU, PLACE), None, (SKU, PLACE)]
    assert free[SKU, PLACE] == 0


def test_an_order_takes_all_of_its_lines_or_nothing():
    free = {(SKU, PLACE): 5, (OTHER, PLACE): 1}
    assert rules.take(free, {(SKU, PLACE): 2, (OTHER, PLACE): 2}) == (OTHER, PLACE)
    assert free == {(SKU, PLACE): 5, (OTHER, PLACE): 1}


@given(st.integers(0, 10**9), st.integers(1, 40), st.data())
def test_any_split_of_a_line_refunds_exactly_what_it_cost(line_minor, quantity, data):
    refunded, before = 0, 0
    while before < quantity:
        pieces = data.draw(st.integers(1, quantity - before))
        amount = rules.refund_share(line_minor, quantity, before, pieces)
        assert abs(amount * quantity - line_minor * pieces) < quantity
        refunded, before = refunded + amount, before + pieces
    assert refunded == line_minor


def line(
    quantity: int, refunded: int = 0, shipped: int = 0, released: int = 0, minor: int = 1000
) -> RefundableLine:
    return RefundableLine(LINE, quantity, minor, refunded, shipped, released)


def test_pieces_that_were_not_shipped_go_back_first():
    made = rules.refund([line(5, shipped=3)], {LINE: 4})
    assert (made.lines[0].released, made.amount_minor) == (2, 800)
    again = rules.refund([line(5, refunded=4, shipped=3, released=2)], {LINE: 1})
    assert (again.lines[0].released, again.amount_minor) == (0, 200)


@pytest.mark.parametrize(
    ("pieces", "freight"),
    [({LINE: 4}, 0), ({SECOND: 1}, 0), ({LINE: 0}, 0), ({}, 0), ({}, 501), ({LINE: 1}, -1)],
)
def test_more_than_is_left_cannot_be_refunded(pieces, freight):
    with pytest.raises(NothingLeftToRefund):
        rules.refund([line(5, refunded=2)], pieces, freight_minor=freight, freight_left_minor=500)


def test_freight_alone_can_be_refunded_up_to_what_is_left_of_it():
    assert (
        rules.refund([line(5)], {}, freight_minor=500, freight_left_minor=500).amount_minor == 500
    )


def test_what_may_be_done_follows_from_the_state():
    def may(state, delivery="express", unshipped=2, shipped=0, refundable=True):
        return set(
            rules.staff_may(
                state, delivery, unshipped=unshipped, shipped=shipped, refundable=refundable
            )
        )

    assert may("unpaid") == {"note", "cancel", "change_price", "change_address"}
    assert may("paid") == {"note", "cancel", "ship", "refund", "change_address"}
    assert may("shipped", unshipped=1, shipped=1) == {"note", "ship", "refund"}
    assert may("ready", "pick_up") == {"note", "cancel", "pick_up", "refund"}
    assert may("refunded", refundable=False) == may("cancelled", refundable=False) == {"note"}
    assert rules.shopper_may("unpaid", "express", unshipped=1, shipped=0) == ["pay", "cancel"]
    assert rules.shopper_may("shipped", "express", unshipped=1, shipped=1) == []
    assert rules.shopper_may("shipped", "express", unshipped=0, shipped=2) == ["received"]
