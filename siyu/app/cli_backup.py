"""``siyu backup`` and ``siyu restore``: keeping the whole house safe, and bringing it back as it was at a moment."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from siyu.app import up
from siyu.app.backup import archiving, retention
from siyu.app.backup.folder import Damaged, Folder
from siyu.app.backup.taking import Taken, keys_of, take
from siyu.app.backup.verifying import prove
from siyu.app.brand_file import Moved, export_brand, import_brand
from siyu.app.cli_data import brand_called
from siyu.app.logging import configure_logging, slow_log
from siyu.app.restoring import Report, restore
from siyu.app.terminal import Json, app, brand_app, err, show, with_runtime
from siyu.kernel.settings import Settings, SettingsRefused, load

backup_app = typer.Typer(
    invoke_without_command=True,
    help="Take a backup of the whole house now; or see to those there are.",
)
app.add_typer(backup_app, name="backup")


@backup_app.callback()
def backup_command(context: typer.Context, as_json: Json = False) -> None:
    """Take a backup of the whole house, encrypted, while it serves; from then on every minute is kept (embedded engine)."""
    if context.invoked_subcommand is not None:
        return
    settings = load().settings
    configure_logging("warning", slow_into=slow_log(settings.home, command=True))
    with up.engines(settings) as urls, err.status("Taking a backup …") as status:

        def say(step: str, done: int, total: int | None) -> None:
            how = f"{_mb(done)}" + (f" of {_mb(total)}" if total else "")
            status.update(
                "Waiting until the worker has kept pictures and visits"
                if step == "waiting"
                else f"Taking a backup: {step}, {how}"
            )

        taken: Taken = asyncio.run(take(settings, urls, say))
    text = f"Backup {taken.base.id} is in {settings.backups}: {_mb(taken.base.bytes)}."
    if taken.pruned:
        text += f" {len(taken.pruned)} old ones were let go."
    if taken.without_behaviour:
        text += " The analysis engine did not answer: what visitors did lately is not in it."
    text += f"\nKeep a copy of {keys_of(settings.home)} elsewhere: without it nobody can restore, you neither."
    show(msgspec.to_builtins(taken), as_json, text)


@backup_app.command("list")
def backup_list(as_json: Json = False) -> None:
    """List the backups, and until when the log behind them reaches."""
    folder, settings = _folder()
    status, bases = archiving.status_of(settings.home), folder.bases()
    lines = [
        f"{one.id}  {one.kind}  {one.finished_at:%Y-%m-%d %H:%M:%S} UTC  {_mb(one.bytes)}"
        for one in bases
    ]
    if not bases:  # a log alone brings nothing back, however far it reaches
        lines.append("There is no whole backup yet; take one with `siyu backup`.")
    elif status.covered_until:
        lines.append(
            f"Covered until {status.covered_until:%Y-%m-%d %H:%M:%S} UTC; {status.waiting} segments wait."
        )
    lines += [f"Trouble: {why}" for why in (status.trouble, status.broken, status.nightly) if why]
    facts = {"bases": msgspec.to_builtins(bases), "archive": msgspec.to_builtins(status)}
    show(facts, as_json, "\n".join(lines))


@backup_app.command("verify")
def backup_verify(
    id: Annotated[str, typer.Argument(help="Which backup; the newest when left out.")] = "",
    as_json: Json = False,
) -> None:
    """Read every file that restoring a backup would need; the first bad one is named, and the page Backups tells it."""
    settings = load().settings
    with err.status("Reading …") as status:

        def say(name: str, done: int, total: int) -> None:
            status.update(f"Reading {name}: {_mb(done)} of {_mb(total)}")

        verdict = prove(settings, id, say)
    if verdict.bad:
        raise Damaged(file=verdict.bad)
    text = f"{verdict.id} is whole: {verdict.files} files, {_mb(verdict.bytes)}, were read in {verdict.seconds} s."
    show(msgspec.to_builtins(verdict), as_json, text)


@backup_app.command("prune")
def backup_prune(
    days: Annotated[
        int | None, typer.Option(min=1, help="Days back; the setting when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let go what no moment of the last days needs; taking a backup does it by itself."""
    folder, settings = _folder()
    with folder.alone("taking"):
        gone = retention.prune(folder, days or settings.backup_keep_days)
    show({"gone": gone}, as_json, f"{len(gone)} backups were let go.")


