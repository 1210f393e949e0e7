"""Reads of links, by lists of codes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.orders import Source
from siyu.scenes.links.rules import Target
from siyu.scenes.links.tables import LinkRow, TouchpointRow


class Link(msgspec.Struct, frozen=True):
    """A link as a plain value."""

    id: UUID
    code: str
    target: Target
    source: str
    scene: str
    store_id: UUID | None
    guide_id: UUID | None
    note: str
    created_at: datetime


def link_of(row: Any) -> Link:
    """A row as a plain value."""
    return Link(
        row.id, row.code, Target(row.target_kind, row.target_id), row.source, row.scene, row.store_id, row.guide_id, row.note,
        row.created_at,
    )  # fmt: skip


async def by_codes(session: AsyncSession, codes: Iterable[str]) -> dict[str, Link]:
    """Links by code; unknown codes are absent."""
    rows = await session.scalars(select(LinkRow).where(LinkRow.code.in_(list(codes))))
    return {row.code: link_of(row) for row in rows}


async def sources(connection: asyncpg.Connection, codes: Iterable[str]) -> Mapping[str, Source]:
    """Where orders came from, by link code, on a bare brand-bound connection (plugged into ``orders``)."""
    rows = await connection.fetch(
        "select code, source, scene, store_id, guide_id, id from links where code = any($1)",
        list(set(codes)),
    )
    return {row[0]: Source(row[1], row[2], row[3], row[4], row[5]) for row in rows}


async def page(
    session: AsyncSession,
    *,
    before: tuple[datetime, UUID] | None,
    limit: int,
    stores: Sequence[UUID] | None,
) -> list[tuple[Link, int]]:
    """Links with their visits, newest first; with ``stores`` only those of these stores."""
    wanted = select(LinkRow).order_by(LinkRow.created_at.desc(), LinkRow.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(tuple_(LinkRow.created_at, LinkRow.id) < before)
    if stores is not None:
        wanted = wanted.where(LinkRow.store_id.in_(list(stores)))
    links = [link_of(row) for row in await session.scalars(wanted)]
    counted = await session.execute(
        select(TouchpointRow.link_id, func.count())
        .where(TouchpointRow.link_id.in_([link.id for link in links]))
        .group_by(TouchpointRow.link_id)
    )
    visits = dict(counted.tuples().all())
    return [(link, visits.get(link.id, 0)) for link in links]
