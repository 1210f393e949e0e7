"""Signing in by a code sent to a phone: codes are hashed, short-lived, used once, and few."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import asyncpg
import msgspec

from siyu.kernel import clock, vault
from siyu.kernel.db import Actor, brand_on
from siyu.kernel.errors import Refusal, TooMany
from siyu.kernel.events import state_on
from siyu.kernel.ids import new_id
from siyu.kernel.lanes import rounds
from siyu.people.brands import BrandFacts
from siyu.people.customers import queries, rules
from siyu.people.customers.actions.joining import NewCustomer, join_customers
from siyu.people.customers.events import CustomerSignedIn
from siyu.people.customers.ports import Touch, plugs
from siyu.people.customers.queries import Person
from siyu.people.staff import Limit, Tally, hash_of, is_telling, keyed_hash, network_of, new_token

BY_PHONE = Limit("customers.codes_phone", rules.CODES_A_DAY_PER_PHONE, timedelta(days=1))
BY_ADDRESS = Limit("customers.codes_address", rules.CODES_A_DAY_PER_ADDRESS, timedelta(days=1))
MESSAGES = {
    "zh-CN": "【{brand}】您的登录验证码是 {code}，5 分钟内有效。请勿告诉他人。",
    "en": "[{brand}] Your sign-in code is {code}, valid for 5 minutes. Tell it to nobody.",
}


def _code_hash(secret: bytes, brand_id: UUID, phone: str, code: str) -> str:
    return keyed_hash(secret, "code", f"{brand_id}/{phone}/{code}")


class CodeToSend(msgspec.Struct, frozen=True):
    """A fresh code for a phone, not kept yet."""

    phone: str
    """In its normal form."""
    code: str
    phone_key: str
    code_hash: str
    address_key: str
    """Of the asker's network address; empty when it tells nobody apart."""
    text: str
    """The message, in the asker's language."""


def code_to_send(
    secret: bytes, brand: BrandFacts, *, phone: str, address: str, locale: str
) -> CodeToSend:
    """Draw a code for a phone. Raises ``BadPhone``."""
    phone = rules.normal_phone(phone)
    code = f"{secrets.randbelow(1_000_000):06d}"
    return CodeToSend(
        phone,
        code,
        keyed_hash(secret, "phone", phone),
        _code_hash(secret, brand.id, phone, code),
        keyed_hash(secret, "address", network_of(address)) if is_telling(address) else "",
        code_text(brand, code, locale),
    )


def code_text(brand: BrandFacts, code: str, locale: str) -> str:
    """The message that brings a code, in the asker's language."""
    return MESSAGES[locale].format(brand=brand.text(brand.name, locale), code=code)


_SENT = "select phone_key, sent_at from sign_in_codes where phone_key = any($1::text[])"
_KEEP_CODES = """
insert into sign_in_codes (phone_key, code_hash, sent_at, expires_at, tries)
select phone_key, code_hash, $3, $4, 0 from unnest($1::text[], $2::text[]) as w(phone_key, code_hash)
on conflict (brand_id, phone_key) do update
set code_hash = excluded.code_hash, sent_at = excluded.sent_at, expires_at = excluded.expires_at, tries = 0
"""
_INBOX = """
insert into demo_messages (id, phone_token, sealed, at)
select id, phone_token, sealed, $4 from unnest($1::uuid[], $2::uuid[], $3::bytea[]) as w(id, phone_token, sealed)
"""


async def keep_codes(
    connection: asyncpg.Connection, wanted: Sequence[CodeToSend], *, in_demo: bool
) -> list[Refusal | None]:
    """Keep codes that are about to be sent, by position; each makes the one before invalid.

    A refused one is ``TooMany``: the phone or the address had its share of the day, or the last code is too fresh.
    In the demo the messages go into its inbox. Requests for one phone wait for each other, so the pause holds.
    """
    now, by_phone, by_address = clock.now(), Tally(BY_PHONE), Tally(BY_ADDRESS)
    await by_phone.open(connection, [one.phone_key for one in wanted])
    await by_address.open(connection, [one.address_key for one in wanted if one.address_key])
    sent: dict[str, datetime] = {
        row["phone_key"]: row["sent_at"]
        for row in await connection.fetch(_SENT, sorted({one.phone_key for one in wanted}))
    }
    answers: list[Refusal | None] = []
    kept: list[CodeToSend] = []
    for one in wanted:
        try:
            by_phone.check(one.phone_key)
            if one.address_key:
                by_address.check(one.address_key)
            _check_pause(sent.get(one.phone_key), now)
        except TooMany as refusal:
            answers.append(refusal)
            continue
        by_phone.add(one.phone_key)
        if one.address_key:
            by_address.add(one.address_key)
        sent[one.phone_key] = now
        kept.append(one)
        answers.append(None)
    await by_phone.keep(connection)
    await by_address.keep(connection)
    kept.sort(key=lambda one: one.phone_key)
    if kept:
        await connection.execute(
            _KEEP_CODES, [one.phone_key for one in kept], [one.code_hash for one in kept],
            now, now + rules.CODE_LIFE,
        )  # fmt: skip
        if in_demo:
            await _deliver(connection, kept, now)
    return answers


