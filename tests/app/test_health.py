"""Health: what is wrong is named with what to do; the check of the books runs once, by night or when asked, and names rows."""

import asyncio
import re
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.app.health import nightly, parts
from siyu.app.health.nightly import NIGHTLY, next_night, set_nightly
from siyu.app.programs import Programs, programs
from siyu.kernel import clock, events, jobs, timers
from siyu.kernel.db import driver_of
from tests.conftest import client_for, sign_in

FIRST = datetime.fromisoformat("2026-01-01")
QUIET = parts.Figures(
    answer_ms=2, behind=[], held_s=0, parked=0, spool_packs=0, spool_messages=0, jobs_waiting=0, jobs_running=0,
    jobs_failed=0, job_waits_s=0, timers_due=0, timer_waits_s=0, checks_broken=0, unchecked=0, checked=1, check_age_s=0, skew_s=0.0,
)  # fmt: skip
LATE = events.Behind("goods.orders.reactions.close", 12, 700, 0, None)


def states(found):
    import msgspec

    one = msgspec.structs.replace(QUIET, **found)
    return {
        part.name: part.state
        for part in (
            parts.database_part(one), parts.events_part(one), parts.parked_part(one), parts.jobs_part(one),
            parts.timers_part(one), parts.checks_part(one), parts.clock_part(one), parts.warehouse_part(True, one),
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "part", "state"),
    [
        ({"answer_ms": 1500}, "database", "warn"),
        ({"behind": [LATE]}, "events", "bad"),
        ({"behind": [LATE], "held_s": 700}, "events", "bad"),
        ({"parked": 3}, "parked", "warn"),
        ({"jobs_waiting": 1, "job_waits_s": 60}, "jobs", "bad"),
        ({"jobs_failed": 1}, "jobs", "warn"),
        ({"timers_due": 5, "timer_waits_s": 60}, "timers", "warn"),
        ({"timers_due": 5, "timer_waits_s": 6000}, "timers", "bad"),
        ({"checks_broken": 1}, "checks", "bad"),
        ({"unchecked": 1}, "checks", "warn"),
        ({"skew_s": 5.0}, "clock", "warn"),
        ({"skew_s": 90.0}, "clock", "bad"),
        ({"spool_messages": 300_000}, "warehouse", "warn"),
    ],
)
def test_what_is_wrong_shows_in_its_part_and_in_no_other(found, part, state):
    shown = states(found)
    assert shown.pop(part) == state
    assert set(shown.values()) == {"ok"}


def test_jobs_that_wait_behind_others_are_no_missing_worker():
    assert states({"jobs_waiting": 3, "job_waits_s": 900, "jobs_running": 2})["jobs"] == "ok"


