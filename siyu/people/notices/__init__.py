"""通知 – notices: what customers are told about their own orders, once, never held back by marketing rules."""

from siyu.people.notices.actions import Wanted, write
from siyu.people.notices.channels import open_channels
from siyu.people.notices.rules import Kind, Variable, declare
from siyu.people.notices.sending import send_due, serve

__all__ = ["Kind", "Variable", "Wanted", "declare", "open_channels", "send_due", "serve", "write"]
