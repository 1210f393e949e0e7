"""Writes of payments and refunds."""

from siyu.goods.payments.actions.refunding import refund, refund_again, settle_refund
from siyu.goods.payments.actions.settling import (
    Arrived,
    Asked,
    Seen,
    close,
    fail,
    note_wrong_amount,
    settle,
    start,
)

__all__ = [
    "Arrived",
    "Asked",
    "Seen",
    "close",
    "fail",
    "note_wrong_amount",
    "refund",
    "refund_again",
    "settle",
    "settle_refund",
    "start",
]
