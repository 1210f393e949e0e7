import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.kernel.directory import NameTaken
from siyu.kernel.errors import Invalid
from siyu.people.brands import brand_facts, create_brand, forget_brand, rules
from siyu.people.brands.rules import BadSlug
from tests.conftest import client_for, make_brand, sign_in


async def test_a_new_brand_has_a_headquarters_an_owner_and_a_shop(console, brand, shop):
    units = (await console.get("/api/console/units")).json()["items"]
    assert [(unit["kind"], unit["path"]) for unit in units] == [("hq", "hq/")]
    staff = (await console.get("/api/console/staff")).json()["items"]
    assert [(one["login"], one["roles"]) for one in staff] == [(brand.owner_login, ["owner"])]
    face = (await shop.get("/api/shop/shop")).json()
    assert face["name"] == "试玉" and face["slug"] == brand.slug and face["privacy_version"] == "1"
    assert face["demo_inbox"] is True and len(face["write_key"]) == 32 and face["privacy_text"]


async def test_the_shop_answers_in_the_language_that_is_asked_for(shop):
    assert (await shop.get("/api/shop/shop?lang=en")).json()["name"] == "Trial"
    english = await shop.get("/api/shop/shop", headers={"Accept-Language": "fr,en-GB;q=0.8"})
    assert english.json()["locale"] == "en"
    assert (await shop.get("/api/shop/shop?lang=xx")).json()["locale"] == "zh-CN"


async def test_a_shop_that_does_not_exist_is_not_found(app):
    async with client_for(app, "nobody-here.localhost") as stranger:
        answer = await stranger.get("/api/shop/shop")
    assert answer.status_code == 404 and answer.json()["code"] == "http.not_found"


@pytest.mark.parametrize(
    "slug", ["ab", "Abc", "a--b", "-abc", "abc-", "media", "a b", "é-acute", "x" * 41, "a.b"]
)
async def test_a_slug_that_cannot_be_a_host_name_is_refused(database, slug):
    with pytest.raises(BadSlug):
        await create_brand(database, slug=slug, name={"en": "X"}, owner_login="someone")


async def test_a_slug_or_a_login_in_use_is_refused_and_leaves_nothing_behind(database, brand):
    fresh = f"b{secrets.token_hex(5)}"
    with pytest.raises(NameTaken):
        await create_brand(database, slug=brand.slug, name={"en": "X"}, owner_login=f"o@{fresh}")
    with pytest.raises(NameTaken):
        await create_brand(database, slug=fresh, name={"en": "X"}, owner_login=brand.owner_login)
    made = await create_brand(database, slug=fresh, name={"en": "X"}, owner_login=f"o@{fresh}")
    assert made.first_password and len(made.first_password) == 19


async def test_an_unknown_time_zone_currency_or_locale_is_refused(database):
    wrong: dict[str, Any]
    for wrong in (
        {"time_zone": "Mars/Olympus"},
        {"currency": "XXX"},
        {"locales": ["de"]},
        {"default_locale": "fr"},
    ):
        slug = f"b{secrets.token_hex(5)}"
        with pytest.raises(Invalid):
            await create_brand(
                database, slug=slug, name={"en": "X"}, owner_login="someone", **wrong
            )


async def test_settings_are_changed_and_a_changed_privacy_text_gets_a_new_version(console, shop):
    changes = {
        "name": {"zh-CN": "新名", "en": "New name"},
        "theme_color": "#ffcc00",
        "privacy": {"zh-CN": "新的隐私说明"},
    }
    answer = await console.patch("/api/console/brand", json=changes)
    assert answer.status_code == 200
    out = answer.json()
    assert out["privacy_version"] == "2"
    channels = [int(out["theme_color"][at : at + 2], 16) for at in (1, 3, 5)]
    assert rules.contrast_with_white(channels) >= 4.5
    again = await console.patch("/api/console/brand", json={"privacy": changes["privacy"]})
    assert again.json()["privacy_version"] == "2"
    face = (await shop.get("/api/shop/shop")).json()
    assert (face["name"], face["privacy_version"], face["privacy_text"]) == (
        "新名",
        "2",
        "新的隐私说明",
    )
    trail = (await console.get("/api/console/audit?action=brand.changed")).json()["items"]
    assert [set(item["facts"]["fields"]) for item in trail] == [set(changes)]


