"""The shop's doors to sessions, addresses and regions; the console's doors to customers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post, put
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import delete as remove
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel.db import after_commit
from siyu.kernel.errors import Invalid, NotFound
from siyu.kernel.http import client_address, decode_cursor, encode_cursor, once
from siyu.people.brands import Unit, units
from siyu.people.customers import actions, queries, regions, rules, signing_in
from siyu.people.customers.actions import AddressIn
from siyu.people.customers.ports import Purchases, plugs
from siyu.people.customers.queries import Address, AddressOut, Person
from siyu.people.customers.tables import CustomerRow, ShopSessionRow
from siyu.people.customers.visit import COOKIE, Visit, sessions_of
from siyu.people.staff import Desk, csrf_token, hash_of, permission

permission("customers.view", {"zh-CN": "查看客户", "en": "See customers"})
permission("customers.reveal", {"zh-CN": "查看客户完整信息", "en": "Reveal customers' personal data"})

LocaleText = dict[str, str]
Word = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
Size = Annotated[int, QueryParameter(ge=1, le=100)]
Search = Annotated[str, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]
Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=64)]


# ── shop: the brand, the session ──────────────────────────────────────────────────────────────────


class ShopOut(msgspec.Struct):
    name: str
    slug: str
    locales: list[str]
    locale: str
    currency: str
    theme_color: str
    privacy_text: str
    privacy_version: str
    service_phone: str
    is_demo: bool
    unpaid_timeout_minutes: int
    write_key: str
    demo_inbox: bool


class ShopCustomer(msgspec.Struct):
    id: UUID
    name: str
    phone_masked: str
    joined_at: datetime


class ShopSessionOut(msgspec.Struct):
    kind: Literal["none", "guest", "customer"]
    token: str | None
    csrf_token: str
    customer: ShopCustomer | None
    cart_quantity: int
    order_counts: dict[str, int]


class GuestIn(msgspec.Struct):
    privacy_version: Word
    link: Word | None = None


class CodeIn(msgspec.Struct, forbid_unknown_fields=True):
    phone: Annotated[str, Meta(max_length=40)]


class CodeSentOut(msgspec.Struct):
    retry_after_s: int


class VerifyIn(msgspec.Struct, forbid_unknown_fields=True):
    phone: Annotated[str, Meta(max_length=40)]
    code: Annotated[str, Meta(max_length=12)]


class MePatchIn(msgspec.Struct, forbid_unknown_fields=True):
    name: Word | UnsetType = UNSET
    locale: Word | UnsetType = UNSET


@get("/shop", tags=["shop"])
async def show_shop(visit: NamedDependency[Visit]) -> ShopOut:
    """The shop's face: name, colour, languages, and the privacy text to be accepted."""
    brand = visit.brand
    return ShopOut(
        visit.text(brand.name),
        brand.slug,
        brand.locales,
        visit.locale,
        brand.currency,
        brand.theme_color,
        visit.text(brand.privacy),
        brand.privacy_version,
        brand.service_phone,
        brand.is_demo,
        brand.unpaid_timeout_minutes,
        brand.write_key,
        visit.runtime.is_demo,
    )


async def _session_out(
    session: AsyncSession, runtime: Any, person: Person | None, csrf: str, *, token: str | None = None
) -> ShopSessionOut:
    customer, counts, pieces = None, dict[str, int](), 0
    if person is not None and plugs.cart_quantity is not None:
        pieces = await plugs.cart_quantity(session, person.id)
    if person is not None and person.kind == "customer":
        row = await queries.customer_row(session, person.id)
        customer = ShopCustomer(row.id, row.name, rules.masked_phone(row.phone), row.joined_at)
        if plugs.order_counts is not None:
            counts = await plugs.order_counts(session, person.id)
    kind = "none" if person is None else person.kind
    if token:
        csrf = csrf_token(runtime.secret, token)
    return ShopSessionOut(kind, token, csrf, customer, pieces, counts)  # pyright: ignore[reportArgumentType]


