"""What each figure means, and the small arithmetic around it. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from siyu.kernel.errors import Refusal

MAX_DAYS = 400
STEPS = ("visit", "product", "cart", "order", "paid")

DEFINITIONS: dict[str, dict[str, str]] = {
    "net_sales": {
        "zh-CN": "净销售额：期内到账的订单金额（含运费），减去期内同意退的金额。",
        "en": "Net sales: money of orders paid in the period (freight included) less refunds agreed in the period.",
    },
    "paid_orders": {
        "zh-CN": "付款订单：期内付清的订单数。",
        "en": "Paid orders: orders paid in full in the period.",
    },
    "customers": {
        "zh-CN": "付款客户：期内至少付过一单的人数，每人只算一次。",
        "en": "Customers: people who paid at least one order in the period, each counted once.",
    },
    "average_order": {
        "zh-CN": "客单价：期内到账金额除以付款订单数，不减退款。",
        "en": "Average order: money of orders paid in the period divided by their number, refunds not deducted.",
    },
    "conversion": {
        "zh-CN": "转化率：期内在自有商城付款的客户数除以来访人数（同意隐私说明的访客，按设备去重）；收银台和外部平台的订单不算。",
        "en": "Conversion: customers who paid in the own shop divided by visitors (devices whose owner agreed to the privacy notice); tills and marketplaces do not count.",
    },
    "refund_rate": {
        "zh-CN": "退款率：期内同意退的金额除以期内到账金额。",
        "en": "Refund rate: refunds agreed in the period divided by money of orders paid in the period.",
    },
}


class BadPeriod(Refusal):
    """The period is empty, upside down or too long."""

    code = "boards.bad_period"
    status = 422
    detail = f"Choose a period of 1 to {MAX_DAYS} days that does not end before it begins."


def period(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """The asked period, by default the 30 days up to today. Raises ``BadPeriod``."""
    last = last or today
    first = first or last - timedelta(days=29)
    if first > last or (last - first).days >= MAX_DAYS:
        raise BadPeriod(first=str(first), last=str(last))
    return first, last


def before(first: date, last: date) -> tuple[date, date]:
    """The period of the same length that ends the day before."""
    length = last - first
    return first - length - timedelta(days=1), first - timedelta(days=1)


def days_of(first: date, last: date) -> list[date]:
    """Every day of a period."""
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def rate_bp(part: int, whole: int) -> int | None:
    """Part / whole in basis points, ``None`` when there is no whole."""
    return round(part * 10_000 / whole) if whole else None


def step_rates(counts: Sequence[int]) -> list[int | None]:
    """Each step's share of the step before it, in basis points; the first has none."""
    return [
        None,
        *(rate_bp(now, earlier) for earlier, now in pairwise(counts)),
    ]
