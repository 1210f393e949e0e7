"""What something costs, and why: fixed stages, exact amounts, one pure function.

The stages always run in the order of ``STAGES``: list → channel or store → member or contract → campaign →
promotions of lines → promotions of the order → coupon → points and stored value → freight → manual →
rounding. The first four set the price of one piece; the later ones take amounts off, spread over the lines
by what they still cost, so that every fen of the total belongs to a line or to freight.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from siyu.kernel.errors import Refusal
from siyu.kernel.money import MAX_MINOR, share

Stage = Literal[
    "list",
    "channel",
    "member",
    "campaign",
    "line_promotion",
    "order_promotion",
    "coupon",
    "tender",
    "freight",
    "manual",
    "rounding",
]
STAGES: tuple[Stage, ...] = (
    "list",
    "channel",
    "member",
    "campaign",
    "line_promotion",
    "order_promotion",
    "coupon",
    "tender",
    "freight",
    "manual",
    "rounding",
)
UNIT_STAGES = frozenset({"channel", "member", "campaign"})
OFF_STAGES = frozenset({"line_promotion", "order_promotion", "coupon", "tender"})

LABELS: dict[str, dict[str, str]] = {
    "list": {"zh-CN": "商品原价", "en": "List price"},
    "channel": {"zh-CN": "门店价", "en": "Store price"},
    "member": {"zh-CN": "会员价", "en": "Member price"},
    "campaign": {"zh-CN": "活动价", "en": "Campaign price"},
    "line_promotion": {"zh-CN": "单品优惠", "en": "Item promotion"},
    "order_promotion": {"zh-CN": "整单优惠", "en": "Order promotion"},
    "coupon": {"zh-CN": "优惠券", "en": "Coupon"},
    "tender": {"zh-CN": "积分与储值", "en": "Points and stored value"},
    "freight": {"zh-CN": "运费", "en": "Freight"},
    "manual": {"zh-CN": "人工改价", "en": "Price changed by staff"},
    "rounding": {"zh-CN": "抹零", "en": "Rounding"},
    "total": {"zh-CN": "应付", "en": "To pay"},
}


class Line(Struct, frozen=True):
    """A number of equal pieces at the catalogue's price of one piece."""

    quantity: int
    list_minor: int


class UnitPrice(Struct, frozen=True):
    """One piece of a line now costs this much (channel, member, campaign). It may be more than before."""

    stage: Stage
    line: int
    unit_minor: int
    rule: str = ""
    note: dict[str, str] = {}


class Off(Struct, frozen=True):
    """An amount off some lines (all when empty), spread by what they cost at that point."""

    stage: Stage
    amount_minor: int
    lines: tuple[int, ...] = ()
    rule: str = ""
    note: dict[str, str] = {}


class LinePrice(Struct, frozen=True):
    """The whole line now costs this much, by a person's decision; stage ``manual``."""

    line: int
    line_minor: int
    rule: str = ""
    note: dict[str, str] = {}


Adjustment = UnitPrice | Off | LinePrice


class Step(Struct, frozen=True):
    """What one stage did to one line; the steps of a line add up to what it costs."""

    stage: str
    amount_minor: int
    rule: str = ""


class PricedLine(Struct, frozen=True):
    """``unit_minor`` is the price of one piece before amounts are taken off; ``line_minor`` the whole line after all."""

    quantity: int
    list_minor: int
    unit_minor: int
    line_minor: int
    steps: tuple[Step, ...]


class Waterfall(Struct, frozen=True):
    """What one stage did to the whole order; all amounts together are the total."""

    stage: str
    amount_minor: int
    rule: str = ""
    note: dict[str, str] = {}


class Priced(Struct, frozen=True):
    """``total_minor`` = ``goods_minor`` (sum of the lines) + ``freight_minor`` = sum of the waterfall."""

    lines: tuple[PricedLine, ...]
    waterfall: tuple[Waterfall, ...]
    goods_minor: int
    freight_minor: int
    total_minor: int


class TooLarge(Refusal):
    """The amount is beyond what the books can hold."""

    code = "pricing.too_large"
    status = 422
    detail = "The amount is too large. Order fewer pieces."


def price(
    lines: Sequence[Line],
    adjustments: Sequence[Adjustment] = (),
    *,
    freight_minor: int = 0,
    rounding_minor: int = 1,
) -> Priced:
    """What the lines cost together, stage by stage; nothing ever becomes negative.

    Within a stage adjustments act in the order given; an amount off that is larger than what its lines still
    cost takes only that. ``rounding_minor`` rounds the total down to a multiple of it (100 = whole yuan), as far
    as the goods can carry it. Raises ``TooLarge`` beyond ``money.MAX_MINOR``.
    """
    assert lines and freight_minor >= 0 and rounding_minor > 0
    costs = [line.list_minor * line.quantity for line in lines]
    list_minor = sum(costs)
    if list_minor > MAX_MINOR or freight_minor > MAX_MINOR:
        raise TooLarge
    units = [line.list_minor for line in lines]
    steps = [[Step("list", cost)] for cost in costs]
    waterfall = [Waterfall("list", list_minor)]
    if adjustments:
        _adjust(lines, adjustments, units, costs, steps, waterfall)
    if freight_minor:
        waterfall.insert(_place_of_freight(waterfall), Waterfall("freight", freight_minor))
    goods_minor = sum(costs)
    loose = min((goods_minor + freight_minor) % rounding_minor, goods_minor)
    if loose:
        _spread(Off("manual", loose), costs, steps, waterfall, stage="rounding")
        goods_minor -= loose
    if goods_minor + freight_minor > MAX_MINOR:
        raise TooLarge
    return Priced(
        tuple(
            PricedLine(line.quantity, line.list_minor, unit, cost, tuple(step))
            for line, unit, cost, step in zip(lines, units, costs, steps, strict=True)
        ),
        tuple(waterfall),
        goods_minor,
        freight_minor,
        goods_minor + freight_minor,
    )