async def _known(visit: Visit) -> ShopSessionOut:
    return await _session_out(visit.session, visit.runtime, visit.person, visit.csrf_token)


def _cookie(runtime: Any, slug: str, value: str) -> Cookie:
    secure = runtime.settings.shop(slug).startswith("https:")
    max_age = int(rules.LONGEST.total_seconds()) if value else 0
    return Cookie(key=COOKIE, value=value, httponly=True, samesite="lax", secure=secure, path="/", max_age=max_age)


@post("/session/guest", tags=["shop"], status_code=200)
async def begin_guest(visit: NamedDependency[Visit], data: JSONBody[GuestIn]) -> Response[ShopSessionOut]:
    """Accept the privacy text and be known as a guest; somebody known already stays who they are.

    Refusal: customers.privacy_needed when another version is in force.
    """
    if visit.person is not None:
        return Response(await _known(visit))
    device_id, token = await actions.admit_guest(
        visit.session, visit.brand, privacy_version=data.privacy_version, locale=visit.locale, link_code=data.link or visit.link_code
    )
    out = await _session_out(visit.session, visit.runtime, Person("guest", device_id, device_id), "", token=token)
    return Response(out, cookies=[_cookie(visit.runtime, visit.brand.slug, token)])


@post("/session/code", tags=["shop"], status_code=202)
async def send_code(request: Request[Any, Any, Any], data: JSONBody[CodeIn]) -> CodeSentOut:
    """Send a code of six digits; the answer is the same whether the phone is known.

    Refusals: customers.bad_phone, customers.privacy_needed, customers.no_sms_channel, http.too_many.
    """
    runtime = request.app.state["runtime"]
    shopper = await sessions_of(runtime).shopper(request.scope)
    shopper.session_token()
    address = client_address(request.scope)
    wait_s = await signing_in.send_code(runtime, shopper.brand, phone=data.phone, address=address, locale=shopper.locale)
    return CodeSentOut(wait_s)


@post("/session/verify", tags=["shop"], status_code=200)
async def verify_code(request: Request[Any, Any, Any], data: JSONBody[VerifyIn]) -> Response[ShopSessionOut]:
    """Sign in with the code; the cart survives. Refusals: customers.wrong_code, customers.privacy_needed."""
    runtime = request.app.state["runtime"]
    shopper = await sessions_of(runtime).shopper(request.scope)
    before = hash_of(shopper.session_token())
    signed_in = await signing_in.verify_code(
        runtime,
        shopper.brand,
        token_hash=before,
        phone=data.phone,
        code=data.code.strip(),
        locale=shopper.locale,
        request_id=shopper.request_id,
    )
    sessions_of(runtime).forget(before)
    async with runtime.database.brand(shopper.brand.id) as session:
        out = await _session_out(session, runtime, signed_in.person, "", token=signed_in.token)
    return Response(out, cookies=[_cookie(runtime, shopper.brand.slug, signed_in.token)])


@get("/session", tags=["shop"])
async def show_session(visit: NamedDependency[Visit]) -> ShopSessionOut:
    """Who the visitor is to the shop."""
    return await _known(visit)


@delete("/session", tags=["shop"], status_code=204)
async def end_session(visit: NamedDependency[Visit]) -> Response[None]:
    """Sign out: the session ends, the device is forgotten by the browser."""
    if visit.token is not None:
        token_hash = hash_of(visit.token)
        await visit.session.execute(remove(ShopSessionRow).where(ShopSessionRow.token_hash == token_hash))
        after_commit(visit.session, lambda: sessions_of(visit.runtime).forget(token_hash))
    return Response(None, status_code=204, cookies=[_cookie(visit.runtime, visit.brand.slug, "")])


