"""Signing in by a code sent to a phone: codes are hashed, short-lived, used once, and few."""

import hmac
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import Actor, driver_of
from siyu.kernel.errors import TooMany
from siyu.kernel.events import state
from siyu.people.brands import BrandFacts
from siyu.people.customers import queries, rules
from siyu.people.customers.actions import NewCustomer, join_customers, open_session
from siyu.people.customers.events import CustomerSignedIn
from siyu.people.customers.ports import Touch, plugs
from siyu.people.customers.queries import Person
from siyu.people.customers.tables import DemoMessageRow, ShopSessionRow, SignInCodeRow
from siyu.people.staff import Limit, count_attempt, is_telling, keyed_hash

BY_PHONE = Limit("customers.codes_phone", rules.CODES_A_DAY_PER_PHONE, timedelta(days=1))
BY_ADDRESS = Limit("customers.codes_address", rules.CODES_A_DAY_PER_ADDRESS, timedelta(days=1))
MESSAGES = {
    "zh-CN": "【{brand}】您的登录验证码是 {code}，5 分钟内有效。请勿告诉他人。",
    "en": "[{brand}] Your sign-in code is {code}, valid for 5 minutes. Tell it to nobody.",
}


def _code_hash(secret: bytes, brand_id: UUID, phone: str, code: str) -> str:
    return keyed_hash(secret, "code", f"{brand_id}/{phone}/{code}")


async def send_code(
    runtime: Any, brand: BrandFacts, *, phone: str, address: str, locale: str
) -> int:
    """Send a fresh code to a phone, known or not; seconds until the next may be asked for.

    The one before stops being valid. Raises ``BadPhone``, ``NoSmsChannel``, ``TooMany``. Owns its transaction;
    sending through a channel happens after it.
    """
    phone = rules.normal_phone(phone)
    sender = plugs.code_sender
    if not runtime.is_demo and sender is None:
        raise rules.NoSmsChannel
    phone_key = keyed_hash(runtime.secret, "phone", phone)
    code, now = f"{secrets.randbelow(1_000_000):06d}", clock.now()
    async with runtime.database.brand(brand.id) as session:
        driver = await driver_of(session)
        # Two requests for one phone wait for each other here, so the pause between codes holds.
        await count_attempt(driver, BY_PHONE, phone_key)
        if is_telling(address):
            await count_attempt(driver, BY_ADDRESS, keyed_hash(runtime.secret, "address", address))
        row = await session.scalar(
            select(SignInCodeRow).where(SignInCodeRow.phone_key == phone_key)
        )
        if row is not None and row.sent_at + rules.CODE_EVERY > now:
            raise TooMany(
                retry_after_s=int((row.sent_at + rules.CODE_EVERY - now).total_seconds()) + 1
            )
        if row is None:
            row = SignInCodeRow(phone_key=phone_key)
            session.add(row)
        row.code_hash = _code_hash(runtime.secret, brand.id, phone, code)
        row.sent_at, row.expires_at, row.tries = now, now + rules.CODE_LIFE, 0
        if runtime.is_demo:
            text = MESSAGES[locale].format(brand=brand.text(brand.name, locale), code=code)
            session.add(DemoMessageRow(phone=phone, text=text, at=now))
    if not runtime.is_demo and sender is not None:
        await sender.send_code(brand.id, phone, code, locale)
    return int(rules.CODE_EVERY.total_seconds())


class SignedIn(msgspec.Struct, frozen=True):
    """The session that replaces the guest's."""

    token: str
    person: Person


async def verify_code(
    runtime: Any,
    brand: BrandFacts,
    *,
    token_hash: str,
    phone: str,
    code: str,
    locale: str,
    request_id: str,
) -> SignedIn:
    """Exchange the right code for a customer's session; whoever is new joins. The old session ends.

    Of any number of attempts with one code, one succeeds. Raises ``WrongCode``, ``BadPhone``, ``PrivacyNeeded``.
    Owns its transaction: counted tries outlive the refusal.
    """
    phone = rules.normal_phone(phone)
    async with runtime.database.brand(brand.id) as session:
        person = await queries.person_behind(session, token_hash)
        if person is None:
            raise rules.PrivacyNeeded(version=brand.privacy_version)
        session.info["actor"] = Actor(person.kind, person.id, "", request_id)
        if await _spend_code(session, runtime.secret, brand.id, phone, code):
            return await _become(session, person, token_hash, phone, locale)
    raise rules.WrongCode


async def _spend_code(
    session: AsyncSession, secret: bytes, brand_id: UUID, phone: str, code: str
) -> bool:
    key = keyed_hash(secret, "phone", phone)
    row = await session.scalar(
        select(SignInCodeRow).where(SignInCodeRow.phone_key == key).with_for_update()
    )
    if (
        row is None
        or row.code_hash == ""
        or row.expires_at <= clock.now()
        or row.tries >= rules.CODE_TRIES
    ):
        return False
    if not hmac.compare_digest(row.code_hash, _code_hash(secret, brand_id, phone, code)):
        row.tries += 1
        return False
    row.code_hash = ""  # the row stays: it remembers when the last code was sent
    return True


async def _become(
    session: AsyncSession, person: Person, token_hash: str, phone: str, locale: str
) -> SignedIn:
    device = await queries.device(session, person.device_id)
    customer_id = await queries.customer_id_by_phone(session, phone)
    if customer_id is None:
        touch = Touch(
            source=device.source,
            scene=device.scene,
            link_id=device.link_id,
            store_id=device.store_id,
            guide_id=device.guide_id,
        )
        joining = NewCustomer(phone=phone, locale=locale, touch=touch, device_id=device.id)
        (customer_id,) = await join_customers(session, [joining])
    device.customer_id = customer_id
    await session.execute(delete(ShopSessionRow).where(ShopSessionRow.token_hash == token_hash))
    token = await open_session(session, device.id, customer_id)
    for hook in plugs.on_sign_in:
        await hook(session, device.id, customer_id)
    await state(session, [CustomerSignedIn(customer_id=customer_id, device_id=device.id)])
    return SignedIn(token, Person("customer", customer_id, device.id))