@pytest.mark.parametrize(
    "change",
    [
        {"theme_color": "red"},
        {"locales": []},
        {"default_locale": "fr"},
        {"locales": ["en"]},
        {"name": {}},
        {"name": {"xx": "?"}},
        {"privacy": {"en": "a\0b"}},
    ],
)
async def test_impossible_settings_are_refused(console, change):
    answer = await console.patch("/api/console/brand", json=change)
    assert answer.status_code == 422 and answer.json()["errors"]


async def test_a_field_that_cannot_be_set_is_refused(console):
    assert (await console.patch("/api/console/brand", json={"slug": "other"})).status_code == 400


async def test_two_brands_do_not_see_each_others_units(app, console, database, rival):
    async with aclosing(await sign_in(app, rival)) as other:
        theirs = (await other.get("/api/console/units")).json()["items"][0]["id"]
    answer = await console.patch(f"/api/console/units/{theirs}", json={"name": {"en": "Mine"}})
    assert answer.status_code == 404
    answer = await console.post(
        "/api/console/units",
        json={"parent_id": theirs, "kind": "store", "code": "s1", "name": {"en": "S"}},
    )
    assert answer.status_code == 404


async def test_two_brands_may_use_the_same_unit_codes(app, database):
    for _ in range(2):
        async with aclosing(await sign_in(app, await make_brand(database))) as client:
            hq = (await client.get("/api/console/units")).json()["items"][0]["id"]
            made = await client.post(
                "/api/console/units",
                json={"parent_id": hq, "kind": "store", "code": "s1", "name": {"en": "S"}},
            )
            assert made.status_code == 201


@given(st.integers(0, 0xFFFFFF))
def test_white_text_is_readable_on_every_colour_that_is_kept(color):
    kept = rules.readable_color(f"#{color:06x}")
    channels = [int(kept[at : at + 2], 16) for at in (1, 3, 5)]
    assert rules.contrast_with_white(channels) >= rules.MIN_CONTRAST
    assert rules.readable_color(kept) == kept


@given(
    st.lists(st.text("abz019-", min_size=1, max_size=6), min_size=1, max_size=4),
    st.lists(st.text("abz019-", min_size=1, max_size=6), min_size=1, max_size=4),
)
def test_the_range_of_a_subtree_holds_exactly_its_paths(one, other):
    top, path = "/".join(one) + "/", "/".join(other) + "/"
    low, high = rules.subtree(top)
    assert (low.encode() <= path.encode() < high.encode()) == rules.is_within(path, top)


async def test_facts_that_were_being_read_while_the_brand_changed_are_not_remembered(
    console, database, brand
):
    """The reader has the old facts in its hand when the change commits; one's own change is seen at once."""
    read, end = asyncio.Event(), asyncio.Event()

    class Held:
        @asynccontextmanager
        async def brand(self, brand_id: UUID) -> AsyncIterator[Any]:
            async with database.brand(brand_id) as session:
                yield session
            read.set()
            await end.wait()

    forget_brand(brand.id)
    held: Any = Held()
    asked = asyncio.create_task(brand_facts(held, brand.id))
    await asyncio.wait_for(read.wait(), 10)
    changed = await console.patch("/api/console/brand", json={"service_phone": "400-820-8820"})
    assert changed.status_code == 200, changed.text
    end.set()
    assert (await asked).service_phone == ""
    assert (await brand_facts(database, brand.id)).service_phone == "400-820-8820"