@patch("/me", tags=["shop"])
async def patch_me(visit: NamedDependency[Visit], data: JSONBody[MePatchIn]) -> ShopSessionOut:
    """Change one's own name or language."""
    customer_id = visit.customer_id()
    if data.locale is not UNSET and data.locale not in visit.brand.locales:
        raise Invalid(errors=[{"path": "locale", "message": f"one of {', '.join(visit.brand.locales)}"}])
    await actions.change_me(
        visit.session,
        customer_id,
        name=None if data.name is UNSET else data.name,
        locale=None if data.locale is UNSET else data.locale,
    )
    return await _known(visit)


class DemoMessageOut(msgspec.Struct):
    at: datetime
    phone_masked: str
    text: str


class DemoInboxOut(msgspec.Struct):
    items: list[DemoMessageOut]


@get("/demo-inbox", tags=["shop"])
async def show_demo_inbox(visit: NamedDependency[Visit], phone: Search = "") -> DemoInboxOut:
    """The latest text messages of the demo, instead of a phone. Not there in production."""
    if not visit.runtime.is_demo:
        raise NotFound
    rows = await queries.demo_messages(visit.session, rules.normal_phone(phone) if phone else None)
    return DemoInboxOut([DemoMessageOut(row.at, rules.masked_phone(row.phone), row.text) for row in rows])


# ── regions and addresses ─────────────────────────────────────────────────────────────────────────


class RegionOut(msgspec.Struct):
    code: str
    name: str
    is_district: bool


class RegionListOut(msgspec.Struct):
    items: list[RegionOut]


class AddressListOut(msgspec.Struct):
    items: list[AddressOut]


def _regions(parent: str) -> RegionListOut:
    below = regions.children(parent) if parent else regions.provinces()
    return RegionListOut([RegionOut(one.code, one.name, regions.is_district(one.code)) for one in below])


@get("/regions", tags=["shop"])
async def list_regions(parent: Search = "") -> RegionListOut:
    """Divisions below a code, provinces without one; an address ends where ``is_district`` is true."""
    return _regions(parent)


@get("/regions", tags=["customers"])
async def list_regions_for_staff(parent: Search = "") -> RegionListOut:
    """Divisions below a code, provinces without one."""
    return _regions(parent)


@get("/addresses", tags=["shop"])
async def list_addresses(visit: NamedDependency[Visit]) -> AddressListOut:
    """One's address book, the default first."""
    found = await queries.addresses(visit.session, visit.customer_id())
    return AddressListOut([AddressOut.of(address) for address in found])


@post("/addresses", tags=["shop"])
async def post_address(visit: NamedDependency[Visit], data: JSONBody[AddressIn], request_key: Key = None) -> AddressOut:
    """Add an address. Refusals: customers.bad_phone, customers.too_many_addresses, http.invalid."""
    customer_id = visit.customer_id()
    write = await once(visit.session, f"addresses/{customer_id}", request_key, data) if request_key else None
    if write and write.reference:
        return AddressOut.of(await queries.address(visit.session, customer_id, UUID(write.reference["address_id"])))
    made = await actions.save_address(visit.session, customer_id, data)
    if write:
        await write.done({"address_id": made.id})
    return AddressOut.of(made)


@put("/addresses/{address_id:uuid}", tags=["shop"])
async def put_address(visit: NamedDependency[Visit], address_id: FromPath[UUID], data: JSONBody[AddressIn]) -> AddressOut:
    """Change an address."""
    return AddressOut.of(await actions.save_address(visit.session, visit.customer_id(), data, address_id))


@delete("/addresses/{address_id:uuid}", tags=["shop"], status_code=204)
async def delete_address(visit: NamedDependency[Visit], address_id: FromPath[UUID]) -> None:
    """Remove an address."""
    await actions.drop_address(visit.session, visit.customer_id(), address_id)


# ── console: customers ────────────────────────────────────────────────────────────────────────────


class CustomerRowOut(msgspec.Struct):
    id: UUID
    seq: int
    name: str
    phone_masked: str
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


class RevealOut(msgspec.Struct):
    value: str


