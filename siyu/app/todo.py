"""What waits for somebody, for the console's first page: gathered here because it comes from all over the house."""

from typing import Any, NamedTuple

from sqlalchemy import text

from siyu.insight.boards.http import TodoOut
from siyu.kernel import clock
from siyu.kernel.money import to_text
from siyu.people.staff import Desk

_COUNTS = """
with mine as (select * from orders where state in ('paid', 'ready') and (:all or store_id = any(cast(:stores as uuid[]))))
select (select count(*) from mine where state = 'paid' and ship_by < cast(:now as timestamptz)) as late,
       (select count(*) from mine where state = 'paid') as to_ship,
       (select count(*) from mine where state = 'ready') as to_hand_over,
       (select count(*) from order_refunds where :all and state = 'failed') as refunds,
       (select count(distinct (listener, subject)) from parked_events where :all) as parked,
       (select count(*) from jobs where :all and state = 'failed') as jobs,
       (select count(*) from stock_levels l join stock_locations p on p.id = l.location_id
         where :all and p.sells_online and l.on_hand - l.reserved - l.safety <= 0) as sold_out
"""

_WRONG_AMOUNTS = """
select o.id, o.number, w.asked_minor, w.paid_minor, o.currency
from order_wrong_amounts w join orders o on o.id = w.order_id
where (:all or o.store_id = any(cast(:stores as uuid[])))
  and not exists (select from order_notes n where n.order_id = w.order_id and n.at > w.reported_at)
order by w.reported_at, w.payment_id, w.paid_minor limit 10
"""


class Kind(NamedTuple):
    """A kind of thing that waits: its count's name, how pressing, title (zh, en of one, en of many), text (zh, en), page."""

    counted: str
    level: str
    title: tuple[str, str, str]
    text: tuple[str, str]
    path: str


# fmt: off
KINDS = (
    Kind("late", "zhu", ("{} 单已过发货时限", "{} order is past its ship-by time", "{} orders are past their ship-by time"), ("付款后 48 小时内要交给承运商", "Hand them to a carrier within 48 hours of payment"), "/orders?state=paid"),
    Kind("refunds", "zhu", ("{} 笔退款没有成功", "{} refund failed", "{} refunds failed"), ("钱还没有退到顾客手里", "The money has not reached the customer"), "/orders?state=refunded"),
    Kind("parked", "zhu", ("{} 个对象的事件被搁置", "Events of {} subject are parked", "Events of {} subjects are parked"), ("修好原因后可以重试", "Mend the cause, then retry"), "/parked-events"),
    Kind("jobs", "zhu", ("{} 个任务失败", "{} job failed", "{} jobs failed"), ("看看报告，可以接着跑", "Read the report; it can go on"), "/jobs?state=failed"),
    Kind("to_ship", "zhe", ("{} 单待发货", "{} order to ship", "{} orders to ship"), ("按付款先后处理", "Oldest payment first"), "/orders?state=paid"),
    Kind("to_hand_over", "zhe", ("{} 单待自提", "{} order to hand over", "{} orders to hand over"), ("顾客出示提货码即可核销", "Verify the customer's code"), "/orders?state=ready"),
    Kind("sold_out", "zhe", ("{} 个规格线上售罄", "{} SKU is sold out online", "{} SKUs are sold out online"), ("补货，或先下架", "Restock them or take them off sale"), "/stock?low=true"),
)
# fmt: on


async def todo(desk: Desk) -> list[TodoOut]:
    """What the person at the desk should act on: orders with a wrong amount one by one, then counts; nothing that is zero.

    Who sees some stores only is told of the orders of these stores, and of nothing else.
    """
    stores = await desk.unit_ids()
    bound = {"now": clock.now(), "all": stores is None, "stores": stores or []}
    (row,) = (await desk.session.execute(text(_COUNTS), bound)).mappings()
    wrong = await _wrong_amounts(desk, bound)
    return wrong + [
        TodoOut(
            kind.counted,
            int(row[kind.counted]),
            kind.level,
            {
                "zh-CN": kind.title[0].format(row[kind.counted]),
                "en": kind.title[1 if row[kind.counted] == 1 else 2].format(row[kind.counted]),
            },
            {"zh-CN": kind.text[0], "en": kind.text[1]},
            kind.path,
        )
        for kind in KINDS
        if row[kind.counted]
    ]


async def _wrong_amounts(desk: Desk, bound: dict[str, Any]) -> list[TodoOut]:
    """Orders for which a provider reported another amount, oldest first, ten at most; a note on the order ends it."""
    if not desk.may("orders.view"):
        return []
    rows = (await desk.session.execute(text(_WRONG_AMOUNTS), bound)).mappings()
    return [
        TodoOut(
            "wrong_amount",
            1,
            "zhu",
            {
                "zh-CN": f"订单 {row['number']} 的付款金额对不上",
                "en": f"Order {row['number']}: the amount paid is wrong",
            },
            {
                "zh-CN": f"应付 {to_text(row['asked_minor'], row['currency'])}，支付方报来 {to_text(row['paid_minor'], row['currency'])}，没有入账。核对后在订单上写备注",
                "en": f"Asked {to_text(row['asked_minor'], row['currency'])}, reported {to_text(row['paid_minor'], row['currency'])}, not booked. Compare, then write a note on the order",
            },
            f"/orders/{row['id']}",
        )
        for row in rows
    ]
