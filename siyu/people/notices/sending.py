"""The worker's part: takes what is due under a lease, hands it over outside any transaction, writes down what became of it.

Killed in between, the lease runs out and another worker hands it over again with the same key.
"""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog

from siyu.kernel import clock
from siyu.kernel.db import Database
from siyu.people import brands
from siyu.people.notices import actions, queries, rules
from siyu.people.notices.actions import Claimed
from siyu.people.notices.ports import Later, Letter, Never, plugs
from siyu.people.notices.queries import Words

log = structlog.get_logger("siyu.notices")
PAGE = 20
SEND_S = 6.0
"""How long a provider has to take a letter."""
LEASE = timedelta(seconds=10)
"""Longer than handing over and writing down takes; machines' clocks agree to a second."""
_BRANDS = 4
_DUE = """
select distinct brand_id from notices where state in ('waiting', 'sending') and next_at <= $1 limit 1000
"""


async def send_due(database: Database, brand_id: UUID, *, most: int = PAGE) -> int:
    """Send what is due in a brand, at most so many; how many were tried."""
    lease = uuid4()
    async with database.raw(brand_id) as connection:
        mine = await actions.claim(connection, lease, clock.now() + LEASE, most=most)
        content = await queries.opened(
            connection, [(one.id, one.person_id, one.sealed) for one in mine]
        )
    if not mine:
        return 0
    brand = await brands.brand_facts(database, brand_id)
    outcomes = await asyncio.gather(
        *(_hand_over(brand_id, brand.text(brand.name), one, content[one.id]) for one in mine)
    )
    async with database.raw(brand_id) as connection:
        await actions.settle(connection, lease, outcomes)
    return len(mine)


async def _hand_over(
    brand_id: UUID, subject: str, one: Claimed, content: Words
) -> tuple[UUID, str, str, datetime]:
    now = clock.now()
    channel = plugs.channels.get(one.channel)
    if content is None:
        return one.id, "given_up", "forgotten", now
    if content == "unopenable":
        log.error("a notice does not open", notice=str(one.id), kind=one.kind)
        return one.id, "given_up", "unopenable", now
    if channel is None:
        return one.id, "given_up", "no_channel", now
    try:
        async with asyncio.timeout(SEND_S):
            await channel.send(Letter(brand_id, one.key, content.to, subject, content.text))
    except Never as refusal:
        return one.id, "failed", str(refusal), now
    except TimeoutError:
        error = "timeout"
    except Later as failure:
        error = str(failure)
    except Exception as failure:  # whatever a provider's client raises, the others go on
        log.warning("a channel broke", channel=one.channel, error=type(failure).__name__)
        error = "broken"
    else:
        return one.id, "sent", "", now
    wait = rules.pause(one.attempts)
    if wait is None:
        return one.id, "given_up", error, now
    return one.id, "waiting", error, now + wait


async def serve(database: Database, *, poll_s: float = 0.5) -> None:
    """Send what is due in all brands until cancelled, a few brands at a time."""
    few = asyncio.Semaphore(_BRANDS)

    async def serve_brand(brand_id: UUID) -> int:
        async with few:
            try:
                return await send_due(database, brand_id)
            except Exception as failure:
                error = f"{type(failure).__name__}: {failure}"[:300]
                log.warning("notices wait", brand=str(brand_id), error=error)
                return 0

    while True:
        tried: list[int] = []
        try:
            async with database.dispatcher() as connection:
                due = await connection.fetch(_DUE, clock.now())
            tried = await asyncio.gather(*(serve_brand(row["brand_id"]) for row in due))
        except Exception as failure:
            log.warning("notices wait", error=f"{type(failure).__name__}: {failure}"[:300])
        if PAGE not in tried:
            await asyncio.sleep(poll_s)
