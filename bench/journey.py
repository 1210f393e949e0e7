"""A whole journey: a stranger becomes a customer, fills the cart, writes an address, gets a quote, orders and pays.

It is played in the load generator's process, so it imports nothing of the house.
"""

import re
import time
from typing import Any

from bench.load import Line, Run, request

STEPS = "guest, code, inbox, sign in, add to cart, cart, address, quote, place, pay, cashier"


async def shop_until(run: Run, line: Line, facts: dict[str, Any]) -> None:
    """One shopper after the other until the run closes; a journey counts as one answer, 200 if all of it went well."""
    number = 0
    while time.perf_counter() < run.closes:
        number += 1
        began = time.perf_counter()
        try:
            await _one(run, line, facts, str(facts["first_phone"] + number))
        except (_Refused, ConnectionError) as refused:
            run.answered(500, began, str(refused).encode())
            if isinstance(refused, ConnectionError):
                run.lost += 1
                return
        else:
            run.answered(200, began, b"")


class _Refused(Exception):
    """A step was not answered as it should."""


async def _one(run: Run, line: Line, facts: dict[str, Any], phone: str) -> None:
    token = ""

    async def step(method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        status, answer = await line.call(
            request(method, facts["host"], f"/api/shop{path}", body, token=token, key=key)
        )
        if status >= 300:
            raise _Refused(f"{method} {path}: {status} {answer}")
        return answer

    wanted = [{"sku_id": facts["sku_id"], "quantity": 1}]
    token = (await step("POST", "/session/guest", {"privacy_version": facts["privacy_version"]}))[
        "token"
    ]
    await step("POST", "/session/code", {"phone": phone})
    message = (await step("GET", f"/demo-inbox?phone={phone}"))["items"][0]["text"]
    code = re.findall(r"\d{6}", message)[0]
    token = (await step("POST", "/session/verify", {"phone": phone, "code": code}))["token"]
    await step("POST", "/cart/add", wanted[0])
    await step("GET", "/cart")
    address = {
        "recipient": "王小明",
        "phone": phone,
        "district_code": facts["district"],
        "street": "文三路 100 号",
    }
    address_id = (await step("POST", "/addresses", address))["id"]
    quote = await step(
        "POST",
        "/quote",
        {"lines": wanted, "delivery": "express", "district_code": facts["district"]},
    )
    order = {
        "lines": wanted, "delivery": "express", "address_id": address_id, "expected_total_minor": quote["total_minor"],
        "from_cart": True,
    }  # fmt: skip
    placed = await step("POST", "/orders", order, key=run.key().decode())
    payment = await step("POST", f"/orders/{placed['id']}/pay", key=run.key().decode())
    paid = await step("POST", f"/cashier/{payment['payment_id']}", {"outcome": "pay"})
    if paid["state"] != "succeeded":
        raise _Refused(f"paid: {paid}")
