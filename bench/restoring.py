"""A lost machine: how long until the house sells again (RTO), and how much of what was acknowledged would be gone (RPO)."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from bench.load import Plan, drive
from bench.report import Figure, Report, load_average
from bench.stack import PROC, Stack, environment_of, house, open_folder
from bench.stall import Buyer, Stall, more_buyers, open_stall
from siyu.app.backup import archiving
from siyu.app.backup.folder import Folder
from siyu.app.backup.taking import keys_of

RPO_S = 60.0
CONNECTIONS, TRADERS, SKUS = 64, 8, 200
PAUSE_S = 0.1
"""Between two orders of one who trades on: steady, not all that the house can do."""


class Sizes(msgspec.Struct, frozen=True):
    """Orders before the backup, and seconds of trade between it and the blow."""

    orders: int = 20_000
    seconds: float = 150.0


class Trade(msgspec.Struct):
    """Orders that were acknowledged after the backup, with the moment, and what the disk would have cost meanwhile."""

    acknowledged: dict[str, datetime] = {}
    wrong: list[str] = []
    exposed_s: list[float] = []
    """Age of the oldest acknowledged order that was not covered, looked at twice a second."""


class Struck(msgspec.Struct, frozen=True):
    """When everything was killed, and until when all was covered then."""

    at: datetime
    covered: datetime


async def run(sizes: Sizes) -> Report:
    """Sell, back up, sell on, kill everything, restore to the latest moment, open again; exact to the order."""
    if not PROC.exists():
        raise RuntimeError("This bench kills a whole house, whose processes it finds in /proc.")
    report = Report("restore", msgspec.to_builtins(sizes) | {"traders": TRADERS, "SKUs": SKUS})
    place = open_folder()
    try:
        async with house() as stack:
            assert stack.home is not None
            stall = await open_stall(stack, skus=SKUS, pieces=99_999, buyers=CONNECTIONS)
            sold = await _sell(stack, report, stall, sizes.orders)
            await _back_up(stack.home, report)
            traders = await more_buyers(stack, stall, TRADERS)
            trade = await _trade(stack, stall, traders, sizes.seconds)
            struck = await _strike(stack)
            await _restore(stack.home, place / "home", report)
            await _open(place / "home", report, stall, trade, struck, sold)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return report


async def _sell(stack: Stack, report: Report, stall: Stall, orders: int) -> int:
    """Place so many orders as fast as it goes; how many were acknowledged."""
    share = -(-orders // CONNECTIONS)
    lanes = [
        [stall.order(buyer, stall.skus[(at * 37 + n) % SKUS]) for n in range(share)]
        for at, buyer in enumerate(stall.buyers)
    ]
    outcome = await drive(Plan(stack.port, lanes=lanes, once=True))
    await stack.settled(600)
    report.check(
        "before the backup every answer was 201", set(outcome.answers) == {"201"}, **outcome.answers
    )
    return outcome.answers.get("201", 0)


async def _siyu(home: Path, *words: str) -> tuple[Any, float]:
    """A command's answer, and how long the whole program took. Raises ``RuntimeError`` with its words."""
    began = time.perf_counter()
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "siyu", *words, "--json"], env=environment_of(home), capture_output=True,
        text=True, check=False, timeout=3600,
    )  # fmt: skip
    if ended.returncode not in (0, 1):
        raise RuntimeError(f"siyu {' '.join(words)}: {ended.stderr[-500:]}")
    return json.loads(ended.stdout), time.perf_counter() - began


async def _back_up(home: Path, report: Report) -> None:
    load = load_average()
    taken, seconds = await _siyu(home, "backup")
    cluster = sum(one.stat().st_size for one in (home / "pg").rglob("*") if one.is_file())
    notes = {
        "sealed, MB": round(taken["base"]["bytes"] / 2**20, 1),
        "cluster, MB": round(cluster / 2**20),
    }
    report.figures.append(
        Figure("`siyu backup` of it while it serves", "s", [seconds], [load], less_is_better=True, notes=notes)
    )  # fmt: skip


async def _trade(stack: Stack, stall: Stall, traders: list[Buyer], seconds: float) -> Trade:
    """Order on at a steady pace, and watch how far the backups are behind."""
    trade, over = Trade(), asyncio.Event()
    async with asyncio.TaskGroup() as together:
        for at, buyer in enumerate(traders):
            together.create_task(_orders(stack, stall, buyer, at, trade, over))
        together.create_task(_watch(stack, trade, over))
        await asyncio.sleep(seconds)
        over.set()
    return trade


