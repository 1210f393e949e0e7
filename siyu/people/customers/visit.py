"""The visit: whoever calls a brand's shop, in one brand-bound transaction; and the fast way for raw handlers."""

import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import asyncpg
import msgspec
import structlog
from litestar import Request
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock
from siyu.kernel.batching import Batcher
from siyu.kernel.db import SYSTEM, Actor
from siyu.kernel.errors import NotSignedIn
from siyu.kernel.http import request_id_of
from siyu.kernel.news import News
from siyu.people.brands import BrandFacts, brand_of_scope
from siyu.people.customers import queries, rules
from siyu.people.customers.queries import Person
from siyu.people.customers.tables import ShopSessionRow
from siyu.people.staff import (
    SAFE_METHODS,
    brand_of_token,
    check_csrf,
    check_origin,
    cookie,
    csrf_token,
    hash_of,
    header,
)

COOKIE = "siyu_shop"


class Visit:
    """Dependency ``visit`` of every shop handler: its transaction commits when the handler returns."""

    def __init__(
        self,
        runtime: Any,
        session: AsyncSession,
        scope: Any,
        *,
        brand: BrandFacts,
        person: Person | None,
        token: str | None,
    ) -> None:
        self.runtime = runtime
        self.session = session
        self.brand = brand
        self.locale = locale_of(scope, brand)
        self.person = person
        self.token = token if person else None
        self.link_code = header(scope, b"x-siyu-link")[:64] or None
        self.request_id = request_id_of(scope)

    @property
    def csrf_token(self) -> str:
        """What the page sends back in ``X-CSRF-Token``; empty without a session."""
        return csrf_token(self.runtime.secret, self.token) if self.token else ""

    def customer_id(self) -> UUID:
        """The signed-in customer. Raises ``NotSignedIn``."""
        if self.person is None or self.person.kind != "customer":
            raise NotSignedIn
        return self.person.id

    def person_id(self) -> UUID:
        """The customer, or else the guest's device. Raises ``PrivacyNeeded`` when nobody is known yet."""
        return self.someone().id

    def someone(self) -> Person:
        """Whoever it is. Raises ``PrivacyNeeded``."""
        if self.person is None:
            raise rules.PrivacyNeeded(version=self.brand.privacy_version)
        return self.person

    def text(self, text: Mapping[str, str]) -> str:
        """Merchant text in the visitor's locale."""
        return self.brand.text(dict(text), self.locale)


def token_of(scope: Any) -> tuple[str | None, bool]:
    """The session token of a request, and whether a cookie brought it (then unsafe requests need a CSRF token)."""
    authorization = header(scope, b"authorization")
    if authorization[:7].lower() == "bearer ":
        return authorization[7:].strip(), False
    return cookie(scope, COOKIE), True


def locale_of(scope: Any, brand: BrandFacts) -> str:
    """The locale to answer in: ``?lang=``, else the first of Accept-Language that the brand has, else its own."""
    query = scope.get("query_string", b"")
    if b"lang=" in query:
        asked = parse_qs(query.decode("latin-1")).get("lang", [""])[0]
        if asked in brand.locales:
            return asked
    accepted = header(scope, b"accept-language")
    if not accepted:
        return brand.default_locale
    for part in accepted.split(","):
        language = part.split(";")[0].strip().lower()
        for locale in brand.locales:
            if language and (
                locale.lower() == language or locale.split("-")[0] == language.split("-")[0]
            ):
                return locale
    return brand.default_locale


def _check_brand(token: str | None, brand: BrandFacts) -> str | None:
    claimed = brand_of_token(token)
    if claimed is not None and claimed != brand.id:
        raise rules.ForeignToken
    return token if claimed else None


