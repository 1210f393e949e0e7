"""Orders in the console."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from siyu.goods.orders import actions, queries, rules
from siyu.goods.orders.http import wire
from siyu.goods.orders.http.showing import order_for_desk, order_rows, recipient_for_form
from siyu.goods.orders.tables import OrderRow
from siyu.kernel import clock
from siyu.kernel.errors import NotFound
from siyu.kernel.http import SearchHeader, decode_cursor, encode_cursor, once, sought
from siyu.kernel.ids import new_id
from siyu.people.customers import Address, AddressIn, AddressOut, checked_address
from siyu.people.staff import Desk, menu_count, permission

permission("orders.view", {"zh-CN": "查看订单", "en": "See orders"})
permission(
    "orders.edit",
    {"zh-CN": "取消订单、备注与改地址", "en": "Cancel orders, write notes, change addresses"},
)
permission("orders.price", {"zh-CN": "订单改价", "en": "Change prices of orders"})
permission("orders.refund", {"zh-CN": "退款", "en": "Refund orders"})

Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=64)]
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=100)]


@menu_count("orders_to_ship")
async def orders_to_ship(session: Any) -> int:
    """Paid orders that wait for a parcel."""
    return (await queries.counts(session, queries.Filter(), only="paid")).get("paid", 0)


@get("/orders", tags=["orders"])
async def list_orders(
    desk: NamedDependency[Desk],
    search: SearchHeader = "",
    order_state: Annotated[str, QueryParameter(name="state", pattern="^([a-z]+)?$")] = "",
    source: Annotated[str, QueryParameter(name="source", max_length=64)] = "",
    store_id: FromQuery[UUID | None] = None,
    from_day: Annotated[date | None, QueryParameter(name="from")] = None,
    to_day: Annotated[date | None, QueryParameter(name="to")] = None,
    min_minor: FromQuery[int | None] = None,
    max_minor: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 20,
) -> wire.OrderPageOut:
    """Orders, newest first. ``X-Search``: number, name, phone or its last four digits; days in the brand's zone."""
    desk.require("orders.view")
    zone = desk.brand.time_zone
    wanted = queries.Filter(
        q=sought(search), state=order_state if order_state in rules.STATES else "", source=source, store_id=store_id,
        since=_day_start(from_day, zone), until=_day_start(to_day + timedelta(days=1), zone) if to_day else None,
        min_minor=min_minor, max_minor=max_minor, unit_ids=await desk.unit_ids(),
    )  # fmt: skip
    key = decode_cursor(cursor, datetime, UUID)
    counts = await queries.counts(desk.session, wanted)
    rows: list[OrderRow] = []
    if counts["all"]:  # what nothing fits has cost one reading already
        rows = await queries.page_of_orders(
            desk.session, wanted, before=(key[0], key[1]) if key else None, limit=limit + 1
        )
    following = (
        encode_cursor((rows[limit - 1].placed_at, rows[limit - 1].id))
        if len(rows) > limit
        else None
    )
    return wire.OrderPageOut(await order_rows(desk, rows[:limit]), following, counts)


def _day_start(day: date | None, zone: str) -> datetime | None:
    return clock.start_of_day(day, zone) if day else None


@get("/orders/{order_id:uuid}", tags=["orders"])
async def one_order(desk: NamedDependency[Desk], order_id: FromPath[UUID]) -> wire.OrderOut:
    """One order with everything about it. Refusals: http.not_found."""
    desk.require("orders.view")
    return await order_for_desk(desk, order_id)


async def _may_touch(desk: Desk, order_id: UUID, right: str) -> None:
    desk.require(right)
    if not await queries.readable(desk.session, order_id, await desk.unit_ids()):
        raise NotFound(order_id=str(order_id))


async def _first(desk: Desk, what: str, order_id: UUID, key: str | None, value: Any) -> bool:
    """Whether a keyed write comes for the first time; a write without a key always does."""
    if key is None:
        return True
    keyed = await once(desk.session, f"orders.{what}/{desk.staff.id}", key, [str(order_id), value])
    if keyed.reference is not None:
        return False
    await keyed.done({"order_id": str(order_id)})
    return True


async def _note(desk: Desk, what: str, order_id: UUID, **facts: Any) -> wire.OrderOut:
    """Audit what was done and show the order as it is now."""
    out = await order_for_desk(desk, order_id)
    await desk.audit(
        f"orders.{what}", subject_kind="order", subject_id=order_id, label=out.number, facts=facts
    )
    return out


@post("/orders/{order_id:uuid}/cancel", tags=["orders"], status_code=200)
async def cancel_order(
    desk: NamedDependency[Desk],
    order_id: FromPath[UUID],
    data: JSONBody[wire.ReasonIn],
    key: Key = None,
) -> wire.OrderOut:
    """Cancel an unpaid order, or refund a paid one whole before it ships. Refusals: orders.not_cancellable."""
    await _may_touch(desk, order_id, "orders.edit")
    if not await _first(desk, "cancel", order_id, key, data):
        return await order_for_desk(desk, order_id)
    row = await actions.cancel(desk.session, order_id, by="staff", reason=data.reason)
    return await _note(
        desk, "cancelled", order_id, state=row.state, refunded_minor=row.refunded_minor
    )


