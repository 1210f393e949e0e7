"""Keeping pictures: uploads, and addresses of pictures that are fetched later."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.catalogue.media.pictures import Picture, rendered
from siyu.goods.catalogue.showing import own_id
from siyu.goods.catalogue.tables import MediaRow
from siyu.kernel import clock, jobs
from siyu.kernel.db import brand_of
from siyu.kernel.files import Files
from siyu.kernel.ids import new_id
from siyu.kernel.leases import taking_time

MAX_SOURCE_BYTES = 2_000
RENDERING_S = 60.0
_FETCH = {"zh-CN": "取回商品图片", "en": "Fetch product pictures"}
_rendering = asyncio.Semaphore(2)


async def keep_picture(
    session: AsyncSession,
    files: Files,
    content: bytes,
    *,
    alt: Mapping[str, str] | None = None,
    generated: bool = False,
) -> MediaRow:
    """Make a picture new and keep it; the same picture again is the same row.

    Refusals: ``NotAnImage``, ``TooBig``.
    """
    async with taking_time(session, RENDERING_S):
        picture = await render(content)
    known = (
        await session.scalars(select(MediaRow).where(MediaRow.hash == picture.hash).limit(1))
    ).first()
    if known is not None:
        return known
    await keep_files(files, brand_of(session), picture)
    row = MediaRow(
        hash=picture.hash,
        alt=dict(alt or {}),
        generated=generated,
        width=picture.width,
        height=picture.height,
    )
    session.add(row)
    await session.flush()
    return row


async def render(content: bytes) -> Picture:
    """``rendered`` in a thread, two at a time: pictures must not crowd out requests."""
    async with _rendering:
        return await asyncio.to_thread(rendered, content)


async def keep_files(files: Files, brand_id: UUID, picture: Picture, name: str = "") -> None:
    """Write a picture's sizes, named by content (or by ``name``); the largest last, so that it means all are there."""
    for size in sorted(picture.files):
        await files.put(media_key(brand_id, name or picture.hash, size), picture.files[size])


def media_key(brand_id: UUID, name: str, size: int) -> str:
    """Where a picture lies in Files."""
    return f"{brand_id}/media/{name}/{size}.webp"


_KNOWN = """
select w.source, m.id from unnest($1::text[]) as w(source)
cross join lateral (select id from media where source = w.source limit 1) m
"""
_ADD = """
insert into media (id, source, alt, label, created_at)
select id, source, alt::jsonb, label, $5 from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as m(id, source, alt, label)
on conflict (brand_id, source) do nothing
"""


async def own_pictures(connection: asyncpg.Connection, addresses: Iterable[str]) -> dict[str, UUID]:
    """The pictures of the brand that addresses of ours name behind ``#m``; others are absent."""
    named = {address: found for address in addresses if (found := own_id(address))}
    if not named:
        return {}
    rows = await connection.fetch(
        "select id from media where id = any($1::uuid[])", list(named.values())
    )
    known = {row["id"] for row in rows}
    return {address: found for address, found in named.items() if found in known}


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """A picture to be fetched; ``label`` is drawn until then."""

    source: str
    alt: dict[str, str]
    label: str


async def media_of_sources(
    connection: asyncpg.Connection, wanted: Sequence[Wanted]
) -> dict[str, UUID]:
    """The pictures of addresses, made where new; addresses too long to be kept are absent. Three round trips at most."""
    by_source = {one.source: one for one in wanted if len(one.source.encode()) <= MAX_SOURCE_BYTES}
    if not by_source:
        return {}
    found = {row["source"]: row["id"] for row in await connection.fetch(_KNOWN, list(by_source))}
    fresh = [one for source, one in by_source.items() if source not in found]
    if fresh:
        await connection.execute(
            _ADD,
            [new_id() for _ in fresh],
            [one.source for one in fresh],
            [msgspec.json.encode(one.alt).decode() for one in fresh],
            [one.label for one in fresh],
            clock.now(),
        )
        again = await connection.fetch(_KNOWN, [one.source for one in fresh])
        found.update({row["source"]: row["id"] for row in again})
    return found


async def ask_for_pictures(session: AsyncSession) -> None:
    """Start the job that fetches pictures, if some wait and none is on its way."""
    waiting = await session.scalar(
        text(
            """select exists (select from media where hash is null and source is not null and attempts < 3)
               and not exists (select from jobs where kind = 'catalogue.images' and state = 'waiting')"""
        )
    )
    if waiting:
        await jobs.start(session, "catalogue.images", {}, _FETCH)
