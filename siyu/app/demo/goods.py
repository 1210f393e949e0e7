"""The demo brand's range in the catalogue: categories, products with drawn pictures, pieces in the warehouse and stores."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from siyu.app.demo.drawing import Easels, Wanted
from siyu.app.demo.range import FAMILIES, RING_SIZES, TEA_SIZES, Family
from siyu.app.demo.words import english as english_of
from siyu.goods import catalogue, stock
from siyu.goods.catalogue import AttributeOut, CategoryChange, OptionIn, ProductIn, SkuIn
from siyu.kernel.db import Database, driver_of
from siyu.kernel.files import Files
from siyu.people.brands import open_stores

FIRST = {"jade": 5, "tea": 6, "antique": 4, "gold": 3, "ware": 3}
"""Products that are there before anybody signs in, by family (others: two): the shop's first page and some of the rest."""
_IN_SOME_STORES = {"gold": 9, "antique": 4, "kgold": 3}
"""Families whose pieces also lie in a few stores, each in others, and how many at most."""
_WHERE_HANDED_OUT = {"tea": 12, "ware": 6, "pearl": 5, "gift": 4, "jade": 1}
"""Families that lie in every store that hands out orders, so that a bag of several kinds can be picked up in one go."""
_ONLY_ONE = "仅此一只"


class _Stores(msgspec.Struct, frozen=True):
    """Where pieces may lie: all open stores, and those that hand out orders."""

    every: Sequence[UUID]
    handing_out: Sequence[UUID]


async def fill(
    database: Database,
    brand_id: UUID,
    files: Files,
    stores: Sequence[UUID],
    seed: int,
    told: Callable[[str], Awaitable[None]],
    *,
    first_only: bool,
) -> None:
    """Make the first products of each family, or all; ``told`` hears each new title. Again changes nothing."""
    async with database.raw(brand_id) as connection:
        known = {row["handle"] for row in await connection.fetch("select handle from products")}
    missing: list[tuple[Family, UUID, int, tuple[Any, ...]]] = []
    for position, family in enumerate(FAMILIES):
        category = await _category(database, brand_id, family, position)
        rows = family.rows[: FIRST.get(family.key, 2)] if first_only else family.rows
        missing += [
            (family, category, number, row)
            for number, row in enumerate(rows)
            if _handle(family, number) not in known
        ]
    if not missing:
        return
    async with database.brand(brand_id) as session:
        handing_out = [unit.id for unit in await open_stores(session, pick_up=True)]
    places = _Stores(stores, handing_out)
    async with Easels(2 if first_only else 1) as easels:  # later, the other core is for visitors
        drawing = [
            asyncio.create_task(easels.draw(Wanted(row[4], f"{family.code}{number}", row[5])))
            for family, _, number, row in missing
        ]
        try:
            for (family, category, number, row), picture in zip(missing, drawing, strict=True):
                product = _Drawn(family, category, number, row, await picture)
                await _add(database, brand_id, files, places, seed, product)
                await told(row[0])
        finally:
            for picture in drawing:
                picture.cancel()
            await asyncio.gather(*drawing, return_exceptions=True)


class _Drawn(msgspec.Struct, frozen=True):
    """A product to be, with its picture."""

    family: Family
    category: UUID
    number: int
    row: tuple[Any, ...]
    picture: bytes


def _handle(family: Family, number: int) -> str:
    return f"{family.key}-{number + 1:02d}"


async def _add(
    database: Database,
    brand_id: UUID,
    files: Files,
    places: _Stores,
    seed: int,
    one: _Drawn,
) -> None:
    title, english = one.row[:2]
    chance = f"{seed}/{_handle(one.family, one.number)}"
    async with database.brand(brand_id) as session:
        media = await catalogue.keep_picture(
            session,
            files,
            one.picture,
            alt={"zh-CN": f"{title}（示意图）", "en": f"{english} (illustration)"},
            generated=True,
        )
        wanted = _product(
            one.family, one.number, one.row, one.category, media.id, random.Random(chance)
        )
        product_id = await catalogue.save_product(session, None, wanted)
        if one.number == 0:
            await catalogue.save_category(session, one.category, CategoryChange(image_id=media.id))
        await _in_stores(session, one, product_id, places, random.Random(f"{chance}/stores"))


async def _category(database: Database, brand_id: UUID, family: Family, position: int) -> UUID:
    async with database.brand(brand_id) as session:
        found = await (await driver_of(session)).fetchval(
            "select id from categories where name ->> 'en' = $1 and parent_id is null",
            family.name["en"],
        )
        return found or await catalogue.save_category(
            session, None, CategoryChange(name=family.name, parent_id=None, position=position)
        )


