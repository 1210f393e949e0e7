"""Commands about the people who work here: proving what they did, and letting somebody in who lost their phone."""

from typing import Annotated, Any

import msgspec
import typer

from siyu.app.cli_data import NoSuchBrand
from siyu.app.terminal import Json, app, show, with_runtime
from siyu.kernel.directory import brand_named
from siyu.kernel.errors import Refusal
from siyu.people import staff

audit_app = typer.Typer(no_args_is_help=True, help="The audit: who did what.")
staff_app = typer.Typer(no_args_is_help=True, help="People who work here.")
app.add_typer(audit_app, name="audit")
app.add_typer(staff_app, name="staff")


class NoSuchLogin(Refusal):
    """Nobody signs in with that name."""

    code = "staff.no_such_login"
    detail = "Nobody signs in with this name."


@audit_app.command("verify")
def audit_verify(
    brand: Annotated[str, typer.Option(help="Slug; all brands when left out.")] = "",
    head: Annotated[
        str, typer.Option(help="A chain's end that you wrote down earlier: it must still be there.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Prove that the audit is as it was sealed, or name the first row that was changed, removed or slipped in."""
    if head and not brand:
        raise typer.BadParameter("name the brand whose chain this is", param_hint="--brand")

    async def verify(runtime: Any) -> list[dict[str, Any]]:
        async with runtime.database.dispatcher() as connection:
            rows = await connection.fetch(
                "select key, brand_id from directory where kind = 'slug' and ($1 = '' or key = $1) order by key",
                brand,
            )
        if brand and not rows:
            raise NoSuchBrand(slug=brand)
        found: list[dict[str, Any]] = []
        for row in rows:
            async with runtime.database.brand(row["brand_id"]) as session:
                broken = await staff.first_broken_of_audit(session, runtime.secret, head)
                state = await staff.state_of_audit(session)
            found.append({"brand": row["key"], "broken": broken, **msgspec.structs.asdict(state)})
        return found

    found = with_runtime(verify)
    show({"ok": not any(one["broken"] for one in found), "brands": found}, as_json, _lines(found))
    raise typer.Exit(1 if any(one["broken"] for one in found) else 0)


def _lines(found: list[dict[str, Any]]) -> str:
    out: list[str] = []
    for one in found:
        if (broken := one["broken"]) is not None:
            where = f" in link {broken.link}" if broken.link else ""
            which = f", audit row {broken.audit_id}" if broken.audit_id else ""
            why = " (the end was cut off, or what was given is mistyped)" * (
                broken.what == "link not there"
            )
            out.append(f"[red]{one['brand']}: {broken.what}{where}{which}{why}[/]")
        else:
            until = f"{one['sealed_until']:%Y-%m-%d %H:%M:%S %Z}" if one["sealed_until"] else "–"
            out.append(
                f"{one['brand']}: OK. {one['rows']} rows sealed until {until}, {one['waiting']} wait. End of the chain: {one['head'] or '–'}"
            )
    return "\n".join(out) or "There is no brand here yet."


@staff_app.command("reset-second-step")
def reset_second_step(login: str, as_json: Json = False) -> None:
    """Take a second step away when phone and recovery codes are lost; who runs this must know whom they let in."""

    async def reset(runtime: Any) -> None:
        async with runtime.database.dispatcher() as connection:
            brand_id = await brand_named(connection, "sign_in", login.strip().lower())
        if brand_id is None:
            raise NoSuchLogin(login=login[:100])
        async with runtime.database.brand(brand_id) as session:
            await staff.take_second_step_of(session, login.strip().lower())

    with_runtime(reset)
    show({"reset": login}, as_json, f"{login} signs in with the password alone now.")
