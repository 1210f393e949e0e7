"""The sandbox provider of the demo profile: a cashier that pays, fails, delays, and calls back twice."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.goods.payments import actions, queries, rules
from siyu.goods.payments.actions import Arrived
from siyu.goods.payments.crowd import Till
from siyu.goods.payments.ports import Instruction, RefundAnswer
from siyu.kernel import clock, timers
from siyu.kernel.db import Database
from siyu.kernel.timers import Timer

NAME = "sandbox"
DELAY = timedelta(seconds=15)
OUTCOMES = ("pay", "fail", "delay", "twice")


class Sandbox:
    """A provider on our own premises: money is imaginary, the order of events is not."""

    async def begin(self, payment_id: UUID, amount_minor: int, label: str) -> Instruction:
        """The cashier page of this payment."""
        return Instruction(cashier_path=f"/pages/cashier/index?id={payment_id}")

    async def refund(self, refund_id: UUID, payment_id: UUID, amount_minor: int) -> RefundAnswer:
        """Always goes back."""
        return RefundAnswer(done=True, reference=f"SBR{refund_id.hex[-12:]}")


async def choose(
    database: Database,
    till: Till,
    brand_id: UUID,
    payment_id: UUID,
    amount_minor: int,
    outcome: str,
) -> str:
    """Do what the tester chose at the cashier, as the provider would call us back; the payment's state after it.

    Each call back is a transaction of its own. Raises ``NoSuchOutcome``, ``NotFound``.
    """
    if outcome not in OUTCOMES:
        raise rules.NoSuchOutcome(outcome=outcome)
    if outcome in ("pay", "twice"):
        news = Arrived(payment_id, amount_minor, _reference(payment_id))
        seen = await till.arrived(brand_id, news)
        if outcome == "twice":
            seen = await till.arrived(brand_id, news)
        return seen.state
    async with database.brand(brand_id) as session:
        if outcome == "fail":
            await actions.fail(session, payment_id)
        else:
            await timers.put(session, "payments.sandbox", payment_id, clock.now() + DELAY)
        return await queries.state_of(session, payment_id)


@timers.due("payments.sandbox")
async def call_back_late(session: AsyncSession, due: list[Timer]) -> None:
    """The delayed call back of the sandbox."""
    for timer in due:
        row = await queries.one(session, timer.subject)
        await actions.settle(session, [Arrived(row.id, row.amount_minor, _reference(row.id))])


def _reference(payment_id: UUID) -> str:
    return f"SB{payment_id.hex[-14:].upper()}"
