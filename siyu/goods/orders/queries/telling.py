"""An order's history, told from its events."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel.db import driver_of
from siyu.kernel.money import to_text

LocaleText = dict[str, str]
Tell = Callable[[dict[str, Any]], LocaleText]


class TimelineItem(Struct):
    """One thing that happened. ``source``: money · touch · behaviour · system · staff."""

    at: datetime
    kind: str
    text: LocaleText
    source: str
    actor: str


class Telling(Struct, frozen=True):
    """How a kind of event is told, and whether shoppers hear it too."""

    tell: Tell
    source: str
    shopper: bool


tellings: dict[str, Telling] = {}


def told(kind: str, source: str, tell: Tell, *, shopper: bool = False) -> None:
    """Register the sentence for a kind of event whose subject is an order (modules above add theirs)."""
    assert kind not in tellings, f"two sentences for {kind}"
    tellings[kind] = Telling(tell, source, shopper)


async def timeline(
    session: AsyncSession, order_id: UUID, *, shopper: bool = False
) -> list[TimelineItem]:
    """What happened to an order, newest first; one round trip."""
    return await timelines(session, [order_id], shopper=shopper)


async def timelines(
    session: AsyncSession, order_ids: Sequence[UUID], *, shopper: bool = False, limit: int = 200
) -> list[TimelineItem]:
    """What happened to some orders, newest first, at most ``limit`` things."""
    kinds = [kind for kind, telling in tellings.items() if telling.shopper or not shopper]
    rows = await (await driver_of(session)).fetch(
        """select kind, occurred_at, actor::text as actor, data::text as data from events
           where subject = any($1::uuid[]) and kind = any($2::text[])
           order by occurred_at desc, seq desc limit $3""",
        list(order_ids),
        kinds,
        limit,
    )
    items: list[TimelineItem] = []
    for row in rows:
        telling = tellings[row["kind"]]
        actor = msgspec.json.decode(row["actor"])
        by_staff = actor.get("kind") == "staff"
        items.append(
            TimelineItem(
                row["occurred_at"],
                row["kind"].split("/")[0],
                telling.tell(msgspec.json.decode(row["data"])),
                "staff" if by_staff else telling.source,
                str(actor.get("name") or "") if by_staff else "",
            )
        )
    return items


def _money(data: dict[str, Any], field: str) -> str:
    whole, _, rest = to_text(int(data[field])).partition(".")
    sign = "" if (data.get("currency") or "CNY") == "CNY" else f"{data['currency']} "
    return f"{sign or '¥'}{int(whole):,}.{rest}"


def _refund(data: dict[str, Any]) -> LocaleText:
    amount = _money(data, "amount_minor")
    return {"zh-CN": f"同意退款 {amount}", "en": f"Refund of {amount} agreed"}


def _settled(data: dict[str, Any]) -> LocaleText:
    amount = _money(data, "amount_minor")
    if data["state"] == "succeeded":
        return {"zh-CN": f"退款 {amount} 已到账", "en": f"Refund of {amount} has arrived"}
    return {
        "zh-CN": f"退款 {amount} 失败，请人工处理",
        "en": f"Refund of {amount} failed: a person has to look",
    }


_CANCELLED = {
    "shopper": {"zh-CN": "顾客取消了订单", "en": "The customer cancelled the order"},
    "staff": {"zh-CN": "店员取消了订单", "en": "Staff cancelled the order"},
    "timeout": {
        "zh-CN": "超时未支付，订单已取消",
        "en": "Not paid in time, the order was cancelled",
    },
}
_COMPLETED = {
    "shopper": {"zh-CN": "顾客确认收货", "en": "The customer confirmed receipt"},
    "staff": {"zh-CN": "已自提，订单完成", "en": "Picked up, the order is complete"},
    "carrier": {"zh-CN": "包裹已签收，订单完成", "en": "Parcels signed for, the order is complete"},
    "timeout": {"zh-CN": "超时自动确认收货", "en": "Receipt confirmed automatically"},
}

told(
    "orders.placed/1",
    "money",
    lambda d: {
        "zh-CN": f"下单，应付 {_money(d, 'total_minor')}",
        "en": f"Placed, {_money(d, 'total_minor')} to pay",
    },
    shopper=True,
)
told(
    "orders.paid/1",
    "money",
    lambda d: {
        "zh-CN": f"已支付 {_money(d, 'paid_minor')}" + ("（逾期到账）" if d.get("late") else ""),
        "en": f"Paid {_money(d, 'paid_minor')}" + (" (late)" if d.get("late") else ""),
    },
    shopper=True,
)
told(
    "orders.cancelled/1",
    "system",
    lambda d: _CANCELLED.get(d["by"], _CANCELLED["staff"]),
    shopper=True,
)
told(
    "orders.completed/1",
    "system",
    lambda d: _COMPLETED.get(d["by"], _COMPLETED["staff"]),
    shopper=True,
)
told(
    "orders.price_changed/1",
    "staff",
    lambda d: {
        "zh-CN": f"改价：{_money(d, 'total_before_minor')} → {_money(d, 'total_minor')}",
        "en": f"Price changed: {_money(d, 'total_before_minor')} → {_money(d, 'total_minor')}",
    },
    shopper=True,
)
told("orders.refund_agreed/1", "money", _refund, shopper=True)
told("orders.refund_settled/1", "money", _settled, shopper=True)
told(
    "orders.extra_payment_returned/1",
    "money",
    lambda d: {
        "zh-CN": f"多付的 {_money(d, 'amount_minor')} 原路退回",
        "en": f"{_money(d, 'amount_minor')} paid in excess is sent back",
    },
    shopper=True,
)
told(
    "payments.wrong_amount/1",
    "money",
    lambda d: {
        "zh-CN": f"支付方报来 {_money(d, 'paid_minor')}，应付 {_money(d, 'asked_minor')}：没有入账，请人工核对",
        "en": f"The payment provider reports {_money(d, 'paid_minor')} where {_money(d, 'asked_minor')} was asked for:"
        " not booked, a person has to compare",
    },
)
told("orders.noted/1", "staff", lambda _: {"zh-CN": "添加了备注", "en": "A note was added"})
told(
    "orders.address_changed/1",
    "staff",
    lambda _: {"zh-CN": "修改了收货地址", "en": "The address was changed"},
    shopper=True,
)
