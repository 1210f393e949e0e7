"""What notices need of the outside: ways to reach somebody. Plugged in when a process opens."""

from typing import Protocol
from uuid import UUID

import msgspec


class Letter(msgspec.Struct, frozen=True):
    """What is to be delivered. ``key`` is the same whenever the same thing is handed over again."""

    brand_id: UUID
    key: str
    to: str
    subject: str
    text: str


class Later(Exception):
    """It did not work this time. The first argument is a short code without personal data."""


class Never(Exception):
    """The provider refuses this letter for good. The first argument is a short code without personal data."""


class Channel(Protocol):
    """A way to reach somebody. Called outside any transaction; may be called again with the same letter."""

    async def send(self, letter: Letter) -> None:
        """Hand the letter over within a few seconds. Raises ``Later``, ``Never``."""
        ...


class Plugs(msgspec.Struct):
    """The channels that are open in this process, by name: ``inbox`` · ``sms`` · ``mail``."""

    channels: dict[str, Channel] = {}


plugs = Plugs()
