"""Whoever sees one store of a brand cannot reach what belongs to its other stores by their ids."""

from typing import Any

import pytest

from tests.app.asking import Asker, kind_of
from tests.app.estate import PASSWORD, Estate
from tests.app.test_two_brands import nobody, said, slots
from tests.conftest import sign_in

OF_A_STORE = {"customer", "unit", "staff", "staff_changed", "staff_entered", "location", "parcel"}
PUBLIC = {
    "PUT /api/console/pages/{key}/draft": "a page names stores that everybody sees",
    "POST /api/console/pages/{key}/preview": "a page names stores that everybody sees",
}


@pytest.fixture(scope="module")
async def keeper(app: Any, ours: Estate):
    """Somebody with the widest built-in role, in another store than the estate's."""
    person = {
        "login": f"keeper@{ours.brand.slug}",
        "name": "店长",
        "roles": ["operator", ours.ids["role"]],
        "unit_id": ours.ids["unit_moved"],
        "password": PASSWORD,
    }
    rights = {"name": {"zh-CN": "都可以"}, "masks": [], "permissions": ["*"]}
    known = (await ours.say("GET", "/roles"))["permissions"]
    rights["permissions"] = [one["key"] for one in known]
    await ours.say("PUT", f"/roles/{ours.ids['role']}", rights)
    await ours.say("POST", "/staff", person)
    client = await sign_in(app, ours.brand, person["login"], PASSWORD)
    yield client
    await client.aclose()


async def test_an_id_of_another_store_is_an_id_that_does_not_exist(app, ours: Estate, keeper: Any):
    asker, wrong, asked = Asker(ours), [], 0
    before = await ours.snapshot()
    for endpoint, slot in slots(app):
        kind = kind_of(endpoint, slot)
        if endpoint.door != "console" or endpoint.name in PUBLIC:
            continue
        if kind not in OF_A_STORE and not str(kind).startswith("order_"):
            continue
        asked += 1
        real, made_up = ours.ids[kind], nobody(ours.ids[kind])
        theirs = await asker.ask(endpoint, {slot: real}, client=keeper)
        unknown = await asker.ask(endpoint, {slot: made_up}, client=keeper)
        if said(theirs, real) != said(unknown, made_up):
            wrong.append(
                f"{endpoint.name} with {kind} in {slot}: {said(theirs, real)} but {said(unknown, made_up)}"[
                    :700
                ]
            )
    assert not wrong, "\n".join(wrong)
    assert asked >= 25
    after = await ours.snapshot()
    moved = {name for name in before if before[name] != after[name]}
    assert not moved & {"orders", "order_lines", "order_refunds", "order_notes", "parcels", "units", "staff_roles", "stock_levels", "store_prices", "customers"}  # fmt: skip
