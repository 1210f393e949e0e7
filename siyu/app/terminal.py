"""The terminal: the program's commands hang on ``app``; how answers are shown and how a command gets its runtime."""

import asyncio
import sys
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from siyu.app import up
from siyu.app.logging import configure_logging, slow_log
from siyu.kernel.settings import load

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="siyu (私域): private-domain commerce, self-hosted.",
)
brand_app = typer.Typer(no_args_is_help=True, help="Brands.")
import_app = typer.Typer(no_args_is_help=True, help="Bring data in.")
export_app = typer.Typer(no_args_is_help=True, help="Take data out.")
db_app = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(brand_app, name="brand")
app.add_typer(import_app, name="import")
app.add_typer(export_app, name="export")
app.add_typer(db_app, name="db")

out = Console()
err = Console(stderr=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
UnderUp = Annotated[bool, typer.Option("--under-up", hidden=True)]


def show(value: Any, as_json: bool, text: str) -> None:
    """Print an answer for a person, or as JSON for a machine."""
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
    else:
        out.print(text)


def with_runtime(call: Any) -> Any:
    """Run ``async def call(runtime)`` with engines and an opened runtime, for one command."""
    from siyu.app.runtime import Runtime

    settings = load().settings
    configure_logging("warning", slow_into=slow_log(settings.home, command=True))

    async def main(urls: Any) -> Any:
        runtime = Runtime(settings, urls, pool=4)
        await runtime.open()
        try:
            return await call(runtime)
        finally:
            await runtime.close()

    with up.engines(settings) as urls:
        return asyncio.run(main(urls))
