"""Whole products into rows, any number of them in a constant number of statements.

Editors write one, imports five hundred: the same path. COPY is refused under row-level security, so lists
travel as arrays.
"""

from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import msgspec

from siyu.goods.catalogue.events import ProductChanged, ProductPutOnSale, ProductTakenOff
from siyu.goods.catalogue.rules import ChangedMeanwhile, CodeTaken, HandleTaken
from siyu.goods.catalogue.shapes import Whole
from siyu.kernel import events, news
from siyu.kernel.db import Actor

Change = tuple[Whole | None, Whole]
"""A product before (nothing: it is new) and after."""

_PRODUCTS = """
insert into products (id, version, handle, title, subtitle, description, kind, status, on_sale_at, off_at, tags,
                      attributes, freight_template_id, image_id, category_id, sku_count, price_min_minor,
                      price_max_minor, list_price_minor, words, fingerprint, published_at, created_at, updated_at)
select id, version, handle, title::jsonb, subtitle::jsonb, description::jsonb, kind, status, on_sale_at, off_at,
       tags::jsonb, attributes::jsonb, freight_template_id, image_id, category_id, sku_count, price_min, price_max,
       list_price, words, fingerprint, published_at, created_at, updated_at
from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[], $13::uuid[], $14::uuid[], $15::uuid[],
            $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::text[], $21::text[], $22::timestamptz[],
            $23::timestamptz[], $24::timestamptz[])
     as p(id, version, handle, title, subtitle, description, kind, status, on_sale_at, off_at, tags, attributes,
          freight_template_id, image_id, category_id, sku_count, price_min, price_max, list_price, words, fingerprint,
          published_at, created_at, updated_at)
on conflict (brand_id, id) do update set
    version = excluded.version, handle = excluded.handle, title = excluded.title, subtitle = excluded.subtitle,
    description = excluded.description, kind = excluded.kind, status = excluded.status,
    on_sale_at = excluded.on_sale_at, off_at = excluded.off_at, tags = excluded.tags,
    attributes = excluded.attributes, freight_template_id = excluded.freight_template_id,
    image_id = excluded.image_id, category_id = excluded.category_id, sku_count = excluded.sku_count,
    price_min_minor = excluded.price_min_minor, price_max_minor = excluded.price_max_minor,
    list_price_minor = excluded.list_price_minor, words = excluded.words, fingerprint = excluded.fingerprint,
    published_at = excluded.published_at, updated_at = excluded.updated_at
where products.version = excluded.version - 1 and products.deleted_at is null
"""
_OPTIONS = """
insert into product_options (id, product_id, position, name)
select id, product_id, position, name::jsonb
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[]) as o(id, product_id, position, name)
on conflict (brand_id, id) do update set position = excluded.position, name = excluded.name
"""
_VALUES = """
insert into product_option_values (id, product_id, option_id, position, name)
select id, product_id, option_id, position, name::jsonb
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[]) as v(id, product_id, option_id, position, name)
on conflict (brand_id, id) do update set position = excluded.position, name = excluded.name
"""
_SKUS = """
insert into skus (id, product_id, code, position, option_value_ids, option_label, price_minor, list_price_minor,
                  weight_g, barcode, image_id, active)
select id, product_id, code, position, value_ids::jsonb, label::jsonb, price, list_price, weight_g, barcode, image_id, active
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::text[], $11::uuid[], $12::boolean[])
     as s(id, product_id, code, position, value_ids, label, price, list_price, weight_g, barcode, image_id, active)
on conflict (brand_id, id) do update set
    code = excluded.code, position = excluded.position, option_value_ids = excluded.option_value_ids,
    option_label = excluded.option_label, price_minor = excluded.price_minor,
    list_price_minor = excluded.list_price_minor, weight_g = excluded.weight_g, barcode = excluded.barcode,
    image_id = excluded.image_id, active = excluded.active
"""
_ADD_WORDS = """
insert into product_tokens (brand_id, token, id)
select (select current_setting('siyu.brand')::uuid), token, id
from unnest($1::uuid[], $2::text[]) as p(id, words), unnest(string_to_array(words, ' ')) as token
where token <> '' order by token collate "C", id
"""
_DROP_WORDS = """
delete from product_tokens using (
    select token, id from unnest($1::uuid[], $2::text[]) as p(id, words), unnest(string_to_array(words, ' ')) as token
) gone where product_tokens.token = gone.token and product_tokens.id = gone.id
"""


