"""Who was forgotten is told nothing more."""

from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel.events import on
from siyu.people.customers import CustomerForgotten
from siyu.people.notices import actions


@on(CustomerForgotten)
async def forget_notices(session: AsyncSession, forgotten: list[CustomerForgotten]) -> None:
    """Erase the words of what was sent to them; what waited is given up."""
    await actions.forget(session, [event.customer_id for event in forgotten])
