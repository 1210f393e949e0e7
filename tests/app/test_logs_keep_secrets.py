"""A day's work with known secrets, in real processes that log all they can; then every line is searched for them."""

import re
import secrets
from pathlib import Path

import httpx

from bench.stall import open_stall
from tests.conftest import make_brand
from tests.crash.house import House
from tests.people.staff.authenticator import STEP, Authenticator


async def _staffs_day(house: House, brand, known: set[str]) -> None:
    async with httpx.AsyncClient(
        base_url=f"http://localhost:{house.port}", trust_env=False
    ) as desk:
        wrong = "wrong-pass-" + secrets.token_hex(6)
        known |= {wrong, brand.owner_password}
        body = {"login": brand.owner_login, "password": wrong}
        assert (await desk.post("/api/console/session", json=body)).status_code == 401
        entered = await desk.post(
            "/api/console/session", json={**body, "password": brand.owner_password}
        )
        known |= {desk.cookies["siyu_staff"], entered.json()["csrf_token"]}
        desk.headers["X-CSRF-Token"] = entered.json()["csrf_token"]
        begun = (await desk.post(STEP, json={"password": brand.owner_password})).json()
        phone = Authenticator(begun["address"])
        codes = (await desk.post(f"{STEP}/confirm", json={"code": phone.code()})).json()["codes"]
        known |= {begun["secret"], *codes}
        again = await desk.post(
            "/api/console/session",
            json={**body, "password": brand.owner_password, "code": codes[0]},
        )
        assert again.status_code == 200
        made = await desk.post("/api/console/write-keys", json={"name": "till"}, headers={"X-CSRF-Token": again.json()["csrf_token"]})  # fmt: skip
        known.add(made.json()["key"])
        sent = await desk.post("/v1/track", json={"writeKey": made.json()["key"], "userId": "u-1", "event": "Product Viewed"})  # fmt: skip
        assert sent.status_code == 200
        broken = b'{"login": "x", "password": "' + wrong.encode() + b'", '
        await desk.post("/api/console/session", content=broken, headers={"content-type": "application/json"})  # fmt: skip


async def _shoppers_day(house: House, brand, known: set[str]) -> None:
    at = f"http://{brand.slug}.localhost:{house.port}"
    number = f"139{secrets.randbelow(10**8):08d}"
    known.add(number)
    transport = httpx.AsyncHTTPTransport()
    async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{house.port}", headers={"Host": at[7:]}) as shop:  # fmt: skip
        version = (await shop.get("/api/shop/shop")).json()["privacy_version"]
        guest = await shop.post("/api/shop/session/guest", json={"privacy_version": version})
        assert guest.status_code == 200, guest.text
        known |= {guest.json()["csrf_token"], *(one for one in _cookies(guest) if len(one) > 20)}
        shop.headers.update({"X-CSRF-Token": guest.json()["csrf_token"], "Cookie": guest.headers["set-cookie"].split(";")[0]})  # fmt: skip
        asked = await shop.post("/api/shop/session/code", json={"phone": number})
        assert asked.status_code == 202, asked.text
        inbox = await shop.get("/api/shop/demo-inbox", params={"phone": number})
        code = re.findall(r"\d{6}", inbox.json()["items"][0]["text"])[0]
        known.add(code)
        entered = await shop.post("/api/shop/session/verify", json={"phone": number, "code": code})
        assert entered.status_code == 200, entered.text
        known |= {one for one in _cookies(entered) if len(one) > 20}


async def _tills_day(house: House, known: set[str]) -> None:
    """Somebody orders and pays, once well and once badly; callbacks come with signatures where providers put them."""
    stall = await open_stall(house.stack, skus=1, pieces=9, buyers=1)
    buyer, sign = stall.buyers[0], {at: f"sign-{secrets.token_hex(12)}" for at in ("head", "query", "body", "word", "cut")}  # fmt: skip
    street, number = f"密巷 {secrets.token_hex(4)} 号", f"138{secrets.randbelow(10**8):08d}"
    key, reason = f"key-{secrets.token_hex(8)}", f"因 {secrets.token_hex(6)}"
    known |= {buyer.token, street, number, key, reason, *sign.values()}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{house.port}/api/shop", trust_env=False,
        headers={"Host": stall.host, "Authorization": f"Bearer {buyer.token}"},
    ) as shop:  # fmt: skip
        home = {"recipient": "林知秋", "phone": number, "district_code": "330106", "street": street}
        address = (await shop.post("/addresses", json=home)).json()["id"]
        body = {
            "lines": [{"sku_id": str(stall.skus[0]), "quantity": 1}], "delivery": "express", "address_id": address,
            "expected_total_minor": stall.total_minor, "note": reason,
        }  # fmt: skip
        placed = await shop.post("/orders", json=body, headers={"Idempotency-Key": key})
        assert placed.status_code == 201, placed.text
        begun = await shop.post(f"/orders/{placed.json()['id']}/pay")
        assert begun.status_code == 200, begun.text
        cashier = f"/cashier/{begun.json()['payment_id']}"
        signed = {"Wechatpay-Signature": sign["head"]}
        looked = await shop.get(f"{cashier}?sign={sign['query']}", headers=signed)
        refused = [
            await shop.post(cashier, json={"outcome": "pay", "sign": sign["body"]}, headers=signed),
            await shop.post(cashier, json={"outcome": sign["word"]}, headers=signed),
            await shop.post(cashier, content=f'{{"outcome": "pay", "sign": "{sign["cut"]}'),
            await shop.post("/cashier/" + sign["query"], json={"outcome": "pay"}),
        ]
        assert looked.status_code == 200 and {one.status_code // 100 for one in refused} == {4}
        paid = await shop.post(cashier, json={"outcome": "twice"}, headers=signed)
        assert paid.json()["state"] == "succeeded", paid.text
    async with house.stack.database.raw(stall.brand_id) as connection:
        known.add(await connection.fetchval("select provider_reference from payments"))


def _cookies(answer: httpx.Response) -> list[str]:
    return [one.split(";")[0].partition("=")[2] for one in answer.headers.get_list("set-cookie")]


async def test_nothing_secret_is_in_any_line_that_a_days_work_writes():
    house = House(log_level="debug")
    known: set[str] = set()
    try:
        await house.start()
        brand = await make_brand(house.stack.database)
        await _staffs_day(house, brand, known)
        await _shoppers_day(house, brand, known)
        await _tills_day(house, known)
        known |= {path.read_text().strip() for path in (house.home / "secrets").glob("*") if path.is_file()}  # fmt: skip
        await house.stop()
        logs = [house.log, *_logs(house.home)]
        said = "\n".join(path.read_text(errors="replace") for path in logs)
        assert len(known) >= 29 and all(len(one) >= 6 for one in known)
        assert "audit sealed" in said or "siyu" in said
        # Six digits alone stand in many a number: a code counts where it stands by itself.
        assert [
            one for one in known if re.search(rf"(?<![\w.]){re.escape(one)}(?![\w.])", said)
        ] == []
    finally:
        house.forget()


def _logs(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and (path.suffix == ".log" or "log" in path.parent.name)]  # fmt: skip
