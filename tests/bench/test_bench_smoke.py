"""The benches tell the truth: each runs for a moment on little, and what it counts adds up. Speed is never asserted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench import ledger, lists, memory, orders, pages, reference, restoring, streams
from bench.report import Report
from bench.stack import Stack, house

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="reads /proc")


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with house("demo") as stack:
        yield stack


def exact(report: Report) -> None:
    assert report.exact, report.text()
    assert all(figure.median > 0 for figure in report.figures), report.text()


async def test_orders_lines_events_and_stock_are_as_many_as_were_acknowledged(stack):
    sizes = orders.Sizes(
        seconds=1, rounds=1, connections=8, skus=12, buyers=40, pieces=10, shoppers=2
    )
    report = await orders.run(sizes, stack)
    exact(report)
    assert any("sell-out: exactly 10 of 40" in check.sentence for check in report.checks)


async def test_the_yardstick_writes_the_rows_that_the_shop_writes(stack):
    exact(await reference.run(seconds=1, rounds=1, buyers=4, given=stack))


async def test_kept_pages_are_answered_whole_and_as_known_and_change_with_the_stock(stack):
    exact(await pages.run(seconds=0.5, rounds=1, connections=4, products=20, given=stack))


async def test_acknowledged_behaviour_is_in_the_warehouse_once(stack):
    exact(await streams.run_tracking(seconds=1, rounds=1, connections=2, given=stack))


async def test_a_counting_follower_hears_each_event_once(stack):
    exact(await streams.run_events(seconds=1, rounds=1, given=stack))


async def test_postings_with_and_without_limits_are_all_there_and_balance(stack):
    exact(await ledger.run(seconds=0.5, rounds=1, given=stack))


async def test_the_memory_of_all_parts_is_counted(stack):
    exact(await memory.run(rest_s=0.5, rounds=1, given=stack))


async def test_every_list_of_an_old_brand_answers_and_counts_what_is_there(stack):
    crowd = lists.Crowd(
        orders=1_000,
        customers=300,
        products=100,
        audit=500,
        jobs=100,
        parked=100,
        links=50,
        staff=20,
        movements=200,
    )
    exact(await lists.run(crowd=crowd, times=1, given=stack))


@pytest.mark.soak
async def test_a_killed_house_is_restored_with_every_order_that_was_covered():
    """A house of its own, which dies; the drill in tests/crash does the same to a moment in every run."""
    report = await restoring.run(restoring.Sizes(orders=200, seconds=45))
    assert report.exact, report.text()
