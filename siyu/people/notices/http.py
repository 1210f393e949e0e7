"""The console's doors to notices: texts, channels, the outbox."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from siyu.kernel.db import driver_of
from siyu.kernel.errors import NotAllowed
from siyu.kernel.http import decode_cursor, encode_cursor
from siyu.people import staff
from siyu.people.customers import masked_phone
from siyu.people.notices import actions, queries, rules
from siyu.people.notices.ports import plugs
from siyu.people.notices.queries import Version
from siyu.people.notices.rules import Kind, LocaleText
from siyu.people.notices.tables import NoticeRow
from siyu.people.staff import Desk, permission

permission("notices.view", {"zh-CN": "查看通知", "en": "See notices"})
permission(
    "notices.edit",
    {"zh-CN": "修改通知文案、重发通知", "en": "Change the texts of notices, send again"},
)
Locale = Literal["zh-CN", "en"]
State = Literal["waiting", "sending", "sent", "failed", "given_up"]
Channel = Literal["auto", "inbox", "sms", "off"]
Text = Annotated[str, Meta(max_length=10_000)]
"""More than may be kept, so that what was pasted gets the sentence that says how much too long it is."""
_PAGE = 40


class VariableOut(msgspec.Struct):
    name: str
    label: LocaleText
    must: bool


class NoticeTextOut(msgspec.Struct):
    locale: Locale
    text: str
    default: str
    own: bool
    version: int
    """The one in force; 0 until somebody wrote one. Sent back when saving."""
    shown: str
    """With sample facts."""
    set_at: datetime | None
    set_by: str


class NoticeKindOut(msgspec.Struct):
    code: str
    name: LocaleText
    variables: list[VariableOut]
    texts: list[NoticeTextOut]
    choice: Channel
    channel: str
    """What the choice leads to now; empty for nothing."""


class ChannelOut(msgspec.Struct):
    channel: Literal["inbox", "sms", "mail"]
    open: bool


class NoticeSettingsOut(msgspec.Struct):
    kinds: list[NoticeKindOut]
    channels: list[ChannelOut]


class NoticeTextIn(msgspec.Struct, forbid_unknown_fields=True):
    text: Text | None
    """Nothing puts the default back."""
    version: Annotated[int, Meta(ge=0, le=1_000_000)]


class NoticePreviewIn(msgspec.Struct, forbid_unknown_fields=True):
    text: Text


class NoticePreviewOut(msgspec.Struct):
    shown: str


class NoticeChoiceIn(msgspec.Struct, forbid_unknown_fields=True):
    channel: Channel


class NoticeVersionOut(msgspec.Struct):
    version: int
    text: str | None
    set_at: datetime
    set_by: str


class NoticeVersionsOut(msgspec.Struct):
    items: list[NoticeVersionOut]


class NoticeOut(msgspec.Struct):
    id: UUID
    kind: str
    kind_name: LocaleText
    channel: str
    state: State
    customer_id: UUID
    to_masked: str
    text: str | None
    """Secrets blanked. Nothing for a forgotten person, and for one that does not open."""
    unopenable: bool
    """It was changed outside siyu, or its key is gone."""
    attempts: int
    error: str
    reference: str
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None


class NoticePage(msgspec.Struct):
    items: list[NoticeOut]
    next: str | None
    counts: dict[str, int]


def _whole_brand(desk: Desk, needed: str) -> None:
    """Texts and channels are the brand's: raises ``NotAllowed`` below the top of the tree."""
    desk.require(needed)
    if not desk.staff.sees_all:
        raise NotAllowed(permission=needed)


async def _settings(desk: Desk) -> NoticeSettingsOut:
    connection = await driver_of(desk.session)
    texts = await queries.versions_in_force(connection, rules.kinds)
    chosen = await queries.choices(connection)
    names = await staff.names(desk.session, [one.set_by for one in texts.values()])
    kinds = [_kind_out(desk, kind, texts, chosen, names) for kind in rules.kinds.values()]
    return NoticeSettingsOut(
        kinds, [ChannelOut(one, one in plugs.channels) for one in ("inbox", "sms", "mail")]
    )


def _kind_out(
    desk: Desk,
    kind: Kind,
    texts: dict[tuple[str, str], Version],
    chosen: dict[str, str],
    names: dict[UUID, str],
) -> NoticeKindOut:
    shown: list[NoticeTextOut] = []
    locales: tuple[Locale, ...] = ("zh-CN", "en")
    for locale in locales:
        own, default = texts.get((kind.code, locale)), kind.texts[locale]
        text = (own.text if own else None) or default
        shown.append(
            NoticeTextOut(
                locale,
                text,
                default,
                own is not None and own.text is not None,
                own.version if own else 0,
                rules.rendered(text, rules.samples(kind, desk.brand.name), locale),
                own.set_at if own else None,
                names.get(own.set_by, "") if own and own.set_by else "",
            )
        )
    choice = msgspec.convert(chosen.get(kind.code, "auto"), Channel)
    variables = [
        VariableOut(one.name, one.label, one.must) for one in (rules.BRAND, *kind.variables)
    ]
    return NoticeKindOut(
        kind.code, kind.name, variables, shown, choice, "" if choice == "off" else queries.channel_of(choice)
    )  # fmt: skip


@get("/notices/settings", tags=["notices"])
async def show_notice_settings(desk: NamedDependency[Desk]) -> NoticeSettingsOut:
    """Kinds of notices with their texts and channels, and which channels are open."""
    desk.require("notices.view")
    return await _settings(desk)


