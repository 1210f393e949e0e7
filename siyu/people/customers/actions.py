"""Writes of customers: guests, joining, their own data, the address book."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import SYSTEM, Actor, actor_of, brand_of, driver_of
from siyu.kernel.errors import Invalid, NotFound
from siyu.kernel.events import state, state_on
from siyu.kernel.ids import new_id
from siyu.kernel.search import tokens
from siyu.people.brands import BrandFacts, units
from siyu.people.customers import queries, regions, rules
from siyu.people.customers.events import CustomerChanged, CustomerJoined, GuestArrived
from siyu.people.customers.ports import Touch, plugs
from siyu.people.customers.queries import Address
from siyu.people.customers.tables import (
    AddressRow,
    CustomerRow,
)
from siyu.people.staff import hash_of, names, new_token

_ADMIT = """
with device as (
    insert into devices (id, created_at, source, scene, link_id, store_id, guide_id)
    values ($1, $2, $3, $4, $5, $6, $7)
), accepted as (
    insert into privacy_acceptances (id, device_id, version, locale, at) values ($8, $1, $9, $10, $2)
)
insert into shop_sessions (token_hash, device_id, created_at, last_seen_at) values ($11, $1, $2, $2)
"""


async def admit_guest(
    connection: asyncpg.Connection,
    brand: BrandFacts,
    *,
    privacy_version: str,
    locale: str,
    touch: Touch,
) -> tuple[UUID, str]:
    """Know a visitor's device from now on, for the privacy text was accepted; its id and the session's token.

    Raises ``PrivacyNeeded`` when the accepted version is not the one in force.
    """
    if privacy_version != brand.privacy_version:
        raise rules.PrivacyNeeded(version=brand.privacy_version)
    device_id, token = new_id(), new_token(brand.id)
    await connection.execute(
        _ADMIT, device_id, clock.now(), touch.source, touch.scene, touch.link_id, touch.store_id, touch.guide_id,
        new_id(), privacy_version, locale, hash_of(token),
    )  # fmt: skip
    arrived = GuestArrived(device_id=device_id, **msgspec.structs.asdict(touch))
    await state_on(connection, [arrived])
    return device_id, token


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
insert into customers (id, seq, name, phone, phone_last4, locale, joined_at, source, scene, link_id, store_id, guide_id)
select * from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                     $8::text[], $9::text[], $10::uuid[], $11::uuid[], $12::uuid[])
"""
_ADD_TOKENS = """
insert into customer_tokens (customer_id, token) select * from unnest($1::uuid[], $2::text[]) on conflict do nothing
"""


async def join_customers(
    source: queries.Source,
    people: Sequence[NewCustomer],
    *,
    origin: str = "live",
    actor: Actor = SYSTEM,
) -> list[UUID]:
    """Make customers of those whose phone is not known yet; ids in order, of the known ones too.

    ``seq`` counts without holes: the brand's counter row stays locked to the end of the transaction, so
    joining waits for joining and two sign-ups of one phone make one customer. Everybody else passes by.
    """
    if isinstance(source, AsyncSession):
        actor = actor_of(source)
    driver = await queries.connection_of(source)
    last_seq = int(await driver.fetchval(_NEXT) or 0)
    known = {
        row["phone"]: row["id"]
        for row in await driver.fetch(
            "select id, phone from customers where phone = any($1)", [one.phone for one in people]
        )
    }
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
        await state_on(driver, joined, actor=actor, origin=origin, occurred_at=moments)
    return [known.get(one.phone) or ids[one.phone] for one in people]


async def _insert(
    driver: asyncpg.Connection, fresh: list[NewCustomer], ids: dict[str, UUID], seqs: dict[str, int]
) -> None:
    now = clock.now()
    touches = [one.touch for one in fresh]
    await driver.execute(
        _ADD,
        [ids[one.phone] for one in fresh],
        [seqs[one.phone] for one in fresh],
        [one.name for one in fresh],
        [one.phone for one in fresh],
        [one.phone[-4:] for one in fresh],
        [one.locale for one in fresh],
        [one.joined_at or now for one in fresh],
        [touch.source for touch in touches],
        [touch.scene for touch in touches],
        [touch.link_id for touch in touches],
        [touch.store_id for touch in touches],
        [touch.guide_id for touch in touches],
    )
    words = [(ids[one.phone], token) for one in fresh for token in sorted(tokens(one.name))]
    if words:
        await driver.execute(_ADD_TOKENS, [id for id, _ in words], [token for _, token in words])


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
    """Change one's own name or language. Raises ``Invalid``, ``NotFound``."""
    row = await queries.customer_row(session, customer_id)
    if name is not None:
        row.name = rules.check_line(name, "name", 40)
        driver = await driver_of(session)
        words = sorted(tokens(row.name))
        await driver.execute(
            "delete from customer_tokens where customer_id = $1 and token <> all($2)",
            customer_id,
            words,
        )
        await driver.execute(_ADD_TOKENS, [customer_id] * len(words), words)
    if locale is not None:
        row.locale = locale
    await session.flush()
    await state(session, [CustomerChanged(customer_id=customer_id)])
    return row


