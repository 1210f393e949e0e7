"""The command line: ``siyu``. Every command has ``--json`` for machines.

Here is what starts the house. It loads only what it needs itself: whoever looks after the others must not take the
machine's time to load the whole house for nothing. All other commands come with ``whole``.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from rich.table import Table

from siyu.app import up
from siyu.app.demo_made import Made, already_made
from siyu.app.logging import configure_logging, slow_log
from siyu.app.opening import check_open
from siyu.app.terminal import Json, UnderUp, app, err, out, show
from siyu.kernel.engines import EngineRefused, stand_back
from siyu.kernel.errors import Refusal
from siyu.kernel.settings import (
    Settings,
    SettingsRefused,
    Urls,
    check_serving,
    effective,
    load,
    urls_of,
)


@app.command("up")
def up_command(port: Annotated[int | None, typer.Option(help="Port to serve on.")] = None) -> None:
    """Start everything here: engines, web, worker. Ctrl-C stops it."""
    loaded = load(port=port)
    settings = loaded.settings
    check_serving(settings)
    configure_logging(settings.log_level, slow_into=slow_log(settings.home, command=False))

    def ready(_: Any) -> None:
        out.print(f"[bold]siyu is up[/] at {settings.console}. Ctrl-C stops it.")

    _until_stopped(up.run(loaded, when_ready=ready))


def _until_stopped(status: int, *, quiet: bool = False) -> None:
    if not (status or quiet):
        err.print("siyu has stopped; everything is saved.")
    raise typer.Exit(status)


@app.command()
def demo(
    customers: Annotated[
        int, typer.Option(help="Members of the demo brand; the year scales with them.")
    ] = 60_000,
    port: Annotated[int | None, typer.Option()] = None,
    as_json: Json = False,
) -> None:
    """Start everything with the demo brand 澜玉. On this machine only; doors are open that production must not have."""
    loaded = load(port=port, profile="demo")
    settings = loaded.settings
    configure_logging("warning", slow_into=slow_log(settings.home, command=True))

    def ready(urls: Any) -> None:
        made = asyncio.run(_make_demo(settings, urls, customers, as_json))
        answer = {
            "console": settings.console,
            "shop": settings.shop(made.slug),
            "login": made.login,
            "password": made.password,
            "others": f"ops@{made.slug}, hz01.manager@{made.slug}, hz01.guide1@{made.slug}, warehouse@{made.slug}",
        }
        text = (
            f"\n[bold]siyu is up.[/]\n  Console  {answer['console']}\n  Shop     {answer['shop']}\n"
            f"  Sign in  {made.login}  /  {made.password}\n  Others   {answer['others']} (same password)\n"
            + (
                "  A year of orders is being made; watch it under 台 → jobs.\n"
                if made.fresh
                else ""
            )
            + "  Ctrl-C stops it.\n"
        )
        show(answer, as_json, text)
        sys.stdout.flush()

    def announce(event: str, **facts: Any) -> None:
        if not as_json and event in ("child_ready", "child_died", "child_refused"):
            err.print(
                f"  {facts.get('name')}: {event.removeprefix('child_')} {facts.get('how', '')}",
                highlight=False,
            )

    _until_stopped(up.run(loaded, announce=announce, when_ready=ready), quiet=as_json)


async def _make_demo(settings: Settings, urls: Urls, customers: int, quiet: bool) -> Made:
    if (there := await already_made(urls, settings.home)) is not None:
        return there
    from siyu.app.demo.run import make
    from siyu.app.runtime import Runtime

    runtime = Runtime(settings, urls, pool=4)
    await runtime.open()
    try:
        with err.status("Making the demo brand …") if not quiet else err.status("") as status:

            def say(what: str) -> None:
                status.update(f"Making the demo brand: {what}")

            return await make(runtime, members=customers, say=say)
    finally:
        await runtime.close()


@app.command()
def serve(port: Annotated[int | None, typer.Option()] = None, under_up: UnderUp = False) -> None:
    """Serve HTTP in this process tree; the engines are given by SIYU_DATABASE_URL and SIYU_CLICKHOUSE_URL."""
    settings = load(port=port).settings
    check_serving(settings)
    check_open(settings.home)
    configure_logging(settings.log_level, slow_into=slow_log(settings.home, command=False))
    _needs_engines(settings)
    if settings.profile == "demo" and not under_up:
        raise SettingsRefused(
            "The demo profile opens doors that production must not have; 'siyu serve' refuses it. Use 'siyu demo'."
        )
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.log import LogLevels

    # The server's processes are forks of this one: they find the house loaded, and share its memory while no
    # collector goes through it.
    gc.disable()
    import_module("siyu.app.serve")
    gc.freeze()
    Granian(
        "siyu.app.serve:make",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        websockets=False,
        loop=Loops.uvloop,
        backlog=2048,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
    ).serve()


@app.command()
def work(under_up: UnderUp = False) -> None:
    """Follow events, serve timers and run jobs; the engines are given by URL."""
    settings = load().settings
    check_serving(settings)
    check_open(settings.home)
    configure_logging(settings.log_level, slow_into=slow_log(settings.home, command=False))
    _needs_engines(settings)
    if settings.profile == "demo" and not under_up:
        raise SettingsRefused("The demo profile is for 'siyu demo' only; unset SIYU_PROFILE.")
    asyncio.run(_work(settings, beside_the_rest=under_up))


async def _work(settings: Settings, *, beside_the_rest: bool) -> None:
    gc.disable()
    from siyu.app import worker
    from siyu.app.runtime import Runtime, spare_collector
    from siyu.kernel.db import is_away

    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    runtime = Runtime(settings, urls_of(settings), pool=8)
    while True:
        try:
            await runtime.open()
            break
        except Exception as error:
            if not (is_away(error) or isinstance(error, OSError)):
                raise
            if stopped.is_set():  # the engines are starting, or starting again
                return
            await asyncio.sleep(0.5)
    spare_collector()
    if beside_the_rest:
        stand_back()
    try:
        await worker.work(runtime, stopped=stopped)
    finally:
        await runtime.close()


def _needs_engines(settings: Settings) -> None:
    if not (settings.database_url or settings.database_app_url) or not settings.clickhouse_url:
        raise SettingsRefused(
            "Set SIYU_DATABASE_URL and SIYU_CLICKHOUSE_URL, or use 'siyu up', which brings its own engines."
        )


@app.command()
def config(as_json: Json = False) -> None:
    """Show what is in force and where each value comes from; secrets are masked.

    Beside a running siyu on the same folder: what that one uses, and what a new command would use where it differs.
    """
    loaded = load()
    mine = {name: effective(loaded.settings, name) for name in sorted(loaded.origin)}
    house = up.in_force(loaded.settings.home)
    values, origin = (mine, loaded.origin) if house is None else (house.values, house.origin)
    shown: dict[str, dict[str, str]] = {}
    for name, value in mine.items():
        shown[name] = {"value": values.get(name, value), "from": origin.get(name, "default")}
        if house is not None:
            shown[name]["from"] = f"running siyu: {shown[name]['from']}"
        if shown[name]["value"] != value:
            shown[name] |= {"new": value, "new_from": loaded.origin[name]}
    if as_json:
        show(shown, True, "")
        return
    if not out.is_terminal:  # whole lines for whoever reads them from a file or a pipe
        for name, one in shown.items():
            new = f"  (a new command: {one['new']}, {one['new_from']})" if "new" in one else ""
            typer.echo(f"{name} = {one['value']}  # {one['from']}{new}")
        return
    table = Table(
        "setting", "value", "from", *([] if house is None else ["a new command would use"])
    )
    for name, one in shown.items():
        new = [f"{one['new']} ({one['new_from']})"] if "new" in one else []
        table.add_row(name, one["value"], one["from"], *new)
    if house is not None:
        out.print(f"siyu runs on this folder (process {house.house.pid}); this is what it uses.")
    out.print(table)


COMMANDS = (
    "cli_house",
    "cli_data",
    "cli_events",
    "cli_backup",
    "cli_staff",
    "cli_vault",
    "cli_simulate",
    "cli_bench",
)
"""Modules whose commands hang themselves on the program by being imported."""
STARTING = ("up", "demo", "serve", "work")


def whole() -> typer.Typer:
    """The program with all its commands."""
    for name in COMMANDS:
        import_module(f"siyu.app.{name}")
    return app


def _plain(facts: Mapping[str, Any]) -> list[str]:
    """What a refusal is about, in words; texts in several languages are for screens."""
    return [f"{name} {value}" for name, value in facts.items() if isinstance(value, str | int)]


def main() -> None:
    """Entry of the ``siyu`` program: refusals, and files that cannot be used, are one sentence and exit status 2."""
    try:
        program = app if sys.argv[1:2] and sys.argv[1] in STARTING else whole()
        program(standalone_mode=True)
    except (EngineRefused, SettingsRefused) as refused:
        err.print(f"[red]siyu:[/] {refused}", highlight=False)
        sys.exit(2)
    except OSError as error:
        if error.filename is None:  # not about a file that was named
            raise
        err.print(f"[red]siyu:[/] {error.filename}: {error.strerror}.", highlight=False)
        sys.exit(2)
    except Refusal as refusal:
        err.print(
            f"[red]siyu:[/] {refusal.detail} ({' · '.join([refusal.code, *_plain(refusal.facts)])})",
            highlight=False,
        )
        sys.exit(2)