async def open_visit(request: Request[Any, Any, Any]) -> AsyncGenerator[Visit, None]:
    """Provide ``visit``. Raises ``NotFound`` (no such shop), ``ForeignToken``, ``CsrfFailed``, ``ForeignOrigin``."""
    runtime, scope = request.app.state["runtime"], request.scope
    brand = await brand_of_scope(runtime.database, scope)
    token, by_cookie = token_of(scope)
    token = _check_brand(token, brand)
    unsafe = request.method not in SAFE_METHODS
    unseen_s = 0.0
    async with runtime.database.brand(brand.id) as session:
        found = await queries.session_behind(session, hash_of(token)) if token else None
        if unsafe and found is not None and by_cookie and token:
            check_csrf(scope, runtime.secret, token)
        elif unsafe and by_cookie:
            check_origin(scope)
        person = None
        if found is not None:
            person, unseen_s = found
            session.info["actor"] = Actor(person.kind, person.id, "", request_id_of(scope))
        with structlog.contextvars.bound_contextvars(brand=brand.slug):
            yield Visit(runtime, session, scope, brand=brand, person=person, token=token)
    if token and unseen_s > rules.SEEN_EVERY.total_seconds():
        async with runtime.database.brand(brand.id) as session:
            await session.execute(
                update(ShopSessionRow)
                .where(ShopSessionRow.token_hash == hash_of(token))
                .values(last_seen_at=clock.now())
            )


