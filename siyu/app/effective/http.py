"""The console's doors to dated settings: read them, plan, set, withdraw."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from siyu.kernel import clock, effective
from siyu.kernel.db import driver_of
from siyu.kernel.effective import Dated, Kind, Setting, UnknownSetting
from siyu.kernel.errors import NotAllowed
from siyu.kernel.http import decode_cursor, encode_cursor
from siyu.people.staff import Desk, permission

permission("effective.view", {"zh-CN": "查看排期", "en": "See what is planned"})

LocaleText = dict[str, str]
Value = int | bool | str | None
_PAGE = 20


class DatedValueOut(msgspec.Struct):
    """A value, from when on it holds, and who wanted it why."""

    id: UUID
    value: Value
    state: Literal["holds", "planned", "past", "withdrawn"]
    starts_at: datetime
    reason: str
    set_by: str
    set_at: datetime
    withdrawn_by: str | None
    withdrawn_at: datetime | None


class SettingChoiceOut(msgspec.Struct):
    code: str
    label: LocaleText


class DatedSettingOut(msgspec.Struct):
    """A setting: what holds now, what comes, and what it takes."""

    code: str
    kind: Kind
    label: LocaleText
    note: LocaleText
    least: int
    most: int
    choices: list[SettingChoiceOut]
    default: Value
    value: Value
    """What holds now."""
    holds: DatedValueOut | None
    """Nothing while the default holds because nobody ever set it."""
    planned: list[DatedValueOut]
    version: int
    """Sent back with a change, so that nobody changes what they have not seen."""
    entries: int
    """How many there are in the history."""


class DatedSettingsOut(msgspec.Struct):
    """All of them, by the clock of the house."""

    now: datetime
    items: list[DatedSettingOut]


class DatedValueIn(msgspec.Struct, forbid_unknown_fields=True):
    """A value and from when on; no start: from now on."""

    value: int | bool | str
    reason: Annotated[str, Meta(max_length=1_000)]
    version: Annotated[int, Meta(ge=0, le=2**53)]
    starts_at: Annotated[datetime, Meta(tz=True)] | None = None


class WithdrawalIn(msgspec.Struct, forbid_unknown_fields=True):
    """The setting's version that was looked at."""

    version: Annotated[int, Meta(ge=0, le=2**53)]


class DatedValuePage(msgspec.Struct):
    items: list[DatedValueOut]
    next: str | None


def _named(code: str) -> Setting[Any]:
    """A setting that is set here; what a module publishes at its own door is not. Raises ``UnknownSetting``."""
    setting = effective.settings.get(code)
    if setting is None or setting.kind == "reference":
        raise UnknownSetting(code=code[:60])
    return setting


def _entry_out(one: Dated, holds: Dated | None, now: datetime) -> DatedValueOut:
    state = "planned" if one.starts_at > now else "past"
    if one.withdrawn_at is not None:
        state = "withdrawn"
    elif holds is not None and one.id == holds.id:
        state = "holds"
    return DatedValueOut(
        one.id, one.value, state, one.starts_at, one.reason, one.set_by, one.set_at, one.withdrawn_by, one.withdrawn_at
    )  # fmt: skip


def _setting_out(
    setting: Setting[Any], plan: list[Dated], counted: tuple[int, int], now: datetime
) -> DatedSettingOut:
    holds = plan[0] if plan and plan[0].starts_at <= now else None
    return DatedSettingOut(
        setting.code, setting.kind, setting.label, setting.note, setting.least, setting.most,
        [SettingChoiceOut(code, label) for code, label in setting.choices], setting.default,
        effective.understood(setting, holds.entry if holds else None),
        _entry_out(holds, holds, now) if holds else None,
        [_entry_out(one, holds, now) for one in plan if one is not holds], *counted,
    )  # fmt: skip


