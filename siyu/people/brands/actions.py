"""Writes of brands: founding one, changing it, and its tree of units."""

import secrets
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import Database, after_commit, brand_of
from siyu.kernel.directory import enter
from siyu.kernel.errors import Invalid
from siyu.kernel.events import state
from siyu.kernel.ids import new_id
from siyu.people.brands import rules
from siyu.people.brands.events import BrandChanged, BrandCreated, UnitChanged
from siyu.people.brands.ports import Founding, closing_hooks, founding_hooks
from siyu.people.brands.queries import Unit, forget_brand, unit_of, unit_row
from siyu.people.brands.rules import LocaleText
from siyu.people.brands.tables import BrandRow, UnitRow

DEFAULT_PRIVACY: LocaleText = {
    "zh-CN": "为了向您提供商品浏览、下单和配送服务，我们会在您同意后记录设备标识、浏览与订单信息；手机号和收货地址只用于登录、配送和售后。"
    "我们不会出售您的个人信息。您可以随时退出登录，并联系客服查询、更正或删除您的信息。",
    "en": "With your consent we record a device identifier and your visits and orders, in order to show goods, take orders and "
    "deliver them. Your phone number and address are used for sign-in, delivery and after-sales only. We never sell personal "
    "information. You can sign out at any time and ask our service to show, correct or delete what we hold.",
}


class Created(msgspec.Struct, frozen=True):
    """A new brand. ``first_password`` is set when none was given: it is shown once and not kept."""

    brand_id: UUID
    owner_login: str
    first_password: str | None


async def create_brand(
    database: Database,
    *,
    slug: str,
    name: LocaleText,
    owner_login: str,
    owner_password: str | None = None,
    owner_name: str = "店主",
    currency: str = "CNY",
    time_zone: str = "Asia/Shanghai",
    locales: list[str] | None = None,
    default_locale: str = "zh-CN",
    theme_color: str = "#17624f",
    is_demo: bool = False,
) -> Created:
    """Make a brand with its HQ, its owner and its directory entries, in one transaction.

    Raises ``BadSlug``, ``directory.name_taken`` (slug or login), ``Invalid``.
    """
    rules.check_slug(slug)
    rules.check_name(name)
    chosen = list(locales or rules.LOCALES)
    rules.check_founding(currency, time_zone, chosen, default_locale)
    brand_id, hq_id, write_key = new_id(), new_id(), secrets.token_urlsafe(24)
    founding = Founding(
        brand_id=brand_id,
        hq_id=hq_id,
        slug=slug,
        currency=currency,
        default_locale=default_locale,
        owner_login=owner_login.strip().lower(),
        owner_password=owner_password,
        owner_name=owner_name,
        is_demo=is_demo,
    )
    async with database.brand(brand_id) as session:
        await enter(session, "slug", slug)
        await enter(session, "brand", brand_id.hex)
        await enter(session, "write_key", write_key)
        session.add(
            _first_row(
                slug,
                name,
                (currency, time_zone, chosen, default_locale),
                is_demo=is_demo,
                theme_color=theme_color,
                write_key=write_key,
            )
        )
        session.add(UnitRow(id=hq_id, kind="hq", code="hq", name=name, path="hq/"))
        await session.flush()
        assert founding_hooks, (
            "people.staff must be imported: a brand without an owner helps nobody"
        )
        for hook in founding_hooks:
            await hook(session, founding)
        await state(session, [BrandCreated(brand_id=brand_id, hq_id=hq_id)])
    return Created(brand_id, founding.owner_login, founding.first_password)


def _first_row(
    slug: str,
    name: LocaleText,
    place: tuple[str, str, list[str], str],
    *,
    is_demo: bool,
    theme_color: str,
    write_key: str,
) -> BrandRow:
    currency, time_zone, locales, default_locale = place
    return BrandRow(
        slug=slug,
        name=name,
        currency=currency,
        time_zone=time_zone,
        locales=locales,
        default_locale=default_locale,
        is_demo=is_demo,
        theme_color=rules.readable_color(theme_color),
        privacy=DEFAULT_PRIVACY,
        privacy_version=1,
        service_phone="",
        second_step_required=False,
        write_key=write_key,
        created_at=clock.now(),
    )


