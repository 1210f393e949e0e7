"""The payment provider of the simulation: a bank outside the house, with books of its own and bad days."""

from random import Random
from uuid import UUID

from siyu.app.simulate.book import Wrong
from siyu.goods.payments import Instruction, RefundAnswer

BANK = "bank"


class BankAway(ConnectionError):
    """The bank does not answer; it may or may not have done what it was asked."""


class Bank:
    """Never dies with the house. Payments and refunds are known by the house's ids and done once each."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self.asked: dict[str, int] = {}
        """Payments that were begun here, with their amounts, in their order."""
        self.received: dict[str, int] = {}
        self.sent_back: dict[str, tuple[str, int]] = {}
        """Refunds that were done: payment and amount."""
        self._refused: set[str] = set()
        self._troubled: set[str] = set()
        self._attempts: dict[str, int] = {}

    async def begin(self, payment_id: UUID, amount_minor: int, label: str) -> Instruction:
        """The cashier of a payment; asked again it is the same one."""
        known = self.asked.setdefault(str(payment_id), amount_minor)
        if known != amount_minor:
            raise Wrong(
                f"payment {payment_id} was begun with {known} and again with {amount_minor}"
            )
        return Instruction(cashier_path=f"/bank/{payment_id}")

    def receive(self, payment_id: str) -> int:
        """A shopper pays what was asked for; the amount."""
        self.received[payment_id] = self.asked[payment_id]
        return self.asked[payment_id]

    async def refund(self, refund_id: UUID, payment_id: UUID, amount_minor: int) -> RefundAnswer:
        """Send money back, refuse, or be away before or after it was done. Raises ``BankAway``."""
        refund, payment = str(refund_id), str(payment_id)
        if payment not in self.received:
            raise Wrong(f"refund {refund} of payment {payment}, which never arrived")
        if refund in self.sent_back:
            if self.sent_back[refund] != (payment, amount_minor):
                raise Wrong(f"refund {refund} was asked for twice and differently")
            return self._done(refund)
        if refund in self._refused:
            return RefundAnswer(done=False, error="account closed")
        mood = self._mood(refund, payment)
        if mood == "away":
            raise BankAway
        if mood == "refuses":
            self._refused.add(refund)
            return RefundAnswer(done=False, error="account closed")
        left = self.received[payment] - sum(
            amount for of, amount in self.sent_back.values() if of == payment
        )
        if amount_minor > left:
            raise Wrong(
                f"refund {refund} of {amount_minor}: only {left} of payment {payment} are left"
            )
        self.sent_back[refund] = (payment, amount_minor)
        if mood == "unheard":
            raise BankAway
        return self._done(refund)

    def _mood(self, refund: str, payment: str) -> str:
        """How the bank takes a refund it has not heard of; whoever was troubled once is served well the next time."""
        if refund in self._troubled:
            return "well"
        self._troubled.add(refund)
        nth = self._attempts[payment] = self._attempts.get(payment, 0) + 1
        number = list(self.asked).index(payment)
        drawn = Random(f"{self._seed}/refund/{number}/{nth}").random()
        if drawn < 0.15:
            return "away"
        if drawn < 0.3:
            return "unheard"
        return "refuses" if drawn < 0.5 else "well"

    def _done(self, refund: str) -> RefundAnswer:
        return RefundAnswer(done=True, reference=f"BR{refund[-12:]}")
