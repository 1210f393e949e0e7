from contextlib import aclosing
from datetime import timedelta

import httpx
import pytest

from siyu.kernel import clock
from siyu.kernel.ids import new_id
from tests.conftest import client_for, sign_in
from tests.people.staff.test_people_and_roles import Org

SESSIONS = "/api/console/sessions"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/605.1.15"


@pytest.fixture
async def org(app, brand, console):
    return await Org(app, brand, console).build()


@pytest.fixture
async def second(app):
    """Another web process of the same house, opened on the same database."""
    from siyu.app.runtime import Runtime
    from siyu.app.web import create_app

    first = app.runtime
    other = Runtime(first.settings, first.urls, pool=4)
    asgi = create_app(other)
    await other.open()
    yield asgi
    await other.close()


async def from_a_phone(app, brand):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=("203.0.113.7", 9))
    client = httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30)
    client.headers["User-Agent"] = PHONE
    body = {"login": brand.owner_login, "password": brand.owner_password}
    answer = await client.post("/api/console/session", json=body)
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return client


async def test_one_sees_where_one_is_signed_in(app, console, brand):
    async with aclosing(await from_a_phone(app, brand)):
        listed = (await console.get(SESSIONS)).json()["items"]
    assert len(listed) == 2
    here, there = sorted(listed, key=lambda one: not one["current"])
    assert here["current"] and not there["current"]
    assert (there["device"], there["address"]) == (PHONE, "203.0.113.7")
    assert all(one["created_at"] and one["last_seen_at"] for one in listed)
    assert console.cookies["siyu_staff"].split(".")[1] not in str(listed)


async def test_one_ends_a_browser_and_the_other_process_knows_at_once(app, second, console, brand):
    async with (
        aclosing(await from_a_phone(app, brand)) as phone,
        client_for(
            second, "localhost", Cookie=f"siyu_staff={phone.cookies['siyu_staff']}"
        ) as elsewhere,
    ):
        assert (await elsewhere.get("/api/console/session")).status_code == 200
        there = next(
            one for one in (await console.get(SESSIONS)).json()["items"] if not one["current"]
        )
        assert (await console.delete(f"{SESSIONS}/{there['id']}")).status_code == 204
        assert (await elsewhere.get("/api/console/session")).status_code == 401
        assert (await phone.get("/api/console/session")).status_code == 401
    gone = await console.delete(f"{SESSIONS}/{there['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "http.not_found")


async def test_ending_all_others_leaves_only_this_one(app, console, brand):
    async with (
        aclosing(await from_a_phone(app, brand)) as phone,
        aclosing(await sign_in(app, brand)) as desk,
    ):
        assert (await console.delete(SESSIONS)).status_code == 204
        assert [
            (await client.get("/api/console/session")).status_code for client in (phone, desk)
        ] == [401, 401]
    listed = (await console.get(SESSIONS)).json()["items"]
    assert [one["current"] for one in listed] == [True]
    trail = (await console.get("/api/console/audit?action=staff.sessions_ended")).json()["items"]
    assert [one["facts"] for one in trail] == [{"count": 2}]


async def test_sessions_that_have_run_out_are_not_shown(app, console, brand):
    async with aclosing(await from_a_phone(app, brand)):
        try:
            clock.shift(timedelta(hours=7))
            assert (await console.get("/api/console/session")).status_code == 200
            clock.shift(timedelta(hours=13))
            listed = (await console.get(SESSIONS)).json()["items"]
        finally:
            clock.shift(timedelta(0))
    assert [one["current"] for one in listed] == [True]


async def test_nobody_ends_a_session_of_somebody_else_as_their_own(org):
    await org.id_of("lin", ["guide"], "e1")
    owners = (await org.console.get(SESSIONS)).json()["items"][0]["id"]
    async with aclosing(await org.signed_in("lin")) as guide:
        assert (await guide.delete(f"{SESSIONS}/{owners}")).status_code == 404
    assert (await org.console.get("/api/console/session")).status_code == 200


async def test_an_administrator_signs_staff_out_of_one_browser_or_all(org):
    lin = await org.id_of("lin", ["guide"], "e1")
    address = f"/api/console/staff/{lin}/sessions"
    async with (
        aclosing(await org.signed_in("lin")) as one,
        aclosing(await org.signed_in("lin")) as other,
    ):
        own = (await one.get(SESSIONS)).json()["items"]
        first = next(session["id"] for session in own if session["current"])
        shown = (await org.console.get(address)).json()["items"]
        assert {session["id"] for session in shown} == {session["id"] for session in own}
        assert not any(session["current"] for session in shown)
        assert (await org.console.delete(f"{address}/{first}")).status_code == 204
        assert (await one.get("/api/console/session")).status_code == 401
        assert (await other.get("/api/console/session")).status_code == 200
        assert (await org.console.delete(address)).status_code == 204
        assert (await other.get("/api/console/session")).status_code == 401
    assert (await org.console.delete(f"{address}/{new_id()}")).status_code == 404


async def test_sessions_beyond_ones_rights_or_subtree_are_not_ones_to_end(org):
    owner = (await org.console.get("/api/console/session")).json()["staff"]["id"]
    await org.own_role("chief", ["staff.view", "staff.edit"])
    await org.id_of("chief", ["chief"])
    await org.id_of("eastern", ["chief"], "east")
    western = await org.id_of("western", ["chief"], "w1")
    async with aclosing(await org.signed_in("chief")) as chief:
        answer = await chief.delete(f"/api/console/staff/{owner}/sessions")
        assert (answer.status_code, answer.json()["code"]) == (403, "staff.beyond_you")
    async with aclosing(await org.signed_in("eastern")) as eastern:
        for call in (
            eastern.get(f"/api/console/staff/{western}/sessions"),
            eastern.delete(f"/api/console/staff/{western}/sessions"),
        ):
            assert (await call).status_code == 404