@post("/orders/{order_id:uuid}/refunds", tags=["orders"], status_code=200)
async def refund_order(
    desk: NamedDependency[Desk],
    order_id: FromPath[UUID],
    data: JSONBody[wire.RefundIn],
    key: Key = None,
) -> wire.OrderOut:
    """Refund pieces and freight from the frozen allocation. Refusals: orders.wrong_state, orders.refund_too_large."""
    await _may_touch(desk, order_id, "orders.refund")
    if not await _first(desk, "refund", order_id, key, data):
        return await order_for_desk(desk, order_id)
    quantities: dict[UUID, int] = {}
    for line in data.lines:
        quantities[line.line_id] = quantities.get(line.line_id, 0) + line.quantity
    made = await actions.agree_refund(
        desk.session,
        order_id,
        quantities,
        freight_minor=data.freight_minor,
        reason=data.reason,
        restock=data.restock,
    )
    return await _note(
        desk, "refunded", order_id, amount_minor=made.amount_minor, restock=data.restock
    )


@post("/orders/{order_id:uuid}/refunds/{refund_id:uuid}/again", tags=["orders"], status_code=200)
async def send_refund_again(
    desk: NamedDependency[Desk],
    order_id: FromPath[UUID],
    refund_id: FromPath[UUID],
    key: Key = None,
) -> wire.OrderOut:
    """Ask the payment provider once more for a refund that failed. Refusals: orders.refund_not_failed, http.not_found."""
    await _may_touch(desk, order_id, "orders.refund")
    if not await _first(desk, "refund_again", order_id, key, str(refund_id)):
        return await order_for_desk(desk, order_id)
    made = await actions.send_again(desk.session, order_id, refund_id)
    return await _note(
        desk,
        "refund_sent_again",
        order_id,
        refund_id=str(refund_id),
        amount_minor=made.amount_minor,
    )


@post("/orders/{order_id:uuid}/price", tags=["orders"], status_code=200)
async def change_price(
    desk: NamedDependency[Desk],
    order_id: FromPath[UUID],
    data: JSONBody[wire.PriceChangeIn],
    key: Key = None,
) -> wire.OrderOut:
    """Set what a line of an unpaid order costs. Refusals: orders.wrong_state, http.not_found."""
    await _may_touch(desk, order_id, "orders.price")
    if not await _first(desk, "price", order_id, key, data):
        return await order_for_desk(desk, order_id)
    row = await actions.change_price(
        desk.session, order_id, data.line_id, data.new_minor, reason=data.reason
    )
    return await _note(
        desk, "price_changed", order_id, line_minor=data.new_minor, total_minor=row.total_minor
    )


@post("/orders/{order_id:uuid}/notes", tags=["orders"], status_code=200)
async def add_note(
    desk: NamedDependency[Desk],
    order_id: FromPath[UUID],
    data: JSONBody[wire.NoteIn],
    key: Key = None,
) -> wire.OrderOut:
    """Write a note for colleagues."""
    await _may_touch(desk, order_id, "orders.edit")
    if await _first(desk, "note", order_id, key, data):
        await actions.add_note(desk.session, order_id, data.text)
    return await order_for_desk(desk, order_id)


@patch("/orders/{order_id:uuid}/address", tags=["orders"])
async def change_address(
    desk: NamedDependency[Desk], order_id: FromPath[UUID], data: JSONBody[AddressIn]
) -> wire.OrderOut:
    """Send an order elsewhere before it ships. Refusals: orders.wrong_state, http.invalid, customers.bad_phone."""
    await _may_touch(desk, order_id, "orders.edit")
    checked = checked_address(data)
    address = Address(
        new_id(), checked.recipient, checked.phone, checked.district_code, checked.street
    )
    await actions.change_address(desk.session, order_id, address)
    return await _note(desk, "address_changed", order_id, district_code=checked.district_code)


@post("/orders/{order_id:uuid}/recipient", tags=["orders"], status_code=200)
async def open_recipient(desk: NamedDependency[Desk], order_id: FromPath[UUID]) -> AddressOut:
    """The recipient in full, for the form that sends the order or changes its address; who looked is written down.

    Everywhere else the recipient is shown in part. Refusals: orders.wrong_state, http.not_found.
    """
    await _may_touch(desk, order_id, "orders.ship")
    number, address = await recipient_for_form(desk, order_id)
    await desk.audit(
        "orders.recipient_opened", subject_kind="order", subject_id=order_id, label=number
    )
    return address


Page = Annotated[str, QueryParameter(name="page", pattern="^[a-z_]{1,40}$")]


@get("/views", tags=["orders"])
async def list_views(desk: NamedDependency[Desk], page: Page = "orders") -> wire.SavedViewsOut:
    """One's own saved views of a page."""
    rows = await queries.views_of(desk.session, desk.staff.id, page)
    return wire.SavedViewsOut([wire.SavedViewOut(row.id, row.name, row.query) for row in rows])


@post("/views", tags=["orders"])
async def save_view(
    desk: NamedDependency[Desk], data: JSONBody[wire.SavedViewIn]
) -> wire.SavedViewOut:
    """Keep a set of filters under a name; the same name again replaces it."""
    row = await actions.save_view(
        desk.session, desk.staff.id, data.page, data.name.strip(), data.query
    )
    return wire.SavedViewOut(row.id, row.name, row.query)


@delete("/views/{view_id:uuid}", tags=["orders"])
async def drop_view(desk: NamedDependency[Desk], view_id: FromPath[UUID]) -> None:
    """Forget one's own saved view. Refusals: http.not_found."""
    await actions.drop_view(desk.session, desk.staff.id, view_id)


console_routes = [
    list_orders, one_order, cancel_order, refund_order, send_refund_again, change_price, add_note, change_address, open_recipient,
    list_views, save_view, drop_view,
]  # fmt: skip
