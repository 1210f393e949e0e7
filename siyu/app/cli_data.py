"""Commands that bring data in and take it out."""

import csv
import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from siyu.app.terminal import Json, app, brand_app, err, export_app, import_app, show, with_runtime
from siyu.goods.catalogue import ImportResult, Mapping, rejected_csv, run_import, write_catalogue
from siyu.insight.warehouse import rebuild
from siyu.kernel.cells import cell
from siyu.kernel.directory import brand_named
from siyu.kernel.errors import Refusal
from siyu.kernel.money import to_text
from siyu.people.brands import brand_facts


class NoSuchBrand(Refusal):
    """No brand has this short name."""

    code = "brands.unknown"
    status = 404
    detail = "No brand has this short name. See `siyu brand list`."


async def brand_called(runtime: Any, slug: str) -> UUID:
    """The brand behind a slug. Raises ``NoSuchBrand``."""
    async with runtime.database.dispatcher() as connection:
        brand_id = await brand_named(connection, "slug", slug)
    if brand_id is None:
        raise NoSuchBrand(slug=slug)
    return brand_id


@brand_app.command("list")
def brand_list(as_json: Json = False) -> None:
    """List the brands of this house."""

    async def run(runtime: Any) -> list[str]:
        async with runtime.database.dispatcher() as connection:
            return [
                row["key"]
                for row in await connection.fetch(
                    "select key from directory where kind = 'slug' order by key"
                )
            ]

    slugs = with_runtime(run)
    show(slugs, as_json, "\n".join(slugs) or "No brands yet. Make one: siyu brand create SLUG")


@import_app.command("products")
def import_products(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            readable=True,
            help="CSV, .gz or XLSX; for litemall a folder or its goods file.",
        ),
    ],
    brand: Annotated[str, typer.Option(help="Short name of the brand.")],
    format: Annotated[str, typer.Option(help="auto, shopify, siyu, litemall or table.")] = "auto",
    map_file: Annotated[
        Path | None, typer.Option("--map", exists=True, help="TOML file that maps columns.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try everything, keep nothing.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write refused rows to this CSV file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Import a catalogue. The same file again changes nothing; bad rows are reported, the rest goes in."""
    mapping = Mapping.from_toml(map_file.read_text()) if map_file else None

    async def run(runtime: Any) -> Any:
        brand_id = await brand_called(runtime, brand)
        facts = await brand_facts(runtime.database, brand_id)
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=err,
            transient=True,
        ) as bar:
            task = bar.add_task(file.name, total=None)

            async def progress(done: int, total: int | None, *_: Any) -> None:
                bar.update(task, completed=done, total=total)

            result = await run_import(
                runtime.database,
                brand_id,
                file,
                format=format,
                mapping=mapping,
                currency=facts.currency,
                dry_run=dry_run,
                progress=progress,
                keep_days=runtime.settings.import_files_keep_days,
            )
        if report is not None:
            report.write_bytes(rejected_csv(result.rejected))
        return result

    result = with_runtime(run)
    show(msgspec.to_builtins(result), as_json, _told(result))
    raise typer.Exit(1 if result.rejected else 0)


def _told(result: ImportResult) -> str:
    lines = [
        (
            f"{result.rows} rows: {result.products} products, {result.variants} variants, {result.images} images; "
            f"{result.updated} updated, {result.unchanged} unchanged, {len(result.rejected)} refused."
        )
    ]
    lines += [
        f"  line {r.line}, {r.column}: {r.reason.get('en', r.code)}" for r in result.rejected[:20]
    ]
    return "\n".join(lines)


EXPORTS = {
    "orders": (
        (
            "number",
            "state",
            "placed_at",
            "paid_at",
            "source",
            "quantity",
            "goods",
            "freight",
            "total",
            "refunded",
        ),
        """select number, state, placed_at, paid_at, source, quantity, goods_minor, freight_minor, total_minor, refunded_minor
           from orders order by placed_at, id""",
        (6, 7, 8, 9),
    ),
}


def _export(what: str, brand: str, output: Path | None, as_json: bool) -> None:
    header, query, money = EXPORTS[what]

    async def run(runtime: Any) -> int:
        brand_id = await brand_called(runtime, brand)
        count = 0
        target = output.open("w", newline="", encoding="utf-8-sig") if output else sys.stdout
        try:
            writer = csv.writer(target)
            if not as_json:
                writer.writerow(header)
            async with runtime.database.raw(brand_id) as connection:
                async for row in connection.cursor(query):
                    cells = [
                        (to_text(value) if value is not None else "")
                        if at in money
                        else cell(value)
                        for at, value in enumerate(row)
                    ]
                    if as_json:
                        target.write(
                            msgspec.json.encode(dict(zip(header, cells, strict=True))).decode()
                            + "\n"
                        )
                    else:
                        writer.writerow(cells)
                    count += 1
        finally:
            if output:
                target.close()
        return count

    count = with_runtime(run)
    err.print(f"{count} rows." + (f" Written to {output}." if output else ""))


@export_app.command("products")
def export_products(
    brand: Annotated[str, typer.Option()],
    output: Annotated[Path | None, typer.Option("--output", "-o")] = None,
    as_json: Json = False,
) -> None:
    """Write a row per SKU in siyu's own format, as CSV or as one JSON object a line; importing it changes nothing."""

    async def run(runtime: Any) -> int:
        brand_id = await brand_called(runtime, brand)
        facts = await brand_facts(runtime.database, brand_id)
        target = output.open("w", newline="", encoding="utf-8-sig") if output else sys.stdout
        try:
            async with runtime.database.raw(brand_id) as connection:
                return await write_catalogue(connection, facts.currency, target, as_json=as_json)
        finally:
            if output:
                target.close()

    count = with_runtime(run)
    err.print(f"{count} rows." + (f" Written to {output}." if output else ""))


@export_app.command("orders")
def export_orders(
    brand: Annotated[str, typer.Option()],
    output: Annotated[Path | None, typer.Option("--output", "-o")] = None,
    as_json: Json = False,
) -> None:
    """Write a row per order (no personal data), as CSV or as one JSON object a line."""
    _export("orders", brand, output, as_json)


warehouse_app = typer.Typer(no_args_is_help=True, help="The analysis engine.")
app.add_typer(warehouse_app, name="warehouse")


@warehouse_app.command("rebuild")
def warehouse_rebuild(
    brand: Annotated[str, typer.Option(help="Short name of the brand.")], as_json: Json = False
) -> None:
    """Project a brand's sales again from the whole event log."""

    async def run(runtime: Any) -> int:
        return await rebuild(
            runtime.database,
            runtime.parts["warehouse"],
            await brand_called(runtime, brand),
            runtime.files,
        )

    events = with_runtime(run)
    show({"events": events}, as_json, f"{events} events projected.")
