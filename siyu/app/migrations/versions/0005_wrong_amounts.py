"""Reports of another amount than was asked for, kept until somebody has compared."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """What the log already tells is taken over; from here on a listener writes it."""
    op.execute(
        """create table order_wrong_amounts (
            brand_id uuid default nullif(current_setting('siyu.brand', true), '')::uuid not null,
            payment_id uuid not null,
            paid_minor bigint not null,
            order_id uuid not null,
            asked_minor bigint not null,
            reported_at timestamp with time zone not null,
            constraint order_wrong_amounts_pkey primary key (brand_id, payment_id, paid_minor),
            constraint order_wrong_amounts_brand_id_order_id_fkey foreign key (brand_id, order_id)
                references orders (brand_id, id)
        )"""
    )
    op.execute(
        "create index order_wrong_amounts_brand_id_order_id_idx on order_wrong_amounts (brand_id, order_id)"
    )
    op.execute(
        """insert into order_wrong_amounts (brand_id, payment_id, paid_minor, order_id, asked_minor, reported_at)
           select brand_id, (data ->> 'payment_id')::uuid, (data ->> 'paid_minor')::bigint, subject,
                  (data ->> 'asked_minor')::bigint, occurred_at
           from events where kind = 'payments.wrong_amount/1' and data ->> 'payable_kind' = 'order'
           on conflict do nothing"""
    )
