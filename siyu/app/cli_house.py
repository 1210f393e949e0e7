"""Commands about the house as a whole: its schema, its brands, its invariants, its document."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from siyu.app import prepared, schema, up
from siyu.app.cli_data import NoSuchBrand
from siyu.app.keys import open_keys
from siyu.app.terminal import Json, app, brand_app, db_app, show, with_runtime
from siyu.kernel.checks import run_checks
from siyu.kernel.settings import load
from siyu.people.brands import create_brand


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
    settings = load().settings
    open_keys(settings)
    with up.engines(settings) as urls:
        asyncio.run(schema.upgrade(urls.owner))
        asyncio.run(prepared.note(urls.owner))
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
