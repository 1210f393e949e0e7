"""Reads of dated values, always fresh; ``memory`` answers without asking the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import driver_of
from siyu.kernel.effective.rules import Entry, Setting, understood

V = TypeVar("V")
_COLUMNS = "id, code, starts_at, value::text, set_by, set_at, reason, withdrawn_at, withdrawn_by"
_PLAN = f"""
select {_COLUMNS} from effective_values e
where withdrawn_at is null and code = any($1::text[]) and starts_at >= coalesce(
    (select max(starts_at) from effective_values h
     where h.code = e.code and h.withdrawn_at is null and h.starts_at <= $2), '-infinity')
order by code, starts_at
"""


class Dated(msgspec.Struct, frozen=True):
    """An entry with who set it and why."""

    id: UUID
    code: str
    starts_at: datetime
    value: Any
    set_by: str
    set_at: datetime
    reason: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None

    @property
    def entry(self) -> Entry:
        """Value and start alone."""
        return Entry(self.starts_at, self.value)


def _dated(row: asyncpg.Record) -> Dated:
    found: list[Any] = list(row)
    found[3] = msgspec.json.decode(found[3])
    return Dated(*found)


async def value(session: AsyncSession, setting: Setting[V], at: datetime | None = None) -> V:
    """What holds for the session's brand at a moment (now), read afresh."""
    return await value_on(await driver_of(session), setting, at)


async def value_on(
    connection: asyncpg.Connection, setting: Setting[V], at: datetime | None = None
) -> V:
    """The same on a bare, brand-bound connection. Needs the index (brand_id, code, starts_at)."""
    row = await connection.fetchrow(
        """select starts_at, value::text from effective_values
           where code = $1 and starts_at <= $2 and withdrawn_at is null order by starts_at desc limit 1""",
        setting.code,
        at or clock.now(),
    )
    return understood(setting, Entry(row[0], msgspec.json.decode(row[1])) if row else None)


async def plans_on(
    connection: asyncpg.Connection, codes: Collection[str], at: datetime
) -> dict[str, list[Dated]]:
    """By code, in order: the entry that holds at a moment, and all that begin later."""
    found: dict[str, list[Dated]] = {code: [] for code in codes}
    for row in await connection.fetch(_PLAN, list(codes), at):
        found[row["code"]].append(_dated(row))
    return found


async def entries_on(connection: asyncpg.Connection, ids: Collection[UUID]) -> list[Dated]:
    """Entries by id, withdrawn ones too, in order of their start."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from effective_values where id = any($1::uuid[]) order by starts_at",
        list(ids),
    )
    return [_dated(row) for row in rows]


async def entries_with_on(
    connection: asyncpg.Connection, code: str, values: Collection[Any]
) -> list[Dated]:
    """Entries of a setting that have one of these values, withdrawn ones too, in order of their start."""
    rows = await connection.fetch(
        f"""select {_COLUMNS} from effective_values
            where code = $1 and value::text = any($2::text[]) order by starts_at""",
        code,
        [msgspec.json.encode(one).decode() for one in values],
    )
    return [_dated(row) for row in rows]


async def versions_on(
    connection: asyncpg.Connection, codes: Collection[str]
) -> dict[str, tuple[int, int]]:
    """By code ``(version, entries)``: the version counts what was set and what was withdrawn."""
    rows = await connection.fetch(
        """select code, count(*) + count(withdrawn_at), count(*) from effective_values
           where code = any($1::text[]) group by code""",
        list(codes),
    )
    found: dict[str, tuple[int, int]] = dict.fromkeys(codes, (0, 0))
    return found | {row[0]: (row[1], row[2]) for row in rows}


async def history_on(
    connection: asyncpg.Connection,
    code: str,
    *,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 20,
) -> Sequence[Dated]:
    """All that was ever set, the last that was set first; keyset paging by ``(set_at, id)``."""
    rows = await connection.fetch(
        f"""select {_COLUMNS} from effective_values
            where code = $1 and ($2::timestamptz is null or (set_at, id) < ($2, $3::uuid))
            order by set_at desc, id desc limit $4""",
        code,
        *(before or (None, None)),
        limit,
    )
    return [_dated(row) for row in rows]