@given(st.integers(0, 10**13), st.integers(1, 10**13))
def test_less_room_is_never_better_news(free, size):
    rank = parts.STATES.index
    assert rank(parts.disk_part(free, size).state) <= rank(parts.disk_part(free // 2, size).state)


def test_a_program_that_died_is_told_and_who_came_back_lately_too(tmp_path):
    noted = Programs(tmp_path)
    for event, facts in (
        ("child_started", {"name": "web"}), ("child_ready", {"name": "web"}), ("all_ready", {"children": 1}),
        ("child_died", {"name": "web", "how": "signal SIGKILL"}),
    ):  # fmt: skip
        noted.hear(event, **facts)
    (web,) = programs(tmp_path)
    assert (web.up, web.restarts, web.why) == (False, 0, "signal SIGKILL")
    assert parts.programs_part([web]).state == "bad"
    noted.hear("child_started", name="web")
    noted.hear("child_ready", name="web")
    (web,) = programs(tmp_path)
    assert (web.up, web.restarts) == (True, 1)
    assert parts.programs_part([web]).state == "warn"
    noted.forget()
    assert programs(tmp_path) == []


async def test_ready_names_every_part_at_the_console_and_none_at_a_shop(api, app, brand):
    answer = await api.get("/health/ready")
    assert answer.status_code == 200, answer.text
    shown = {one["name"]: one for one in answer.json()["parts"]}
    assert {"database", "warehouse", "events", "jobs", "timers", "checks", "disk", "clock"} <= set(
        shown
    )
    for one in shown.values():
        assert one["state"] in ("ok", "warn", "bad")
        assert re.search(r"[\u4e00-\u9fff]", one["says"]["zh-CN"])
        assert one["says"]["en"].endswith(".") and not re.search(
            r"[\u4e00-\u9fff]", one["says"]["en"]
        )
    async with client_for(app, brand.host) as shop:
        assert (await shop.get("/health/ready")).json() == {
            "status": "ok", "warehouse": answer.json()["warehouse"], "parts": [],
        }  # fmt: skip


async def test_the_consoles_health_is_for_those_who_may_see_it(console, api):
    answer = await console.get("/api/console/health")
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert {"sessions", "bare", "dispatcher"} == set(shown["connections"])
    assert "goods.orders.placing.place" in [one["name"] for one in shown["queues"]]
    assert (await api.get("/api/console/health")).status_code == 401


async def test_a_slow_statement_of_a_handler_is_shown_to_its_brand_alone(
    app, console, runtime, rival
):
    slow_s, runtime.slow._slow_s = runtime.slow._slow_s, 0.0
    try:
        await console.get("/api/console/jobs")
        await asyncio.sleep(0)
    finally:
        runtime.slow._slow_s = slow_s
    await runtime.slow.write()
    shapes = [one["shape"] for one in (await console.get("/api/console/health")).json()["slow"]]
    assert any("FROM jobs" in shape for shape in shapes), shapes
    theirs = await sign_in(app, rival)
    shown = (await theirs.get("/api/console/health")).json()["slow"]
    await theirs.aclose()
    assert not any("FROM jobs" in one["shape"] for one in shown)


async def done(console, runtime, brand):
    await jobs.run_waiting(runtime, brand.id)
    return (await console.get("/api/console/health")).json()["check"]


async def test_a_check_that_is_asked_for_names_the_rows_that_break_a_sentence(
    console, runtime, database, brand, owner_url
):
    answer = await console.post("/api/console/health/checks")
    assert answer.status_code == 201, answer.text
    check = await done(console, runtime, brand)
    assert (check["state"], check["result"]["broken"]) == ("done", [])
    assert check["result"]["checked"] == check["done"] == check["total"] > 5
    product = UUID(int=secrets.randbits(128))
    async with database.brand(brand.id) as session:
        await (await driver_of(session)).execute(
            """insert into products (id, handle, title, status, created_at, updated_at, sku_count)
               values ($1, $2, '{"zh-CN": "镯"}', 'on_sale', now(), now(), 7)""",
            product, f"p-{product.hex}",
        )  # fmt: skip
    await console.post("/api/console/health/checks")
    check = await done(console, runtime, brand)
    assert check["failed"] == len(check["result"]["broken"]) >= 1
    assert str(product) in str(check["result"]["broken"])
    assert check["result"]["broken"][0]["sentence"]["en"]


async def test_of_many_who_ask_at_once_one_check_is_begun(console, database, brand):
    answers = await asyncio.gather(*(console.post("/api/console/health/checks") for _ in range(6)))
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409, 409, 409]
    refused = next(one for one in answers if one.status_code == 409)
    assert refused.json()["code"] == "health.check_running"


async def test_every_brand_is_checked_once_a_night(database, runtime, brand):
    await set_nightly(database)
    await set_nightly(database)
    async with database.raw(brand.id) as connection:
        (due,) = await connection.fetch("select due_at from timers where kind = $1", NIGHTLY)
    clock.freeze(due["due_at"] + timedelta(minutes=1))
    try:
        served = await asyncio.gather(
            *(timers.run_due(database, brand.id, [NIGHTLY]) for _ in range(3))
        )
        assert sum(served) == 1
        await jobs.run_waiting(runtime, brand.id)
        async with database.raw(brand.id) as connection:
            assert (
                await connection.fetchval(
                    "select count(*) from jobs where kind = $1", nightly.CHECK
                )
                == 1
            )
            (following,) = await connection.fetch(
                "select due_at from timers where kind = $1", NIGHTLY
            )
        assert timedelta(hours=23) < following["due_at"] - due["due_at"] <= timedelta(hours=25)
    finally:
        clock.freeze(None)


async def test_a_brand_whose_check_never_came_to_its_end_is_told_once_it_is_older_than_a_check(
    database, owner_url
):
    """A brand's id says when it was made; all this needs is its name in the directory."""
    before = (await parts.figures(database)).unchecked
    owner = await asyncpg.connect(owner_url)
    made: list[UUID] = []
    try:
        for hours in (parts.CHECK_LATE_H + 1, parts.CHECK_LATE_H - 1):
            at = datetime.now(UTC) - timedelta(hours=hours)
            made.append(UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | secrets.randbits(64)))
            await owner.execute(
                "insert into directory (brand_id, kind, key) values ($1, 'brand', $2)", made[-1], made[-1].hex
            )  # fmt: skip
        assert (await parts.figures(database)).unchecked == before + 1
    finally:
        await owner.execute("delete from directory where brand_id = any($1::uuid[])", made)
        await owner.close()


@given(
    st.uuids(), st.datetimes(FIRST, FIRST + timedelta(days=700)),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"]),
)  # fmt: skip
def test_the_next_night_lies_between_two_and_five_within_a_day(brand_id, after, zone):
    at = next_night(brand_id, zone, after.replace(tzinfo=UTC))
    assert timedelta(0) < at - after.replace(tzinfo=UTC) <= timedelta(hours=26)
    assert at.astimezone(clock.zone(zone)).hour in (1, 2, 3, 4, 5)


def test_before_the_first_check_nobody_is_told_that_nothing_was_found():
    import msgspec

    fresh = parts.checks_part(msgspec.structs.replace(QUIET, checked=0))
    assert fresh.state == "ok" and "No check has run yet" in fresh.says["en"]
    assert "还没有自检过" in fresh.says["zh-CN"]
    assert "nothing wrong" in parts.checks_part(QUIET).says["en"]
