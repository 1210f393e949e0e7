"""A brand with rows of every kind, made through the doors that people use; all its texts carry one secret word."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from siyu.goods import stock
from siyu.kernel import clock
from siyu.kernel.db import Base
from siyu.kernel.events import listeners
from siyu.kernel.ids import new_id
from tests.conftest import Brand, make_brand, sign_in
from tests.goods.catalogue.conftest import picture, simple
from tests.goods.orders.conftest import Shopper, Stall, keyed
from tests.people.staff.authenticator import enrolled

PASSWORD = "left horse 8 gallops"
IMPORT = "handle,title,price,stock,status\nimp-{n},{word},9.90,3,on_sale\n"
RULE = {
    "region_codes": [],
    "first_g": 1000,
    "first_minor": 800,
    "next_g": 1000,
    "next_minor": 200,
    "free_from_minor": None,
}


class Estate:
    """What a test holds of a brand. ``ids`` has one of every kind; ``word`` stands in all its texts."""

    def __init__(self, app: Any, database: Any, runtime: Any, brand: Brand) -> None:
        self.app, self.database, self.runtime, self.brand = app, database, runtime, brand
        self.word = f"密{secrets.token_hex(5)}"
        self.stall = Stall(app, database, brand)
        self.ids: dict[str, Any] = {"brand": brand.id.hex}
        self.console: Any = None
        self.shopper: Shopper
        self.other_shopper: Shopper

    async def say(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Ask as the owner; the answer's body."""
        answer = await self.console.request(method, f"/api/console{path}", json=body, **more)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    async def order(self, shopper: Shopper | None = None, *, pick_up: bool = False) -> str:
        """Place an order; its id."""
        shopper = shopper or self.shopper
        goods = {UUID(self.ids["sku"]): 2}
        where: dict[str, Any] = (
            {"delivery": "pick_up", "store_id": self.ids["unit"], "address_id": None}
            if pick_up
            else {}
        )
        asked = {
            "lines": [{"sku_id": self.ids["sku"], "quantity": 2}],
            "delivery": "express",
            "district_code": "330106",
            "store_id": None,
        } | {name: value for name, value in where.items() if name != "address_id"}
        priced = await shopper.http.post("/api/shop/quote", json=asked)
        assert priced.status_code == 200, priced.text
        placed = await shopper.ordered(goods, priced.json()["total_minor"], note=self.word, **where)
        return placed["id"]

    async def paid(self, shopper: Shopper | None = None, **more: Any) -> str:
        """A paid order; its id."""
        order_id = await self.order(shopper, **more)
        await (shopper or self.shopper).pay(order_id)
        return order_id

    async def line(self, order_id: str) -> str:
        """The line of an order."""
        return (await self.say("GET", f"/orders/{order_id}"))["lines"][0]["id"]

    async def ship(self, order_id: str) -> str:
        """Send an order whole; its parcel's id."""
        body = {
            "lines": [{"line_id": await self.line(order_id), "quantity": 2}],
            "carrier": "SF",
            "tracking_number": f"SF{secrets.randbelow(10**12):012d}",
        }
        shipped = await self.say("POST", f"/orders/{order_id}/parcels", body, headers=keyed())
        return shipped["parcels"][0]["id"]

    async def picture(self) -> None:
        """Upload a picture of one's own (its bytes differ from everybody's)."""
        shade = 200 + secrets.randbelow(400)
        answer = await self.console.post(
            "/api/console/media",
            files={"file": ("a.jpg", picture(shade, 150 + secrets.randbelow(200)))},
            params={"alt": self.word},
        )
        assert answer.status_code == 201, answer.text
        self.ids["media"] = answer.json()["id"]
        async with self.database.raw(self.brand.id) as connection:
            self.ids["picture"] = await connection.fetchval(
                "select hash from media where id = $1", UUID(self.ids["media"])
            )

    async def upload(self) -> str:
        """A file of products that was handed in; its id."""
        content = IMPORT.format(n=secrets.token_hex(4), word=self.word).encode()
        answer = await self.console.post(
            "/api/console/imports", files={"file": (f"{self.word}.csv", content)}
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def snapshot(self) -> dict[str, str]:
        """A digest of every table's rows of this brand."""
        found = {}
        async with self.database.raw(self.brand.id) as connection:
            for name in sorted(Base.metadata.tables):
                found[name] = await connection.fetchval(
                    f"select count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {name} t"
                )
        return found

    async def close(self) -> None:
        """Hang up."""
        await self.console.aclose()
        await self.stall.close()


async def open_estate(app: Any, database: Any) -> Estate:
    """A fresh brand with everything."""
    estate = Estate(app, database, app.runtime, await make_brand(database))
    estate.console = await sign_in(app, estate.brand)
    for fill in (_goods, _people, _orders, _scenes, _machine_room):
        await fill(estate)
    return estate


async def _goods(e: Estate) -> None:
    word, ids = e.word, e.ids
    await e.picture()
    ids["hq"] = (await e.say("GET", "/units"))["items"][0]["id"]
    region = {"parent_id": ids["hq"], "kind": "region", "code": "east", "name": {"zh-CN": word}}
    ids["region"] = (await e.say("POST", "/units", region))["id"]
    ids["unit"] = str(await e.stall.store("hz01"))
    ids["unit_moved"] = str(await e.stall.store("hz02"))
    async with e.database.brand(e.brand.id) as session:
        ids["location"] = str(await stock.online_location(session))
    for name in ("category", "category_below", "category_empty"):
        body = {"name": {"zh-CN": f"{word}{name}"}, "image_id": ids["media"]}
        ids[name] = (await e.say("POST", "/categories", body))["id"]
    template = {"name": {"zh-CN": word}, "is_default": False, "rules": [RULE]}
    ids["template"] = (await e.say("POST", "/freight-templates", template))["id"]
    linked = {
        "category_ids": [ids["category"]],
        "image_ids": [ids["media"]],
        "freight_template_id": ids["template"],
        "handle": f"h-{secrets.token_hex(6)}",
    }
    product = await e.say("POST", "/products", simple(f"玉镯{word}", on_hand=500, **linked))
    ids["product"], ids["handle"] = product["id"], product["handle"]
    ids["sku"], ids["sku_code"] = product["skus"][0]["id"], product["skus"][0]["code"]
    spare = await e.say("POST", "/products", simple(f"玉佩{word}", on_hand=5))
    ids["product_spare"] = spare["id"]
    await e.stall.count(UUID(ids["sku"]), 100, store_id=UUID(ids["unit"]))
    price = {"items": [{"sku_id": ids["sku"], "price_minor": 1890}]}
    await e.say("PUT", f"/store-prices/{ids['unit']}", price)


async def _people(e: Estate) -> None:
    e.shopper, e.other_shopper = (
        await e.stall.shopper(f"王{e.word}"),
        await e.stall.shopper(f"李{e.word}"),
    )
    e.ids["customer"], e.ids["address"] = str(e.shopper.id), str(e.shopper.address_id)
    extra = await e.shopper.http.post(
        "/api/shop/addresses",
        json={"recipient": e.word, "phone": e.shopper.phone, "district_code": "330106", "street": e.word, "is_default": False},
    )  # fmt: skip
    e.ids["address_spare"] = extra.json()["id"]
    await e.shopper.http.put(f"/api/shop/cart/{e.ids['sku']}", json={"quantity": 2})
    e.ids["role"] = f"r{secrets.token_hex(4)}"
    await e.say(
        "PUT",
        f"/roles/{e.ids['role']}",
        {"name": {"zh-CN": e.word}, "permissions": [], "masks": []},
    )
    for name in ("staff", "staff_changed", "staff_entered"):
        person = {
            "login": f"{name}@{e.brand.slug}",
            "name": f"员{e.word}",
            "roles": [e.ids["role"]],
            "unit_id": e.ids["unit"],
            "password": PASSWORD,
        }
        e.ids[name] = (await e.say("POST", "/staff", person))["staff"]["id"]
    await _browsers(e)


async def _browsers(e: Estate) -> None:
    """Somebody with a second step, and second browsers to be signed out."""
    changed = await sign_in(e.app, e.brand, f"staff_changed@{e.brand.slug}", PASSWORD)
    await enrolled(changed, PASSWORD)
    entered = await sign_in(e.app, e.brand, f"staff_entered@{e.brand.slug}", PASSWORD)
    other = await sign_in(e.app, e.brand)
    for name, client in (("session_entered", entered), ("session", other)):
        listed = (await client.get("/api/console/sessions")).json()["items"]
        e.ids[name] = next(one["id"] for one in listed if one["current"])
    for client in (changed, entered, other):
        await client.aclose()


async def _orders(e: Estate) -> None:
    ids = e.ids
    for name in ("unpaid", "priced", "given_up", "for_paying"):
        ids[f"order_{name}"] = await e.order()
    for name in ("paid", "cancelled", "refunded", "shipped", "received", "parcelled"):
        ids[f"order_{name}"] = await e.paid()
    ids["order_pick_up"] = await e.paid(pick_up=True)
    ids["payment"] = await e.shopper.start_paying(ids["order_unpaid"])
    await e.stall.settle()
    await _failed_notice(e)
    for name in ("paid", "priced", "refunded", "parcelled"):
        ids[f"line_{name}"] = await e.line(ids[f"order_{name}"])
    ids["parcel"] = await e.ship(ids["order_shipped"])
    ids["parcel_received"] = await e.ship(ids["order_received"])
    refund = {"lines": [{"line_id": ids["line_refunded"], "quantity": 1}], "reason": e.word}
    await e.say("POST", f"/orders/{ids['order_refunded']}/refunds", refund, headers=keyed())
    await _failed_refund(e)
    await e.say("POST", f"/orders/{ids['order_paid']}/notes", {"text": e.word}, headers=keyed())
    shown = await e.say("GET", f"/orders/{ids['order_pick_up']}")
    ids["pick_up_code"] = shown["pick_up_code"]
    view = {"name": e.word[:20], "query": {"q": e.word}, "page": "orders"}
    ids["view"] = (await e.say("POST", "/views", view))["id"]


async def _failed_notice(e: Estate) -> None:
    """A notice that the provider refused."""
    async with e.database.raw(e.brand.id) as connection:
        sql = "update notices set state = 'failed' where key = $1 returning id"
        key = f"order_paid/{e.ids['order_paid']}"
        e.ids["notice_kind_at"], e.ids["notice_locale_at"] = "order_paid", "en"
        e.ids["notice_failed"] = str(await connection.fetchval(sql, key))


async def _failed_refund(e: Estate) -> None:
    """A refund that the provider refused."""
    order_id = e.ids["order_refund_failed"] = await e.paid()
    refund = {"lines": [{"line_id": await e.line(order_id), "quantity": 1}], "reason": e.word}
    shown = await e.say("POST", f"/orders/{order_id}/refunds", refund, headers=keyed())
    e.ids["refund_failed"] = shown["refunds"][0]["id"]
    async with e.database.raw(e.brand.id) as connection:
        for table, column in (("order_refunds", "id::text"), ("payment_refunds", "key")):
            sql = f"update {table} set state = 'failed' where {column} = $1"
            await connection.execute(sql, e.ids["refund_failed"])


async def _scenes(e: Estate) -> None:
    ids = e.ids
    link = {
        "target": {"kind": "product", "id": ids["product"]},
        "source": "wechat_group",
        "store_id": ids["unit"],
        "staff_id": ids["staff"],
        "note": e.word,
    }
    made = await e.say("POST", "/links", link, headers=keyed())
    ids["link"], ids["link_code"] = made["id"], made["code"]
    version = (await e.say("GET", "/pages/home"))["draft_version"]
    await e.say("PUT", "/pages/home/draft", {"blocks": blocks(e), "version": version})
    await e.say("POST", "/pages/home/publish")
    start = (clock.now() + timedelta(days=1)).isoformat()
    changed = [{**one, "title": {"zh-CN": e.word + "2"}} if "title" in one else one for one in blocks(e)]  # fmt: skip
    await e.say("PUT", "/pages/home/draft", {"blocks": changed, "version": version + 1})
    page = await e.say("POST", "/pages/home/schedule", {"starts_at": start, "version": version + 2})
    ids["page_planned"] = page["planned"][0]["id"]
    ids["setting_at"] = "orders.unpaid_timeout"
    dated = {"value": 45, "reason": e.word, "version": 0, "starts_at": start}
    shown = await e.say("POST", f"/effective/{ids['setting_at']}", dated)
    ids["dated"] = shown["planned"][0]["id"]
    ids["write_key_name"] = f"k-{secrets.token_hex(4)}"
    ids["write_key"] = (await e.say("POST", "/write-keys", {"name": ids["write_key_name"]}))["key"]
    await e.shopper.http.post("/api/shop/session/code", json={"phone": e.shopper.phone})


def blocks(e: Estate) -> list[dict[str, Any]]:
    """A page with every kind of block."""
    ids, text = e.ids, {"zh-CN": e.word}
    link = {"kind": "product", "id": ids["product"]}
    return [
        {"type": "banner", "id": "b1", "items": [{"title": text, "image_id": ids["media"], "link": link}]},
        {"type": "categories", "id": "b2", "category_ids": [ids["category"]]},
        {"type": "product_row", "id": "b3", "title": text, "source": {"kind": "ids", "ids": [ids["product"]]}},
        {"type": "product_grid", "id": "b4", "title": text, "source": {"kind": "category", "category_id": ids["category"]}},
        {"type": "text_image", "id": "b5", "title": text, "text": text, "image_id": ids["media"]},
        {"type": "store", "id": "b6", "title": text, "unit_ids": [ids["unit"]]},
    ]  # fmt: skip


async def _machine_room(e: Estate) -> None:
    ids = e.ids
    ids["import"], ids["import_new"] = await e.upload(), await e.upload()
    begun = {"format": "siyu", "save_mapping_as": e.word}
    ids["job"] = (await e.say("POST", f"/imports/{ids['import']}/start", begun))["id"]
    await e.stall.settle()
    async with e.database.raw(e.brand.id) as connection:
        for name, state in (("job_failed", "failed"), ("job_done", "done")):
            ids[name] = str(new_id())
            key = f"{e.brand.id}/jobs/{ids[name]}.csv"
            await e.runtime.files.put(key, e.word.encode())
            await connection.execute(
                """insert into jobs (id, kind, title, state, args, step, done, failed, result, report_key, attempts,
                                     created_by, created_at)
                   values ($1, 'tests.none', $2, $3, '{}', '{}', 0, 0, '{}', $4, 0, $5, now())""",
                UUID(ids[name]), {"zh-CN": e.word}, state, key, e.word,
            )  # fmt: skip
        said = await connection.fetch("select seq, subject, kind from events order by seq")
        heard = [
            (row, one)
            for row in said
            for one in listeners.values()
            if row["kind"] in one.kinds and not one.outside
        ]
        picked: dict[UUID, Any] = {row["subject"]: (row, one) for row, one in heard}
        for name, (row, listener) in zip(
            ("parked", "parked_dropped"), list(picked.values())[-2:], strict=True
        ):
            ids[name], ids[f"{name}_at"] = str(row["subject"]), listener.name
            await connection.execute(
                """insert into parked_events (listener, seq, subject, kind, error, attempts, parked_at)
                   values ($1, $2, $3, $4, $5, 1, now())""",
                listener.name, row["seq"], row["subject"], row["kind"], e.word,
            )  # fmt: skip
