"""Pages that begin at a moment: seen from then on, as they were planned; withdrawn before; the way back stays."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from siyu.kernel import clock
from tests.conftest import sign_in
from tests.scenes.storefront.test_pages import TEXT, save

PAGE = "/api/console/pages/home"


def titled(title):
    return [{**TEXT, "title": {"zh-CN": title}}]


async def planned(console, version, **ahead):
    moment = (clock.now() + timedelta(**ahead)).isoformat()
    return await console.post(f"{PAGE}/schedule", json={"starts_at": moment, "version": version})


async def shown(shop):
    return (await shop.get("/api/shop/pages/home")).json()["blocks"][0]["title"]


async def test_a_planned_version_is_seen_from_its_moment_on_as_it_was_when_planned(
    console, shop, stall, later
):
    await save(console, titled("平日"), 0)
    await console.post(f"{PAGE}/publish")
    await save(console, titled("双十一"), 1)
    answer = await planned(console, 2, hours=1)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert (page["published_number"], [one["number"] for one in page["planned"]]) == (1, [2])
    await save(console, titled("还在改"), 2)
    assert await shown(shop) == "平日"
    rows = (await console.get("/api/console/pages")).json()["items"]
    assert (rows[0]["published_number"], rows[0]["next_number"]) == (1, 2)
    later(hours=1)
    assert await shown(shop) == "双十一", "no worker is needed"
    page = (await console.get(PAGE)).json()
    assert (page["published_number"], page["planned"]) == (2, [])
    await stall.pass_time()
    await stall.settle()
    await stall.settle()
    told = await stall.fetch("select data->>'number' as n from events where kind = 'storefront.page_published/1' order by seq")  # fmt: skip
    assert [row["n"] for row in told] == ["1", "2"]
    await stall.all_holds()


async def test_publishing_or_going_back_meanwhile_holds_until_the_planned_version_begins(
    console, shop, later
):
    for version, title in enumerate(("一", "二")):
        await save(console, titled(title), version)
        await console.post(f"{PAGE}/publish")
    await save(console, titled("三"), 2)
    assert (await planned(console, 3, hours=1)).status_code == 200
    back = await console.post(f"{PAGE}/rollback", json={"version_number": 1})
    assert (back.json()["published_number"], await shown(shop)) == (4, "一")
    later(hours=1)
    assert await shown(shop) == "三"
    back = await console.post(f"{PAGE}/rollback", json={"version_number": 4})
    assert (back.json()["published_number"], await shown(shop)) == (5, "一")
    versions = (await console.get(f"{PAGE}/versions")).json()["items"]
    assert [(one["number"], one["state"]) for one in versions] == [
        (5, "shown"), (4, "earlier"), (3, "earlier"), (2, "earlier"), (1, "earlier"),
    ]  # fmt: skip


async def test_a_withdrawn_version_is_never_seen_and_can_be_taken_up_again(
    app, console, shop, rival, later
):
    await save(console, titled("平日"), 0)
    await console.post(f"{PAGE}/publish")
    await save(console, titled("双十一"), 1)
    entry = (await planned(console, 2, hours=1)).json()["planned"][0]["id"]
    other = await sign_in(app, rival)
    await save(other, titled("别家"), 0)
    assert (await other.post(f"{PAGE}/schedule/{entry}/withdraw")).status_code == 404
    await other.aclose()
    assert (await console.post(f"{PAGE}/schedule/{uuid4()}/withdraw")).status_code == 404
    gone = await console.post(f"{PAGE}/schedule/{entry}/withdraw")
    assert gone.json()["planned"] == []
    later(hours=1)
    assert await shown(shop) == "平日"
    versions = (await console.get(f"{PAGE}/versions")).json()["items"]
    assert [(one["number"], one["state"]) for one in versions] == [(2, "withdrawn"), (1, "shown")]
    back = await console.post(f"{PAGE}/rollback", json={"version_number": 2})
    assert (back.json()["published_number"], await shown(shop)) == (3, "双十一")


async def test_what_cannot_be_planned_is_refused_and_leaves_no_version(console):
    assert (await planned(console, 0, hours=1)).status_code == 404
    await save(console, titled("平日"), 0)
    for version, ahead, status, code in (
        (9, {"hours": 1}, 409, "storefront.changed_meanwhile"),
        (1, {"hours": -1}, 422, "effective.past_start"),
        (1, {"days": 2000}, 422, "effective.too_far"),
    ):
        answer = await planned(console, version, **ahead)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await console.get(f"{PAGE}/versions")).json()["items"] == []
    moment = (clock.now() + timedelta(hours=1)).isoformat()
    wanted = {"starts_at": moment, "version": 1}
    answers = await asyncio.gather(
        *(console.post(f"{PAGE}/schedule", json=wanted) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    again = await planned(console, 1, hours=2)
    assert again.json()["code"] == "storefront.nothing_new", "that is what would be shown then"
