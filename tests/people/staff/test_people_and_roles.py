import asyncio
from contextlib import aclosing

import pytest

from tests.conftest import client_for, sign_in

PASSWORD = "a decent password"


class Org:
    """A brand with two regions, a store in each, and quick ways to people."""

    def __init__(self, app, brand, console):
        self.app, self.brand, self.console = app, brand, console
        self.unit = {}

    async def build(self):
        self.unit["hq"] = (await self.console.get("/api/console/units")).json()["items"][0]["id"]
        for code, kind, parent in (
            ("east", "region", "hq"),
            ("west", "region", "hq"),
            ("e1", "store", "east"),
            ("w1", "store", "west"),
        ):
            body = {
                "parent_id": self.unit[parent],
                "kind": kind,
                "code": code,
                "name": {"zh-CN": code},
            }
            self.unit[code] = (await self.console.post("/api/console/units", json=body)).json()[
                "id"
            ]
        return self

    def add(self, name, roles, at="hq", by=None, **more):
        body = {
            "login": f"{name}@{self.brand.slug}",
            "name": name,
            "roles": roles,
            "unit_id": self.unit[at],
            "password": PASSWORD,
        }
        return (by or self.console).post("/api/console/staff", json={**body, **more})

    async def id_of(self, name, roles, at="hq"):
        answer = await self.add(name, roles, at)
        assert answer.status_code == 201, answer.text
        return answer.json()["staff"]["id"]

    async def signed_in(self, name):
        return await sign_in(self.app, self.brand, f"{name}@{self.brand.slug}", PASSWORD)

    async def own_role(self, code, permissions, masks=()):
        body = {"name": {"zh-CN": code}, "permissions": list(permissions), "masks": list(masks)}
        answer = await self.console.put(f"/api/console/roles/{code}", json=body)
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def org(app, brand, console):
    return await Org(app, brand, console).build()


async def test_a_new_employee_signs_in_with_the_first_password_shown_once(org):
    made = await org.add("lin", ["guide"], "e1", password=None)
    out = made.json()
    assert (
        made.status_code == 201
        and out["staff"]["unit_name"] == {"zh-CN": "e1"}
        and out["staff"]["active"] is True
    )
    async with aclosing(
        await sign_in(org.app, org.brand, out["staff"]["login"], out["first_password"])
    ) as client:
        session = (await client.get("/api/console/session")).json()
    assert (
        session["staff"]["roles"] == ["guide"]
        and "customers.view" in session["staff"]["permissions"]
    )
    again = await org.console.get("/api/console/staff?q=LIN")
    assert [one["login"] for one in again.json()["items"]] == [out["staff"]["login"]]
    assert again.json()["items"][0]["last_seen_at"] is not None


async def test_a_login_in_use_anywhere_is_refused(org, rival):
    assert (await org.add("x", ["guide"], login=rival.owner_login)).json()[
        "code"
    ] == "directory.name_taken"
    assert (await org.add("lin", ["guide"])).status_code == 201
    assert (await org.add("lin", ["guide"])).json()["code"] == "directory.name_taken"


@pytest.mark.parametrize(
    "login", ["13800138000", "+8613800138000", "ab", "has space", "Ünicode", "x" * 65, ""]
)
async def test_a_login_that_is_a_phone_number_or_no_plain_word_is_refused(org, login):
    answer = await org.add("x", ["guide"], login=login)
    assert answer.status_code == 422 and answer.json()["code"] == "staff.bad_login"


async def test_a_weak_password_and_an_unknown_role_are_refused(org):
    assert (await org.add("x", ["guide"], password="short")).json()["code"] == "staff.weak_password"
    assert (await org.add("x", ["wizard"])).json()["code"] == "staff.unknown_role"
    assert (await org.add("x", [])).status_code == 400


async def test_what_a_role_does_not_give_is_refused(org):
    await org.id_of("lin", ["guide"], "e1")
    async with aclosing(await org.signed_in("lin")) as guide:
        for call in (
            guide.get("/api/console/staff"),
            guide.get("/api/console/audit"),
            guide.patch("/api/console/brand", json={"service_phone": "1"}),
            guide.post(
                "/api/console/units",
                json={
                    "parent_id": org.unit["e1"],
                    "kind": "store",
                    "code": "z",
                    "name": {"en": "Z"},
                },
            ),
            guide.put(
                "/api/console/roles/mine",
                json={"name": {"en": "M"}, "permissions": [], "masks": []},
            ),
        ):
            answer = await call
            assert (
                answer.status_code == 403
                and answer.json()["code"] == "http.not_allowed"
                and answer.json()["facts"]["permission"]
            )


