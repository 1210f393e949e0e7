"""``siyu bench``: how fast this machine is with siyu, over the whole path, and that it stays exact meanwhile."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

import siyu
from siyu.app.logging import configure_logging
from siyu.app.terminal import Json, app, out
from siyu.kernel.settings import SettingsRefused

bench_app = typer.Typer(
    no_args_is_help=True,
    help="Measure this machine. Each bench starts a house of its own in a temporary folder.",
)
app.add_typer(bench_app, name="bench")
Seconds = Annotated[float, typer.Option(help="Length of a round.", min=0.2)]
Rounds = Annotated[int, typer.Option(help="How many rounds.", min=1)]


def _ready() -> None:
    """Make the benches importable: they live beside the package in a source tree. Raises ``SettingsRefused``."""
    root = Path(siyu.__file__).resolve().parents[1]
    if not (root / "bench" / "__init__.py").exists():
        raise SettingsRefused(
            "The benches are part of the source tree, not of the installed program. Run them from a checkout."
        )
    if str(root) not in sys.path:
        sys.path.append(str(root))
    configure_logging("warning")


def _tell(measuring: Coroutine[Any, Any, Any], as_json: bool) -> None:
    """Run a bench and print its report; exit status 1 when something was not exact (never for being slow)."""
    report = asyncio.run(measuring)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n")
    else:
        out.print(report.text(), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(0 if report.exact else 1)


@bench_app.command("orders")
def bench_orders(
    seconds: Seconds = 3.0,
    rounds: Rounds = 5,
    connections: Annotated[int, typer.Option(min=1)] = 128,
    skus: Annotated[int, typer.Option(min=1)] = 1000,
    shoppers: Annotated[int, typer.Option(min=1, help="Complete journeys at a time.")] = 128,
    as_json: Json = False,
) -> None:
    """Place orders: one hot SKU against the bare SQL, many SKUs, a sell-out, whole journeys."""
    _ready()
    from bench.orders import Sizes, run

    _tell(
        run(
            Sizes(
                seconds=seconds,
                rounds=rounds,
                connections=connections,
                skus=skus,
                shoppers=shoppers,
            )
        ),
        as_json,
    )


@bench_app.command("catalogue")
def bench_catalogue(seconds: Seconds = 3.0, rounds: Rounds = 5, as_json: Json = False) -> None:
    """Read product pages and lists, whole and as 304."""
    _ready()
    from bench.pages import run

    _tell(run(seconds=seconds, rounds=rounds), as_json)


@bench_app.command("events")
def bench_events(seconds: Seconds = 3.0, rounds: Rounds = 5, as_json: Json = False) -> None:
    """State events and hear them with a counting follower."""
    _ready()
    from bench.streams import run_events

    _tell(run_events(seconds=seconds, rounds=rounds), as_json)


@bench_app.command("ledger")
def bench_ledger(seconds: Seconds = 3.0, rounds: Rounds = 5, as_json: Json = False) -> None:
    """Post in batches with limits and without, and read a statement over all of it."""
    _ready()
    from bench.ledger import run

    _tell(run(seconds=seconds, rounds=rounds), as_json)


@bench_app.command("tracking")
def bench_tracking(seconds: Seconds = 3.0, rounds: Rounds = 5, as_json: Json = False) -> None:
    """Take in what visitors do, in batches, and count it in the warehouse."""
    _ready()
    from bench.streams import run_tracking

    _tell(run_tracking(seconds=seconds, rounds=rounds), as_json)


@bench_app.command("import")
def bench_import(
    rows: Annotated[int, typer.Option(min=1_000, help="Rows of each file.")] = 100_000,
    as_json: Json = False,
) -> None:
    """Take generated catalogues in, CSV and XLSX, and the same again."""
    _ready()
    from bench.importing import run

    _tell(run(rows_in_all=rows), as_json)


@bench_app.command("reference")
def bench_reference(seconds: Seconds = 3.0, rounds: Rounds = 5, as_json: Json = False) -> None:
    """Write the rows of orders by bare batched SQL: what this machine could do at best."""
    _ready()
    from bench.reference import run

    _tell(run(seconds=seconds, rounds=rounds), as_json)


@bench_app.command("lists")
def bench_lists(
    orders: Annotated[int, typer.Option(min=1000)] = 200_000,
    customers: Annotated[int, typer.Option(min=1000)] = 60_000,
    times: Annotated[int, typer.Option(min=1, help="How often each list is asked.")] = 30,
    as_json: Json = False,
) -> None:
    """Ask every list of the console in a house that is years old."""
    _ready()
    from bench.lists import Crowd, run

    _tell(run(crowd=Crowd(orders=orders, customers=customers), times=times), as_json)


@bench_app.command("memory")
def bench_memory(as_json: Json = False) -> None:
    """Measure what an idle `siyu up` takes."""
    _ready()
    from bench.memory import run

    _tell(run(), as_json)


@bench_app.command("restore")
def bench_restore(
    orders: Annotated[int, typer.Option(min=1, help="Placed before the backup.")] = 20_000,
    seconds: Annotated[
        float, typer.Option(min=1, help="Trade between the backup and the blow.")
    ] = 150.0,
    as_json: Json = False,
) -> None:
    """Back up, sell on, kill the whole house, restore it to the latest moment: seconds of each step, and what was lost."""
    _ready()
    from bench.restoring import Sizes, run

    _tell(run(Sizes(orders=orders, seconds=seconds)), as_json)
