"""What holds for every endpoint: who is not signed in, has no CSRF token or no permission is refused; keys count once."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.app.asking import Asker
from tests.app.endpoints import Endpoint, endpoints
from tests.app.estate import PASSWORD, Estate
from tests.conftest import client_for, sign_in
from tests.goods.orders.conftest import keyed

OPEN_TO_ALL = {
    "POST /api/console/session": "signs in",
    "POST /api/shop/session/guest": "makes the session of somebody who accepts the privacy text",
    "DELETE /api/shop/session": "signing out twice is no mistake",
    "POST /api/shop/quote": "prices are public",
    "POST /api/shop/stores/pick-up": "what a store has is public",
    "POST /v1/{kind}": "has its own key",
}
ONES_OWN = {
    "GET /api/console/brand": "the console's frame",
    "GET /api/console/regions": "public divisions",
    "GET /api/console/session": "one's own session",
    "PATCH /api/console/session": "one's own language",
    "DELETE /api/console/session": "signs out",
    "POST /api/console/session": "signs in",
    "POST /api/console/session/password": "one's own password",
    "GET /api/console/session/second-step": "one's own second step",
    "POST /api/console/session/second-step": "one's own second step",
    "POST /api/console/session/second-step/confirm": "one's own second step",
    "POST /api/console/session/second-step/recovery-codes": "one's own second step",
    "POST /api/console/session/second-step/off": "one's own second step",
    "GET /api/console/sessions": "one's own browsers",
    "DELETE /api/console/sessions": "one's own browsers",
    "DELETE /api/console/sessions/{session_id}": "one's own browser",
    "GET /api/console/units": "one's own part of the tree",
    "GET /api/console/views": "one's own views",
    "POST /api/console/views": "one's own view",
    "DELETE /api/console/views/{view_id}": "one's own view",
}
"""What somebody signed in may without any permission."""

BODIES: dict[str, Any] = {
    "PATCH /api/console/brand": {"service_phone": "0571"},
    "PATCH /api/console/session": {"locale": "en"},
    "POST /api/console/session/password": {"old_password": "a", "new_password": "b"},
    "POST /api/console/session/second-step": {"password": "a"},
    "POST /api/console/session/second-step/confirm": {"code": "000000"},
    "POST /api/console/session/second-step/recovery-codes": {"code": "000000"},
    "POST /api/console/session/second-step/off": {"code": "000000"},
    "POST /api/console/views": {"name": "我的", "query": {"state": "paid"}},
    "POST /api/console/write-keys": {"name": "other"},
    "POST /api/shop/session/code": {"phone": "13900000000"},
    "PATCH /api/shop/me": {"name": "小明"},
}
"""Bodies of endpoints that take no id."""


def changing(app: Any, door: str) -> list[Endpoint]:
    """The endpoints of a door that change something."""
    return [one for one in endpoints(app) if one.changes and one.door == door]


async def ask(
    asker: Asker, endpoint: Endpoint, client: httpx.AsyncClient, **more: Any
) -> httpx.Response:
    """Ask with a body that is right in form."""
    if endpoint.path in ("/api/console/media", "/api/console/imports") and endpoint.changes:
        return await client.post(
            endpoint.path, files={"file": ("a.csv", b"title,price\nx,1\n")}, **more
        )
    body = await asker.body(endpoint)
    if endpoint.name == "POST /api/shop/addresses":
        body = {"recipient": "王", "phone": "13900000000", "district_code": "330106", "street": "文三路 1 号", "is_default": False}  # fmt: skip
    return await asker.ask(endpoint, client=client, body=body or BODIES.get(endpoint.name), **more)


@pytest.fixture(scope="module")
async def nobody_special(app: Any, ours: Estate) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody on the staff whose role gives nothing."""
    client = await sign_in(app, ours.brand, f"staff@{ours.brand.slug}", PASSWORD)
    yield client
    await client.aclose()


