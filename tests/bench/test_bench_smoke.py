"""The benches tell the truth: each runs for a moment on little, and what it counts adds up. Speed is never asserted."""

import pytest

from bench import memory, orders, pages, reference, streams

pytestmark = pytest.mark.skipif(
    not __import__("pathlib").Path("/proc/self/smaps_rollup").exists(), reason="reads /proc"
)


def exact(report):
    assert report.exact, report.text()
    assert all(figure.median > 0 for figure in report.figures), report.text()
    return {figure.name: figure for figure in report.figures}


async def test_orders_lines_events_and_stock_are_as_many_as_were_acknowledged():
    sizes = orders.Sizes(
        seconds=1, rounds=1, connections=8, skus=12, buyers=40, pieces=10, shoppers=2
    )
    report = await orders.run(sizes)
    exact(report)
    assert any("sell-out: exactly 10 of 40" in check.sentence for check in report.checks)


async def test_the_yardstick_writes_the_rows_that_the_shop_writes():
    exact(await reference.run(seconds=1, rounds=1, buyers=4))


async def test_kept_pages_are_answered_whole_and_as_known_and_change_with_the_stock():
    exact(await pages.run(seconds=0.5, rounds=1, connections=4, products=20))


async def test_acknowledged_behaviour_is_in_the_warehouse_once():
    exact(await streams.run_tracking(seconds=1, rounds=1, connections=2))


async def test_a_counting_follower_hears_each_event_once():
    exact(await streams.run_events(seconds=1, rounds=1))


async def test_the_memory_of_all_parts_is_counted():
    exact(await memory.run(rest_s=0.5, rounds=1))