async def test_the_last_owner_stays(org):
    owner = (await org.console.get("/api/console/session")).json()["staff"]["id"]
    for change in ({"active": False}, {"roles": ["viewer"]}):
        answer = await org.console.patch(f"/api/console/staff/{owner}", json=change)
        assert answer.status_code == 409 and answer.json()["code"] == "staff.last_owner"
    second = await org.id_of("second", ["owner"])
    assert (
        await org.console.patch(f"/api/console/staff/{second}", json={"unit_id": org.unit["e1"]})
    ).json()["code"] == "staff.owner_at_top"
    assert (await org.add("third", ["owner"], "e1")).json()["code"] == "staff.owner_at_top"
    assert (
        await org.console.patch(f"/api/console/staff/{second}", json={"active": False})
    ).status_code == 200
    answer = await org.console.patch(f"/api/console/staff/{owner}", json={"active": False})
    assert answer.json()["code"] == "staff.last_owner"


async def test_two_owners_who_remove_each_other_at_once_leave_one(org):
    first = (await org.console.get("/api/console/session")).json()["staff"]["id"]
    second = await org.id_of("second", ["owner"])
    async with aclosing(await org.signed_in("second")) as other:
        answers = await asyncio.gather(
            org.console.patch(f"/api/console/staff/{second}", json={"active": False}),
            other.patch(f"/api/console/staff/{first}", json={"active": False}),
        )
        assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 409])
        alive = [await client.get("/api/console/session") for client in (org.console, other)]
    assert sorted(answer.status_code for answer in alive) == [200, 401]


async def test_nobody_hands_on_rights_they_do_not_have(org):
    await org.own_role("hr", ["staff.view", "staff.edit", "customers.view"], ["cost"])
    await org.own_role("small", ["customers.view"], ["cost", "phone"])
    await org.own_role("sharp_eyes", ["customers.view"], [])
    await org.id_of("hr", ["hr"])
    async with aclosing(await org.signed_in("hr")) as hr:
        for roles in (["owner"], ["operator"], ["viewer"], ["sharp_eyes"]):
            answer = await org.add("pal", roles, by=hr)
            assert answer.status_code == 403 and answer.json()["code"] == "staff.beyond_you", roles
        made = await org.add("pal", ["small"], by=hr)
        assert made.status_code == 201
        pal = made.json()["staff"]["id"]
        assert (await hr.patch(f"/api/console/staff/{pal}", json={"roles": ["operator"]})).json()[
            "code"
        ] == "staff.beyond_you"
        me = (await hr.get("/api/console/session")).json()["staff"]["id"]
        assert (
            await hr.patch(f"/api/console/staff/{me}", json={"roles": ["hr", "operator"]})
        ).json()["code"] == "staff.beyond_you"
        bigger = {"name": {"en": "HR"}, "permissions": ["staff.edit", "settings.edit"], "masks": []}
        for code in ("hr", "brand_new", "operator"):
            assert (await hr.put(f"/api/console/roles/{code}", json=bigger)).json()[
                "code"
            ] == "staff.beyond_you"


async def test_nobody_takes_over_the_account_of_somebody_with_more_rights(org):
    owner = (await org.console.get("/api/console/session")).json()["staff"]["id"]
    await org.own_role("hr", ["staff.view", "staff.edit"], [])
    await org.id_of("hr", ["hr"])
    async with aclosing(await org.signed_in("hr")) as hr:
        answer = await hr.post(f"/api/console/staff/{owner}/password")
        assert answer.status_code == 403 and answer.json()["code"] == "staff.beyond_you"
        assert (
            await hr.patch(f"/api/console/staff/{owner}", json={"active": False})
        ).status_code == 403


