"""At the terminal: the audit proven or its first changed row named, and somebody let in who lost phone and codes."""

from contextlib import aclosing

import asyncpg
import pytest

from siyu.people.staff.chain import sealing
from tests.app.terminal import refused
from tests.conftest import sign_in
from tests.people.staff.authenticator import attempt, enrolled

SESSION = "/api/console/session"


@pytest.fixture
def verify(siyu, runtime):
    """``siyu audit verify`` with the secret that the rows were sealed with."""

    def run(*words: object):
        return siyu("audit", "verify", *words, secret=runtime.settings.secret)

    return run


@pytest.fixture
async def sealed(console, database, runtime, brand) -> list:
    """A brand's audit in two sealed links; its rows, oldest first."""
    for turn in range(2):
        for phone in (f"0571 8{turn}", ""):
            body = {"service_phone": phone}
            assert (await console.patch("/api/console/brand", json=body)).status_code == 200
        assert await sealing.seal_brand(database, runtime.secret, brand.id) >= 2
    async with database.raw(brand.id) as connection:
        return [row[0] for row in await connection.fetch("select id from audit order by id")]


# ── siyu audit verify ─────────────────────────────────────────────────────────────────────────────


async def test_an_untouched_audit_is_ok_and_its_end_can_be_written_down(verify, sealed, brand):
    said = verify("--brand", brand.slug, "--json")
    assert (said.status, said.json["ok"], said.err) == (0, True, "")
    (one,) = said.json["brands"]
    assert (one["brand"], one["broken"], one["rows"]) == (brand.slug, None, len(sealed))
    spoken = verify("--brand", brand.slug)
    assert spoken.status == 0 and f"{brand.slug}: OK" in spoken.out and one["head"] in spoken.out
    assert verify("--brand", brand.slug, "--head", one["head"]).status == 0
    lost = verify("--brand", brand.slug, "--head", "0" * 64, "--json")
    assert lost.status == 1 and lost.json["brands"][0]["broken"]["what"] == "link not there"


async def test_a_row_changed_behind_the_houses_back_is_named_and_the_command_fails(
    verify, sealed, brand, rival, owner_url
):
    forger = await asyncpg.connect(owner_url)
    changed = "update audit set actor_name = 'nobody' where brand_id = $1 and id = any($2)"
    await forger.execute(changed, brand.id, [sealed[1], sealed[3]])
    await forger.close()
    said = verify("--brand", brand.slug, "--json")
    assert (said.status, said.json["ok"]) == (1, False)
    broken = said.json["brands"][0]["broken"]
    assert (broken["what"], broken["audit_id"]) == ("row changed", str(sealed[1]))
    spoken = verify("--brand", brand.slug)
    assert spoken.status == 1 and "row changed" in spoken.out and str(sealed[1]) in spoken.out
    assert verify("--brand", rival.slug).status == 0
    every = verify("--json")
    found = {one["brand"]: one["broken"] for one in every.json["brands"]}
    assert every.status == 1 and found[brand.slug] == broken and found[rival.slug] is None


def test_an_audit_of_nobody_and_an_end_without_its_brand_are_refused(verify):
    assert "brands.unknown" in refused(verify("--brand", "nobody"))
    said = verify("--head", "0" * 64)
    assert said.status == 2 and "--brand" in said.err and "Traceback" not in said.err


async def test_the_twelve_characters_that_the_page_shows_prove_the_end_and_nonsense_is_refused(
    verify, sealed, brand
):
    head = verify("--brand", brand.slug, "--json").json["brands"][0]["head"]
    for shown in (head[:12], head[:40], f" {head[:12].upper()} "):
        assert verify("--brand", brand.slug, "--head", shown).status == 0, shown
    for nonsense in (head[:11], "not-a-head-at-all", head + "0", "%" * 12):
        said = verify("--brand", brand.slug, "--head", nonsense)
        assert said.status == 2 and "audit.no_head" in said.err, nonsense
    other = ("0" if head[0] != "0" else "1") + head[1:12]
    said = verify("--brand", brand.slug, "--head", other)
    assert said.status == 1 and "cut off, or what was given is mistyped" in said.out


# ── siyu staff reset-second-step ──────────────────────────────────────────────────────────────────


def reset(siyu, login: str, *words: str):
    return siyu("staff", "reset-second-step", login, *words)


async def test_who_lost_phone_and_codes_signs_in_with_the_password_alone_after_the_reset(
    siyu, console, api, brand
):
    await enrolled(console, brand.owner_password, ahead=0)
    assert await attempt(api, brand.owner_login, brand.owner_password) != (200, None)
    said = reset(siyu, f" {brand.owner_login.upper()} ")
    assert said.status == 0 and "with the password alone" in said.out, said
    assert (await console.get(SESSION)).status_code == 401, "sessions of a lost phone end"
    assert await attempt(api, brand.owner_login, brand.owner_password) == (200, None)
    trail = (await api.get("/api/console/audit?action=staff.second_step_reset")).json()["items"]
    assert [one["actor_name"] for one in trail] == ["siyu"], trail
    assert "staff.second_step_off" in refused(reset(siyu, brand.owner_login))


async def test_where_the_brand_asks_for_a_second_step_the_reset_one_has_to_be_set_up_again(
    siyu, app, console, brand
):
    await enrolled(console, brand.owner_password, ahead=0)
    asked = await console.patch("/api/console/brand", json={"second_step_required": True})
    assert asked.status_code == 200
    assert reset(siyu, brand.owner_login, "--json").json == {"reset": brand.owner_login}
    async with aclosing(
        await sign_in(app, brand, brand.owner_login, brand.owner_password)
    ) as again:
        shut = await again.get("/api/console/orders")
        assert (shut.status_code, shut.json()["code"]) == (403, "staff.second_step_needed")
        await enrolled(again, brand.owner_password, ahead=1)
        assert (await again.get("/api/console/orders")).status_code == 200


async def test_a_login_that_nobody_has_is_refused_in_one_sentence_and_changes_nothing(
    siyu, api, console, brand
):
    await enrolled(console, brand.owner_password, ahead=0)
    for login in (f"nobody@{brand.slug}", "", "%"):
        assert "staff.no_such_login" in refused(reset(siyu, login))
    assert await attempt(api, brand.owner_login, brand.owner_password) != (200, None)
    assert (await console.get(SESSION)).status_code == 200
