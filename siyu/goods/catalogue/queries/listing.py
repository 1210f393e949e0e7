"""The console's list of products: searched, filtered, sorted, counted, in a constant number of round trips."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from siyu.goods.catalogue.ports import plugs
from siyu.goods.catalogue.queries.doors import ImageOut, images
from siyu.goods.catalogue.queries.tree import subtree_ids
from siyu.goods.catalogue.shapes import LocaleText
from siyu.kernel.http.paging import decode_cursor, encode_cursor
from siyu.kernel.search import wanted

Sort = Literal["updated", "newest", "price_up", "price_down"]
STATUSES = ("draft", "scheduled", "on_sale", "off")


class ProductRowOut(msgspec.Struct, frozen=True):
    """A line of the list; ``free`` pieces are those the shop can sell online."""

    id: UUID
    handle: str
    title: LocaleText
    status: str
    image: ImageOut | None
    sku_count: int
    price_min_minor: int
    price_max_minor: int
    free: int
    category_name: LocaleText | None
    updated_at: datetime
    on_sale_at: datetime | None
    off_at: datetime | None


class ProductPageOut(msgspec.Struct, frozen=True):
    """A page of the list; ``counts`` by status and ``all``, under the same search and category."""

    items: list[ProductRowOut]
    next: str | None
    counts: dict[str, int]


class Filter(msgspec.Struct, frozen=True):
    """What to list. An empty search finds everything."""

    q: str = ""
    status: str | None = None
    category_id: UUID | None = None
    sort: Sort = "updated"
    limit: int = 20
    cursor: str | None = None


_ORDER: dict[str, tuple[str, bool, Any]] = {
    # column, descending, type of the cursor's first part
    "updated": ("p.updated_at", True, datetime),
    "newest": ("p.created_at", True, datetime),
    "price_up": ("p.price_min_minor", False, int),
    "price_down": ("p.price_min_minor", True, int),
}


class Where:
    """Conditions with their arguments, in the numbering of asyncpg."""

    def __init__(self, *conditions: str) -> None:
        self.conditions = list(conditions)
        self.arguments: list[Any] = []

    def add(self, condition: str, *arguments: Any) -> None:
        """Add a condition; each ``?`` in it becomes the number of the next argument."""
        for argument in arguments:
            self.arguments.append(argument)
            condition = condition.replace("?", f"${len(self.arguments)}", 1)
        self.conditions.append(condition)

    def copy(self) -> "Where":
        """The same so far."""
        other = Where(*self.conditions)
        other.arguments = list(self.arguments)
        return other

    def __str__(self) -> str:
        return " and ".join(self.conditions)


def searching(where: Where, q: str) -> bool:
    """Add the words of a search; whether anything can be found by it at all.

    Counted, not joined word by word: a chain of semi-joins over words that most products have was planned as
    nested loops and took seconds where this takes milliseconds.
    """
    asked = wanted(q)
    if asked:
        where.add(
            """p.id in (select t.id from product_tokens t where t.token = any(?::text[])
                       group by t.id having count(*) = ?)""",
            asked,
            len(asked),
        )
    return bool(asked) or not q.strip()


async def page_of_products(connection: asyncpg.Connection, asked: Filter) -> ProductPageOut:
    """One page. Needs the partial indexes of ``products`` and the primary key of ``product_tokens``."""
    where = Where("p.deleted_at is null")
    findable = searching(where, asked.q)
    if asked.category_id is not None:
        ids = await subtree_ids(connection, asked.category_id)
        where.add(
            "p.id in (select c.product_id from product_categories c where c.category_id = any(?::uuid[]))",
            ids,
        )
    counts = await _counts(connection, where) if findable else {}
    counts = {"all": sum(counts.values()), **{status: counts.get(status, 0) for status in STATUSES}}
    if not findable:
        return ProductPageOut([], None, counts)
    rows, following = await _rows(connection, where, asked)
    return ProductPageOut(await _with_looks(connection, rows), following, counts)


async def _counts(connection: asyncpg.Connection, where: Where) -> dict[str, int]:
    rows = await connection.fetch(
        f"select p.status, count(*) as number from products p where {where} group by p.status",
        *where.arguments,
    )
    return {row["status"]: row["number"] for row in rows}


async def _rows(
    connection: asyncpg.Connection, where: Where, asked: Filter
) -> tuple[list[Any], str | None]:
    column, descending, kind = _ORDER[asked.sort]
    where = where.copy()
    if asked.status:
        where.add("p.status = ?", asked.status)
    after = decode_cursor(asked.cursor, kind, UUID)
    if after is not None:
        where.add(f"({column}, p.id) {'<' if descending else '>'} (?, ?)", *after)
    direction = "desc" if descending else "asc"
    rows = await connection.fetch(
        f"""select p.id, p.handle, p.title::text, p.status, p.image_id, p.sku_count, p.price_min_minor,
                   p.price_max_minor, p.category_id, p.created_at, p.updated_at, p.on_sale_at, p.off_at
            from products p where {where} order by {column} {direction}, p.id {direction} limit {asked.limit + 1}""",
        *where.arguments,
    )
    following = None
    if len(rows) > asked.limit:
        rows = rows[: asked.limit]
        following = encode_cursor((rows[-1][column.removeprefix("p.")], rows[-1]["id"]))
    return rows, following


async def _with_looks(connection: asyncpg.Connection, rows: list[Any]) -> list[ProductRowOut]:
    """Add pictures, category names and free pieces, for all rows at once."""
    if not rows:
        return []
    pictures = await images(connection, [row["image_id"] for row in rows])
    named = await connection.fetch(
        "select id, name::text from categories where id = any($1::uuid[])",
        [row["category_id"] for row in rows if row["category_id"]],
    )
    names = {row["id"]: msgspec.json.decode(row["name"]) for row in named}
    free = await free_of_products(connection, [row["id"] for row in rows])
    return [
        ProductRowOut(
            id=row["id"],
            handle=row["handle"],
            title=msgspec.json.decode(row["title"]),
            status=row["status"],
            image=pictures.get(row["image_id"]),
            sku_count=row["sku_count"],
            price_min_minor=row["price_min_minor"],
            price_max_minor=row["price_max_minor"],
            free=sum(max(0, pieces) for pieces in free[row["id"]].values()),
            category_name=names.get(row["category_id"]),
            updated_at=row["updated_at"],
            on_sale_at=row["on_sale_at"],
            off_at=row["off_at"],
        )
        for row in rows
    ]


async def free_of_products(
    connection: asyncpg.Connection, product_ids: list[UUID]
) -> dict[UUID, dict[UUID, int]]:
    """Free pieces online by product and active SKU; two round trips."""
    rows = await connection.fetch(
        "select product_id, id from skus where product_id = any($1::uuid[]) and active", product_ids
    )
    pieces = await plugs.shelf.online(connection, [row["id"] for row in rows])
    found: dict[UUID, dict[UUID, int]] = {product_id: {} for product_id in product_ids}
    for row in rows:
        known = pieces.get(row["id"])
        found[row["product_id"]][row["id"]] = known.free if known else 0
    return found
