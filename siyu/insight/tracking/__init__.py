"""行为 – tracking: what visitors do, taken in over Segment's protocol and kept before it is acknowledged."""

from siyu.insight.tracking.actions import Intake, TrackingBehind
from siyu.insight.tracking.queries import Spooled, backlog, forget, take
from siyu.insight.tracking.rules import DECLARED, Kept

__all__ = ["DECLARED", "Intake", "Kept", "Spooled", "TrackingBehind", "backlog", "forget", "take"]
