"""Writes of the address book."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, vault
from siyu.kernel.db import brand_on
from siyu.kernel.errors import Invalid, NotFound, Refusal
from siyu.kernel.ids import new_id
from siyu.kernel.lanes import rounds
from siyu.people.customers import queries, regions, rules
from siyu.people.customers.queries import Address
from siyu.people.customers.tables import AddressRow, CustomerRow


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


_LOCK = "select from customers where id = any($1::uuid[]) order by id for no key update"
_KNOWN_ADDRESSES = """
select w.customer_id, count(a.id) as known, count(a.id) filter (where a.id = w.id) as it,
       coalesce(bool_or(a.is_default) filter (where a.id = w.id), false) as was_default
from unnest($1::uuid[], $2::uuid[]) as w(customer_id, id) left join addresses a on a.customer_id = w.customer_id
group by w.customer_id
"""
_CLEAR_DEFAULT = """
update addresses a set is_default = false from unnest($1::uuid[], $2::uuid[]) as w(customer_id, id)
where a.customer_id = w.customer_id and a.is_default and a.id <> w.id
"""
_WRITE_CONTACTS = """
insert into contacts (id, customer_id, sealed, district_code, phone_token, last4_token, name_token, created_at)
select *, $8 from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[])
"""
_WRITE_ADDRESSES = """
insert into addresses (id, customer_id, contact_id, is_default, created_at)
select *, $5 from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[])
on conflict (brand_id, id) do update set contact_id = excluded.contact_id, is_default = excluded.is_default
"""


class AddressWrite(msgspec.Struct, frozen=True):
    """A checked address to be written into a customer's book; a new entry without ``address_id``."""

    customer_id: UUID
    data: AddressIn
    address_id: UUID | None = None


async def save_address(
    source: queries.Source, customer_id: UUID, data: AddressIn, address_id: UUID | None = None
) -> Address:
    """Write an entry of the address book, a new one without ``address_id``. The first one becomes the default.

    Raises ``Invalid``, ``BadPhone``, ``NotFound``, ``TooManyAddresses``.
    """
    write = AddressWrite(customer_id, checked_address(data), address_id)
    (saved,) = await save_addresses(await queries.connection_of(source), [write])
    if isinstance(saved, Refusal):
        raise saved
    return saved


async def save_addresses(
    connection: asyncpg.Connection, writes: Sequence[AddressWrite]
) -> list[Address | Refusal]:
    """``save_address`` for many by position; those of one customer follow each other."""
    answers: dict[int, Address | Refusal] = {}
    for group in rounds([(one.customer_id,) for one in writes]):
        saved = await _save(connection, [writes[at] for at in group])
        answers.update(zip(group, saved, strict=True))
    return [answers[at] for at in range(len(writes))]


async def _save(
    connection: asyncpg.Connection, writes: Sequence[AddressWrite]
) -> list[Address | Refusal]:
    ids = [one.address_id or new_id() for one in writes]
    owners = [one.customer_id for one in writes]
    # One customer's changes wait for each other: the limit and the one default depend on all entries.
    await connection.execute(_LOCK, owners)
    books = {
        row["customer_id"]: row for row in await connection.fetch(_KNOWN_ADDRESSES, owners, ids)
    }
    answers: list[Address | Refusal] = []
    saved: list[tuple[UUID, Address]] = []
    cleared: list[tuple[UUID, UUID]] = []
    for one, id in zip(writes, ids, strict=True):
        book, data = books[one.customer_id], one.data
        if one.address_id is not None and not book["it"]:
            answers.append(NotFound(address_id=str(one.address_id)))
        elif one.address_id is None and book["known"] >= rules.MOST_ADDRESSES:
            answers.append(rules.TooManyAddresses(most=rules.MOST_ADDRESSES))
        else:
            is_default = data.is_default or not book["known"] or book["was_default"]
            if is_default and not book["was_default"] and book["known"]:
                cleared.append((one.customer_id, id))
            address = Address(id, data.recipient, data.phone, data.district_code, data.street, is_default)  # fmt: skip
            answers.append(address)
            saved.append((one.customer_id, address))
    if cleared:
        await connection.execute(_CLEAR_DEFAULT, *map(list, zip(*cleared, strict=True)))
    if saved:
        contacts = await keep_contacts(connection, saved)
        await connection.execute(
            _WRITE_ADDRESSES,
            [address.id for _, address in saved],
            [owner for owner, _ in saved],
            contacts,
            [address.is_default for _, address in saved],
            clock.now(),
        )
    return answers


async def keep_contacts(
    connection: asyncpg.Connection, written: Sequence[tuple[UUID, Address]]
) -> list[UUID]:
    """Seal whom customers send to, each for good under an id of its own; the ids by position.

    ``written``: ``(customer, address)``; the address's own id does not matter. Raises ``Forgotten``.
    """
    ids, brand_id = [new_id() for _ in written], brand_on(connection)
    keys = await vault.keys_for(connection, [owner for owner, _ in written])
    said = [one for _, one in written]
    await connection.execute(
        _WRITE_CONTACTS,
        ids,
        [owner for owner, _ in written],
        [
            keys[owner].seal("contact", queries.Written(one.recipient, one.phone, one.street))
            for owner, one in written
        ],
        [one.district_code for one in said],
        vault.tokens(brand_id, "phone", (one.phone for one in said)),
        vault.tokens(brand_id, "last4", (one.phone[-4:] for one in said)),
        vault.tokens(brand_id, "name", (one.recipient for one in said)),
        clock.now(),
    )
    return ids


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
