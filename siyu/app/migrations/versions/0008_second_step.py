"""A second step at staff's sign-in, sessions that can be told apart and ended, and the audit sealed in a chain."""

from alembic import op

revision = "0008"
down_revision = "0007"

_BRAND = "brand_id uuid default nullif(current_setting('siyu.brand', true), '')::uuid not null"


def upgrade() -> None:
    """Sessions and audit rows that are there already are kept: the first get names, the latter wait to be sealed."""
    op.execute("alter table brands add column second_step_required boolean not null default false")
    op.execute("alter table brands alter column second_step_required drop default")
    op.execute("alter table staff_sessions add column id uuid not null default gen_random_uuid()")
    op.execute("alter table staff_sessions alter column id drop default")
    op.execute("alter table staff_sessions add column device text not null default ''")
    op.execute("alter table staff_sessions alter column device drop default")
    op.execute(
        "alter table staff_sessions add constraint staff_sessions_brand_id_id_key unique (brand_id, id)"
    )
    op.execute(
        f"""create table staff_second_steps (
            {_BRAND},
            staff_id uuid not null,
            secret bytea not null,
            confirmed_at timestamp with time zone,
            last_step bigint not null,
            created_at timestamp with time zone not null,
            constraint staff_second_steps_pkey primary key (brand_id, staff_id),
            constraint staff_second_steps_brand_id_staff_id_fkey foreign key (brand_id, staff_id)
                references staff (brand_id, id)
        )"""
    )
    op.execute(
        f"""create table staff_recovery_codes (
            {_BRAND},
            staff_id uuid not null,
            code_hash text not null,
            used_at timestamp with time zone,
            constraint staff_recovery_codes_pkey primary key (brand_id, staff_id, code_hash),
            constraint staff_recovery_codes_brand_id_staff_id_fkey foreign key (brand_id, staff_id)
                references staff (brand_id, id)
        )"""
    )
    op.execute(
        f"""create table audit_unsealed (
            {_BRAND},
            audit_id uuid not null,
            constraint audit_unsealed_pkey primary key (brand_id, audit_id),
            constraint audit_unsealed_brand_id_audit_id_fkey foreign key (brand_id, audit_id)
                references audit (brand_id, id)
        )"""
    )
    op.execute(
        f"""create table audit_seals (
            {_BRAND},
            number bigint not null,
            sealed_at timestamp with time zone not null,
            until timestamp with time zone not null,
            count bigint not null,
            leaves jsonb not null,
            previous text not null,
            hash text not null,
            signature text not null,
            constraint audit_seals_pkey primary key (brand_id, number)
        )"""
    )
    op.execute("insert into audit_unsealed (brand_id, audit_id) select brand_id, id from audit")
