"""The program at a terminal: what it does, what it says, and how it ends."""

import re
import secrets
from importlib import import_module

import asyncpg
import pytest

from siyu.kernel.checks import invariants
from siyu.kernel.engines import free_port
from tests.app.terminal import Terminal, process, refused
from tests.conftest import sign_in


def slug() -> str:
    return f"c{secrets.token_hex(5)}"


# ── Brands ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_brand_that_was_created_is_listed_and_its_owner_signs_in(siyu, app, brand):
    name = slug()
    made = siyu("brand", "create", name, "--name", "试茶", "--name-en", "Tea trial", "--json")
    assert (made.status, made.err) == (0, "")
    assert made.json["login"] == f"owner@{name}" and len(made.json["password"]) >= 10
    assert name in siyu("brand", "list", "--json").json
    assert name in siyu("brand", "list").out.split()
    client = await sign_in(app, brand, made.json["login"], made.json["password"])
    shown = (await client.get("/api/console/brand")).json()
    assert (shown["slug"], shown["name"]) == (name, {"zh-CN": "试茶", "en": "Tea trial"})
    await client.aclose()


def test_a_brand_created_for_a_person_tells_the_sign_in_once(siyu):
    name = slug()
    made = siyu("brand", "create", name, "--login", f"me@{name}")
    assert made.status == 0 and f"me@{name}" in made.out
    assert "brands.slug_taken" in refused(siyu("brand", "create", name)) or name in made.out


@pytest.mark.parametrize("name", ["Ab", "a", "-abc", "under_score", "admin", "x" * 41, "澜玉"])
def test_a_short_name_that_is_no_host_name_is_refused_in_one_sentence(siyu, name):
    assert "brands.bad_slug" in refused(siyu("brand", "create", "--", name))


def test_a_short_name_or_login_that_is_taken_is_refused(siyu, brand):
    assert "taken" in refused(siyu("brand", "create", brand.slug))
    assert "taken" in refused(siyu("brand", "create", slug(), "--login", brand.owner_login))


@pytest.mark.parametrize(
    "words",
    [
        ("check", "--brand", "nobody"),
        ("export", "products", "--brand", "nobody"),
        ("export", "orders", "--brand", "nobody", "--json"),
        ("warehouse", "rebuild", "--brand", "nobody"),
        ("events", "lag", "--brand", "nobody"),
    ],
)
def test_a_brand_that_is_not_there_is_told(siyu, words):
    said = refused(siyu(*words))
    assert "brands.unknown" in said and "siyu brand list" in said


def test_a_day_that_does_not_exist_is_refused_as_such(siyu, tmp_path):
    for at, told in (("2026-02-31T10:00:00Z", "no moment of any day"), ("2026-02-28", "offset")):
        assert told in refused(siyu("restore", "--at", at, "--into", str(tmp_path / "new")))


def test_moving_a_brand_refuses_files_before_it_asks_for_a_passphrase(siyu, brand, tmp_path):
    there = tmp_path / "there.siyu"
    there.write_bytes(b"precious")
    for words, told in (
        (("export", brand.slug, "--to", there), "exists already"),
        (("export", brand.slug, "--to", tmp_path / "no" / "such.siyu"), "does not exist"),
        (("export", brand.slug, "--to", tmp_path / "new.siyu"), "--key-file"),
        (("import", tmp_path / "absent.siyu"), "is no file"),
        (("import", there), "--key-file"),
    ):
        assert told in refused(siyu("brand", *map(str, words)))
    assert there.read_bytes() == b"precious" and [*tmp_path.iterdir()] == [there]


