"""No id of another brand opens anything: every endpoint, every place for an id, real rows on the other side.

Whoever asks with somebody else's id hears exactly what an id that does not exist would get, and nothing over there moves.
"""

import json
import re
import secrets
from typing import Any

import pytest

from siyu.kernel.ids import new_id
from tests.app.asking import ASKS, Ask, Asker, kind_of
from tests.app.endpoints import Endpoint, Slot, endpoints
from tests.app.estate import Estate

_UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f-]{27}$")


def slots(app: Any) -> list[tuple[Endpoint, Slot]]:
    """Every place for an id that leads to somebody's rows."""
    return [
        (one, slot)
        for one in endpoints(app)
        for slot in one.slots
        if kind_of(one, slot) not in (None, "page")
    ]


def nobody(real: str) -> str:
    """An id of the same form that nobody has."""
    if _UUID.match(real):
        return str(new_id())
    return "".join(
        secrets.choice("23456789") if c.isdigit() else c for c in real[:-4]
    ) + secrets.token_hex(2)


def test_every_place_for_an_id_is_known(app):
    unknown = []
    for one in endpoints(app):
        for slot in one.slots:
            try:
                kind_of(one, slot)
            except KeyError:
                unknown.append(f"{one.name}: {slot}")
            if slot.place == "body" and one.name not in ASKS:
                unknown.append(f"{one.name} has no body")
    assert unknown == []
    assert [name for name in ASKS if name not in {one.name for one in endpoints(app)}] == []


def test_a_new_place_for_an_id_does_not_go_unnoticed():
    for slot in (
        Slot("path", "voucher_id"),
        Slot("query", "campaign_id"),
        Slot("body", "lines[].voucher_id"),
    ):
        with pytest.raises(KeyError):
            kind_of(Endpoint("POST", "/api/console/vouchers", (slot,), False, None), slot)


def said(answer: Any, asked: str) -> tuple[int, Any]:
    """Status and, of refusals, code and facts; of reads the whole body: with the asked id blotted out."""
    text = answer.text.replace(asked, "?").replace(asked.replace("-", ""), "?")
    text = re.sub(
        r'("computed_at":)"[^"]*"|("left":)\d+', r"\1\2null", text
    )  # moves with each asking
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        problem = json.loads(text)
        return answer.status_code, (problem["code"], problem["facts"], problem["errors"])
    return answer.status_code, text if answer.request.method == "GET" else ""


async def test_an_id_of_another_brand_is_an_id_that_does_not_exist(
    app, ours: Estate, theirs: Estate
):
    before, wrong = await theirs.snapshot(), []
    asker = Asker(ours)
    others = {
        value for name, value in theirs.ids.items() if not name.endswith("_at") and len(value) > 6
    }
    for endpoint, slot in slots(app):
        kind = kind_of(endpoint, slot)
        real = theirs.ids[kind]
        made_up = nobody(real)
        foreign = await asker.ask(endpoint, {slot: real})
        unknown = await asker.ask(endpoint, {slot: made_up})
        where = f"{endpoint.name} with {kind} in {slot}"
        if foreign.status_code >= 500 or unknown.status_code >= 500:
            wrong.append(f"{where}: {foreign.status_code}, {unknown.status_code}")
        if said(foreign, real) != said(unknown, made_up):
            wrong.append(f"{where}: {said(foreign, real)} but {said(unknown, made_up)}")
        leaked = [one for one in {theirs.word, *others} - {real} if one in foreign.text]
        if leaked:
            wrong.append(f"{where} tells {leaked}")
    assert not wrong, "\n".join(wrong)
    after = await theirs.snapshot()
    assert [name for name in before if before[name] != after[name]] == []


PRIVATE = {
    "order_paid", "order_unpaid", "order_given_up", "order_for_paying", "order_received", "payment", "address",
    "address_spare",
}  # fmt: skip
"""Kinds that belong to one shopper alone."""


async def test_a_shopper_cannot_guess_what_is_another_shoppers(app, ours: Estate):
    stranger, asker, wrong, asked = ours.other_shopper, Asker(ours), [], 0
    before = await ours.snapshot()
    secrets_of_theirs = {ours.ids["pick_up_code"], ours.shopper.phone, "王" + ours.word}
    for endpoint, slot in slots(app):
        kind = kind_of(endpoint, slot)
        if endpoint.door != "shop" or kind not in PRIVATE:
            continue
        asked += 1
        made_up = nobody(ours.ids[kind])
        theirs = await asker.ask(endpoint, client=stranger.http)
        unknown = await asker.ask(endpoint, {slot: made_up}, client=stranger.http)
        if theirs.status_code < 400 or said(theirs, ours.ids[kind]) != said(unknown, made_up):
            wrong.append(
                f"{endpoint.name} with another's {kind}: {theirs.status_code} {theirs.text[:300]}"
            )
        if any(one in theirs.text for one in secrets_of_theirs):
            wrong.append(f"{endpoint.name} tells of another's {kind}")
    assert not wrong, "\n".join(wrong)
    assert asked >= 9
    for path in ("/api/shop/orders", "/api/shop/addresses", "/api/shop/session", "/api/shop/cart"):
        text = (await stranger.http.get(path)).text
        assert not any(
            value in text for name, value in ours.ids.items() if name in PRIVATE | {"parcel"}
        ), path
    assert await ours.snapshot() == before


async def test_a_pick_up_code_opens_its_own_order_only(ours: Estate):
    mine = await ours.paid(ours.other_shopper, pick_up=True)
    await ours.stall.settle()
    answer = await ours.console.post(
        f"/api/console/orders/{mine}/pick-up", json={"code": ours.ids["pick_up_code"]}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "fulfilment.wrong_code")


async def test_with_ones_own_ids_every_endpoint_answers(app, ours: Estate):
    """Else the refusals above would prove nothing."""
    asker, wrong = Asker(ours), []
    for endpoint in dict.fromkeys(endpoint for endpoint, _ in slots(app)):
        answer = await asker.ask(endpoint)
        if answer.status_code not in ASKS.get(endpoint.name, Ask()).own:
            wrong.append(f"{endpoint.name}: {answer.status_code} {answer.text[:300]}")
    assert not wrong, "\n".join(wrong)
