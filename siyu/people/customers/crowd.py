"""What many shoppers do at once – arrive, ask for codes, sign in, write addresses – in common transactions."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from siyu.kernel.batching import Batcher, harmless
from siyu.kernel.errors import Refusal
from siyu.people.brands import brand_facts
from siyu.people.customers import actions, queries
from siyu.people.customers.actions import (
    AddressWrite,
    Arrival,
    Attempt,
    CodeToSend,
    Guest,
    SignedIn,
)
from siyu.people.customers.ports import plugs
from siyu.people.customers.queries import Address, Card, DemoMessage


class Known(msgspec.Struct, frozen=True):
    """What a shop shows at once of a customer: their card, the pieces in the cart, orders by state."""

    card: Card
    cart_quantity: int
    order_counts: dict[str, int]


class Entered(msgspec.Struct, frozen=True):
    """Somebody signed in, and what the shop shows of them."""

    signed_in: SignedIn
    known: Known


class Crowd:
    """The steps of a process's shoppers; each asks ``(brand_id, request)`` and waits for the commit.

    Those that write are not repeated when a commit's fate is unknown (``MaybeDone``): they have no keys.
    """

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self.arrivals: Batcher[Arrival, Guest] = Batcher(
            runtime.database, actions.admit_guests, None
        )
        self.codes: Batcher[CodeToSend, None] = Batcher(runtime.database, self._keep_codes, None)
        self.attempts: Batcher[Attempt, Entered] = Batcher(runtime.database, self._sign_in, None)
        self.addresses: Batcher[AddressWrite, Address] = Batcher(
            runtime.database, _save_addresses, None
        )
        self.inboxes: Batcher[str, list[DemoMessage]] = Batcher(
            runtime.database, _inboxes, harmless
        )

    async def close(self) -> None:
        """Answer who waits, and take nobody new."""
        for batcher in (self.arrivals, self.codes, self.attempts, self.addresses, self.inboxes):
            await batcher.close()

    async def _keep_codes(
        self, connection: asyncpg.Connection, _: UUID, wanted: Sequence[CodeToSend]
    ) -> Sequence[Refusal | None]:
        return await actions.keep_codes(connection, wanted, in_demo=self._runtime.is_demo)

    async def _sign_in(
        self, connection: asyncpg.Connection, brand_id: UUID, attempts: Sequence[Attempt]
    ) -> Sequence[Entered | Refusal]:
        brand = await brand_facts(self._runtime.database, brand_id)
        answers = await actions.sign_in(connection, brand, attempts)
        known = await known_of(
            connection, [one.person.id for one in answers if isinstance(one, SignedIn)]
        )
        return [
            Entered(one, known[one.person.id]) if isinstance(one, SignedIn) else one
            for one in answers
        ]


async def known_of(source: queries.Source, customer_ids: Sequence[UUID]) -> dict[UUID, Known]:
    """What the shop shows of customers, by id; unknown ids are absent."""
    if not customer_ids:
        return {}
    pieces: dict[UUID, int] = {}
    counts: dict[UUID, dict[str, int]] = {}
    if plugs.cart_quantities is not None:
        pieces = await plugs.cart_quantities(source, customer_ids)
    if plugs.order_counts is not None:
        counts = await plugs.order_counts(source, customer_ids)
    return {
        id: Known(card, pieces.get(id, 0), counts.get(id, {}))
        for id, card in (await queries.cards(source, customer_ids)).items()
    }


async def _save_addresses(
    connection: asyncpg.Connection, _: UUID, writes: Sequence[AddressWrite]
) -> Sequence[Address | Refusal]:
    return await actions.save_addresses(connection, writes)


async def _inboxes(
    connection: asyncpg.Connection, _: UUID, phones: Sequence[str]
) -> Sequence[list[DemoMessage]]:
    found = await queries.demo_messages(connection, phones)
    return [found.get(phone, []) for phone in phones]


def crowd_of(runtime: Any) -> Crowd:
    """The process's crowd."""
    return runtime.parts["crowd"]


async def open_crowd(runtime: Any) -> Callable[[], Awaitable[None]]:
    """Make the process's crowd; what closes it again."""
    crowd = runtime.parts["crowd"] = Crowd(runtime)
    return crowd.close
