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

from siyu.kernel import effective
from siyu.kernel.db import after_commit
from siyu.kernel.errors import Invalid, NotFound
from siyu.kernel.http import client_address
from siyu.people.brands import UNPAID_TIMEOUT
from siyu.people.customers import actions, queries, rules
from siyu.people.customers.crowd import Known, crowd_of, known_of
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


class GuestIn(msgspec.Struct, forbid_unknown_fields=True):
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
    brand, dated = visit.brand, effective.memory_of(visit.runtime)
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
        await dated.value(brand.id, UNPAID_TIMEOUT),
        brand.write_key,
        visit.runtime.is_demo,
    )


def _session_out(
    person: Person | None, known: Known | None, *, csrf: str, token: str | None = None
) -> ShopSessionOut:
    """``known`` of a customer; a guest has no more than a cart."""
    if person is None:
        return ShopSessionOut("none", None, csrf, None, 0, {})
    if known is None:
        return ShopSessionOut("guest", token, csrf, None, 0, {})
    card = known.card
    customer = ShopCustomer(card.id, card.name, card.phone_masked, card.joined_at)
    return ShopSessionOut(
        "customer", token, csrf, customer, known.cart_quantity, known.order_counts
    )


async def _known(source: queries.Source, person: Person | None, csrf: str) -> ShopSessionOut:
    """The session of whoever comes back. Raises ``NotFound`` for a customer who is no more."""
    if person is None or person.kind != "customer":
        out = _session_out(person, None, csrf=csrf)
        if person is not None and plugs.cart_quantities is not None:
            out.cart_quantity = (await plugs.cart_quantities(source, [person.id])).get(person.id, 0)
        return out
    known = (await known_of(source, [person.id])).get(person.id)
    if known is None:
        raise NotFound(customer_id=str(person.id))
    return _session_out(person, known, csrf=csrf)


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
    runtime, brand = shopper.runtime, shopper.brand
    if shopper.person is not None and shopper.token is not None:
        async with shopper.connection() as connection:
            return Response(
                await _known(connection, shopper.person, csrf_token(runtime.secret, shopper.token))
            )
    actions.check_privacy(brand, data.privacy_version)
    touch, link_code = Touch(), data.link or shopper.link_code
    if link_code:
        async with shopper.session() as session:
            touch = await actions.touch_behind(session, link_code)
    arrival = actions.Arrival(data.privacy_version, shopper.locale, touch)
    guest = await crowd_of(runtime).arrivals.ask(brand.id, arrival)
    person = Person("guest", guest.device_id, guest.device_id)
    sessions_of(runtime).remember(guest.token, brand.id, person)
    out = _session_out(
        person, None, csrf=csrf_token(runtime.secret, guest.token), token=guest.token
    )
    return Response(out, cookies=[_cookie(runtime, brand.slug, guest.token)])


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
    runtime, brand, sender = shopper.runtime, shopper.brand, plugs.code_sender
    if not runtime.is_demo and sender is None:
        raise rules.NoSmsChannel
    code = actions.code_to_send(
        runtime.secret, brand, phone=data.phone, address=client_address(request.scope), locale=shopper.locale
    )  # fmt: skip
    await crowd_of(runtime).codes.ask(brand.id, code)
    if not runtime.is_demo and sender is not None:  # outside the transaction: it is far away
        await sender.send_code(brand.id, code.phone, code.code, shopper.locale)
    return CodeSentOut(int(rules.CODE_EVERY.total_seconds()))


@post("/session/verify", tags=["shop"], status_code=200)
async def verify_code(
    shopper: NamedDependency[Shopper], data: JSONBody[VerifyIn]
) -> Response[ShopSessionOut]:
    """Sign in with the code; the cart survives. Refusals: customers.wrong_code, customers.privacy_needed."""
    runtime, brand, session_hash = shopper.runtime, shopper.brand, hash_of(shopper.session_token())
    attempt = actions.attempt_of(
        runtime.secret, brand.id, phone=data.phone, code=data.code.strip(), session_hash=session_hash,
        locale=shopper.locale, actor=shopper.actor,
    )  # fmt: skip
    entered = await crowd_of(runtime).attempts.ask(brand.id, attempt)
    token, person = entered.signed_in.token, entered.signed_in.person
    sessions_of(runtime).forget(session_hash, brand.id)
    sessions_of(runtime).remember(token, brand.id, person)
    out = _session_out(person, entered.known, csrf=csrf_token(runtime.secret, token), token=token)
    return Response(out, cookies=[_cookie(runtime, brand.slug, token)])


@get("/session", tags=["shop"])
async def show_session(visit: NamedDependency[Visit]) -> ShopSessionOut:
    """Who the visitor is to the shop."""
    return await _known(visit.session, visit.person, visit.csrf_token)


@delete("/session", tags=["shop"], status_code=204)
async def end_session(visit: NamedDependency[Visit]) -> Response[None]:
    """Sign out: the session ends, the device is forgotten by the browser."""
    if visit.token is not None:
        token_hash = hash_of(visit.token)
        await visit.session.execute(
            remove(ShopSessionRow).where(ShopSessionRow.token_hash == token_hash)
        )
        cache, brand_id = sessions_of(visit.runtime), visit.brand.id
        after_commit(visit.session, lambda: cache.forget(token_hash, brand_id))
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
    return await _known(visit.session, visit.person, visit.csrf_token)


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
    if phone:
        crowd, wanted = crowd_of(shopper.runtime), rules.normal_phone(phone)
        rows = await crowd.inboxes.ask(shopper.brand.id, wanted)
    else:
        async with shopper.connection() as connection:
            rows = await queries.latest_demo_messages(connection)
    return DemoInboxOut(
        [DemoMessageOut(row.at, rules.masked_phone(row.phone), row.text) for row in rows]
    )
