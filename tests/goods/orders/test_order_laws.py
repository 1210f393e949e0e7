"""Laws of orders that no single example shows: states, the last pieces, refunds."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from siyu.goods.orders import rules
from siyu.goods.orders.rules import RefundableLine

places = st.tuples(
    st.integers(1, 4).map(lambda n: UUID(int=n)), st.integers(9, 10).map(lambda n: UUID(int=n))
)
orders = st.dictionaries(places, st.integers(1, 6), min_size=1, max_size=4)


@given(st.dictionaries(places, st.integers(0, 12), max_size=8), st.lists(orders, max_size=12))
def test_pieces_are_neither_made_nor_lost_and_none_is_promised_twice(free, wanted):
    before, taken = dict(free), dict.fromkeys(free, 0)
    for one in wanted:
        left = dict(free)
        short = rules.take(free, one)
        if short is None:
            for place, quantity in one.items():
                taken[place] += quantity
        else:
            assert free == left and left.get(short, 0) < one[short]
    assert all(quantity >= 0 for quantity in free.values())
    assert {place: free[place] + taken[place] for place in before} == before


@given(st.dictionaries(places, st.integers(0, 12), max_size=8), orders)
def test_an_order_is_refused_only_when_a_place_really_has_too_few(free, wanted):
    enough = all(free.get(place, 0) >= quantity for place, quantity in wanted.items())
    assert (rules.take(dict(free), wanted) is None) == enough


@st.composite
def ordered(draw: st.DrawFn) -> list[RefundableLine]:
    lines = []
    for at in range(draw(st.integers(1, 4))):
        quantity = draw(st.integers(1, 12))
        shipped = draw(st.integers(0, quantity))
        lines.append(
            RefundableLine(UUID(int=at), quantity, draw(st.integers(0, 10**7)), 0, shipped, 0)
        )
    return lines


@given(ordered(), st.integers(0, 10**4), st.data())
def test_refunds_of_any_pieces_in_any_steps_give_back_the_order_exactly(lines, freight, data):
    """Until nothing is left; unshipped pieces are released once each, and freight goes back once."""
    paid = sum(line.line_minor for line in lines) + freight
    unshipped = sum(line.quantity - line.shipped_quantity for line in lines)
    back = released = 0
    while left := rules.everything_left(lines):
        chosen = data.draw(
            st.dictionaries(st.sampled_from(sorted(left)), st.integers(1, 12), min_size=1)
        )
        pieces = {line: min(wanted, left[line]) for line, wanted in chosen.items()}
        part = data.draw(st.integers(0, freight))
        made = rules.refund(lines, pieces, freight_minor=part, freight_left_minor=freight)
        assert made.amount_minor == sum(one.amount_minor for one in made.lines) + part
        assert all(
            one.amount_minor >= 0 and 0 <= one.released <= one.quantity for one in made.lines
        )
        back, freight = back + made.amount_minor, freight - part
        released += sum(one.released for one in made.lines)
        refunded = {one.line_id: one for one in made.lines}
        lines = [after(line, refunded.get(line.line_id)) for line in lines]
    assert back + freight == paid
    assert released == unshipped


def after(line: RefundableLine, part: rules.RefundedLine | None) -> RefundableLine:
    if part is None:
        return line
    return RefundableLine(
        line.line_id, line.quantity, line.line_minor, line.refunded_quantity + part.quantity,
        line.shipped_quantity, line.released_quantity + part.released,
    )  # fmt: skip


states = st.sampled_from(rules.STATES)


@given(st.lists(states, max_size=12), states)
def test_no_path_leads_out_of_the_end_nor_back_to_the_beginning(wishes, first):
    state, been = first, [first]
    for wish in wishes:
        if rules.may_become(state, wish):
            state = rules.advance(state, wish)
            been.append(state)
    assert "unpaid" not in been[1:]
    if "refunded" in been:
        assert been[-1] == "refunded" and been.count("refunded") == 1


@given(
    states, st.sampled_from(["express", "pick_up"]), st.integers(0, 9), st.integers(0, 9),
    st.booleans(),
)  # fmt: skip
def test_what_is_offered_can_be_done(state, delivery, unshipped, shipped, refundable):
    """No button that the state would refuse: every offered action has a transition, or changes none."""
    leads = {"pay": "paid", "received": "completed", "ship": "shipped", "pick_up": "completed"}
    may = rules.staff_may(
        state, delivery, unshipped=unshipped, shipped=shipped, refundable=refundable
    ) + rules.shopper_may(state, delivery, unshipped=unshipped, shipped=shipped)
    for action in may:
        if action in leads and state != leads[action]:
            assert rules.may_become(state, leads[action]), (state, action)
        if action == "cancel":
            assert not shipped or state == "unpaid"
            assert rules.may_become(state, "cancelled") or rules.may_become(state, "refunded")
        if action == "refund":  # at the end: freight that was kept
            assert refundable and (state == "refunded" or rules.may_become(state, "refunded"))
    if state in ("cancelled", "refunded"):
        assert set(may) - {"refund"} <= {"note"}
        assert "refund" not in may or state == "refunded"
