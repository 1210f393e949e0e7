"""The hot way in: ``POST /api/shop/orders`` as a raw ASGI callable, straight to the batcher."""

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from siyu.goods.orders.placing.batch import open_batcher
from siyu.goods.orders.placing.costing import merged
from siyu.goods.orders.placing.wanted import PlacedOut, PlaceOrderIn, Wanted, hash_of
from siyu.goods.orders.rules import MAX_QUANTITY, BadAddress, BadStore, PickUpClosed
from siyu.kernel import effective
from siyu.kernel.errors import Invalid, Refusal
from siyu.kernel.http import read_body, send_bytes
from siyu.kernel.http.idempotency import BadKey
from siyu.kernel.ids import own_id
from siyu.people.brands import PICK_UP_OFFERED, UnitChanged, open_stores
from siyu.people.customers import sessions_of

MAX_BYTES = 64_000
STORES_MEMORY_S = 3.0
_decode = msgspec.json.Decoder(PlaceOrderIn).decode
_encode = msgspec.json.Encoder().encode


class Malformed(Refusal):
    """The body is not an order."""

    code = "http.malformed"
    status = 400
    detail = "The body is not a valid order."


class Placing:
    """Everything a process needs to place orders; opened with it, closed before its database."""

    def __init__(self, runtime: Any) -> None:
        self._database = runtime.database
        self._sessions = sessions_of(runtime)
        self._stores: dict[UUID, tuple[float, frozenset[UUID]]] = {}
        self._dated = effective.memory_of(runtime)
        self.batcher = open_batcher(runtime.database, self._dated)
        runtime.parts["news"].hear_stated([UnitChanged], self._forget_stores)

    async def ask(
        self, brand_id: UUID, customer_id: UUID, order: PlaceOrderIn, key: str, link: str = ""
    ) -> PlacedOut:
        """Place an order of a customer. Raises the refusals of ``place_orders``, ``BadKey``, ``Invalid``, ``Busy``."""
        if not 0 < len(key) <= 64 or not key.isprintable():
            raise BadKey
        link = order.link or link
        if "\0" in order.note or "\0" in link:
            raise Invalid("The text contains a character (NUL) that cannot be stored.")
        lines = merged([(own_id(line.sku_id), line.quantity) for line in order.lines])
        if len(lines) < len(order.lines) and any(quantity > MAX_QUANTITY for _, quantity in lines):
            raise Invalid(
                errors=[{"path": "lines", "message": f"at most {MAX_QUANTITY} pieces of one SKU"}]
            )
        address_id: UUID | None = None
        if pick_up := order.delivery == "pick_up":
            await self.check_store(brand_id, order.store_id)
        elif order.address_id is None:
            raise BadAddress
        else:
            address_id = own_id(order.address_id)
        return await self.batcher.ask(
            brand_id,
            Wanted(
                customer_id,
                key,
                hash_of(order),
                lines,
                order.delivery,
                address_id,
                order.store_id if pick_up else None,
                order.note,
                order.expected_total_minor,
                order.from_cart,
                link,
            ),
        )

    def _forget_stores(self, brand_id: UUID | None) -> None:
        for known in [*self._stores] if brand_id is None else [brand_id]:
            self._stores.pop(known, None)

    async def handing_out(self, brand_id: UUID) -> frozenset[UUID]:
        """Open stores that hand out orders: read afresh when units changed, at most ``STORES_MEMORY_S`` old."""
        known = self._stores.get(brand_id)
        if known is None or time.monotonic() - known[0] > STORES_MEMORY_S:
            async with self._database.brand(brand_id) as session:
                stores = frozenset(unit.id for unit in await open_stores(session, pick_up=True))
            known = self._stores[brand_id] = (time.monotonic(), stores)
        return known[1]

    async def check_store(self, brand_id: UUID, store_id: UUID | None) -> None:
        """Raises ``PickUpClosed`` while the brand offers no pick-up, ``BadStore`` unless the store hands out orders."""
        if not await self._dated.value(brand_id, PICK_UP_OFFERED):
            raise PickUpClosed
        if store_id is None or store_id not in await self.handing_out(brand_id):
            raise BadStore

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        """One request: session, body, batcher, answer 201. Raises refusals."""
        shopper = await self._sessions.shopper(scope)
        customer_id = shopper.customer_id()
        body = await read_body(receive, MAX_BYTES)
        try:
            order = _decode(body)
        except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Malformed(str(error)) from None
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        key = headers.get(b"idempotency-key", b"").decode("latin-1")
        link = headers.get(b"x-siyu-link", b"")[:64].decode("latin-1")
        placed = await self.ask(shopper.brand.id, customer_id, order, key, link)
        await send_bytes(send, 201, _encode(placed))


async def start(runtime: Any) -> Any:
    """Open the process's placing; what closes it again, after everybody who waits has an answer."""
    placing = Placing(runtime)
    runtime.parts["placing"] = placing
    return placing.batcher.close


async def place(scope: Any, receive: Any, send: Any) -> None:
    """``POST /api/shop/orders`` of this process."""
    await scope["state"]["runtime"].parts["placing"].serve(scope, receive, send)