@app.command("restore")
def restore_command(
    at: Annotated[
        str | None,
        typer.Option(help="Moment, 2026-11-22T15:04:05+08:00; the newest there is when left out."),
    ] = None,
    source: Annotated[Path | None, typer.Option("--from", help="Folder of backups.")] = None,
    into: Annotated[
        Path | None,
        typer.Option(help="New data folder, absent or empty; SIYU_HOME when left out."),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="Folder with backup.key; SIYU_HOME/keys when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring the house back into a new data folder as it was at a moment; it overwrites nothing."""
    here = load().settings
    settings = load(home=into).settings
    configure_logging("warning", slow_into=slow_log(settings.home, command=True))
    with err.status("Restoring …") as status:

        def say(step: str, done: int, _: int | None) -> None:
            status.update(f"Restoring: {step}, {_mb(done)}")

        report: Report = restore(
            settings, (source or here.backups).absolute(), (keys or keys_of(here.home)).absolute(), moment(at), say
        )  # fmt: skip
    text = (
        f"The house of {report.until:%Y-%m-%d %H:%M:%S} UTC is in {report.home}, after {report.seconds} s."
        if report.until
        else f"The house is in {report.home}, after {report.seconds} s."
    )
    show(
        msgspec.to_builtins(report),
        as_json,
        f"{text} Run 'siyu check', then 'siyu up', with SIYU_HOME={report.home}.",
    )


Passphrase = Annotated[
    Path | None,
    typer.Option("--key-file", help="File with the passphrase; asked for when left out."),
]


@brand_app.command("export")
def brand_export(
    slug: str,
    to: Annotated[Path, typer.Option("--to", "-o", help="New file.")],
    key_file: Passphrase = None,
    as_json: Json = False,
) -> None:
    """Write a whole brand, encrypted, into one file: rows with their ids, files, and what visitors did."""
    if to.exists() or not to.parent.is_dir():
        why = "exists already" if to.exists() else "lies in a folder that does not exist"
        raise SettingsRefused(f"{to} {why}; choose another name with --to.")
    words = _passphrase(key_file, confirm=True)

    async def run(runtime: Any) -> Moved:
        with err.status(f"Exporting {slug} …") as status:

            def say(part: str, done: int, total: int | None) -> None:
                status.update(
                    f"Exporting {slug}: {part}, {done:,}" + (f" of {total:,}" if total else "")
                )

            of = await brand_called(runtime, slug)
            return await export_brand(runtime, slug, of, to.absolute(), words, say)

    moved: Moved = with_runtime(run)
    text = f"{sum(moved.rows.values())} rows and {moved.files} files of {slug} are in {to}."
    show(msgspec.to_builtins(moved), as_json, text)


@brand_app.command("import")
def brand_import(file: Path, key_file: Passphrase = None, as_json: Json = False) -> None:
    """Take a whole brand over from a file; all of it, or nothing. The house may not know it yet."""
    if not file.is_file():
        raise SettingsRefused(f"{file} is no file; name the one that `siyu brand export` wrote.")
    words = _passphrase(key_file, confirm=False)

    async def run(runtime: Any) -> Moved:
        return await import_brand(runtime, file, words)

    moved: Moved = with_runtime(run)
    text = f"{moved.slug} is here: {sum(moved.rows.values())} rows and {moved.files} files."
    show(msgspec.to_builtins(moved), as_json, text)


def _passphrase(key_file: Path | None, *, confirm: bool) -> str:
    if key_file is None and not sys.stdin.isatty():  # nobody is there who could be asked
        raise SettingsRefused(
            "The passphrase can be asked for at a terminal only; name --key-file."
        )
    words = (
        key_file.read_text().strip()
        if key_file
        else typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm)
    )
    if len(words) < 12:
        raise SettingsRefused("The passphrase has fewer than 12 characters; choose a longer one.")
    return words


def moment(text: str | None) -> datetime | None:
    """A moment with its offset from UTC; ``None`` for an option that was left out. Raises ``SettingsRefused``."""
    if text is None:
        return None
    if (
        not text.strip()
    ):  # a variable that is not set must not bring back another moment than was meant
        raise SettingsRefused(
            "--at is empty; name a moment, or leave --at out for the newest there is."
        )
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsRefused(
            f"--at is {text!r}, which is no moment of any day; write one such as 2026-11-22T15:04:05+08:00."
        ) from None
    if at.tzinfo is None:
        raise SettingsRefused(
            f"--at is {text!r}; write a moment with its offset from UTC, such as 2026-11-22T15:04:05+08:00."
        )
    return at


def _folder() -> tuple[Folder, Settings]:
    settings = load().settings
    return Folder.open(settings.backups, keys_of(settings.home)), settings


def _mb(size: Any) -> str:
    return f"{size / (1 << 20):,.1f} MB"
