"""Saving drafts, publishing now or from a moment on, going back. A version is never changed: going back publishes it again under a new number."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, effective
from siyu.kernel.db import brand_of
from siyu.kernel.errors import NotFound
from siyu.kernel.ids import new_id
from siyu.scenes.storefront import queries, rules
from siyu.scenes.storefront.rules import Block
from siyu.scenes.storefront.tables import PageRow, PageVersionRow


async def save_draft(session: AsyncSession, key: str, blocks: list[Block], version: int) -> int:
    """Keep a draft made from ``version``; its new version. Raises ``DraftMoved``, ``TooManyBlocks``, ``DoubleBlock``."""
    rules.checked(blocks)
    row = await _own(session, key)
    if row.draft_version != version:
        raise rules.DraftMoved(draft_version=row.draft_version)
    row.draft = msgspec.to_builtins(blocks)
    row.draft_version, row.draft_saved_at = version + 1, clock.now()
    await session.flush()
    return row.draft_version


async def publish(session: AsyncSession, key: str) -> int:
    """Show the draft to shoppers from now on; the number of the new version. Raises ``NothingNew``, ``NotFound``."""
    row = await _locked(session, key)
    await _check_new(session, row, clock.now())
    return await _show(session, row, row.draft)


async def schedule(session: AsyncSession, key: str, starts_at: datetime, version: int) -> int:
    """Show the draft as it is now from a moment on; the number of its version.

    ``version``: the draft's that the caller saw. Raises ``NothingNew``, ``NotFound``, ``DraftMoved``, and what
    ``effective.set_value`` raises.
    """
    row = await _locked(session, key)
    if row.draft_version != version:
        raise rules.DraftMoved(draft_version=row.draft_version)
    await _check_new(session, row, starts_at)
    return await _show(session, row, row.draft, starts_at)


async def withdraw(session: AsyncSession, key: str, entry_id: UUID) -> int:
    """Take a planned version back before it is shown; its number. Raises ``NotFound``, ``HoldsAlready``."""
    await _locked(session, key)
    return (await effective.withdraw(session, rules.SHOWN[key], entry_id)).value


async def roll_back(session: AsyncSession, key: str, number: int) -> int:
    """Make an earlier version the draft and publish it; the new number. Raises ``NotFound``."""
    row = await _locked(session, key)
    version = await session.get(PageVersionRow, (brand_of(session), row.id, number))
    if version is None:
        raise NotFound(number=number)
    row.draft, row.draft_version, row.draft_saved_at = (
        version.blocks,
        row.draft_version + 1,
        clock.now(),
    )
    return await _show(session, row, version.blocks)


async def set_page(session: AsyncSession, key: str, blocks: list[Block]) -> int:
    """Save and publish in one go (a new brand's first page, the demo)."""
    await save_draft(session, key, blocks, (await _own(session, key)).draft_version)
    return await publish(session, key)


async def _own(session: AsyncSession, key: str) -> PageRow:
    if key not in rules.KEYS:
        raise NotFound(key=key[:40])
    driver = await session.connection()
    await driver.execute(
        select(
            func.pg_advisory_xact_lock(func.hashtextextended(f"{brand_of(session)}/page/{key}", 0))
        )
    )
    row = await queries.row_of(session, key, locked=True)
    if row is None:
        row = PageRow(
            id=new_id(),
            key=key,
            title=rules.TITLES[key],
            draft=[],
            draft_version=0,
            draft_saved_at=clock.now(),
        )
        session.add(row)
        await session.flush()
    return row


async def _locked(session: AsyncSession, key: str) -> PageRow:
    row = await queries.row_of(session, key, locked=True)
    if row is None:
        raise NotFound(key=key[:40])
    return row


async def _check_new(session: AsyncSession, row: PageRow, at: datetime) -> None:
    """Raises ``NothingNew`` when the draft is what is shown at that moment anyway."""
    number = await effective.value(session, rules.SHOWN[row.key], at)
    shown = await session.get(PageVersionRow, (brand_of(session), row.id, number or 0))
    if shown is not None and shown.blocks == row.draft:
        raise rules.NothingNew


async def _show(
    session: AsyncSession, row: PageRow, blocks: list[object], starts_at: datetime | None = None
) -> int:
    last = await session.scalar(
        select(func.max(PageVersionRow.number)).where(PageVersionRow.page_id == row.id)
    )
    number = (last or 0) + 1
    entry = await effective.set_value(session, rules.SHOWN[row.key], number, starts_at=starts_at)
    session.add(
        PageVersionRow(
            page_id=row.id,
            number=number,
            blocks=blocks,
            published_at=entry.starts_at,
            published_by=entry.set_by,
        )
    )
    await session.flush()
    return number
