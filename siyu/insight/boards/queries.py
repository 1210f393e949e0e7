"""The board's questions to the warehouse, six per page whatever the brand's size."""

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from siyu.insight.warehouse import Warehouse


class Scope(msgspec.Struct, frozen=True):
    """What a board looks at: a period of whole days in the brand's time zone, one source or all, some stores or all."""

    first: date
    last: date
    time_zone: str
    source: str = ""
    stores: tuple[UUID, ...] | None = None


def _sales(scope: Scope) -> str:
    return f"""FROM sales FINAL WHERE brand = {{brand:UUID}}
        AND toDate(at, {{zone:String}}) BETWEEN {{first:Date}} AND {{last:Date}}{_narrow(scope)}"""


def _behaviour(scope: Scope) -> str:
    return f"""FROM behaviour WHERE brand = {{brand:UUID}}
        AND toDate(at, {{zone:String}}) BETWEEN {{first:Date}} AND {{last:Date}}{_narrow(scope)}"""


def _narrow(scope: Scope) -> str:
    out = " AND source = {source:String}" if scope.source else ""
    return out + (" AND store IN {stores:Array(UUID)}" if scope.stores is not None else "")


def _bound(scope: Scope) -> dict[str, Any]:
    bound: dict[str, Any] = {"zone": scope.time_zone, "first": scope.first, "last": scope.last}
    if scope.source:
        bound["source"] = scope.source
    if scope.stores is not None:
        bound["stores"] = list(scope.stores)
    return bound


_MONEY = """sumIf(minor, line = 0 AND kind IN ('paid', 'refunded')) AS net,
    sumIf(minor, line = 0 AND kind = 'paid') AS paid_minor,
    -sumIf(minor, line = 0 AND kind = 'refunded') AS refunded,
    uniqExactIf(order_id, kind = 'paid') AS orders, uniqExactIf(customer, kind = 'paid') AS customers,
    uniqExactIf(customer, kind = 'placed' AND source NOT IN ('store', 'tmall', 'jd', 'douyin', 'wechat_shop')) AS buyers,
    uniqExactIf(customer, kind = 'paid' AND source NOT IN ('store', 'tmall', 'jd', 'douyin', 'wechat_shop')) AS shop_customers"""


async def totals(warehouse: Warehouse, brand_id: UUID, scope: Scope) -> dict[str, int]:
    """Money, orders and people of the whole period."""
    (row,) = await warehouse.ask(brand_id, f"SELECT {_MONEY} {_sales(scope)}", **_bound(scope))
    return {name: int(value) for name, value in row.items()}


async def by_day(warehouse: Warehouse, brand_id: UUID, scope: Scope) -> dict[str, dict[str, int]]:
    """The same per day; days without sales are missing."""
    rows = await warehouse.ask(
        brand_id,
        f"SELECT toString(toDate(at, {{zone:String}})) AS day, {_MONEY} {_sales(scope)} GROUP BY day",
        **_bound(scope),
    )
    return _keyed(rows, "day")


async def by(
    warehouse: Warehouse, brand_id: UUID, scope: Scope, column: str
) -> dict[str, dict[str, int]]:
    """The same per ``source`` or ``store``, the fifty largest."""
    assert column in ("source", "store")
    rows = await warehouse.ask(
        brand_id,
        f"SELECT toString({column}) AS name, {_MONEY} {_sales(scope)} GROUP BY name ORDER BY net DESC LIMIT 50",
        **_bound(scope),
    )
    return _keyed(rows, "name")


async def visits(
    warehouse: Warehouse, brand_id: UUID, scope: Scope, column: str
) -> dict[str, dict[str, int]]:
    """Visitors, and those who saw a product, put one into the cart or began to check out, per day or source (``''`` = all)."""
    group = {"day": "toString(toDate(at, {zone:String}))", "source": "toString(source)", "": "''"}[
        column
    ]
    rows = await warehouse.ask(
        brand_id,
        f"""SELECT {group} AS name, uniqExact(visitor) AS visit,
            uniqExactIf(visitor, name_ = 'Product Viewed') AS product, uniqExactIf(visitor, name_ = 'Product Added') AS cart
            FROM (SELECT at, source, visitor, name AS name_ {_behaviour(scope)}) GROUP BY name""",
        **_bound(scope),
    )
    return _keyed(rows, "name")


async def top_products(
    warehouse: Warehouse, brand_id: UUID, scope: Scope, limit: int = 8
) -> list[tuple[UUID, int, int]]:
    """(product, pieces, net money of its lines), the best first."""
    rows = await warehouse.ask(
        brand_id,
        f"""SELECT toString(product) AS id, sum(quantity) AS pieces, sum(minor) AS net {_sales(scope)}
            AND line > 0 AND kind IN ('paid', 'refunded') GROUP BY id HAVING net > 0 ORDER BY net DESC, id LIMIT {int(limit)}""",
        **_bound(scope),
    )
    return [(UUID(row["id"]), int(row["pieces"]), int(row["net"])) for row in rows]


async def by_hour(warehouse: Warehouse, brand_id: UUID, scope: Scope) -> dict[int, int]:
    """Net sales per hour of the day over the scope."""
    rows = await warehouse.ask(
        brand_id,
        f"""SELECT toHour(at, {{zone:String}}) AS hour, sumIf(minor, line = 0 AND kind IN ('paid', 'refunded')) AS net
            {_sales(scope)} GROUP BY hour""",
        **_bound(scope),
    )
    return {int(row["hour"]): int(row["net"]) for row in rows}


async def together(*questions: Any) -> list[Any]:
    """Ask several questions at once."""
    return list(await asyncio.gather(*questions))


def _keyed(rows: list[dict[str, Any]], key: str) -> dict[str, dict[str, int]]:
    return {row.pop(key): {name: int(value) for name, value in row.items()} for row in rows}
