"""Reads of pages, and pages resolved into what a phone shows."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, effective
from siyu.kernel.db import driver_of
from siyu.kernel.effective import Dated
from siyu.kernel.errors import NotFound
from siyu.scenes.storefront import rules
from siyu.scenes.storefront.rules import Block
from siyu.scenes.storefront.tables import PageRow, PageVersionRow


class Page(msgspec.Struct, frozen=True):
    """A page with its draft and what is published."""

    id: UUID
    key: str
    title: dict[str, str]
    draft: list[Block]
    draft_version: int
    draft_saved_at: datetime
    published: list[Block]
    published_number: int | None
    published_at: datetime | None


def blocks_of(stored: list[Any]) -> list[Block]:
    """Stored JSON as typed blocks."""
    return msgspec.convert(stored, list[Block])


async def row_of(session: AsyncSession, key: str, *, locked: bool = False) -> PageRow | None:
    """A page's row by key, on request locked."""
    wanted = select(PageRow).where(PageRow.key == key)
    return (await session.scalars(wanted.with_for_update() if locked else wanted)).first()


async def page_of(session: AsyncSession, key: str) -> Page:
    """A page; one that was never saved is empty. Raises ``NotFound`` for a key that is not a page."""
    if key not in rules.KEYS:
        raise NotFound(key=key[:40])
    row = await row_of(session, key)
    if row is None:
        return Page(
            UUID(int=0),
            key,
            rules.TITLES[key],
            [],
            0,
            datetime.fromisoformat("1970-01-01T00:00:00+00:00"),
            [],
            None,
            None,
        )
    number = await effective.value(session, rules.SHOWN[key])
    version = None
    if number is not None:
        version = await session.get(PageVersionRow, (row.brand_id, row.id, number))
    return Page(
        row.id, row.key, row.title, blocks_of(row.draft), row.draft_version, row.draft_saved_at,
        blocks_of(version.blocks) if version else [], version.number if version else None, version.published_at if version else None,
    )  # fmt: skip


async def versions_of(
    session: AsyncSession, key: str, *, before: int | None = None, limit: int = 20
) -> list[PageVersionRow]:
    """Published versions, newest first."""
    row = await row_of(session, key)
    if row is None:
        return []
    wanted = select(PageVersionRow).where(PageVersionRow.page_id == row.id)
    if before is not None:
        wanted = wanted.where(PageVersionRow.number < before)
    return list(await session.scalars(wanted.order_by(PageVersionRow.number.desc()).limit(limit)))


async def planned(session: AsyncSession, key: str) -> list[Dated]:
    """Versions that begin to be shown later, the next first; their value is the number."""
    now = clock.now()
    codes = [rules.SHOWN[key].code]
    found = await effective.plans_on(await driver_of(session), codes, now)
    return [one for one in found[codes[0]] if one.starts_at > now]


async def withdrawn(session: AsyncSession, key: str, numbers: list[int]) -> set[int]:
    """Which of these versions were planned and taken back, so that nobody ever saw them."""
    found = await effective.entries_with_on(
        await driver_of(session), rules.SHOWN[key].code, numbers
    )
    return {one.value for one in found if one.withdrawn_at is not None}