async def _orders(
    stack: Stack, stall: Stall, buyer: Buyer, at: int, trade: Trade, over: asyncio.Event
) -> None:
    headers = {"host": stall.host, "authorization": f"Bearer {buyer.token}"}
    base = f"http://127.0.0.1:{stack.port}"
    async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=30) as client:  # fmt: skip
        turn = at
        while not over.is_set():
            turn += TRADERS
            body = {
                "lines": [{"sku_id": str(stall.skus[turn % SKUS]), "quantity": 1}], "delivery": "express",
                "address_id": str(buyer.address_id), "expected_total_minor": stall.total_minor,
            }  # fmt: skip
            answer = await client.post(
                "/api/shop/orders", json=body, headers={"idempotency-key": uuid4().hex}
            )
            if answer.status_code == 201:
                trade.acknowledged[answer.json()["id"]] = datetime.now(UTC)
            else:
                trade.wrong.append(f"{answer.status_code} {answer.text[:200]}")
            await asyncio.sleep(PAUSE_S)


async def _watch(stack: Stack, trade: Trade, over: asyncio.Event) -> None:
    assert stack.home is not None
    began = datetime.now(UTC)
    while not over.is_set():
        until = archiving.status_of(stack.home).covered_until or began
        oldest = min((at for at in trade.acknowledged.values() if at > until), default=None)
        trade.exposed_s.append((datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0)
        await asyncio.sleep(0.5)


async def _strike(stack: Stack) -> Struck:
    """Kill everything; what was covered is what the folder of backups itself says."""
    await stack.database.close()
    at = datetime.now(UTC)
    stack.kill()
    assert stack.home is not None
    folder = Folder.open(stack.home / "backups", keys_of(stack.home))
    covered = archiving.covered_until(folder, folder.bases()[-1].chain)
    return Struck(at, covered or folder.bases()[-1].finished_at)


async def _restore(home: Path, new: Path, report: Report) -> None:
    load = load_average()
    words = (
        "restore",
        "--from",
        str(home / "backups"),
        "--keys",
        str(home / "keys"),
        "--into",
        str(new),
    )
    told, seconds = await _siyu(new, *words)
    segments = sum(1 for one in (home / "backups" / "wal").rglob("*") if archiving.SEGMENT.fullmatch(one.name))  # fmt: skip
    notes = {
        "without the program's start, s": told["seconds"],
        "seconds by part": told["spent"],
        "segments of the log": segments,
    }
    report.figures.append(
        Figure("`siyu restore` to the latest moment", "s", [seconds], [load], less_is_better=True, notes=notes)
    )  # fmt: skip


async def _open(
    home: Path, report: Report, stall: Stall, trade: Trade, struck: Struck, sold: int
) -> None:
    """Start the house that was brought back, until a shopper gets in; then count."""
    restored, load, began = report.figures[-1].median, load_average(), time.perf_counter()
    async with house(home=home) as back:
        shop = stall.host.partition(":")[0] + f":{back.port}"
        answer = await back.get(shop, "/api/shop/shop")
        opened = time.perf_counter() - began
        report.figures += [
            Figure("`siyu up` until the shop's door answers", "s", [opened], [load], less_is_better=True),
            Figure("RTO: both together", "s", [restored + opened], [load], less_is_better=True),
        ]  # fmt: skip
        report.check("a shopper gets in", answer.status_code == 200, answer=answer.status_code)
        verdict, _ = await _siyu(home, "check")
        report.check("every invariant holds in the restored house", verdict["ok"], **verdict)
        async with back.database.raw(stall.brand_id) as connection:
            rows = await connection.fetch("select id, customer_id from orders")
    traders = {buyer.id for buyer in stall.buyers[-TRADERS:]}
    there = {str(row["id"]) for row in rows if row["customer_id"] in traders}
    _count(report, trade, struck, there)
    before = sum(row["customer_id"] not in traders for row in rows)
    report.check("every order from before the backup is there", before == sold, there=before, acknowledged=sold)  # fmt: skip


def _count(report: Report, trade: Trade, struck: Struck, there: set[str]) -> None:
    """What the blow cost, against what was promised."""
    covered = [one for one, at in trade.acknowledged.items() if at <= struck.covered]
    lost = {one: at for one, at in trade.acknowledged.items() if one not in there}
    report.check("trading on, every answer was 201", not trade.wrong, sample=trade.wrong[:3])
    report.check(
        "every order acknowledged by the covered moment is there", there.issuperset(covered), covered=len(covered),
        missing=len(set(covered) - there),
    )  # fmt: skip
    oldest = min(lost.values(), default=struck.at)
    ages = sorted(trade.exposed_s)
    report.figures += [
        Figure(
            "RPO: age of the oldest acknowledged order not covered", "s", [ages[-1]], [], RPO_S, less_is_better=True,
            notes={"looks": len(ages), "median, s": round(ages[len(ages) // 2], 1), "orders/s": round(len(trade.acknowledged) / len(ages) * 2)},
        ),
        Figure(
            "age of the oldest order that the blow took", "s", [(struck.at - oldest).total_seconds()], [], RPO_S,
            less_is_better=True,
            notes={"acknowledged after the backup": len(trade.acknowledged), "lost": len(lost)},
        ),
    ]  # fmt: skip
