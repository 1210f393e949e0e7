"""The price engine: every fen belongs to a line or to freight, whatever happens on the way."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.goods.pricing.rules import (
    LABELS,
    STAGES,
    FreightRule,
    Line,
    LinePrice,
    NotDelivered,
    Off,
    TooLarge,
    UnitPrice,
    change_line,
    freight,
    price,
)
from siyu.kernel.money import MAX_MINOR

lines = st.lists(st.builds(Line, st.integers(1, 50), st.integers(0, 10**7)), min_size=1, max_size=6)


@st.composite
def baskets(draw: Any) -> tuple[list[Line], list[Any], int, int]:
    wanted = draw(lines)
    at = st.integers(0, len(wanted) - 1)
    some = st.lists(at, unique=True, max_size=len(wanted)).map(tuple)
    unit = st.builds(
        UnitPrice,
        st.sampled_from(["channel", "member", "campaign"]),
        at,
        st.integers(0, 10**7),
        st.text(max_size=3),
    )
    off = st.builds(
        Off,
        st.sampled_from(["line_promotion", "order_promotion", "coupon", "tender"]),
        st.integers(0, 10**9),
        some,
        st.text(max_size=3),
    )
    by_hand = st.builds(LinePrice, at, st.integers(0, 10**7))
    changes = draw(st.lists(st.one_of(unit, off, by_hand), max_size=8))
    return wanted, changes, draw(st.integers(0, 10**5)), draw(st.sampled_from([1, 10, 100]))


@given(baskets())
def test_lines_waterfall_and_total_always_tell_the_same_amount(basket):
    wanted, changes, freight_minor, rounding = basket
    priced = price(wanted, changes, freight_minor=freight_minor, rounding_minor=rounding)

    assert priced.goods_minor == sum(line.line_minor for line in priced.lines)
    assert (
        priced.total_minor
        == priced.goods_minor + priced.freight_minor
        == sum(s.amount_minor for s in priced.waterfall)
    )
    assert priced.freight_minor == freight_minor
    for line in priced.lines:
        assert line.line_minor == sum(step.amount_minor for step in line.steps) >= 0
    for stage in STAGES:
        of_lines = sum(
            s.amount_minor for line in priced.lines for s in line.steps if s.stage == stage
        )
        assert sum(s.amount_minor for s in priced.waterfall if s.stage == stage) == of_lines + (
            freight_minor if stage == "freight" else 0
        )


@given(baskets())
def test_stages_run_in_their_fixed_order_however_they_are_handed_in(basket):
    wanted, changes, freight_minor, rounding = basket
    order = [
        step.stage
        for step in price(
            wanted, changes, freight_minor=freight_minor, rounding_minor=rounding
        ).waterfall
    ]
    assert [STAGES.index(stage) for stage in order] == sorted(
        STAGES.index(stage) for stage in order
    )
    for line in price(wanted, changes, rounding_minor=rounding).lines:
        places = [STAGES.index(step.stage) for step in line.steps]
        assert places == sorted(places)


def test_an_amount_off_is_shared_by_what_lines_cost_and_never_takes_more_than_there_is():
    priced = price([Line(1, 300), Line(2, 100), Line(1, 1)], [Off("coupon", 100)])
    assert [line.line_minor for line in priced.lines] == [240, 160, 1]
    free = price([Line(1, 300)], [Off("order_promotion", 10_000)], freight_minor=800)
    assert (free.goods_minor, free.total_minor) == (0, 800)


def test_a_campaign_price_replaces_the_member_price_and_promotions_come_after_it():
    priced = price(
        [Line(2, 1000)],
        [Off("line_promotion", 100), UnitPrice("campaign", 0, 700), UnitPrice("member", 0, 900)],
    )
    assert [(s.stage, s.amount_minor) for s in priced.waterfall] == [
        ("list", 2000), ("member", -200), ("campaign", -400), ("line_promotion", -100),
    ]  # fmt: skip
    assert priced.lines[0].unit_minor == 700 and priced.total_minor == 1300


def test_a_price_beyond_the_books_is_refused():
    with pytest.raises(TooLarge):
        price([Line(999, MAX_MINOR)])


@given(lines, st.integers(0, 10**6), st.data())
def test_changing_a_line_by_hand_moves_nothing_else_and_changing_it_back_leaves_no_trace(
    wanted, freight_minor, data
):
    before = price(wanted, freight_minor=freight_minor)
    at = data.draw(st.integers(0, len(wanted) - 1))
    new = data.draw(st.integers(0, 10**8))
    changed = change_line(before.lines, before.waterfall, at, new, rule="staff", note={})
    assert (
        changed.total_minor
        == before.total_minor - before.lines[at].line_minor + new
        == sum(s.amount_minor for s in changed.waterfall)
    )
    assert (
        changed.lines[at].line_minor == new == sum(s.amount_minor for s in changed.lines[at].steps)
    )
    assert [x for i, x in enumerate(changed.lines) if i != at] == [
        x for i, x in enumerate(before.lines) if i != at
    ]
    back = change_line(
        changed.lines, changed.waterfall, at, before.lines[at].line_minor, rule="staff", note={}
    )
    assert back == before


def rule(codes: list[str], free: int | None = None, **fields: int) -> FreightRule:
    values = {"first_g": 1000, "first_minor": 800, "next_g": 500, "next_minor": 200} | fields
    return FreightRule(tuple(codes), free_from_minor=free, **values)


def test_the_longest_matching_region_decides_the_freight():
    rules = [
        rule([], first_minor=2000),
        rule(["33"], first_minor=600),
        rule(["330106"], first_minor=0),
    ]
    assert freight(rules, "330106", 1, 1) == 0
    assert freight(rules, "330102", 1, 1) == 600
    assert freight(rules, "110101", 1, 1) == 2000


def test_each_further_weight_begun_is_charged_and_enough_goods_travel_free():
    rules = [rule([], free=9900)]
    assert [freight(rules, "110101", g, 5000) for g in (0, 1000, 1001, 1500, 1501)] == [
        800,
        800,
        1000,
        1000,
        1200,
    ]
    assert freight(rules, "110101", 5000, 9900) == 0
    assert freight([rule([], next_g=0)], "110101", 90_000, 1) == 800


def test_a_region_that_no_rule_reaches_is_refused_but_no_rules_are_free_everywhere():
    with pytest.raises(NotDelivered) as refused:
        freight([rule(["11"])], "330106", 1, 1)
    assert refused.value.facts == {"district_code": "330106"}
    assert freight([], "330106", 10**6, 1) == 0


def test_every_stage_has_a_chinese_and_an_english_label():
    for stage in (*STAGES, "total"):
        assert LABELS[stage]["zh-CN"] and LABELS[stage]["en"]
