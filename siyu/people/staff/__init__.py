"""Staff: who works for a brand, what they may do and see, and the record of what they did."""

from siyu.people.staff.actions import NewStaff, add_many_staff, take_second_step_of
from siyu.people.staff.chain.moving import carried as carried_audit_chain
from siyu.people.staff.chain.moving import received as received_audit_chain
from siyu.people.staff.chain.proving import first_broken as first_broken_of_audit
from siyu.people.staff.chain.proving import state_of as state_of_audit
from siyu.people.staff.chain.sealing import keep_sealing, seal_all
from siyu.people.staff.credentials import (
    SAFE_METHODS,
    brand_of_token,
    check_csrf,
    check_origin,
    cookie,
    csrf_token,
    hash_of,
    hash_password,
    header,
    keyed_hash,
    new_token,
    random_password,
)
from siyu.people.staff.desk import COOKIE, Desk, StaffActor, audit, menu_count, open_desk
from siyu.people.staff.queries import AUDIT_REASON, names
from siyu.people.staff.rules import permission, permissions
from siyu.people.staff.second_step.moving import carried as carried_second_steps
from siyu.people.staff.second_step.moving import received as received_second_steps
from siyu.people.staff.throttle import (
    Limit,
    Tally,
    count_attempt,
    forget_attempts,
    is_telling,
    network_of,
    uncount_attempt,
)

__all__ = [
    "AUDIT_REASON",
    "COOKIE",
    "SAFE_METHODS",
    "Desk",
    "Limit",
    "NewStaff",
    "StaffActor",
    "Tally",
    "add_many_staff",
    "audit",
    "brand_of_token",
    "carried_audit_chain",
    "carried_second_steps",
    "check_csrf",
    "check_origin",
    "cookie",
    "count_attempt",
    "csrf_token",
    "first_broken_of_audit",
    "forget_attempts",
    "hash_of",
    "hash_password",
    "header",
    "is_telling",
    "keep_sealing",
    "keyed_hash",
    "menu_count",
    "names",
    "network_of",
    "new_token",
    "open_desk",
    "permission",
    "permissions",
    "random_password",
    "received_audit_chain",
    "received_second_steps",
    "seal_all",
    "state_of_audit",
    "take_second_step_of",
    "uncount_attempt",
]
