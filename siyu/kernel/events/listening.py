"""Who listens to what: ``@on(OrderPaid)`` in a module's ``reactions.py``, wired by ``app``."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from siyu.kernel.events.log import Event

Keep = Callable[[Any], Awaitable[None]]
"""What an outside listener writes down of one event, called with the session once all has been told outside."""
Listening = Callable[[Any, list[Any]], Awaitable[Sequence[Keep | None] | None]]


class Heard(msgspec.Struct, frozen=True):
    """An event with its envelope, for listeners that asked for it (``whole=True``)."""

    event: Event
    seq: int
    id: UUID
    occurred_at: datetime
    recorded_at: datetime
    origin: str
    actor: dict[str, Any]


class Listener(msgspec.Struct, frozen=True):
    """A registered reaction. ``name`` is data: the cursor hangs on it, so it never changes."""

    name: str
    kinds: dict[str, type[Event]]
    call: Listening
    history: bool
    whole: bool
    outside: bool
    page: int

    def decode(self, kind: str, data: bytes) -> Event:
        """The typed event. Raises ``msgspec.ValidationError`` when it does not fit."""
        return msgspec.json.decode(data, type=self.kinds[kind])


listeners: dict[str, Listener] = {}


def on(
    *events: type[Event],
    history: bool = False,
    whole: bool = False,
    outside: bool = False,
    page: int = 1000,
) -> Callable[[Listening], Listening]:
    """Register ``async def reaction(session, events: list[...])`` as a listener.

    Effects on the session are once: they share the cursor's transaction. ``history`` also hears what
    was imported or made for the demo (projections only: history never awards, notifies or charges).
    ``whole`` hands over ``Heard`` instead of the bare event. ``outside`` is for effects outside
    PostgreSQL: the window is kept before the call, so that a repetition is the same list. Such a listener only
    reads the session (a transaction that has written would hold back every follower while the other side thinks);
    what it has to write it answers with, a ``Keep`` for each event, in their order.
    """

    def register(call: Listening) -> Listening:
        name = f"{call.__module__.removeprefix('siyu.')}.{call.__name__}"
        assert name not in listeners, f"two listeners are called {name}"
        kinds = {str(event.__struct_config__.tag): event for event in events}
        listeners[name] = Listener(name, kinds, call, history, whole, outside, page)
        return call

    return register
