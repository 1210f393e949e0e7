"""Cart, quote and orders in the shop. The hot way to place an order is ``placing.place``."""

import hashlib
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from siyu.goods import payments, stock
from siyu.goods.orders import actions, queries, rules
from siyu.goods.orders.crowd import CartSeen, ToQuote, carts_seen, crowd_of
from siyu.goods.orders.http import shop_wire, wire
from siyu.goods.orders.http.showing import shop_order, shop_rows, shop_steps
from siyu.goods.orders.placing import PlacedOut, PlaceOrderIn, Placing, cost, merged
from siyu.kernel.http import decode_cursor, encode_cursor
from siyu.people.customers import Shopper, Visit

Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=100)]


@get("/cart", tags=["cart"])
async def read_cart(shopper: NamedDependency[Shopper]) -> shop_wire.CartOut:
    """One's own cart, as a guest or signed in. Refusals: customers.privacy_needed."""
    owner_id = shopper.person_id()
    return _cart(await crowd_of(shopper.runtime).carts.ask(shopper.brand.id, owner_id), shopper)


@post("/cart/add", tags=["cart"], status_code=200)
async def add_to_cart(
    shopper: NamedDependency[Shopper], data: JSONBody[shop_wire.CartAddIn]
) -> shop_wire.CartOut:
    """Put pieces into the cart. Refusals: catalogue.not_on_sale, orders.cart_full, customers.privacy_needed."""
    put = actions.Put(shopper.person_id(), data.sku_id, data.quantity)
    return _cart(await crowd_of(shopper.runtime).puts.ask(shopper.brand.id, put), shopper)


@put("/cart/{sku_id:uuid}", tags=["cart"])
async def set_in_cart(
    shopper: NamedDependency[Shopper],
    sku_id: FromPath[UUID],
    data: JSONBody[shop_wire.CartSetIn],
) -> shop_wire.CartOut:
    """Set the number of pieces (zero takes them out) and whether they are to be ordered."""
    owner_id = shopper.person_id()
    async with shopper.connection() as connection:
        await actions.set_in_cart(
            connection, owner_id, sku_id, data.quantity, selected=data.selected
        )
        (seen,) = await carts_seen(connection, [owner_id])
    return _cart(seen, shopper)


def _cart(seen: CartSeen, shopper: Shopper) -> shop_wire.CartOut:
    lines: list[shop_wire.CartLineOut] = []
    for row in seen.lines:
        sku, left = seen.skus[row.sku_id], seen.free[row.sku_id]
        problem = None
        if not sku.on_sale:
            problem = "off_sale"
        elif left <= 0:
            problem = "sold_out"
        elif left < row.quantity:
            problem = "not_enough"
        lines.append(
            shop_wire.CartLineOut(
                row.sku_id,
                sku.product_id,
                shopper.text(sku.title),
                shopper.text(sku.option_label),
                seen.pictures.get(sku.image_id) if sku.image_id else None,
                row.quantity,
                row.selected,
                sku.price_minor,
                sku.list_price_minor,
                stock.shown(left),
                problem,
            )
        )
    chosen = [line for line in lines if line.selected and line.problem is None]
    return shop_wire.CartOut(
        lines,
        sum(line.quantity for line in chosen),
        sum(line.quantity * line.price_minor for line in chosen),
    )


@post("/quote", tags=["orders"], status_code=200)
async def quote(
    shopper: NamedDependency[Shopper], data: JSONBody[shop_wire.QuoteIn]
) -> shop_wire.QuoteOut:
    """What these pieces cost now.

    Refusals: catalogue.not_on_sale, pricing.not_delivered, orders.store_needed, orders.pick_up_closed.
    """
    lines = merged([(line.sku_id, line.quantity) for line in data.lines])
    sku_ids = [sku_id for sku_id, _ in lines]
    store_id = data.store_id if data.delivery == "pick_up" else None
    placing: Placing = shopper.runtime.parts["placing"]
    if store_id is not None:
        await placing.check_store(shopper.brand.id, store_id)
    to_quote = ToQuote(sku_ids, store_id, with_freight=data.delivery == "express")
    quotable = await crowd_of(shopper.runtime).quotes.ask(shopper.brand.id, to_quote)
    prices, pictures = quotable.prices, quotable.pictures
    district_code = data.district_code if data.delivery == "express" else None
    priced = cost(lines, prices, district_code=district_code, store_id=store_id)
    skus = [prices.sellable[sku_id] for sku_id in sku_ids]
    return shop_wire.QuoteOut(
        [
            shop_wire.QuoteLineOut(
                sku.sku_id,
                shopper.text(sku.title),
                shopper.text(sku.option_label),
                pictures.get(sku.image_id) if sku.image_id else None,
                line.quantity,
                line.unit_minor,
                line.line_minor,
            )
            for sku, line in zip(skus, priced.lines, strict=True)
        ],
        shop_steps(msgspec.to_builtins(priced.waterfall), shopper),
        priced.goods_minor,
        priced.freight_minor,
        priced.total_minor,
        hashlib.blake2b(msgspec.json.encode(priced), digest_size=12).hexdigest(),
    )


