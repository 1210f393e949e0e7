"""Whole journeys: a stranger becomes a customer, fills the cart, writes an address, gets a quote, orders and pays.

``shop_until`` runs in the load generator's process, the rest in the bench.
"""

import re
import time
from collections import Counter
from typing import Any

import msgspec

from bench.load import Line, Plan, Run, drive, request
from bench.report import Figure, Report, Usage, load_average
from bench.stack import Stack
from bench.stall import DISTRICT, open_stall
from siyu.kernel.checks import run_checks

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


class _Refused(Exception):  # noqa: N818
    """A step was not answered as it should."""


async def _one(run: Run, line: Line, facts: dict[str, Any], phone: str) -> None:
    token = ""

    async def step(method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        status, answer = await line.call(request(method, facts["host"], f"/api/shop{path}", body, token=token, key=key))
        if status >= 300:
            raise _Refused(f"{method} {path}: {status} {answer}")
        return answer

    wanted = [{"sku_id": facts["sku_id"], "quantity": 1}]
    token = (await step("POST", "/session/guest", {"privacy_version": facts["privacy_version"]}))["token"]
    await step("POST", "/session/code", {"phone": phone})
    message = (await step("GET", f"/demo-inbox?phone={phone}"))["items"][0]["text"]
    code = re.findall(r"\d{6}", message)[0]
    token = (await step("POST", "/session/verify", {"phone": phone, "code": code}))["token"]
    await step("POST", "/cart/add", wanted[0])
    await step("GET", "/cart")
    address = {"recipient": "王小明", "phone": phone, "district_code": DISTRICT, "street": "文三路 100 号"}
    address_id = (await step("POST", "/addresses", address))["id"]
    quote = await step("POST", "/quote", {"lines": wanted, "delivery": "express", "district_code": DISTRICT})
    order = {
        "lines": wanted, "delivery": "express", "address_id": address_id, "expected_total_minor": quote["total_minor"],
        "from_cart": True,
    }  # fmt: skip
    placed = await step("POST", "/orders", order, key=run.key().decode())
    payment = await step("POST", f"/orders/{placed['id']}/pay", key=run.key().decode())
    paid = await step("POST", f"/cashier/{payment['payment_id']}", {"outcome": "pay"})
    if paid["state"] != "succeeded":
        raise _Refused(f"paid: {paid}")


async def measure(stack: Stack, report: Report, sizes: Any) -> None:
    """Journeys a second, from the first request to the payment, and that each of them left exactly one paid order."""
    stall = await open_stall(stack, skus=50, pieces=99_999, buyers=1)
    rates: list[float] = []
    loads: list[float] = []
    middle: list[float] = []
    cores: list[dict[str, float]] = []
    answers: Counter[str] = Counter()
    sample = ""
    for turn in range(min(3, sizes.rounds)):
        await stack.settled()
        loads.append(load_average())
        journeys = [
            {
                "host": stall.host, "sku_id": str(stall.skus[at % len(stall.skus)]), "privacy_version": stall.privacy_version,
                "first_phone": 15_000_000_000 + turn * 100_000_000 + at * 100_000,
            }
            for at in range(sizes.shoppers)
        ]  # fmt: skip
        usage, warm_s = Usage(stack), min(0.5, sizes.seconds / 4)
        outcome = await drive(Plan(stack.port, journeys=journeys, seconds=sizes.seconds, warm_s=warm_s))
        cores.append(usage.shares(sizes.seconds + warm_s, outcome.cpu_s))
        answers.update(outcome.answers)
        sample = sample or outcome.sample
        rates.append(outcome.rate)
        middle.append(outcome.p50_ms)
    report.figures += [
        Figure(
            "complete journey of a stranger (11 requests)", "journeys/s", rates, loads, 150,
            notes={"steps": STEPS, "at a time": sizes.shoppers, "cores in use, by round": cores},
        ),
        Figure("… p50 of a whole journey", "ms", middle, loads, less_is_better=True),
    ]  # fmt: skip
    report.check("journeys: every one ended paid", set(answers) == {"200"}, sample=sample, **answers)
    await stack.settled()
    async with stack.database.raw(stall.brand_id) as connection:
        row = await connection.fetchrow(
            """select (select count(*) from orders where state = 'paid') as paid,
                      (select count(*) from payments where state = 'succeeded') as payments,
                      (select count(*) from events where kind = 'orders.paid/1') as events,
                      (select count(*) from cart_lines) as left_in_carts"""
        )
    done = answers["200"]
    report.check(
        "journeys: paid orders = payments = events, carts empty",
        (row["paid"], row["payments"], row["events"], row["left_in_carts"]) == (done, done, done, 0), journeys=done, **dict(row),
    )  # fmt: skip
    broken = await run_checks(stack.database, stall.brand_id)
    report.check("journeys: every invariant holds", not broken, broken=[msgspec.to_builtins(one) for one in broken][:2])