async def _shown(desk: Desk, chosen: list[Setting[Any]]) -> DatedSettingsOut:
    connection, now = await driver_of(desk.session), clock.now()
    codes = [setting.code for setting in chosen]
    plans = await effective.plans_on(connection, codes, now)
    counted = await effective.versions_on(connection, codes)
    return DatedSettingsOut(
        now, [_setting_out(one, plans[one.code], counted[one.code], now) for one in chosen]
    )


def _may_change(desk: Desk) -> None:
    """A setting is the whole brand's: raises ``NotAllowed`` below the top of the tree."""
    desk.require("settings.edit")
    if not desk.staff.sees_all:
        raise NotAllowed(permission="settings.edit")


@get("/effective", tags=["effective"])
async def list_settings(desk: NamedDependency[Desk]) -> DatedSettingsOut:
    """Every dated setting with what holds, what is planned, and what it takes; pages of the shop too (kind ``reference``)."""
    desk.require("effective.view")
    return await _shown(desk, list(effective.settings.values()))


@get("/effective/{code:str}/history", tags=["effective"])
async def list_history(
    desk: NamedDependency[Desk], code: FromPath[str], cursor: FromQuery[str | None] = None
) -> DatedValuePage:
    """All that was ever set or planned, withdrawn ones too, what was set last first. Refusals: effective.unknown_setting."""
    desk.require("effective.view")
    if code not in effective.settings:
        raise UnknownSetting(code=code[:60])
    connection, now = await driver_of(desk.session), clock.now()
    key = decode_cursor(cursor, datetime, UUID)
    found = await effective.history_on(
        connection, code, before=(key[0], key[1]) if key else None, limit=_PAGE + 1
    )
    plan = (await effective.plans_on(connection, [code], now))[code]
    holds = plan[0] if plan and plan[0].starts_at <= now else None
    last = found[_PAGE - 1] if len(found) > _PAGE else None
    return DatedValuePage(
        [_entry_out(one, holds, now) for one in found[:_PAGE]],
        encode_cursor((last.set_at, last.id)) if last else None,
    )


@post("/effective/{code:str}", tags=["effective"], status_code=200)
async def set_setting(
    desk: NamedDependency[Desk], code: FromPath[str], data: JSONBody[DatedValueIn]
) -> DatedSettingOut:
    """Let a value hold from now or from a moment on, until the next one that is planned.

    Refusals: effective.unknown_setting, effective.wrong_type, effective.out_of_bounds, effective.reason_needed,
    effective.past_start, effective.too_far, effective.moment_taken, effective.changed_meanwhile, effective.nothing_new.
    """
    _may_change(desk)
    setting = _named(code)
    made = await effective.set_value(
        desk.session,
        setting,
        data.value,
        starts_at=data.starts_at,
        reason=effective.cleaned_reason(data.reason),
        version=data.version,
    )
    facts = {"value": data.value, "starts_at": made.starts_at.isoformat()}
    await desk.audit(
        "effective.set" if data.starts_at is None else "effective.planned",
        subject_kind="setting",
        subject_id=made.id,
        label=code,
        facts=facts,
    )
    return (await _shown(desk, [setting])).items[0]


@post("/effective/{code:str}/{entry_id:uuid}/withdraw", tags=["effective"], status_code=200)
async def withdraw_setting(
    desk: NamedDependency[Desk],
    code: FromPath[str],
    entry_id: FromPath[UUID],
    data: JSONBody[WithdrawalIn],
) -> DatedSettingOut:
    """Take back what has not begun; it stays in the history. Refusals: effective.unknown_setting, effective.holds_already, effective.changed_meanwhile, http.not_found."""
    _may_change(desk)
    setting = _named(code)
    gone = await effective.withdraw(desk.session, setting, entry_id, version=data.version)
    facts = {"value": gone.value, "starts_at": gone.starts_at.isoformat()}
    await desk.audit(
        "effective.withdrawn", subject_kind="setting", subject_id=gone.id, label=code, facts=facts
    )
    return (await _shown(desk, [setting])).items[0]


console_routes = [list_settings, list_history, set_setting, withdraw_setting]
