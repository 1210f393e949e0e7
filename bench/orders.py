"""Placing orders: one hot SKU against the yardstick, a thousand SKUs, strangers, a sell-out, whole journeys."""

import time
from collections import Counter
from uuid import UUID

import msgspec

from bench import journey
from bench.load import Outcome, Plan, drive
from bench.reference import BATCH, Reference
from bench.report import SPENT, Figure, Report, Usage, load_average
from bench.stack import Stack, house_or
from bench.stall import DISTRICT, Buyer, Stall, book, more_buyers, open_stall, set_pieces
from siyu.kernel.checks import run_checks

MANY = 10_000_000


class Sizes(msgspec.Struct, frozen=True):
    """How large each part is."""

    seconds: float = 3.0
    rounds: int = 5
    connections: int = 128
    skus: int = 1000
    buyers: int = 2000
    """Who comes to the sell-out."""
    pieces: int = 500
    """What there is at the sell-out."""
    shoppers: int = 128
    """Journeys at a time."""


async def run(sizes: Sizes = Sizes(), given: Stack | None = None) -> Report:  # noqa: B008 - frozen
    """Everything about placing, and the proof that it was exact."""
    report = Report(
        "orders",
        {
            "connections": sizes.connections, "seconds a round": sizes.seconds, "fsync": "on", "synchronous_commit": "on",
            "reference": f"{BATCH} orders a transaction on one connection, alternating in the same run",
        },
    )  # fmt: skip
    async with house_or(given, "demo") as stack:
        await _hot(stack, report, sizes)
        await _many(stack, report, sizes)
        await _sell_out(stack, report, sizes)
        await _journeys(stack, report, sizes)
    return report


async def measured(
    stack: Stack, lanes: list[list[bytes]], seconds: float
) -> tuple[Outcome, dict[str, float]]:
    """One round of load, and what it cost (``Usage.of``)."""
    usage = Usage(stack)
    outcome = await drive(
        Plan(stack.port, lanes=lanes, seconds=seconds, warm_s=min(0.5, seconds / 4))
    )
    assert outcome.lost == 0, f"{outcome.lost} connections broke"
    return outcome, usage.of(sum(outcome.answers.values()), outcome.cpu_s)


async def _hot(stack: Stack, report: Report, sizes: Sizes) -> None:
    """One SKU, everybody at once; the yardstick before each round."""
    stall = await open_stall(stack, skus=1, pieces=MANY, buyers=sizes.connections)
    reference = Reference(
        stack, await open_stall(stack, skus=1, pieces=MANY, buyers=sizes.connections)
    )
    await reference.open()
    lanes = [[stall.order(buyer, stall.skus[0])] for buyer in stall.buyers]
    answers: Counter[str] = Counter()
    bare, placed, p50, p99, loads = _lists(5)
    spent: list[dict[str, float]] = []
    bare_spent: list[dict[str, float]] = []
    await reference.round(0.3)
    for _ in range(sizes.rounds):
        await stack.settled()
        usage, written, own = Usage(stack), reference.written, time.process_time()
        bare.append(await reference.round(sizes.seconds))
        bare_spent.append(usage.of(reference.written - written, time.process_time() - own))
        await stack.settled()
        loads.append(load_average())
        outcome, used = await measured(stack, lanes, sizes.seconds)
        answers.update(outcome.answers)
        placed.append(outcome.rate)
        p50.append(outcome.p50_ms)
        p99.append(outcome.p99_ms)
        spent.append(used)
    report.figures += [
        Figure("bare batched SQL (reference)", "orders/s", bare, loads, notes={SPENT: bare_spent}),
        Figure(
            "one hot SKU, full path over HTTP",
            "orders/s",
            placed,
            loads,
            2000,
            notes={SPENT: spent},
        ),
        Figure("… p50", "ms", p50, loads, less_is_better=True),
        Figure("… p99", "ms", p99, loads, 150, less_is_better=True),
    ]
    ours, theirs = report.figures[-3].median, report.figures[-4].median
    report.figures.append(
        Figure("full path / reference (of the medians)", "×", [ours / theirs], target=0.5)
    )
    await reference.prove(report)
    await reference.close()
    report.check("hot SKU: every answer was 201", set(answers) == {"201"}, **answers)
    await _prove(stack, report, stall, "hot SKU", answers["201"])


async def _many(stack: Stack, report: Report, sizes: Sizes) -> None:
    """As many SKUs as a range has; then the same with buyers who come once and are not remembered."""
    stall = await open_stall(stack, skus=sizes.skus, pieces=99_999, buyers=sizes.connections)
    lanes = [_spread(stall, buyer, at) for at, buyer in enumerate(stall.buyers)]
    answers: Counter[str] = Counter()
    placed, p99, loads = _lists(3)
    spent: list[dict[str, float]] = []
    for _ in range(min(3, sizes.rounds)):
        await stack.settled()
        loads.append(load_average())
        outcome, used = await measured(stack, lanes, sizes.seconds)
        answers.update(outcome.answers)
        placed.append(outcome.rate)
        p99.append(outcome.p99_ms)
        spent.append(used)
    report.figures += [
        Figure(f"{sizes.skus:,} SKUs", "orders/s", placed, loads, 1500, notes={SPENT: spent}),
        Figure("… p99", "ms", p99, loads, less_is_better=True),
    ]
    report.check("many SKUs: every answer was 201", set(answers) == {"201"}, **answers)
    await _prove(stack, report, stall, "many SKUs", answers["201"])


