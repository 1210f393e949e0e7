import asyncio
import time
from contextlib import aclosing
from datetime import timedelta
from statistics import median

import httpx
import pytest

from siyu.kernel import clock
from siyu.people.staff import network_of
from tests.conftest import client_for, sign_in

SESSION = "/api/console/session"


@pytest.fixture
def stopped_clock():
    """Lets a test move the time."""
    yield clock.shift
    clock.shift(timedelta(0))


async def test_signing_in_tells_who_one_is_and_sets_a_cookie_that_scripts_cannot_read(api, brand):
    answer = await api.post(
        SESSION, json={"login": f" {brand.owner_login.upper()} ", "password": brand.owner_password}
    )
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert (
        "siyu_staff=" in cookie
        and "HttpOnly" in cookie
        and "samesite=lax" in cookie.lower()
        and "domain" not in cookie.lower()
    )
    out = answer.json()
    assert out["staff"]["login"] == brand.owner_login and out["brand"]["slug"] == brand.slug
    assert {"staff.edit", "customers.view", "units.edit"} <= set(out["staff"]["permissions"])
    assert out["profile"] == "demo" and {"parked_events", "jobs_running"} <= set(out["counts"])
    again = await api.get(SESSION)
    assert again.status_code == 200 and again.json()["csrf_token"] == out["csrf_token"]


async def test_a_wrong_password_an_unknown_login_and_a_former_employee_get_the_same_answer(
    app, api, console, brand
):
    hq = (await console.get("/api/console/units")).json()["items"][0]["id"]
    former = f"former@{brand.slug}"
    body = {
        "login": former,
        "name": "旧人",
        "roles": ["viewer"],
        "unit_id": hq,
        "password": "once was right",
    }
    made = (await console.post("/api/console/staff", json=body)).json()["staff"]
    assert (
        await console.patch(f"/api/console/staff/{made['id']}", json={"active": False})
    ).status_code == 200

    tried = [(brand.owner_login, "wrong"), ("nobody.at.all", "wrong"), (former, "once was right")]
    answers = [
        await api.post(SESSION, json={"login": login, "password": password})
        for login, password in tried
    ]
    assert {answer.status_code for answer in answers} == {401}
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2] and bodies[0]["code"] == "staff.sign_in_failed"
    assert not any("set-cookie" in answer.headers for answer in answers)


async def test_an_unknown_login_takes_as_long_as_a_known_one(app, brand, monkeypatch):
    from argon2 import PasswordHasher

    from siyu.people.staff import credentials

    slow = PasswordHasher(time_cost=2, memory_cost=16_384, parallelism=1)
    monkeypatch.setattr(credentials, "_hasher", slow)
    credentials._nobodys_hash.cache_clear()
    known = slow.hash("right")

    async def spent(kept):
        began = time.perf_counter()
        assert not await credentials.is_password(kept, "wrong")
        return time.perf_counter() - began

    await spent(None)
    times = [(await spent(known), await spent(None)) for _ in range(7)]
    for_known, for_unknown = (median(column) for column in zip(*times, strict=True))
    credentials._nobodys_hash.cache_clear()
    assert 0.4 < for_unknown / for_known < 2.5


async def test_guessing_is_slowed_down_per_login_and_the_right_password_waits_too(app, brand):
    async with client_for(app, "localhost") as client:
        for _ in range(10):
            assert (
                await client.post(SESSION, json={"login": brand.owner_login, "password": "guess"})
            ).status_code == 401
        answer = await client.post(
            SESSION, json={"login": brand.owner_login, "password": brand.owner_password}
        )
    assert answer.status_code == 429 and answer.json()["code"] == "http.too_many"
    assert (
        0 < answer.json()["facts"]["retry_after_s"] <= 901
        and int(answer.headers["Retry-After"]) > 0
    )


async def test_after_the_pause_the_right_password_is_taken_and_the_count_begins_anew(
    app, brand, stopped_clock
):
    async with client_for(app, "localhost") as client:
        for _ in range(11):
            await client.post(SESSION, json={"login": brand.owner_login, "password": "guess"})
        stopped_clock(timedelta(minutes=16))
        for _ in range(2):
            for _ in range(9):
                assert (
                    await client.post(
                        SESSION, json={"login": brand.owner_login, "password": "guess"}
                    )
                ).status_code == 401
            right = await client.post(
                SESSION, json={"login": brand.owner_login, "password": brand.owner_password}
            )
            assert right.status_code == 200


