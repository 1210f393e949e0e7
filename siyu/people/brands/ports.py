"""What brands need of modules above them: plugged in when those are imported."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel.errors import Refusal


class Founding(msgspec.Struct, kw_only=True):
    """A brand that is being made: hooks run in its transaction and may fill in ``first_password``."""

    brand_id: UUID
    hq_id: UUID
    slug: str
    currency: str
    default_locale: str
    owner_login: str
    owner_password: str | None
    owner_name: str
    is_demo: bool
    first_password: str | None = None


FoundingHook = Callable[[AsyncSession, Founding], Awaitable[None]]
ClosingHook = Callable[[AsyncSession, UUID], Awaitable[Refusal | None]]
founding_hooks: list[FoundingHook] = []
closing_hooks: list[ClosingHook] = []


def founding(hook: FoundingHook) -> FoundingHook:
    """Register what else must be there from a brand's first moment, in the order of registration."""
    founding_hooks.append(hook)
    return hook


def before_closing(hook: ClosingHook) -> ClosingHook:
    """Register who is asked before a unit closes; an answered refusal stops it."""
    closing_hooks.append(hook)
    return hook


@runtime_checkable  # the framework checks what it injects
class Desk(Protocol):
    """The staff member at work, as far as the handlers here need to know; ``people.staff.Desk`` is it."""

    session: AsyncSession
    staff: Any
    runtime: Any

    def require(self, permission: str) -> None:
        """Raises ``NotAllowed``."""

    async def audit(
        self,
        action: str,
        *,
        subject_kind: str,
        subject_id: UUID | None = None,
        label: str = "",
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Write down who did what."""
