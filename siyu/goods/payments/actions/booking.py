"""How payments stand in the ledger: what lies with providers, what came in, and what is owed back."""

from typing import Any
from uuid import UUID

from siyu.kernel.ledger import Account, AccountKind, Posting, PostingKind, declare_account
from siyu.kernel.ledger import declare_posting as declare

PROVIDER = declare_account(
    AccountKind("payments.provider", {"zh-CN": "支付渠道款项", "en": "Money at providers"}, "debit")
)
"""What a provider has received for us and not sent back; owner: its name."""
RECEIVED = declare_account(
    AccountKind(
        "payments.received", {"zh-CN": "已收待入账", "en": "Received, not yet booked"}, "credit"
    )
)
"""Money that came and that nobody has claimed yet: nothing, once a payable has been told."""
TO_REFUND = declare_account(
    AccountKind("payments.to_refund", {"zh-CN": "应退款", "en": "Refunds owed"}, "credit")
)
"""What was agreed to go back and has not gone yet."""

CAME = declare(
    PostingKind(
        "payments.came",
        {"zh-CN": "收款", "en": "Payment came"},
        "payments.came/1",
        {
            "zh-CN": "支付渠道报告付款成功，金额与应付一致：记整笔金额。",
            "en": "A provider reports success with the amount that was asked for: the whole of it is booked.",
        },
        PROVIDER,
        RECEIVED,
    )
)
WENT_BACK = declare(
    PostingKind(
        "payments.went_back",
        {"zh-CN": "退款到账", "en": "Refund went back"},
        "payments.went_back/1",
        {
            "zh-CN": "支付渠道报告退款成功：记退回的金额。",
            "en": "A provider reports that a refund was done: what went back is booked.",
        },
        TO_REFUND,
        PROVIDER,
    )
)


def came(
    payment_id: UUID, payable_id: UUID, provider: str, currency: str, amount_minor: int, event_id: UUID | None, **more: Any
) -> Posting:  # fmt: skip
    """A payment succeeded."""
    return Posting(
        kind=CAME, source=Account(PROVIDER, currency, provider), destination=Account(RECEIVED, currency),
        amount=amount_minor, key=f"payments.came:{payment_id}", event_id=event_id, subject=payable_id, **more,
    )  # fmt: skip


def went_back(
    refund_id: UUID, payable_id: UUID, provider: str, currency: str, amount_minor: int, event_id: UUID | None, **more: Any
) -> Posting:  # fmt: skip
    """A refund on a payment succeeded; ``refund_id`` is the payment's refund, one for each attempt."""
    return Posting(
        kind=WENT_BACK, source=Account(TO_REFUND, currency), destination=Account(PROVIDER, currency, provider),
        amount=amount_minor, key=f"payments.went_back:{refund_id}", event_id=event_id, subject=payable_id, **more,
    )  # fmt: skip