async def test_without_a_session_nothing_is_changed(app, ours):
    asker, wrong = Asker(ours), []
    before = await ours.snapshot()
    for door, host in (("console", "localhost"), ("shop", ours.brand.host)):
        async with client_for(app, host) as stranger:
            for one in changing(app, door):
                stranger.cookies.clear()
                answer = await ask(asker, one, stranger)
                refused = answer.status_code == 401
                if one.door == "shop" and answer.status_code == 403:
                    refused = answer.json()["code"] == "customers.privacy_needed"
                if not refused and one.name not in OPEN_TO_ALL:
                    wrong.append(f"{one.name}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)
    after = await ours.snapshot()
    moved = {name for name in before if before[name] != after[name]}
    assert moved <= {"devices", "shop_sessions", "privacy_acceptances", "events"}  # a guest begins
    assert not [name for name in OPEN_TO_ALL if name not in {one.name for one in endpoints(app)}]


async def test_a_cookie_without_its_csrf_token_changes_nothing(app, ours):
    asker, wrong = Asker(ours), []
    before = await ours.snapshot()
    token = ours.shopper.http.headers["authorization"].removeprefix("Bearer ")
    clients = {
        "console": client_for(
            app, "localhost", Cookie=f"siyu_staff={ours.console.cookies['siyu_staff']}"
        ),
        "shop": client_for(app, ours.brand.host, Cookie=f"siyu_shop={token}"),
    }
    for door, client in clients.items():
        async with client:
            for one in changing(app, door):
                if one.name == "POST /api/console/session":
                    continue
                for given in ({}, {"X-CSRF-Token": "0" * 64}):
                    answer = await ask(asker, one, client, headers={**given, **keyed()})
                    if answer.status_code != 403 or "csrf" not in answer.json()["code"]:
                        wrong.append(f"{one.name}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)
    assert await ours.snapshot() == before


async def test_another_site_changes_nothing_even_with_our_cookie_and_token(app, ours):
    """Whatever else a request has, its origin is asked first: by the browser's own header, and by Fetch Metadata."""
    asker, wrong = Asker(ours), []
    before = await ours.snapshot()
    token = ours.shopper.http.headers["authorization"].removeprefix("Bearer ")
    csrf = ours.console.headers["x-csrf-token"]
    staff = {"Cookie": f"siyu_staff={ours.console.cookies['siyu_staff']}", "X-CSRF-Token": csrf}
    clients = {
        "console": client_for(app, "localhost", **staff),
        "shop": client_for(app, ours.brand.host, Cookie=f"siyu_shop={token}"),
    }
    for door, client in clients.items():
        async with client:
            for one in changing(app, door):
                if one.name == "POST /api/console/session":
                    continue  # asked in tests/people/staff: it has no body of an estate's own
                for foreign in (
                    {"Origin": "https://evil.example"},
                    {"Origin": "null"},
                    {"Origin": "http://localhost.evil.example"},
                    {"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"},
                ):
                    answer = await ask(asker, one, client, headers={**foreign, **keyed()})
                    if (answer.status_code, answer.json().get("code")) != (403, "http.foreign_origin"):  # fmt: skip
                        wrong.append(f"{one.name} from {foreign}: {answer.status_code} {answer.text[:160]}")  # fmt: skip
    assert not wrong, "\n".join(wrong)
    assert await ours.snapshot() == before


async def test_staff_without_a_permission_is_refused_everywhere(app, ours, nobody_special):
    asker, wrong = Asker(ours), []
    before = await ours.snapshot()
    for one in endpoints(app):
        if one.door != "console" or one.name in ONES_OWN:
            continue
        answer = await ask(asker, one, nobody_special)
        if answer.status_code != 403 or answer.json()["code"] != "http.not_allowed":
            wrong.append(f"{one.name}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)
    assert await ours.snapshot() == before
    assert not [name for name in ONES_OWN if name not in {one.name for one in endpoints(app)}]


def altered(body: Any) -> Any:
    """Another request of the same form."""
    for name, value in (
        ("reason", "别的"),
        ("text", "别的"),
        ("note", "别的"),
        ("name", "别的"),
        ("street", "别处 2 号"),
    ):
        if name in body:
            return {**body, name: {"zh-CN": value} if isinstance(body[name], dict) else value}
    if "title" in body:
        return {**body, "title": {"zh-CN": "别的"}}
    return (
        {**body, "tracking_number": "SF9999999999999"}
        if "tracking_number" in body
        else {**body, "delta": 2}
    )


async def test_a_second_sending_under_the_same_key_is_the_same_write(app, ours):
    asker, wrong, seen = Asker(ours), [], 0
    for one in endpoints(app):
        if not one.keyed:
            continue
        seen += 1
        body = await asker.body(one)
        if one.name == "POST /api/shop/addresses":
            body = {"recipient": "王", "phone": ours.shopper.phone, "district_code": "330106", "street": "文三路 1 号", "is_default": False}  # fmt: skip
        key = keyed()
        first = await asker.ask(one, body=body and dict(body), headers=key)
        if first.status_code >= 300:
            wrong.append(f"{one.name}: {first.status_code} {first.text[:300]}")
            continue
        before = await ours.snapshot()
        again = await asker.ask(one, body=body and dict(body), headers=key)
        if (again.status_code, shown(again)) != (first.status_code, shown(first)):
            wrong.append(
                f"{one.name} again: {again.status_code} {again.text[:600]} but {first.text[:600]}"
            )
        if body is not None:
            other = await asker.ask(one, body=altered(body), headers=key)
            if (other.status_code, other.json().get("code")) != (409, "http.key_reused"):
                wrong.append(
                    f"{one.name} with another body: {other.status_code} {other.text[:200]}"
                )
        if moved := [
            name for name, rows in (await ours.snapshot()).items() if before[name] != rows
        ]:
            wrong.append(f"{one.name} again changed {moved}")
    assert not wrong, "\n".join(wrong)
    assert seen >= 12


def shown(answer: httpx.Response) -> Any:
    """What an answer says, without what it says this once (a first password)."""
    body = answer.json()
    return {name: value for name, value in body.items() if name != "first_password"}