async def _row_fields(desk: Desk, rows: list[CustomerRow]) -> list[dict[str, Any]]:
    figures: dict[UUID, Purchases] = {}
    if plugs.purchase_figures is not None:
        figures = await plugs.purchase_figures(desk.session, [row.id for row in rows])
    stores: dict[UUID, Unit] = await units(desk.session, [row.store_id for row in rows])
    out: list[dict[str, Any]] = []
    for row in rows:
        bought, store = figures.get(row.id, Purchases()), stores.get(row.store_id) if row.store_id else None
        phone = rules.masked_phone(row.phone, hidden=desk.masked("phone"))
        name = rules.masked_name(row.name) if desk.masked("recipient") else row.name
        out.append(
            {
                "id": row.id,
                "seq": row.seq,
                "name": name or phone,
                "phone_masked": phone,
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
    q: Search = "",
    sort: FromQuery[Literal["newest", "oldest"]] = "newest",
    cursor: Annotated[str | None, QueryParameter(max_length=200)] = None,
    limit: Size = 20,
) -> CustomerPageOut:
    """Customers by the day they joined; ``q`` is a full phone, its last four digits, or a name."""
    desk.require("customers.view")
    if desk.masked("phone") and (rules.is_phone(q) or q.strip().isdigit()):
        q = ""  # who may not see phones may not find by them either
    rows = await queries.page_of_customers(
        desk.session,
        q=q,
        unit_ids=await desk.unit_ids(),
        oldest_first=sort == "oldest",
        before=decode_cursor(cursor, datetime, UUID),
        limit=limit,
    )
    following = encode_cursor((rows[limit - 1].joined_at, rows[limit - 1].id)) if len(rows) > limit else None
    return CustomerPageOut([CustomerRowOut(**fields) for fields in await _row_fields(desk, rows[:limit])], following)


def _addresses_out(desk: Desk, found: list[Address]) -> list[AddressOut]:
    return [AddressOut.masked(address, desk.staff.masks) for address in found]


@get("/customers/{customer_id:uuid}", tags=["customers"])
async def show_customer(desk: NamedDependency[Desk], customer_id: FromPath[UUID]) -> CustomerOut:
    """A customer with addresses (masked), latest orders and time line."""
    desk.require("customers.view")
    row = await queries.customer_row(desk.session, customer_id, await desk.unit_ids())
    (fields,) = await _row_fields(desk, [row])
    return CustomerOut(
        **fields,
        addresses=_addresses_out(desk, await queries.addresses(desk.session, customer_id)),
        recent_orders=await plugs.recent_orders(desk, customer_id) if plugs.recent_orders else [],
        timeline=await plugs.timeline(desk, customer_id) if plugs.timeline else [],
    )


@post("/customers/{customer_id:uuid}/reveal", tags=["customers"], status_code=200)
async def reveal(desk: NamedDependency[Desk], customer_id: FromPath[UUID], data: JSONBody[RevealIn]) -> RevealOut:
    """A personal field in full; who asked and why is written down. Refusal: customers.not_revealed."""
    desk.require("customers.view")
    desk.require("customers.reveal")
    if desk.masked("recipient" if data.field == "name" else data.field):
        raise rules.NotRevealed(field=data.field)
    row = await queries.customer_row(desk.session, customer_id, await desk.unit_ids())
    if data.field == "address":
        found = await queries.addresses(desk.session, customer_id)
        value = "\n".join(
            f"{one.recipient} {one.phone} {''.join(one.region_names)}{one.street}" for one in found
        )
    else:
        value = row.phone if data.field == "phone" else row.name
    facts = {"field": data.field, "reason": data.reason.strip()}
    await desk.audit("customer.revealed", subject_kind="customer", subject_id=row.id, label=f"#{row.seq}", facts=facts)
    return RevealOut(value)


shop_routes = [
    show_shop,
    begin_guest,
    send_code,
    verify_code,
    show_session,
    end_session,
    patch_me,
    show_demo_inbox,
    list_regions,
    list_addresses,
    post_address,
    put_address,
    delete_address,
]
console_routes = [list_regions_for_staff, list_customers, show_customer, reveal]
