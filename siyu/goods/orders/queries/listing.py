"""Lists of orders: filters, search, counts by state; keyset paging, newest first."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, and_, false, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.orders.rules import number_in
from siyu.goods.orders.tables import OrderRow
from siyu.kernel.db import brand_of
from siyu.people import customers

Keyset = tuple[datetime, UUID]
"""``(placed_at, id)`` of the last order seen."""
MANY, SLOW_S, MEMORY_S = 20_000, 0.05, 10.0
MOST_PEOPLE = 1000
_MOST_COUNTED = 1000
_counted: OrderedDict[tuple[UUID, str | None, bytes], tuple[float, dict[str, int]]] = OrderedDict()


class Filter(Struct, frozen=True, kw_only=True):
    """What a list is narrowed down to; empty fields do not narrow. Times are half-open: ``since <= placed_at < until``."""

    q: str = ""
    """An order number, or of buyer or recipient: the full name, the phone or its last four digits."""
    state: str = ""
    source: str = ""
    store_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_minor: int | None = None
    max_minor: int | None = None
    customer_id: UUID | None = None
    unit_ids: Sequence[UUID] | None = None
    """Only orders that count for these units: what the reader may see."""


async def page_of_orders(
    session: AsyncSession, wanted: Filter, *, before: Keyset | None = None, limit: int = 20
) -> list[OrderRow]:
    """Orders, newest first; ask for one more than is shown to know whether there is a next page.

    Needs indexes (brand_id, [state | store_id,] placed_at, id) and one led by (brand_id, customer_id).
    """
    assert 1 <= limit <= 101
    query = select(OrderRow).where(*await _tests(session, wanted))
    if wanted.state:
        query = query.where(OrderRow.state == wanted.state)
    if before is not None:
        query = query.where(tuple_(OrderRow.placed_at, OrderRow.id) < before)
    found = await session.scalars(
        query.order_by(OrderRow.placed_at.desc(), OrderRow.id.desc()).limit(limit)
    )
    return list(found)


async def counts(
    session: AsyncSession, wanted: Filter, *, only: str | None = None
) -> dict[str, int]:
    """How many orders of each state the filter leaves (its own state apart), and ``all``; or of one state only.

    Exact up to ``MANY`` orders. Where there are more and counting took longer than ``SLOW_S``, the next ones within
    ``MEMORY_S`` get the same answer.
    """
    key = (brand_of(session), only, msgspec.json.encode(msgspec.structs.replace(wanted, state="")))
    known, began = _counted.get(key), time.monotonic()
    if known is not None and began - known[0] < MEMORY_S:
        return dict(known[1])
    query = (
        select(OrderRow.state, func.count())
        .where(*await _tests(session, wanted))
        .group_by(OrderRow.state)
    )
    rows = await session.execute(query if only is None else query.where(OrderRow.state == only))
    found: dict[str, int] = {row[0]: row[1] for row in rows}
    counted = {"all": sum(found.values()), **found}
    _counted.pop(key, None)
    if counted["all"] > MANY and time.monotonic() - began > SLOW_S:
        _counted[key] = (time.monotonic(), dict(counted))
        if len(_counted) > _MOST_COUNTED:
            _counted.popitem(last=False)
    return counted


async def readable(session: AsyncSession, order_id: UUID, unit_ids: Sequence[UUID] | None) -> bool:
    """Whether an order exists and counts for one of these units (``None`` = any)."""
    query = select(OrderRow.id).where(
        OrderRow.id == order_id, *await _tests(session, Filter(unit_ids=unit_ids))
    )
    return await session.scalar(query) is not None


async def _tests(session: AsyncSession, wanted: Filter) -> list[ColumnElement[bool]]:
    tests: list[ColumnElement[bool]] = []
    if wanted.q.strip():
        tests.append(await _found(session, wanted.q))
    if wanted.source:
        tests.append(OrderRow.source == wanted.source)
    if wanted.store_id is not None:
        tests.append(OrderRow.store_id == wanted.store_id)
    if wanted.since is not None:
        tests.append(OrderRow.placed_at >= wanted.since)
    if wanted.until is not None:
        tests.append(OrderRow.placed_at < wanted.until)
    if wanted.min_minor is not None:
        tests.append(OrderRow.total_minor >= wanted.min_minor)
    if wanted.max_minor is not None:
        tests.append(OrderRow.total_minor <= wanted.max_minor)
    if wanted.customer_id is not None:
        tests.append(OrderRow.customer_id == wanted.customer_id)
    if wanted.unit_ids is not None:
        tests.append(OrderRow.store_id.in_(list(wanted.unit_ids)))
    return tests


async def _found(session: AsyncSession, q: str) -> ColumnElement[bool]:
    """By number, by buyer or by recipient; of people with a common name the newest thousand are looked through."""
    number = number_in(q)
    if number is not None:
        return OrderRow.number == number
    buyers = await customers.find_customers(session, q, limit=MOST_PEOPLE)
    sent_to = await customers.find_contacts(session, q)
    # Led by the customers of both: there is no index on contacts, and a customer has few orders.
    people = {*buyers, *(customer_id for customer_id, _ in sent_to)}
    if not people:
        return false()
    contacts = [contact_id for _, contact_id in sent_to]
    return and_(
        OrderRow.customer_id.in_(list(people)),
        or_(OrderRow.customer_id.in_(buyers), OrderRow.contact_id.in_(contacts)),
    )
