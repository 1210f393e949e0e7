"""The command line: ``siyu``. Every command has ``--json`` for machines."""

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels
from rich.table import Table

from siyu.app import cli_bench, cli_data, cli_events, schema, up, worker
from siyu.app.cli_data import NoSuchBrand
from siyu.app.logging import configure_logging
from siyu.app.runtime import Runtime, spare_collector, urls_of
from siyu.app.terminal import Json, UnderUp, app, brand_app, db_app, err, out, show, with_runtime
from siyu.kernel.checks import run_checks
from siyu.kernel.db import is_away
from siyu.kernel.engines import EngineRefused, stand_back
from siyu.kernel.errors import Refusal
from siyu.kernel.settings import Settings, SettingsRefused, check_serving, load, masked
from siyu.people.brands import create_brand


@app.command("up")
def up_command(port: Annotated[int | None, typer.Option(help="Port to serve on.")] = None) -> None:
    """Start everything here: engines, web, worker. Ctrl-C stops it."""
    loaded = load(port=port)
    settings = loaded.settings
    check_serving(settings)
    configure_logging(settings.log_level)

    def ready(_: Any) -> None:
        out.print(f"[bold]siyu is up[/] at {settings.console}. Ctrl-C stops it.")

    raise typer.Exit(up.run(loaded, when_ready=ready))


@app.command()
def serve(port: Annotated[int | None, typer.Option()] = None, under_up: UnderUp = False) -> None:
    """Serve HTTP in this process tree; the engines are given by SIYU_DATABASE_URL and SIYU_CLICKHOUSE_URL."""
    settings = load(port=port).settings
    check_serving(settings)
    configure_logging(settings.log_level)
    _needs_engines(settings)
    if settings.profile == "demo" and not under_up:
        raise SettingsRefused(
            "The demo profile opens doors that production must not have; 'siyu serve' refuses it. Use 'siyu demo'."
        )
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
    configure_logging(settings.log_level)
    _needs_engines(settings)
    if settings.profile == "demo" and not under_up:
        raise SettingsRefused("The demo profile is for 'siyu demo' only; unset SIYU_PROFILE.")
    asyncio.run(_work(settings, beside_the_rest=under_up))


async def _work(settings: Settings, *, beside_the_rest: bool) -> None:
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
    mine = {name: masked(name, getattr(loaded.settings, name)) for name in sorted(loaded.origin)}
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
    table = Table(
        "setting", "value", "from", *([] if house is None else ["a new command would use"])
    )
    for name, one in shown.items():
        new = [f"{one['new']} ({one['new_from']})"] if "new" in one else []
        table.add_row(name, one["value"], one["from"], *new)
    if house is not None:
        out.print(f"siyu runs on this folder (process {house.house.pid}); this is what it uses.")
    out.print(table)


@app.command("openapi")
def openapi_command(
    to: Annotated[
        Path | None, typer.Option("--out", help="File to write; the terminal when left out.")
    ] = None,
) -> None:
    """Write the OpenAPI 3.1 document of all endpoints as JSON; needs no database."""
    from siyu.app.web import document

    text = json.dumps(document(), ensure_ascii=False, indent=1) + "\n"
    if to is None:
        sys.stdout.write(text)
    else:
        to.write_text(text)


@db_app.command("upgrade")
def db_upgrade(as_json: Json = False) -> None:
    """Bring the schema to this version; again changes nothing."""
    with up.engines(load().settings) as urls:
        asyncio.run(schema.upgrade(urls.owner))
    show({"upgraded": True}, as_json, "The database is up to date.")


@db_app.command("url")
def db_url(as_json: Json = False) -> None:
    """Print the owner's URL of the database that is running (it contains the password)."""
    with up.engines(load().settings) as urls:
        if as_json:
            show(msgspec.to_builtins(urls), True, "")
        else:
            sys.stdout.write(urls.owner + "\n")


@brand_app.command("create")
def brand_create(
    slug: str,
    name: Annotated[str, typer.Option(help="Name in Chinese.")] = "",
    name_en: Annotated[str, typer.Option(help="Name in English.")] = "",
    login: Annotated[
        str, typer.Option(help="Sign-in name of the owner; owner@SLUG when left out.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Create a brand with its headquarters and its owner; prints the owner's first password once."""

    async def create(runtime: Any) -> dict[str, str]:
        made = await create_brand(
            runtime.database,
            slug=slug,
            name={"zh-CN": name or slug, "en": name_en or name or slug},
            owner_login=login or f"owner@{slug}",
            owner_password=None,
        )
        return {
            "brand_id": str(made.brand_id),
            "login": made.owner_login,
            "password": made.first_password or "",
        }

    made = with_runtime(create)
    show(
        made,
        as_json,
        f"Brand [bold]{slug}[/] is there. Sign in as {made['login']} with {made['password']}",
    )


@app.command()
def check(
    brand: Annotated[str, typer.Option(help="Slug; all brands when left out.")] = "",
    as_json: Json = False,
) -> None:
    """Prove all invariants in SQL: OK, or which rows break which sentence."""

    async def run(runtime: Any) -> list[Any]:
        async with runtime.database.dispatcher() as connection:
            rows = await connection.fetch(
                "select key, brand_id from directory where kind = 'slug' and ($1 = '' or key = $1)",
                brand,
            )
        if brand and not rows:
            raise NoSuchBrand(slug=brand)
        found: list[Any] = []
        for row in rows:
            found += [
                {"brand": row["key"], **msgspec.to_builtins(one)}
                for one in await run_checks(runtime.database, row["brand_id"])
            ]
        return found

    broken = with_runtime(run)
    lines = "\n".join(json.dumps(one, ensure_ascii=False, default=str) for one in broken)
    show({"ok": not broken, "broken": broken}, as_json, lines or "OK: every invariant holds.")
    raise typer.Exit(1 if broken else 0)


COMMANDS = (cli_bench, cli_data, cli_events)
"""Modules whose commands hang themselves on the program by being imported."""


def _plain(facts: Mapping[str, Any]) -> list[str]:
    """What a refusal is about, in words; texts in several languages are for screens."""
    return [f"{name} {value}" for name, value in facts.items() if isinstance(value, str | int)]


def main() -> None:
    """Entry of the ``siyu`` program: refusals, and files that cannot be used, are one sentence and exit status 2."""
    try:
        app(standalone_mode=True)
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
