"""Writes of orders: load, ask the rules, write, state the event. Placing has its own room, ``placing``."""

from siyu.goods.orders.actions.carts import (
    CartFull,
    Put,
    drop_view,
    merge_carts,
    put_in_carts,
    save_view,
    set_in_cart,
)
from siyu.goods.orders.actions.changing import add_note, change_address, change_price
from siyu.goods.orders.actions.ending import (
    cancel,
    cancel_overdue,
    complete,
    complete_if_all_arrived,
    complete_overdue,
)
from siyu.goods.orders.actions.paying import (
    PayAsked,
    ToPay,
    mark_paid,
    pay_nothing,
    start_payments,
)
from siyu.goods.orders.actions.refunding import agree_refund, note_refund_settled, send_again
from siyu.goods.orders.actions.shipping import NotThatMany, mark_handed_over, mark_shipped

__all__ = [
    "CartFull",
    "NotThatMany",
    "PayAsked",
    "Put",
    "ToPay",
    "add_note",
    "agree_refund",
    "cancel",
    "cancel_overdue",
    "change_address",
    "change_price",
    "complete",
    "complete_if_all_arrived",
    "complete_overdue",
    "drop_view",
    "mark_handed_over",
    "mark_paid",
    "mark_shipped",
    "merge_carts",
    "note_refund_settled",
    "pay_nothing",
    "put_in_carts",
    "save_view",
    "send_again",
    "set_in_cart",
    "start_payments",
]
