"""``siyu simulate``: days of chance and crashes in a house of its own, compared with what people were told."""

import asyncio
import secrets
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from siyu.app import up
from siyu.app.logging import configure_logging
from siyu.app.terminal import Json, app, err, show
from siyu.kernel.settings import Settings, SettingsRefused

LONGEST = 3650


@app.command("simulate")
def simulate_command(
    seed: Annotated[int, typer.Option(help="The same seed lives the same days again.")] = 1,
    days: Annotated[int, typer.Option(help="How many days to live.")] = 7,
    shoppers: Annotated[int, typer.Option(help="How busy a day is.")] = 5,
    as_json: Json = False,
) -> None:
    """Live days of chance in a temporary house: shoppers, staff, a bank with bad days, processes that die anywhere.

    Your own data is not touched: engines and folder are made for the run and removed. Exit status 1 when something was
    lost, doubled or does not add up; the same command shows it again.
    """
    _check(seed, days, shoppers)
    configure_logging("critical")
    from siyu.app.simulate import simulate

    began = [time.monotonic()]

    def tell(report: Any) -> None:
        done, acts = report.day + 1, sum(report.acts.values())
        if not as_json:
            err.print(
                f"  day {done}/{days}: {acts} acts, {time.monotonic() - began[0]:.0f} s",
                highlight=False,
            )

    with tempfile.TemporaryDirectory(prefix="siyu-simulate-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # as root the database runs under another account
        with up.engines(Settings(home=home, profile="demo")) as urls:
            settings = Settings(
                home=home, profile="demo", port=80, database_url=urls.owner, clickhouse_url=urls.clickhouse, secret=secrets.token_hex(16),
            )  # fmt: skip
            began[0] = (
                time.monotonic()
            )  # as the report counts: starting the engines is no part of the days
            report = asyncio.run(simulate(settings, seed, days, shoppers=shoppers, on_day=tell))
    facts = msgspec.to_builtins(report) | {"ok": not report.findings, "replay": report.replay}
    show(facts, as_json, text_of(report))
    raise typer.Exit(1 if report.findings else 0)


def _check(seed: int, days: int, shoppers: int) -> None:
    if not 1 <= days <= LONGEST:
        raise SettingsRefused(f"--days is how many days to live, from 1 to {LONGEST}, not {days}.")
    if not 1 <= shoppers <= 1000:
        raise SettingsRefused(f"--shoppers is how busy a day is, from 1 to 1000, not {shoppers}.")
    if seed < 0:
        raise SettingsRefused(f"--seed is a number from 0 on, not {seed}.")


def text_of(report: Any) -> str:
    """A report for people: what happened, then the verdict, and on failure what was before it."""
    happened = ", ".join(f"{act} {count}" for act, count in report.acts.items())
    struck = ", ".join(f"{what} {count}" for what, count in report.deaths.items())
    lines = [f"Happened: {happened}", f"Deaths: {struck}"]
    if report.findings:
        lines += [
            f"NOT as people were told, day {report.day + 1}:",
            *(f"  {one}" for one in report.findings),
        ]
        lines += ["Right before it:", *(f"  {one}" for one in report.latest)]
        lines += [f"See it again: {report.replay}"]
    else:
        sums = ", ".join(f"{what} {value}" for what, value in report.figures.items())
        lines += [
            f"Sums: {sums}",
            "OK: nothing lost, nothing doubled; stock, money and warehouse are as people were told,",
        ]
        lines += [
            f"every invariant holds. Fingerprint {report.fingerprint}, {report.seconds:.0f} s."
        ]
    return "\n".join(lines).replace("[", "\\[")
