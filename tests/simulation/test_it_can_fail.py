"""The end's judgement can fail: each fault that is planted behind the house's back is found and named."""

import pytest

from siyu.app.simulate import simulate
from siyu.kernel.roles import run_as_owner
from tests.simulation.house import settings_of_a_clone

FAULTS = {
    "stock was changed behind the order book": (
        """update stock_levels set on_hand = on_hand + 1 where (brand_id, sku_id, location_id) =
           (select brand_id, sku_id, location_id from stock_levels order by sku_id, location_id limit 1)""",
        ("stock (", "siyu check: stock.replay"),
    ),
    "a payment was deleted": (
        """delete from payments where id = (select p.id from payments p where state = 'succeeded'
           and not exists (select from payment_refunds r where r.payment_id = p.id) order by id limit 1)""",
        ("payment ", "siyu check: orders.money"),
    ),
    "a call back was handled twice": (
        """insert into payments (brand_id, id, payable_kind, payable_id, payable_label, payer_id, provider, amount_minor,
                                 state, provider_reference, expires_at, created_at, settled_at)
           select brand_id, gen_random_uuid(), payable_kind, payable_id, payable_label, payer_id, provider, amount_minor,
                  state, provider_reference, expires_at, created_at, settled_at
           from payments where state = 'succeeded' order by id limit 1""",
        ("payment ", "siyu check: orders.received"),
    ),
    "an acknowledged order is gone": (
        """set session_replication_role = replica;
           delete from orders where id = (select id from orders order by id limit 1)""",
        ("order ",),
    ),
    "an order was placed twice": (
        """insert into events (brand_id, id, kind, subject, occurred_at, recorded_at, origin, actor, data)
           select brand_id, gen_random_uuid(), kind, subject, occurred_at, recorded_at, origin, actor, data
           from events where kind = 'orders.placed/1' order by seq limit 1""",
        ("siyu check: orders.stated", "sales (by the order book)"),
    ),
    "money went back twice": (
        """insert into payment_refunds (brand_id, id, payment_id, key, amount_minor, state, reason, created_at,
                                        provider_reference, error)
           select brand_id, gen_random_uuid(), payment_id, 'again', amount_minor, state, reason, created_at, '', ''
           from payment_refunds where state = 'succeeded' order by id limit 1""",
        ("money back", "siyu check: orders.returned"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_planted_fault_is_found_and_named(fault, server_url, clickhouse_url, tmp_path):
    sql, expected = FAULTS[fault]

    async def plant(world):
        await run_as_owner(world.house.urls.owner, [sql])

    async with settings_of_a_clone(server_url, clickhouse_url, tmp_path) as settings:
        report = await simulate(settings, 5, 2, shoppers=8, meddle=plant)
    for words in expected:
        assert any(found.startswith(words) for found in report.findings), report.findings


async def test_a_refund_that_was_told_and_never_made_is_caught_at_the_next_look(
    server_url, clickhouse_url, tmp_path
):
    async def forget_a_refund(world):
        order = world.book.of("paid", "shipped", "completed", "ready")[0]
        world.book.refund(order, {order.lines[0].id: 1}, restock=False)
        await world.look(order)

    async with settings_of_a_clone(server_url, clickhouse_url, tmp_path) as settings:
        report = await simulate(settings, 5, 2, shoppers=8, meddle=forget_a_refund)
    assert "but people were told" in report.findings[0]
    assert report.replay == "siyu simulate --seed 5 --days 2 --shoppers 8"
