"""Signing in by a code sent to a phone: codes are hashed, short-lived, used once, and few."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from siyu.kernel import clock
from siyu.kernel.errors import TooMany
from siyu.kernel.events import state_on
from siyu.kernel.ids import new_id
from siyu.people.customers import queries, rules
from siyu.people.customers.actions import NewCustomer, join_customers
from siyu.people.customers.events import CustomerSignedIn
from siyu.people.customers.ports import Touch, plugs
from siyu.people.customers.queries import Person
from siyu.people.customers.visit import Shopper
from siyu.people.staff import (
    Limit,
    count_attempt,
    hash_of,
    is_telling,
    keyed_hash,
    new_token,
)

BY_PHONE = Limit("customers.codes_phone", rules.CODES_A_DAY_PER_PHONE, timedelta(days=1))
BY_ADDRESS = Limit("customers.codes_address", rules.CODES_A_DAY_PER_ADDRESS, timedelta(days=1))
MESSAGES = {
    "zh-CN": "【{brand}】您的登录验证码是 {code}，5 分钟内有效。请勿告诉他人。",
    "en": "[{brand}] Your sign-in code is {code}, valid for 5 minutes. Tell it to nobody.",
}


def _code_hash(secret: bytes, brand_id: UUID, phone: str, code: str) -> str:
    return keyed_hash(secret, "code", f"{brand_id}/{phone}/{code}")


_KEEP_CODE = """
insert into sign_in_codes as c (phone_key, code_hash, sent_at, expires_at, tries) values ($1, $2, $3, $4, 0)
on conflict (brand_id, phone_key) do update
set code_hash = excluded.code_hash, sent_at = excluded.sent_at, expires_at = excluded.expires_at, tries = 0
where c.sent_at <= $5
returning true
"""


async def send_code(shopper: Shopper, *, phone: str, address: str) -> int:
    """Send a fresh code to a phone, known or not; seconds until the next may be asked for.

    The one before stops being valid. Raises ``BadPhone``, ``NoSmsChannel``, ``TooMany``. Owns its transaction;
    sending through a channel happens after it.
    """
    phone = rules.normal_phone(phone)
    runtime, brand = shopper.runtime, shopper.brand
    sender, secret = plugs.code_sender, runtime.secret
    if not runtime.is_demo and sender is None:
        raise rules.NoSmsChannel
    phone_key = keyed_hash(secret, "phone", phone)
    code, now = f"{secrets.randbelow(1_000_000):06d}", clock.now()
    async with shopper.connection() as connection:
        # Two requests for one phone wait for each other here, so the pause between codes holds.
        await count_attempt(connection, BY_PHONE, phone_key)
        if is_telling(address):
            await count_attempt(connection, BY_ADDRESS, keyed_hash(secret, "address", address))
        kept = await connection.fetchval(
            _KEEP_CODE, phone_key, _code_hash(secret, brand.id, phone, code), now, now + rules.CODE_LIFE,
            now - rules.CODE_EVERY,
        )  # fmt: skip
        if not kept:
            raise TooMany(retry_after_s=await _wait_s(connection, phone_key, now))
        if runtime.is_demo:
            text = MESSAGES[shopper.locale].format(
                brand=brand.text(brand.name, shopper.locale), code=code
            )
            await connection.execute(
                "insert into demo_messages (id, phone, text, at) values ($1, $2, $3, $4)",
                *(new_id(), phone, text, now),
            )
    if not runtime.is_demo and sender is not None:
        await sender.send_code(brand.id, phone, code, shopper.locale)
    return int(rules.CODE_EVERY.total_seconds())


async def _wait_s(connection: asyncpg.Connection, phone_key: str, now: datetime) -> int:
    sent_at = await connection.fetchval(
        "select sent_at from sign_in_codes where phone_key = $1", phone_key
    )
    return int((sent_at + rules.CODE_EVERY - now).total_seconds()) + 1


class SignedIn(msgspec.Struct, frozen=True):
    """The session that replaces the guest's."""

    token: str
    person: Person


_SPEND = """
update sign_in_codes
set tries = tries + (code_hash <> $2)::int, code_hash = case when code_hash = $2 then '' else code_hash end
where phone_key = $1 and code_hash <> '' and expires_at > $3 and tries < $4
returning code_hash = ''
"""
"""The row stays: it remembers when the last code was sent. What is compared are keyed hashes."""
_LEAVE = """
with gone as (delete from shop_sessions where token_hash = $1 and last_seen_at > $2 and created_at > $3
              returning device_id)
select d.id, d.source, d.scene, d.link_id, d.store_id, d.guide_id
from gone join devices d on d.id = gone.device_id
"""
_ENTER = """
with device as (update devices set customer_id = $2 where id = $1)
insert into shop_sessions (token_hash, device_id, customer_id, created_at, last_seen_at) values ($3, $1, $2, $4, $4)
"""


async def verify_code(
    shopper: Shopper, connection: asyncpg.Connection, *, phone: str, code: str
) -> SignedIn | None:
    """Exchange the right code for a customer's session; whoever is new joins. The old session ends.

    Of any number of attempts with one code, one succeeds. ``None`` for a wrong one: the caller commits, for its try is
    counted, and refuses. Raises ``BadPhone``, ``PrivacyNeeded``.
    """
    phone, now = rules.normal_phone(phone), clock.now()
    secret, brand = shopper.runtime.secret, shopper.brand
    phone_key, wanted = (
        keyed_hash(secret, "phone", phone),
        _code_hash(secret, brand.id, phone, code),
    )
    right = await connection.fetchval(_SPEND, phone_key, wanted, now, rules.CODE_TRIES)
    if not right:
        return None
    device = await connection.fetchrow(
        _LEAVE, hash_of(shopper.session_token()), now - rules.IDLE, now - rules.LONGEST
    )
    if device is None:  # ended a moment ago
        raise rules.PrivacyNeeded(version=brand.privacy_version)
    device_id: UUID = device["id"]
    customer_id = await queries.customer_id_by_phone(connection, phone)
    if customer_id is None:
        touch = Touch(
            source=device["source"], scene=device["scene"], link_id=device["link_id"], store_id=device["store_id"],
            guide_id=device["guide_id"],
        )  # fmt: skip
        joining = NewCustomer(phone=phone, locale=shopper.locale, touch=touch, device_id=device_id)
        (customer_id,) = await join_customers(connection, [joining], actor=shopper.actor)
    token = new_token(brand.id)
    await connection.execute(_ENTER, device_id, customer_id, hash_of(token), now)
    for hook in plugs.on_sign_in:
        await hook(connection, device_id, customer_id)
    signed_in = CustomerSignedIn(customer_id=customer_id, device_id=device_id)
    await state_on(connection, [signed_in], actor=shopper.actor)
    return SignedIn(token, Person("customer", customer_id, device_id))
