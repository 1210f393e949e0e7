"""Orders put together for a screen, with a constant number of reads for any number of orders."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods import catalogue, payments, pricing
from siyu.goods.orders import queries, rules
from siyu.goods.orders.actions.stating import held_pieces
from siyu.goods.orders.http import shop_wire, wire
from siyu.goods.orders.ports import Fulfilled, plugs
from siyu.goods.orders.tables import OrderLineRow, OrderRow
from siyu.kernel.errors import NotFound
from siyu.people import brands, customers, staff
from siyu.people.brands import BrandFacts, Unit
from siyu.people.customers import Address, AddressOut, Shopper, Visit, address_names
from siyu.people.staff import Desk

NEEDED = {
    "ship": "orders.ship",
    "pick_up": "orders.pick_up",
    "cancel": "orders.edit",
    "refund": "orders.refund",
    "change_price": "orders.price",
    "note": "orders.edit",
    "change_address": "orders.edit",
}
"""Permission by action of ``may``."""


async def order_rows(desk: Desk, rows: Sequence[OrderRow]) -> list[wire.OrderRowOut]:
    """Orders as the console lists them; four reads for any number."""
    buyers = await customers.cards(desk.session, {row.customer_id for row in rows})
    units = await brands.units(desk.session, {row.store_id for row in rows})
    pictures = await catalogue.images(
        desk.session, {UUID(image) for row in rows for image in row.image_ids}
    )
    out: list[wire.OrderRowOut] = []
    for row in rows:
        buyer = buyers.get(row.customer_id)
        unit = units.get(row.store_id) if row.store_id else None
        out.append(
            wire.OrderRowOut(
                row.id,
                row.number,
                row.state,
                row.placed_at,
                row.paid_at,
                _buyer_name(desk, buyer),
                row.customer_id,
                row.total_minor,
                row.refunded_minor,
                row.quantity,
                row.first_title,
                [pictures[UUID(image)] for image in row.image_ids if UUID(image) in pictures],
                row.source,
                unit.name if unit else None,
                row.delivery,
                row.ship_by,
            )
        )
    return out


def _buyer_name(desk: Desk, buyer: customers.Card | None) -> str:
    if buyer is None:
        return ""
    if not buyer.name:
        return customers.masked_phone(buyer.phone, hidden=desk.masked("phone"))
    return customers.masked_name(buyer.name) if desk.masked("recipient") else buyer.name


async def order_for_desk(desk: Desk, order_id: UUID) -> wire.OrderOut:
    """An order in full, as far as the reader may see it. Raises ``NotFound``, also outside their part of the tree."""
    session = desk.session
    if not await queries.readable(session, order_id, await desk.unit_ids()):
        raise NotFound(order_id=str(order_id))
    row = await queries.one(session, order_id)
    await session.refresh(row)
    lines = (await queries.lines_of(session, [order_id]))[order_id]
    pictures = await catalogue.images(session, [line.image_id for line in lines])
    units = await brands.units(session, [row.store_id, row.pick_up_store_id])
    guides = await staff.names(session, [row.guide_id])
    fulfilled = (await plugs.fulfilment(session, [order_id])).get(order_id) or Fulfilled()
    paid = (await payments.of_payables(session, "order", [order_id])).get(order_id, [])
    (cancel_reason,) = await queries.reasons_of(session, row, [row.cancel_reason])
    store = units.get(row.store_id) if row.store_id else None
    hands_out = units.get(row.pick_up_store_id) if row.pick_up_store_id else None
    return wire.OrderOut(
        id=row.id, number=row.number, state=row.state, version=row.version, placed_at=row.placed_at,
        pay_by=row.pay_by if row.state == "unpaid" else None, paid_at=row.paid_at, completed_at=row.completed_at,
        cancelled_at=row.cancelled_at, cancel_reason=cancel_reason,
        ship_by=row.ship_by if row.state == "paid" else None, customer=await _buyer(desk, row.customer_id),
        delivery=row.delivery, recipient=await _recipient(desk, row),
        pick_up_store=store_out(hands_out, desk.brand, desk.staff.locale) if hands_out else None,
        pick_up_code=fulfilled.pick_up_code if desk.may("orders.pick_up") else None,
        lines=[_line(line, pictures) for line in lines], waterfall=_waterfall(await queries.waterfall_of(session, row), row.total_minor), goods_minor=row.goods_minor,
        freight_minor=row.freight_minor, total_minor=row.total_minor, paid_minor=row.paid_minor,
        refunded_minor=row.refunded_minor, currency=row.currency, parcels=list(fulfilled.parcels),
        payments=[
            wire.PaymentOut(one.id, one.provider, one.amount_minor, one.state, one.provider_reference, one.at)
            for one in paid
        ],
        refunds=await _refunds(desk, row), timeline=await queries.timeline(session, order_id),
        notes=[wire.NoteOut(note.at, note.staff_name, note.text) for note in await queries.notes_of(session, row)],
        customer_note=await queries.note_of_customer(session, row), source=row.source, scene=row.scene, store_name=store.name if store else None,
        guide_name=guides.get(row.guide_id) if row.guide_id else None, may=_may(desk, row, lines),
    )  # fmt: skip


async def recent_orders(desk: Desk, customer_id: UUID) -> list[wire.OrderRowOut]:
    """A customer's latest orders, as far as the reader may see orders at all."""
    if not desk.may("orders.view"):
        return []
    wanted = queries.Filter(customer_id=customer_id, unit_ids=await desk.unit_ids())
    return await order_rows(desk, await queries.page_of_orders(desk.session, wanted, limit=10))


