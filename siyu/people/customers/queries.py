"""Reads of customers: sessions, people, addresses, messages of the demo's inbox."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import ColumnElement, and_, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.db import brand_of, driver_of
from siyu.kernel.errors import NotFound
from siyu.kernel.search import wanted as wanted_tokens
from siyu.people.customers import regions, rules
from siyu.people.customers.tables import (
    AddressRow,
    CustomerRow,
    CustomerTokenRow,
)

Source = AsyncSession | asyncpg.Connection


class Person(msgspec.Struct, frozen=True):
    """Whose session it is. A guest's ``id`` is that of their device."""

    kind: str
    """``guest`` · ``customer``"""
    id: UUID
    device_id: UUID


class Card(msgspec.Struct, frozen=True):
    """What lists of other modules show of a customer."""

    id: UUID
    seq: int
    name: str
    phone: str
    joined_at: datetime
    source: str
    scene: str
    store_id: UUID | None
    guide_id: UUID | None

    @property
    def phone_masked(self) -> str:
        """Like ``138****8000``."""
        return rules.masked_phone(self.phone)


class Address(msgspec.Struct, frozen=True):
    """An entry of an address book, or the copy of one on an order."""

    id: UUID
    recipient: str
    phone: str
    district_code: str
    street: str
    is_default: bool = False

    @property
    def region_names(self) -> list[str]:
        """Province, city, district as on a parcel."""
        return list(regions.address_names(self.district_code))


class AddressOut(msgspec.Struct, frozen=True):
    """An address on the wire; at the console its fields are masked."""

    id: UUID
    recipient: str
    phone: str
    district_code: str
    region_names: list[str]
    street: str
    is_default: bool

    @classmethod
    def of(cls, address: Address) -> "AddressOut":
        """All of it: for the customer."""
        return cls(
            address.id,
            address.recipient,
            address.phone,
            address.district_code,
            address.region_names,
            address.street,
            address.is_default,
        )

    @classmethod
    def masked(cls, address: Address, hidden: Iterable[str] = ()) -> "AddressOut":
        """For staff: name and phone in part, the street not at all when a role hides addresses."""
        fields = frozenset(hidden)
        return cls(
            address.id,
            "***" if "recipient" in fields else rules.masked_name(address.recipient),
            rules.masked_phone(address.phone, hidden="phone" in fields),
            address.district_code,
            address.region_names,
            "***" if "address" in fields else address.street,
            address.is_default,
        )


async def connection_of(source: Source) -> asyncpg.Connection:
    """The asyncpg connection behind either kind of source."""
    return await driver_of(source) if isinstance(source, AsyncSession) else source


_SESSION = """
select device_id, customer_id, last_seen_at from shop_sessions
where token_hash = $1 and last_seen_at > $2 and created_at > $3
"""
_SESSIONS = """
select s.token_hash, s.device_id, s.customer_id, s.last_seen_at < $4 as unseen from unnest($1::text[]) as w(token_hash)
cross join lateral (select * from shop_sessions s where s.token_hash = w.token_hash limit 1) s
where s.last_seen_at > $2 and s.created_at > $3
"""
_SEEN = "update shop_sessions set last_seen_at = $2 where token_hash = any($1::text[])"


def _person(device_id: UUID, customer_id: UUID | None) -> Person:
    return (
        Person("customer", customer_id, device_id)
        if customer_id
        else Person("guest", device_id, device_id)
    )


async def person_behind(source: Source, token_hash: str) -> Person | None:
    """The person behind a token's hash; ``None`` when the session has ended."""
    now = clock.now()
    row = await (await connection_of(source)).fetchrow(
        _SESSION, token_hash, now - rules.IDLE, now - rules.LONGEST
    )
    return _person(row["device_id"], row["customer_id"]) if row else None


async def people_behind(
    connection: asyncpg.Connection, token_hashes: Sequence[str]
) -> list[Person | None]:
    """``person_behind`` for many tokens by position, in one round trip; those not seen for a while are seen now."""
    now = clock.now()
    rows = await connection.fetch(
        _SESSIONS, list(token_hashes), now - rules.IDLE, now - rules.LONGEST, now - rules.SEEN_EVERY
    )
    unseen = [row["token_hash"] for row in rows if row["unseen"]]
    if unseen:
        await connection.execute(_SEEN, sorted(unseen), now)
    found = {row["token_hash"]: _person(row["device_id"], row["customer_id"]) for row in rows}
    return [found.get(token_hash) for token_hash in token_hashes]


async def session_behind(session: AsyncSession, token_hash: str) -> tuple[Person, float] | None:
    """``person_behind`` with the seconds since the session was last seen."""
    now = clock.now()
    row = await (await driver_of(session)).fetchrow(
        _SESSION, token_hash, now - rules.IDLE, now - rules.LONGEST
    )
    if row is None:
        return None
    return _person(row["device_id"], row["customer_id"]), (
        now - row["last_seen_at"]
    ).total_seconds()


async def cards(source: Source, customer_ids: Iterable[UUID | None]) -> dict[UUID, Card]:
    """Customers by id, for lists of other modules; unknown ids are absent."""
    wanted = list({one for one in customer_ids if one is not None})
    if not wanted:
        return {}
    rows = await (await connection_of(source)).fetch(
        "select id, seq, name, phone, joined_at, source, scene, store_id, guide_id from customers where id = any($1::uuid[])",
        wanted,
    )
    return {row["id"]: Card(*row.values()) for row in rows}


async def customer_row(
    session: AsyncSession, customer_id: UUID, unit_ids: Sequence[UUID] | None = None
) -> CustomerRow:
    """A customer, of these stores if given. Raises ``NotFound``."""
    row = await session.get(CustomerRow, (brand_of(session), customer_id))
    if row is None or (unit_ids is not None and row.store_id not in unit_ids):
        raise NotFound(customer_id=str(customer_id))
    return row


