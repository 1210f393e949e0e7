"""Statements that were slow, by brand and shape."""

from alembic import op

revision = "0010"
down_revision = "0008"


def upgrade() -> None:
    """Makes the table that the console's health page reads."""
    op.execute(
        """create table slow_statements (
               brand_id uuid not null default nullif(current_setting('siyu.brand', true), '')::uuid,
               shape_hash text not null,
               shape text not null,
               times bigint not null,
               total_ms bigint not null,
               worst_ms bigint not null,
               last_ms bigint not null,
               last_at timestamptz not null,
               last_request_id text not null,
               constraint slow_statements_pkey primary key (brand_id, shape_hash))"""
    )
    op.execute(
        "create index slow_statements_brand_id_last_at_idx on slow_statements (brand_id, last_at)"
    )