# A row that is there to stay costs a third less without the question whether it is there already.
_NEW_PRODUCTS, _NEW_OPTIONS, _NEW_VALUES, _NEW_SKUS = (
    statement.partition("on conflict")[0] for statement in (_PRODUCTS, _OPTIONS, _VALUES, _SKUS)
)


async def write_products(
    connection: asyncpg.Connection, changes: Sequence[Change], *, actor: Actor, origin: str = "live"
) -> None:
    """Write products and state what changed. Constant number of statements for any number of products.

    Refusals: ``HandleTaken``, ``CodeTaken``, ``ChangedMeanwhile``; the transaction is lost with them.
    """
    if not changes:
        return
    after = [product for _, product in changes]
    fresh = all(before is None for before, _ in changes)
    try:
        written = await connection.execute(
            _NEW_PRODUCTS if fresh else _PRODUCTS, *_product_columns(after)
        )
        if int(written.split()[-1]) != len(after):
            raise ChangedMeanwhile
        await _write_parts(connection, changes, fresh=fresh)
    except asyncpg.UniqueViolationError as violation:
        if violation.constraint_name == "products_brand_id_handle_key":
            raise HandleTaken(handles=[product.handle for product in after][:20]) from None
        if violation.constraint_name == "skus_brand_id_code_key":
            raise CodeTaken(
                codes=[sku.code for product in after for sku in product.skus][:20]
            ) from None
        raise
    await _write_words(connection, changes)
    await _state_changes(connection, changes, actor=actor, origin=origin)


def _columns(rows: Sequence[Any], *getters: Callable[[Any], Any]) -> list[list[Any]]:
    return [[get(row) for row in rows] for get in getters]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _product_columns(products: Sequence[Whole]) -> list[list[Any]]:
    return _columns(
        products,
        lambda p: p.id,
        lambda p: p.version,
        lambda p: p.handle,
        lambda p: _json(p.title),
        lambda p: _json(p.subtitle),
        lambda p: _json(p.description),
        lambda p: p.kind,
        lambda p: p.status,
        lambda p: p.on_sale_at,
        lambda p: p.off_at,
        lambda p: _json(p.tags),
        lambda p: _json(p.attributes),
        lambda p: p.freight_template_id,
        lambda p: p.image_ids[0] if p.image_ids else None,
        lambda p: p.category_ids[0] if p.category_ids else None,
        lambda p: len(p.on_offer),
        lambda p: p.price_range[0],
        lambda p: p.price_range[1],
        lambda p: p.list_price_minor,
        lambda p: p.words,
        lambda p: p.fingerprint,
        lambda p: p.published_at,
        lambda p: p.created_at,
        lambda p: p.updated_at,
    )


