"""Customers: visitors who accepted the privacy text, and those who signed in; their sessions and addresses."""

from siyu.people.customers.actions import (
    AddressIn,
    NewCustomer,
    checked_address,
    join_customers,
    open_sessions,
    save_address,
)
from siyu.people.customers.crowd import open_crowd
from siyu.people.customers.events import (
    CustomerChanged,
    CustomerJoined,
    CustomerSignedIn,
    GuestArrived,
)
from siyu.people.customers.ports import CodeSender, Purchases, Touch, on_sign_in, plugs
from siyu.people.customers.queries import (
    Address,
    AddressOut,
    Card,
    Person,
    address,
    addresses,
    addresses_by_id,
    cards,
    find_customers,
)
from siyu.people.customers.regions import address_names
from siyu.people.customers.regions import path_of as region_names
from siyu.people.customers.rules import PrivacyNeeded, masked_name, masked_phone, normal_phone
from siyu.people.customers.visit import (
    COOKIE,
    SessionCache,
    Shopper,
    Visit,
    locale_of,
    open_session_cache,
    open_shopper,
    open_visit,
    sessions_of,
)

__all__ = [
    "COOKIE",
    "Address",
    "AddressIn",
    "AddressOut",
    "Card",
    "CodeSender",
    "CustomerChanged",
    "CustomerJoined",
    "CustomerSignedIn",
    "GuestArrived",
    "NewCustomer",
    "Person",
    "PrivacyNeeded",
    "Purchases",
    "SessionCache",
    "Shopper",
    "Touch",
    "Visit",
    "address",
    "address_names",
    "addresses",
    "addresses_by_id",
    "cards",
    "checked_address",
    "find_customers",
    "join_customers",
    "locale_of",
    "masked_name",
    "masked_phone",
    "normal_phone",
    "on_sign_in",
    "open_crowd",
    "open_session_cache",
    "open_sessions",
    "open_shopper",
    "open_visit",
    "plugs",
    "region_names",
    "save_address",
    "sessions_of",
]
