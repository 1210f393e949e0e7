"""What staff change in an order: its price, its address, notes."""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import payments, pricing
from siyu.goods.orders import queries
from siyu.goods.orders.actions.stating import kept_reason, of_order
from siyu.goods.orders.events import OrderAddressChanged, OrderNoted, OrderPriceChanged
from siyu.goods.orders.rules import WrongState
from siyu.goods.orders.tables import OrderLineRow, OrderNoteRow, OrderRow
from siyu.kernel import clock, vault
from siyu.kernel.db import actor_of, driver_of
from siyu.kernel.errors import NotFound
from siyu.kernel.events import state
from siyu.kernel.ids import new_id
from siyu.people import customers
from siyu.people.customers import Address

_STEPS = tuple[pricing.Step, ...]
_WATERFALL = tuple[pricing.Waterfall, ...]


async def change_price(
    session: AsyncSession, order_id: UUID, line_id: UUID, line_minor: int, *, reason: str
) -> OrderRow:
    """Set what a whole line of an unpaid order costs. Payments under way are closed: they ask for the old amount.

    Raises ``NotFound``, ``WrongState``, ``TooLarge``.
    """
    row = await queries.lock(session, order_id)
    if row.state != "unpaid":
        raise WrongState(state=row.state)
    await payments.close(session, "order", [order_id])
    lines = (await queries.lines_of(session, [order_id]))[order_id]
    at = next((i for i, line in enumerate(lines) if line.line_id == line_id), None)
    if at is None:
        raise NotFound(line_id=str(line_id))
    before_minor, total_before_minor = lines[at].line_minor, row.total_minor
    note = await kept_reason(session, row, queries.PRICE_REASON, reason)
    priced = pricing.change_line(
        [_frozen(line) for line in lines],
        msgspec.convert(row.waterfall, _WATERFALL),
        at,
        line_minor,
        rule="staff",
        note={"zh-CN": note, "en": note},
    )
    lines[at].line_minor = line_minor
    lines[at].steps = msgspec.to_builtins(priced.lines[at].steps)
    row.waterfall = msgspec.to_builtins(priced.waterfall)
    row.goods_minor, row.total_minor = priced.goods_minor, priced.total_minor
    row.version += 1
    await session.flush()
    event = OrderPriceChanged(
        **of_order(row),
        line_id=line_id,
        line_before_minor=before_minor,
        line_minor=line_minor,
        total_before_minor=total_before_minor,
        total_minor=row.total_minor,
    )
    await state(session, [event])
    return row


def _frozen(line: OrderLineRow) -> pricing.PricedLine:
    return pricing.PricedLine(
        line.quantity,
        line.list_minor,
        line.unit_minor,
        line.line_minor,
        msgspec.convert(line.steps, _STEPS),
    )


async def change_address(session: AsyncSession, order_id: UUID, to: Address) -> OrderRow:
    """Send the order elsewhere, as long as nothing was shipped; freight stays as it was agreed.

    Raises ``NotFound``, ``WrongState``, ``Forgotten``.
    """
    row = await queries.lock(session, order_id)
    lines = (await queries.lines_of(session, [order_id]))[order_id]
    if (
        row.delivery != "express"
        or row.state not in ("unpaid", "paid")
        or any(line.shipped_quantity for line in lines)
    ):
        raise WrongState(state=row.state)
    (row.contact_id,) = await customers.keep_contacts(
        await driver_of(session), [(row.customer_id, to)]
    )
    row.version += 1
    await session.flush()
    await state(
        session,
        [OrderAddressChanged(order_id=row.id, district_code=to.district_code)],
    )
    return row


async def add_note(session: AsyncSession, order_id: UUID, text: str) -> OrderNoteRow:
    """Write a note for colleagues; shoppers never see it. Raises ``NotFound``, ``Forgotten``."""
    order = await queries.one(session, order_id)
    keys = await vault.keys_for(await driver_of(session), [order.customer_id])
    actor = actor_of(session)
    note = OrderNoteRow(
        id=new_id(),
        order_id=order_id,
        at=clock.now(),
        staff_id=actor.id,
        staff_name=actor.name,
        sealed=keys[order.customer_id].seal("orders.staff_note", text),
    )
    session.add(note)
    await session.flush()
    await state(session, [OrderNoted(order_id=order_id, note_id=note.id)])
    return note
