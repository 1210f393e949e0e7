"""Writes of customers: guests, joining, their own data, the address book."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, vault
from siyu.kernel.db import SYSTEM, Actor, actor_of, brand_of, brand_on, driver_of
from siyu.kernel.events import state, state_on
from siyu.kernel.ids import new_id
from siyu.people.brands import BrandFacts, units
from siyu.people.customers import queries, rules
from siyu.people.customers.events import CustomerChanged, CustomerJoined, GuestArrived
from siyu.people.customers.ports import Touch, plugs
from siyu.people.customers.tables import (
    CustomerRow,
)
from siyu.people.staff import hash_of, names, new_token

_ADMIT = """
with came as (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[],
                         $9::text[], $10::text[])
        as c(id, source, scene, link_id, store_id, guide_id, acceptance_id, version, locale, token_hash)
), device as (
    insert into devices (id, created_at, source, scene, link_id, store_id, guide_id)
    select id, $11, source, scene, link_id, store_id, guide_id from came
), accepted as (
    insert into privacy_acceptances (id, device_id, version, locale, at)
    select acceptance_id, id, version, locale, $11 from came
)
insert into shop_sessions (token_hash, device_id, created_at, last_seen_at) select token_hash, id, $11, $11 from came
"""


class Arrival(msgspec.Struct, frozen=True):
    """A visitor who has accepted the privacy text of this version."""

    privacy_version: str
    locale: str
    touch: Touch


class Guest(msgspec.Struct, frozen=True):
    """A visitor's device, and the token of its session."""

    device_id: UUID
    token: str


def check_privacy(brand: BrandFacts, privacy_version: str) -> None:
    """Raises ``PrivacyNeeded`` when the accepted version is not the one in force."""
    if privacy_version != brand.privacy_version:
        raise rules.PrivacyNeeded(version=brand.privacy_version)


async def admit_guests(
    connection: asyncpg.Connection, brand_id: UUID, arrivals: Sequence[Arrival]
) -> list[Guest]:
    """Know visitors' devices from now on, by position. That the accepted version is in force was checked."""
    guests = [Guest(new_id(), new_token(brand_id)) for _ in arrivals]
    touches = [one.touch for one in arrivals]
    await connection.execute(
        _ADMIT,
        [guest.device_id for guest in guests],
        [touch.source for touch in touches],
        [touch.scene for touch in touches],
        [touch.link_id for touch in touches],
        [touch.store_id for touch in touches],
        [touch.guide_id for touch in touches],
        [new_id() for _ in arrivals],
        [one.privacy_version for one in arrivals],
        [one.locale for one in arrivals],
        [hash_of(guest.token) for guest in guests],
        clock.now(),
    )
    arrived = [
        GuestArrived(device_id=guest.device_id, **msgspec.structs.asdict(touch))
        for guest, touch in zip(guests, touches, strict=True)
    ]
    await state_on(connection, arrived)
    return guests


async def touch_behind(session: AsyncSession, link_code: str) -> Touch:
    """What a link says about the visitor it brings, without a store or a guide that are no more (links outlive them)."""
    if plugs.touch_of is None:
        return Touch()
    touch = await plugs.touch_of(session, link_code) or Touch()
    return msgspec.structs.replace(
        touch,
        store_id=touch.store_id if await units(session, [touch.store_id]) else None,
        guide_id=touch.guide_id if await names(session, [touch.guide_id]) else None,
    )


class NewCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to be made a customer. ``phone`` in its normal form."""

    phone: str
    name: str = ""
    locale: str = "zh-CN"
    joined_at: datetime | None = None
    touch: Touch = Touch()
    device_id: UUID | None = None


_NEXT = """
insert into customer_counters (last_seq) values (0)
on conflict (brand_id) do update set last_seq = customer_counters.last_seq
returning last_seq
"""
_ADD = """
insert into customers (id, seq, sealed, phone_token, last4_token, name_token, locale, joined_at, source, scene, link_id,
                       store_id, guide_id)
select * from unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[],
                     $8::timestamptz[], $9::text[], $10::text[], $11::uuid[], $12::uuid[], $13::uuid[])
