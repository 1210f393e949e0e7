"""Brands write their own texts: bad ones are refused by name, versions stay, and everything else is refused."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.app.notifying import ORDER_PAID, PICK_UP_READY
from siyu.people.notices import rules
from tests.app.estate import PASSWORD
from tests.conftest import sign_in

PAID = "/api/console/notices/kinds/order_paid/texts/zh-CN"


async def test_an_own_text_is_what_the_next_customer_reads_until_the_default_is_put_back(
    console, paid, send, stall
):
    saved = await console.put(PAID, json={"text": "{brand}：{number} 收到啦", "version": 0})
    assert saved.status_code == 200, saved.text
    shopper, order = await paid()
    await send()
    inbox = await shopper.http.get("/api/shop/demo-inbox", params={"phone": shopper.phone})
    assert [one["text"] for one in inbox.json()["items"]] == [f"试玉：{order['number']} 收到啦"]
    back = (await console.put(PAID, json={"text": None, "version": 1})).json()
    (text,) = [one for one in back["kinds"][0]["texts"] if one["locale"] == "zh-CN"]
    assert (text["own"], text["version"], text["text"] == text["default"]) == (False, 2, True)
    kept = (await console.get(f"{PAID}/versions")).json()["items"]
    assert [(one["version"], one["text"], bool(one["set_by"])) for one in kept] == [
        (2, None, True),
        (1, "{brand}：{number} 收到啦", True),
    ]


@pytest.mark.parametrize(
    ("text", "code", "name"),
    [
        ("{number} {phone}", "notices.unknown_placeholder", "phone"),
        ("{brand} 谢谢", "notices.missing_placeholder", "number"),
        ("{number", "notices.lone_brace", None),
        ("{number} }", "notices.lone_brace", None),
        ("   ", "notices.empty_text", None),
        ("{number}\x07", "notices.unprintable", None),
        ("{number}\x00", "notices.unprintable", None),
        ("{number} 👩\u200d", "notices.unprintable", None),
        ("{number}" + "长" * 300, "notices.text_too_long", None),
        ("{number}" + "长" * 9000, "notices.text_too_long", None),
        ("{number.__class__}", "notices.unknown_placeholder", "number.__class__"),
    ],
)
async def test_a_bad_text_is_refused_by_name_on_saving_and_on_preview(console, text, code, name):
    for answer in (
        await console.put(PAID, json={"text": text, "version": 0}),
        await console.post(f"{PAID}/preview", json={"text": text}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert answer.json()["facts"].get("name") == name


async def test_a_preview_shows_sample_facts_and_keeps_nothing(console, stall):
    shown = await console.post(f"{PAID}/preview", json={"text": "{brand} {number} {amount}"})
    assert shown.json() == {"shown": "试玉 1122 4810 9370 ¥1280.00"}
    assert await stall.fetch("select 1 from notice_templates") == []


async def test_of_two_who_save_at_once_one_is_told(console):
    bodies = [{"text": f"{{number}} {n}", "version": 0} for n in range(4)]
    answers = await asyncio.gather(*(console.put(PAID, json=body) for body in bodies))
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {
        "notices.changed_meanwhile"
    }


async def test_members_that_are_not_asked_for_are_refused(console, paid, outbox):
    await paid()
    (row,) = await outbox()
    for answer in (
        await console.put(PAID, json={"text": "{number}", "version": 0, "set_by": str(row["id"])}),
        await console.put(PAID, json={"text": "{number}", "version": 0, "kind": "refund_sent"}),
        await console.put(
            "/api/console/notices/kinds/order_paid/channel",
            json={"channel": "sms", "brand_id": "x"},
        ),
        await console.put(
            "/api/console/notices/kinds/order_paid/channel", json={"channel": "mail"}
        ),
        await console.post(f"{PAID}/preview", json={"text": "{number}", "facts": {"number": "1"}}),
    ):
        assert answer.status_code in (400, 422), answer.text
    unknown = await console.put("/api/console/notices/kinds/none/channel", json={"channel": "off"})
    assert unknown.status_code == 404


async def test_staff_of_a_store_see_their_own_customers_and_change_no_text(
    app, brand, console, stall, paid, outbox
):
    store = await stall.store()
    seen, unseen = await stall.shopper(), await stall.shopper()
    async with stall.database.raw(brand.id) as connection:
        await connection.execute("update customers set store_id = $1 where id = $2", store, seen.id)
    for shopper in (seen, unseen):
        await paid(shopper)
    role = {
        "name": {"zh-CN": "客服"},
        "permissions": ["notices.view", "notices.edit"],
        "masks": ["phone"],
    }
    assert (await console.put("/api/console/roles/desk", json=role)).status_code == 200
    person = {
        "login": f"d@{brand.slug}",
        "name": "小客",
        "roles": ["desk"],
        "unit_id": str(store),
        "password": PASSWORD,
    }
    assert (await console.post("/api/console/staff", json=person)).status_code < 300
    theirs = await sign_in(app, brand, f"d@{brand.slug}", PASSWORD)
    (shown,) = (await theirs.get("/api/console/notices")).json()["items"]
    assert (shown["customer_id"], shown["to_masked"]) == (str(seen.id), ""), "the role hides phones"
    other = next(one["id"] for one in (await console.get("/api/console/notices")).json()["items"] if one["customer_id"] == str(unseen.id))  # fmt: skip
    assert (await theirs.post(f"/api/console/notices/{other}/again")).status_code == 404
    refused = await theirs.put(PAID, json={"text": "{number}", "version": 0})
    assert (refused.status_code, refused.json()["code"]) == (403, "http.not_allowed")
    await theirs.aclose()


words = st.text(
    st.characters(exclude_characters="{}", categories=("L", "N", "P", "Zs")), max_size=40
)


@given(words, words)
def test_a_good_text_is_kept_as_it_is_and_says_its_facts(before, after):
    text = f"{before}{{number}}{after}"
    kept = rules.checked(ORDER_PAID, text)
    assert rules.checked(ORDER_PAID, kept) == kept == text.strip()
    assert rules.rendered(kept, {"number": "{code}"}, "en") == kept.replace("{number}", "{code}"), (
        "facts are no templates"
    )


async def test_a_joined_emoji_is_kept_as_it_was_typed(console):
    text = "{number} 谢谢 👩\u200d👧 ❤\ufe0f\u200d🔥"
    saved = await console.put(PAID, json={"text": text, "version": 0})
    assert saved.status_code == 200, saved.text
    assert text in saved.text


@given(st.text(max_size=60))
def test_any_text_is_kept_or_refused_and_never_breaks(text):
    try:
        kept = rules.checked(PICK_UP_READY, text)
    except (rules.BadTemplate, rules.UnknownPlaceholder, rules.MissingPlaceholder):
        return
    assert "{code}" in kept


def test_the_pauses_grow_to_an_hour_and_end():
    pauses = [rules.pause(n) for n in range(1, rules.TRIES + 1)]
    assert pauses[-1] is None
    seconds = [one.total_seconds() for one in pauses if one]
    assert seconds == sorted(seconds) and seconds[0] == 10 and seconds[-1] == 3600
