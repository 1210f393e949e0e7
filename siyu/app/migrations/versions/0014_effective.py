"""Dated values: the time to pay and the published page become entries; their columns stay for the version before."""

from alembic import op

revision = "0014"
down_revision = "0013"
_BRAND = "uuid default nullif(current_setting('siyu.brand', true), '')::uuid not null"
_STATEMENTS = (
    f"""create table effective_values (
        brand_id {_BRAND}, id uuid not null, code text not null, starts_at timestamp with time zone not null,
        value jsonb not null, set_by text not null, set_at timestamp with time zone not null, reason text not null,
        withdrawn_at timestamp with time zone, withdrawn_by text,
        constraint effective_values_pkey primary key (brand_id, id))""",
    """create unique index effective_values_code_starts_at_key on effective_values (brand_id, code, starts_at)
       where withdrawn_at is null""",
    "create index effective_values_brand_id_code_set_at_id_idx on effective_values (brand_id, code, set_at, id)",
    "alter table brands alter column unpaid_timeout_minutes set default '15'",
    """insert into effective_values (brand_id, id, code, starts_at, value, set_by, set_at, reason)
       select brand_id, gen_random_uuid(), 'orders.unpaid_timeout', created_at, to_jsonb(unpaid_timeout_minutes), 'siyu', created_at, ''
       from brands where unpaid_timeout_minutes <> 15""",
    """insert into effective_values (brand_id, id, code, starts_at, value, set_by, set_at, reason)
       select p.brand_id, gen_random_uuid(), 'storefront.' || p.key, v.published_at, to_jsonb(v.number), v.published_by,
              v.published_at, ''
       from shop_pages p join shop_page_versions v
         on v.brand_id = p.brand_id and v.page_id = p.id and v.number = p.published_number""",
)


def upgrade() -> None:
    """Adds, and takes over what holds."""
    for statement in _STATEMENTS:
        op.execute(statement)
