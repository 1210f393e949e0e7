"""Setting a value from now or from a moment on, withdrawing what has not begun, and stating that one has. Never commits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid5

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, news, timers
from siyu.kernel.db import actor_of, brand_of, driver_of
from siyu.kernel.effective import reading, rules
from siyu.kernel.effective.events import EffectiveChanged
from siyu.kernel.effective.reading import Dated
from siyu.kernel.effective.rules import Setting
from siyu.kernel.errors import NotFound
from siyu.kernel.events import state
from siyu.kernel.ids import new_id
from siyu.kernel.timers import Timer

V = TypeVar("V")
STARTS = "effective.starts"
TOPIC = "effective"
_INSERT = """
insert into effective_values (id, code, starts_at, value, set_by, set_at, reason)
values ($1, $2, $3, $4::text::jsonb, $5, $6, $7)
"""


async def set_value(
    session: AsyncSession,
    setting: Setting[V],
    value: V,
    *,
    starts_at: datetime | None = None,
    reason: str = "",
    version: int | None = None,
) -> Dated:
    """Let a value hold from a moment on (now), until the next one that is planned; the entry that was written.

    ``version``: what the setting had when the caller looked; nothing when other locks keep people apart.
    Raises ``WrongType``, ``OutOfBounds``, ``PastStart``, ``TooFar``, ``MomentTaken``, ``ChangedMeanwhile``, ``NothingNew``.
    """
    if setting.kind != "reference":
        rules.checked(setting, value)
    connection = await _alone(session, setting)
    now = clock.now()
    start = now if starts_at is None else rules.check_start(starts_at, now)
    planned = (await reading.plans_on(connection, [setting.code], start))[setting.code]
    taken = next((one for one in planned if one.starts_at == start), None)
    if taken is not None:
        raise rules.MomentTaken(starts_at=start.isoformat(), set_by=taken.set_by)
    await _check_version(connection, setting, version)
    holds = rules.holding([one.entry for one in planned], start)
    if rules.understood(setting, holds) == value:
        raise rules.NothingNew(code=setting.code)
    made = Dated(
        new_id(), setting.code, start, value, actor_of(session).name, now, reason, None, None
    )
    await connection.execute(
        _INSERT, made.id, made.code, start, msgspec.json.encode(value).decode(), made.set_by, now, reason,
    )  # fmt: skip
    if starts_at is None:
        await state(session, [_changed(brand_of(session), made)])
    else:
        await timers.put(session, STARTS, made.id, start)
    await news.send(connection, brand_of(session), TOPIC, None)
    return made


async def withdraw(
    session: AsyncSession, setting: Setting[Any], entry_id: UUID, *, version: int | None = None
) -> Dated:
    """Take back an entry before it begins; it stays in the history. Raises ``NotFound``, ``HoldsAlready``, ``ChangedMeanwhile``."""
    connection = await _alone(session, setting)
    found = await reading.entries_on(connection, [entry_id])
    if not found or found[0].code != setting.code or found[0].withdrawn_at is not None:
        raise NotFound(id=str(entry_id))
    await _check_version(connection, setting, version)
    rules.check_withdrawal(found[0].starts_at, clock.now())
    await connection.execute(
        "update effective_values set withdrawn_at = $2, withdrawn_by = $3 where id = $1",
        entry_id,
        clock.now(),
        actor_of(session).name,
    )
    await timers.drop(session, STARTS, [entry_id])
    await news.send(connection, brand_of(session), TOPIC, None)
    return found[0]


@timers.due(STARTS)
async def begin(session: AsyncSession, due: list[Timer]) -> None:
    """State that values hold whose moment has come. Readers need no timer: they go by the clock."""
    found = await reading.entries_on(await driver_of(session), [one.subject for one in due])
    begun: Sequence[EffectiveChanged] = [
        _changed(brand_of(session), one)
        for one in found
        if one.withdrawn_at is None and one.code in rules.settings
    ]
    await state(session, begun)


async def _alone(session: AsyncSession, setting: Setting[Any]) -> asyncpg.Connection:
    """The session's connection, holding back everybody else who would change the setting."""
    connection = await driver_of(session)
    await connection.execute(
        "select pg_advisory_xact_lock(hashtextextended($1, 0))",
        f"{brand_of(session)}/effective/{setting.code}",
    )
    return connection


async def _check_version(
    connection: asyncpg.Connection, setting: Setting[Any], version: int | None
) -> None:
    if version is None:
        return
    is_now = (await reading.versions_on(connection, [setting.code]))[setting.code][0]
    if is_now != version:
        raise rules.ChangedMeanwhile(version=is_now)


def _changed(brand_id: UUID, entry: Dated) -> EffectiveChanged:
    """The event; its subject is the brand's setting, so that its changes are heard in their order."""
    return EffectiveChanged(
        setting_id=uuid5(brand_id, entry.code),
        entry_id=entry.id,
        code=entry.code,
        starts_at=entry.starts_at,
    )
