"""The page editor of the console, and pages, stores and the first page for shoppers."""

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from siyu.goods import catalogue, stock
from siyu.goods.catalogue import ImageOut
from siyu.goods.orders.rules import MAX_LINES, MAX_QUANTITY
from siyu.kernel import clock
from siyu.kernel.effective import Dated
from siyu.kernel.http import decode_cursor, encode_cursor
from siyu.people import brands
from siyu.people.customers import Visit
from siyu.people.staff import Desk, permission
from siyu.scenes.storefront import actions, queries, rules
from siyu.scenes.storefront.rules import Block
from siyu.scenes.storefront.showing import PickUpStoreOut, ShopBlock, StoreOut, shown, store_out

permission("pages.view", {"zh-CN": "查看店铺装修", "en": "See the shop's pages"})
permission("pages.edit", {"zh-CN": "编辑与发布店铺页面", "en": "Edit and publish the shop's pages"})
LocaleText = dict[str, str]


class PageOut(msgspec.Struct):
    """A page with its draft and what is published; ``pictures`` of both by id; ``preview`` is the draft as a phone shows it."""

    key: str
    title: LocaleText
    draft: list[Block]
    draft_version: int
    draft_saved_at: datetime
    published: list[Block]
    published_number: int | None
    published_at: datetime | None
    planned: list["PlannedPageOut"]
    preview_url: str
    pictures: dict[str, ImageOut]
    preview: list[ShopBlock]


class PlannedPageOut(msgspec.Struct):
    """A version that is shown from a moment on."""

    id: UUID
    number: int
    starts_at: datetime
    set_by: str
    set_at: datetime


class PageScheduleIn(msgspec.Struct, forbid_unknown_fields=True):
    """From when on the draft shall be shown, and the draft's version that is meant."""

    starts_at: Annotated[datetime, Meta(tz=True)]
    version: Annotated[int, Meta(ge=0, le=2**53)]


class PageRowOut(msgspec.Struct):
    """A page in the list."""

    key: str
    title: LocaleText
    draft_saved_at: datetime
    published_number: int | None
    published_at: datetime | None
    changed: bool
    next_number: int | None
    """The version that is planned next."""
    next_at: datetime | None


class PagesOut(msgspec.Struct):
    """All pages."""

    items: list[PageRowOut]


class DraftIn(msgspec.Struct, forbid_unknown_fields=True):
    """The blocks, and the draft's version they were made from."""

    blocks: Annotated[list[Block], Meta(max_length=100)]
    version: Annotated[int, Meta(ge=0, le=2**53)]


class PreviewIn(msgspec.Struct, forbid_unknown_fields=True):
    """Blocks to look at without keeping them."""

    blocks: Annotated[list[Block], Meta(max_length=100)]


class PreviewOut(msgspec.Struct):
    """Blocks as a phone shows them."""

    blocks: list[ShopBlock]


class PageVersionOut(msgspec.Struct):
    """A version that was published, or is planned, or was and then taken back."""

    number: int
    state: Literal["shown", "planned", "withdrawn", "earlier"]
    published_at: datetime
    published_by: str
    blocks: int


class PageVersionPage(msgspec.Struct):
    """Versions, newest first."""

    items: list[PageVersionOut]
    next: str | None


class RollbackIn(msgspec.Struct, forbid_unknown_fields=True):
    """Which version shall be shown again."""

    version_number: Annotated[int, Meta(ge=1, le=2**53)]


class ShopPageOut(msgspec.Struct):
    """A page as a phone shows it."""

    title: str
    blocks: list[ShopBlock]


class StoresOut(msgspec.Struct):
    """Open stores."""

    items: list[StoreOut]


class WantedIn(msgspec.Struct, forbid_unknown_fields=True):
    """Pieces of a SKU that somebody wants to pick up."""

    sku_id: UUID
    quantity: Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]


