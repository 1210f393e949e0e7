"""What customers are told about their orders: kinds of notices with their texts, and the events they hang on.

It stands here because it knows both sides: ``notices`` knows people and no goods, goods know no notices. Live events
only: what was imported or made for the demo tells nobody.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import orders
from siyu.goods.fulfilment import CARRIERS, ParcelShipped, PickUpReady, fulfilled
from siyu.goods.orders import Brief, OrderPaid, RefundSettled
from siyu.kernel.events import on
from siyu.kernel.money import to_text
from siyu.people import brands, notices
from siyu.people.notices import Kind, Variable, Wanted

_SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "HKD": "HK$"}
_SAMPLE = "1122 4810 9370"
NUMBER = Variable("number", {"zh-CN": "订单号", "en": "Order number"}, {"zh-CN": _SAMPLE, "en": _SAMPLE}, must=True)  # fmt: skip
AMOUNT = Variable("amount", {"zh-CN": "金额", "en": "Amount"}, {"zh-CN": "¥1280.00", "en": "¥1280.00"})  # fmt: skip
STORE = Variable("store", {"zh-CN": "门店", "en": "Store"}, {"zh-CN": "湖滨店", "en": "Lakeside"})

ORDER_PAID = notices.declare(
    Kind(
        "order_paid",
        {"zh-CN": "付款成功", "en": "Order paid"},
        (NUMBER, AMOUNT),
        {
            "zh-CN": "【{brand}】已收到您的订单 {number} 的付款 {amount}，我们正在备货。",
            "en": "[{brand}] We received {amount} for your order {number} and are preparing it.",
        },
    )
)
PARCEL_SHIPPED = notices.declare(
    Kind(
        "parcel_shipped",
        {"zh-CN": "包裹发出", "en": "Parcel shipped"},
        (
            NUMBER,
            Variable("carrier", {"zh-CN": "快递公司", "en": "Carrier"}, CARRIERS["SF"]),
            Variable(
                "tracking_number",
                {"zh-CN": "运单号", "en": "Tracking number"},
                {"zh-CN": "SF1234567890123", "en": "SF1234567890123"},
                must=True,
            ),
        ),
        {
            "zh-CN": "【{brand}】您的订单 {number} 已发出：{carrier} {tracking_number}。",
            "en": "[{brand}] Your order {number} is on its way: {carrier} {tracking_number}.",
        },
    )
)
PICK_UP_READY = notices.declare(
    Kind(
        "pick_up_ready",
        {"zh-CN": "可以自提", "en": "Ready for pick-up"},
        (
            NUMBER,
            STORE,
            Variable("code", {"zh-CN": "自提码", "en": "Pick-up code"}, {"zh-CN": "48210937", "en": "48210937"}, must=True, secret=True),
        ),
        {
            "zh-CN": "【{brand}】您的订单 {number} 可以到{store}自提了，自提码 {code}，请向店员出示。",
            "en": "[{brand}] Your order {number} can be picked up at {store}. Your code: {code}.",
        },
    )
)  # fmt: skip
REFUND_SENT = notices.declare(
    Kind(
        "refund_sent",
        {"zh-CN": "退款已退回", "en": "Refund sent"},
        (NUMBER, Variable("amount", AMOUNT.label, AMOUNT.sample, must=True)),
        {
            "zh-CN": "【{brand}】您的订单 {number} 已退款 {amount}，按原支付方式退回。",
            "en": "[{brand}] {amount} of your order {number} was sent back the way you paid.",
        },
    )
)


def _money(minor: int, currency: str) -> str:
    return f"{_SIGNS.get(currency, currency + ' ')}{to_text(minor, currency)}"


def _wanted(kind: Kind, about: UUID, order: Brief, **facts: str | dict[str, str]) -> Wanted:
    return Wanted(
        kind=kind.code,
        key=f"{kind.code}/{about}",
        person_id=order.customer_id,
        facts={"number": order.number, **facts},
        reference=f"order/{order.id}",
    )


@on(OrderPaid)
async def tell_paid(session: AsyncSession, paid: list[OrderPaid]) -> None:
    """Not of money that came too late and was given back at once."""
    known = await orders.briefs(session, [event.order_id for event in paid])
    wanted = [
        _wanted(ORDER_PAID, event.order_id, order, amount=_money(event.paid_minor, event.currency))
        for event in paid
        if (order := known.get(event.order_id))
        and not (event.late and order.state in ("cancelled", "refunded"))
    ]
    await notices.write(session, wanted)


@on(ParcelShipped)
async def tell_shipped(session: AsyncSession, shipped: list[ParcelShipped]) -> None:
    """Each parcel of an order is told of."""
    known = await orders.briefs(session, [event.order_id for event in shipped])
    wanted = [
        _wanted(
            PARCEL_SHIPPED,
            event.parcel_id,
            order,
            carrier=CARRIERS.get(event.carrier, CARRIERS["OTHER"]),
            tracking_number=event.tracking_number,
        )
        for event in shipped
        if (order := known.get(event.order_id))
    ]
    await notices.write(session, wanted)


@on(PickUpReady)
async def tell_pick_up(session: AsyncSession, ready: list[PickUpReady]) -> None:
    """With the code that the store asks for."""
    ids = [event.order_id for event in ready]
    known, codes = await orders.briefs(session, ids), await fulfilled(session, ids)
    stores = await brands.units(session, [event.store_id for event in ready])
    wanted: list[Wanted] = []
    for event in ready:
        order, made = known.get(event.order_id), codes.get(event.order_id)
        if order is None or made is None or not made.pick_up_code:
            continue
        store = stores.get(event.store_id) if event.store_id else None
        name: str | dict[str, str] = store.name if store else ""
        wanted.append(
            _wanted(PICK_UP_READY, event.order_id, order, store=name, code=made.pick_up_code)
        )
    await notices.write(session, wanted)


@on(RefundSettled)
async def tell_refunded(session: AsyncSession, settled: list[RefundSettled]) -> None:
    """Once the provider has sent the money, not when it was only agreed."""
    done = [event for event in settled if event.state == "succeeded"]
    known = await orders.briefs(session, [event.order_id for event in done])
    wanted = [
        _wanted(
            REFUND_SENT, event.refund_id, order, amount=_money(event.amount_minor, order.currency)
        )
        for event in done
        if (order := known.get(event.order_id))
    ]
    await notices.write(session, wanted)
