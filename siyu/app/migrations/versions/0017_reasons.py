"""Reasons that people typed are sealed with the customer's key, as names and notes have been since 0012.

Only data: the program before this one may run beside it, and shows sealed reasons as they lie there. Reasons of people
who were forgotten already are taken away. The audit stays as it is: its chain proves that nothing in it was touched.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
from alembic import op

from siyu.kernel.vault import PersonKey, keyring, seal_text

revision = "0017"
down_revision = "0014"
_PAGE = 2_000
_CODES = (
    "update payment_refunds set reason = 'order_refund' where reason not in ('order_refund', 'extra_payment')",
    "update stock_movements set reason = '' where kind = 'returned' and order_id is not null and reason <> ''",
)
_CANCELLED = """
select brand_id, id, customer_id, cancel_reason as text from orders
where (brand_id, id) > ($1, $2) and cancel_reason not in ('', 'timeout', 'shopper', 'staff')
order by brand_id, id limit $3
"""
_REFUNDED = """
select r.brand_id, r.id, o.customer_id, r.reason as text from order_refunds r
join orders o on o.brand_id = r.brand_id and o.id = r.order_id
where (r.brand_id, r.id) > ($1, $2) and r.reason not in ('', 'extra_payment', 'sold_out_meanwhile', 'seven_days')
order by r.brand_id, r.id limit $3
"""
_PRICED = """
select brand_id, id, customer_id, waterfall::text as text from orders
where (brand_id, id) > ($1, $2) and waterfall @> '[{"rule": "staff"}]' order by brand_id, id limit $3
"""


def upgrade() -> None:
    """Seal what is there, in pages of one transaction: all of it, or nothing happened."""
    for statement in _CODES:
        op.execute(statement)
    for sql, into in (
        (_CANCELLED, "update orders t set cancel_reason = w.text"),
        (_REFUNDED, "update order_refunds t set reason = w.text"),
    ):
        for rows, keys in _pages(sql):
            _write(into, rows, [seal_text(keys.get(_who(row)), "orders.reason", row.text) for row in rows])  # fmt: skip
    for rows, keys in _pages(_PRICED):
        _write("update orders t set waterfall = w.text::jsonb", rows, [_waterfall(row, keys.get(_who(row))) for row in rows])  # fmt: skip


def _waterfall(row: Any, key: PersonKey | None) -> str:
    steps = msgspec.json.decode(row.text, type=list[dict[str, Any]])
    for step in steps:
        if step["rule"] == "staff":
            sealed = {text: seal_text(key, "orders.price_reason", text) for text in step["note"].values()}  # fmt: skip
            step["note"] = {locale: sealed[text] for locale, text in step["note"].items()}
    return msgspec.json.encode(steps).decode()


def _write(into: str, rows: Sequence[Any], texts: list[str]) -> None:
    _run(
        f"""{into} from unnest($1::uuid[], $2::uuid[], $3::text[]) as w(brand_id, id, text)
            where t.brand_id = w.brand_id and t.id = w.id""",
        [row.brand_id for row in rows], [row.id for row in rows], texts,
    )  # fmt: skip


def _run(sql: str, *values: Any) -> Any:
    return op.get_bind().exec_driver_sql(sql, values)


def _who(row: Any) -> tuple[UUID, UUID]:
    return row.brand_id, row.customer_id


def _pages(sql: str) -> Iterator[tuple[Sequence[Any], dict[tuple[UUID, UUID], PersonKey]]]:
    """Rows by (brand_id, id), page by page, with the keys of their customers."""
    last = (UUID(int=0), UUID(int=0))
    while rows := _run(sql, *last, _PAGE).all():
        pairs = list({_who(row) for row in rows})
        found = _run(
            """select k.brand_id, k.person_id, k.month, k.wrapped from unnest($1::uuid[], $2::uuid[]) as w(brand_id, id)
               join vault_keys k on k.brand_id = w.brand_id and k.person_id = w.id""",
            [brand for brand, _ in pairs], [person for _, person in pairs],
        )  # fmt: skip
        keys = {
            (row.brand_id, row.person_id): PersonKey.unwrap(
                row.brand_id, row.person_id, row.wrapped, keyring().of_month(row.month)
            )
            for row in found
        }
        yield rows, keys
        last = (rows[-1].brand_id, rows[-1].id)
