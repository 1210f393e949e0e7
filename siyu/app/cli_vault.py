"""``siyu vault``: the keys of personal data."""

from typing import Annotated, Any

import msgspec
import typer

from siyu.app.terminal import Json, app, err, show, with_runtime
from siyu.kernel import vault

vault_app = typer.Typer(no_args_is_help=True, help="The keys of personal data.")
app.add_typer(vault_app, name="vault")
_HELD = (
    "select brand_id, month, count(*) as people from vault_keys group by brand_id, month order by 1"
)


class Month(msgspec.Struct):
    """A month's key, and how many people's keys it wraps in all brands."""

    month: str
    people: int
    has_key: bool


@vault_app.command("keys")
def vault_keys(as_json: Json = False) -> None:
    """List the months' keys and how many people depend on each; warns where a key is missing."""
    found: list[Month] = with_runtime(_months)
    lines = [
        f"{one.month}  {one.people:>9,} people" + ("" if one.has_key else "  KEY IS MISSING")
        for one in found
    ]
    show(found, as_json, "\n".join(lines) or "No key was needed yet.")


async def _months(runtime: Any) -> list[Month]:
    people: dict[str, int] = {}
    async with runtime.database.dispatcher() as connection:
        for row in await connection.fetch(_HELD):
            people[row["month"]] = people.get(row["month"], 0) + row["people"]
    there = set(vault.keyring().months())
    return [
        Month(month, people.get(month, 0), month in there) for month in sorted(there | {*people})
    ]


@vault_app.command("renew")
def vault_renew(as_json: Json = False) -> None:
    """Wrap everybody's keys with this month's key; can be stopped and repeated."""

    async def run(runtime: Any) -> int:
        async with runtime.database.dispatcher() as connection:
            rows = await connection.fetch("select distinct brand_id from vault_keys")
        done = 0
        for row in rows:

            async def told(count: int, before: int = done) -> None:
                err.print(f"{before + count:,} keys wrapped anew")

            done += await vault.rewrap(runtime.database, row["brand_id"], None if as_json else told)
        return done

    count: int = with_runtime(run)
    show({"renewed": count}, as_json, f"{count:,} keys are wrapped with this month's key.")


@vault_app.command("drop-key")
def vault_drop_key(
    month: Annotated[str, typer.Argument(metavar="YYYY-MM")], as_json: Json = False
) -> None:
    """Destroy the key of a month that nobody depends on any more. Backups of that time can then no longer be read."""

    async def run(runtime: Any) -> None:
        await vault.drop_month(runtime.database, month)

    with_runtime(run)
    show({"dropped": month}, as_json, f"The key of {month} is destroyed.")
