"""Saving drafts, publishing, going back. A version is never changed: going back publishes it again under a new number."""

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import actor_of, brand_of
from siyu.kernel.errors import NotFound
from siyu.kernel.events import state
from siyu.kernel.ids import new_id
from siyu.scenes.storefront import queries, rules
from siyu.scenes.storefront.events import PagePublished
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
    """Show the draft to shoppers; the number of the new version. Raises ``NothingNew``, ``NotFound``."""
    row = await queries.row_of(session, key, locked=True)
    if row is None:
        raise NotFound(key=key[:40])
    if row.published_number is not None:
        now_shown = await session.get(
            PageVersionRow, (brand_of(session), row.id, row.published_number)
        )
        if now_shown is not None and now_shown.blocks == row.draft:
            raise rules.NothingNew
    return await _show(session, row, row.draft)


async def roll_back(session: AsyncSession, key: str, number: int) -> int:
    """Make an earlier version the draft and publish it; the new number. Raises ``NotFound``."""
    row = await queries.row_of(session, key, locked=True)
    version = (
        await session.get(PageVersionRow, (brand_of(session), row.id, number)) if row else None
    )
    if row is None or version is None:
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
            title=queries.TITLES[key],
            draft=[],
            draft_version=0,
            draft_saved_at=clock.now(),
        )
        session.add(row)
        await session.flush()
    return row


async def _show(session: AsyncSession, row: PageRow, blocks: list[object]) -> int:
    number = (row.published_number or 0) + 1
    session.add(
        PageVersionRow(
            page_id=row.id,
            number=number,
            blocks=blocks,
            published_at=clock.now(),
            published_by=actor_of(session).name,
        )
    )
    row.published_number = number
    await session.flush()
    await state(session, [PagePublished(page_id=row.id, key=row.key, number=number)])
    return number
