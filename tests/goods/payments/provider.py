"""A payment provider as the world offers them: it may refuse, and it notices what is locked while it is asked."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from siyu.goods import orders, payments
from siyu.goods.payments.ports import Instruction, RefundAnswer


class Picky:
    """Keeps what it was asked; refuses refunds while ``refuses`` is set."""

    def __init__(self) -> None:
        self.refuses = False
        self.refunded: list[tuple[UUID, UUID, int]] = []
        self.at_begin: Any = None
        self.at_refund: Any = None

    async def begin(self, payment_id: UUID, amount_minor: int, label: str) -> Instruction:
        if self.at_begin:
            await self.at_begin(payment_id)
        return Instruction(cashier_path=f"/picky/{payment_id}")

    async def refund(self, refund_id: UUID, payment_id: UUID, amount_minor: int) -> RefundAnswer:
        if self.at_refund:
            await self.at_refund(refund_id)
        self.refunded.append((refund_id, payment_id, amount_minor))
        if self.refuses:
            return RefundAnswer(done=False, error="account closed")
        return RefundAnswer(done=True, reference=refund_id.hex)


@pytest.fixture
def picky() -> Iterator[Picky]:
    """The provider that payments begin with during a test."""
    provider, before = Picky(), orders.plugs.payment_provider
    payments.plug_in("picky", provider)
    orders.plugs.payment_provider = "picky"
    yield provider
    orders.plugs.payment_provider = before