async def test_staff_outside_ones_own_subtree_do_not_exist(org):
    await org.own_role("chief", ["staff.view", "staff.edit", "units.edit", "audit.view"])
    await org.id_of("east", ["chief"], "east")
    western = await org.id_of("western", ["chief"], "w1")
    async with aclosing(await org.signed_in("east")) as east:
        assert [
            unit["code"] for unit in (await east.get("/api/console/units")).json()["items"]
        ] == ["east", "e1"]
        assert [one["name"] for one in (await east.get("/api/console/staff")).json()["items"]] == [
            "east"
        ]
        assert (await east.get(f"/api/console/staff?unit_id={org.unit['w1']}")).json()[
            "items"
        ] == []
        assert (
            await east.patch(f"/api/console/staff/{western}", json={"name": "X"})
        ).status_code == 404
        assert (await east.post(f"/api/console/staff/{western}/password")).status_code == 404
        assert (await org.add("x", ["chief"], "w1", by=east)).status_code == 404
        assert (await org.add("x", ["chief"], "hq", by=east)).status_code == 404
        local = (await org.add("local", ["chief"], "e1", by=east)).json()["staff"]["id"]
        assert (
            await east.patch(f"/api/console/staff/{local}", json={"unit_id": org.unit["w1"]})
        ).status_code == 404
        assert (
            await east.patch(f"/api/console/units/{org.unit['w1']}", json={"name": {"en": "X"}})
        ).status_code == 404
        assert (
            await east.patch(
                f"/api/console/units/{org.unit['e1']}", json={"parent_id": org.unit["west"]}
            )
        ).status_code == 404
        own = {"name": {"en": "Mine"}, "permissions": [], "masks": []}
        assert (await east.put("/api/console/roles/mine", json=own)).json()[
            "code"
        ] == "staff.not_at_top"
        actors = {
            item["actor_name"]
            for item in (await east.get("/api/console/audit?limit=100")).json()["items"]
        }
    assert actors == {"east"}


async def test_staff_of_another_brand_do_not_exist(org, rival):
    async with aclosing(await sign_in(org.app, rival)) as other:
        theirs = (await other.get("/api/console/session")).json()["staff"]
        assert (
            await org.console.patch(f"/api/console/staff/{theirs['id']}", json={"active": False})
        ).status_code == 404
        assert (
            await org.console.post(f"/api/console/staff/{theirs['id']}/password")
        ).status_code == 404
        assert (
            await org.add("x", ["guide"], login="fresh.one", unit_id=theirs["unit_id"])
        ).status_code == 404
        trail = (await org.console.get(f"/api/console/audit?actor_id={theirs['id']}")).json()[
            "items"
        ]
        assert trail == [] and (await other.get("/api/console/session")).status_code == 200


async def test_deactivating_ends_the_sessions_at_once(org):
    lin = await org.id_of("lin", ["guide"], "e1")
    async with aclosing(await org.signed_in("lin")) as guide:
        assert (await guide.get("/api/console/session")).status_code == 200
        await org.console.patch(f"/api/console/staff/{lin}", json={"active": False})
        assert (await guide.get("/api/console/session")).status_code == 401
    await org.console.patch(f"/api/console/staff/{lin}", json={"active": True})
    async with aclosing(await org.signed_in("lin")) as guide:
        reset = await org.console.post(f"/api/console/staff/{lin}/password")
        assert (await guide.get("/api/console/session")).status_code == 401
    async with client_for(org.app, "localhost") as client:
        body = {"login": f"lin@{org.brand.slug}", "password": reset.json()["first_password"]}
        assert (await client.post("/api/console/session", json=body)).status_code == 200


async def test_a_changed_role_holds_from_the_next_request(org):
    await org.own_role("desk", ["staff.view"])
    await org.id_of("lin", ["desk"])
    async with aclosing(await org.signed_in("lin")) as client:
        assert (await client.get("/api/console/staff")).status_code == 200
        await org.own_role("desk", ["audit.view"])
        assert (await client.get("/api/console/staff")).status_code == 403
        assert (await client.get("/api/console/audit")).status_code == 200


