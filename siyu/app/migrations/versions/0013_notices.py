"""Notices to customers: the outbox, brands' own texts, brands' choices of channels."""

from alembic import op

revision = "0013"
down_revision = "0012"
_BRAND = "uuid default nullif(current_setting('siyu.brand', true), '')::uuid not null"
_STATEMENTS = (
    f"""create table notices (
        brand_id {_BRAND}, id uuid not null, key text not null, kind text not null, channel text not null,
        person_id uuid not null, store_id uuid, sealed bytea, state text not null, attempts bigint not null,
        next_at timestamp with time zone not null, lease uuid, created_at timestamp with time zone not null,
        sent_at timestamp with time zone, error text not null, reference text not null,
        constraint notices_pkey primary key (brand_id, id),
        constraint notices_brand_id_key_key unique (brand_id, key),
        constraint notices_brand_id_person_id_fkey foreign key (brand_id, person_id) references customers (brand_id, id),
        constraint notices_brand_id_store_id_fkey foreign key (brand_id, store_id) references units (brand_id, id))""",
    "create index notices_brand_id_person_id_idx on notices (brand_id, person_id)",
    "create index notices_brand_id_created_at_id_idx on notices (brand_id, created_at, id)",
    "create index notices_brand_id_state_created_at_id_idx on notices (brand_id, state, created_at, id)",
    "create index notices_brand_id_store_id_created_at_id_idx on notices (brand_id, store_id, created_at, id)",
    "create index notices_next_at_brand_idx on notices (next_at, brand_id) where state in ('waiting', 'sending')",
    f"""create table notice_templates (
        brand_id {_BRAND}, kind text not null, locale text not null, version bigint not null, text text,
        set_at timestamp with time zone not null, set_by uuid,
        constraint notice_templates_pkey primary key (brand_id, kind, locale, version),
        constraint notice_templates_brand_id_set_by_fkey foreign key (brand_id, set_by) references staff (brand_id, id))""",
    "create index notice_templates_brand_id_set_by_idx on notice_templates (brand_id, set_by)",
    f"""create table notice_choices (
        brand_id {_BRAND}, kind text not null, channel text not null,
        constraint notice_choices_pkey primary key (brand_id, kind))""",
)


def upgrade() -> None:
    """Only adds; the outbox begins empty, so nobody hears of old orders."""
    for statement in _STATEMENTS:
        op.execute(statement)
