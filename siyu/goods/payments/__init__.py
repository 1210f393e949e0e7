"""支付 – payments: money that is asked for, comes, comes late, comes twice, and goes back."""

from siyu.goods.payments.actions import (
    Arrived,
    Asked,
    Seen,
    close,
    refund,
    refund_again,
    settle,
    start,
)
from siyu.goods.payments.actions.booking import PROVIDER, RECEIVED, TO_REFUND, came, went_back
from siyu.goods.payments.crowd import Till, open_till, till_of
from siyu.goods.payments.events import (
    PaymentStarted,
    PaymentSucceeded,
    RefundFailed,
    RefundSucceeded,
    WrongAmountReported,
)
from siyu.goods.payments.ports import (
    Instruction,
    NeedsSession,
    Provider,
    RefundAnswer,
    RefundSettled,
    Settled,
    on_refund_settled,
    on_settled,
    plug_in,
    provider_named,
)
from siyu.goods.payments.queries import Paid, RefundMade, of_payables, refunds_of
from siyu.goods.payments.sandbox import NAME as SANDBOX
from siyu.goods.payments.sandbox import Sandbox

__all__ = [
    "PROVIDER",
    "RECEIVED",
    "SANDBOX",
    "TO_REFUND",
    "Arrived",
    "Asked",
    "Instruction",
    "NeedsSession",
    "Paid",
    "PaymentStarted",
    "PaymentSucceeded",
    "Provider",
    "RefundAnswer",
    "RefundFailed",
    "RefundMade",
    "RefundSettled",
    "RefundSucceeded",
    "Sandbox",
    "Seen",
    "Settled",
    "Till",
    "WrongAmountReported",
    "came",
    "close",
    "of_payables",
    "on_refund_settled",
    "on_settled",
    "open_till",
    "plug_in",
    "provider_named",
    "refund",
    "refund_again",
    "refunds_of",
    "settle",
    "start",
    "till_of",
    "went_back",
]
