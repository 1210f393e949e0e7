"""Stating events: appended in the caller's transaction, in one statement for any number of them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.kernel import clock, tracing
from siyu.kernel.columns import once
from siyu.kernel.db import SYSTEM, Actor, actor_of, driver_of, transaction_on
from siyu.kernel.ids import new_ids
from siyu.kernel.together import Write, write_together


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """A fact in the past tense. Subclass with ``tag="orders.paid/1"``; the first field is the subject's id.

    Fields are ids and amounts at that moment, never personal data; fields are only ever added, with defaults.
    """

    @property
    def subject(self) -> UUID:
        """The id of what the event is about: order is kept per subject."""
        return getattr(self, self.__struct_fields__[0])

    @property
    def kind(self) -> str:
        """The tag, e.g. ``orders.paid/1``."""
        return str(self.__struct_config__.tag)


Bell = Callable[[UUID, frozenset[str]], None]
bells: list[Bell] = []
"""Called after a commit with the brand and the kinds that were stated; ``open_news`` hangs up the process's own."""

_INSERT = """
with x as materialized (select pg_current_xact_id() as xid)
insert into events (xid, id, kind, subject, occurred_at, origin, actor, data)
select x.xid, id, coalesce(kind, ($2::text[])[1]), subject, coalesce(occurred_at, ($4::timestamptz[])[1]), $5,
       coalesce(actor, ($6::text[])[1])::jsonb, data::jsonb
from x cross join unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $6::text[], $7::text[])
     with ordinality as e(id, kind, subject, occurred_at, actor, data, position)
order by position
"""
"""A column that says the same of all events says it once: the driver's time goes by the number of values.

The transaction takes its id before it draws the first ``seq``: what ``windows`` proves rests on that.

``nextval`` alone assigns no id. ``seq`` is a default, so it is drawn above the sort, after the row of ``x`` was read.
"""


async def state(
    session: AsyncSession,
    events: Sequence[Event],
    *,
    origin: str = "live",
    occurred_at: Sequence[datetime] | None = None,
) -> list[UUID]:
    """Append events in the session's transaction, in this order; listeners hear them after the commit. Their ids."""
    if not events:
        return []
    return await state_on(
        await driver_of(session),
        events,
        actor=actor_of(session),
        origin=origin,
        occurred_at=occurred_at,
    )


async def state_on(
    connection: asyncpg.Connection,
    events: Sequence[Event],
    *,
    actor: Actor | Sequence[Actor] = SYSTEM,
    origin: str = "live",
    occurred_at: Sequence[datetime] | None = None,
) -> list[UUID]:
    """``state`` for the hot paths that hold a bare, brand-bound connection.

    ``actor`` may name who acted in each event. ``occurred_at`` gives each event's moment (imports and the demo);
    without it, now.
    """
    if not events:
        return []
    moments = list(occurred_at) if occurred_at is not None else [clock.now()]
    ids, write = stating(connection, events, actor, origin=origin, moments=moments)
    await write_together(connection, write)
    return ids


def stating(
    connection: asyncpg.Connection,
    events: Sequence[Event],
    actor: Actor | Sequence[Actor],
    *,
    moments: Sequence[datetime],
    origin: str = "live",
    traces: Sequence[str] = (),
) -> tuple[list[UUID], Write]:
    """``state_on`` for those who write something else in the same message: ids, and what is to be written.

    ``moments``: one for all, or one each. ``traces``: the place that each event carries (``tracing``); without it,
    that of the caller.
    """
    ids = new_ids(len(events))
    carried = tracing.carried()
    if isinstance(actor, Actor) and not traces:
        who = [_who(actor, carried)]
    else:
        actors = [actor] * len(events) if isinstance(actor, Actor) else actor
        places = traces or [carried] * len(events)
        assert len(actors) == len(places) == len(events), "each event has its actor and its place"
        who = [_who(one, place) for one, place in zip(actors, places, strict=True)]
    kinds = [event.kind for event in events]
    values = (
        ids,
        once(kinds),
        [event.subject for event in events],
        list(moments),
        origin,
        who,
        [msgspec.json.encode(event).decode() for event in events],
    )
    if running := transaction_on(connection):
        running.after_commit.append(partial(ring, running.brand_id, frozenset(kinds)))
    return ids, Write(_INSERT, values)


def _who(actor: Actor, place: str) -> str:
    who: dict[str, Any] = {"kind": actor.kind, "id": actor.id, "request_id": actor.request_id}
    if place:
        who["trace"] = place
    return msgspec.json.encode(who).decode()


def ring(brand_id: UUID, kinds: frozenset[str]) -> None:
    """Ring all bells for kinds of events of a brand."""
    for bell in bells:
        bell(brand_id, kinds)
