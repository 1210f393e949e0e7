create table ledger_accounts (
    brand_id uuid default nullif(current_setting('siyu.brand', true), '')::uuid not null,
    id uuid not null,
    kind text not null,
    unit text not null,
    owner text not null,
    lot uuid,
    book uuid not null,
    expires_at timestamptz,
    opened_at timestamptz not null,
    constraint ledger_accounts_pkey primary key (brand_id, id)
)
----
create table ledger_postings (
    brand_id uuid default nullif(current_setting('siyu.brand', true), '')::uuid not null,
    id uuid not null,
    key text not null,
    part bigint not null,
    kind text not null,
    source uuid not null,
    destination uuid not null,
    unit text not null,
    amount bigint not null,
    state text not null,
    event_id uuid,
    rule text not null,
    subject uuid,
    reverses uuid,
    booked_at timestamptz not null,
    tx bigint default pg_current_xact_id()::text::bigint not null,
    constraint ledger_postings_pkey primary key (brand_id, id),
    constraint ledger_postings_brand_id_key_part_key unique (brand_id, key, part),
    constraint ledger_postings_amount_check check (amount > 0),
    constraint ledger_postings_accounts_check check (source <> destination),
    constraint ledger_postings_state_check check (state in ('pending', 'posted', 'void'))
)
----
create index ledger_postings_brand_id_booked_at_id_idx on ledger_postings (brand_id, booked_at, id)
----
create index ledger_postings_brand_id_destination_booked_at_id_idx on ledger_postings (brand_id, destination, booked_at, id)
----
create index ledger_postings_brand_id_reverses_idx on ledger_postings (brand_id, reverses) where reverses is not null
----
create index ledger_postings_brand_id_source_booked_at_id_idx on ledger_postings (brand_id, source, booked_at, id)
----
create index ledger_postings_brand_id_subject_booked_at_id_idx on ledger_postings (brand_id, subject, booked_at, id)
----
create index ledger_postings_brand_id_tx_idx on ledger_postings (brand_id, tx) where state = 'posted'
----
create table ledger_balances (
    brand_id uuid default nullif(current_setting('siyu.brand', true), '')::uuid not null,
    account_id uuid not null,
    owner text not null,
    kind text not null,
    unit text not null,
    posted bigint default '0' not null,
    held bigint default '0' not null,
    expires_at timestamptz,
    opened_at timestamptz not null,
    constraint ledger_balances_pkey primary key (brand_id, account_id),
    constraint ledger_balances_brand_id_account_id_fkey foreign key(brand_id, account_id) references ledger_accounts (brand_id, id),
    constraint ledger_balances_held_check check (held >= 0)
)
----
create index ledger_balances_brand_id_kind_expires_at_idx on ledger_balances (brand_id, kind, expires_at) where expires_at is not null
----
create index ledger_balances_brand_id_owner_kind_unit_idx on ledger_balances (brand_id, owner, kind, unit)
----
create table ledger_roll_ups (
    brand_id uuid default nullif(current_setting('siyu.brand', true), '')::uuid not null,
    account_id uuid not null,
    kind text not null,
    hour timestamptz not null,
    debit bigint not null,
    credit bigint not null,
    constraint ledger_roll_ups_pkey primary key (brand_id, account_id, kind, hour)
)
----
create table ledger_cursors (
    brand_id uuid default nullif(current_setting('siyu.brand', true), '')::uuid not null,
    hi bigint not null,
    constraint ledger_cursors_pkey primary key (brand_id)
)
----
alter table payments add column currency text not null default 'CNY'
----
update payments p set currency = o.currency from orders o
where o.brand_id = p.brand_id and o.id = p.payable_id and p.payable_kind = 'order' and o.currency <> p.currency
----
create temporary table taken_over on commit drop as
with payment as (
    select p.brand_id, p.id, p.payable_id, p.provider, p.currency, p.amount_minor, coalesce(p.settled_at, p.created_at) as at,
           coalesce((select e.id from events e where e.brand_id = p.brand_id and e.subject = p.id and e.kind = 'payments.succeeded/1' limit 1),
                    (select e.id from events e where e.brand_id = p.brand_id and e.subject = p.payable_id and e.kind = 'orders.paid/1'
                                                 and e.data ->> 'payment_id' = p.id::text limit 1)) as event_id
    from payments p where p.state = 'succeeded'),
