"""Payments of many at once: looked at by their payers, and settled, in common transactions."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.exc import DBAPIError

from siyu.goods.payments import actions, queries, rules
from siyu.goods.payments.actions import Arrived, Seen
from siyu.goods.payments.ports import NeedsSession
from siyu.kernel.batching import CONFLICTS, TRIES, Batcher, harmless
from siyu.kernel.errors import NotFound, Refusal


class Till:
    """Where a process takes providers' news."""

    def __init__(self, runtime: Any) -> None:
        self._database = runtime.database
        self._news: Batcher[Arrived, Seen] = Batcher(runtime.database, _settle, harmless)
        self._looks: Batcher[tuple[UUID, UUID], queries.AtCashier] = Batcher(
            runtime.database, _look, harmless
        )

    async def close(self) -> None:
        """Answer who waits, and take nobody new."""
        await self._news.close()
        await self._looks.close()

    async def look(self, brand_id: UUID, payment_id: UUID, payer_id: UUID) -> queries.AtCashier:
        """A payment of this payer. Raises ``NotFound``, also for somebody else's."""
        return await self._looks.ask(brand_id, (payment_id, payer_id))

    async def arrived(self, brand_id: UUID, news: Arrived) -> Seen:
        """A provider's call back: the payment is settled, and its payable told, before this returns.

        Raises ``NotFound``, ``WrongAmount``; the latter leaves an event behind, one for each amount.
        """
        try:
            return await self._news.ask(brand_id, news)
        except NeedsSession:
            return await self._settle_alone(brand_id, news)
        except rules.WrongAmount:
            async with self._database.raw(brand_id) as connection:
                await actions.note_wrong_amount(connection, news.payment_id, news.amount_minor)
            raise

    async def _settle_alone(self, brand_id: UUID, news: Arrived) -> Seen:
        for left in reversed(range(TRIES)):
            try:
                async with self._database.brand(brand_id) as session:
                    (seen,) = await actions.settle(session, [news])
            except (DBAPIError, *CONFLICTS) as error:
                cause = getattr(getattr(error, "orig", None), "__cause__", error)
                if not left or not isinstance(cause, CONFLICTS):
                    raise
                continue
            if isinstance(seen, Refusal):
                raise seen
            return seen
        raise AssertionError("the last try returns or raises")


async def _settle(
    connection: asyncpg.Connection, _: UUID, news: Sequence[Arrived]
) -> Sequence[Seen | Refusal]:
    return await actions.settle(connection, news)


async def _look(
    connection: asyncpg.Connection, _: UUID, wanted: Sequence[tuple[UUID, UUID]]
) -> Sequence[queries.AtCashier | Refusal]:
    found = await queries.at_cashier(connection, wanted)
    return [found.get(one) or NotFound(payment_id=str(one[0])) for one in wanted]


def till_of(runtime: Any) -> Till:
    """The process's till."""
    return runtime.parts["till"]


async def open_till(runtime: Any) -> Callable[[], Awaitable[None]]:
    """Open the process's till; what closes it again."""
    till = runtime.parts["till"] = Till(runtime)
    return till.close
