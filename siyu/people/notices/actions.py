"""Writes of notices: into the outbox, brands' texts and choices, trying again. Never sends."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, vault
from siyu.kernel.db import driver_of
from siyu.kernel.ids import new_id
from siyu.people import brands, customers
from siyu.people.notices import queries, rules
from siyu.people.notices.queries import Content
from siyu.people.notices.rules import LocaleText
from siyu.people.notices.tables import NoticeChoiceRow, NoticeRow, NoticeTemplateRow


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Something a customer is to be told. ``facts`` by the kind's variables, texts of several languages as such."""

    kind: str
    key: str
    person_id: UUID
    facts: dict[str, str | LocaleText]
    reference: str


class _Written(msgspec.Struct, frozen=True):
    """A row of the outbox, but for what all have in common."""

    id: UUID
    key: str
    kind: str
    channel: str
    person_id: UUID
    store_id: UUID | None
    sealed: bytes
    state: str
    error: str
    reference: str


_WRITE = """
insert into notices (id, key, kind, channel, person_id, store_id, sealed, state, error, reference, attempts, next_at,
                     created_at)
select id, key, kind, channel, person_id, store_id, sealed, state, error, reference, 0, $11, $11
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::bytea[], $8::text[], $9::text[],
            $10::text[])
     as w(id, key, kind, channel, person_id, store_id, sealed, state, error, reference)
on conflict (brand_id, key) do nothing
"""


async def write(session: AsyncSession, wanted: Sequence[Wanted]) -> None:
    """Put notices into the outbox, in the caller's transaction; one whose key is known changes nothing.

    Not for people who were forgotten, nor for kinds that the brand switched off. Without an open channel a notice is
    given up at once, so that the console can say so. A fixed number of statements.
    """
    if not wanted:
        return
    connection = await driver_of(session)
    kinds = {one.kind for one in wanted}
    chosen = await queries.choices(connection)
    wanted = [one for one in wanted if chosen.get(one.kind) != "off"]
    people = await customers.reachable(connection, [one.person_id for one in wanted])
    keys = await vault.keys_of(connection, people)
    texts = await queries.versions_in_force(connection, kinds)
    brand = await brands.facts_in(session)
    rows: list[_Written] = []
    for one in wanted:
        person, key, kind = (
            people.get(one.person_id),
            keys.get(one.person_id),
            rules.kinds[one.kind],
        )
        if person is None or key is None:
            continue
        locale = person.locale if person.locale in rules.LOCALES else brand.default_locale
        own = texts.get((one.kind, locale))
        template = (own.text if own else None) or kind.texts[locale]
        facts, blanked = {"brand": brand.name, **one.facts}, rules.blanked(kind, one.facts)
        text = rules.rendered(template, facts, locale)
        shown = rules.rendered(template, {**facts, **blanked}, locale) if blanked else None
        channel = queries.channel_of(chosen.get(one.kind))
        state, error = ("waiting", "") if channel else ("given_up", "no_channel")
        sealed = key.seal("notice", Content(person.phone, text, shown))
        rows.append(
            _Written(
                new_id(), one.key, one.kind, channel, one.person_id, person.store_id, sealed, state, error, one.reference,
            )
        )  # fmt: skip
    if rows:
        columns = zip(*(msgspec.structs.astuple(row) for row in rows), strict=True)
        await connection.execute(_WRITE, *(list(column) for column in columns), clock.now())


async def save_template(
    session: AsyncSession,
    kind: str,
    locale: str,
    text: str | None,
    *,
    version: int,
    by: UUID,
) -> None:
    """Write the next version of a text, ``None`` for the default. ``version``: the one that was read, 0 for none.

    Raises ``BadTemplate``, ``UnknownPlaceholder``, ``MissingPlaceholder``, ``ChangedMeanwhile``, ``NotFound``.
    """
    declared = queries.kind_named(kind)
    kept = None if text is None else rules.checked(declared, text)
    connection = await driver_of(session)
    known = (await queries.versions_in_force(connection, [kind])).get((kind, locale))
    made = None
    if (known.version if known else 0) == version:
        row = insert(NoticeTemplateRow).values(
            kind=kind, locale=locale, version=version + 1, text=kept, set_at=clock.now(), set_by=by
        )
        made = await session.scalar(
            row.on_conflict_do_nothing().returning(NoticeTemplateRow.version)
        )
    if made is None:
        raise rules.ChangedMeanwhile


