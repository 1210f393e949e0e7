"""Whose address counts: what a trusted proxy says, and nothing that anybody else writes into a header."""

from ipaddress import ip_network

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.app.runtime import Runtime
from siyu.app.web import create_app
from siyu.kernel.http import Proxies
from siyu.kernel.settings import Settings, SettingsRefused, load

BALANCER, INNER, SHOPPER, OTHER = "10.0.0.9", "10.0.0.8", "203.0.113.5", "198.51.100.7"
HOUSE = Proxies([ip_network("10.0.0.0/24"), ip_network("2001:db8:1::/48")])


def scope(peer, *forwarded):
    heads = [(b"x-forwarded-for", one.encode("latin-1")) for one in forwarded]
    return {"client": (peer, 4000) if peer else None, "headers": heads}


@pytest.mark.parametrize(
    ("peer", "forwarded", "counts"),
    [
        (BALANCER, [SHOPPER], SHOPPER),
        (BALANCER, [f"{SHOPPER}:51000"], SHOPPER),
        (BALANCER, [f"{SHOPPER}, {INNER}"], SHOPPER),
        (BALANCER, [SHOPPER, INNER], SHOPPER),
        (f"::ffff:{BALANCER}", [f"::ffff:{SHOPPER}"], SHOPPER),
        ("2001:db8:1::2", ["[2001:db8:9::7]:443"], "2001:db8:9::7"),
        (BALANCER, [f"{OTHER}, {SHOPPER}"], SHOPPER),
        (BALANCER, [f"127.0.0.1, {INNER}, {SHOPPER}"], SHOPPER),
        (SHOPPER, [OTHER], SHOPPER),
        (SHOPPER, [BALANCER], SHOPPER),
        (BALANCER, [], BALANCER),
        (BALANCER, [""], BALANCER),
        (BALANCER, ["unknown"], BALANCER),
        (BALANCER, [f"{SHOPPER}, not an address"], BALANCER),
        (BALANCER, [f"{SHOPPER}, é, {INNER}"], INNER),
        (BALANCER, ["fe80::1%eth0"], BALANCER),
        (BALANCER, [INNER], INNER),
        ("", [SHOPPER], ""),
        ("/run/siyu.sock", [SHOPPER], "/run/siyu.sock"),
    ],
)  # fmt: skip
def test_the_rightmost_hop_that_is_no_trusted_proxy_counts(peer, forwarded, counts):
    assert HOUSE.client(scope(peer, *forwarded)) == counts


def test_a_caller_who_is_no_proxy_is_believed_nothing_where_none_is_trusted():
    made = scope(SHOPPER, OTHER)
    Proxies(()).settle(made)
    assert made["client"] == (SHOPPER, 4000)


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=40), max_size=4))
def test_whatever_a_stranger_writes_they_stay_who_the_proxy_saw(made_up):
    assert HOUSE.client(scope(BALANCER, *made_up, SHOPPER)) == SHOPPER
    assert HOUSE.client(scope(SHOPPER, *made_up)) == SHOPPER


def test_proxies_are_named_by_address_or_network(tmp_path):
    env = {"SIYU_HOME": str(tmp_path), "SIYU_TRUSTED_PROXIES": " 127.0.0.1, 10.0.3.0/24,::1 "}
    named = load(env).settings.proxies
    assert [str(one) for one in named] == ["127.0.0.1/32", "10.0.3.0/24", "::1/128"]
    assert Settings().proxies == ()


@pytest.mark.parametrize(
    "named", ["nginx", "10.0.0.300", "10.0.0.1/8", "10.0.0.1 10.0.0.2", "0.0.0.0/0", "::/0"]
)
def test_a_proxy_that_cannot_be_one_ends_the_start_in_one_sentence(named, tmp_path):
    with pytest.raises(SettingsRefused, match="SIYU_TRUSTED_PROXIES"):
        load({"SIYU_HOME": str(tmp_path), "SIYU_TRUSTED_PROXIES": named})


@pytest.fixture
async def behind(app):
    """``behind(address)``: a browser there that comes through the load balancer of a house that trusts it."""
    settings = msgspec.structs.replace(app.runtime.settings, trusted_proxies="10.0.0.0/24")
    runtime = Runtime(settings, app.runtime.urls, pool=4)
    house, clients = create_app(runtime), []
    await runtime.open()

    def come(address, base_url="http://localhost", **more):
        transport = httpx.ASGITransport(app=house, client=(BALANCER, 9), raise_app_exceptions=False)
        heads = {"X-Forwarded-For": address, **more}
        clients.append(httpx.AsyncClient(transport=transport, base_url=base_url, headers=heads))
        return clients[-1]

    yield come
    for client in clients:
        await client.aclose()
    await runtime.close()


async def test_behind_a_load_balancer_one_stranger_locks_out_nobody_else(behind, brand):
    stranger, owner = behind(f"{OTHER}, {SHOPPER}"), behind("192.0.2.44")
    wrong = [{"login": f"nobody{at}@{brand.slug}", "password": "wrong"} for at in range(51)]
    codes = [(await stranger.post("/api/console/session", json=one)).status_code for one in wrong]
    assert codes == [401] * 50 + [429]
    right = {"login": brand.owner_login, "password": brand.owner_password}
    answer = await owner.post("/api/console/session", json=right)
    assert answer.status_code == 200, answer.text
    rows = (await owner.get("/api/console/sessions")).json()["items"]
    assert "192.0.2.44" in str(rows)


async def test_behind_a_load_balancer_one_stranger_uses_up_nobody_elses_codes(
    behind, brand, monkeypatch
):
    from siyu.people.customers.actions import signing_in
    from siyu.people.staff import Limit

    few = Limit("customers.codes_address", 3, signing_in.BY_ADDRESS.window)
    monkeypatch.setattr(signing_in, "BY_ADDRESS", few)

    async def ask(address, phone):
        client = behind(address, f"http://{brand.host}")
        version = (await client.get("/api/shop/shop")).json()["privacy_version"]
        begun = await client.post("/api/shop/session/guest", json={"privacy_version": version})
        heads = {"X-CSRF-Token": begun.json()["csrf_token"]}
        sent = await client.post("/api/shop/session/code", json={"phone": phone}, headers=heads)
        return sent.status_code

    assert [await ask(SHOPPER, f"1390000000{at}") for at in range(4)] == [202, 202, 202, 429]
    assert await ask("192.0.2.45", "13900000009") == 202
