"""Between a restored house and its first visitor: steps that must be done before any door opens, in order.

Whoever brings the past back also brings back what was meant to be gone since. A house in which a restore did not come
to its end is marked, and nobody starts it.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import asyncpg
import msgspec

from siyu.kernel.engines import EngineRefused
from siyu.kernel.settings import Settings, Urls

MARK = "restoring"


class Restored(msgspec.Struct, frozen=True):
    """A house that was brought back: its engines answer, and nobody else is in."""

    settings: Settings
    urls: Urls
    at: datetime | None
    """The moment that was asked for; ``None``: the newest there is."""

    @property
    def home(self) -> Path:
        """Its data folder; ``home/keys`` holds what no backup contains."""
        return self.settings.home


Step = Callable[[Restored], Awaitable[None]]


async def end_staff_sessions(restored: Restored) -> None:
    """Sign everybody out of the console: a session that was revoked since would be good again."""
    connection = await asyncpg.connect(restored.urls.owner)
    try:
        await connection.execute("delete from staff_sessions")
    finally:
        await connection.close()


async def end_shop_sessions(restored: Restored) -> None:
    """Sign every shopper out, guests too: which sessions were ended since, only the lost present knew."""
    connection = await asyncpg.connect(restored.urls.owner)
    try:
        await connection.execute("delete from shop_sessions")
    finally:
        await connection.close()


async def forget_again(restored: Restored) -> None:
    """Whoever was forgotten after the moment that was brought back is forgotten again: the journal beside the keys says so."""
    from siyu.app import keys, schema

    keys.open_keys(restored.settings)
    await schema.obey_journal(restored.urls.owner)


BEFORE_DOORS: list[Step] = [end_staff_sessions, end_shop_sessions, forget_again]
"""Done in this order after each restore. A step may be done twice: a restore that was broken off begins anew."""


async def before_doors_open(restored: Restored) -> dict[str, float]:
    """Do every step of ``BEFORE_DOORS``, then take the mark away; their names with the seconds that each took, in order.

    What a step raises leaves the house shut.
    """
    done: dict[str, float] = {}
    for step in BEFORE_DOORS:
        began = time.monotonic()
        await step(restored)
        done[step.__name__] = round(time.monotonic() - began, 2)
    with suppress(FileNotFoundError):
        (restored.home / MARK).unlink()
    return done


def shut(home: Path) -> None:
    """Mark a house as being restored."""
    home.mkdir(parents=True, exist_ok=True)
    (home / MARK).touch(mode=0o600)


def check_open(home: Path) -> None:
    """Raise ``EngineRefused`` when a restore into this folder has not come to its end."""
    if (home / MARK).exists():
        raise EngineRefused(
            f"A restore into {home} was not finished, so nobody may be let in. Remove the folder and run 'siyu restore' again."
        )
