"""What visitors of the demo shop did for a year: visits, product views, carts – as the tracking doors would have kept it."""

import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from siyu.app.demo.calendar import busy
from siyu.insight.warehouse import Warehouse
from siyu.insight.warehouse.tables import BEHAVIOUR_COLUMNS, NOTHING, stamp

SOURCES = (
    "wecom",
    "wechat_group",
    "official_account",
    "mini_program",
    "guide",
    "store_code",
    "wechat_moments",
    "direct",
)
WEIGHTS = (22, 14, 16, 18, 12, 8, 6, 4)
PRODUCT, CART = 0.62, 0.14
"""Share of visits that see a product, and of those that put one into the cart (DEMO, funnel of the mini-program)."""
VISITS = 280_000
ROWS_OF_A_VISIT = 1 + PRODUCT + PRODUCT * CART
CHUNK = 40_000


def rows(
    brand_id: UUID,
    days: Sequence[date],
    scale: float,
    time_zone: str,
    products: Sequence[UUID],
    stores: Sequence[UUID],
    chance: random.Random,
    until: int,
) -> Iterator[list[Any]]:
    """Rows of ``behaviour`` in the order of days. Ids are made of the seed, so that again changes nothing."""
    weights = [busy(day, "mini_program") for day in days]
    whole, zone, brand = sum(weights), ZoneInfo(time_zone), str(brand_id)
    visitors = max(50, int(90_000 * scale))
    for day, weight in zip(days, weights, strict=True):
        midnight = int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
        for number in range(round(VISITS * scale * weight / whole)):
            at = midnight + chance.randrange(28_800_000, 86_400_000)
            if at > until:
                continue
            visitor = f"demo{int(visitors * chance.random() ** 1.4)}"
            source = chance.choices(SOURCES, WEIGHTS)[0]
            store = (
                str(chance.choice(stores))
                if source in ("guide", "store_code", "wecom")
                else NOTHING
            )
            visit = f"demo-{day:%Y%m%d}-{number}"

            def row(
                step: str,
                kind: str,
                name: str,
                later: int,
                product: str = NOTHING,
                quantity: int = 0,
            ) -> list[Any]:
                return [
                    brand, f"{visit}-{step}", kind, name, stamp(at + later), stamp(at + later), visitor, NOTHING, source, "", "", store, product,
                    NOTHING, quantity, 0, "/", "{}", "demo",
                ]  # fmt: skip

            yield row("v", "page", "Home Viewed", 0)
            if chance.random() < PRODUCT:
                product = str(products[int(len(products) * chance.random() ** 1.6)])
                yield row("p", "track", "Product Viewed", 20_000, product)
                if chance.random() < CART:
                    yield row("c", "track", "Product Added", 55_000, product, 1)


async def fill(warehouse: Warehouse, stream: Iterator[list[Any]], progress: Any = None) -> int:
    """Put the rows into the warehouse, chunk by chunk; how many."""
    done = 0
    chunk: list[list[Any]] = []
    for row in stream:
        chunk.append(row)
        if len(chunk) == CHUNK:
            await warehouse.insert("behaviour", BEHAVIOUR_COLUMNS, chunk)
            done, chunk = done + len(chunk), []
            if progress:
                await progress(done)
    await warehouse.insert("behaviour", BEHAVIOUR_COLUMNS, chunk)
    return done + len(chunk)