@post("/orders", tags=["orders"])
async def place_order(
    visit: NamedDependency[Visit],
    data: JSONBody[PlaceOrderIn],
    key: Annotated[str, HeaderParameter(name="Idempotency-Key", max_length=64)],
) -> PlacedOut:
    """Place an order; the pieces are held until ``pay_by``. The same key and body give the same order.

    Refusals: stock.out_of_stock, pricing.changed, pricing.not_delivered, catalogue.not_on_sale, orders.address_needed,
    orders.store_needed, orders.pick_up_closed, http.key_reused, http.not_signed_in, http.busy.
    """
    placing: Placing = visit.runtime.parts["placing"]
    return await placing.ask(visit.brand.id, visit.customer_id(), data, key, visit.link_code or "")


@get("/orders", tags=["orders"])
async def list_orders(
    visit: NamedDependency[Visit],
    order_state: Annotated[str, QueryParameter(name="state", pattern="^([a-z]+)?$")] = "",
    cursor: FromQuery[str | None] = None,
    limit: Limit = 20,
) -> shop_wire.ShopOrderPage:
    """One's own orders, newest first. Refusals: http.not_signed_in."""
    wanted = queries.Filter(
        state=order_state if order_state in rules.STATES else "", customer_id=visit.customer_id()
    )
    key = decode_cursor(cursor, datetime, UUID)
    rows = await queries.page_of_orders(
        visit.session, wanted, before=(key[0], key[1]) if key else None, limit=limit + 1
    )
    following = (
        encode_cursor((rows[limit - 1].placed_at, rows[limit - 1].id))
        if len(rows) > limit
        else None
    )
    return shop_wire.ShopOrderPage(await shop_rows(visit, rows[:limit]), following)


@get("/orders/{order_id:uuid}", tags=["orders"])
async def one_order(visit: NamedDependency[Visit], order_id: FromPath[UUID]) -> shop_wire.ShopOrder:
    """One's own order. Refusals: http.not_found, http.not_signed_in."""
    return await shop_order(visit, order_id)


@post("/orders/{order_id:uuid}/cancel", tags=["orders"], status_code=200)
async def cancel_order(
    visit: NamedDependency[Visit], order_id: FromPath[UUID], data: JSONBody[wire.ReasonIn]
) -> shop_wire.ShopOrder:
    """Cancel one's own order before it ships; what was paid goes back. Refusals: orders.not_cancellable."""
    await actions.cancel(
        visit.session, order_id, by="shopper", reason=data.reason, customer_id=visit.customer_id()
    )
    return await shop_order(visit, order_id)


@post("/orders/{order_id:uuid}/received", tags=["orders"], status_code=200)
async def confirm_receipt(
    visit: NamedDependency[Visit], order_id: FromPath[UUID]
) -> shop_wire.ShopOrder:
    """Confirm that everything has arrived. Refusals: orders.wrong_state."""
    await actions.complete(visit.session, order_id, by="shopper", customer_id=visit.customer_id())
    return await shop_order(visit, order_id)


@post("/orders/{order_id:uuid}/pay", tags=["orders"], status_code=200)
async def pay_order(
    shopper: NamedDependency[Shopper], order_id: FromPath[UUID]
) -> shop_wire.PayOut:
    """Go to the cashier; asking again leads to the same payment. Refusals: orders.wrong_state."""
    asked = actions.PayAsked(order_id, shopper.customer_id(), shopper.actor)
    to_pay = await crowd_of(shopper.runtime).payments.ask(shopper.brand.id, asked)
    if to_pay.payment_id is not None:
        # Committed: the provider is far away and must not be waited for with the order locked.
        provider = payments.provider_named(to_pay.provider)
        begun = await provider.begin(to_pay.payment_id, to_pay.amount_minor, to_pay.label)
        return shop_wire.PayOut(to_pay.payment_id, begun.cashier_path)
    async with shopper.session() as session:
        await actions.pay_nothing(session, order_id)
    return shop_wire.PayOut(order_id, f"/pages/paid/index?id={order_id}")


shop_routes = [
    read_cart, add_to_cart, set_in_cart, quote, place_order, list_orders, one_order, cancel_order, confirm_receipt,
    pay_order,
]  # fmt: skip