async def customer_timeline(desk: Desk, customer_id: UUID) -> list[queries.TimelineItem]:
    """What happened to a customer's latest orders, newest first."""
    if not desk.may("orders.view"):
        return []
    wanted = queries.Filter(customer_id=customer_id, unit_ids=await desk.unit_ids())
    rows = await queries.page_of_orders(desk.session, wanted, limit=20)
    return await queries.timelines(desk.session, [row.id for row in rows])


async def _buyer(desk: Desk, customer_id: UUID) -> wire.BuyerOut | None:
    buyer = (await customers.cards(desk.session, [customer_id])).get(customer_id)
    if buyer is None:
        return None
    figures = (await queries.figures(desk.session, [customer_id])).get(
        customer_id
    ) or customers.Purchases()
    phone = customers.masked_phone(buyer.phone, hidden=desk.masked("phone"))
    return wire.BuyerOut(
        buyer.id, _buyer_name(desk, buyer), phone, figures.orders, figures.spent_minor
    )


async def _refunds(desk: Desk, row: OrderRow) -> list[wire.RefundOut]:
    made = await queries.refunds_of(desk.session, row.id)
    reasons = await queries.reasons_of(desk.session, row, [one.row.reason for one in made])
    return [
        wire.RefundOut(
            one.row.id,
            one.row.amount_minor,
            reason,
            one.row.state,
            one.row.agreed_at,
            [
                wire.RefundLineOut(line.line_id, line.quantity, line.amount_minor)
                for line in one.lines
            ],
            one.row.agreed_by,
        )
        for one, reason in zip(made, reasons, strict=True)
    ]


def _hidden(desk: Desk) -> set[str]:
    return {field for field in ("phone", "recipient", "address") if desk.masked(field)}


async def _sent_to(session: AsyncSession, row: OrderRow) -> Address | None:
    if row.contact_id is None:
        return None
    return (await customers.contacts(session, [row.contact_id])).get(row.contact_id)


async def _recipient(desk: Desk, row: OrderRow) -> AddressOut | None:
    """In part for everybody: a page lies open all day. ``recipient_for_form`` has the whole."""
    address = await _sent_to(desk.session, row)
    return AddressOut.masked(address, _hidden(desk)) if address else None


async def recipient_for_form(desk: Desk, order_id: UUID) -> tuple[str, AddressOut]:
    """An order's number and where it goes: in full, unless the role hides a field.

    Only while there is something to send or the address can be changed. Raises ``WrongState``.
    """
    row = await queries.one(desk.session, order_id)
    lines = (await queries.lines_of(desk.session, [order_id]))[order_id]
    address = await _sent_to(desk.session, row)
    if address is None or not {"ship", "change_address"} & set(_may(desk, row, lines)):
        raise rules.WrongState(state=row.state)
    hidden = _hidden(desk)
    return row.number, AddressOut.masked(address, hidden) if hidden else AddressOut.of(address)


def _line(line: OrderLineRow, pictures: dict[UUID, catalogue.ImageOut]) -> wire.OrderLineOut:
    return wire.OrderLineOut(
        line.line_id, line.sku_id, line.product_id, line.code, line.title, line.option_label,
        pictures.get(line.image_id) if line.image_id else None, line.quantity, line.list_minor, line.unit_minor,
        line.line_minor, [wire.LineStep(step["stage"], step["amount_minor"]) for step in line.steps],
        line.refunded_quantity, line.refunded_minor, line.shipped_quantity,
    )  # fmt: skip


def _waterfall(waterfall: Sequence[dict[str, Any]], total_minor: int) -> list[wire.WaterfallStep]:
    steps = [
        wire.WaterfallStep(
            step["stage"],
            pricing.LABELS[step["stage"]],
            step["amount_minor"],
            step["rule"],
            step["note"],
        )
        for step in waterfall
    ]
    return [*steps, wire.WaterfallStep("total", pricing.LABELS["total"], total_minor, "", {})]