class Shopper(msgspec.Struct, frozen=True):
    """Who calls a handler that opens its own short transaction, where and in which language."""

    runtime: Any
    brand: BrandFacts
    person: Person | None
    token: str | None
    locale: str
    link_code: str
    """Of the link that the visit came through; empty without one."""
    request_id: str

    def connection(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """A transaction bound to the brand, on a bare connection (``Database.raw``)."""
        return self.runtime.database.raw(self.brand.id)

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """The same as a session, for writes that are not hot (``Database.brand``)."""
        return self.runtime.database.brand(self.brand.id, actor=self.actor)

    @property
    def actor(self) -> Actor:
        """Who acts, for events; the system for a visitor nobody knows yet."""
        if self.person is None:
            return SYSTEM
        return Actor(self.person.kind, self.person.id, "", self.request_id)

    def person_id(self) -> UUID:
        """The customer, or else the guest's device. Raises ``PrivacyNeeded`` when nobody is known yet."""
        if self.person is None:
            raise rules.PrivacyNeeded(version=self.brand.privacy_version)
        return self.person.id

    def text(self, text: Mapping[str, str]) -> str:
        """Merchant text in the visitor's locale."""
        return self.brand.text(dict(text), self.locale)

    def customer_id(self) -> UUID:
        """The signed-in customer. Raises ``NotSignedIn``."""
        if self.person is None or self.person.kind != "customer":
            raise NotSignedIn
        return self.person.id

    def session_token(self) -> str:
        """The session's token. Raises ``PrivacyNeeded`` when nobody is known yet."""
        if self.token is None:
            raise rules.PrivacyNeeded(version=self.brand.privacy_version)
        return self.token


class SessionCache:
    """Sessions of shoppers for hot paths: remembered in this process for ``ttl_s``, at most ``size`` of them.

    A sign-out in this process is seen at once (what was being looked up meanwhile is not kept), in another one as soon
    as it hears of it, at the latest after ``ttl_s``. Sessions whose time comes in the same
    moment are looked up together: a crowd that came together would otherwise return together.
    """

    def __init__(self, runtime: Any, *, size: int = 20_000, ttl_s: float = 2.0) -> None:
        self._runtime, self._secret = runtime, runtime.secret
        self._news: News = runtime.parts["news"]
        self._news.hear_words("sessions", self._heard)
        self._size, self._ttl_s = size, ttl_s
        self._known: OrderedDict[str, tuple[float, UUID, Person]] = OrderedDict()
        self._ended: OrderedDict[str, float] = OrderedDict()
        """When sessions were forgotten, the latest ``size`` of them."""
        self._lookups: Batcher[str, Person | None] = Batcher(
            runtime.database, _look_up, _look_up, in_flight=1
        )

    async def person(self, token: str | None) -> tuple[UUID, Person] | None:
        """The brand and the person behind a token; ``None`` when it is not valid."""
        brand_id = brand_of_token(token)
        if token is None or brand_id is None:
            return None
        token_hash = hash_of(token)
        known = self._known.get(token_hash)
        if known and time.monotonic() - known[0] < self._ttl_s:
            return known[1], known[2]
        began = time.monotonic()
        person = await self._lookups.ask(brand_id, token_hash)
        if person is None:
            self._known.pop(token_hash, None)
            return None
        if self._ended.get(token_hash, -1.0) >= began:
            return brand_id, person
        self._keep(token_hash, brand_id, person)
        return brand_id, person

    def remember(self, token: str, brand_id: UUID, person: Person) -> None:
        """Know a session that has just begun; call it after the commit."""
        self._keep(hash_of(token), brand_id, person)

    def _keep(self, token_hash: str, brand_id: UUID, person: Person) -> None:
        self._known[token_hash] = (time.monotonic(), brand_id, person)
        self._known.move_to_end(token_hash)
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def forget(self, token_hash: str, brand_id: UUID) -> None:
        """Forget a session that has ended, in all processes; call it after the commit."""
        self._end(token_hash)
        self._news.ring("sessions", brand_id, [token_hash])

    def _end(self, token_hash: str) -> None:
        self._known.pop(token_hash, None)
        self._ended[token_hash] = time.monotonic()
        self._ended.move_to_end(token_hash)
        if len(self._ended) > self._size:
            self._ended.popitem(last=False)

    def forget_all(self, token_hashes: Sequence[str], brand_id: UUID) -> None:
        """``forget`` for many."""
        for one in token_hashes:
            self.forget(one, brand_id)

    def _heard(self, brand_id: UUID | None, token_hashes: Sequence[str] | None) -> None:
        """Sessions have ended somewhere; ``None``: it is not known which."""
        for token_hash in self._known.copy() if token_hashes is None else token_hashes:
            if token_hashes is not None or brand_id in (None, self._known[token_hash][1]):
                self._end(token_hash)

    async def close(self) -> None:
        """Answer who waits for a look-up, and look up nothing more."""
        await self._lookups.close()

    async def shopper(self, scope: Any) -> Shopper:
        """Everything ``open_visit`` checks, without a transaction.

        Raises ``NotFound`` (no such shop), ``ForeignToken``, and for unsafe methods ``CsrfFailed``, ``ForeignOrigin``.
        """
        brand = await brand_of_scope(self._runtime.database, scope)
        token, by_cookie = token_of(scope)
        token = _check_brand(token, brand)
        found = await self.person(token)
        if scope["method"] not in SAFE_METHODS and by_cookie:
            if found is not None and token:
                check_csrf(scope, self._secret, token)
            else:
                check_origin(scope)
        return Shopper(
            self._runtime,
            brand,
            found[1] if found else None,
            token if found else None,
            locale_of(scope, brand),
            header(scope, b"x-siyu-link")[:64],
            request_id_of(scope),
        )


async def _look_up(
    connection: asyncpg.Connection, _: UUID, token_hashes: Sequence[str]
) -> Sequence[Person | None]:
    return await queries.people_behind(connection, token_hashes)


async def open_shopper(request: Request[Any, Any, Any]) -> Shopper:
    """Provide ``shopper``. Raises what ``SessionCache.shopper`` raises."""
    return await sessions_of(request.app.state["runtime"]).shopper(request.scope)


def sessions_of(runtime: Any) -> SessionCache:
    """The process's session cache."""
    return runtime.parts["shop_sessions"]


async def open_session_cache(runtime: Any) -> Callable[[], Awaitable[None]]:
    """Make the process's session cache; what closes it again."""
    cache = runtime.parts["shop_sessions"] = SessionCache(runtime)
    return cache.close