# ── Proofs ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_sound_brand_is_ok_and_a_broken_row_is_shown_with_its_sentence(
    siyu, brand, rival, goods, owner_url
):
    siyu("import", "products", goods, "--brand", brand.slug)
    sound = siyu("check", "--brand", brand.slug)
    assert (sound.status, sound.out) == (0, "OK: every invariant holds.\n")
    assert siyu("check", "--brand", brand.slug, "--json").json == {"ok": True, "broken": []}

    owner = await asyncpg.connect(owner_url)
    sku = await owner.fetchval(
        """update stock_levels set on_hand = on_hand + 1 where brand_id = $1
           and sku_id = (select id from skus where brand_id = $1 and code = 'CUP-1') returning sku_id""",
        brand.id,
    )
    await owner.close()
    told = siyu("check", "--brand", brand.slug, "--json")
    assert told.status == 1 and told.json["ok"] is False
    found = {one["name"]: one for one in told.json["broken"]}
    import_module("siyu.app.wiring")  # where the invariants of all modules come together
    assert "stock.replay" in found and set(found) <= set(invariants)
    broken = found["stock.replay"]
    assert (
        broken["brand"] == brand.slug and broken["sentence"]["zh-CN"] and broken["sentence"]["en"]
    )
    assert [row["sku_id"] for row in broken["rows"]] == [str(sku)]
    spoken = siyu("check", "--brand", brand.slug)
    assert spoken.status == 1 and str(sku) in spoken.out.replace("\n", "")
    assert siyu("check", "--brand", rival.slug).status == 0


# ── Settings and the database ─────────────────────────────────────────────────────────────────────


def test_what_is_in_force_is_shown_with_its_source_and_secrets_are_masked(
    siyu, owner_url, tmp_path
):
    (tmp_path / "siyu.toml").write_text("workers = 3\nport = 9000\n")
    said = siyu("config", "--json", home=str(tmp_path), port="9100", secret="hush-hush")
    shown = said.json
    assert shown["workers"] == {"value": "3", "from": "file"}
    assert shown["port"] == {"value": "9100", "from": "environment"}
    assert shown["host"] == {"value": "127.0.0.1", "from": "default"}
    assert shown["secret"] == {"value": "***", "from": "environment"}
    assert ":***@" in shown["database_url"]["value"]
    table = siyu("config", home=str(tmp_path), secret="hush-hush").out
    password = re.search(r":([^:@/]+)@", owner_url)
    for text in (said.out, table):
        assert "hush-hush" not in text and password and password[1] not in text


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"port": "eighty"}, "SIYU_PORT is 'eighty'"),
        ({"port": "99999"}, "SIYU_PORT"),
        ({"log_level": "loud"}, "SIYU_LOG_LEVEL is 'loud'"),
        ({"embedded_postgres": "9"}, "SIYU_EMBEDDED_POSTGRES is '9'"),
        ({"database_url": "mysql://root:x@127.0.0.1/x"}, "SIYU_DATABASE_URL"),
        ({"database_url": "postgresql://root@127.0.0.1/x"}, "password"),
        ({"clickhouse_url": "127.0.0.1:9000"}, "SIYU_CLICKHOUSE_URL"),
        ({"profile": "demo", "host": "0.0.0.0"}, "this machine only"),
    ],
)
@pytest.mark.parametrize("command", [("config",), ("brand", "list", "--json"), ("serve",)])
def test_a_setting_that_cannot_be_used_is_named_in_one_sentence(siyu, command, settings, word):
    assert word in refused(siyu(*command, **settings))


def test_a_setting_in_the_file_that_nobody_knows_is_told(siyu, tmp_path):
    (tmp_path / "siyu.toml").write_text("prot = 8000\n")
    assert "'prot'" in refused(siyu("config", home=str(tmp_path)))
    (tmp_path / "siyu.toml").write_text("port = = 8000\n")
    assert "siyu.toml" in refused(siyu("config", home=str(tmp_path)))


@pytest.mark.parametrize(
    "command", [("brand", "list"), ("check",), ("db", "upgrade"), ("db", "url")]
)
def test_a_database_that_is_not_there_is_told_in_one_sentence(siyu, command):
    nobody = f"postgresql://siyu:x@127.0.0.1:{free_port()}/siyu"
    assert "SIYU_DATABASE_URL" in refused(siyu(*command, database_url=nobody))


def test_the_schema_is_brought_up_to_date_again_and_again(siyu):
    assert siyu("db", "upgrade", "--json").json == {"upgraded": True}
    assert siyu("db", "upgrade").out == "The database is up to date.\n"


def test_the_database_tells_its_address(siyu, owner_url):
    assert siyu("db", "url").out == owner_url + "\n"
    told = siyu("db", "url", "--json").json
    assert told["owner"] == owner_url and "siyu_app:" in told["app"]


