"""Reads of customers: by id, by phone, in lists. What is personal is sealed and opened here."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import vault
from siyu.kernel.db import brand_of, brand_on, driver_of
from siyu.kernel.errors import NotFound
from siyu.people.customers import rules
from siyu.people.customers.queries.sessions import Source, connection_of
from siyu.people.customers.tables import CustomerRow


class Profile(msgspec.Struct, frozen=True):
    """What is sealed of a customer. All empty for somebody who was forgotten."""

    name: str = ""
    phone: str = ""


class Card(msgspec.Struct, frozen=True):
    """What lists of other modules show of a customer. Name and phone are empty for somebody who was forgotten."""

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


async def profiles(
    connection: asyncpg.Connection, sealed: Iterable[tuple[UUID, bytes | None]]
) -> dict[UUID, Profile]:
    """Sealed profiles opened, by customer; one read for any number. Those of forgotten people are empty."""
    pairs = list(sealed)
    keys = await vault.keys_of(connection, [id for id, what in pairs if what is not None])
    return {
        id: keys[id].open("profile", what, Profile)
        if what is not None and id in keys
        else Profile()
        for id, what in pairs
    }


async def profiles_of(session: AsyncSession, rows: Sequence[CustomerRow]) -> dict[UUID, Profile]:
    """``profiles`` of rows."""
    return await profiles(await driver_of(session), [(row.id, row.sealed) for row in rows])


async def cards(source: Source, customer_ids: Iterable[UUID | None]) -> dict[UUID, Card]:
    """Customers by id, for lists of other modules; unknown ids are absent."""
    wanted = list({one for one in customer_ids if one is not None})
    if not wanted:
        return {}
    connection = await connection_of(source)
    rows = await connection.fetch(
        "select id, seq, sealed, joined_at, source, scene, store_id, guide_id from customers where id = any($1::uuid[])",
        wanted,
    )
    opened = await profiles(connection, [(row["id"], row["sealed"]) for row in rows])
    found: dict[UUID, Card] = {}
    for id, seq, _, *rest in rows:
        found[id] = Card(id, seq, opened[id].name, opened[id].phone, *rest)
    return found


class Reachable(msgspec.Struct, frozen=True):
    """How to write to a customer, and which store is theirs."""

    phone: str
    locale: str
    store_id: UUID | None


async def reachable(
    connection: asyncpg.Connection, customer_ids: Iterable[UUID]
) -> dict[UUID, Reachable]:
    """Customers who can be written to, by id; absent who is unknown or was forgotten. Two reads."""
    rows = await connection.fetch(
        "select id, sealed, locale, store_id from customers where id = any($1::uuid[]) and sealed is not null",
        list(set(customer_ids)),
    )
    opened = await profiles(connection, [(row["id"], row["sealed"]) for row in rows])
    return {
        row["id"]: Reachable(opened[row["id"]].phone, row["locale"], row["store_id"])
        for row in rows
        if opened[row["id"]].phone
    }


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
    blind = dict(zip(vault.tokens(brand_on(connection), "phone", phones), phones, strict=True))
    rows = await connection.fetch(
        "select phone_token, id from customers where phone_token = any($1::uuid[])", list(blind)
    )
    return {blind[row["phone_token"]]: row["id"] for row in rows}


def _matching(q: str, brand_id: UUID) -> ColumnElement[bool] | None:
    sought = rules.sought(q)
    if sought is None:
        return None
    column = {"phone": CustomerRow.phone_token, "last4": CustomerRow.last4_token}.get(
        sought[0], CustomerRow.name_token
    )
    return column == vault.token(brand_id, *sought)


async def find_customers(session: AsyncSession, q: str, *, limit: int = 200) -> list[UUID]:
    """Customers by full phone, last four digits of it, or full name, newest first (for other modules' searches)."""
    condition = _matching(q, brand_of(session))
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
        condition = _matching(q, brand_of(session))
        if condition is None:
            return []
        wanted = wanted.where(condition)
    if before is not None:
        wanted = wanted.where(key > before if oldest_first else key < before)
    order = (CustomerRow.joined_at, CustomerRow.id)
    wanted = wanted.order_by(*(order if oldest_first else (column.desc() for column in order)))
    return list(await session.scalars(wanted.limit(limit + 1)))
