"""Orders: search words stand by themselves, and counting reads indexes alone."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Words are written by a listener from the order itself: checking each against it cost more than writing it."""
    op.execute("alter table order_tokens drop constraint order_tokens_brand_id_order_id_fkey")
    op.execute("drop index orders_brand_id_placed_at_id_idx")
    op.execute("drop index orders_store_idx")
    op.execute(
        "create index orders_brand_id_placed_at_id_idx on orders (brand_id, placed_at, id)"
        " include (state, source, store_id, total_minor)"
    )
    op.execute(
        "create index orders_store_idx on orders (brand_id, store_id, placed_at, id)"
        " include (state, source, total_minor) where store_id is not null"
    )
