"""What dated values state."""

from datetime import datetime
from uuid import UUID

from siyu.kernel.events import Event


class EffectiveChanged(Event, frozen=True, kw_only=True, tag="effective.changed/1"):
    """Another value holds from now on. Which one is read from the entry: somebody may have typed it."""

    setting_id: UUID
    entry_id: UUID
    code: str
    starts_at: datetime