async def test_built_in_roles_can_be_changed_but_the_owner_is_all_of_it(org):
    body = {
        "name": {"zh-CN": "导购", "en": "Guide"},
        "permissions": ["customers.view"],
        "masks": ["phone"],
    }
    changed = await org.console.put("/api/console/roles/guide", json=body)
    assert (
        changed.status_code == 200
        and changed.json()["built_in"] is True
        and changed.json()["permissions"] == ["customers.view"]
    )
    assert (await org.console.put("/api/console/roles/owner", json=body)).json()[
        "code"
    ] == "staff.owner_fixed"
    wrong = {**body, "permissions": ["no.such"]}
    assert (await org.console.put("/api/console/roles/guide", json=wrong)).status_code == 422
    assert (
        await org.console.put("/api/console/roles/guide", json={**body, "masks": ["eyes"]})
    ).status_code == 422
    assert (await org.console.put("/api/console/roles/No-Such", json=body)).status_code == 422
    listed = (await org.console.get("/api/console/roles")).json()
    assert {role["code"] for role in listed["items"]} >= {
        "owner",
        "operator",
        "store_manager",
        "guide",
        "warehouse",
        "viewer",
        "dealer",
    }
    assert all(one["name"]["zh-CN"] and one["name"]["en"] for one in listed["permissions"])
    counts = {role["code"]: role["staff_count"] for role in listed["items"]}
    assert counts["owner"] == 1


async def test_everything_that_was_done_is_written_down_and_cannot_be_changed(org, database):
    import asyncpg

    lin = await org.id_of("lin", ["guide"], "e1")
    await org.console.patch(f"/api/console/staff/{lin}", json={"name": "林"})
    await org.console.post(f"/api/console/staff/{lin}/password")
    first = (await org.console.get(f"/api/console/audit?subject={lin}&limit=2")).json()
    rest = (
        await org.console.get(f"/api/console/audit?subject={lin}&limit=2&cursor={first['next']}")
    ).json()
    trail = [*first["items"], *rest["items"]]
    assert [item["action"] for item in trail] == [
        "staff.password_reset",
        "staff.changed",
        "staff.added",
    ]
    assert all(item["actor_name"] and item["request_id"] for item in trail) and rest["next"] is None
    assert (await org.console.get("/api/console/audit?subject=unit")).json()["items"][0][
        "subject_kind"
    ] == "unit"
    assert (await org.console.get("/api/console/audit?from=2100-01-01T00:00:00Z")).json()[
        "items"
    ] == []
    assert (await org.console.get("/api/console/audit?to=2100-01-01T00:00:00")).status_code == 422
    assert (await org.console.get("/api/console/audit?cursor=nonsense")).status_code == 400
    for statement in ("update audit set action = 'x'", "delete from audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.raw(org.brand.id) as connection:
                await connection.execute(statement)


async def test_the_list_of_staff_comes_in_pages(org):
    for at in range(5):
        await org.id_of(f"p{at}", ["viewer"])
    seen, cursor = [], ""
    while True:
        page = (await org.console.get(f"/api/console/staff?limit=2&role=viewer{cursor}")).json()
        seen += [one["name"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == ["p4", "p3", "p2", "p1", "p0"]


async def test_the_same_key_makes_one_account(org):
    body = {
        "login": f"once@{org.brand.slug}",
        "name": "一",
        "roles": ["guide"],
        "unit_id": org.unit["e1"],
    }
    headers = {"Idempotency-Key": "staff-1"}
    first, again = [
        await org.console.post("/api/console/staff", json=body, headers=headers) for _ in range(2)
    ]
    assert (
        first.status_code == again.status_code == 201
        and first.json()["staff"] == again.json()["staff"]
    )
    assert first.json()["first_password"] and again.json()["first_password"] is None


async def test_built_in_roles_give_what_the_trade_expects_of_them(console):
    listed = (await console.get("/api/console/roles")).json()
    given = {role["code"]: set(role["permissions"]) for role in listed["items"]}
    every = {one["key"] for one in listed["permissions"]}
    assert given["owner"] == every
    assert every - given["operator"] == {"staff.edit", "settings.edit", "units.edit"}
    assert "orders.ship" in given["warehouse"] & given["store_manager"]
    assert "orders.ship" not in given["guide"] | given["dealer"] | given["viewer"]
    assert {"links.edit", "customers.view"} <= given["guide"]
    assert all(key.endswith(".view") for key in given["viewer"])
    for code in ("store_manager", "guide", "warehouse", "viewer", "dealer"):
        assert not given[code] & {"staff.edit", "settings.edit", "units.edit", "audit.view"}