async def _write_parts(
    connection: asyncpg.Connection, changes: Sequence[Change], *, fresh: bool
) -> None:
    after = [product for _, product in changes]
    options = [(p.id, n, option) for p in after for n, option in enumerate(p.options)]
    values = [
        (p_id, option.id, n, value)
        for p_id, _, option in options
        for n, value in enumerate(option.values)
    ]
    skus = [(p.id, n, sku) for p in after for n, sku in enumerate(p.skus)]
    changed = [product.id for before, product in changes if before is not None]
    if changed:
        kept_values, kept_options = (
            [value.id for *_, value in values],
            [option.id for *_, option in options],
        )
        await connection.execute(
            "delete from product_option_values where product_id = any($1::uuid[]) and id <> all($2::uuid[])",
            changed,
            kept_values,
        )
        await connection.execute(
            "delete from product_options where product_id = any($1::uuid[]) and id <> all($2::uuid[])",
            changed,
            kept_options,
        )
    if options:
        rows: list[tuple[Any, ...]] = [
            (o.id, product, n, _json(o.name)) for product, n, o in options
        ]
        await connection.execute(_NEW_OPTIONS if fresh else _OPTIONS, *zip(*rows, strict=True))
        rows = [(v.id, product, option, n, _json(v.name)) for product, option, n, v in values]
        await connection.execute(_NEW_VALUES if fresh else _VALUES, *zip(*rows, strict=True))
    await connection.execute(
        _NEW_SKUS if fresh else _SKUS,
        *_columns(
            skus,
            lambda s: s[2].id,
            lambda s: s[0],
            lambda s: s[2].code,
            lambda s: s[1],
            lambda s: _json(s[2].value_ids),
            lambda s: _json(s[2].label),
            lambda s: s[2].price_minor,
            lambda s: s[2].list_price_minor,
            lambda s: s[2].weight_g,
            lambda s: s[2].barcode,
            lambda s: s[2].image_id,
            lambda s: s[2].active,
        ),
    )
    await _write_list(
        connection, "product_categories", "category_id", changes, lambda p: p.category_ids
    )
    await _write_list(connection, "product_images", "media_id", changes, lambda p: p.image_ids)


async def _write_list(
    connection: asyncpg.Connection,
    table: str,
    column: str,
    changes: Sequence[Change],
    get: Callable[[Whole], list[Any]],
) -> None:
    """Replace the lists (categories, pictures) of those products whose list is another one now."""
    differing = [
        (before, after)
        for before, after in changes
        if get(after) != (get(before) if before else [])
    ]
    had = [after.id for before, after in differing if before is not None and get(before)]
    if had:
        await connection.execute(f"delete from {table} where product_id = any($1::uuid[])", had)
    rows = [(after.id, n, one) for _, after in differing for n, one in enumerate(get(after))]
    if rows:
        await connection.execute(
            f"insert into {table} (product_id, position, {column}) select * from unnest($1::uuid[], $2::bigint[], $3::uuid[])",
            *_columns(rows, lambda r: r[0], lambda r: r[1], lambda r: r[2]),
        )


async def _write_words(connection: asyncpg.Connection, changes: Sequence[Change]) -> None:
    added: list[tuple[Any, str]] = []
    gone: list[tuple[Any, str]] = []
    for before, after in changes:
        if before is None:
            added.append((after.id, after.words))
        elif before.words != after.words:
            old, new = set(before.words.split()), set(after.words.split())
            added.append((after.id, " ".join(sorted(new - old))))
            gone.append((after.id, " ".join(sorted(old - new))))
    for statement, rows in ((_DROP_WORDS, gone), (_ADD_WORDS, added)):
        if rows:
            await connection.execute(statement, *_columns(rows, lambda r: r[0], lambda r: r[1]))


async def _state_changes(
    connection: asyncpg.Connection, changes: Sequence[Change], *, actor: Actor, origin: str
) -> None:
    stated: list[events.Event] = []
    for before, after in changes:
        low, high = after.price_range
        stated.append(
            ProductChanged(
                product_id=after.id,
                version=after.version,
                status=after.status,
                price_min_minor=low,
                price_max_minor=high,
            )
        )
        was_on_sale = before is not None and before.status == "on_sale"
        if after.status == "on_sale" and not was_on_sale:
            stated.append(ProductPutOnSale(product_id=after.id))
        elif was_on_sale and after.status != "on_sale":
            stated.append(ProductTakenOff(product_id=after.id))
    await events.state_on(connection, stated, actor=actor, origin=origin)
    seen = [
        after.id
        for before, after in changes
        if after.status == "on_sale" or (before and before.status == "on_sale")
    ]
    await say_changed(connection, seen)


async def say_changed(connection: asyncpg.Connection, product_ids: Sequence[Any] | None) -> None:
    """Let the shop's caches forget products (all of the brand's: ``None``) once the transaction commits."""
    if product_ids is None or product_ids:
        brand_id = await connection.fetchval("select current_setting('siyu.brand')::uuid")
        await news.send(connection, brand_id, "catalogue", product_ids)
