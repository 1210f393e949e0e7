"""The console's list of links, and the address that shoppers open."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, HeaderParameter, JSONBody
from msgspec import Meta

from siyu.goods import catalogue
from siyu.goods.catalogue import category_names
from siyu.goods.orders import orders_by_link
from siyu.kernel import vault
from siyu.kernel.errors import NotFound, Refusal
from siyu.kernel.http import (
    client_address,
    decode_cursor,
    encode_cursor,
    once,
    rate_limit,
    send_bytes,
)
from siyu.people import brands, staff
from siyu.people.customers import sessions_of
from siyu.people.staff import Desk, permission
from siyu.scenes.links import queries, rules
from siyu.scenes.links.actions import LinkPlan, make_links, touch
from siyu.scenes.links.queries import Link
from siyu.scenes.links.rules import Target

UNPROVEN = 60
"""Codes without a proof that one address may have looked up in a minute: nobody finds a link by trying."""
permission("links.view", {"zh-CN": "查看推广链接", "en": "See links"})
permission("links.edit", {"zh-CN": "新建推广链接", "en": "Make links"})
LocaleText = dict[str, str]


class LinkIn(msgspec.Struct, forbid_unknown_fields=True):
    """What a link shall say."""

    target: Target
    source: Annotated[str, Meta(max_length=40)]
    scene: Annotated[str, Meta(max_length=40)] = ""
    store_id: UUID | None = None
    staff_id: UUID | None = None
    note: Annotated[str, Meta(max_length=200)] = ""


class LinkOut(msgspec.Struct):
    """A link and what came of it."""

    id: UUID
    code: str
    url: str
    target: Target
    target_label: LocaleText
    source: str
    scene: str
    store_name: LocaleText | None
    guide_name: str | None
    note: str
    visits: int
    orders: int
    created_at: datetime


class LinkPage(msgspec.Struct):
    """Links, newest first."""

    items: list[LinkOut]
    next: str | None


@get("/links", tags=["links"])
async def list_links(
    desk: NamedDependency[Desk], runtime: NamedDependency[Any], cursor: FromQuery[str | None] = None
) -> LinkPage:
    """Links of the caller's stores, newest first, 20 a page."""
    desk.require("links.view")
    key = decode_cursor(cursor, datetime, UUID)
    found = await queries.page(
        desk.session,
        before=(key[0], key[1]) if key else None,
        limit=21,
        stores=await desk.unit_ids(),
    )
    following = (
        encode_cursor((found[19][0].created_at, found[19][0].id)) if len(found) > 20 else None
    )
    return LinkPage(await _shown(desk, runtime, found[:20]), following)


@post("/links", tags=["links"])
async def make_link(
    desk: NamedDependency[Desk],
    runtime: NamedDependency[Any],
    data: JSONBody[LinkIn],
    request_key: Annotated[str, HeaderParameter(name="Idempotency-Key", required=False)] = "",
) -> LinkOut:
    """Make a signed link. Refusals: links.bad_source, links.bad_target, http.not_found (store, guide)."""
    desk.require("links.edit")
    writing = await once(
        desk.session, f"links/{desk.staff.id}", request_key or desk.request_id, data
    )
    if writing.reference is not None:
        known = await queries.by_codes(desk.session, [writing.reference["code"]])
        return (await _shown(desk, runtime, [(next(iter(known.values())), 0)]))[0]
    await _check(desk, data)
    plan = LinkPlan(data.target, data.source, data.scene, data.store_id, data.staff_id, data.note)
    (link,) = await make_links(desk.session, [plan])
    await writing.done({"code": link.code})
    await desk.audit(
        "links.made",
        subject_kind="link",
        subject_id=link.id,
        label=data.note or link.code,
        facts={"source": link.source},
    )
    return (await _shown(desk, runtime, [(link, 0)]))[0]


