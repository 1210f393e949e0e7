"""The event log: facts stated in the transaction of the change, heard in windows without loss."""

from siyu.kernel.events.following import Follower
from siyu.kernel.events.handing import ParkedSubject, drop_parked, parked_page, retry_parked
from siyu.kernel.events.lag import (
    COUNTED,
    Behind,
    Holder,
    Lag,
    behind,
    behind_on,
    held_by,
    lag_of_brand,
    lag_of_house,
)
from siyu.kernel.events.listening import Heard, Keep, Listener, listeners, on
from siyu.kernel.events.log import Event, bells, state, state_on, stating
from siyu.kernel.events.stretches import (
    Stretch,
    all_stretches,
    extend,
    keep_in_order,
    let_go,
    put_away,
)
from siyu.kernel.events.tables import EventArchiveRow, EventCursorRow, EventRow, ParkedEventRow
from siyu.kernel.events.windows import drain, follow_once, start_over

__all__ = [
    "COUNTED",
    "Behind",
    "Event",
    "EventArchiveRow",
    "EventCursorRow",
    "EventRow",
    "Follower",
    "Heard",
    "Holder",
    "Keep",
    "Lag",
    "Listener",
    "ParkedEventRow",
    "ParkedSubject",
    "Stretch",
    "all_stretches",
    "behind",
    "behind_on",
    "bells",
    "drain",
    "drop_parked",
    "extend",
    "follow_once",
    "held_by",
    "keep_in_order",
    "lag_of_brand",
    "lag_of_house",
    "let_go",
    "listeners",
    "on",
    "parked_page",
    "put_away",
    "retry_parked",
    "start_over",
    "state",
    "state_on",
    "stating",
]
