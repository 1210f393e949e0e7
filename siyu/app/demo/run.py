"""Making the demo brand: a slice in seconds, so that one can sign in; the year as a visible job."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from siyu.app.demo import behaviour, goods, house, live, year
from siyu.app.demo.range import FAMILIES
from siyu.app.demo_made import JOB, OWNER, SLUG, Made, password_in
from siyu.goods import catalogue, pricing, stock
from siyu.kernel import clock, jobs
from siyu.kernel.db import Database, driver_of
from siyu.kernel.directory import brand_named
from siyu.kernel.jobs import Work
from siyu.people.brands import create_brand, open_stores
from siyu.people.customers import NewCustomer, Touch, join_customers
from siyu.scenes.links.rules import Target
from siyu.scenes.storefront import rules as blocks
from siyu.scenes.storefront import set_page

SEED = 2026
MEMBERS = 60_000
SLICE_MEMBERS = 400


async def make(
    runtime: Any,
    *,
    members: int = MEMBERS,
    seed: int = SEED,
    until: datetime | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Made:
    """The demo brand, made if it is not there; its year, up to now or ``until``, is asked for as a job. Again changes nothing."""
    until = until or clock.now()
    database: Database = runtime.database
    password, owner = password_in(runtime.settings.home), OWNER
    async with database.dispatcher() as connection:
        brand_id = await brand_named(connection, "slug", SLUG)
    if brand_id is None:
        say("brand")
        made = await create_brand(
            database, slug=SLUG, name={"zh-CN": "澜玉", "en": "Lanyu"}, owner_login=owner, owner_password=password,
            owner_name="沈默", is_demo=True,
        )  # fmt: skip
        brand_id = made.brand_id
    state = await _state(database, brand_id)
    if state == "ready":
        return Made(brand_id, SLUG, owner, password, fresh=False)
    async with database.brand(brand_id) as session:
        driver = await driver_of(session)
        if not await driver.fetchval("select 1 from units where kind = 'store' limit 1"):
            say("stores and staff")
            await house.build(session, SLUG, password, random.Random(f"{seed}/house"))
    async with database.brand(brand_id) as session:
        stores = [unit.id for unit in await open_stores(session)]
    say("products")

    async def told(title: str) -> None:
        say(title)

    await goods.fill(database, brand_id, runtime.files, stores, seed, told, first_only=True)
    say("shop")
    await _freight(database, brand_id)
    await _home(database, brand_id)
    await _people(database, brand_id, SLICE_MEMBERS, seed, members, until)
    async with database.brand(brand_id) as session:
        job_id = await jobs.start(
            session,
            JOB,
            {"members": members, "seed": seed, "until": until.isoformat()},
            {"zh-CN": "生成演示品牌的一年", "en": "Making a year of the demo brand"},
        )
    return Made(brand_id, SLUG, owner, password, fresh=True, job_id=job_id)


async def _state(database: Database, brand_id: UUID) -> str:
    async with database.brand(brand_id) as session:
        found = await (await driver_of(session)).fetchval(
            "select 1 from jobs where kind = $1 limit 1", JOB
        )
    return "ready" if found else "begun"


async def _freight(database: Database, brand_id: UUID) -> None:
    async with database.brand(brand_id) as session:
        if not (await pricing.templates(session)):
            rules = [
                pricing.FreightRule(
                    region_codes=("54", "65"),
                    first_g=1000,
                    first_minor=2_500,
                    next_g=1000,
                    next_minor=1_200,
                    free_from_minor=29_900,
                ),
                pricing.FreightRule(
                    region_codes=(),
                    first_g=1000,
                    first_minor=1_200,
                    next_g=1000,
                    next_minor=500,
                    free_from_minor=9_900,
                ),
            ]
            await pricing.save_template(
                session,
                None,
                name={"zh-CN": "全国包邮满 99 元", "en": "Free from ¥99"},
                is_default=True,
                rules=rules,
            )


async def _home(database: Database, brand_id: UUID) -> None:
    """The shop's first page, as a brand owner would lay it out."""
    async with database.brand(brand_id) as session:
        driver = await driver_of(session)
        if await driver.fetchval("select 1 from shop_pages"):
            return
        category = {
            r["name"]: r["id"]
            for r in await driver.fetch("select id, name->>'en' as name from categories")
        }
        rows = await driver.fetch("select handle, id from products")
        product = {row["handle"]: row["id"] for row in rows}
        titles = await catalogue.titles(session, list(product.values()))

        def picture(handle: str) -> UUID | None:
            return titles[product[handle]].image_id if handle in product else None

        def source(name: str, limit: int) -> blocks.ProductSource:
            return blocks.ProductSource("category", category_id=category[name], limit=limit)

        await set_page(
            session,
            "home",
            [
                blocks.Banner(
                    "hero",
                    [
                        blocks.BannerItem(
                            {"zh-CN": "水色\n初成", "en": "Colour\nof water"},
                            picture("jade-02"),
                            {"zh-CN": "小雪新作", "en": "New this winter"},
                            {
                                "zh-CN": "冰种晴水手镯\n一镯一证，仅此一只",
                                "en": "An icy jade bangle\nwith its own certificate",
                            },
                            Target("product", str(product.get("jade-02", ""))),
                            {"zh-CN": "看这一只", "en": "See it"},
                        )
                    ],
                ),
                blocks.Categories(
                    "ways", [category[n] for n in ("Jade", "Gold", "Tea", "Tea ware")]
                ),
                blocks.ProductRow(
                    "new",
                    {"zh-CN": "刚到店", "en": "Just in"},
                    source("Jade", 10),
                ),
                blocks.TextImage(
                    "story",
                    {"zh-CN": "茶事", "en": "Tea matters"},
                    {
                        "zh-CN": "明前、正岩、老丛。每一罐写明山场、批次与火功。",
                        "en": "First flush, true cliffs, old bushes. Every tin names its hill, batch and roast.",
                    },
                    picture("tea-01"),
                    "right",
                ),
                blocks.ProductGrid("tea", {"zh-CN": "名茶", "en": "Tea"}, source("Tea", 6)),
                blocks.ProductGrid(
                    "gold", {"zh-CN": "古法金", "en": "Antique gold"}, source("Antique gold", 4)
                ),
                blocks.Store("stores", {"zh-CN": "到店看看", "en": "Visit a store"}),
            ],
        )


