"""The console's doors to customers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from msgspec import Meta

from siyu.kernel import vault
from siyu.kernel.db import actor_of, driver_of
from siyu.kernel.http import SearchHeader, decode_cursor, encode_cursor, sought
from siyu.people.brands import Unit, units
from siyu.people.customers import actions, queries, rules
from siyu.people.customers.ports import Purchases, plugs
from siyu.people.customers.queries import Address, AddressOut
from siyu.people.customers.tables import CustomerRow
from siyu.people.customers.visit import sessions_of
from siyu.people.staff import AUDIT_REASON, Desk, audit, permission

permission("customers.view", {"zh-CN": "查看客户", "en": "See customers"})
permission(
    "customers.reveal", {"zh-CN": "查看客户完整信息", "en": "Reveal customers' personal data"}
)

permission(
    "customers.forget",
    {"zh-CN": "永久删除客户资料", "en": "Delete customers' personal data for good"},
)

LocaleText = dict[str, str]
Word = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
Size = Annotated[int, QueryParameter(ge=1, le=100)]
Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=64)]


class CustomerRowOut(msgspec.Struct):
    id: UUID
    seq: int
    name: str
    phone_masked: str
    is_forgotten: bool
    joined_at: datetime
    orders: int
    spent_minor: int
    last_order_at: datetime | None
    source: str
    store_name: LocaleText | None


class CustomerOut(CustomerRowOut):
    addresses: list[AddressOut]
    recent_orders: list[Any]
    timeline: list[Any]


class CustomerPageOut(msgspec.Struct):
    items: list[CustomerRowOut]
    next: str | None


class RevealIn(msgspec.Struct, forbid_unknown_fields=True):
    field: Literal["phone", "name", "address"]
    reason: Annotated[str, Meta(min_length=2, max_length=200, pattern=r"^[^\x00]*$")]


class ForgetIn(msgspec.Struct, forbid_unknown_fields=True):
    reason: Literal["asked", "law", "duplicate", "other"]
    """One of these: words about a person would outlive them in the audit, where nothing is ever taken out."""


class RevealOut(msgspec.Struct):
    value: str


async def _row_fields(desk: Desk, rows: list[CustomerRow]) -> list[dict[str, Any]]:
    figures: dict[UUID, Purchases] = {}
    if plugs.purchase_figures is not None:
        figures = await plugs.purchase_figures(desk.session, [row.id for row in rows])
    stores: dict[UUID, Unit] = await units(desk.session, [row.store_id for row in rows])
    profiles = await queries.profiles_of(desk.session, rows)
    out: list[dict[str, Any]] = []
    for row in rows:
        known = profiles[row.id]
        bought, store = (
            figures.get(row.id, Purchases()),
            stores.get(row.store_id) if row.store_id else None,
        )
        phone = rules.masked_phone(known.phone, hidden=desk.masked("phone"))
        name = rules.masked_name(known.name) if desk.masked("recipient") else known.name
        out.append(
            {
                "id": row.id,
                "seq": row.seq,
                "name": name or phone,
                "phone_masked": phone,
                "is_forgotten": row.forgotten_at is not None,
                "joined_at": row.joined_at,
                "orders": bought.orders,
                "spent_minor": bought.spent_minor,
                "last_order_at": bought.last_order_at,
                "source": row.source,
                "store_name": store.name if store else None,
            }
        )
    return out


@get("/customers", tags=["customers"])
async def list_customers(
    *,
    desk: NamedDependency[Desk],
    search: SearchHeader = "",
    sort: FromQuery[Literal["newest", "oldest"]] = "newest",
    cursor: Annotated[str | None, QueryParameter(max_length=200)] = None,
    limit: Size = 20,
) -> CustomerPageOut:
    """Customers by the day they joined; ``X-Search``: a full phone, its last four digits, or a full name."""
    desk.require("customers.view")
    q = sought(search)
    if desk.masked("phone") and (rules.is_phone(q) or q.isdigit()):
        q = ""  # who may not see phones may not find by them either
    rows = await queries.page_of_customers(
        desk.session,
        q=q,
        unit_ids=await desk.unit_ids(),
        oldest_first=sort == "oldest",
        before=decode_cursor(cursor, datetime, UUID),
        limit=limit,
    )
    following = (
        encode_cursor((rows[limit - 1].joined_at, rows[limit - 1].id))
        if len(rows) > limit
        else None
    )
    return CustomerPageOut(
        [CustomerRowOut(**fields) for fields in await _row_fields(desk, rows[:limit])], following
    )


def _addresses_out(desk: Desk, found: list[Address]) -> list[AddressOut]:
    return [AddressOut.masked(address, desk.staff.masks) for address in found]


@get("/customers/{customer_id:uuid}", tags=["customers"])
async def show_customer(desk: NamedDependency[Desk], customer_id: FromPath[UUID]) -> CustomerOut:
    """A customer with addresses (masked), latest orders and time line."""
    desk.require("customers.view")
    row = await queries.customer_row(desk.session, customer_id, await desk.unit_ids())
    return await _customer(desk, row)


async def _customer(desk: Desk, row: CustomerRow) -> CustomerOut:
    (fields,) = await _row_fields(desk, [row])
    customer_id = row.id
    return CustomerOut(
        **fields,
        addresses=_addresses_out(desk, await queries.addresses(desk.session, customer_id)),
        recent_orders=await plugs.recent_orders(desk, customer_id) if plugs.recent_orders else [],
        timeline=await plugs.timeline(desk, customer_id) if plugs.timeline else [],
    )


@post("/customers/{customer_id:uuid}/reveal", tags=["customers"], status_code=200)
async def reveal(
    desk: NamedDependency[Desk], customer_id: FromPath[UUID], data: JSONBody[RevealIn]
) -> RevealOut:
    """A personal field in full; who asked and why is written down, unless there was nothing to show.

    Refusals: customers.not_revealed, customers.forgotten, customers.nothing_to_reveal.
    """
    desk.require("customers.view")
    desk.require("customers.reveal")
    if desk.masked("recipient" if data.field == "name" else data.field):
        raise rules.NotRevealed(field=data.field)
    row = await queries.customer_row(desk.session, customer_id, await desk.unit_ids())
    if row.forgotten_at is not None:
        raise rules.Forgotten
    if data.field == "address":
        found = await queries.addresses(desk.session, customer_id)
        value = "\n".join(
            f"{one.recipient} {one.phone} {''.join(one.region_names)}{one.street}" for one in found
        )
    else:
        known = (await queries.profiles_of(desk.session, [row]))[row.id]
        value = known.phone if data.field == "phone" else known.name
    if not value:
        raise rules.NothingToReveal(field=data.field)
    key = await vault.key_unless_forgotten(await driver_of(desk.session), row.id)
    facts = {"field": data.field, "reason": vault.seal_text(key, AUDIT_REASON, data.reason.strip())}
    await desk.audit(
        "customer.revealed",
        subject_kind="customer",
        subject_id=row.id,
        label=f"#{row.seq}",
        facts=facts,
    )
    return RevealOut(value)


@post("/customers/{customer_id:uuid}/forget", tags=["customers"], status_code=200)
async def forget(
    desk: NamedDependency[Desk], customer_id: FromPath[UUID], data: JSONBody[ForgetIn]
) -> CustomerOut:
    """Delete a person's data for good, in every copy; orders and amounts stay. Who asked and why is written down.

    Refusals: customers.still_busy, http.not_found.
    """
    desk.require("customers.view")
    desk.require("customers.forget")
    row = await queries.customer_row(desk.session, customer_id, await desk.unit_ids())
    facts = {"reason": data.reason}
    database = desk.runtime.database
    # A transaction of its own: the answer says that no restored backup brings the person back, so it comes after.
    async with database.brand(desk.brand.id, actor=actor_of(desk.session)) as session:
        ended = await actions.forget_customer(session, customer_id)
        await audit(
            session, "customer.forgotten", subject_kind="customer", subject_id=row.id, label=f"#{row.seq}", facts=facts,
            path=desk.staff.unit_path,
        )  # fmt: skip
    sessions_of(desk.runtime).forget_all(ended, desk.brand.id)
    await vault.settle_journal(database)
    await desk.session.refresh(row)
    return await _customer(desk, row)
