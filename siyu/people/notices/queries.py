"""Reads of notices: texts and channels in force, and the outbox."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import vault
from siyu.kernel.db import brand_of, driver_of
from siyu.kernel.errors import NotFound
from siyu.people.notices import rules
from siyu.people.notices.ports import plugs
from siyu.people.notices.rules import Kind
from siyu.people.notices.tables import NoticeRow


class Content(msgspec.Struct, frozen=True):
    """What is sealed of a notice."""

    to: str
    text: str
    shown: str | None = None
    """As staff may read it, where that is less."""

    def for_staff(self, kind: Kind | None) -> str:
        """The text without what is the reader's alone; a blank for one that was written before that was kept apart."""
        if self.shown is not None:
            return self.shown
        has_secret = kind is None or any(one.secret for one in kind.variables)
        return rules.BLANK if has_secret else self.text


Words = Content | Literal["unopenable"] | None
"""What a sealed notice turned out to be; nothing: of somebody who was forgotten."""


class Version(msgspec.Struct, frozen=True):
    """A version of a text; ``text`` is nothing where the default was put back."""

    kind: str
    locale: str
    version: int
    text: str | None
    set_at: datetime
    set_by: UUID | None


_BROKEN = (vault.Unopenable, vault.KeyMissing)
_IN_FORCE = """
select distinct on (kind, locale) kind, locale, version, text, set_at, set_by from notice_templates
where kind = any($1::text[]) order by kind, locale, version desc
"""
_VERSIONS = """
select kind, locale, version, text, set_at, set_by from notice_templates
where kind = $1 and locale = $2 order by version desc limit $3
"""


async def versions_in_force(
    connection: asyncpg.Connection, kinds: Collection[str]
) -> dict[tuple[str, str], Version]:
    """The newest version by kind and locale; absent where nobody ever wrote one."""
    rows = await connection.fetch(_IN_FORCE, list(kinds))
    return {(row["kind"], row["locale"]): Version(*row) for row in rows}


async def versions(
    connection: asyncpg.Connection, kind: str, locale: str, *, limit: int = 50
) -> list[Version]:
    """A text's versions, newest first."""
    return [Version(*row) for row in await connection.fetch(_VERSIONS, kind, locale, limit)]


async def choices(connection: asyncpg.Connection) -> dict[str, str]:
    """What the brand chose, by kind; absent: nothing."""
    return {
        row["kind"]: row["channel"]
        for row in await connection.fetch("select kind, channel from notice_choices")
    }


def channel_of(choice: str | None) -> str:
    """The open channel that a choice leads to now; empty for none."""
    wanted = rules.FOR_CUSTOMERS if choice in (None, "auto") else (choice,)
    return next((one for one in wanted if one in plugs.channels), "")


def kind_named(code: str) -> Kind:
    """A declared kind. Raises ``NotFound``."""
    kind = rules.kinds.get(code)
    if kind is None:
        raise NotFound(kind=code[:40])
    return kind


async def page(
    session: AsyncSession,
    *,
    state: str = "",
    stores: Sequence[UUID] | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 40,
) -> list[NoticeRow]:
    """The outbox, newest first; one more than ``limit`` when there is more. ``stores``: of these only."""
    wanted = select(NoticeRow)
    if state:
        wanted = wanted.where(NoticeRow.state == state)
    if stores is not None:
        wanted = wanted.where(NoticeRow.store_id.in_(stores))
    if before is not None:
        wanted = wanted.where(tuple_(NoticeRow.created_at, NoticeRow.id) < before)
    wanted = wanted.order_by(NoticeRow.created_at.desc(), NoticeRow.id.desc())
    return list(await session.scalars(wanted.limit(limit + 1)))


async def notice(
    session: AsyncSession, notice_id: UUID, stores: Sequence[UUID] | None
) -> NoticeRow:
    """One notice of these stores (``None``: any), locked. Raises ``NotFound``."""
    row = await session.get(NoticeRow, (brand_of(session), notice_id), with_for_update=True)
    if row is None or (stores is not None and row.store_id not in stores):
        raise NotFound(notice_id=str(notice_id))
    return row


_WAITING_FOR_PEOPLE = """
select state, count(*) as count from (
    select state from notices where state = any($1::text[]) and ($2::uuid[] is null or store_id = any($2::uuid[]))
    limit 10000) n group by state
"""


async def counts(session: AsyncSession, stores: Sequence[UUID] | None) -> dict[str, int]:
    """How many wait, failed or were given up, by state; counted no further than 10,000."""
    states = ["waiting", "failed", "given_up"]
    rows = await (await driver_of(session)).fetch(_WAITING_FOR_PEOPLE, states, stores)
    return {row["state"]: row["count"] for row in rows}


async def opened(
    connection: asyncpg.Connection, sealed: Sequence[tuple[UUID, UUID, bytes | None]]
) -> dict[UUID, Words]:
    """``(notice, person, sealed)`` opened, by notice, each for itself. One read, unless a key does not open."""
    keys = await _keys(connection, {person for _, person, what in sealed if what is not None})
    return {id: _words(keys.get(person), what) for id, person, what in sealed}


def _words(key: vault.PersonKey | Literal["unopenable"] | None, sealed: bytes | None) -> Words:
    if sealed is None or key is None or key == "unopenable":
        return None if sealed is None or key is None else "unopenable"
    try:
        return key.open("notice", sealed, Content)
    except vault.Unopenable:
        return "unopenable"


async def _keys(
    connection: asyncpg.Connection, people: Collection[UUID]
) -> dict[UUID, vault.PersonKey | Literal["unopenable"]]:
    """Keys of people; where one of them does not open, all are asked for one by one, so that the others still do."""
    try:
        return {**await vault.keys_of(connection, people)}
    except _BROKEN:
        if len(people) == 1:
            return dict.fromkeys(people, "unopenable")
    found: dict[UUID, vault.PersonKey | Literal["unopenable"]] = {}
    for person in people:
        found |= await _keys(connection, [person])
    return found
