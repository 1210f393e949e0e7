"""Each process's memory of what holds and what comes next, so that hot paths ask nobody and still go by the clock."""

import time
from collections import OrderedDict
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from siyu.kernel import clock
from siyu.kernel.db import Database
from siyu.kernel.effective import reading, rules
from siyu.kernel.effective.changing import TOPIC
from siyu.kernel.effective.rules import Entry, Setting

V = TypeVar("V")
KEPT_S = 3.0
"""How old a memory may get where no news arrives."""
_BACK = timedelta(minutes=1)
"""Clocks of machines differ; who is a little behind still finds what held."""
_MOST = 10_000


class _Plans(msgspec.Struct, frozen=True):
    read_at: float
    entries: dict[str, tuple[Entry, ...]]


class Memory:
    """What holds, by brand. A value that was planned takes hold at its moment without being read again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._plans: OrderedDict[UUID, _Plans] = OrderedDict()
        self._turns = 0
        """Counts what was heard: an answer that was under way meanwhile is not kept."""

    async def value(self, brand_id: UUID, setting: Setting[V]) -> V:
        """What holds for a brand by this process's clock, now."""
        plans = self._plans.get(brand_id)
        if plans is None or time.monotonic() - plans.read_at > KEPT_S:
            plans = await self._read(brand_id)
        return rules.understood(
            setting, rules.holding(plans.entries.get(setting.code, ()), clock.now())
        )

    def forget(self, brand_id: UUID | None, _: Any = None) -> None:
        """Read a brand (``None``: every brand) afresh next time."""
        self._turns += 1
        if brand_id is None:
            self._plans.clear()
        else:
            self._plans.pop(brand_id, None)

    async def _read(self, brand_id: UUID) -> _Plans:
        turn, began = self._turns, time.monotonic()
        known = self._plans.get(brand_id)
        if known is not None:  # the others of this moment do with what is known
            self._plans[brand_id] = msgspec.structs.replace(known, read_at=began)
        async with self._database.raw(brand_id) as connection:
            found = await reading.plans_on(connection, rules.settings, clock.now() - _BACK)
        plans = _Plans(began, {code: tuple(o.entry for o in some) for code, some in found.items()})
        if turn == self._turns:
            self._plans[brand_id] = plans
            self._plans.move_to_end(brand_id)
            if len(self._plans) > _MOST:
                self._plans.popitem(last=False)
        return plans


async def open_memory(runtime: Any) -> None:
    """Open the process's memory as ``runtime.parts["effective"]``; it hears what other processes change."""
    memory = runtime.parts["effective"] = Memory(runtime.database)
    runtime.parts["news"].hear(TOPIC, memory.forget)


def memory_of(runtime: Any) -> Memory:
    """The process's memory."""
    return runtime.parts["effective"]
