"""What customers need of modules above and of the outside; plugged in by ``app.wiring``."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession


class CodeSender(Protocol):
    """Sends a sign-in code. Called outside any transaction."""

    async def send_code(self, brand_id: UUID, phone: str, code: str, locale: str) -> None:
        """Send it, or raise a ``Refusal`` that says why not."""


class Touch(msgspec.Struct, frozen=True, kw_only=True):
    """What brought a visitor here."""

    source: str = "direct"
    scene: str = ""
    link_id: UUID | None = None
    store_id: UUID | None = None
    guide_id: UUID | None = None


class Purchases(msgspec.Struct, frozen=True):
    """What a customer bought so far; ``spent_minor`` is net of refunds."""

    orders: int = 0
    spent_minor: int = 0
    last_order_at: datetime | None = None


TouchOf = Callable[[AsyncSession, str], Awaitable[Touch | None]]
PurchaseFigures = Callable[[AsyncSession, Sequence[UUID]], Awaitable[dict[UUID, Purchases]]]
OnSignIn = Callable[[asyncpg.Connection, Sequence[tuple[UUID, UUID]]], Awaitable[None]]
Source = AsyncSession | asyncpg.Connection


class Plugs(msgspec.Struct):
    """The plugs of this process; each may stay empty."""

    code_sender: CodeSender | None = None
    touch_of: TouchOf | None = None
    """``(session, link code)`` → the touch, ``None`` for an unknown link (scenes.links)."""
    purchase_figures: PurchaseFigures | None = None
    """``(session, customer ids)`` → figures by id (goods.orders)."""
    cart_quantities: Callable[[Source, Sequence[UUID]], Awaitable[dict[UUID, int]]] | None = None
    """``(source, person ids)`` → pieces in their carts by id, absent for none (goods.orders)."""
    order_counts: (
        Callable[[Source, Sequence[UUID]], Awaitable[dict[UUID, dict[str, int]]]] | None
    ) = None
    """``(source, customer ids)`` → orders by state by id, absent for none (goods.orders)."""
    recent_orders: Callable[[Any, UUID], Awaitable[list[Any]]] | None = None
    """``(desk, customer id)`` → rows as the console's list shows them (goods.orders)."""
    timeline: Callable[[Any, UUID], Awaitable[list[Any]]] | None = None
    """``(desk, customer id)`` → TimelineItem structs, newest first."""
    orders_under_way: Callable[[AsyncSession, UUID], Awaitable[int]] | None = None
    """``(session, customer id)`` → orders that still need to know whom they are for (goods.orders)."""
    on_sign_in: list[OnSignIn] = []
    """``(connection, [(device id, customer id)])``: what guests had becomes the customers', in the same transaction."""


plugs = Plugs()


def on_sign_in(hook: OnSignIn) -> OnSignIn:
    """Register what happens to a guest's things when they sign in (carts merge)."""
    plugs.on_sign_in.append(hook)
    return hook
