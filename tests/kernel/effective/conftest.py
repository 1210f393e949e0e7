"""The stall of the orders' tests: goods, shoppers and staff of one brand."""

from tests.goods.orders.conftest import later, rival_stall, shopper, stall  # noqa: F401 – fixtures
