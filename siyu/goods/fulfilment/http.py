"""Shipping desks and pick-up counters of the console."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody
from msgspec import Meta

from siyu.goods.fulfilment import actions, queries, rules
from siyu.goods.orders import OrderOut, order_for_desk
from siyu.kernel.errors import NotFound
from siyu.kernel.http import once
from siyu.people.staff import Desk, permission

permission("orders.ship", {"zh-CN": "发货与签收", "en": "Ship and sign"})
permission("orders.pick_up", {"zh-CN": "核销自提", "en": "Hand over pick-ups"})


class ParcelPieces(msgspec.Struct, forbid_unknown_fields=True):
    """Pieces of a line that go into the parcel."""

    line_id: UUID
    quantity: Annotated[int, Meta(ge=1, le=9_999)]


class ParcelIn(msgspec.Struct, forbid_unknown_fields=True):
    """A parcel that was handed to a carrier."""

    lines: Annotated[list[ParcelPieces], Meta(min_length=1, max_length=100)]
    carrier: Annotated[str, Meta(max_length=20)]
    tracking_number: Annotated[str, Meta(max_length=64)]


class ParcelPatchIn(msgspec.Struct, forbid_unknown_fields=True):
    """The right carrier and number."""

    carrier: Annotated[str, Meta(max_length=20)]
    tracking_number: Annotated[str, Meta(max_length=64)]


class PickUpIn(msgspec.Struct, forbid_unknown_fields=True):
    """The code that the customer shows."""

    code: Annotated[str, Meta(min_length=1, max_length=40)]


class CarrierOut(msgspec.Struct):
    """A carrier."""

    code: str
    name: dict[str, str]


class CarriersOut(msgspec.Struct):
    """All carriers."""

    items: list[CarrierOut]


@get("/carriers", tags=["fulfilment"])
async def carriers(desk: NamedDependency[Desk]) -> CarriersOut:
    """Carriers that parcels can be sent with."""
    desk.require("orders.ship")
    return CarriersOut([CarrierOut(code, name) for code, name in rules.CARRIERS.items()])


@post("/orders/{order_id:uuid}/parcels", tags=["fulfilment"], status_code=200)
async def ship(
    desk: NamedDependency[Desk],
    order_id: FromPath[UUID],
    data: JSONBody[ParcelIn],
    request_key: Annotated[str, HeaderParameter(name="Idempotency-Key", required=False)] = "",
) -> OrderOut:
    """Send a parcel.

    Refusals: orders.wrong_state, orders.not_that_many, fulfilment.unknown_carrier,
    fulfilment.bad_tracking_number, fulfilment.too_many_parcels.
    """
    desk.require("orders.ship")
    await order_for_desk(desk, order_id)
    writing = await once(desk.session, f"ship/{order_id}", request_key or desk.request_id, data)
    if writing.reference is None:
        quantities: dict[UUID, int] = {}
        for line in data.lines:
            quantities[line.line_id] = quantities.get(line.line_id, 0) + line.quantity
        parcel_id = await actions.ship(
            desk.session, order_id, quantities, data.carrier, data.tracking_number
        )
        await writing.done({"parcel_id": parcel_id})
        await desk.audit(
            "orders.shipped",
            subject_kind="order",
            subject_id=order_id,
            facts={"parcel_id": str(parcel_id)},
        )
    return await order_for_desk(desk, order_id)


async def _order_of(desk: Desk, parcel_id: UUID) -> UUID:
    """The order of a parcel. Raises ``NotFound``, also for what the reader may not see."""
    order_id = await queries.order_of_parcel(desk.session, parcel_id)
    try:
        await order_for_desk(desk, order_id)
    except NotFound:  # its words would tell the order's id
        raise NotFound(parcel_id=str(parcel_id)) from None
    return order_id


@patch("/parcels/{parcel_id:uuid}", tags=["fulfilment"])
async def correct(
    desk: NamedDependency[Desk], parcel_id: FromPath[UUID], data: JSONBody[ParcelPatchIn]
) -> OrderOut:
    """Correct carrier and number. Refusals: fulfilment.already_signed, fulfilment.unknown_carrier, fulfilment.bad_tracking_number."""
    desk.require("orders.ship")
    order_id = await _order_of(desk, parcel_id)
    await actions.correct(desk.session, parcel_id, data.carrier, data.tracking_number)
    await desk.audit(
        "parcels.changed",
        subject_kind="order",
        subject_id=order_id,
        facts={"parcel_id": str(parcel_id)},
    )
    return await order_for_desk(desk, order_id)


@post("/parcels/{parcel_id:uuid}/signed", tags=["fulfilment"], status_code=200)
async def sign(desk: NamedDependency[Desk], parcel_id: FromPath[UUID]) -> OrderOut:
    """The parcel has arrived. Refusals: fulfilment.already_signed."""
    desk.require("orders.ship")
    order_id = await _order_of(desk, parcel_id)
    await actions.sign(desk.session, parcel_id)
    await desk.audit(
        "parcels.signed",
        subject_kind="order",
        subject_id=order_id,
        facts={"parcel_id": str(parcel_id)},
    )
    return await order_for_desk(desk, order_id)


@post("/orders/{order_id:uuid}/pick-up", tags=["fulfilment"], status_code=200)
async def hand_over(
    desk: NamedDependency[Desk],
    runtime: NamedDependency[Any],
    order_id: FromPath[UUID],
    data: JSONBody[PickUpIn],
) -> OrderOut:
    """Verify the code and hand the order over. Refusals: fulfilment.wrong_code, fulfilment.too_many_tries, orders.wrong_state."""
    desk.require("orders.pick_up")
    await order_for_desk(desk, order_id)
    await actions.hand_over(runtime.database, desk.session, order_id, data.code)
    await desk.audit("orders.picked_up", subject_kind="order", subject_id=order_id)
    return await order_for_desk(desk, order_id)


console_routes = [carriers, ship, correct, sign, hand_over]