async def test_guesses_at_once_do_not_slip_through(app, brand):
    async with client_for(app, "localhost") as client:
        answers = await asyncio.gather(
            *(
                client.post(SESSION, json={"login": brand.owner_login, "password": "guess"})
                for _ in range(16)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 6


async def test_one_address_cannot_try_many_logins(app, brand):
    transport = httpx.ASGITransport(
        app=app, raise_app_exceptions=False, client=(f"203.0.113.{brand.id.int % 250}", 9)
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        codes = [
            (
                await client.post(
                    SESSION, json={"login": f"guess{at}.{brand.slug}", "password": "x"}
                )
            ).status_code
            for at in range(52)
        ]
    assert codes == [401] * 50 + [429] * 2


async def test_strangers_do_not_lock_anybody_out_of_a_browser_that_signed_in_before(app, brand):
    right = {"login": brand.owner_login, "password": brand.owner_password}
    wrong = {**right, "password": "guess"}
    async with client_for(app, "localhost") as own, client_for(app, "localhost") as stranger:
        mark = (await own.post(SESSION, json=right)).headers.get_list("set-cookie")[1]
        assert mark.startswith("siyu_device_") and brand.owner_login not in mark
        assert "HttpOnly" in mark and "path=/api/console/session" in mark.lower()
        for _ in range(11):
            await stranger.post(SESSION, json=wrong)
        assert (await stranger.post(SESSION, json=right)).status_code == 429
        csrf = (await own.get(SESSION)).json()["csrf_token"]
        await own.delete(SESSION, headers={"X-CSRF-Token": csrf})
        assert (await own.post(SESSION, json=right)).status_code == 200
        assert (await stranger.post(SESSION, json=right)).status_code == 429, "no way in for them"


async def test_a_known_browser_guesses_no_faster_and_under_its_own_name_only(app, brand, console):
    hq = (await console.get("/api/console/units")).json()["items"][0]["id"]
    other = {"login": f"other@{brand.slug}", "password": "right horse 8"}
    body = {**other, "name": "同事", "roles": ["viewer"], "unit_id": hq}
    assert (await console.post("/api/console/staff", json=body)).status_code == 201
    right = {"login": brand.owner_login, "password": brand.owner_password}
    async with client_for(app, "localhost") as own, client_for(app, "localhost") as elsewhere:
        await own.post(SESSION, json=right)
        wrong = {**right, "password": "guess"}
        codes = [(await own.post(SESSION, json=wrong)).status_code for _ in range(11)]
        assert codes == [401] * 10 + [429]
        (name,) = [one for one in own.cookies if one.startswith("siyu_device_")]
        theirs = await elsewhere.post(SESSION, json=other)
        (foreign,) = [one for one in elsewhere.cookies if one.startswith("siyu_device_")]
        assert theirs.status_code == 200 and foreign != name
        for _ in range(10):
            await elsewhere.post(SESSION, json=wrong)
        for mark in (elsewhere.cookies[foreign], own.cookies[name] + "0", "x.y", ""):
            forged = {"Cookie": f"{name}={mark}"}
            async with client_for(app, "localhost", **forged) as forger:
                assert (await forger.post(SESSION, json=right)).status_code == 429


async def test_an_ipv6_network_counts_as_one_caller():
    assert network_of("2001:db8:9::7") == network_of("2001:db8:9:0:ffff::1") == "2001:db8:9::/64"
    assert network_of("2001:db8:9:1::7") != network_of("2001:db8:9::7")
    assert network_of("203.0.113.5") == "203.0.113.5" and network_of("testclient") == "testclient"


async def test_without_a_session_there_is_nothing_to_see(api):
    for path in ("session", "brand", "units", "staff", "roles", "audit", "customers"):
        answer = await api.get(f"/api/console/{path}")
        assert answer.status_code == 401 and answer.json()["code"] == "http.not_signed_in"


@pytest.mark.parametrize("token", ["", "x", "0" * 32 + ".", "0" * 32 + "." + "A" * 43, "é"])
async def test_an_invented_token_is_no_session(api, token):
    answer = await api.get(SESSION, headers={b"Cookie": f"siyu_staff={token}".encode()})
    assert answer.status_code == 401


async def test_a_write_without_our_pages_token_or_from_another_site_is_refused(console, brand):
    def change(**headers):
        return console.patch(SESSION, json={"locale": "en"}, headers=headers)

    missing = await change(**{"X-CSRF-Token": ""})
    assert missing.status_code == 403 and missing.json()["code"] == "http.csrf_failed"
    foreign = await change(Origin="http://evil.example")
    assert foreign.status_code == 403 and foreign.json()["code"] == "http.foreign_origin"
    assert (await change(**{"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert (await change(**{"Sec-Fetch-Site": "same-site"})).status_code == 403
    own = await change(Origin="http://localhost", **{"Sec-Fetch-Site": "same-origin"})
    assert own.status_code == 200 and own.json()["staff"]["locale"] == "en"
    assert (await change()).status_code == 200


async def test_another_site_cannot_sign_somebody_in(api, brand):
    body = {"login": brand.owner_login, "password": brand.owner_password}
    assert (
        await api.post(SESSION, json=body, headers={"Origin": "http://evil.example"})
    ).status_code == 403


async def test_signing_out_ends_the_session_at_once(console):
    cookie = console.cookies["siyu_staff"]
    answer = await console.delete(SESSION)
    assert answer.status_code == 204 and 'siyu_staff=""' in answer.headers["set-cookie"]
    assert (
        await console.get(SESSION, headers={"Cookie": f"siyu_staff={cookie}"})
    ).status_code == 401


async def test_a_session_ends_after_twelve_idle_hours_or_seven_days(console, stopped_clock):
    stopped_clock(timedelta(hours=11, minutes=59))
    assert (await console.get(SESSION)).status_code == 200
    for half_day in range(1, 14):
        stopped_clock(timedelta(hours=11, minutes=59) * (half_day + 1))
        assert (await console.get(SESSION)).status_code == 200
    stopped_clock(timedelta(days=7, seconds=1))
    assert (await console.get(SESSION)).status_code == 401


async def test_an_idle_session_ends(console, stopped_clock):
    stopped_clock(timedelta(hours=12, seconds=1))
    assert (await console.get(SESSION)).status_code == 401


async def test_changing_the_password_ends_the_other_sessions(app, api, console, brand):
    async with aclosing(await sign_in(app, brand)) as elsewhere:

        def change(old, new):
            return console.post(
                f"{SESSION}/password", json={"old_password": old, "new_password": new}
            )

        assert (await change("wrong", "a new password")).json()["code"] == "staff.wrong_password"
        assert (await change(brand.owner_password, "short")).json()["code"] == "staff.weak_password"
        assert (await change(brand.owner_password, brand.owner_login)).json()[
            "code"
        ] == "staff.weak_password"
        assert (await elsewhere.get(SESSION)).status_code == 200
        assert (await change(brand.owner_password, "a new password")).status_code == 204
        assert (await elsewhere.get(SESSION)).status_code == 401
        assert (await console.get(SESSION)).status_code == 200
    old = await api.post(
        SESSION, json={"login": brand.owner_login, "password": brand.owner_password}
    )
    assert old.status_code == 401
    assert (
        await api.post(SESSION, json={"login": brand.owner_login, "password": "a new password"})
    ).status_code == 200


async def test_a_stolen_session_cannot_guess_the_password(console, brand):
    async def guess():
        answer = await console.post(
            f"{SESSION}/password", json={"old_password": "guess", "new_password": "a new password"}
        )
        return answer.status_code

    assert [await guess() for _ in range(11)] == [422] * 10 + [429]


async def test_only_hashes_of_tokens_and_passwords_are_kept(console, database, brand):
    token = console.cookies["siyu_staff"]
    async with database.raw(brand.id) as connection:
        sessions = await connection.fetch("select * from staff_sessions")
        people = await connection.fetch("select * from staff")
    kept = str([tuple(row.values()) for row in [*sessions, *people]])
    assert (
        token not in kept and token.split(".")[1] not in kept and brand.owner_password not in kept
    )
    assert "$argon2id$" in kept
