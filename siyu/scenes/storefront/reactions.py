"""A page's version that begins to be shown, now or at its moment, is stated."""

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import effective
from siyu.kernel.db import driver_of
from siyu.kernel.effective import EffectiveChanged
from siyu.kernel.events import on, state
from siyu.scenes.storefront import queries, rules
from siyu.scenes.storefront.events import PagePublished


@on(EffectiveChanged)
async def tell_published(session: AsyncSession, changed: list[EffectiveChanged]) -> None:
    """State which version shoppers see from its start on."""
    keys = {setting.code: key for key, setting in rules.SHOWN.items()}
    mine = [one for one in changed if one.code in keys]
    entries = await effective.entries_on(await driver_of(session), [one.entry_id for one in mine])
    for entry in entries:
        page = await queries.page_of(session, keys[entry.code])
        await state(session, [PagePublished(page_id=page.id, key=page.key, number=entry.value)])
