"""Forgetting people: their key is destroyed, so that nothing sealed with it, in any copy, can be opened again.

What stays is what accounts and statistics need: orders with their goods and amounts, under an id that leads to nobody.
"""

from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, vault
from siyu.kernel.db import driver_of
from siyu.kernel.errors import NotFound
from siyu.kernel.events import state
from siyu.people.customers import rules
from siyu.people.customers.events import CustomerForgotten
from siyu.people.customers.ports import plugs

_LOCK = "select forgotten_at, phone_token from customers where id = $1 for update"
_ERASE = (
    "delete from addresses where customer_id = any($1::uuid[])",
    """update contacts set sealed = null, phone_token = null, last4_token = null, name_token = null
       where customer_id = any($1::uuid[])""",
    """update customers set sealed = null, phone_token = null, last4_token = null, name_token = null, forgotten_at = $2
       where id = any($1::uuid[])""",
    "update devices set customer_id = null where customer_id = any($1::uuid[])",
)
_SESSIONS = "delete from shop_sessions where customer_id = $1 returning token_hash"
_MESSAGES = "delete from demo_messages where phone_token = $1"


async def forget_customer(session: AsyncSession, customer_id: UUID) -> list[str]:
    """Destroy a person's data for good; the hashes of the sessions that ended with it.

    After the commit call ``vault.settle_journal``. Raises ``NotFound``, ``StillBusy`` (orders are under way). Again
    changes nothing.
    """
    connection = await driver_of(session)
    row = await connection.fetchrow(_LOCK, customer_id)
    if row is None:
        raise NotFound(customer_id=str(customer_id))
    if row["forgotten_at"] is not None:
        return []
    under_way = await plugs.orders_under_way(session, customer_id) if plugs.orders_under_way else 0
    if under_way:
        raise rules.StillBusy(orders=under_way)
    ended = [one["token_hash"] for one in await connection.fetch(_SESSIONS, customer_id)]
    await connection.execute(_MESSAGES, row["phone_token"])
    now = clock.now()
    for statement in _ERASE:
        await connection.execute(statement, [customer_id], *([now] if "$2" in statement else []))
    await vault.forget(connection, [customer_id])
    await state(session, [CustomerForgotten(customer_id=customer_id)])
    return ended


_AGAIN = (
    """delete from addresses a using vault_shreds s where s.brand_id = a.brand_id and s.person_id = a.customer_id""",
    """update contacts c set sealed = null, phone_token = null, last4_token = null, name_token = null
       from vault_shreds s where s.brand_id = c.brand_id and s.person_id = c.customer_id and c.sealed is not null""",
    """delete from shop_sessions c using vault_shreds s where s.brand_id = c.brand_id and s.person_id = c.customer_id""",
    """update customers c set sealed = null, phone_token = null, last4_token = null, name_token = null, forgotten_at = s.at
       from vault_shreds s where s.brand_id = c.brand_id and s.person_id = c.id and c.forgotten_at is null""",
)


async def erase_forgotten(owner: asyncpg.Connection) -> None:
    """Erase in a restored database what ``forget_customer`` had erased, of everybody who was forgotten.

    ``owner``: a connection of the schema's owner, after the journal was replayed and before any door opens.
    """
    for statement in _AGAIN:
        await owner.execute(statement)
