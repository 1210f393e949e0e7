"""The brand of a simulation on its first morning: goods on the shelf, a store that hands out, a link, the owner at the desk."""

import csv
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from siyu.app.simulate.book import Book, Wrong
from siyu.app.simulate.house import Host, House
from siyu.goods import catalogue, stock
from siyu.kernel import clock
from siyu.people import brands

OWNER, PASSWORD = "owner@sim", "a kettle on the boil"
DISTRICTS = ("330106", "110101", "440106")
GOODS = (
    ("tin", 8_850, 60), ("cup", 12_800, 40), ("tray", 25_900, 25), ("pot", 69_900, 12), ("stone", 999, 90),
    ("hot", 19_900, 6),
)  # fmt: skip
"""Code, price, and pieces in the warehouse; the last one is what everybody wants."""
IN_STORE = {"tin": 8, "cup": 4, "hot": 2}


class Shop(msgspec.Struct):
    """What actors know of the brand."""

    skus: dict[str, str]
    """Ids by code."""
    products: dict[str, str]
    warehouse: str
    store: str
    store_location: str
    write_key: str
    privacy_version: str
    links: list[str] = []


async def open_shop(house: House, book: Book) -> Shop:
    """Make the brand, and write into the book what lies where. Raises ``Wrong`` when the house refuses any of it."""
    database = house.database
    made = await brands.create_brand(
        database, slug="sim", name={"zh-CN": "模拟", "en": "Simulated"}, owner_login=OWNER, owner_password=PASSWORD,
    )  # fmt: skip
    house.brand_id, house.shop, house.console = (
        made.brand_id,
        Host("sim.localhost"),
        Host("localhost"),
    )
    await _take_goods_in(house)
    facts = await brands.brand_facts(database, made.brand_id)
    async with database.brand(made.brand_id) as session:
        warehouse = await stock.online_location(session)
        top = await brands.hq(session)
    await arrive_at_desk(house)
    store = await told(
        house, "POST", "/units",
        {
            "parent_id": str(top.id), "kind": "store", "code": "s1", "name": {"zh-CN": "湖滨店", "en": "Lakeside"},
            "store": {"address": "延安路 1 号", "district_code": "330106", "phone": "0571-1", "pick_up": True},
        },
    )  # fmt: skip
    await house.work()  # the store's stock room opens by an event
    rows = await house.rows(
        "select s.id, s.code, s.product_id from skus s join products p on p.id = s.product_id"
    )
    skus = {row["code"]: str(row["id"]) for row in rows}
    rooms = (await told(house, "GET", "/locations"))["items"]
    room = next(one["id"] for one in rooms if one["kind"] == "store")
    for code, price_minor, pieces in GOODS:
        book.prices[skus[code]] = price_minor
        book.on_hand[skus[code], str(warehouse)] = pieces
    for code, pieces in IN_STORE.items():
        counted = {"sku_id": skus[code], "location_id": room, "counted": pieces}
        await told(house, "POST", "/stock/adjust", counted, key=f"open-{code}")
        book.on_hand[skus[code], room] = pieces
    link = {"target": {"kind": "page", "id": "home"}, "source": "wechat_moments", "scene": "autumn"}
    codes = [
        (await told(house, "POST", "/links", {**link, "scene": f"s{n}"}, key=f"link-{n}"))["code"]
        for n in range(2)
    ]
    return Shop(
        skus, {row["code"]: str(row["product_id"]) for row in rows}, str(warehouse), store["id"], room, facts.write_key,
        facts.privacy_version, codes,
    )  # fmt: skip


async def _take_goods_in(house: House) -> None:
    rows = [
        {"handle": code, "title": f"{code} 茶器", "title_en": code, "sku": code, "price": f"{price // 100}.{price % 100:02d}",
         "stock": pieces, "status": "on_sale"}
        for code, price, pieces in GOODS
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "goods.csv"
        path.write_text(table_of(rows), encoding="utf-8")
        result = await catalogue.run_import(house.database, house.brand_id, path)
    if result.rejected:
        raise Wrong(f"the goods were refused: {result.rejected[:3]}")


def table_of(rows: list[dict[str, Any]]) -> str:
    """Rows as a table that the house takes in."""

    class Text(list[str]):
        def write(self, line: str) -> None:
            self.append(line)

    text = Text()
    writer = csv.DictWriter(text, rows[0])  # pyright: ignore[reportArgumentType] - it only writes
    writer.writeheader()
    writer.writerows(rows)
    return "".join(text)


async def arrive_at_desk(house: House) -> None:
    """The owner signs in; sessions end after half a day of rest."""
    signing = {"login": OWNER, "password": PASSWORD}
    answer = await house.ask(Host("localhost"), "POST", "/api/console/session", signing)
    if answer.status >= 300:
        raise Wrong(f"the owner cannot sign in: {answer.body}")
    cookie = answer.headers["set-cookie"].split(";", 1)[0]
    house.desk_since = clock.now()
    house.console = Host("localhost", {"cookie": cookie, "x-csrf-token": answer.body["csrf_token"]})


async def told(
    house: House, method: str, path: str, body: Any = None, *, key: str = "", **more: Any
) -> Any:
    """What the console answers to something that it must not refuse."""
    answer = await house.ask(house.console, method, f"/api/console{path}", body, key=key, **more)
    if answer.status >= 300:
        raise Wrong(f"{method} {path}: {answer.status} {answer.body}")
    return answer.body