def test_serving_needs_engines_and_refuses_the_demo_profile(siyu):
    for command in ("serve", "work"):
        assert "SIYU_DATABASE_URL" in refused(siyu(command, database_url="", clickhouse_url=""))
        assert "demo" in refused(siyu(command, profile="demo"))


# ── Words that mean nothing ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("brand", "create"),
        ("brand", "destroy", "x"),
        ("check", "--brand"),
        ("export", "products"),
        ("export", "orders", "--brand", "x", "--colour", "red"),
        ("import", "products", "/no/such/file.csv", "--brand", "x"),
        ("db", "url", "extra"),
        ("serve", "--port", "eighty"),
        ("events", "put-away", "--older-than-days", "0"),
    ],
)
def test_words_that_mean_nothing_end_with_what_is_wrong_and_no_traceback(siyu, words):
    said = siyu(*words)
    assert said.status == 2 and said.out == ""
    assert "Error" in said.err and "Traceback" not in said.err


def test_every_command_explains_itself_and_has_json_unless_it_runs_until_stopped(siyu):
    from typer.main import get_command

    from siyu.app.cli import whole

    without = {"up", "serve", "work", "openapi"}
    seen: set[str] = set()

    def walk(command, words: tuple[str, ...]) -> None:
        for name, one in getattr(command, "commands", {}).items():
            walk(one, (*words, name))
        if words and not getattr(command, "commands", None):
            seen.add(" ".join(words))
            assert (command.help or "").strip(), words
            options = {option for param in command.params for option in param.opts}
            assert ("--json" in options) != (words[0] in without), words

    walk(get_command(whole()), ())
    assert {"brand create", "brand list", "check", "config", "demo", "db upgrade", "db url"} <= seen
    assert {"import products", "export products", "export orders", "up", "serve", "work"} <= seen


# ── As a process of its own ───────────────────────────────────────────────────────────────────────


def test_the_installed_program_speaks_for_itself(tmp_path):
    told = process("config", "--json", home=str(tmp_path))
    assert (told.status, told.err) == (0, "")
    assert told.json["home"] == {"value": str(tmp_path), "from": "environment"}


@pytest.mark.soak
def test_on_a_fresh_machine_a_command_brings_its_own_engines_and_stops_them_again(tmp_path):
    """No settings at all but a folder: the data is there for the next command."""
    own = Terminal(home=str(tmp_path / "home"))
    made = own("brand", "create", "jadehouse", "--json")
    assert made.status == 0 and made.json["login"] == "owner@jadehouse"
    assert own("brand", "list", "--json").json == ["jadehouse"]
    assert not (tmp_path / "home" / "pg" / "postmaster.pid").exists()
    own.close()


@pytest.mark.parametrize("month", ["banana", "2026-13", "2026-3", "../keys"])
def test_what_is_no_month_is_refused_before_any_key_is_looked_for(siyu, month):
    said = refused(siyu("vault", "drop-key", month))
    assert "vault.no_month" in said and "Nothing was destroyed" in said


def test_settings_that_are_left_out_show_what_follows_from_that(siyu, tmp_path):
    demo = siyu("config", "--json", home=str(tmp_path), profile="demo").json
    assert demo["secret"] == {"value": f"kept in {tmp_path}/secrets", "from": "default"}
    assert demo["backup_hour"]["value"] == "none in the demo"
    assert demo["keys"]["value"] and demo["backup_folder"]["value"] == f"{tmp_path}/backups"
    assert siyu("config", "--json", home=str(tmp_path)).json["backup_hour"]["value"] == "3:00 UTC"
    off = siyu("config", "--json", home=str(tmp_path), backup_hour="-1").json
    assert off["backup_hour"] == {"value": "none", "from": "environment"}


def test_slow_statements_of_a_command_stand_in_a_file_and_not_on_the_screen(siyu, tmp_path):
    said = siyu("check", "--json", home=str(tmp_path), slow_ms="1")
    assert "slow statement" not in said.out + said.err
    lines = (tmp_path / "logs" / "slow.log").read_text().splitlines()
    assert lines and all('"slow statement"' in line for line in lines)
