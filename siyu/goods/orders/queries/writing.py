"""Reads of what people wrote on orders: sealed with the customer's key, opened here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.orders.tables import OrderNoteRow, OrderRow
from siyu.kernel import vault
from siyu.kernel.db import driver_of

REASON, PRICE_REASON = "orders.reason", "orders.price_reason"
"""Fields under which typed reasons are sealed: of a cancellation or refund; of a changed price."""
_GONE = {"zh-CN": "理由已随客户资料删除", "en": "The reason was deleted with the customer's data"}


class NoteSeen(Struct, frozen=True):
    """A note of staff."""

    at: datetime
    staff_name: str
    text: str


async def note_of_customer(session: AsyncSession, row: OrderRow) -> str:
    """What the customer wrote; nothing once they were forgotten."""
    key = await _key(session, row.customer_id) if row.sealed_note is not None else None
    return key.open("orders.note", row.sealed_note or b"", str) if key else ""


async def notes_of(session: AsyncSession, row: OrderRow) -> list[NoteSeen]:
    """Notes of staff, oldest first; without their texts once the customer was forgotten."""
    found = list(
        await session.scalars(
            select(OrderNoteRow)
            .where(OrderNoteRow.order_id == row.id)
            .order_by(OrderNoteRow.at, OrderNoteRow.id)
        )
    )
    key = await _key(session, row.customer_id) if found else None
    return [
        NoteSeen(
            one.at,
            one.staff_name,
            key.open("orders.staff_note", one.sealed, str) if key and one.sealed else "",
        )
        for one in found
    ]


async def reasons_of(session: AsyncSession, row: OrderRow, kept: Sequence[str]) -> list[str | None]:
    """Reasons of an order's cancellation and refunds as they were given; None once the customer was forgotten.

    At most one read. Codes, which the program itself writes, come as they are.
    """
    key = await _key(session, row.customer_id) if any(map(vault.is_sealed, kept)) else None
    return [vault.open_text(key, REASON, one) for one in kept]


async def waterfall_of(session: AsyncSession, row: OrderRow) -> list[dict[str, Any]]:
    """The steps of an order's price, their notes readable; at most one read."""
    if not any(
        map(vault.is_sealed, [text for step in row.waterfall for text in step["note"].values()])
    ):
        return row.waterfall
    key = await _key(session, row.customer_id)
    return [
        step
        | {
            "note": {
                locale: _GONE.get(locale, _GONE["en"])
                if (said := vault.open_text(key, PRICE_REASON, text)) is None
                else said
                for locale, text in step["note"].items()
            }
        }
        for step in row.waterfall
    ]


async def _key(session: AsyncSession, customer_id: UUID) -> vault.PersonKey | None:
    return (await vault.keys_of(await driver_of(session), [customer_id])).get(customer_id)
