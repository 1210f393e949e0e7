"""How fulfilment's events read in an order's timeline."""

from typing import Any

from siyu.goods.fulfilment.rules import CARRIERS
from siyu.goods.orders import told


def _parcel(data: dict[str, Any], zh: str, en: str) -> dict[str, str]:
    carrier = CARRIERS.get(str(data["carrier"]), CARRIERS["OTHER"])
    number = data["tracking_number"]
    return {"zh-CN": f"{zh}：{carrier['zh-CN']} {number}", "en": f"{en}: {carrier['en']} {number}"}


told(
    "fulfilment.shipped/1",
    "staff",
    lambda data: _parcel(data, f"发出 {data['quantity']} 件", f"{data['quantity']} shipped"),
    shopper=True,
)
told(
    "fulfilment.parcel_changed/1",
    "staff",
    lambda data: _parcel(data, "更正运单", "Tracking corrected"),
    shopper=True,
)
told(
    "fulfilment.signed/1",
    "system",
    lambda _: {"zh-CN": "包裹已签收", "en": "A parcel was signed for"},
    shopper=True,
)
told(
    "fulfilment.pick_up_ready/1",
    "system",
    lambda _: {"zh-CN": "可以到店自提了", "en": "Ready to be picked up"},
    shopper=True,
)
told(
    "fulfilment.picked_up/1",
    "staff",
    lambda _: {"zh-CN": "已凭取货码自提", "en": "Picked up with its code"},
    shopper=True,
)