async def customer_ids_by_phone(
    connection: asyncpg.Connection, phones: Sequence[str]
) -> dict[str, UUID]:
    """Customers by their phone in its normal form; unknown ones are absent."""
    rows = await connection.fetch(
        "select phone, id from customers where phone = any($1::text[])", list(phones)
    )
    return {row["phone"]: row["id"] for row in rows}


def _matching(q: str) -> ColumnElement[bool] | None:
    text = q.strip()
    if text.isdigit() and len(text) == 4:
        return CustomerRow.phone_last4 == text
    if rules.is_phone(text):
        return CustomerRow.phone == rules.normal_phone(text)
    asked = wanted_tokens(text)
    if not asked:
        return None
    return and_(
        *(
            exists().where(
                CustomerTokenRow.customer_id == CustomerRow.id, CustomerTokenRow.token == token
            )
            for token in asked
        )
    )


async def find_customers(session: AsyncSession, q: str, *, limit: int = 200) -> list[UUID]:
    """Customers by full phone, last four digits of it, or name, newest first (for other modules' searches)."""
    condition = _matching(q)
    if condition is None:
        return []
    wanted = (
        select(CustomerRow.id)
        .where(condition)
        .order_by(CustomerRow.joined_at.desc(), CustomerRow.id.desc())
    )
    return list(await session.scalars(wanted.limit(limit)))


async def page_of_customers(
    session: AsyncSession,
    *,
    q: str = "",
    unit_ids: Sequence[UUID] | None = None,
    oldest_first: bool = False,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 20,
) -> list[CustomerRow]:
    """Customers by the day they joined, newest first unless asked; one more than ``limit`` when there is more.

    ``unit_ids`` keeps those first touched at these stores. Needs indexes (joined_at, id) and (store_id, joined_at, id).
    """
    wanted = select(CustomerRow)
    key = tuple_(CustomerRow.joined_at, CustomerRow.id)
    if unit_ids is not None:
        wanted = wanted.where(CustomerRow.store_id.in_(unit_ids))
    if q.strip():
        condition = _matching(q)
        if condition is None:
            return []
        wanted = wanted.where(condition)
    if before is not None:
        wanted = wanted.where(key > before if oldest_first else key < before)
    order = (CustomerRow.joined_at, CustomerRow.id)
    wanted = wanted.order_by(*(order if oldest_first else (column.desc() for column in order)))
    return list(await session.scalars(wanted.limit(limit + 1)))


_ADDRESS = "select id, recipient, phone, district_code, street, is_default from addresses"


async def addresses(source: Source, customer_id: UUID) -> list[Address]:
    """A customer's address book, the default first, then newest first."""
    rows = await (await connection_of(source)).fetch(
        f"{_ADDRESS} where customer_id = $1 order by is_default desc, created_at desc, id desc",
        customer_id,
    )
    return [Address(*row.values()) for row in rows]


async def addresses_by_id(
    source: Source, wanted: Iterable[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Address]:
    """Addresses by ``(customer, address)`` in one round trip; somebody else's and unknown ones are absent."""
    pairs = list(wanted)
    rows = await (await connection_of(source)).fetch(
        """select a.customer_id, a.id, a.recipient, a.phone, a.district_code, a.street, a.is_default
           from unnest($1::uuid[], $2::uuid[]) as w(customer_id, id)
           join addresses a on a.customer_id = w.customer_id and a.id = w.id""",
        [customer_id for customer_id, _ in pairs],
        [address_id for _, address_id in pairs],
    )
    return {(row["customer_id"], row["id"]): Address(*list(row.values())[1:]) for row in rows}


async def address(source: Source, customer_id: UUID, address_id: UUID) -> Address:
    """One address of a customer. Raises ``NotFound``, also for somebody else's."""
    row = await (await connection_of(source)).fetchrow(
        f"{_ADDRESS} where id = $1 and customer_id = $2", address_id, customer_id
    )
    if row is None:
        raise NotFound(address_id=str(address_id))
    return Address(*row.values())


async def address_row(session: AsyncSession, customer_id: UUID, address_id: UUID) -> AddressRow:
    """One address of a customer, locked for change. Raises ``NotFound``."""
    wanted = select(AddressRow).where(
        AddressRow.id == address_id, AddressRow.customer_id == customer_id
    )
    row = await session.scalar(wanted.with_for_update())
    if row is None:
        raise NotFound(address_id=str(address_id))
    return row


class DemoMessage(msgspec.Struct, frozen=True):
    """A text message that would have been sent."""

    at: datetime
    phone: str
    text: str


_INBOX = """
select m.at, m.phone, m.text from unnest($1::text[]) as w(phone)
cross join lateral (select at, phone, text from demo_messages m where m.phone = w.phone order by at desc limit $2) m
"""


async def demo_messages(
    connection: asyncpg.Connection, phones: Sequence[str], *, limit: int = 20
) -> dict[str, list[DemoMessage]]:
    """The latest messages to these phones in the demo's inbox, newest first; absent for none."""
    found: dict[str, list[DemoMessage]] = {}
    for row in await connection.fetch(_INBOX, sorted(set(phones)), limit):
        found.setdefault(row["phone"], []).append(DemoMessage(*row))
    return found


async def latest_demo_messages(
    connection: asyncpg.Connection, *, limit: int = 20
) -> list[DemoMessage]:
    """The latest messages of the demo's inbox, newest first."""
    rows = await connection.fetch(
        "select at, phone, text from demo_messages order by at desc limit $1", limit
    )
    return [DemoMessage(*row) for row in rows]
