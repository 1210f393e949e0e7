"""Writes of customers: guests, signing in, joining, their own data, the address book."""

from siyu.people.customers.actions.book import (
    AddressIn,
    AddressWrite,
    checked_address,
    drop_address,
    keep_contacts,
    save_address,
    save_addresses,
)
from siyu.people.customers.actions.forgetting import erase_forgotten, forget_customer
from siyu.people.customers.actions.joining import (
    Arrival,
    Guest,
    NewCustomer,
    admit_guests,
    change_me,
    check_privacy,
    join_customers,
    open_sessions,
    touch_behind,
)
from siyu.people.customers.actions.signing_in import (
    Attempt,
    CodeToSend,
    SignedIn,
    attempt_of,
    code_text,
    code_to_send,
    keep_codes,
    put_demo_message,
    sign_in,
)

__all__ = [
    "AddressIn",
    "AddressWrite",
    "Arrival",
    "Attempt",
    "CodeToSend",
    "Guest",
    "NewCustomer",
    "SignedIn",
    "admit_guests",
    "attempt_of",
    "change_me",
    "check_privacy",
    "checked_address",
    "code_text",
    "code_to_send",
    "drop_address",
    "erase_forgotten",
    "forget_customer",
    "join_customers",
    "keep_codes",
    "keep_contacts",
    "open_sessions",
    "put_demo_message",
    "save_address",
    "save_addresses",
    "sign_in",
    "touch_behind",
]
