"""The console's doors to stock."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from msgspec import Meta

from siyu.goods.stock import actions, queries
from siyu.goods.stock.queries import listing
from siyu.goods.stock.queries.listing import MovementPage, StockPage, StockRowOut
from siyu.kernel.db import actor_of, driver_of
from siyu.kernel.errors import Invalid
from siyu.kernel.http import decode_cursor, encode_cursor, once
from siyu.people.staff import Desk, permission

permission("stock.view", {"zh-CN": "查看库存", "en": "See stock"})
permission("stock.edit", {"zh-CN": "盘点与调整库存", "en": "Count and adjust stock"})

Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=64)]
Size = Annotated[int, QueryParameter(ge=1, le=100)]
Search = Annotated[str, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]


class LocationOut(msgspec.Struct):
    id: UUID
    name: dict[str, str]
    kind: str
    unit_id: UUID | None
    sells_online: bool


class LocationListOut(msgspec.Struct):
    items: list[LocationOut]


class AdjustIn(msgspec.Struct, forbid_unknown_fields=True):
    """Either ``delta`` (pieces more or fewer) or ``counted`` (pieces there are)."""

    sku_id: UUID
    location_id: UUID
    reason: Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")] = ""
    delta: Annotated[int, Meta(ge=-(10**9), le=10**9)] | None = None
    counted: Annotated[int, Meta(ge=0, le=10**9)] | None = None


async def _places(desk: Desk) -> list[queries.Location]:
    """Those that they see: all from the top of the tree, else those of their own subtree."""
    ids = await desk.unit_ids()
    return [
        one for one in await queries.locations(desk.session) if ids is None or one.unit_id in ids
    ]


@get("/locations", tags=["stock"])
async def list_locations(desk: NamedDependency[Desk]) -> LocationListOut:
    """The warehouse and the stores' stock rooms that one sees."""
    desk.require("stock.view")
    return LocationListOut(
        [
            LocationOut(one.id, one.name, one.kind, one.unit_id, one.sells_online)
            for one in await _places(desk)
        ]
    )


@get("/stock", tags=["stock"])
async def list_stock(
    desk: NamedDependency[Desk],
    q: Search = "",
    location_id: FromQuery[UUID | None] = None,
    low: FromQuery[bool] = False,  # noqa: FBT002 - a switch in the address
    cursor: FromQuery[str | None] = None,
    limit: Size = 20,
) -> StockPage:
    """Balances, those of the newest SKUs first; ``low``: five or fewer free pieces. Searched by product words and SKU codes."""
    desk.require("stock.view")
    places = await _places(desk)
    if location_id is not None:
        places = [one for one in places if one.id == location_id]
    after = decode_cursor(cursor, UUID, UUID)
    rows, last = await listing.page_of_stock(
        await driver_of(desk.session),
        places,
        q=q,
        low=low,
        after=after,
        limit=limit,  # pyright: ignore[reportArgumentType]
    )
    return StockPage(rows, encode_cursor(last) if last else None)


@post("/stock/adjust", tags=["stock"], status_code=200)
async def adjust_stock(
    desk: NamedDependency[Desk], data: JSONBody[AdjustIn], request_key: Key = None
) -> StockRowOut:
    """Correct a balance. Refusals: http.invalid, stock.below_reserved."""
    desk.require("stock.edit")
    if (data.delta is None) == (data.counted is None):
        raise Invalid(errors=[{"path": "delta", "message": "either delta or counted"}])
    places = [one for one in await _places(desk) if one.id == data.location_id]
    if not places:
        raise Invalid(errors=[{"path": "location_id", "message": "unknown"}])
    connection = await driver_of(desk.session)
    write = (
        await once(desk.session, f"stock/{desk.staff.id}", request_key, data)
        if request_key
        else None
    )
    place = (data.sku_id, data.location_id)
    if write is None or not write.reference:
        await actions.adjust(
            desk.session,
            place,
            delta=data.delta,
            counted=data.counted,
            reason=data.reason,
            actor=actor_of(desk.session),
        )
        if write:
            await write.done({"sku_id": data.sku_id})
    row = await listing.stock_row(connection, places[0], data.sku_id)
    if write is None or not write.reference:
        facts = {
            "delta": data.delta,
            "counted": data.counted,
            "reason": data.reason,
            "on_hand": row.on_hand,
        }
        await desk.audit(
            "stock.adjusted",
            subject_kind="sku",
            subject_id=data.sku_id,
            label=row.code,
            facts=facts,
        )
    return row


@get("/stock/{sku_id:uuid}/movements", tags=["stock"])
async def list_movements(
    desk: NamedDependency[Desk],
    sku_id: FromPath[UUID],
    location_id: FromQuery[UUID | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Size = 20,
) -> MovementPage:
    """What happened to a SKU, the latest first."""
    desk.require("stock.view")
    places = [one.id for one in await _places(desk) if location_id is None or one.id == location_id]
    before = decode_cursor(cursor, int)
    rows = await listing.page_of_movements(
        await driver_of(desk.session),
        sku_id,
        places,
        before=before[0] if before else None,
        limit=limit + 1,
    )
    following = encode_cursor((int(rows[limit - 1].id),)) if len(rows) > limit else None
    return MovementPage(rows[:limit], following)


console_routes = [list_locations, list_stock, adjust_stock, list_movements]
