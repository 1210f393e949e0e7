"""The event log: facts stated in the transaction of the change, heard in windows without loss."""

from siyu.kernel.events.following import Follower, drain, follow_once
from siyu.kernel.events.handing import retry_parked
from siyu.kernel.events.listening import Heard, Listener, listeners, on
from siyu.kernel.events.log import Event, state, state_on
from siyu.kernel.events.parking import ParkedSubject, drop_parked, parked_page
from siyu.kernel.events.tables import EventCursorRow, EventRow, ParkedEventRow

__all__ = [
    "Event",
    "EventCursorRow",
    "EventRow",
    "Follower",
    "Heard",
    "Listener",
    "ParkedEventRow",
    "ParkedSubject",
    "drain",
    "drop_parked",
    "follow_once",
    "listeners",
    "on",
    "parked_page",
    "retry_parked",
    "state",
    "state_on",
]