def _spread(stall: Stall, buyer: Buyer, at: int) -> list[bytes]:
    """One order for each of a hundred SKUs, another hundred for each buyer."""
    some = [stall.skus[(at * 37 + step * 11) % len(stall.skus)] for step in range(100)]
    return [stall.order(buyer, sku_id) for sku_id in some]


async def _sell_out(stack: Stack, report: Report, sizes: Sizes) -> None:
    """More buyers than pieces, each of them once, none seen before."""
    stall = await open_stall(stack, skus=1, pieces=0, buyers=1)
    (sku_id,) = stall.skus
    buyers = await more_buyers(stack, stall, sizes.buyers)
    rates, p99, loads = _lists(3)
    sold = 0
    for _ in range(min(2, sizes.rounds)):
        await set_pieces(stack, stall, sku_id, sizes.pieces)
        await stack.settled()
        loads.append(load_average())
        lanes = [
            [stall.order(one, sku_id) for one in buyers[at :: sizes.connections]]
            for at in range(sizes.connections)
        ]
        outcome = await drive(Plan(stack.port, lanes=[lane for lane in lanes if lane], once=True))
        answers = outcome.answers
        rates.append(sum(answers.values()) / outcome.window_s)
        p99.append(outcome.p99_ms)
        sold += answers.get("201", 0)
        exact = (
            answers == {"201": sizes.pieces, "409": sizes.buyers - sizes.pieces}
            and outcome.lost == 0
        )
        report.check(
            f"sell-out: exactly {sizes.pieces} of {sizes.buyers} buyers get one",
            exact,
            answers=answers,
            sample="" if exact else outcome.sample,
        )
        free = await _free(stack, stall, sku_id)
        report.check("sell-out: it ends at zero", free == 0, free=free)
    report.figures += [
        Figure(
            f"sell-out: {sizes.pieces} pieces, {sizes.buyers:,} strangers",
            "answers/s",
            rates,
            loads,
        ),
        Figure("… p99", "ms", p99, loads, less_is_better=True),
    ]
    await _prove(stack, report, stall, "sell-out", sold)


async def _journeys(stack: Stack, report: Report, sizes: Sizes) -> None:
    """Journeys a second, from the first request to the payment, and that each of them left exactly one paid order."""
    stall = await open_stall(stack, skus=50, pieces=99_999, buyers=1)
    rates: list[float] = []
    loads: list[float] = []
    middle: list[float] = []
    spent: list[dict[str, float]] = []
    answers: Counter[str] = Counter()
    sample = ""
    for turn in range(min(3, sizes.rounds)):
        await stack.settled()
        loads.append(load_average())
        journeys = [
            {
                "host": stall.host, "sku_id": str(stall.skus[at % len(stall.skus)]), "privacy_version": stall.privacy_version,
                "district": DISTRICT,
                "first_phone": 15_000_000_000 + turn * 100_000_000 + at * 100_000,
            }
            for at in range(sizes.shoppers)
        ]  # fmt: skip
        usage = Usage(stack)
        outcome = await drive(
            Plan(
                stack.port,
                journeys=journeys,
                seconds=sizes.seconds,
                warm_s=min(0.5, sizes.seconds / 4),
            )
        )
        spent.append(usage.of(sum(outcome.answers.values()), outcome.cpu_s))
        answers.update(outcome.answers)
        sample = sample or outcome.sample
        rates.append(outcome.rate)
        middle.append(outcome.p50_ms)
    report.figures += [
        Figure(
            "complete journey of a stranger (11 requests)", "journeys/s", rates, loads, 150,
            notes={"steps": journey.STEPS, "at a time": sizes.shoppers, SPENT: spent},
        ),
        Figure("… p50 of a whole journey", "ms", middle, loads, less_is_better=True),
    ]  # fmt: skip
    report.check(
        "journeys: every one ended paid", set(answers) == {"200"}, sample=sample, **answers
    )
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
    report.check(
        "journeys: every invariant holds",
        not broken,
        broken=[msgspec.to_builtins(one) for one in broken][:2],
    )


async def _free(stack: Stack, stall: Stall, sku_id: UUID) -> int:
    return await stack.count(
        stall.brand_id,
        "select on_hand - reserved from stock_levels where sku_id = $1 and location_id = $2",
        sku_id,
        stall.location_id,
    )


async def _prove(stack: Stack, report: Report, stall: Stall, what: str, acknowledged: int) -> None:
    """Orders = lines = events = stock delta = keys = acknowledged, and all invariants."""
    found = await book(stack, stall)
    report.check(
        f"{what}: orders = lines = events = stock delta = acknowledged", set(found.values()) == {acknowledged},
        acknowledged=acknowledged, **found,
    )  # fmt: skip
    broken = await run_checks(stack.database, stall.brand_id)
    report.check(f"{what}: every invariant holds", not broken, broken=[one.name for one in broken])


def _lists(count: int) -> list[list[float]]:
    return [[] for _ in range(count)]