went_back as (
    select r.brand_id, r.id, p.payable_id, p.provider, p.currency, r.amount_minor, coalesce(r.settled_at, r.created_at) as at,
           coalesce((select e.id from events e where e.brand_id = r.brand_id and e.subject = r.id and e.kind = 'payments.refunded/1' limit 1),
                    (select e.id from events e where e.brand_id = r.brand_id and e.subject = p.payable_id and e.kind = 'orders.refund_agreed/1'
                                                 and e.data ->> 'refund_id' = split_part(r.key, '#', 1) limit 1)) as event_id
    from payment_refunds r join payments p on p.brand_id = r.brand_id and p.id = r.payment_id where r.state = 'succeeded'),
paid as (
    select o.brand_id, o.id, o.currency, o.paid_minor, o.freight_minor, o.paid_at as at,
           (select e.id from events e where e.brand_id = o.brand_id and e.subject = o.id and e.kind = 'orders.paid/1' limit 1) as event_id
    from orders o where o.paid_at is not null and o.paid_minor > 0),
refund as (
    select r.brand_id, r.id, r.order_id, o.currency, r.amount_minor, r.freight_minor, r.extra, r.agreed_at as at,
           (select e.id from events e where e.brand_id = r.brand_id and e.subject = r.order_id
                and e.kind in ('orders.refund_agreed/1', 'orders.extra_payment_returned/1')
                and e.data ->> 'refund_id' = r.id::text limit 1) as event_id
    from order_refunds r join orders o on o.brand_id = r.brand_id and o.id = r.order_id)
select brand_id, 'payments.came' as kind, id as of, payable_id as subject, currency as unit, amount_minor as amount, at, event_id,
       'payments.provider' as source_kind, provider as source_owner, 'payments.received' as destination_kind, '' as destination_owner
from payment
union all
select brand_id, 'orders.sold', id, id, currency, paid_minor - freight_minor, at, event_id,
       'payments.received', '', 'orders.sales', '' from paid
union all
select brand_id, 'orders.carried', id, id, currency, freight_minor, at, event_id,
       'payments.received', '', 'orders.freight', '' from paid
union all
select brand_id, 'orders.goods_back', id, order_id, currency, amount_minor - freight_minor, at, event_id,
       'orders.sales', '', 'payments.to_refund', '' from refund where not extra
union all
select brand_id, 'orders.freight_back', id, order_id, currency, freight_minor, at, event_id,
       'orders.freight', '', 'payments.to_refund', '' from refund where not extra
union all
select brand_id, 'orders.not_needed', id, order_id, currency, amount_minor, at, event_id,
       'payments.received', '', 'payments.to_refund', '' from refund where extra
union all
select brand_id, 'payments.went_back', id, payable_id, currency, amount_minor, at, event_id,
       'payments.to_refund', '', 'payments.provider', provider from went_back
----
insert into ledger_accounts (brand_id, id, kind, unit, owner, book, opened_at)
select brand_id, id, kind, unit, owner, id, min(at)
from (select a.brand_id, a.kind, a.unit, a.owner, a.at,
             encode(substr(sha256(convert_to(a.kind || '|' || a.unit || '|' || a.owner || '|', 'UTF8')), 1, 16), 'hex')::uuid as id
      from (select brand_id, source_kind as kind, unit, source_owner as owner, at from taken_over where amount > 0
            union all
            select brand_id, destination_kind, unit, destination_owner, at from taken_over where amount > 0) a) b
group by brand_id, id, kind, unit, owner
----
insert into ledger_postings (brand_id, id, key, part, kind, source, destination, unit, amount, state, event_id, rule, subject, booked_at)
select brand_id,
       (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
        || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
       kind || ':' || of, 1, kind,
       encode(substr(sha256(convert_to(source_kind || '|' || unit || '|' || source_owner || '|', 'UTF8')), 1, 16), 'hex')::uuid,
       encode(substr(sha256(convert_to(destination_kind || '|' || unit || '|' || destination_owner || '|', 'UTF8')), 1, 16), 'hex')::uuid,
       unit, amount, 'posted', event_id, kind || '/1', subject, at
from taken_over where amount > 0
----
insert into timers (brand_id, kind, subject, due_at, data)
select distinct brand_id, 'ledger.roll_up', '00000000-0000-0000-0000-000000000000'::uuid, now(), '{}'::jsonb from ledger_accounts
on conflict do nothing