async def _deliver(
    connection: asyncpg.Connection, kept: Sequence[CodeToSend], now: datetime
) -> None:
    """Put messages into the demo's inbox, sealed with the brand's own key."""
    brand_id = brand_on(connection)
    key = (await vault.keys_for(connection, [brand_id]))[brand_id]
    sealed = [key.seal("message", queries.Said(one.phone, one.text)) for one in kept]
    phones = vault.tokens(brand_id, "phone", (one.phone for one in kept))
    await connection.execute(_INBOX, [new_id() for _ in kept], phones, sealed, now)


async def put_demo_message(
    connection: asyncpg.Connection, phone: str, text: str, *, key: str
) -> None:
    """Put one message into the demo's inbox; the same key is there once."""
    brand_id = brand_on(connection)
    sealer = (await vault.keys_for(connection, [brand_id]))[brand_id]
    sealed = sealer.seal("message", queries.Said(phone, text))
    token = vault.token(brand_id, "phone", phone)
    once = f"{_INBOX} on conflict do nothing"
    await connection.execute(once, [uuid5(brand_id, key)], [token], [sealed], clock.now())


def _check_pause(sent_at: datetime | None, now: datetime) -> None:
    if sent_at is not None and sent_at > now - rules.CODE_EVERY:
        raise TooMany(retry_after_s=int((sent_at + rules.CODE_EVERY - now).total_seconds()) + 1)


class Attempt(msgspec.Struct, frozen=True):
    """A code typed in for a phone, by whoever has this session."""

    phone: str
    phone_key: str
    code_hash: str
    session_hash: str
    locale: str
    actor: Actor


def attempt_of(
    secret: bytes,
    brand_id: UUID,
    *,
    phone: str,
    code: str,
    session_hash: str,
    locale: str,
    actor: Actor,
) -> Attempt:
    """An attempt as it is compared: by keyed hashes. Raises ``BadPhone``."""
    phone = rules.normal_phone(phone)
    phone_key = keyed_hash(secret, "phone", phone)
    return Attempt(
        phone, phone_key, _code_hash(secret, brand_id, phone, code), session_hash, locale, actor
    )


class SignedIn(msgspec.Struct, frozen=True):
    """The session that replaces the guest's."""

    token: str
    person: Person


_HERE = """
select s.token_hash, d.id, d.source, d.scene, d.link_id, d.store_id, d.guide_id
from shop_sessions s join devices d on d.id = s.device_id
where s.token_hash = any($1::text[]) and s.last_seen_at > $2 and s.created_at > $3
order by s.token_hash for update of s
"""
_SPEND = """
update sign_in_codes c
set tries = c.tries + (c.code_hash <> w.code_hash)::int,
    code_hash = case when c.code_hash = w.code_hash then '' else c.code_hash end
from (select * from unnest($1::text[], $2::text[]) as w(phone_key, code_hash)) w
where c.phone_key = w.phone_key and c.code_hash <> '' and c.expires_at > $3 and c.tries < $4
returning c.phone_key, c.code_hash = '' as right
"""
"""The row stays: it remembers when the last code was sent. What is compared are keyed hashes."""
_ENTER = """
with wanted as (
    select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[]) as w(old_hash, device_id, customer_id, new_hash)
), gone as (
    delete from shop_sessions s using wanted w where s.token_hash = w.old_hash
), device as (
    update devices d set customer_id = w.customer_id from wanted w where d.id = w.device_id
)
insert into shop_sessions (token_hash, device_id, customer_id, created_at, last_seen_at)
select new_hash, device_id, customer_id, $5, $5 from wanted
"""


