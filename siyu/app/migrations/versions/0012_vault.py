"""Personal data moves into the vault: names, phones, addresses and remarks are sealed with a key per person.

Contract step: the columns and search words that held them in clear are gone afterwards, so the program before this
one cannot run beside it.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
from alembic import op

from siyu.kernel.ids import new_id
from siyu.kernel.vault import PersonKey, keyring, token

revision = "0012"
down_revision = "0010"
contract = "columns and search words that held personal data in clear are dropped"
_PAGE = 2_000
_BRAND = "uuid default nullif(current_setting('siyu.brand', true), '')::uuid not null"
_EXPAND = (
    f"""create table vault_keys (
        brand_id {_BRAND}, person_id uuid not null, month text not null, wrapped bytea not null,
        constraint vault_keys_pkey primary key (brand_id, person_id))""",
    "create index vault_keys_brand_id_month_idx on vault_keys (brand_id, month)",
    f"""create table vault_shreds (
        brand_id {_BRAND}, person_id uuid not null, at timestamp with time zone not null,
        is_journaled boolean default false not null,
        constraint vault_shreds_pkey primary key (brand_id, person_id))""",
    "create index vault_shreds_brand_id_at_idx on vault_shreds (brand_id, at) where not is_journaled",
    f"""create table contacts (
        brand_id {_BRAND}, id uuid not null, customer_id uuid not null, sealed bytea, district_code text not null,
        phone_token uuid, last4_token uuid, name_token uuid, created_at timestamp with time zone not null,
        constraint contacts_pkey primary key (brand_id, id),
        constraint contacts_brand_id_customer_id_fkey foreign key (brand_id, customer_id)
            references customers (brand_id, id))""",
    "create index contacts_brand_id_customer_id_idx on contacts (brand_id, customer_id)",
    "create index contacts_brand_id_phone_token_idx on contacts (brand_id, phone_token)",
    "create index contacts_brand_id_last4_token_idx on contacts (brand_id, last4_token)",
    "create index contacts_brand_id_name_token_idx on contacts (brand_id, name_token)",
    """alter table customers add column sealed bytea, add column phone_token uuid, add column last4_token uuid,
       add column name_token uuid, add column forgotten_at timestamp with time zone""",
    "alter table addresses add column contact_id uuid",
    "alter table orders add column contact_id uuid, add column sealed_note bytea",
    "alter table order_notes add column sealed bytea",
    "delete from demo_messages",
)
_CONTRACT = (
    "alter table customers drop column name, drop column phone, drop column phone_last4",
    "alter table customers add constraint customers_brand_id_phone_token_key unique (brand_id, phone_token)",
    "create index customers_brand_id_last4_token_idx on customers (brand_id, last4_token)",
    "create index customers_brand_id_name_token_idx on customers (brand_id, name_token)",
    """alter table addresses alter column contact_id set not null, drop column recipient, drop column phone,
       drop column street, drop column district_code""",
    """alter table addresses add constraint addresses_brand_id_contact_id_fkey foreign key (brand_id, contact_id)
       references contacts (brand_id, id)""",
    "create index addresses_brand_id_contact_id_idx on addresses (brand_id, contact_id)",
    "alter table orders drop column recipient, drop column customer_note",
    "alter table order_notes drop column text",
    "alter table demo_messages drop column phone, drop column text",
    "alter table demo_messages add column phone_token uuid not null, add column sealed bytea not null",
    "create index demo_messages_brand_id_phone_token_at_idx on demo_messages (brand_id, phone_token, at)",
    "drop table customer_tokens",
    "drop table order_tokens",
    "delete from event_cursors where listener = 'goods.orders.reactions.index_orders'",
    "delete from parked_events where listener = 'goods.orders.reactions.index_orders'",
)


def upgrade() -> None:
    """Seal what is there, in pages of one transaction: all of it, or nothing happened."""
    for statement in _EXPAND:
        op.execute(statement)
    _customers()
    _addresses()
    _orders()
    _notes()
    for statement in _CONTRACT:
        op.execute(statement)


def _run(sql: str, *values: Any) -> Any:
    return op.get_bind().exec_driver_sql(sql, values)


def _pages(sql: str) -> Iterator[Sequence[Any]]:
    """Rows by (brand_id, id), page by page; ``sql`` has ``$1, $2`` for the last pair and ``$3`` for the size."""
    last = (UUID(int=0), UUID(int=0))
    while rows := _run(sql, *last, _PAGE).all():
        yield rows
        last = (rows[-1].brand_id, rows[-1].id)


def _customers() -> None:
    for rows in _pages(
        "select brand_id, id, name, phone from customers where (brand_id, id) > ($1, $2) order by brand_id, id limit $3"
    ):
        month, cipher = keyring().current()
        keys = [PersonKey.new(row.brand_id, row.id) for row in rows]
        brands, ids = [row.brand_id for row in rows], [row.id for row in rows]
        _run(
            """insert into vault_keys (brand_id, person_id, month, wrapped)
               select brand_id, id, $1, wrapped from unnest($2::uuid[], $3::uuid[], $4::bytea[]) as w(brand_id, id, wrapped)""",
            month, brands, ids, [key.wrap(cipher) for key in keys],
        )  # fmt: skip
        _run(
            """update customers c set sealed = w.sealed, phone_token = w.phone, last4_token = w.last4, name_token = w.name
               from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::uuid[], $5::uuid[], $6::uuid[])
                    as w(brand_id, id, sealed, phone, last4, name)
               where c.brand_id = w.brand_id and c.id = w.id""",
            brands, ids,
            [key.seal("profile", {"name": row.name, "phone": row.phone}) for key, row in zip(keys, rows, strict=True)],
            *_tokens((row.brand_id, row.phone, row.name) for row in rows),
        )  # fmt: skip


def _tokens(people: Any) -> tuple[list[UUID | None], ...]:
    found = [
        (token(brand, "phone", phone), token(brand, "last4", phone[-4:]), token(brand, "name", name))
        for brand, phone, name in people
    ]  # fmt: skip
    return tuple([one[at] for one in found] for at in range(3))


def _keys(rows: Sequence[Any]) -> dict[tuple[UUID, UUID], PersonKey]:
    """Keys of the customers of rows, by (brand, customer)."""
    pairs = list({(row.brand_id, row.customer_id) for row in rows})
    found = _run(
        """select k.brand_id, k.person_id, k.month, k.wrapped from unnest($1::uuid[], $2::uuid[]) as w(brand_id, id)
           join vault_keys k on k.brand_id = w.brand_id and k.person_id = w.id""",
        [brand for brand, _ in pairs], [person for _, person in pairs],
    )  # fmt: skip
    return {
        (row.brand_id, row.person_id): PersonKey.unwrap(
            row.brand_id, row.person_id, row.wrapped, keyring().of_month(row.month)
        )
        for row in found
    }


def _contacts(written: list[tuple[UUID, UUID, dict[str, str], Any]]) -> list[UUID]:
    """Contacts of ``(brand, customer, address, moment)``; their ids."""

    class _Row(msgspec.Struct):
        brand_id: UUID
        customer_id: UUID

    keys = _keys([_Row(brand, customer) for brand, customer, _, _ in written])
    ids = [new_id() for _ in written]
    sealed = [
        keys[brand, customer].seal(
            "contact", {name: said[name] for name in ("recipient", "phone", "street")}
        )
        for brand, customer, said, _ in written
    ]
    _run(
        """insert into contacts (brand_id, id, customer_id, sealed, district_code, phone_token, last4_token, name_token,
                                 created_at)
           select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[], $5::text[], $6::uuid[], $7::uuid[],
                                $8::uuid[], $9::timestamptz[])""",
        [one[0] for one in written], ids, [one[1] for one in written], sealed, [one[2]["district_code"] for one in written],
        *_tokens((brand, said["phone"], said["recipient"]) for brand, _, said, _ in written),
        [one[3] for one in written],
    )  # fmt: skip
    return ids


def _addresses() -> None:
    for rows in _pages(
        """select brand_id, id, customer_id, recipient, phone, street, district_code, created_at from addresses
           where (brand_id, id) > ($1, $2) order by brand_id, id limit $3"""
    ):
        ids = _contacts(
            [(row.brand_id, row.customer_id, row._asdict(), row.created_at) for row in rows]
        )
        _run(
            """update addresses a set contact_id = w.contact_id
               from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as w(brand_id, id, contact_id)
               where a.brand_id = w.brand_id and a.id = w.id""",
            [row.brand_id for row in rows], [row.id for row in rows], ids,
        )  # fmt: skip


def _orders() -> None:
    for rows in _pages(
        """select brand_id, id, customer_id, recipient::text as recipient, customer_note, placed_at from orders
           where (brand_id, id) > ($1, $2) and (recipient <> '{}' or customer_note <> '')
           order by brand_id, id limit $3"""
    ):
        keys = _keys(rows)
        alike: dict[tuple[UUID, UUID, str], int] = {}
        written: list[tuple[UUID, UUID, dict[str, str], Any]] = []
        for row in rows:
            said = msgspec.json.decode(row.recipient, type=dict[str, Any])
            if said and (row.brand_id, row.customer_id, row.recipient) not in alike:
                alike[row.brand_id, row.customer_id, row.recipient] = len(written)
                written.append((row.brand_id, row.customer_id, said, row.placed_at))
        ids = _contacts(written) if written else []
        places = [alike.get((row.brand_id, row.customer_id, row.recipient)) for row in rows]
        _run(
            """update orders o set contact_id = w.contact_id, sealed_note = w.note
               from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[]) as w(brand_id, id, contact_id, note)
               where o.brand_id = w.brand_id and o.id = w.id""",
            [row.brand_id for row in rows], [row.id for row in rows],
            [None if at is None else ids[at] for at in places],
            [
                keys[row.brand_id, row.customer_id].seal("orders.note", row.customer_note) if row.customer_note else None
                for row in rows
            ],
        )  # fmt: skip


def _notes() -> None:
    for rows in _pages(
        """select n.brand_id, n.id, o.customer_id, n.text from order_notes n
           join orders o on o.brand_id = n.brand_id and o.id = n.order_id
           where (n.brand_id, n.id) > ($1, $2) order by n.brand_id, n.id limit $3"""
    ):
        keys = _keys(rows)
        _run(
            """update order_notes n set sealed = w.sealed
               from unnest($1::uuid[], $2::uuid[], $3::bytea[]) as w(brand_id, id, sealed)
               where n.brand_id = w.brand_id and n.id = w.id""",
            [row.brand_id for row in rows], [row.id for row in rows],
            [keys[row.brand_id, row.customer_id].seal("orders.staff_note", row.text) for row in rows],
        )  # fmt: skip
