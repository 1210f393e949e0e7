"""How orders stand in the ledger: what was sold, freight, and what of both goes back."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from siyu.goods import payments
from siyu.kernel.ledger import Account, AccountKind, Posting, PostingKind, declare_account
from siyu.kernel.ledger import declare_posting as declare

SALES = declare_account(
    AccountKind("orders.sales", {"zh-CN": "商品销售收入", "en": "Sales of goods"}, "credit")
)
FREIGHT = declare_account(
    AccountKind("orders.freight", {"zh-CN": "运费收入", "en": "Freight charged"}, "credit")
)
SOLD = declare(
    PostingKind(
        "orders.sold",
        {"zh-CN": "订单商品款", "en": "Goods of an order"},
        "orders.sold/1",
        {
            "zh-CN": "订单付清时：实付减运费，记为商品收入。金额来自下单时冻结的价格。",
            "en": "When an order is paid: what was paid less freight is sales, from the prices frozen when it was placed.",
        },
        payments.RECEIVED,
        SALES,
    )
)
CARRIED = declare(
    PostingKind(
        "orders.carried",
        {"zh-CN": "订单运费", "en": "Freight of an order"},
        "orders.carried/1",
        {
            "zh-CN": "订单付清时：运费单独记，金额来自下单时的运费模板。",
            "en": "When an order is paid: freight is kept apart, from the template in force when it was placed.",
        },
        payments.RECEIVED,
        FREIGHT,
    )
)
GOODS_BACK = declare(
    PostingKind(
        "orders.goods_back",
        {"zh-CN": "商品退款", "en": "Refund of goods"},
        "orders.goods_back/1",
        {
            "zh-CN": "同意退款时：各行按冻结的分摊金额退，记为应退款。",
            "en": "When a refund is agreed: its lines' parts of the frozen allocation are owed back.",
        },
        SALES,
        payments.TO_REFUND,
    )
)
FREIGHT_BACK = declare(
    PostingKind(
        "orders.freight_back",
        {"zh-CN": "运费退款", "en": "Refund of freight"},
        "orders.freight_back/1",
        {
            "zh-CN": "同意退款时：其中的运费，记为应退款。",
            "en": "When a refund is agreed: the freight in it is owed back.",
        },
        FREIGHT,
        payments.TO_REFUND,
    )
)
NOT_NEEDED = declare(
    PostingKind(
        "orders.not_needed",
        {"zh-CN": "多付款项退回", "en": "Payment not needed"},
        "orders.not_needed/1",
        {
            "zh-CN": "重复付款，或订单已不需要的付款：整笔应退，不算销售。",
            "en": "A second payment, or one that the order does not need any more: owed back whole, never a sale.",
        },
        payments.RECEIVED,
        payments.TO_REFUND,
    )
)


def paid(
    order_id: UUID, currency: str, paid_minor: int, freight_minor: int, event_id: UUID | None, **more: Any
) -> list[Posting]:  # fmt: skip
    """An order was paid, freight included; nothing for one that costs nothing."""
    received = Account(payments.RECEIVED, currency)
    return _some(
        [
            (SOLD, received, Account(SALES, currency), paid_minor - freight_minor),
            (CARRIED, received, Account(FREIGHT, currency), freight_minor),
        ],
        order_id,
        order_id,
        event_id,
        more,
    )


def refunded(
    order_id: UUID, refund_id: UUID, currency: str, amount_minor: int, freight_minor: int, event_id: UUID | None, **more: Any
) -> list[Posting]:  # fmt: skip
    """A refund was agreed, freight included."""
    owed = Account(payments.TO_REFUND, currency)
    return _some(
        [
            (GOODS_BACK, Account(SALES, currency), owed, amount_minor - freight_minor),
            (FREIGHT_BACK, Account(FREIGHT, currency), owed, freight_minor),
        ],
        refund_id,
        order_id,
        event_id,
        more,
    )


def not_needed(
    order_id: UUID, refund_id: UUID, currency: str, amount_minor: int, event_id: UUID | None
) -> list[Posting]:
    """A payment that the order does not need goes back whole."""
    received, owed = Account(payments.RECEIVED, currency), Account(payments.TO_REFUND, currency)
    return _some([(NOT_NEEDED, received, owed, amount_minor)], refund_id, order_id, event_id, {})


def _some(
    amounts: Iterable[tuple[PostingKind, Account, Account, int]],
    of: UUID,
    order_id: UUID,
    event_id: UUID | None,
    more: dict[str, Any],
) -> list[Posting]:
    return [
        Posting(
            kind=kind, source=source, destination=destination, amount=amount, key=f"{kind.name}:{of}",
            event_id=event_id, subject=order_id, **more,
        )
        for kind, source, destination, amount in amounts
        if amount
    ]  # fmt: skip
