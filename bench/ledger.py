"""Postings a second, in batches as orders and payments make them: with limits, from a few hot purses, and without."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from bench.report import SPENT, Figure, Report, Usage, load_average
from bench.stack import Stack, house_or
from bench.stall import Stall, open_stall
from siyu.goods import payments
from siyu.kernel import ledger
from siyu.kernel.checks import run_checks
from siyu.kernel.ids import new_id

BATCH = 100
"""Postings a transaction."""
PURSES = 500
_BENCH = {"zh-CN": "测速", "en": "Bench"}


def _kinds() -> tuple[ledger.PostingKind, ledger.PostingKind]:
    """Filling a purse, and redeeming from it with a limit; made once a process."""
    if "bench.redeemed" not in ledger.posting_kinds:
        purse = ledger.declare_account(
            ledger.AccountKind("bench.purse", _BENCH, "credit", guarded=True)
        )
        till = ledger.declare_account(ledger.AccountKind("bench.till", _BENCH, "credit"))
        for name, source, destination, limited in (
            ("bench.filled", till, purse, False),
            ("bench.redeemed", purse, till, True),
        ):
            kind = ledger.PostingKind(
                name, _BENCH, f"{name}/1", _BENCH, source, destination, limited
            )
            ledger.declare_posting(kind)
    return ledger.posting_kinds["bench.filled"], ledger.posting_kinds["bench.redeemed"]


def _purses() -> tuple[list[ledger.Account], ledger.Account, Callable[[], ledger.Posting]]:
    """Purses, the till they are filled from, and a redemption from one of them by chance."""
    filled, redeemed = _kinds()
    purses = [ledger.Account(filled.destination, "points", str(at)) for at in range(PURSES)]
    till, chance = ledger.Account(filled.source, "points"), random.Random(7)

    def redeeming() -> ledger.Posting:
        return ledger.Posting(
            kind=redeemed, source=chance.choice(purses), destination=till, amount=chance.randint(1, 40), key=str(new_id()),
            event_id=None,
        )  # fmt: skip

    return purses, till, redeeming


def _coming() -> ledger.Posting:
    return payments.came(new_id(), new_id(), "bench", "CNY", 1990, None)


async def run(
    *, seconds: float = 3.0, rounds: int = 5, writers: int = 2, given: Stack | None = None
) -> Report:
    """Durable postings a second with limits and without, then what reading a statement over all of them takes."""
    report = Report(
        "ledger",
        {
            "postings a transaction": BATCH,
            "purses": PURSES,
            "writers": writers,
            "seconds a round": seconds,
            "fsync": "on",
        },
    )
    purses, till, redeeming = _purses()
    async with house_or(given) as stack:
        stall = await open_stall(stack, skus=1, pieces=1, buyers=0)
        async with stack.database.raw(stall.brand_id, by_key=True) as connection:
            filling = [
                ledger.Posting(kind=_kinds()[0], source=till, destination=purse, amount=10_000, key=f"fill {purse.owner}", event_id=None)
                for purse in purses
            ]  # fmt: skip
            await ledger.book_on(connection, filling)
        limited: list[float] = []
        free: list[float] = []
        read: list[float] = []
        loads: list[float] = []
        spent: list[dict[str, float]] = []
        posted = refused = 0
        for _ in range(rounds):
            loads.append(load_average())
            usage, own = Usage(stack), time.process_time()
            done, no, rate = await _write(stack, stall, seconds, writers, redeeming)
            posted, refused = posted + done, refused + no
            limited.append(rate)
            spent.append(usage.of((done + no) // BATCH, time.process_time() - own))
            done, no, rate = await _write(stack, stall, seconds, writers, _coming)
            posted, refused = posted + done, refused + no
            free.append(rate)
            began = time.perf_counter()
            async with stack.database.raw(stall.brand_id) as connection:
                flows = await ledger.flows(connection)
            read.append((time.perf_counter() - began) * 1000)
            report.check("debits equal credits", not sum(one.debit - one.credit for one in flows))
        report.figures += [
            Figure(
                "decided with a limit (posted or refused)",
                "postings/s",
                limited,
                loads,
                3_000,
                notes={f"{SPENT} (of {BATCH})": spent},
            ),
            Figure("without a limit", "postings/s", free, loads, 3_000),
            Figure("a statement over all of them", "ms", read, loads, less_is_better=True),
        ]
        await _checked(report, stack, stall, posted, refused)
    return report


async def _checked(report: Report, stack: Stack, stall: Stall, posted: int, refused: int) -> None:
    kept = await stack.count(stall.brand_id, "select count(*) from ledger_postings")
    report.check(
        "every posting that was answered is there, once", kept == posted + PURSES, answered=posted, refused=refused,
        rows=kept,
    )  # fmt: skip
    names = {"ledger.accounts", "ledger.balances", "ledger.limits", "ledger.roll_ups"}
    broken = await run_checks(stack.database, stall.brand_id, names)
    report.check("no limit is broken, every balance is the sum of its postings", not broken)


async def _write(
    stack: Stack, stall: Stall, seconds: float, writers: int, one: Callable[[], ledger.Posting]
) -> tuple[int, int, float]:
    """Post batches for so long; (posted, refused, decided a second)."""
    began = time.perf_counter()

    async def write() -> tuple[int, int]:
        done = asked = 0
        while time.perf_counter() - began < seconds:
            wanted = [one() for _ in range(BATCH)]
            async with stack.database.raw(stall.brand_id, by_key=True) as connection:
                answers: list[Any] = await ledger.post_on(connection, wanted)
            asked += BATCH
            done += sum(isinstance(answer, ledger.Posted) for answer in answers)
        return done, asked

    made = await asyncio.gather(*(write() for _ in range(writers)))
    posted, asked = sum(done for done, _ in made), sum(asked for _, asked in made)
    return posted, asked - posted, asked / (time.perf_counter() - began)
