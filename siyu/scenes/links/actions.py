"""Making links, and noting who came through one."""

import secrets
from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, vault
from siyu.kernel.db import actor_of, brand_of
from siyu.kernel.events import state
from siyu.kernel.ids import new_id
from siyu.scenes.links import rules
from siyu.scenes.links.events import LinkMade, LinkOpened
from siyu.scenes.links.queries import Link, link_of
from siyu.scenes.links.rules import Target
from siyu.scenes.links.tables import LinkRow, TouchpointRow


class LinkPlan(msgspec.Struct, frozen=True):
    """What a link shall say."""

    target: Target
    source: str
    scene: str = ""
    store_id: UUID | None = None
    guide_id: UUID | None = None
    note: str = ""


async def make_links(session: AsyncSession, plans: Sequence[LinkPlan]) -> list[Link]:
    """Make links; the caller has checked targets, stores and guides. Raises ``BadSource``."""
    brand_id = brand_of(session)
    key = vault.brand_key(brand_id, rules.PURPOSE)
    rows: list[LinkRow] = []
    for plan in plans:
        if plan.source not in rules.SOURCES:
            raise rules.BadSource(source=plan.source[:40])
        rows.append(
            LinkRow(
                id=new_id(),
                code=rules.code_of(secrets.token_bytes(8), key, brand_id),
                target_kind=plan.target.kind,
                target_id=plan.target.id,
                source=plan.source,
                scene=plan.scene,
                store_id=plan.store_id,
                guide_id=plan.guide_id,
                note=plan.note,
                created_by=actor_of(session).id,
                created_at=clock.now(),
            )
        )
    session.add_all(rows)
    await session.flush()
    await state(
        session,
        [
            LinkMade(
                link_id=r.id,
                source=r.source,
                scene=r.scene,
                store_id=r.store_id,
                guide_id=r.guide_id,
            )
            for r in rows
        ],
    )
    return [link_of(row) for row in rows]


async def touch(session: AsyncSession, link: Link, person_id: UUID | None) -> UUID:
    """Note a visit through a link; the touchpoint's id."""
    row = TouchpointRow(id=new_id(), link_id=link.id, person_id=person_id, at=clock.now())
    session.add(row)
    await session.flush()
    event = LinkOpened(
        link_id=link.id, touchpoint_id=row.id, person_id=person_id, source=link.source, scene=link.scene,
        store_id=link.store_id, guide_id=link.guide_id,
    )  # fmt: skip
    await state(session, [event])
    return row.id