async def _check(desk: Desk, data: LinkIn) -> None:
    if data.target.kind in ("product", "category"):
        try:
            target = UUID(data.target.id)
        except ValueError:
            raise rules.BadTarget(id=data.target.id[:40]) from None
        known: Any = (
            await catalogue.titles(desk.session, [target])
            if data.target.kind == "product"
            else await category_names(desk.session, [target])
        )
        if target not in known:
            raise rules.BadTarget(id=data.target.id)
    if data.store_id is not None:
        store = (await brands.units(desk.session, [data.store_id])).get(data.store_id)
        if store is None or not desk.sees(store.path):
            raise NotFound(store_id=str(data.store_id))
    elif not desk.staff.sees_all:
        raise NotFound("Choose one of your stores for the link.")
    if data.staff_id is not None and data.staff_id not in await staff.names(
        desk.session, [data.staff_id]
    ):
        raise NotFound(staff_id=str(data.staff_id))


async def _shown(desk: Desk, runtime: Any, found: list[tuple[Link, int]]) -> list[LinkOut]:
    """Links with names and counts: five questions whatever their number."""
    links = [link for link, _ in found]
    stores = await brands.units(desk.session, [link.store_id for link in links])
    guides = await staff.names(desk.session, [link.guide_id for link in links if link.guide_id])
    products = await catalogue.titles(
        desk.session, [UUID(link.target.id) for link in links if link.target.kind == "product"]
    )
    categories = await category_names(
        desk.session, [UUID(link.target.id) for link in links if link.target.kind == "category"]
    )
    ordered = await orders_by_link(desk.session, [link.id for link in links])

    def label(target: Target) -> LocaleText:
        if target.kind == "product" and (title := products.get(UUID(target.id))):
            return title.title
        if target.kind == "category" and (name := categories.get(UUID(target.id))):
            return name
        return {"zh-CN": "店铺首页", "en": "Shop home"}

    return [
        LinkOut(
            link.id,
            link.code,
            f"{runtime.settings.shop(desk.brand.slug)}/l/{link.code}",
            link.target,
            label(link.target),
            link.source,
            link.scene,
            _name(stores, link.store_id),
            guides.get(link.guide_id) if link.guide_id else None,
            link.note,
            visits,
            ordered.get(link.id, 0),
            link.created_at,
        )
        for link, visits in found
    ]


def _name(stores: dict[UUID, brands.Unit], store_id: UUID | None) -> LocaleText | None:
    store = stores.get(store_id) if store_id else None
    return store.name if store else None


class Opening:
    """Raw ASGI for ``GET /l/{code}``: notes the touchpoint and sends the shopper on with ``?link=``."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request. A code that is not ours leads to the shop's home without a trace."""
        rate_limit("links.open", client_address(scope), 600)
        code = scope["path"].removeprefix("/l/")
        try:
            location = await self._open(scope, code)
        except Refusal:
            location = "/"
        await send_bytes(
            send,
            302,
            b"",
            headers=[(b"location", location.encode()), (b"cache-control", b"no-store")],
        )

    async def _open(self, scope: Any, code: str) -> str:
        runtime = self._runtime
        shopper = await sessions_of(runtime).shopper(scope)
        if not rules.is_code(code):
            return "/"
        if not self._is_proven(code, shopper.brand.id):
            # Guessed; or made with the secret of another house, before brands had keys of their own.
            rate_limit("links.unproven", client_address(scope), UNPROVEN)
        async with runtime.database.brand(shopper.brand.id) as session:
            link = (await queries.by_codes(session, [code])).get(code)
            if link is None:
                return "/"
            await touch(session, link, shopper.person.id if shopper.person else None)
        path = rules.shop_path(link.target)
        return f"{path}{'&' if '?' in path else '?'}link={code}"

    def _is_proven(self, code: str, brand_id: UUID) -> bool:
        keys = (vault.brand_key(brand_id, rules.PURPOSE), self._runtime.secret)
        return any(rules.is_genuine(code, key, brand_id) for key in keys)


console_routes = [list_links, make_link]
