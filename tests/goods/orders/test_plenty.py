"""Of what there is plenty, batches of orders run side by side; that what was plenty is gone is noticed before anything is taken."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.goods.orders.placing import Wanted, open_batcher
from siyu.goods.orders.placing.plenty import EVERYBODY, Plenty
from siyu.kernel import effective
from siyu.kernel.errors import Refusal


def wanted(shopper, sku, key, pieces=1) -> Wanted:
    return Wanted(
        shopper.id, key, f"{sku}/{pieces}", ((sku, pieces),), "express", shopper.address_id, None, "", 100 * pieces, False, "",
    )  # fmt: skip


@pytest.fixture
async def processes(database, app):
    """Two batchers on one database, as two web processes have them."""
    both = [
        open_batcher(database, effective.Memory(database), max_batch=8),
        open_batcher(app.runtime.database, effective.memory_of(app.runtime), max_batch=8),
    ]
    yield both
    for one in both:
        await one.close()


async def ask(stall, process, one):
    try:
        return (await process.ask(stall.brand.id, one)).id
    except Refusal as refusal:
        return refusal.code


async def test_what_seemed_plenty_is_counted_again_before_it_is_taken(stall, shopper, processes):
    sku = await stall.sku(100, 5000)
    for n, process in enumerate(processes):
        await ask(stall, process, wanted(shopper, sku, f"first {n}"))
    await stall.count(sku, 82)
    async with stall.database.raw(stall.brand.id) as connection:  # 50 of them are not for sale
        await connection.execute("update stock_levels set safety = 50 where sku_id = $1", sku)
    answers = await asyncio.gather(
        *(ask(stall, processes[n % 2], wanted(shopper, sku, f"k{n}")) for n in range(80))
    )
    assert answers.count("stock.out_of_stock") == 50
    assert await stall.level(sku) == (82, 32)
    await stall.all_holds()


async def test_a_sale_that_runs_dry_in_two_processes_sells_each_piece_once(
    stall, shopper, processes
):
    pieces = EVERYBODY + 60
    skus = [await stall.sku(100, pieces) for _ in range(2)]
    for process in processes:
        for sku in skus:
            await ask(stall, process, wanted(shopper, sku, f"first {sku} {id(process)}"))
    sizes = [1, 40, 7, 90, 3, 150, 1, 60] * 5
    asked = [
        (n % 2, size, sku)
        for n, size in enumerate(sizes)
        for sku in (skus if n % 3 else reversed(skus))
    ]
    answers = await asyncio.gather(
        *(
            ask(stall, processes[process], wanted(shopper, sku, f"k{n}", size))
            for n, (process, size, sku) in enumerate(asked)
        )
    )
    for sku in skus:
        sold = sum(
            size
            for (_, size, of), answer in zip(asked, answers, strict=True)
            if of == sku and answer != "stock.out_of_stock"
        )
        assert await stall.level(sku) == (pieces, 2 + sold), "a piece was sold twice or lost"
        assert pieces - (2 + sold) < 150, "somebody was refused who could have been served"
    await stall.all_holds()


async def test_an_order_of_the_same_key_in_two_processes_is_one_order_also_of_plenty(
    stall, shopper, processes
):
    sku = await stall.sku(100, 5000)
    for n, process in enumerate(processes):
        await ask(stall, process, wanted(shopper, sku, f"first {n}"))
    answers = await asyncio.gather(
        *(ask(stall, processes[n % 2], wanted(shopper, sku, f"same {n // 4}")) for n in range(80))
    )
    assert len(set(answers)) == 20
    assert await stall.level(sku) == (5000, 22)
    await stall.all_holds()


SHELVES = [(uuid4(), store) for store in (None, uuid4()) for _ in range(3)]


@pytest.mark.parametrize("pieces", [500, 50 * EVERYBODY])
async def test_orders_that_are_decided_together_keep_each_their_own_lines_prices_notes_and_way(
    stall, shopper, pieces
):
    skus = [await stall.sku(1000 + 111 * n, pieces) for n in range(3)]
    store = await stall.store()
    await stall.count(skus[0], pieces, store_id=store)
    asked = [
        ({skus[n % 3]: 1 + n % 4, skus[(n + 1) % 3]: 1} if n % 5 else {skus[0]: 1 + n % 4}, n)
        for n in range(24)
    ]

    def total(lines):
        return sum((1000 + 111 * skus.index(sku)) * count for sku, count in lines.items())

    def ways(lines, n):
        pick_up = {"delivery": "pick_up", "address_id": None, "store_id": str(store)}
        return pick_up if n % 10 == 5 else {}

    for sku in skus:  # what is known to be plenty is taken without waiting
        await shopper.ordered({sku: 1}, total({sku: 1}))
    placed = await asyncio.gather(
        *(
            shopper.ordered(
                lines, total(lines), note=f"第 {n} 单" if n % 2 else "", **ways(lines, n)
            )
            for lines, n in asked
        )
    )
    for (lines, n), order in zip(asked, placed, strict=True):
        shown = await shopper.order(order["id"])
        assert shown["customer_note"] == (f"第 {n} 单" if n % 2 else "")
        assert shown["delivery"] == ways(lines, n).get("delivery", "express")
        kept = await stall.fetch(
            f"select sku_id, quantity, line_minor from order_lines where order_id = '{order['id']}'"
        )
        assert {row["sku_id"]: (row["quantity"], row["line_minor"]) for row in kept} == {
            sku: (count, (1000 + 111 * skus.index(sku)) * count) for sku, count in lines.items()
        }
        assert shown["total_minor"] == total(lines) == order["total_minor"]
    await stall.all_holds()


@given(
    st.lists(st.dictionaries(st.sampled_from(SHELVES), st.integers(0, 10_000)), max_size=5),
    st.lists(st.tuples(st.sampled_from(SHELVES), st.integers(1, 200)), min_size=1, max_size=20),
)
def test_only_shelves_with_several_times_as_much_count_as_plenty(notes, asks):
    plenty, truth = Plenty(), {}
    for one in notes:
        plenty.note(one)
        truth |= one
    orders = [
        Wanted(uuid4(), "k", "h", ((sku, pieces),), "express" if store is None else "pick_up", None, store, "", 0, False, "")
        for (sku, store), pieces in asks
    ]  # fmt: skip
    totals = {}
    for shelf, pieces in asks:
        totals[shelf] = totals.get(shelf, 0) + pieces
    enough = all(truth.get(shelf, 0) >= 4 * total for shelf, total in totals.items())
    assert plenty.free(orders) == ({shelf: truth[shelf] for shelf in totals} if enough else None)
    for order, (shelf, pieces) in zip(orders, asks, strict=True):
        assert bool(plenty.scarce(order)) == (truth.get(shelf, 0) < EVERYBODY * pieces)
