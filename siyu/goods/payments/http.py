"""The sandbox's cashier, for the demo profile only."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from siyu.goods.payments import queries, sandbox
from siyu.goods.payments.crowd import till_of
from siyu.kernel.errors import NotFound
from siyu.people.customers import Shopper


class CashierOut(msgspec.Struct):
    """What is to be paid at the sandbox's cashier."""

    amount_minor: int
    order_number: str
    order_id: UUID
    state: str
    expires_at: datetime | None


class OutcomeIn(msgspec.Struct, forbid_unknown_fields=True):
    """What shall happen: ``pay`` · ``fail`` · ``delay`` · ``twice``."""

    outcome: str


class OutcomeOut(msgspec.Struct):
    """The payment's state after it, and where the shopper goes next."""

    state: str
    return_url: str


@get("/cashier/{payment_id:uuid}", tags=["cashier"])
async def cashier(shopper: NamedDependency[Shopper], payment_id: FromPath[UUID]) -> CashierOut:
    """What this payment asks for. Only its payer sees it, only in the demo."""
    one = await _own(shopper, payment_id)
    return CashierOut(one.amount_minor, one.label, one.payable_id, one.state, one.expires_at)


@post("/cashier/{payment_id:uuid}", tags=["cashier"], status_code=200)
async def choose_outcome(
    shopper: NamedDependency[Shopper],
    payment_id: FromPath[UUID],
    data: JSONBody[OutcomeIn],
) -> OutcomeOut:
    """Let the sandbox pay, fail, delay or call back twice. Refusals: payments.no_such_outcome."""
    one = await _own(shopper, payment_id)
    if one.provider != sandbox.NAME:
        raise NotFound(payment_id=str(payment_id))
    # The provider calls back in transactions of its own; none is held open here while waiting for them.
    state = await sandbox.choose(
        shopper.runtime.database, till_of(shopper.runtime), shopper.brand.id, payment_id, one.amount_minor, data.outcome
    )  # fmt: skip
    return OutcomeOut(state, f"/pages/paid/index?id={one.payable_id}")


async def _own(shopper: Shopper, payment_id: UUID) -> queries.AtCashier:
    if not shopper.runtime.is_demo:
        raise NotFound(payment_id=str(payment_id))
    return await till_of(shopper.runtime).look(shopper.brand.id, payment_id, shopper.customer_id())


shop_routes = [cashier, choose_outcome]
