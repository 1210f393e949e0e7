"""Reads of brands: facts with a short memory per process, and the tree of units."""

import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import effective
from siyu.kernel.db import Database, brand_of
from siyu.kernel.directory import brand_named
from siyu.kernel.errors import NotFound
from siyu.people.brands import rules
from siyu.people.brands.events import BrandChanged
from siyu.people.brands.rules import LocaleText
from siyu.people.brands.tables import BrandRow, UnitRow

MEMORY_S = 3.0
_MOST = 10_000


class BrandFacts(msgspec.Struct, frozen=True):
    """What everybody needs to know of a brand. ``privacy_version`` is text on the wire."""

    id: UUID
    slug: str
    name: LocaleText
    currency: str
    time_zone: str
    locales: list[str]
    default_locale: str
    is_demo: bool
    theme_color: str
    privacy: LocaleText
    privacy_version: str
    service_phone: str
    write_key: str
    second_step_required: bool

    def text(self, text: LocaleText, locale: str = "") -> str:
        """Merchant text in a locale, falling back to the brand's own."""
        return rules.in_locale(text, locale or self.default_locale, self.default_locale)


class BrandOut(msgspec.Struct):
    """A brand on the console's wire."""

    id: UUID
    slug: str
    name: LocaleText
    currency: str
    time_zone: str
    locales: list[str]
    default_locale: str
    is_demo: bool
    shop_url: str
    theme_color: str
    privacy: LocaleText
    privacy_version: str
    service_phone: str
    write_key: str
    second_step_required: bool

    @classmethod
    def of(cls, facts: BrandFacts, settings: Any) -> "BrandOut":
        """Facts as the console shows them, with the shop's address."""
        return cls(shop_url=settings.shop(facts.slug), **msgspec.structs.asdict(facts))


def facts_of(row: BrandRow) -> BrandFacts:
    """A brand's row as facts."""
    return BrandFacts(
        row.brand_id,
        row.slug,
        row.name,
        row.currency,
        row.time_zone,
        row.locales,
        row.default_locale,
        row.is_demo,
        row.theme_color,
        row.privacy,
        str(row.privacy_version),
        row.service_phone,
        row.write_key,
        row.second_step_required,
    )


_facts: OrderedDict[UUID, tuple[float, BrandFacts]] = OrderedDict()
_forgotten: OrderedDict[UUID, float] = OrderedDict()
"""When brands were changed in this process: what was being read at that moment is not kept."""
_hosts: OrderedDict[tuple[int, str], tuple[float, UUID]] = OrderedDict()


def _remember(memory: OrderedDict[Any, tuple[float, Any]], key: Any, value: Any) -> None:
    memory[key] = (time.monotonic(), value)
    memory.move_to_end(key)
    if len(memory) > _MOST:
        memory.popitem(last=False)


def _fresh(memory: OrderedDict[Any, tuple[float, Any]], key: Any) -> Any:
    """What is remembered under a key and not too old; else ``None``."""
    known = memory.get(key)
    return known[1] if known and time.monotonic() - known[0] < MEMORY_S else None


def forget_brand(brand_id: UUID | None) -> None:
    """Let this process read the brand afresh (``None``: all), after the commit of a change.

    Other processes do so when they hear of the event, and at the latest within ``MEMORY_S``.
    """
    if brand_id is None:
        for known in [*_facts]:
            forget_brand(known)
        return
    _facts.pop(brand_id, None)
    _forgotten[brand_id] = time.monotonic()
    _forgotten.move_to_end(brand_id)
    if len(_forgotten) > _MOST:
        _forgotten.popitem(last=False)


async def open_memory(runtime: Any) -> None:
    """Let the process's memory of brands hear what other processes changed."""
    runtime.parts["news"].hear_stated([BrandChanged], forget_brand)


async def brand_facts(database: Database, brand_id: UUID) -> BrandFacts:
    """Facts of a brand, at most ``MEMORY_S`` (and one reading) old. Raises ``NotFound``."""
    if (known := _fresh(_facts, brand_id)) is not None:
        return known
    if stale := _facts.get(brand_id):
        # One caller reads afresh, the others of this moment do with what is known.
        _remember(_facts, brand_id, stale[1])
    began = time.monotonic()
    async with database.brand(brand_id) as session:
        facts = await facts_in(session)
    if _forgotten.get(brand_id, -1.0) < began:
        _remember(_facts, brand_id, facts)
    return facts


async def facts_in(session: AsyncSession) -> BrandFacts:
    """Facts of the session's brand, fresh. Raises ``NotFound``."""
    row = await session.get(BrandRow, brand_of(session))
    if row is None:
        raise NotFound(brand_id=str(brand_of(session)))
    return facts_of(row)


async def _named(database: Database, kind: str, key: str) -> UUID | None:
    place = id(database), f"{kind}:{key}"
    if (known := _fresh(_hosts, place)) is not None:
        return known
    if stale := _hosts.get(place):
        _remember(_hosts, place, stale[1])
    async with database.dispatcher() as connection:
        brand_id = await brand_named(connection, kind, key)
    if brand_id is not None:
        _remember(_hosts, place, brand_id)
    return brand_id