class PickUpIn(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be picked up."""

    lines: Annotated[list[WantedIn], Meta(min_length=1, max_length=MAX_LINES)]


class PickUpStoresOut(msgspec.Struct):
    """Stores that hand out orders, those that have everything first."""

    items: list[PickUpStoreOut]


def _planned_out(one: Dated) -> PlannedPageOut:
    return PlannedPageOut(one.id, one.value, one.starts_at, one.set_by, one.set_at)


async def _page(desk: Desk, runtime: Any, key: str) -> PageOut:
    page = await queries.page_of(desk.session, key)
    known = await catalogue.images(desk.session, rules.images_of([*page.draft, *page.published]))
    settings = runtime.settings
    preview = (
        f"{settings.shop(desk.brand.slug)}/?preview=1&origin={quote(settings.console, safe='')}"
    )
    return PageOut(
        page.key, page.title, page.draft, page.draft_version, page.draft_saved_at, page.published, page.published_number,
        page.published_at, [_planned_out(one) for one in await queries.planned(desk.session, key)], preview, {str(one): image for one, image in known.items()},
        await shown(desk.session, page.draft, desk.brand, desk.staff.locale),
    )  # fmt: skip


@get("/pages", tags=["storefront"])
async def list_pages(desk: NamedDependency[Desk]) -> PagesOut:
    """The shop's pages."""
    desk.require("pages.view")
    rows: list[PageRowOut] = []
    for key in rules.KEYS:
        p, planned = (
            await queries.page_of(desk.session, key),
            await queries.planned(desk.session, key),
        )
        following = (planned[0].value, planned[0].starts_at) if planned else (None, None)
        rows.append(
            PageRowOut(
                p.key, p.title, p.draft_saved_at, p.published_number, p.published_at, p.draft != p.published, *following
            )
        )  # fmt: skip
    return PagesOut(rows)


@get("/pages/{key:str}", tags=["storefront"])
async def one_page(
    desk: NamedDependency[Desk], runtime: NamedDependency[Any], key: FromPath[str]
) -> PageOut:
    """A page with its draft."""
    desk.require("pages.view")
    return await _page(desk, runtime, key)


@put("/pages/{key:str}/draft", tags=["storefront"])
async def save_draft(
    desk: NamedDependency[Desk],
    runtime: NamedDependency[Any],
    key: FromPath[str],
    data: JSONBody[DraftIn],
) -> PageOut:
    """Keep a draft. Refusals: storefront.changed_meanwhile, storefront.too_many_blocks, storefront.double_block."""
    desk.require("pages.edit")
    await actions.save_draft(desk.session, key, data.blocks, data.version)
    return await _page(desk, runtime, key)


@post("/pages/{key:str}/preview", tags=["storefront"], status_code=200)
async def preview(
    desk: NamedDependency[Desk],
    key: FromPath[str],
    data: JSONBody[PreviewIn],
    lang: FromQuery[str] = "",
) -> PreviewOut:
    """Blocks as a phone would show them, without keeping anything."""
    desk.require("pages.view")
    await queries.page_of(desk.session, key)
    return PreviewOut(
        await shown(desk.session, rules.checked(data.blocks), desk.brand, lang or desk.staff.locale)
    )


@post("/pages/{key:str}/publish", tags=["storefront"], status_code=200)
async def publish(
    desk: NamedDependency[Desk], runtime: NamedDependency[Any], key: FromPath[str]
) -> PageOut:
    """Show the draft to shoppers. Refusals: storefront.nothing_new, http.not_found."""
    desk.require("pages.edit")
    number = await actions.publish(desk.session, key)
    await desk.audit("pages.published", subject_kind="page", label=key, facts={"number": number})
    return await _page(desk, runtime, key)


@post("/pages/{key:str}/schedule", tags=["storefront"], status_code=200)
async def schedule(
    desk: NamedDependency[Desk],
    runtime: NamedDependency[Any],
    key: FromPath[str],
    data: JSONBody[PageScheduleIn],
) -> PageOut:
    """Show the draft as it is now from a moment on.

    Refusals: storefront.nothing_new, storefront.changed_meanwhile, effective.past_start, effective.too_far,
    effective.moment_taken, http.not_found.
    """
    desk.require("pages.edit")
    number = await actions.schedule(desk.session, key, data.starts_at, data.version)
    facts = {"number": number, "starts_at": data.starts_at.isoformat()}
    await desk.audit("pages.scheduled", subject_kind="page", label=key, facts=facts)
    return await _page(desk, runtime, key)


@post("/pages/{key:str}/schedule/{entry_id:uuid}/withdraw", tags=["storefront"], status_code=200)
async def withdraw(
    desk: NamedDependency[Desk],
    runtime: NamedDependency[Any],
    key: FromPath[str],
    entry_id: FromPath[UUID],
) -> PageOut:
    """Take a planned version back before it is shown. Refusals: effective.holds_already, http.not_found."""
    desk.require("pages.edit")
    number = await actions.withdraw(desk.session, key, entry_id)
    facts = {"number": number}
    await desk.audit("pages.withdrawn", subject_kind="page", label=key, facts=facts)
    return await _page(desk, runtime, key)


@get("/pages/{key:str}/versions", tags=["storefront"])
async def list_versions(
    desk: NamedDependency[Desk], key: FromPath[str], cursor: FromQuery[str | None] = None
) -> PageVersionPage:
    """Versions that were published or are planned, newest first, 20 a page."""
    desk.require("pages.view")
    before = decode_cursor(cursor, int)
    rows = await queries.versions_of(
        desk.session, key, before=before[0] if before else None, limit=21
    )
    shown = (await queries.page_of(desk.session, key)).published_number
    taken_back = await queries.withdrawn(desk.session, key, [row.number for row in rows])
    now, items = clock.now(), list[PageVersionOut]()
    for row in rows[:20]:
        state = (
            "shown" if row.number == shown else "planned" if row.published_at > now else "earlier"
        )
        items.append(
            PageVersionOut(
                row.number, "withdrawn" if row.number in taken_back else state, row.published_at, row.published_by, len(row.blocks)
            )
        )  # fmt: skip
    return PageVersionPage(items, encode_cursor((rows[19].number,)) if len(rows) > 20 else None)


@post("/pages/{key:str}/rollback", tags=["storefront"], status_code=200)
async def roll_back(
    desk: NamedDependency[Desk],
    runtime: NamedDependency[Any],
    key: FromPath[str],
    data: JSONBody[RollbackIn],
) -> PageOut:
    """Show an earlier version again, under a new number. Refusals: http.not_found."""
    desk.require("pages.edit")
    number = await actions.roll_back(desk.session, key, data.version_number)
    await desk.audit(
        "pages.rolled_back",
        subject_kind="page",
        label=key,
        facts={"number": number, "from": data.version_number},
    )
    return await _page(desk, runtime, key)


@get("/pages/{key:str}", tags=["shop"])
async def shop_page(visit: NamedDependency[Visit], key: FromPath[str]) -> ShopPageOut:
    """The published page; a shop that has published nothing shows its newest products."""
    page = await queries.page_of(visit.session, key)
    blocks: list[Block] = page.published or [
        rules.ProductGrid(
            "newest", {"zh-CN": "刚到店", "en": "New in"}, rules.ProductSource("newest", limit=20)
        )
    ]
    return ShopPageOut(
        visit.text(page.title), await shown(visit.session, blocks, visit.brand, visit.locale)
    )


@get("/stores", tags=["shop"])
async def stores(
    visit: NamedDependency[Visit], pick_up: FromQuery[bool | None] = None
) -> StoresOut:
    """Open stores, those with pick-up on request."""
    units = await brands.shop_stores(visit.session, pick_up=pick_up)
    return StoresOut([store_out(unit, visit.brand, visit.locale) for unit in units])


@post("/stores/pick-up", tags=["shop"], status_code=200)
async def pick_up_stores(
    visit: NamedDependency[Visit], data: JSONBody[PickUpIn]
) -> PickUpStoresOut:
    """Stores that hand out orders, and what each has too few of just now; those that have everything come first."""
    wanted: Counter[UUID] = Counter()
    for line in data.lines:
        wanted[line.sku_id] += line.quantity
    units = await brands.shop_stores(visit.session, pick_up=True)
    free = await stock.free_in_stores(visit.session, wanted)
    found = [
        PickUpStoreOut(
            store_out(unit, visit.brand, visit.locale),
            [sku for sku, pieces in wanted.items() if free.get((sku, unit.id), 0) < pieces],
        )
        for unit in units
    ]
    return PickUpStoresOut(sorted(found, key=lambda one: len(one.missing)))


console_routes = [
    list_pages, one_page, save_draft, preview, publish, schedule, withdraw, list_versions, roll_back,
]  # fmt: skip
shop_routes = [shop_page, stores, pick_up_stores]