"""


async def join_customers(
    source: queries.Source,
    people: Sequence[NewCustomer],
    *,
    origin: str = "live",
    actors: Sequence[Actor] = (),
) -> list[UUID]:
    """Make customers of those whose phone is not known yet; ids in order, of the known ones too.

    ``actors`` says who joins whom, by position; on a session its own actor does.

    ``seq`` counts without holes: the brand's counter row stays locked to the end of the transaction, so
    joining waits for joining and two sign-ups of one phone make one customer. Everybody else passes by.
    """
    if isinstance(source, AsyncSession):
        actors = [actor_of(source)] * len(people)
    acting = {one.phone: actor for one, actor in zip(people, actors, strict=False)}
    driver = await queries.connection_of(source)
    last_seq = int(await driver.fetchval(_NEXT) or 0)
    known = await queries.customer_ids_by_phone(driver, [one.phone for one in people])
    fresh = [
        one
        for one in {one.phone: one for one in reversed(people)}.values()
        if one.phone not in known
    ][::-1]
    ids = {one.phone: new_id() for one in fresh}
    seqs = {one.phone: last_seq + at for at, one in enumerate(fresh, 1)}
    if fresh:
        await _insert(driver, fresh, ids, seqs)
        await driver.execute("update customer_counters set last_seq = $1", last_seq + len(fresh))
        joined = [
            CustomerJoined(
                customer_id=ids[one.phone],
                seq=seqs[one.phone],
                device_id=one.device_id,
                **msgspec.structs.asdict(one.touch),
            )
            for one in fresh
        ]
        moments = [one.joined_at or clock.now() for one in fresh]
        who = [acting.get(one.phone, SYSTEM) for one in fresh]
        await state_on(driver, joined, actor=who, origin=origin, occurred_at=moments)
    return [known.get(one.phone) or ids[one.phone] for one in people]


async def _insert(
    driver: asyncpg.Connection, fresh: list[NewCustomer], ids: dict[str, UUID], seqs: dict[str, int]
) -> None:
    now, brand_id = clock.now(), brand_on(driver)
    touches = [one.touch for one in fresh]
    keys = await vault.keys_for(driver, ids.values(), new=True)
    profiles = [queries.Profile(one.name, one.phone) for one in fresh]
    await driver.execute(
        _ADD,
        [ids[one.phone] for one in fresh],
        [seqs[one.phone] for one in fresh],
        [keys[ids[one.phone]].seal("profile", one) for one in profiles],
        vault.tokens(brand_id, "phone", (one.phone for one in fresh)),
        vault.tokens(brand_id, "last4", (one.phone[-4:] for one in fresh)),
        vault.tokens(brand_id, "name", (one.name for one in fresh)),
        [one.locale for one in fresh],
        [one.joined_at or now for one in fresh],
        [touch.source for touch in touches],
        [touch.scene for touch in touches],
        [touch.link_id for touch in touches],
        [touch.store_id for touch in touches],
        [touch.guide_id for touch in touches],
    )


_ADD_DEVICES = """
insert into devices (id, created_at, customer_id, source, scene) select id, $2, customer_id, 'direct', ''
from unnest($1::uuid[], $3::uuid[]) as d(id, customer_id)
"""
_ADD_SESSIONS = """
insert into shop_sessions (token_hash, device_id, customer_id, created_at, last_seen_at)
select token_hash, device_id, customer_id, $4, $4 from unnest($1::text[], $2::uuid[], $3::uuid[]) as s(token_hash, device_id, customer_id)
"""


async def open_sessions(session: AsyncSession, customer_ids: Sequence[UUID]) -> list[str]:
    """A device and a session for each customer, set-based (benches and the demo); tokens in order."""
    driver, now = await driver_of(session), clock.now()
    made = [new_token(brand_of(session)) for _ in customer_ids]
    devices = [new_id() for _ in customer_ids]
    await driver.execute(_ADD_DEVICES, devices, now, list(customer_ids))
    await driver.execute(
        _ADD_SESSIONS, [hash_of(token) for token in made], devices, list(customer_ids), now
    )
    return made


async def change_me(
    session: AsyncSession, customer_id: UUID, *, name: str | None = None, locale: str | None = None
) -> CustomerRow:
    """Change one's own name or language. Raises ``Invalid``, ``NotFound``, ``Forgotten``."""
    row = await queries.customer_row(session, customer_id)
    await session.refresh(row, with_for_update=True)  # name and phone are sealed together
    if name is not None:
        name = rules.check_line(name, "name", 40)
        keys = await vault.keys_for(await driver_of(session), [customer_id])
        known = (await queries.profiles_of(session, [row]))[customer_id]
        renamed = msgspec.structs.replace(known, name=name)
        row.sealed = keys[customer_id].seal("profile", renamed)
        row.name_token = vault.token(brand_of(session), "name", name)
    if locale is not None:
        row.locale = locale
    await session.flush()
    await state(session, [CustomerChanged(customer_id=customer_id)])
    return row