async def brand_by_slug(database: Database, slug: str) -> BrandFacts:
    """The brand with a short name. Raises ``NotFound``."""
    brand_id = await _named(database, "slug", slug)
    if brand_id is None:
        raise NotFound(slug=slug[:60])
    return await brand_facts(database, brand_id)


async def brand_by_write_key(database: Database, write_key: str) -> BrandFacts:
    """The brand behind a tracking key. Raises ``NotFound``."""
    brand_id = await _named(database, "write_key", write_key)
    if brand_id is None:
        raise NotFound
    return await brand_facts(database, brand_id)


async def brand_by_host(database: Database, host: str) -> BrandFacts:
    """The brand whose shop a host (no port) is: its first label is the short name. Raises ``NotFound``."""
    return await brand_by_slug(database, host.split(".", 1)[0])


async def brand_of_scope(database: Database, scope: Any) -> BrandFacts:
    """The brand whose shop an ASGI request asks for, as the doors read it off the host. Raises ``NotFound``."""
    slug = scope.get("state", {}).get("slug")
    if not slug:
        raise NotFound
    # For most requests name and facts are known, and nobody has to be awaited.
    facts: BrandFacts | None = _fresh(_facts, _fresh(_hosts, (id(database), f"slug:{slug}")))
    return facts if facts is not None else await brand_by_slug(database, slug)


class Unit(msgspec.Struct, frozen=True):
    """A unit as modules above see it. ``latitude`` and ``longitude`` in micro-degrees."""

    id: UUID
    parent_id: UUID | None
    kind: str
    code: str
    name: LocaleText
    path: str
    closed: bool
    address: str = ""
    district_code: str = ""
    phone: str = ""
    hours: LocaleText = {}
    latitude_e6: int | None = None
    longitude_e6: int | None = None
    pick_up: bool = False


def unit_of(row: UnitRow) -> Unit:
    """A unit's row as a plain value."""
    return Unit(
        row.id,
        row.parent_id,
        row.kind,
        row.code,
        row.name,
        row.path,
        row.closed_at is not None,
        row.address or "",
        row.district_code or "",
        row.phone or "",
        row.hours or {},
        row.latitude_e6,
        row.longitude_e6,
        bool(row.pick_up),
    )


async def brand_and_unit(session: AsyncSession, unit_id: UUID) -> tuple[BrandFacts, Unit]:
    """Fresh facts of the session's brand with one of its units, in one round trip. Raises ``NotFound``."""
    found = (
        await session.execute(
            select(BrandRow, UnitRow)
            .join(UnitRow, UnitRow.brand_id == BrandRow.brand_id)
            .where(UnitRow.id == unit_id)
        )
    ).one_or_none()
    if found is None:
        raise NotFound(unit_id=str(unit_id))
    return facts_of(found[0]), unit_of(found[1])


async def units(session: AsyncSession, ids: Iterable[UUID | None]) -> dict[UUID, Unit]:
    """Units by id; unknown ids are absent."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    rows = await session.scalars(select(UnitRow).where(UnitRow.id.in_(wanted)))
    return {row.id: unit_of(row) for row in rows}


async def units_within(session: AsyncSession, path: str) -> list[Unit]:
    """A unit and everything below it, closed ones too, in the order of paths."""
    low, high = rules.subtree(path)
    rows = await session.scalars(
        select(UnitRow).where(UnitRow.path >= low, UnitRow.path < high).order_by(UnitRow.path)
    )
    return [unit_of(row) for row in rows]


async def open_stores(session: AsyncSession, *, pick_up: bool | None = None) -> list[Unit]:
    """Stores that are open, by path; with ``pick_up`` only those that do (or do not) hand out orders."""
    wanted = (
        select(UnitRow)
        .where(UnitRow.kind == "store", UnitRow.closed_at.is_(None))
        .order_by(UnitRow.path)
    )
    if pick_up is not None:
        wanted = wanted.where(UnitRow.pick_up.is_(pick_up))
    return [unit_of(row) for row in await session.scalars(wanted)]


async def shop_stores(session: AsyncSession, *, pick_up: bool | None = None) -> list[Unit]:
    """Open stores as shoppers meet them: none hands out new orders while the brand offers no pick-up."""
    stores = await open_stores(session)
    if not await effective.value(session, rules.PICK_UP_OFFERED):
        stores = [msgspec.structs.replace(unit, pick_up=False) for unit in stores]
    return [unit for unit in stores if pick_up is None or unit.pick_up is pick_up]


async def hq(session: AsyncSession) -> Unit:
    """The top of the session's brand's tree."""
    row = (await session.scalars(select(UnitRow).where(UnitRow.parent_id.is_(None)))).one()
    return unit_of(row)


async def unit_row(session: AsyncSession, unit_id: UUID, *, within: str | None = None) -> UnitRow:
    """A unit, within a subtree. Raises ``NotFound`` when it is not there or not below ``within``."""
    row = await session.get(UnitRow, (brand_of(session), unit_id))
    if row is None or (within is not None and not rules.is_within(row.path, within)):
        raise NotFound(unit_id=str(unit_id))
    return row
