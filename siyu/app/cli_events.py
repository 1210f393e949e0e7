"""``siyu events``: how far listeners are behind, who holds them back, and the log's partitions."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
import typer

from siyu.app.cli_data import brand_called
from siyu.app.terminal import Json, app, show, with_runtime
from siyu.kernel import events

events_app = typer.Typer(no_args_is_help=True, help="The event log.")
app.add_typer(events_app, name="events")


@events_app.command("lag")
def events_lag(
    brand: Annotated[str, typer.Option(help="Short name; all brands together when left out.")] = "",
    as_json: Json = False,
) -> None:
    """Show how far each listener is behind, and the open transaction that holds the log back, if one does."""

    async def run(runtime: Any) -> events.Lag:
        if not brand:
            return await events.lag_of_house(runtime.database)
        async with runtime.database.brand(await brand_called(runtime, brand)) as session:
            return await events.lag_of_brand(runtime.database, session)

    lag: events.Lag = with_runtime(run)
    lines = [_line(one) for one in lag.listeners]
    if (holder := lag.held_by) is not None:
        lines.append(f"Held back for {holder.seconds} s. {holder.advice['en']}")
    facts = msgspec.to_builtins(lag)
    if lag.held_by is not None:
        facts["held_by"]["advice"] = lag.held_by.advice
    show(facts, as_json, "\n".join(lines))


def _line(one: events.Behind) -> str:
    if not one.events:
        state = "has heard everything"
    else:
        least = "at least " if one.events >= events.COUNTED else ""
        state = f"is {least}{one.events} events and {one.seconds} s behind"
    return f"{one.listener} {state}" + (f"; {one.parked} parked" if one.parked else "")


@events_app.command("stretches")
def events_stretches(as_json: Json = False) -> None:
    """List the log's partitions: from which transaction number to which, and since when they are there."""

    async def run(runtime: Any) -> list[events.Stretch]:
        return await events.all_stretches(runtime.database)

    found = with_runtime(run)
    lines = [
        f"{one.name}: {one.lo} to {one.hi}, made {one.made_at:%Y-%m-%d %H:%M}"
        if one.made_at
        else f"{one.name}: {one.lo} to {one.hi}"
        for one in found
    ]
    show(msgspec.to_builtins(found), as_json, "\n".join(lines))


@events_app.command("put-away")
def events_put_away(
    older_than_days: Annotated[int, typer.Option(min=1, help="Age of what goes into files.")],
    as_json: Json = False,
) -> None:
    """Write old partitions into Parquet files now and drop those that nobody can miss; the worker does it by itself."""

    async def run(runtime: Any) -> dict[str, str]:
        return dict(
            await events.put_away(
                runtime.database, runtime.files, older_than=timedelta(days=older_than_days)
            )
        )

    outcome: dict[str, str] = with_runtime(run)
    lines = [f"{name}: {'gone' if not why else 'stays, ' + why}" for name, why in outcome.items()]
    show(outcome, as_json, "\n".join(lines) or "Nothing is that old.")
