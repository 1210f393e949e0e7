"""What waits for somebody, for the console's first page: gathered here because it comes from all over the house."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.insight.boards.http import TodoOut
from siyu.kernel import clock

_COUNTS = """
select (select count(*) from orders where state = 'paid' and ship_by < cast(:soon as timestamptz)) as late,
       (select count(*) from orders where state = 'paid') as to_ship,
       (select count(*) from orders where state = 'ready') as to_hand_over,
       (select count(*) from order_refunds where state = 'failed') as refunds,
       (select count(distinct (listener, subject)) from parked_events) as parked,
       (select count(*) from jobs where state = 'failed') as jobs,
       (select count(*) from stock_levels l join stock_locations p on p.id = l.location_id
         where p.sells_online and l.on_hand - l.reserved - l.safety <= 0) as sold_out
"""


async def todo(session: AsyncSession) -> list[TodoOut]:
    """Counts that a person should act on, in one question; nothing that is zero."""
    soon = clock.now().replace(microsecond=0)
    (row,) = (await session.execute(text(_COUNTS), {"soon": soon})).mappings()
    out: list[TodoOut] = []

    def add(kind: str, level: str, zh: str, en: str, text_zh: str, text_en: str, path: str) -> None:
        if count := int(row[kind]):
            out.append(
                TodoOut(
                    kind, count, level, {"zh-CN": zh.format(count), "en": en.format(count)}, {"zh-CN": text_zh, "en": text_en}, path
                )
            )

    add("late", "zhu", "{} 单已过发货时限", "{} orders are past their ship-by time", "付款后 48 小时内要交给承运商", "Hand them to a carrier within 48 hours of payment", "/orders?state=paid")
    add("refunds", "zhu", "{} 笔退款没有成功", "{} refunds failed", "钱还没有退到顾客手里", "The money has not reached the customer", "/orders?state=refunded")
    add("parked", "zhu", "{} 个对象的事件被搁置", "Events of {} subjects are parked", "修好原因后可以重试", "Mend the cause, then retry", "/parked-events")
    add("jobs", "zhu", "{} 个任务失败", "{} jobs failed", "看看报告，可以接着跑", "Read the report; it can go on", "/jobs?state=failed")
    add("to_ship", "zhe", "{} 单待发货", "{} orders to ship", "按付款先后处理", "Oldest payment first", "/orders?state=paid")
    add("to_hand_over", "zhe", "{} 单待自提", "{} orders to hand over", "顾客出示提货码即可核销", "Verify the customer's code", "/orders?state=ready")
    add("sold_out", "zhe", "{} 个规格线上售罄", "{} SKUs are sold out online", "补货，或先下架", "Restock them or take them off sale", "/stock?low=true")
    return out