def _product(
    family: Family,
    number: int,
    row: tuple[Any, ...],
    category: UUID,
    image_id: UUID,
    chance: random.Random,
) -> ProductIn:
    title, english, subtitle, price, _, look = row
    code = f"LY-{family.code}{number + 1:03d}"
    options, skus = _skus(family, code, price * 100, title, chance)
    return ProductIn(
        title={"zh-CN": title, "en": english},
        subtitle={"zh-CN": subtitle, "en": english_of(subtitle)},
        handle=_handle(family, number),
        description_html={
            "zh-CN": f"<p>{subtitle}。每件出厂前由两位质检员分别核对重量、成色与做工，附保养卡与售后卡。</p>"
            "<p>演示商品，图片为示意图。</p>",
            "en": f"<p>{english_of(subtitle)}. Weight, material and finish of each piece are checked twice before it leaves the workshop.</p>"
            "<p>A product of the demonstration; the picture is an illustration.</p>",
        },
        status="on_sale",
        category_ids=[category],
        tags=[family.name["zh-CN"]],
        attributes=_facts(family, subtitle, look),
        options=options,
        skus=skus,
        image_ids=[image_id],
        kind="service" if family.key == "gift" and number >= 5 else "goods",
    )


def _skus(
    family: Family, code: str, price: int, title: str, chance: random.Random
) -> tuple[list[OptionIn], list[SkuIn]]:
    def pieces() -> int:
        return max(1, round(family.stock * chance.uniform(0.5, 1.6)))

    if family.options == "ring" and "戒" in title:
        option = OptionIn(
            {"zh-CN": "圈口", "en": "Ring size"},
            [{"zh-CN": f"{s} 号", "en": f"No. {s}"} for s in RING_SIZES],
        )
        return [option], [
            SkuIn(
                code=f"{code}-{size}",
                option_values=[at],
                price_minor=price,
                weight_g=4,
                on_hand=pieces(),
            )
            for at, size in enumerate(RING_SIZES)
        ]
    if family.options == "tea" and title[-1] not in "饼茶袋":
        option = OptionIn(
            {"zh-CN": "规格", "en": "Size"}, [{"zh-CN": zh, "en": en} for _, zh, en, _ in TEA_SIZES]
        )
        return [option], [
            SkuIn(
                code=f"{code}-{grams}",
                option_values=[at],
                price_minor=price * percent // 10_000 * 100,
                weight_g=grams + 80,
                on_hand=pieces(),
            )
            for at, (grams, _, _, percent) in enumerate(TEA_SIZES)
        ]
    listed = price * 108 // 100 if family.key == "pearl" and chance.random() < 0.5 else None
    pieces_here = 1 if family.key == "jade" else pieces()
    return [], [
        SkuIn(
            code=code,
            option_values=[],
            price_minor=price,
            list_price_minor=listed,
            weight_g=120,
            on_hand=pieces_here,
        )
    ]


def _facts(family: Family, subtitle: str, look: dict[str, Any]) -> list[AttributeOut]:
    facts = [AttributeOut({"zh-CN": "系列", "en": "Line"}, family.name)]
    material = {
        "fine": {"zh-CN": "足金 999", "en": "Fine gold 999"},
        "rose": {"zh-CN": "18K 玫瑰金", "en": "18K rose gold"},
        "silver": {"zh-CN": "925 银 / 白金色", "en": "Silver / white"},
        "gold": {"zh-CN": "金", "en": "Gold"},
    }.get(str(look.get("metal", "")))
    if material:
        facts.append(AttributeOut({"zh-CN": "材质", "en": "Material"}, material))
    facts.append(
        AttributeOut(
            {"zh-CN": "说明", "en": "Note"}, {"zh-CN": subtitle, "en": english_of(subtitle)}
        )
    )
    return facts


async def _in_stores(
    session: Any, one: _Drawn, product_id: UUID, places: _Stores, chance: random.Random
) -> None:
    if most := _IN_SOME_STORES.get(one.family.key):
        chosen = chance.sample(list(places.every), min(len(places.every), 6))
    else:
        most, chosen = _WHERE_HANDED_OUT[one.family.key], places.handing_out
    if _ONLY_ONE in one.row[2]:  # it lies in the warehouse
        return
    driver = await driver_of(session)
    skus = [
        row["id"]
        for row in await driver.fetch("select id from skus where product_id = $1", product_id)
    ]
    rooms = [await stock.store_location(driver, store) for store in chosen]
    await stock.count_pieces(
        driver,
        {(sku, room): chance.randint(1, most) for room in rooms for sku in skus},
        kind="counted",
        reason="开业盘点",
    )