async def _people(
    database: Database,
    brand_id: UUID,
    upto: int,
    seed: int,
    members: int,
    until: datetime,
    progress: Any = None,
) -> None:
    """Members number 0 to ``upto``, in chunks; those that are there are left alone. Phones begin with 140, which no handset has (machines only)."""
    async with database.brand(brand_id) as session:
        driver = await driver_of(session)
        have = int(
            await driver.fetchval("select coalesce(max(last_seq), 0) from customer_counters") or 0
        )
        stores = [unit.id for unit in await open_stores(session)]
    for start in range(have, upto, 2000):
        chunk: list[NewCustomer] = []
        for number in range(start, min(start + 2000, upto)):
            chance = random.Random(f"{seed}/member/{number}")
            age = 1 - min(1.0, number / max(members, 1)) ** 0.8
            joined = until - timedelta(days=400 * age + 2, seconds=chance.randrange(86_400))
            store = chance.choice(stores)
            chunk.append(
                NewCustomer(
                    phone=f"140{number:08d}",
                    name=house.person_name(chance),
                    joined_at=joined,
                    touch=Touch(
                        source=chance.choice(
                            ("store_code", "guide", "mini_program", "official_account", "wecom")
                        ),
                        store_id=store,
                    ),
                )
            )
        async with database.brand(brand_id) as session:
            await join_customers(session, chunk, origin="demo")
        if progress:
            await progress(min(start + 2000, upto))


@jobs.job(JOB)
async def make_year(work: Work, args: dict[str, Any]) -> dict[str, Any]:
    """The rest of the demo: all products, members, a year of orders and behaviour. Goes on where it was when it is repeated."""
    database, brand_id, seed, members = (
        work.database,
        work.brand_id,
        int(args["seed"]),
        int(args["members"]),
    )
    scale = members / MEMBERS
    until = datetime.fromisoformat(
        args["until"]
    )  # what is drawn must not depend on when it is repeated
    async with database.brand(brand_id) as session:
        units = await open_stores(session)
        stores = [unit.id for unit in units]
        made = int(await (await driver_of(session)).fetchval("select count(*) from products") or 0)
    whole = sum(len(family.rows) for family in FAMILIES)

    async def drawn(_: str) -> None:
        nonlocal made
        made += 1
        await work.progress(made, whole, {"zh-CN": "画商品", "en": "Drawing products"})

    await goods.fill(database, brand_id, work.files, stores, seed, drawn, first_only=False)

    async def joined(done: int) -> None:
        await work.progress(done, members, {"zh-CN": "会员入会", "en": "Members joining"})

    await _people(database, brand_id, members, seed, members, until, joined)
    orders = await _orders(work, scale, seed, stores, until)
    visits = await _visits(work, scale, seed, stores, until)
    await live.fill(database, brand_id, seed)
    return {"products": whole, "members": members, "orders": orders, "behaviour": visits}