async def choose(session: AsyncSession, kind: str, channel: str) -> None:
    """By which channel a kind is sent from now on: ``auto`` · ``inbox`` · ``sms`` · ``off``. Raises ``NotFound``."""
    queries.kind_named(kind)
    row = insert(NoticeChoiceRow).values(kind=kind, channel=channel)
    await session.execute(
        row.on_conflict_do_update(
            index_elements=["brand_id", "kind"], set_={"channel": row.excluded.channel}
        )
    )


async def try_again(
    session: AsyncSession, notice_id: UUID, *, stores: Sequence[UUID] | None
) -> NoticeRow:
    """Let a notice that failed or was given up begin anew, under its old key and by the channel that is open now.

    Raises ``NotFound``, ``NotOver``, ``NobodyThere``, ``Unopenable``.
    """
    row = await queries.notice(session, notice_id, stores)
    if row.state not in ("failed", "given_up"):
        raise rules.NotOver(state=row.state)
    connection = await driver_of(session)
    content = (await queries.opened(connection, [(row.id, row.person_id, row.sealed)]))[row.id]
    if content is None:
        raise rules.NobodyThere
    if content == "unopenable":
        raise rules.Unopenable
    choice = (await queries.choices(connection)).get(row.kind)
    row.channel = queries.channel_of(None if choice == "off" else choice)
    row.state, row.error = ("waiting", "") if row.channel else ("given_up", "no_channel")
    row.attempts, row.next_at, row.lease = 0, clock.now(), None
    await session.flush()
    return row


_FORGET = """
update notices set sealed = null, lease = null,
                   state = case when state in ('waiting', 'sending') then 'given_up' else state end,
                   error = case when state in ('waiting', 'sending') then 'forgotten' else error end
where person_id = any($1::uuid[])
"""


async def forget(session: AsyncSession, person_ids: Collection[UUID]) -> None:
    """Erase what notices said to people who were forgotten, and send them nothing more."""
    await (await driver_of(session)).execute(_FORGET, list(person_ids))


class Claimed(msgspec.Struct, frozen=True):
    """A notice that this process is to send, as long as its lease lasts."""

    id: UUID
    key: str
    kind: str
    channel: str
    person_id: UUID
    sealed: bytes | None
    attempts: int


_CLAIM = """
update notices set state = 'sending', attempts = attempts + 1, lease = $1, next_at = $3
where id in (select id from notices where state in ('waiting', 'sending') and next_at <= $2
             order by next_at limit $4 for update skip locked)
returning id, key, kind, channel, person_id, sealed, attempts
"""
_SETTLE = """
update notices n set state = w.state, error = w.error, next_at = w.next_at, lease = null,
                     sent_at = case when w.state = 'sent' then $6::timestamptz end
from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) as w(id, state, error, next_at)
where n.id = w.id and n.lease = $1
"""


async def claim(
    connection: asyncpg.Connection, lease: UUID, until: datetime, *, most: int
) -> list[Claimed]:
    """Take what is due and nobody is sending, also what somebody began and let go of."""
    return [
        Claimed(*row) for row in await connection.fetch(_CLAIM, lease, clock.now(), until, most)
    ]


async def settle(
    connection: asyncpg.Connection,
    lease: UUID,
    outcomes: Sequence[tuple[UUID, str, str, datetime]],
) -> None:
    """Write down what became of claimed notices, ``(id, state, error, next try)``; not of those claimed by others since."""
    columns = [list(column) for column in zip(*outcomes, strict=True)]
    await connection.execute(_SETTLE, lease, *columns, clock.now())
