"""Reads of what people wrote on orders: sealed with the customer's key, opened here."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.orders.tables import OrderNoteRow, OrderRow
from siyu.kernel import vault
from siyu.kernel.db import driver_of


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


async def _key(session: AsyncSession, customer_id: UUID) -> vault.PersonKey | None:
    return (await vault.keys_of(await driver_of(session), [customer_id])).get(customer_id)