async def sign_in(
    connection: asyncpg.Connection, brand: BrandFacts, attempts: Sequence[Attempt]
) -> list[SignedIn | Refusal]:
    """Exchange right codes for customers' sessions, by position; whoever is new joins, the old session ends.

    Of any number of attempts with one code, one succeeds. Refusals: ``WrongCode`` (the try is counted),
    ``PrivacyNeeded`` (the session ended a moment ago; the code stays).
    """
    now = clock.now()
    hashes = sorted({one.session_hash for one in attempts})
    here = {
        row["token_hash"]: row
        for row in await connection.fetch(_HERE, hashes, now - rules.IDLE, now - rules.LONGEST)
    }
    answers: dict[int, SignedIn | Refusal] = {}
    for group in rounds([(one.phone_key, one.session_hash) for one in attempts]):
        found = await _sign_in(connection, brand, [attempts[at] for at in group], here, now)
        answers.update(zip(group, found, strict=True))
        for at, answer in zip(group, found, strict=True):
            if isinstance(answer, SignedIn):
                del here[attempts[at].session_hash]
    return [answers[at] for at in range(len(attempts))]


async def _sign_in(
    connection: asyncpg.Connection,
    brand: BrandFacts,
    attempts: Sequence[Attempt],
    here: Mapping[str, asyncpg.Record],
    now: datetime,
) -> list[SignedIn | Refusal]:
    """``here``: the locked sessions that have not ended, by hash."""
    trying = sorted((one.phone_key, one.code_hash) for one in attempts if one.session_hash in here)
    spent = await connection.fetch(
        _SPEND, [key for key, _ in trying], [code for _, code in trying], now, rules.CODE_TRIES
    )
    right = {row["phone_key"] for row in spent if row["right"]}
    entering = [one for one in attempts if one.session_hash in here and one.phone_key in right]
    sessions = iter(await _enter(connection, brand, entering, here, now)) if entering else iter(())
    answers: list[SignedIn | Refusal] = []
    for one in attempts:
        if one.session_hash not in here:
            answers.append(rules.PrivacyNeeded(version=brand.privacy_version))
        else:
            answers.append(next(sessions) if one.phone_key in right else rules.WrongCode())
    return answers


async def _enter(
    connection: asyncpg.Connection,
    brand: BrandFacts,
    entering: Sequence[Attempt],
    here: Mapping[str, asyncpg.Record],
    now: datetime,
) -> list[SignedIn]:
    devices = [here[one.session_hash] for one in entering]
    customer_ids = await _customers(connection, entering, devices)
    signed_in = [
        SignedIn(new_token(brand.id), Person("customer", customer_id, device["id"]))
        for customer_id, device in zip(customer_ids, devices, strict=True)
    ]
    await connection.execute(
        _ENTER,
        [one.session_hash for one in entering],
        [one.person.device_id for one in signed_in],
        customer_ids,
        [hash_of(one.token) for one in signed_in],
        now,
    )
    for hook in plugs.on_sign_in:
        await hook(connection, [(one.person.device_id, one.person.id) for one in signed_in])
    await state_on(
        connection,
        [
            CustomerSignedIn(customer_id=one.person.id, device_id=one.person.device_id)
            for one in signed_in
        ],
        actor=[one.actor for one in entering],
    )
    return signed_in


async def _customers(
    connection: asyncpg.Connection, entering: Sequence[Attempt], devices: Sequence[asyncpg.Record]
) -> list[UUID]:
    """Who they are, by position; those who are nobody yet join."""
    known = await queries.customer_ids_by_phone(connection, [one.phone for one in entering])
    new: list[tuple[NewCustomer, Actor]] = []
    for one, device in zip(entering, devices, strict=True):
        if one.phone not in known:
            touch = Touch(
                source=device["source"], scene=device["scene"], link_id=device["link_id"], store_id=device["store_id"],
                guide_id=device["guide_id"],
            )  # fmt: skip
            joining = NewCustomer(
                phone=one.phone, locale=one.locale, touch=touch, device_id=device["id"]
            )
            new.append((joining, one.actor))
    if new:
        joined = await join_customers(
            connection, [one for one, _ in new], actors=[actor for _, actor in new]
        )
        known |= {one.phone: id for (one, _), id in zip(new, joined, strict=True)}
    return [known[one.phone] for one in entering]