@put("/notices/kinds/{kind:str}/texts/{locale:str}", tags=["notices"])
async def put_notice_text(
    desk: NamedDependency[Desk],
    kind: FromPath[str],
    locale: FromPath[Locale],
    data: JSONBody[NoticeTextIn],
) -> NoticeSettingsOut:
    """Write a text, or put the default back. What is in the outbox already keeps its words.

    Refusals: notices.bad_template, notices.unknown_placeholder, notices.missing_placeholder, notices.changed_meanwhile.
    """
    _whole_brand(desk, "notices.edit")
    await actions.save_template(
        desk.session, kind, locale, data.text, version=data.version, by=desk.staff.id
    )
    facts = {"locale": locale, "version": data.version + 1, "default": data.text is None}
    await desk.audit("notices.text", subject_kind="notice_kind", label=kind, facts=facts)
    return await _settings(desk)


@get("/notices/kinds/{kind:str}/texts/{locale:str}/versions", tags=["notices"])
async def list_notice_versions(
    desk: NamedDependency[Desk], kind: FromPath[str], locale: FromPath[Locale]
) -> NoticeVersionsOut:
    """Who wrote what when, newest first, the last 50."""
    desk.require("notices.view")
    queries.kind_named(kind)
    found = await queries.versions(await driver_of(desk.session), kind, locale)
    names = await staff.names(desk.session, [one.set_by for one in found])
    return NoticeVersionsOut(
        [
            NoticeVersionOut(
                one.version, one.text, one.set_at, names.get(one.set_by, "") if one.set_by else ""
            )
            for one in found
        ]
    )


@post("/notices/kinds/{kind:str}/texts/{locale:str}/preview", tags=["notices"], status_code=200)
async def preview_notice(
    desk: NamedDependency[Desk],
    kind: FromPath[str],
    locale: FromPath[Locale],
    data: JSONBody[NoticePreviewIn],
) -> NoticePreviewOut:
    """A text with sample facts; refused as saving it would be, and keeps nothing."""
    desk.require("notices.view")
    declared = queries.kind_named(kind)
    text = rules.checked(declared, data.text)
    return NoticePreviewOut(rules.rendered(text, rules.samples(declared, desk.brand.name), locale))


@put("/notices/kinds/{kind:str}/channel", tags=["notices"])
async def put_notice_channel(
    desk: NamedDependency[Desk], kind: FromPath[str], data: JSONBody[NoticeChoiceIn]
) -> NoticeSettingsOut:
    """By which channel a kind is sent from now on; ``auto``: the first that is open, ``off``: not at all."""
    _whole_brand(desk, "notices.edit")
    await actions.choose(desk.session, kind, data.channel)
    facts = {"channel": data.channel}
    await desk.audit("notices.channel", subject_kind="notice_kind", label=kind, facts=facts)
    return await _settings(desk)


async def _shown(desk: Desk, rows: list[NoticeRow]) -> list[NoticeOut]:
    content = await queries.opened(
        await driver_of(desk.session), [(row.id, row.person_id, row.sealed) for row in rows]
    )
    shown: list[NoticeOut] = []
    for row in rows:
        found, kind = content[row.id], rules.kinds.get(row.kind)
        words = None if found == "unopenable" else found
        shown.append(
            NoticeOut(
                row.id, row.kind, kind.name if kind else {}, row.channel, msgspec.convert(row.state, State), row.person_id,
                masked_phone(words.to) if words and not desk.masked("phone") else "", words.for_staff(kind) if words else None, found == "unopenable",
                row.attempts, row.error, row.reference, row.created_at, row.next_at, row.sent_at,
            )
        )  # fmt: skip
    return shown


@get("/notices", tags=["notices"])
async def list_notices(
    desk: NamedDependency[Desk],
    only: Annotated[State | None, QueryParameter(name="state")] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = _PAGE,
) -> NoticePage:
    """What customers of one's own stores were told or are to be told, newest first."""
    desk.require("notices.view")
    key, stores = decode_cursor(cursor, datetime, UUID), await desk.unit_ids()
    before = (key[0], key[1]) if key else None
    rows = await queries.page(
        desk.session, state=only or "", stores=stores, before=before, limit=limit
    )
    last = rows[limit - 1] if len(rows) > limit else None
    return NoticePage(
        await _shown(desk, rows[:limit]),
        encode_cursor((last.created_at, last.id)) if last else None,
        await queries.counts(desk.session, stores),
    )


@post("/notices/{notice_id:uuid}/again", tags=["notices"], status_code=200)
async def send_notice_again(desk: NamedDependency[Desk], notice_id: FromPath[UUID]) -> NoticeOut:
    """Try a notice that failed or was given up again. Refusals: notices.not_over, notices.nobody_there, notices.unopenable."""
    desk.require("notices.edit")
    row = await actions.try_again(desk.session, notice_id, stores=await desk.unit_ids())
    await desk.audit(
        "notices.again",
        subject_kind="notice",
        subject_id=row.id,
        label=row.kind,
        facts={"reference": row.reference},
    )
    return (await _shown(desk, [row]))[0]


console_routes = [
    show_notice_settings, put_notice_text, list_notice_versions, preview_notice, put_notice_channel, list_notices,
    send_notice_again,
]  # fmt: skip
