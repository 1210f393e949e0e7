"""The shop's doors to its face and to sessions."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import delete as remove

from siyu.kernel.db import after_commit
from siyu.kernel.errors import Invalid, NotFound
from siyu.kernel.http import client_address
from siyu.people.customers import actions, queries, rules, signing_in
from siyu.people.customers.ports import Touch, plugs
from siyu.people.customers.queries import Person
from siyu.people.customers.tables import ShopSessionRow
from siyu.people.customers.visit import COOKIE, Shopper, Visit, sessions_of
from siyu.people.staff import csrf_token, hash_of

LocaleText = dict[str, str]
Word = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
Size = Annotated[int, QueryParameter(ge=1, le=100)]
Search = Annotated[str, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]
Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=64)]


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
    source: queries.Source,
    runtime: Any,
    person: Person | None,
    csrf: str,
    *,
    token: str | None = None,
) -> ShopSessionOut:
    customer, counts, pieces = None, dict[str, int](), 0
    if person is not None and plugs.cart_quantity is not None:
        pieces = await plugs.cart_quantity(source, person.id)
    if person is not None and person.kind == "customer":
        card = (await queries.cards(source, [person.id])).get(person.id)
        if card is None:
            raise NotFound(customer_id=str(person.id))
        customer = ShopCustomer(card.id, card.name, card.phone_masked, card.joined_at)
        if plugs.order_counts is not None:
            counts = await plugs.order_counts(source, person.id)
    kind = "none" if person is None else person.kind
    if token:
        csrf = csrf_token(runtime.secret, token)
    return ShopSessionOut(kind, token, csrf, customer, pieces, counts)  # pyright: ignore[reportArgumentType]


async def _known(visit: Visit) -> ShopSessionOut:
    return await _session_out(visit.session, visit.runtime, visit.person, visit.csrf_token)


def _cookie(runtime: Any, slug: str, value: str) -> Cookie:
    secure = runtime.settings.shop(slug).startswith("https:")
    max_age = int(rules.LONGEST.total_seconds()) if value else 0
    return Cookie(
        key=COOKIE,
        value=value,
        httponly=True,
        samesite="lax",
        secure=secure,
        path="/",
        max_age=max_age,
    )


@post("/session/guest", tags=["shop"], status_code=200)
async def begin_guest(
    shopper: NamedDependency[Shopper], data: JSONBody[GuestIn]
) -> Response[ShopSessionOut]:
    """Accept the privacy text and be known as a guest; somebody known already stays who they are.

    Refusal: customers.privacy_needed when another version is in force.
    """
    if shopper.person is not None and shopper.token is not None:
        csrf = csrf_token(shopper.runtime.secret, shopper.token)
        async with shopper.connection() as connection:
            return Response(await _session_out(connection, shopper.runtime, shopper.person, csrf))
    touch, link_code = Touch(), data.link or shopper.link_code
    if link_code:
        async with shopper.session() as session:
            touch = await actions.touch_behind(session, link_code)
    async with shopper.connection() as connection:
        device_id, token = await actions.admit_guest(
            connection, shopper.brand, privacy_version=data.privacy_version, locale=shopper.locale, touch=touch
        )  # fmt: skip
        person = Person("guest", device_id, device_id)
        out = await _session_out(connection, shopper.runtime, person, "", token=token)
    return Response(out, cookies=[_cookie(shopper.runtime, shopper.brand.slug, token)])


@post("/session/code", tags=["shop"], status_code=202)
async def send_code(
    request: Request[Any, Any, Any],
    shopper: NamedDependency[Shopper],
    data: JSONBody[CodeIn],
) -> CodeSentOut:
    """Send a code of six digits; the answer is the same whether the phone is known.

    Refusals: customers.bad_phone, customers.privacy_needed, customers.no_sms_channel, http.too_many.
    """
    shopper.session_token()
    address = client_address(request.scope)
    return CodeSentOut(await signing_in.send_code(shopper, phone=data.phone, address=address))


@post("/session/verify", tags=["shop"], status_code=200)
async def verify_code(
    shopper: NamedDependency[Shopper], data: JSONBody[VerifyIn]
) -> Response[ShopSessionOut]:
    """Sign in with the code; the cart survives. Refusals: customers.wrong_code, customers.privacy_needed."""
    before, out, signed_in = hash_of(shopper.session_token()), None, None
    async with shopper.connection() as connection:
        signed_in = await signing_in.verify_code(
            shopper, connection, phone=data.phone, code=data.code.strip()
        )
        if signed_in is not None:
            out = await _session_out(
                connection, shopper.runtime, signed_in.person, "", token=signed_in.token
            )
    if signed_in is None or out is None:
        raise rules.WrongCode
    sessions_of(shopper.runtime).forget(before)
    return Response(out, cookies=[_cookie(shopper.runtime, shopper.brand.slug, signed_in.token)])


@get("/session", tags=["shop"])
async def show_session(visit: NamedDependency[Visit]) -> ShopSessionOut:
    """Who the visitor is to the shop."""
    return await _known(visit)


@delete("/session", tags=["shop"], status_code=204)
async def end_session(visit: NamedDependency[Visit]) -> Response[None]:
    """Sign out: the session ends, the device is forgotten by the browser."""
    if visit.token is not None:
        token_hash = hash_of(visit.token)
        await visit.session.execute(
            remove(ShopSessionRow).where(ShopSessionRow.token_hash == token_hash)
        )
        after_commit(visit.session, lambda: sessions_of(visit.runtime).forget(token_hash))
    return Response(None, status_code=204, cookies=[_cookie(visit.runtime, visit.brand.slug, "")])


@patch("/me", tags=["shop"])
async def patch_me(visit: NamedDependency[Visit], data: JSONBody[MePatchIn]) -> ShopSessionOut:
    """Change one's own name or language."""
    customer_id = visit.customer_id()
    if data.locale is not UNSET and data.locale not in visit.brand.locales:
        raise Invalid(
            errors=[{"path": "locale", "message": f"one of {', '.join(visit.brand.locales)}"}]
        )
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
async def show_demo_inbox(shopper: NamedDependency[Shopper], phone: Search = "") -> DemoInboxOut:
    """The latest text messages of the demo, instead of a phone. Not there in production."""
    if not shopper.runtime.is_demo:
        raise NotFound
    async with shopper.connection() as connection:
        rows = await queries.demo_messages(connection, rules.normal_phone(phone) if phone else None)
    return DemoInboxOut(
        [DemoMessageOut(row.at, rules.masked_phone(row.phone), row.text) for row in rows]
    )
