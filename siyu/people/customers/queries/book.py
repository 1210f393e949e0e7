"""Reads of address books, and of the frozen contacts that orders go to."""

from collections.abc import Iterable
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import vault
from siyu.kernel.db import brand_of
from siyu.kernel.errors import NotFound
from siyu.kernel.together import Read, Rows
from siyu.people.customers import regions, rules
from siyu.people.customers.queries.sessions import Source, connection_of
from siyu.people.customers.tables import AddressRow, ContactRow

MOST_FOUND = 1000


class Written(msgspec.Struct, frozen=True):
    """What is sealed of a contact."""

    recipient: str
    phone: str
    street: str


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


class Destination(msgspec.Struct, frozen=True):
    """Where something goes, without saying to whom: what placing an order needs of an address."""

    contact_id: UUID
    district_code: str


_OPENED = """
select c.id as contact_id, c.customer_id, c.sealed, c.district_code
from unnest($1::uuid[]) as w(id) cross join lateral (select * from contacts c where c.id = w.id limit 1) c
"""
_BOOK = """
select a.id, a.customer_id, a.is_default, c.sealed, c.district_code
from addresses a join contacts c on c.id = a.contact_id
where a.customer_id = $1 and ($2::uuid is null or a.id = $2)
order by a.is_default desc, a.created_at desc, a.id desc
"""


async def addresses(source: Source, customer_id: UUID) -> list[Address]:
    """A customer's address book, the default first, then newest first."""
    return await _of_book(source, customer_id, None)


async def address(source: Source, customer_id: UUID, address_id: UUID) -> Address:
    """One address of a customer. Raises ``NotFound``, also for somebody else's."""
    found = await _of_book(source, customer_id, address_id)
    if not found:
        raise NotFound(address_id=str(address_id))
    return found[0]


async def _of_book(source: Source, customer_id: UUID, address_id: UUID | None) -> list[Address]:
    connection = await connection_of(source)
    rows = await connection.fetch(_BOOK, customer_id, address_id)
    keys = await vault.keys_of(connection, [customer_id] if rows else [])
    if customer_id not in keys:  # forgotten meanwhile
        return []
    return [
        _opened(
            keys[customer_id],
            row["id"],
            row["sealed"],
            row["district_code"],
            is_default=row["is_default"],
        )
        for row in rows
        if row["sealed"] is not None
    ]


def _opened(
    key: vault.PersonKey, id: UUID, sealed: bytes, district_code: str, *, is_default: bool = False
) -> Address:
    one = key.open("contact", sealed, Written)
    return Address(id, one.recipient, one.phone, district_code, one.street, is_default)


def destinations_read(
    wanted: Iterable[tuple[UUID, UUID]],
) -> Read[dict[tuple[UUID, UUID], Destination]]:
    """Where addresses lead, by ``(customer, address)``; somebody else's and unknown ones are absent. Nothing is opened."""
    pairs = list(wanted)
    customers, addresses = [customer for customer, _ in pairs], [address for _, address in pairs]
    columns = ("customer_id", "id", "contact_id", "district_code")
    return Read(_DESTINATIONS, columns, (customers, addresses), _destinations_of)


_DESTINATIONS = """
select a.customer_id, a.id, a.contact_id, c.district_code
from unnest($1::uuid[], $2::uuid[]) as w(customer_id, id)
join addresses a on a.customer_id = w.customer_id and a.id = w.id join contacts c on c.id = a.contact_id
"""


def _destinations_of(rows: Rows) -> dict[tuple[UUID, UUID], Destination]:
    return {
        (row["customer_id"], row["id"]): Destination(row["contact_id"], row["district_code"])
        for row in rows
    }


async def contacts(source: Source, contact_ids: Iterable[UUID | None]) -> dict[UUID, Address]:
    """Contacts by id, opened: where orders go. Unknown ones and those of forgotten people are absent."""
    wanted = list({one for one in contact_ids if one is not None})
    if not wanted:
        return {}
    connection = await connection_of(source)
    rows = [row for row in await connection.fetch(_OPENED, wanted) if row["sealed"] is not None]
    keys = await vault.keys_of(connection, [row["customer_id"] for row in rows])
    return {
        row["contact_id"]: _opened(
            keys[row["customer_id"]], row["contact_id"], row["sealed"], row["district_code"]
        )
        for row in rows
        if row["customer_id"] in keys
    }


async def find_contacts(session: AsyncSession, q: str) -> list[tuple[UUID, UUID]]:
    """Recipients by full phone, its last four digits or full name: ``(customer, contact)``, the newest ``MOST_FOUND``."""
    sought = rules.sought(q)
    if sought is None:
        return []
    blind = vault.token(brand_of(session), *sought)
    column = {"phone": ContactRow.phone_token, "last4": ContactRow.last4_token}.get(
        sought[0], ContactRow.name_token
    )
    newest = ContactRow.created_at.desc(), ContactRow.id.desc()
    found = select(ContactRow.customer_id, ContactRow.id).where(column == blind)
    rows = await session.execute(found.order_by(*newest).limit(MOST_FOUND))
    return [(row[0], row[1]) for row in rows]


async def address_row(session: AsyncSession, customer_id: UUID, address_id: UUID) -> AddressRow:
    """One address of a customer, locked for change. Raises ``NotFound``."""
    wanted = select(AddressRow).where(
        AddressRow.id == address_id, AddressRow.customer_id == customer_id
    )
    row = await session.scalar(wanted.with_for_update())
    if row is None:
        raise NotFound(address_id=str(address_id))
    return row
