"""Laws of freight, whatever the template, the parcel and the address."""

from hypothesis import assume, given
from hypothesis import strategies as st

from siyu.goods.pricing.rules import FreightRule, Line, Off, PricedLine, freight, price

districts = st.integers(110_000, 659_999).map(str)
regions = st.one_of(districts, districts.map(lambda d: d[:4]), districts.map(lambda d: d[:2]))
rules = st.builds(
    FreightRule,
    st.lists(regions, max_size=4).map(tuple),
    st.integers(0, 5_000),
    st.integers(0, 10**5),
    st.integers(0, 5_000),
    st.integers(0, 10**5),
    st.none() | st.integers(0, 10**6),
)
EVERYWHERE = FreightRule((), 1000, 800, 500, 200, None)
templates = st.lists(rules, max_size=5).map(lambda some: [*some, EVERYWHERE])
weights, goods = st.integers(0, 200_000), st.integers(0, 10**7)


@given(templates, districts, weights, goods)
def test_freight_is_never_negative(template, district, weight, minor):
    assert freight(template, district, weight, minor) >= 0


@given(templates, districts, weights, weights, goods)
def test_a_heavier_parcel_never_travels_cheaper(template, district, weight, more, minor):
    light = freight(template, district, weight, minor)
    assert light <= freight(template, district, weight + more, minor)


@given(templates, districts, weights, goods, goods)
def test_dearer_goods_never_pay_more_freight(template, district, weight, minor, more):
    """Thresholds only ever set free; that is what a shopper who adds a piece relies on."""
    assert freight(template, district, weight, minor + more) <= freight(
        template, district, weight, minor
    )


@given(templates, districts, weights, goods, rules)
def test_a_rule_for_other_regions_changes_nothing(template, district, weight, minor, other):
    assume(other.region_codes and not any(district.startswith(c) for c in other.region_codes))
    before = freight(template, district, weight, minor)
    assert freight([*template, other], district, weight, minor) == before
    assert freight([other, *template], district, weight, minor) == before


@given(templates, districts, weights, goods, st.permutations(range(6)))
def test_the_order_of_rules_does_not_matter_when_no_region_is_named_twice(
    template, district, weight, minor, order
):
    seen: set[str] = set()
    for rule in template:
        codes = set(rule.region_codes or ("",))
        assume(not codes & seen)
        seen |= codes
    turned = [template[at] for at in order if at < len(template)]
    assert freight(turned, district, weight, minor) == freight(template, district, weight, minor)


@given(districts, weights, goods)
def test_two_parcels_never_travel_cheaper_than_one(district, weight, minor):
    together = freight([EVERYWHERE], district, 2 * weight, minor)
    assert together <= 2 * freight([EVERYWHERE], district, weight, minor)


# ── What a price promises beyond adding up ────────────────────────────────────────────────────────

lines = st.lists(st.builds(Line, st.integers(1, 50), st.integers(0, 10**7)), min_size=1, max_size=6)
offs = st.sampled_from(["line_promotion", "order_promotion", "coupon", "tender"])


@given(lines, st.lists(st.tuples(offs, st.integers(0, 10**8)), max_size=4), st.integers(0, 10**5))
def test_amounts_off_never_raise_a_line_nor_lower_it_below_nothing(wanted, changes, freight_minor):
    priced = price(wanted, [Off(*one) for one in changes], freight_minor=freight_minor)
    for line, before in zip(priced.lines, wanted, strict=True):
        assert 0 <= line.line_minor <= before.quantity * before.list_minor
    off = sum(amount for _, amount in changes)
    whole = sum(line.quantity * line.list_minor for line in wanted)
    assert priced.goods_minor == max(0, whole - off)


@given(lines, offs, st.integers(0, 10**8))
def test_a_larger_coupon_never_makes_any_line_dearer(wanted, stage, amount):
    def costs(off: int) -> list[PricedLine]:
        return list(price(wanted, [Off(stage, off)]).lines)

    whole = sum(line.quantity * line.list_minor for line in wanted)
    less, more = costs(min(amount, whole) // 2), costs(min(amount, whole))
    assert sum(line.line_minor for line in more) <= sum(line.line_minor for line in less)


@given(lines, st.integers(0, 10**5), st.sampled_from([10, 100]))
def test_rounding_takes_less_than_its_step_and_only_downwards(wanted, freight_minor, step):
    exact = price(wanted, freight_minor=freight_minor)
    rounded = price(wanted, freight_minor=freight_minor, rounding_minor=step)
    assert 0 <= exact.total_minor - rounded.total_minor < step
    assert rounded.total_minor % step == 0 or rounded.goods_minor == 0
    assert rounded.freight_minor == freight_minor
