"""Writes of customers: guests, joining, their own data, the address book."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import brand_of, driver_of
from siyu.kernel.errors import Invalid
from siyu.kernel.events import state
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
    DeviceRow,
    PrivacyAcceptanceRow,
    ShopSessionRow,
)
from siyu.people.staff import hash_of, names, new_token


async def admit_guest(
    session: AsyncSession,
    brand: BrandFacts,
    *,
    privacy_version: str,
    locale: str,
    link_code: str | None,
) -> tuple[UUID, str]:
    """Know a visitor's device from now on, for the privacy text was accepted; its id and the session's token.

    Raises ``PrivacyNeeded`` when the accepted version is not the one in force.
    """
    if privacy_version != brand.privacy_version:
        raise rules.PrivacyNeeded(version=brand.privacy_version)
    touch = Touch()
    if link_code and plugs.touch_of is not None:
        touch = await _checked(session, await plugs.touch_of(session, link_code) or touch)
    now, device_id = clock.now(), new_id()
    session.add(DeviceRow(id=device_id, created_at=now, **msgspec.structs.asdict(touch)))
    await session.flush()
    session.add(
        PrivacyAcceptanceRow(device_id=device_id, version=privacy_version, locale=locale, at=now)
    )
    token = await open_session(session, device_id, None)
    await state(session, [GuestArrived(device_id=device_id, **msgspec.structs.asdict(touch))])
    return device_id, token


async def _checked(session: AsyncSession, touch: Touch) -> Touch:
    """The touch without a store or a guide that does not exist (a link may outlive them)."""
    return msgspec.structs.replace(
        touch,
        store_id=touch.store_id if await units(session, [touch.store_id]) else None,
        guide_id=touch.guide_id if await names(session, [touch.guide_id]) else None,
    )


async def open_session(session: AsyncSession, device_id: UUID, customer_id: UUID | None) -> str:
    """Begin a session for a device, of a guest or a customer; its token."""
    now, token = clock.now(), new_token(brand_of(session))
    session.add(
        ShopSessionRow(
            token_hash=hash_of(token),
            device_id=device_id,
            customer_id=customer_id,
            created_at=now,
            last_seen_at=now,
        )
    )
    await session.flush()
    return token


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
    session: AsyncSession, people: Sequence[NewCustomer], *, origin: str = "live"
) -> list[UUID]:
    """Make customers of those whose phone is not known yet; ids in order, of the known ones too.

    ``seq`` counts without holes: the brand's counter row stays locked to the end of the transaction, so
    joining waits for joining and two sign-ups of one phone make one customer. Everybody else passes by.
    """
    driver = await driver_of(session)
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
        await state(session, joined, origin=origin, occurred_at=moments)
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


async def save_address(
    session: AsyncSession, customer_id: UUID, data: AddressIn, address_id: UUID | None = None
) -> Address:
    """Write an entry of the address book, a new one without ``address_id``. The first one becomes the default.

    Raises ``Invalid``, ``BadPhone``, ``NotFound``, ``TooManyAddresses``.
    """
    data = checked_address(data)
    # One customer's changes wait for each other: the limit and the one default depend on all entries.
    await session.execute(
        select(CustomerRow.id).where(CustomerRow.id == customer_id).with_for_update()
    )
    if address_id is None:
        count = (
            await session.scalar(select(func.count()).where(AddressRow.customer_id == customer_id))
            or 0
        )
        if count >= rules.MOST_ADDRESSES:
            raise rules.TooManyAddresses(most=rules.MOST_ADDRESSES)
        row = AddressRow(
            id=new_id(), customer_id=customer_id, created_at=clock.now(), is_default=False
        )
        first = count == 0
    else:
        row, first = await queries.address_row(session, customer_id, address_id), False
    is_default = data.is_default or first or (row.is_default and address_id is not None)
    if is_default and not row.is_default:
        await session.execute(
            update(AddressRow)
            .where(AddressRow.customer_id == customer_id, AddressRow.is_default)
            .values(is_default=False)
        )
    row.recipient, row.phone, row.district_code, row.street = (
        data.recipient,
        data.phone,
        data.district_code,
        data.street,
    )
    row.is_default = is_default
    session.add(row)
    await session.flush()
    return Address(row.id, row.recipient, row.phone, row.district_code, row.street, row.is_default)


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