def _days(time_zone: str, until: datetime) -> list[Any]:
    today = until.astimezone(ZoneInfo(time_zone)).date()
    return [today - timedelta(days=back) for back in range(364, -1, -1)]


async def _orders(work: Work, scale: float, seed: int, stores: list[UUID], until: datetime) -> int:
    database, brand_id = work.database, work.brand_id
    async with database.raw(brand_id) as connection:
        skus = await _shelves(connection)
        online = await stock.online_location(connection)
        rooms = {store: await stock.store_location(connection, store) for store in stores}
        rows = await connection.fetch(
            "select id, joined_at, store_id from customers order by joined_at"
        )
        staff = await connection.fetch(
            "select s.unit_id, s.id from staff s join staff_roles r on r.staff_id = s.id where r.role = 'guide' order by s.login"
        )
    buyers = [year.Buyer(row["id"], row["joined_at"], row["store_id"]) for row in rows]
    guides: dict[UUID, list[UUID]] = {}
    for row in staff:
        guides.setdefault(row["unit_id"], []).append(row["id"])
    total = round(sum(channel.orders for channel in year.CHANNELS) * scale)
    zone, done = "Asia/Shanghai", 0

    async def fill(channels: Sequence[year.Channel]) -> None:
        nonlocal done
        for channel in channels:
            chance = random.Random(f"{seed}/orders/{channel.source}")
            stream = year.orders_of(
                channel,
                _days(zone, until),
                scale,
                zone,
                *skus,
                buyers,
                stores,
                guides,
                chance,
                until,
            )
            while chunk := list(islice(stream, year.CHUNK)):
                written = await _write(database, brand_id, chunk, online, rooms)
                done += written
                await work.progress(done, total, {"zh-CN": "一年的订单", "en": "A year of orders"})

    # Side by side: one draws while the other one's rows are written.
    halves = [asyncio.create_task(fill(part)) for part in (year.CHANNELS[:1], year.CHANNELS[1:])]
    try:
        await asyncio.gather(*halves)
    finally:
        for half in halves:
            half.cancel()
        await asyncio.gather(*halves, return_exceptions=True)
    return done


async def _write(
    database: Database,
    brand_id: UUID,
    chunk: list[year.Sold],
    online: UUID,
    rooms: dict[UUID, UUID],
) -> int:
    """Write the orders of a chunk whose numbers are not there yet (numbers follow from the seed); how many."""
    async with database.raw(brand_id) as connection:
        known = {
            row["number"]
            for row in await connection.fetch(
                "select number from orders where number = any($1)", [one.number for one in chunk]
            )
        }
        fresh = list({one.number: one for one in chunk if one.number not in known}.values())
        if fresh:
            await year.write(connection, fresh, online, rooms)
    return len(fresh)


async def _shelves(connection: Any) -> tuple[year.Shelf, year.Shelf]:
    rows = await connection.fetch(
        "select s.id, p.handle from skus s join products p on p.id = s.product_id"
    )
    tea = {row["id"] for row in rows if row["handle"].startswith(("tea-", "ware-", "gift-"))}
    sellable = await catalogue.sellable(connection, [row["id"] for row in rows])
    return (
        year.Shelf([one for one in sellable.values() if one.sku_id not in tea]),
        year.Shelf([one for one in sellable.values() if one.sku_id in tea]),
    )


async def _visits(work: Work, scale: float, seed: int, stores: list[UUID], until: datetime) -> int:
    async with work.database.raw(work.brand_id) as connection:
        products = [
            row["id"] for row in await connection.fetch("select id from products order by handle")
        ]
    random.Random(seed).shuffle(products)
    zone = "Asia/Shanghai"
    stream = behaviour.rows(
        work.brand_id,
        _days(zone, until),
        scale,
        zone,
        products,
        stores,
        random.Random(f"{seed}/visits"),
        int(until.timestamp() * 1000),
    )

    expected = round(behaviour.VISITS * scale * behaviour.ROWS_OF_A_VISIT)

    async def progress(done: int, whole: int = expected) -> None:
        await work.progress(done, whole, {"zh-CN": "一年的浏览", "en": "A year of visits"})

    made = await behaviour.fill(work.runtime.parts["warehouse"], stream, progress)
    await progress(made, made)
    return made
