"""The tree of categories: made, moved, renamed, removed."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.catalogue import rules
from siyu.goods.catalogue.actions.writing import say_changed
from siyu.goods.catalogue.queries.tree import MAX_CATEGORIES
from siyu.goods.catalogue.shapes import LocaleText
from siyu.goods.catalogue.tables import CategoryRow, MediaRow
from siyu.kernel.db import brand_of, driver_of
from siyu.kernel.errors import Invalid, NotFound


class CategoryChange(msgspec.Struct, frozen=True):
    """What is to be different; what is left unset stays."""

    name: LocaleText | msgspec.UnsetType = msgspec.UNSET
    parent_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    position: int | msgspec.UnsetType = msgspec.UNSET
    image_id: UUID | msgspec.UnsetType | None = msgspec.UNSET


async def save_category(
    session: AsyncSession, category_id: UUID | None, change: CategoryChange
) -> UUID:
    """Make a category, or change one; its id.

    Refusals: ``Invalid``, ``NotFound``, ``CategoryCircle``.
    """
    connection = await driver_of(session)
    await connection.execute(
        "select pg_advisory_xact_lock(hashtextextended('categories/' || $1, 0))",
        str(brand_of(session)),
    )
    row = await session.get(CategoryRow, (brand_of(session), category_id)) if category_id else None
    if row is None:
        if category_id is not None:
            raise NotFound(category_id=str(category_id))
        if await connection.fetchval("select count(*) from categories") >= MAX_CATEGORIES:
            raise Invalid(f"A brand has at most {MAX_CATEGORIES} categories.")
        row = CategoryRow(parent_id=None, name={})
    await _apply(session, row, change)
    if row not in session:
        session.add(row)
    await session.flush()
    await _require_tree(session, row.id)
    await say_changed(connection, None)
    return row.id


async def _apply(session: AsyncSession, row: CategoryRow, change: CategoryChange) -> None:
    errors: list[dict[str, str]] = []
    name = row.name if change.name is msgspec.UNSET else change.name
    if not any(text.strip() for text in name.values()) or any(
        len(text) > 80 for text in name.values()
    ):
        errors.append({"path": "name", "message": "missing or too_long"})
    row.name = {locale: text.strip() for locale, text in name.items() if text.strip()}
    if change.position is not msgspec.UNSET:
        row.position = change.position
    for field, table in (("parent_id", CategoryRow), ("image_id", MediaRow)):
        value: Any = getattr(change, field)
        if value is msgspec.UNSET:
            continue
        with session.no_autoflush:  # a parent that does not exist must not reach the database
            known = value is None or await session.get(table, (brand_of(session), value))
        if not known:
            errors.append({"path": field, "message": "unknown"})
        setattr(row, field, value)
    if errors:
        session.expunge_all()  # nothing of this may be flushed on the way out
        raise Invalid(errors=errors)


async def _require_tree(session: AsyncSession, category_id: UUID) -> None:
    """Raise ``CategoryCircle`` unless the category, and all below it, have a short way to the root."""
    rows = await session.execute(select(CategoryRow.id, CategoryRow.parent_id))
    parents: dict[UUID, UUID | None] = {row.id: row.parent_id for row in rows}
    assert category_id in parents
    moved, fresh = {category_id}, {category_id}
    while fresh:
        fresh = {one for one, parent in parents.items() if parent in fresh} - moved
        moved |= fresh
    for one in moved:
        rules.depth_of(one, parents.__getitem__)


async def delete_category(session: AsyncSession, category_id: UUID) -> None:
    """Remove a category without categories below it; its products stay, in their other categories or in none.

    Refusals: ``CategoryInUse``, ``NotFound``.
    """
    row = await session.get(CategoryRow, (brand_of(session), category_id))
    if row is None:
        raise NotFound(category_id=str(category_id))
    connection = await driver_of(session)
    below = await connection.fetchval(
        "select count(*) from categories where parent_id = $1", category_id
    )
    if below:
        raise rules.CategoryInUse(categories=below)
    await connection.execute("delete from product_categories where category_id = $1", category_id)
    await connection.execute(
        """update products p set category_id = (
               select c.category_id from product_categories c where c.brand_id = p.brand_id and c.product_id = p.id
               order by c.position limit 1)
           where p.category_id = $1""",
        category_id,
    )
    await session.delete(row)
    await session.flush()
    await say_changed(connection, None)