class BrandChange(msgspec.Struct, frozen=True, kw_only=True):
    """What may be changed of a brand; what is UNSET stays."""

    name: LocaleText | msgspec.UnsetType = msgspec.UNSET
    theme_color: str | msgspec.UnsetType = msgspec.UNSET
    privacy: LocaleText | msgspec.UnsetType = msgspec.UNSET
    service_phone: str | msgspec.UnsetType = msgspec.UNSET
    locales: list[str] | msgspec.UnsetType = msgspec.UNSET
    default_locale: str | msgspec.UnsetType = msgspec.UNSET
    second_step_required: bool | msgspec.UnsetType = msgspec.UNSET


async def change_brand(session: AsyncSession, change: BrandChange) -> tuple[BrandRow, list[str]]:
    """Change the session's brand; the row and the names of the fields that are different now. Raises ``Invalid``."""
    row = (await session.scalars(select(BrandRow).with_for_update())).one()
    wanted = {
        key: value
        for key, value in msgspec.structs.asdict(change).items()
        if value is not msgspec.UNSET
    }
    if "name" in wanted:
        rules.check_name(wanted["name"])
    if "theme_color" in wanted:
        wanted["theme_color"] = rules.readable_color(wanted["theme_color"])
    if "privacy" in wanted:
        rules.check_name(wanted["privacy"], "privacy", longest=20_000)
    if "locales" in wanted or "default_locale" in wanted:
        rules.check_locales(
            wanted.get("locales", row.locales), wanted.get("default_locale", row.default_locale)
        )
    changed = [key for key, value in wanted.items() if getattr(row, key) != value]
    for key in changed:
        setattr(row, key, wanted[key])
    if "privacy" in changed:
        row.privacy_version += 1
    if changed:
        await session.flush()
        await state(session, [BrandChanged(brand_id=row.brand_id)])
        after_commit(session, lambda: forget_brand(row.brand_id))
    return row, changed


class StorePlace(msgspec.Struct, frozen=True, kw_only=True):
    """What only stores have. Coordinates in micro-degrees (WGS 84)."""

    address: str = ""
    district_code: str = ""
    phone: str = ""
    hours: LocaleText = {}
    latitude_e6: int | None = None
    longitude_e6: int | None = None
    pick_up: bool = False


async def add_unit(
    session: AsyncSession,
    *,
    parent_id: UUID,
    kind: str,
    code: str,
    name: LocaleText,
    store: StorePlace | None = None,
    within: str | None = None,
) -> Unit:
    """Put a unit into the tree, below a parent in the subtree ``within``.

    Raises ``NotFound``, ``WrongParent``, ``ParentClosed``, ``CodeTaken``, ``Invalid``.
    """
    rules.check_code(code)
    rules.check_name(name)
    parent = await unit_row(session, parent_id, within=within)
    rules.check_place(kind, parent.kind)
    if parent.closed_at is not None:
        raise rules.ParentClosed(parent_id=str(parent_id))
    await _check_code_free(session, code)
    row = UnitRow(
        parent_id=parent_id,
        kind=kind,
        code=code,
        name=name,
        path=rules.path_below(parent.path, code),
    )
    _put_store(row, store or StorePlace() if kind == "store" else None)
    session.add(row)
    await session.flush()
    await state(session, [UnitChanged(unit_id=row.id, kind_of_unit=kind, closed=False, added=True)])
    return unit_of(row)


async def _check_code_free(session: AsyncSession, code: str) -> None:
    # Changes of the tree wait for each other: two moves at once could make a cycle that neither sees.
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"units/{brand_of(session)}", 0)))
    )
    if await session.scalar(select(UnitRow.id).where(UnitRow.code == code)):
        raise rules.CodeTaken(code=code)


def _put_store(row: UnitRow, store: StorePlace | None) -> None:
    if store is None:
        return
    if row.kind != "store":
        raise Invalid(errors=[{"path": "store", "message": "only stores have store details"}])
    rules.check_name(store.hours, "store.hours", longest=200, needed=False)
    for key, value in msgspec.structs.asdict(store).items():
        setattr(row, key, value)


