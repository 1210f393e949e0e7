"""The sandbox's cashier, for the demo profile only."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from siyu.goods.payments import queries, sandbox
from siyu.kernel.errors import NotFound
from siyu.people.customers import Visit


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
async def cashier(
    visit: NamedDependency[Visit], runtime: NamedDependency[Any], payment_id: FromPath[UUID]
) -> CashierOut:
    """What this payment asks for. Only its payer sees it, only in the demo."""
    row = await _own(visit, runtime, payment_id)
    return CashierOut(
        row.amount_minor, row.payable_label, row.payable_id, row.state, row.expires_at
    )


@post("/cashier/{payment_id:uuid}", tags=["cashier"], status_code=200)
async def choose_outcome(
    visit: NamedDependency[Visit],
    runtime: NamedDependency[Any],
    payment_id: FromPath[UUID],
    data: JSONBody[OutcomeIn],
) -> OutcomeOut:
    """Let the sandbox pay, fail, delay or call back twice. Refusals: payments.no_such_outcome."""
    row = await _own(visit, runtime, payment_id)
    if row.provider != sandbox.NAME:
        raise NotFound(payment_id=str(payment_id))
    # The provider calls back in transactions of its own. This one has only read; holding it while waiting for theirs
    # would let a crowd take all connections and wait for each other.
    payable_id = row.payable_id
    await visit.session.rollback()
    state = await sandbox.choose(runtime.database, visit.brand.id, payment_id, data.outcome)
    return OutcomeOut(state, f"/pages/paid/index?id={payable_id}")


async def _own(visit: Visit, runtime: Any, payment_id: UUID) -> Any:
    if not runtime.is_demo:
        raise NotFound(payment_id=str(payment_id))
    payer = visit.customer_id()
    row = await queries.one(visit.session, payment_id)
    if row.payer_id != payer:
        raise NotFound(payment_id=str(payment_id))
    return row


shop_routes = [cashier, choose_outcome]