def _may(desk: Desk, row: OrderRow, lines: Sequence[OrderLineRow]) -> list[str]:
    refundable = (
        sum(line.quantity - line.refunded_quantity for line in lines)
        + row.freight_minor
        - row.freight_refunded_minor
    )
    actions = rules.staff_may(
        row.state,  # pyright: ignore[reportArgumentType]
        row.delivery,  # pyright: ignore[reportArgumentType]
        unshipped=sum(held_pieces(lines).values()),
        shipped=sum(line.shipped_quantity for line in lines),
        refundable=refundable > 0,
    )
    return [one for one in actions if desk.may(NEEDED[one])]


def store_out(unit: Unit, brand: BrandFacts, locale: str) -> wire.StoreOut:
    """A store as shoppers see it."""
    return wire.StoreOut(
        unit.id, brand.text(unit.name, locale), unit.address, unit.phone, brand.text(unit.hours, locale),
        " ".join(address_names(unit.district_code)) if unit.district_code else "", _degrees(unit.latitude_e6),
        _degrees(unit.longitude_e6), unit.pick_up,
    )  # fmt: skip


def _degrees(e6: int | None) -> float | None:
    return None if e6 is None else e6 / 1_000_000


def shop_steps(
    waterfall: Sequence[dict[str, Any]], visit: Visit | Shopper
) -> list[shop_wire.ShopStep]:
    """A frozen waterfall in the shopper's language."""
    return [
        shop_wire.ShopStep(
            step["stage"],
            visit.text(pricing.LABELS[step["stage"]]),
            step["amount_minor"],
            visit.text(step["note"]),
        )
        for step in waterfall
    ]


async def shop_rows(visit: Visit, rows: Sequence[OrderRow]) -> list[shop_wire.ShopOrderRow]:
    """Orders as their buyer lists them; two reads for any number."""
    lines = await queries.lines_of(visit.session, [row.id for row in rows])
    pictures = await catalogue.images(
        visit.session, [line.image_id for of_one in lines.values() for line in of_one]
    )
    return [
        shop_wire.ShopOrderRow(**_shop_row(visit, row, lines[row.id], pictures)) for row in rows
    ]


def _shop_row(
    visit: Visit,
    row: OrderRow,
    lines: Sequence[OrderLineRow],
    pictures: dict[UUID, catalogue.ImageOut],
) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "state": row.state,
        "placed_at": row.placed_at,
        "pay_by": row.pay_by if row.state == "unpaid" else None,
        "total_minor": row.total_minor,
        "quantity": row.quantity,
        "lines": [
            shop_wire.ShopOrderLine(
                visit.text(line.title),
                visit.text(line.option_label),
                pictures.get(line.image_id) if line.image_id else None,
                line.quantity,
                line.unit_minor,
            )
            for line in lines
        ],
        "delivery": row.delivery,
    }


async def shop_order(visit: Visit, order_id: UUID) -> shop_wire.ShopOrder:
    """One's own order in full. Raises ``NotFound``."""
    session = visit.session
    row = await queries.one(session, order_id)
    queries.check_owner(row, visit.customer_id())
    await session.refresh(row)
    lines = (await queries.lines_of(session, [order_id]))[order_id]
    pictures = await catalogue.images(session, [line.image_id for line in lines])
    hands_out = (await brands.units(session, [row.pick_up_store_id])).get(
        row.pick_up_store_id or order_id
    )
    fulfilled = (await plugs.fulfilment(session, [order_id])).get(order_id) or Fulfilled()
    moments = await queries.timeline(session, order_id, shopper=True)
    address = await _sent_to(session, row)
    return shop_wire.ShopOrder(
        **_shop_row(visit, row, lines, pictures),
        paid_at=row.paid_at,
        ship_by=row.ship_by if row.state == "paid" else None,
        recipient=AddressOut.of(address) if address else None,
        pick_up_store=store_out(hands_out, visit.brand, visit.locale) if hands_out else None,
        pick_up_code=fulfilled.pick_up_code,
        waterfall=shop_steps(await queries.waterfall_of(session, row), visit),
        goods_minor=row.goods_minor,
        freight_minor=row.freight_minor,
        paid_minor=row.paid_minor,
        refunded_minor=row.refunded_minor,
        parcels=[
            shop_wire.ShopParcel(
                visit.text(one.carrier_name), one.tracking_number, one.shipped_at, one.signed_at
            )
            for one in fulfilled.parcels
        ],
        timeline=[shop_wire.ShopMoment(one.at, visit.text(one.text)) for one in moments],
        customer_note=await queries.note_of_customer(session, row),
        may=rules.shopper_may(
            row.state,  # pyright: ignore[reportArgumentType]
            row.delivery,  # pyright: ignore[reportArgumentType]
            unshipped=sum(held_pieces(lines).values()),
            shipped=sum(line.shipped_quantity for line in lines),
        ),
    )
