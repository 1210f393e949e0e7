"""Write keys: made, listed and revoked at the console; the shop's own stays."""

from siyu.people.brands.write_keys import MOST
from tests.conftest import client_for

KEYS = "/api/console/write-keys"


async def write(app, key: str) -> int:
    message = {"type": "track", "event": "Product Viewed", "anonymousId": "a-1", "messageId": "m-1"}
    async with client_for(app, "localhost") as client:
        answer = await client.post("/v1/batch", json={"batch": [message], "writeKey": key})
    return answer.status_code


async def test_a_new_key_works_at_once_and_begins_with_its_name(app, console, shop):
    own = (await shop.get("/api/shop/shop")).json()["write_key"]
    first = (await console.get(KEYS)).json()["items"]
    assert [(one["name"], one["key"], one["of_shop"]) for one in first] == [("shop", own, True)]
    made = await console.post(KEYS, json={"name": "pos-hz01"})
    assert made.status_code == 201 and made.json()["key"].startswith("pos-hz01.")
    assert await write(app, made.json()["key"]) == 200
    listed = (await console.get(KEYS)).json()["items"]
    assert [one["name"] for one in listed] == ["shop", "pos-hz01"]
    audit = (await console.get("/api/console/audit?action=write_key.made")).json()["items"]
    assert [one["subject_label"] for one in audit] == ["pos-hz01"]


async def test_a_revoked_key_is_unknown_and_its_name_is_free_again(app, console):
    key = (await console.post(KEYS, json={"name": "website"})).json()["key"]
    assert (await console.delete(f"{KEYS}/website")).status_code == 204
    assert await write(app, key) == 401
    assert (await console.delete(f"{KEYS}/website")).json()["code"] == "http.not_found"
    assert (await console.post(KEYS, json={"name": "website"})).json()["key"] != key


async def test_the_shops_own_key_cannot_be_revoked(console):
    refused = await console.delete(f"{KEYS}/shop")
    assert (refused.status_code, refused.json()["code"]) == (409, "brands.shop_key_stays")


async def test_a_name_that_is_taken_or_no_name_is_refused_and_so_is_one_key_too_many(console):
    for name, code in (
        ("shop", "brands.key_name_taken"),
        ("Upper", "brands.bad_key_name"),
        ("", "brands.bad_key_name"),
        ("a.b", "brands.bad_key_name"),
    ):
        assert (await console.post(KEYS, json={"name": name})).json()["code"] == code, name
    for number in range(MOST - 1):
        assert (await console.post(KEYS, json={"name": f"k{number}"})).status_code == 201
    full = await console.post(KEYS, json={"name": "more"})
    assert (full.status_code, full.json()["code"]) == (409, "brands.too_many_keys")


async def test_keys_are_for_those_who_may_change_settings(app, brand, console):
    roles = (await console.get("/api/console/roles")).json()["items"]
    viewer = next(one for one in roles if "settings.edit" not in one["permissions"])
    unit = (await console.get("/api/console/units")).json()["items"][0]["id"]
    added = await console.post(
        "/api/console/staff",
        json={
            "login": f"v@{brand.slug}",
            "name": "看客",
            "roles": [viewer["code"]],
            "unit_id": unit,
        },
    )
    assert added.status_code == 201, added.text
    async with client_for(app, "localhost") as client:
        signed = await client.post(
            "/api/console/session",
            json={"login": f"v@{brand.slug}", "password": added.json()["first_password"]},
        )
        client.headers["X-CSRF-Token"] = signed.json()["csrf_token"]
        assert (await client.get(KEYS)).status_code == 403
        assert (await client.post(KEYS, json={"name": "x"})).status_code == 403
        assert (await client.delete(f"{KEYS}/shop")).status_code == 403
