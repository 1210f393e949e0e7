import asyncio

import pytest


@pytest.fixture
async def tree(console):
    """hq > east (region) > hz01 (store), hq > west (region); ids by code."""
    made = {"hq": (await console.get("/api/console/units")).json()["items"][0]["id"]}
    for code, kind, parent in (
        ("east", "region", "hq"),
        ("west", "region", "hq"),
        ("hz01", "store", "east"),
    ):
        made[code] = (await add(console, made[parent], code, kind)).json()["id"]
    return made


def add(console, parent, code, kind="store", **more):
    body = {"parent_id": parent, "kind": kind, "code": code, "name": {"zh-CN": code}, **more}
    return console.post("/api/console/units", json=body)


async def paths(console):
    return [unit["path"] for unit in (await console.get("/api/console/units")).json()["items"]]


async def test_a_store_keeps_its_address_hours_and_place(console, tree):
    detail = {
        "address": "湖滨路 1 号",
        "district_code": "330102",
        "phone": "0571-88880000",
        "hours": {"zh-CN": "10:00–22:00"},
        "latitude": 30.254321,
        "longitude": 120.164567,
        "pick_up": True,
    }
    made = await add(console, tree["east"], "hz02", store=detail)
    assert (
        made.status_code == 201
        and made.json()["store"] == detail
        and made.json()["path"] == "hq/east/hz02/"
    )


async def test_moving_a_region_moves_what_stands_below_it(console, tree):
    moved = await console.patch(
        f"/api/console/units/{tree['east']}", json={"parent_id": tree["west"]}
    )
    assert moved.status_code == 200 and moved.json()["path"] == "hq/west/east/"
    assert await paths(console) == ["hq/", "hq/west/", "hq/west/east/", "hq/west/east/hz01/"]
    renamed = await console.patch(f"/api/console/units/{tree['west']}", json={"code": "far-west"})
    assert renamed.status_code == 200
    assert await paths(console) == [
        "hq/",
        "hq/far-west/",
        "hq/far-west/east/",
        "hq/far-west/east/hz01/",
    ]


async def test_a_unit_cannot_stand_below_itself(console, tree):
    await console.patch(f"/api/console/units/{tree['east']}", json={"parent_id": tree["west"]})
    for parent in ("east", "west"):
        answer = await console.patch(
            f"/api/console/units/{tree['west']}", json={"parent_id": tree[parent]}
        )
        assert answer.status_code == 409 and answer.json()["code"] == "units.cycle"


async def test_two_moves_at_once_make_no_cycle(console, tree):
    answers = await asyncio.gather(
        console.patch(f"/api/console/units/{tree['east']}", json={"parent_id": tree["west"]}),
        console.patch(f"/api/console/units/{tree['west']}", json={"parent_id": tree["east"]}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert all(path.startswith("hq/") for path in await paths(console))


async def test_units_stand_only_where_their_kind_may(console, tree):
    answer = await add(console, tree["hz01"], "x1")
    assert answer.status_code == 409 and answer.json()["code"] == "units.wrong_parent"
    answer = await console.patch(
        f"/api/console/units/{tree['east']}", json={"parent_id": tree["hz01"]}
    )
    assert answer.json()["code"] in ("units.wrong_parent", "units.cycle")
    answer = await console.patch(
        f"/api/console/units/{tree['hq']}", json={"parent_id": tree["west"]}
    )
    assert answer.status_code == 409
    assert (await add(console, tree["hq"], "second", "hq")).status_code == 400


async def test_codes_are_unique_and_plain(console, tree):
    assert (await add(console, tree["west"], "hz01")).json()["code"] == "units.code_taken"
    assert (
        await console.patch(f"/api/console/units/{tree['hz01']}", json={"code": "west"})
    ).json()["code"] == "units.code_taken"
    assert (await add(console, tree["west"], "HZ/02")).status_code == 422
    answers = await asyncio.gather(*(add(console, tree["west"], "twin") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_unit_in_use_is_not_closed(console, tree):
    def close(code):
        return console.patch(f"/api/console/units/{tree[code]}", json={"closed": True})

    assert (await close("hq")).json()["facts"]["reason"] == "hq"
    assert (await close("east")).json()["facts"] == {"reason": "children", "count": 1}
    clerk = {
        "login": f"clerk.{tree['hz01'][-8:]}",
        "name": "小林",
        "roles": ["guide"],
        "unit_id": tree["hz01"],
    }
    made = (await console.post("/api/console/staff", json=clerk)).json()["staff"]
    assert (await close("hz01")).json()["facts"] == {"reason": "staff", "count": 1}
    await console.patch(f"/api/console/staff/{made['id']}", json={"active": False})
    assert (await close("hz01")).json()["closed"] is True
    assert (await close("east")).json()["closed"] is True
    assert (await add(console, tree["east"], "hz09")).json()["code"] == "units.parent_closed"
    reopened = await console.patch(f"/api/console/units/{tree['hz01']}", json={"closed": False})
    assert reopened.json()["code"] == "units.parent_closed"


async def test_the_same_key_adds_a_unit_once(console, tree):
    body = {"parent_id": tree["west"], "kind": "store", "code": "once", "name": {"en": "Once"}}
    first = await console.post("/api/console/units", json=body, headers={"Idempotency-Key": "k1"})
    again = await console.post("/api/console/units", json=body, headers={"Idempotency-Key": "k1"})
    assert first.json() == again.json()
    other = await console.post(
        "/api/console/units", json={**body, "code": "two"}, headers={"Idempotency-Key": "k1"}
    )
    assert other.status_code == 409 and other.json()["code"] == "http.key_reused"
