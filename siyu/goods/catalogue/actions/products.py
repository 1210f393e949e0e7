"""Editing products: one whole product at a time, or one thing of many."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.catalogue import editing, rules
from siyu.goods.catalogue.actions.media import Wanted, media_of_sources
from siyu.goods.catalogue.actions.writing import Change, say_changed, write_products
from siyu.goods.catalogue.events import ProductChanged
from siyu.goods.catalogue.ports import plugs
from siyu.goods.catalogue.queries.whole import whole_products
from siyu.goods.catalogue.shapes import ProductIn, Whole
from siyu.goods.catalogue.showing import foreign_sources, stored_html
from siyu.kernel import clock, events, timers
from siyu.kernel.db import actor_of, driver_of
from siyu.kernel.errors import Invalid, NotFound, Refusal
from siyu.kernel.ids import new_id

TO_SALE, OFF_SALE = "catalogue.to_sale", "catalogue.off_sale"
BulkAction = Literal["on_sale", "off", "draft", "delete", "category"]


async def save_product(session: AsyncSession, product_id: UUID | None, wanted: ProductIn) -> UUID:
    """Make a product, or change it to what its editor says; its id. Counts of ``on_hand`` go to stock.

    Refusals: ``Invalid`` with all errors, ``ChangedMeanwhile``, ``HandleTaken``, ``CodeTaken``, ``NotReady``,
    ``NotFound``.
    """
    wanted = rules.checked(wanted)
    connection = await driver_of(session)
    before: Whole | None = None
    if product_id is not None:
        before = (await locked(connection, [product_id])).get(product_id)
        if before is None:
            raise NotFound(product_id=str(product_id))
        if before.version != wanted.version:
            raise rules.ChangedMeanwhile(version=before.version)
    wanted = await _with_own_pictures(connection, wanted)
    await _require_known(connection, wanted)
    after = editing.plan(before, wanted, clock.now(), new_id)
    await _require_free_names(connection, after)
    await write_products(connection, [(before, after)], actor=actor_of(session))
    await _set_timers(session, [after])
    counted = {
        sku.id: asked.on_hand
        for sku, asked in zip(after.skus, wanted.skus, strict=False)
        if asked.on_hand is not None
    }
    if counted:
        await plugs.shelf.count(connection, counted, kind="counted", reason="")
        await say_changed(connection, [after.id])
    return after.id


async def locked(connection: asyncpg.Connection, product_ids: Sequence[UUID]) -> dict[UUID, Whole]:
    """Lock products until the transaction ends, in the order of their ids, and read them."""
    await connection.fetch(
        "select id from products where id = any($1::uuid[]) order by id for update",
        list(product_ids),
    )
    return await whole_products(connection, product_ids)


async def _with_own_pictures(connection: asyncpg.Connection, wanted: ProductIn) -> ProductIn:
    """Pictures inside descriptions become ours: the text names them by id, wherever they come from."""
    foreign = {
        source for html in wanted.description_html.values() for source in foreign_sources(html)
    }
    label = rules.said(wanted.title, "zh-CN")
    known = await media_of_sources(connection, [Wanted(source, {}, label) for source in foreign])
    html = {locale: stored_html(text, known) for locale, text in wanted.description_html.items()}
    return msgspec.structs.replace(wanted, description_html=html)


async def _require_known(connection: asyncpg.Connection, wanted: ProductIn) -> None:
    """Raise ``Invalid`` for categories and pictures that do not exist."""
    images = [*wanted.image_ids, *(sku.image_id for sku in wanted.skus if sku.image_id)]
    errors: list[dict[str, str]] = []
    for table, path, ids in (
        ("categories", "category_ids", wanted.category_ids),
        ("media", "image_ids", images),
    ):
        if ids:
            known = await connection.fetch(
                f"select id from {table} where id = any($1::uuid[])", ids
            )
            missing = set(ids) - {row["id"] for row in known}
            errors += [{"path": path, "message": f"unknown: {one}"} for one in sorted(missing)]
    if errors:
        raise Invalid(errors=errors)


async def _require_free_names(connection: asyncpg.Connection, product: Whole) -> None:
    if await connection.fetchval(
        "select 1 from products where handle = $1 and id <> $2", product.handle, product.id
    ):
        raise rules.HandleTaken(handle=product.handle)
    codes = [sku.code for sku in product.skus]
    taken = await connection.fetch(
        "select code from skus where code = any($1::text[]) and product_id <> $2 limit 20",
        codes,
        product.id,
    )
    if taken:
        raise rules.CodeTaken(codes=[row["code"] for row in taken])


async def _set_timers(session: AsyncSession, products: Sequence[Whole]) -> None:
    """Deadlines follow the product: one to go on sale, one to come off."""
    connection = await driver_of(session)
    to_sale = [(p.id, p.on_sale_at) for p in products if p.status == "scheduled" and p.on_sale_at]
    off_sale = [
        (p.id, p.off_at) for p in products if p.status in ("scheduled", "on_sale") and p.off_at
    ]
    for kind, due in ((TO_SALE, to_sale), (OFF_SALE, off_sale)):
        still = {product_id for product_id, _ in due}
        await timers.drop(session, kind, [p.id for p in products if p.id not in still])
        if due:
            await timers.put_on(connection, kind, [one for one, _ in due], [at for _, at in due])


async def follow_times(session: AsyncSession, product_ids: Sequence[UUID]) -> None:
    """Give products whose time has come the status that their times say (called by timers)."""
    connection = await driver_of(session)
    now = clock.now()
    changes: list[Change] = []
    for product in (await locked(connection, product_ids)).values():
        status = rules.status_at(product.status, product.on_sale_at, product.off_at, now)
        if status != product.status:
            changes.append((product, _given(product, status)))
    await write_products(connection, changes, actor=actor_of(session))


def _given(product: Whole, status: str) -> Whole:
    """The product with another status, one version on."""
    now = clock.now()
    return msgspec.structs.replace(
        product,
        status=status,
        version=product.version + 1,
        updated_at=now,
        published_at=now
        if status == "on_sale" and product.status != "on_sale"
        else product.published_at,
        on_sale_at=product.on_sale_at if status == "scheduled" else None,
        off_at=product.off_at if status in ("scheduled", "on_sale") else None,
    )


class BulkRefusal(msgspec.Struct, frozen=True):
    """A product that a bulk action left alone, and why."""

    id: UUID
    code: str
    detail: str


async def change_many(
    session: AsyncSession,
    product_ids: Sequence[UUID],
    action: BulkAction,
    category_id: UUID | None = None,
) -> tuple[int, list[BulkRefusal]]:
    """Do one thing to many products; how many changed, and those that could not.

    Products that are like that already count as changed. Constant number of statements.
    """
    connection = await driver_of(session)
    ids = list(dict.fromkeys(product_ids))
    if action == "category":
        known = category_id and await connection.fetchval(
            "select 1 from categories where id = $1", category_id
        )
        if not known:
            raise Invalid(errors=[{"path": "category_id", "message": "unknown"}])
    found = await locked(connection, ids)
    refused = [_refusal(one, NotFound()) for one in ids if one not in found]
    changes: list[Change] = []
    for product in found.values():
        try:
            changes.append((product, _changed(product, action, category_id)))
        except Refusal as refusal:
            refused.append(_refusal(product.id, refusal))
    if action == "delete":
        await _delete(session, [before for before, _ in changes if before is not None])
    else:
        differing = [(before, after) for before, after in changes if before is not after]
        await write_products(connection, differing, actor=actor_of(session))
        await _set_timers(session, [after for _, after in differing])
    return len(changes), refused


def _refusal(product_id: UUID, refusal: Refusal) -> BulkRefusal:
    return BulkRefusal(product_id, refusal.code, refusal.detail)


def _changed(product: Whole, action: BulkAction, category_id: UUID | None) -> Whole:
    """What a bulk action makes of a product; the same object when nothing. Raises the refusals of ``change_many``."""
    if action == "delete":
        if product.status in ("on_sale", "scheduled"):
            raise rules.StillOnSale
        return product
    if action == "category":
        assert category_id is not None
        if product.category_ids[:1] == [category_id]:
            return product
        others = [one for one in product.category_ids[1:] if one != category_id]
        return msgspec.structs.replace(
            product,
            category_ids=[category_id, *others],
            version=product.version + 1,
            updated_at=clock.now(),
        )
    if product.status == action:
        return product
    after = _given(product, action)
    rules.require_ready(after)
    return after


async def _delete(session: AsyncSession, products: Sequence[Whole]) -> None:
    """Take products out of every list. Rows stay for orders and movements; names become free again."""
    connection = await driver_of(session)
    ids = [product.id for product in products]
    if not ids:
        return
    await connection.execute(
        """update products set deleted_at = $2, updated_at = $2, version = version + 1, words = '', fingerprint = null,
                               handle = handle || '~' || replace(id::text, '-', '') where id = any($1::uuid[])""",
        ids,
        clock.now(),
    )
    await connection.execute(
        "update skus set active = false, code = code || '~' || replace(id::text, '-', '') where product_id = any($1::uuid[])",
        ids,
    )
    await connection.execute(
        "delete from product_categories where product_id = any($1::uuid[])", ids
    )
    await connection.execute(
        """delete from product_tokens using (
               select token, id from unnest($1::uuid[], $2::text[]) as p(id, words), unnest(string_to_array(words, ' ')) as token
           ) gone where product_tokens.token = gone.token and product_tokens.id = gone.id""",
        ids,
        [product.words for product in products],
    )
    for kind in (TO_SALE, OFF_SALE):
        await timers.drop(session, kind, ids)
    removed = [
        ProductChanged(
            product_id=product.id,
            version=product.version + 1,
            status=product.status,
            price_min_minor=product.price_range[0],
            price_max_minor=product.price_range[1],
            deleted=True,
        )
        for product in products
    ]
    await events.state(session, removed)
    await say_changed(connection, ids)