def _adjust(
    lines: Sequence[Line],
    adjustments: Sequence[Adjustment],
    units: list[int],
    costs: list[int],
    steps: list[list[Step]],
    waterfall: list[Waterfall],
) -> None:
    for stage in STAGES:
        for change in adjustments:
            if (change.stage if not isinstance(change, LinePrice) else "manual") != stage:
                continue
            if isinstance(change, Off):
                assert stage in OFF_STAGES, f"no amount can be taken off at stage {stage}"
                _spread(change, costs, steps, waterfall, stage=stage)
                continue
            at = change.line
            if isinstance(change, UnitPrice):
                assert stage in UNIT_STAGES and change.unit_minor >= 0
                units[at], cost = change.unit_minor, change.unit_minor * lines[at].quantity
            else:
                assert change.line_minor >= 0
                cost = change.line_minor
            if cost > MAX_MINOR:
                raise TooLarge
            if cost != costs[at]:
                steps[at].append(Step(stage, cost - costs[at], change.rule))
                _add(waterfall, Waterfall(stage, cost - costs[at], change.rule, change.note))
                costs[at] = cost


def _spread(
    change: Off,
    costs: list[int],
    steps: list[list[Step]],
    waterfall: list[Waterfall],
    *,
    stage: str,
) -> None:
    among = change.lines or range(len(costs))
    still = sum(costs[at] for at in among)
    amount = min(change.amount_minor, still)
    assert change.amount_minor >= 0 and len(set(among)) == len(among)
    if not amount:
        return
    for at, part in zip(among, share(amount, [costs[at] for at in among]), strict=True):
        if part:
            costs[at] -= part
            steps[at].append(Step(stage, -part, change.rule))
    _add(waterfall, Waterfall(stage, -amount, change.rule, change.note))


def _add(waterfall: list[Waterfall], step: Waterfall) -> None:
    """One step for a stage and rule, even when it touched several lines."""
    for at, earlier in enumerate(waterfall):
        if earlier.stage == step.stage and earlier.rule == step.rule and earlier.note == step.note:
            amount = earlier.amount_minor + step.amount_minor
            waterfall[at] = Waterfall(step.stage, amount, step.rule, step.note)
            return
    waterfall.append(step)


def _place_of_freight(waterfall: Sequence[Waterfall]) -> int:
    for at, step in enumerate(waterfall):
        if step.stage in ("manual", "rounding"):
            return at
    return len(waterfall)


class FreightRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Price of a parcel to some regions: the first weight, then each further weight begun."""

    region_codes: tuple[str, ...]
    """Prefixes of 2, 4 or 6 digits of the district code; empty = everywhere."""
    first_g: int
    first_minor: int
    next_g: int
    next_minor: int
    free_from_minor: int | None
    """Free when the goods cost at least this much."""


class NotDelivered(Refusal):
    """No rule of the freight template reaches the address; ``facts``: district_code."""

    code = "pricing.not_delivered"
    detail = "The shop does not deliver to this region. Choose another address or pick-up."


def freight(
    rules: Sequence[FreightRule], district_code: str, weight_g: int, goods_minor: int
) -> int:
    """What it costs to send goods of this weight and amount there, by the rule with the longest matching prefix.

    No rules at all = free everywhere. Raises ``NotDelivered`` when there are rules and none matches.
    """
    assert weight_g >= 0 and goods_minor >= 0
    if not rules:
        return 0
    best, best_length = None, -1
    for rule in rules:
        for prefix in rule.region_codes or ("",):
            if len(prefix) > best_length and district_code.startswith(prefix):
                best, best_length = rule, len(prefix)
    if best is None:
        raise NotDelivered(district_code=district_code)
    if best.free_from_minor is not None and goods_minor >= best.free_from_minor:
        return 0
    more_g = max(0, weight_g - best.first_g)
    return best.first_minor + (-(-more_g // best.next_g) * best.next_minor if best.next_g else 0)


def change_line(
    lines: Sequence[PricedLine],
    waterfall: Sequence[Waterfall],
    at: int,
    line_minor: int,
    *,
    rule: str,
    note: dict[str, str],
) -> Priced:
    """A frozen price with one line set to another amount by a person; every other amount stays as it was.

    A line that was changed before forgets that change. Raises ``TooLarge``.
    """
    assert line_minor >= 0
    before = lines[at]
    kept = tuple(step for step in before.steps if step.stage != "manual")
    change = line_minor - sum(step.amount_minor for step in kept)
    steps = (*kept, Step("manual", change, rule)) if change else kept
    changed = PricedLine(before.quantity, before.list_minor, before.unit_minor, line_minor, steps)
    after = (*lines[:at], changed, *lines[at + 1 :])
    by_hand = sum(
        step.amount_minor for line in after for step in line.steps if step.stage == "manual"
    )
    others = [step for step in waterfall if step.stage != "manual"]
    if by_hand:
        place = next((i for i, step in enumerate(others) if step.stage == "rounding"), len(others))
        others.insert(place, Waterfall("manual", by_hand, rule, note))
    freight_minor = sum(step.amount_minor for step in others if step.stage == "freight")
    goods_minor = sum(line.line_minor for line in after)
    if goods_minor + freight_minor > MAX_MINOR:
        raise TooLarge
    return Priced(after, tuple(others), goods_minor, freight_minor, goods_minor + freight_minor)
