"""The world of payment providers, and those who want to know when something was paid."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec

from siyu.kernel.errors import NotFound
from siyu.kernel.ledger import Posting


class Instruction(msgspec.Struct, frozen=True):
    """Where the payer goes next: an address of a cashier, or parameters for a wallet."""

    cashier_path: str
    parameters: dict[str, Any] = {}


class RefundAnswer(msgspec.Struct, frozen=True):
    """What a provider says of a refund: done with its reference, or refused with its words."""

    done: bool
    reference: str = ""
    error: str = ""


class Provider(Protocol):
    """A payment provider. Calls leave the house, so they happen outside transactions and may repeat."""

    async def begin(self, payment_id: UUID, amount_minor: int, label: str) -> Instruction:
        """Prepare a payment under our id as its key."""
        ...

    async def refund(self, refund_id: UUID, payment_id: UUID, amount_minor: int) -> RefundAnswer:
        """Send money back under our refund id as its key. Raises ``ConnectionError`` when the provider is away."""
        ...


class Settled(msgspec.Struct, frozen=True):
    """A payable was paid by this payment, just now, in this transaction."""

    payment_id: UUID
    payable_id: UUID
    amount_minor: int
    provider: str


class RefundSettled(msgspec.Struct, frozen=True):
    """A refund came to its end, in this transaction."""

    refund_id: UUID
    payment_id: UUID
    payable_id: UUID
    key: str
    amount_minor: int
    done: bool


class NeedsSession(Exception):
    """A hook was given a bare connection and these payments need a session: roll back and come with one."""

    def __init__(self, payment_ids: Collection[UUID]) -> None:
        super().__init__(*payment_ids)
        self.payment_ids = frozenset(payment_ids)


OnSettled = Callable[[Any, list[Settled]], Awaitable[Sequence[Posting]]]
OnRefund = Callable[[Any, list[RefundSettled]], Awaitable[None]]
settled_hooks: dict[str, OnSettled] = {}
refund_hooks: dict[str, OnRefund] = {}
_providers: dict[str, Provider] = {}


def on_settled(payable_kind: str) -> Callable[[OnSettled], OnSettled]:
    """Register who turns a payable into a paid one: ``async def (source, settled)``, in the payment's transaction.

    It answers with what it books, so that payment and payable stand in the ledger in one statement.
    """

    def register(hook: OnSettled) -> OnSettled:
        settled_hooks[payable_kind] = hook
        return hook

    return register


def on_refund_settled(payable_kind: str) -> Callable[[OnRefund], OnRefund]:
    """Register who is told that a refund ended, in the same transaction."""

    def register(hook: OnRefund) -> OnRefund:
        refund_hooks[payable_kind] = hook
        return hook

    return register


def plug_in(name: str, provider: Provider) -> None:
    """Make a provider available under its name (``app`` does this)."""
    _providers[name] = provider


def provider_named(name: str) -> Provider:
    """A plugged-in provider. Raises ``NotFound``."""
    if name not in _providers:
        raise NotFound(provider=name)
    return _providers[name]