class AddressIn(msgspec.Struct, forbid_unknown_fields=True):
    """An address as the customer writes it."""

    recipient: str
    phone: str
    district_code: str
    street: str
    is_default: bool = False


def checked_address(data: AddressIn) -> AddressIn:
    """The address trimmed and with its phone in normal form. Raises ``Invalid``, ``BadPhone``."""
    if not regions.is_district(data.district_code):
        raise Invalid(
            errors=[{"path": "district_code", "message": "not a district of the official list"}]
        )
    return AddressIn(
        rules.check_line(data.recipient, "recipient", 40),
        rules.normal_phone(data.phone),
        data.district_code,
        rules.check_line(data.street, "street", 200, least=2),
        data.is_default,
    )


_LOCK = "select from customers where id = $1 for update"
_KNOWN_ADDRESSES = """
select count(*) as known, coalesce(bool_or(is_default) filter (where id = $2), false) as was_default,
       count(*) filter (where id = $2) as it from addresses where customer_id = $1
"""
_CLEAR_DEFAULT = (
    "update addresses set is_default = false where customer_id = $1 and is_default and id <> $2"
)
_WRITE_ADDRESS = """
insert into addresses (id, customer_id, recipient, phone, district_code, street, is_default, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (brand_id, id) do update set recipient = excluded.recipient, phone = excluded.phone,
    district_code = excluded.district_code, street = excluded.street, is_default = excluded.is_default
"""


async def save_address(
    source: queries.Source, customer_id: UUID, data: AddressIn, address_id: UUID | None = None
) -> Address:
    """Write an entry of the address book, a new one without ``address_id``. The first one becomes the default.

    Raises ``Invalid``, ``BadPhone``, ``NotFound``, ``TooManyAddresses``.
    """
    data = checked_address(data)
    driver, id = await queries.connection_of(source), address_id or new_id()
    # One customer's changes wait for each other: the limit and the one default depend on all entries.
    await driver.execute(_LOCK, customer_id)
    row = await driver.fetchrow(_KNOWN_ADDRESSES, customer_id, id)
    assert row is not None
    if address_id is not None and not row["it"]:
        raise NotFound(address_id=str(address_id))
    if address_id is None and row["known"] >= rules.MOST_ADDRESSES:
        raise rules.TooManyAddresses(most=rules.MOST_ADDRESSES)
    is_default = data.is_default or not row["known"] or row["was_default"]
    if is_default and not row["was_default"] and row["known"]:
        await driver.execute(_CLEAR_DEFAULT, customer_id, id)
    await driver.execute(
        _WRITE_ADDRESS, id, customer_id, data.recipient, data.phone, data.district_code, data.street, is_default,
        clock.now(),
    )  # fmt: skip
    return Address(id, data.recipient, data.phone, data.district_code, data.street, is_default)


async def drop_address(session: AsyncSession, customer_id: UUID, address_id: UUID) -> None:
    """Remove an entry; when it was the default, the newest of the others becomes it. Raises ``NotFound``."""
    await session.execute(
        select(CustomerRow.id).where(CustomerRow.id == customer_id).with_for_update()
    )
    row = await queries.address_row(session, customer_id, address_id)
    was_default = row.is_default
    await session.delete(row)
    await session.flush()
    if was_default:
        newest = (
            select(AddressRow.id)
            .where(AddressRow.customer_id == customer_id)
            .order_by(AddressRow.created_at.desc(), AddressRow.id.desc())
            .limit(1)
        )
        await session.execute(
            update(AddressRow).where(AddressRow.id.in_(newest)).values(is_default=True)
        )