class UnitChange(msgspec.Struct, frozen=True, kw_only=True):
    """What may be changed of a unit; what is UNSET stays."""

    parent_id: UUID | msgspec.UnsetType = msgspec.UNSET
    code: str | msgspec.UnsetType = msgspec.UNSET
    name: LocaleText | msgspec.UnsetType = msgspec.UNSET
    store: StorePlace | msgspec.UnsetType = msgspec.UNSET
    closed: bool | msgspec.UnsetType = msgspec.UNSET


async def change_unit(
    session: AsyncSession, unit_id: UUID, change: UnitChange, *, within: str | None = None
) -> tuple[Unit, list[str]]:
    """Change, move, close or open a unit; it and the names of what is different now.

    Raises ``NotFound``, ``NoCycles``, ``WrongParent``, ``CodeTaken``, ``NotClosable``, ``ParentClosed``.
    """
    row = await unit_row(session, unit_id, within=within)
    before = msgspec.structs.asdict(unit_of(row))
    if change.code is not msgspec.UNSET and change.code != row.code:
        rules.check_code(change.code)
        await _check_code_free(session, change.code)
    if change.name is not msgspec.UNSET:
        rules.check_name(change.name)
        row.name = change.name
    if change.store is not msgspec.UNSET:
        _put_store(row, change.store)
    await _move(session, row, change, within)
    if change.closed is not msgspec.UNSET and change.closed != (row.closed_at is not None):
        row.closed_at = (
            await _closing(session, row) if change.closed else await _opening(session, row)
        )
    await session.flush()
    now = unit_of(row)
    changed = [key for key, value in msgspec.structs.asdict(now).items() if value != before[key]]
    if changed:
        await state(
            session, [UnitChanged(unit_id=row.id, kind_of_unit=row.kind, closed=now.closed)]
        )
    return now, changed


async def _move(
    session: AsyncSession, row: UnitRow, change: UnitChange, within: str | None
) -> None:
    code = row.code if change.code is msgspec.UNSET else change.code
    parent_id = row.parent_id if change.parent_id is msgspec.UNSET else change.parent_id
    if code == row.code and parent_id == row.parent_id:
        return
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"units/{brand_of(session)}", 0)))
    )
    await session.refresh(row, ["path", "parent_id"])
    if parent_id is None or row.parent_id is None:
        if parent_id != row.parent_id:
            raise rules.WrongParent(
                "The top of the tree stays where it is.", kind=row.kind, parent_kind=None
            )
        above = ""
    else:
        parent = await unit_row(session, parent_id, within=within)
        if rules.is_within(parent.path, row.path):
            raise rules.NoCycles(unit_id=str(row.id))
        rules.check_place(row.kind, parent.kind)
        if parent.closed_at is not None and row.closed_at is None:
            raise rules.ParentClosed(parent_id=str(parent_id))
        above = parent.path
    old, new = row.path, rules.path_below(above, code)
    row.code, row.parent_id = code, parent_id
    await session.flush()
    low, high = rules.subtree(old)
    await session.execute(
        update(UnitRow)
        .where(UnitRow.path >= low, UnitRow.path < high)
        .values(path=func.concat(new, func.substr(UnitRow.path, len(old) + 1)))
        .execution_options(synchronize_session=False)
    )
    await session.refresh(row, ["path"])


async def _closing(session: AsyncSession, row: UnitRow) -> datetime:
    if row.parent_id is None:
        raise rules.NotClosable("The top of the tree cannot be closed.", reason="hq", count=0)
    children = await session.scalar(
        select(func.count()).where(UnitRow.parent_id == row.id, UnitRow.closed_at.is_(None))
    )
    if children:
        raise rules.NotClosable(reason="children", count=children)
    for hook in closing_hooks:
        if refusal := await hook(session, row.id):
            raise refusal
    return clock.now()


async def _opening(session: AsyncSession, row: UnitRow) -> None:
    assert row.parent_id is not None
    if (await unit_row(session, row.parent_id)).closed_at is not None:
        raise rules.ParentClosed(parent_id=str(row.parent_id))
