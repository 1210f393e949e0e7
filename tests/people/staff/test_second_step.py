import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.kernel import clock
from siyu.people.staff.second_step import totp
from tests.conftest import client_for, sign_in
from tests.people.staff.authenticator import STEP, Authenticator, attempt, enrolled
from tests.people.staff.test_people_and_roles import PASSWORD, Org

SESSION = "/api/console/session"


@pytest.fixture
def noon():
    """The clock stands in the middle of a step, so that no code runs out while a test looks at it."""
    moment = datetime.now(UTC).replace(second=10, microsecond=0)
    clock.freeze(moment)
    yield lambda later: clock.freeze(moment + later)
    clock.freeze(None)


@pytest.fixture
async def org(app, brand, console):
    return await Org(app, brand, console).build()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_rfc_6238(seconds, code):
    assert totp.code_of(b"12345678901234567890", totp.step_of(seconds), 8) == code


@pytest.mark.parametrize(
    ("counter", "code"),
    enumerate(
        [
            "755224",
            "287082",
            "359152",
            "969429",
            "338314",
            "254676",
            "287922",
            "162583",
            "399871",
            "520489",
        ]
    ),
)
def test_codes_are_those_of_rfc_4226(counter, code):
    assert totp.code_of(b"12345678901234567890", counter) == code


@given(st.binary(min_size=20, max_size=20), st.integers(9, 2**40), st.integers(-3, 3))
def test_a_code_is_good_one_step_around_its_own_and_never_at_or_before_a_used_one(secret, now, off):
    code = totp.code_of(secret, now + off)
    found = totp.matching_step(secret, code, now, 0)
    assert found is not None if abs(off) <= 1 else found is None or found != now + off
    if found is not None:
        again = totp.matching_step(secret, code, now, found)
        assert again is None or again > found


@given(st.text(max_size=12))
def test_what_is_no_code_of_six_digits_fits_nothing(text):
    secret, now = b"k" * 20, 1_000
    good = {totp.code_of(secret, now + at) for at in (-1, 0, 1)}
    assert (totp.matching_step(secret, text, now, 0) is not None) == (text in good)


async def test_with_a_second_step_the_password_alone_does_not_sign_in(
    app, api, console, brand, noon
):
    phone, codes = await enrolled(console, brand.owner_password)
    assert phone.label == f"/siyu%20{brand.slug}:{brand.owner_login.replace('@', '%40')}"
    assert len(set(codes)) == 10
    who = (brand.owner_login, brand.owner_password)
    assert await attempt(api, *who) == (401, "staff.second_step_wanted")
    assert await attempt(api, *who, "000000") == (422, "staff.wrong_code")
    assert await attempt(api, *who, "0000001") == (422, "staff.wrong_code")
    assert "siyu_staff" not in api.cookies
    shown = phone.code()
    assert await attempt(api, *who, f" {shown[:3]} {shown[3:]} ") == (200, None)
    session = (await api.get(SESSION)).json()
    assert session["staff"]["second_step"] is True
    trail = (await console.get("/api/console/audit?action=staff.signed_in")).json()["items"]
    assert [one["facts"] for one in trail if one["facts"]] == [{"second_step": "app"}]


async def test_the_second_step_is_only_spoken_of_after_the_right_password(
    api, console, brand, noon
):
    phone, _ = await enrolled(console, brand.owner_password)
    for code in ("", phone.code(), "000000"):
        assert await attempt(api, brand.owner_login, "wrong", code) == (401, "staff.sign_in_failed")
    assert await attempt(api, brand.owner_login, brand.owner_password, phone.code()) == (200, None)


async def test_a_code_is_taken_once_also_by_two_at_once(app, console, brand, noon):
    phone, _ = await enrolled(console, brand.owner_password)
    who = (brand.owner_login, brand.owner_password, phone.code())
    async with client_for(app, "localhost") as one, client_for(app, "localhost") as other:
        both = await asyncio.gather(*(attempt(client, *who) for client in (one, other)))
        assert sorted(both) == [(200, None), (422, "staff.wrong_code")]
        assert await attempt(one, *who) == (422, "staff.wrong_code")
        noon(timedelta(seconds=30))
        assert await attempt(one, *who) == (422, "staff.wrong_code")
        assert await attempt(one, *who[:2], phone.code()) == (200, None)
        earlier = phone.code(-1)
        assert await attempt(one, *who[:2], earlier) == (422, "staff.wrong_code")


async def test_a_phone_may_be_half_a_minute_off_and_not_more(api, console, brand, noon):
    phone, _ = await enrolled(console, brand.owner_password)
    who = (brand.owner_login, brand.owner_password)
    assert await attempt(api, *who, phone.code(2)) == (422, "staff.wrong_code")
    assert await attempt(api, *who, phone.code(1)) == (200, None)


async def test_a_recovery_code_signs_in_once_and_needs_no_phone(app, api, console, brand, noon):
    _, codes = await enrolled(console, brand.owner_password)
    who = (brand.owner_login, brand.owner_password)
    async with client_for(app, "localhost") as other:
        both = await asyncio.gather(
            attempt(api, *who, codes[0].upper()), attempt(other, *who, codes[0].replace("-", " "))
        )
    assert sorted(both) == [(200, None), (422, "staff.wrong_code")]
    assert await attempt(api, *who, codes[1]) == (200, None)
    assert (await console.get(STEP)).json() == {"on": True, "required": False, "recovery_codes_left": 8}  # fmt: skip


async def test_fresh_recovery_codes_make_the_old_ones_worthless(api, console, brand, noon):
    phone, old = await enrolled(console, brand.owner_password)
    refused = await console.post(f"{STEP}/recovery-codes", json={"code": "123"})
    assert (refused.status_code, refused.json()["code"]) == (422, "staff.wrong_code")
    fresh = (await console.post(f"{STEP}/recovery-codes", json={"code": phone.code()})).json()[
        "codes"
    ]
    who = (brand.owner_login, brand.owner_password)
    assert await attempt(api, *who, old[3]) == (422, "staff.wrong_code")
    assert await attempt(api, *who, fresh[3]) == (200, None)


async def test_guessing_codes_ends_after_ten_tries_and_for_the_day_after_thirty(
    api, console, brand, noon
):
    phone, _ = await enrolled(console, brand.owner_password)
    who = (brand.owner_login, brand.owner_password)
    for quarter in range(3):
        noon(timedelta(minutes=16 * quarter))
        tried = [(await attempt(api, *who, "000000"))[0] for _ in range(11)]
        assert tried == [422] * (10 if quarter < 2 else 9) + [429] * (1 if quarter < 2 else 2)
    noon(timedelta(minutes=16 * 3))
    assert await attempt(api, *who, phone.code()) == (429, "http.too_many")
    noon(timedelta(days=1, minutes=1))
    assert await attempt(api, *who, phone.code()) == (200, None)


async def test_setting_up_needs_the_password_and_the_first_code(console, brand, noon):
    wrong = await console.post(STEP, json={"password": "guess"})
    assert wrong.json()["code"] == "staff.wrong_password"
    early = await console.post(f"{STEP}/confirm", json={"code": "000000"})
    assert early.json()["code"] == "staff.second_step_off"
    first = Authenticator(
        (await console.post(STEP, json={"password": brand.owner_password})).json()["address"]
    )
    begun = await console.post(STEP, json={"password": brand.owner_password})
    replaced = await console.post(f"{STEP}/confirm", json={"code": first.code()})
    assert (replaced.status_code, replaced.json()["code"]) == (422, "staff.wrong_first_code")
    assert (await console.get(STEP)).json()["on"] is False
    phone = Authenticator(begun.json()["address"])
    assert (await console.post(f"{STEP}/confirm", json={"code": phone.code()})).status_code == 200
    for again in (
        await console.post(STEP, json={"password": brand.owner_password}),
        await console.post(f"{STEP}/confirm", json={"code": phone.code(1)}),
    ):
        assert (again.status_code, again.json()["code"]) == (409, "staff.second_step_on")


async def test_sessions_begun_with_the_password_alone_end_when_the_second_step_is_turned_on(
    app, console, brand, noon
):
    async with aclosing(await sign_in(app, brand)) as elsewhere:
        await enrolled(console, brand.owner_password)
        assert (await elsewhere.get(SESSION)).status_code == 401
    assert (await console.get(SESSION)).status_code == 200


async def test_turning_it_off_needs_a_code(api, console, brand, noon):
    off = await console.post(f"{STEP}/off", json={"code": "000000"})
    assert off.json()["code"] == "staff.second_step_off"
    phone, _ = await enrolled(console, brand.owner_password)
    off = await console.post(f"{STEP}/off", json={"code": "000000"})
    assert (off.status_code, off.json()["code"]) == (422, "staff.wrong_code")
    assert (await console.post(f"{STEP}/off", json={"code": phone.code()})).status_code == 204
    assert await attempt(api, brand.owner_login, brand.owner_password) == (200, None)


async def test_where_the_brand_asks_for_it_nothing_else_opens_before_it_is_set_up(org, api, noon):
    await org.id_of("lin", ["operator"])
    async with aclosing(await org.signed_in("lin")) as lin:
        assert (await lin.get("/api/console/orders")).status_code == 200
        await enrolled(org.console, org.brand.owner_password)
        asked = await org.console.patch("/api/console/brand", json={"second_step_required": True})
        assert asked.json()["second_step_required"] is True
        for call in (lin.get("/api/console/orders"), lin.get("/api/console/units"),
                     lin.post("/api/console/views", json={"name": "x", "query": {}})):  # fmt: skip
            answer = await call
            assert (answer.status_code, answer.json()["code"]) == (403, "staff.second_step_needed")
        session = await lin.get(SESSION)
        assert session.status_code == 200 and session.json()["brand"]["second_step_required"]
        phone, _ = await enrolled(lin, PASSWORD)
        assert (await lin.get("/api/console/orders")).status_code == 200
        kept = await lin.post(f"{STEP}/off", json={"code": phone.code()})
        assert (kept.status_code, kept.json()["code"]) == (409, "staff.second_step_required")


async def test_an_administrator_takes_a_lost_second_step_away_and_the_audit_tells(org, api, noon):
    lin = await org.id_of("lin", ["guide"], "e1")
    await org.own_role("hr", ["staff.view", "staff.edit"])
    await org.id_of("hr", ["hr"])
    reset = f"/api/console/staff/{lin}/second-step"
    assert (await org.console.delete(reset)).json()["code"] == "staff.second_step_off"
    async with aclosing(await org.signed_in("lin")) as guide:
        await enrolled(guide, PASSWORD)
        listed = (await org.console.get("/api/console/staff?q=lin")).json()["items"]
        assert [one["second_step"] for one in listed] == [True]
        async with aclosing(await org.signed_in("hr")) as hr:
            answer = await hr.delete(reset)
            assert (answer.status_code, answer.json()["code"]) == (403, "staff.beyond_you")
        assert (await guide.delete(reset)).status_code == 403
        assert (await org.console.delete(reset)).status_code == 204
        assert (await guide.get(SESSION)).status_code == 401
    assert await attempt(api, f"lin@{org.brand.slug}", PASSWORD) == (200, None)
    trail = (await org.console.get(f"/api/console/audit?subject={lin}&limit=3")).json()["items"]
    assert [one["action"] for one in trail] == ["staff.signed_in", "staff.second_step_reset", "staff.second_step_on"]  # fmt: skip


async def test_nobody_resets_their_own_second_step_without_a_code(org, noon):
    await enrolled(org.console, org.brand.owner_password)
    me = (await org.console.get(SESSION)).json()["staff"]["id"]
    answer = await org.console.delete(f"/api/console/staff/{me}/second-step")
    assert (answer.status_code, answer.json()["code"]) == (409, "staff.own_second_step")


async def test_neither_secret_nor_recovery_codes_lie_readable_in_the_database(
    console, database, brand, noon
):
    begun = (await console.post(STEP, json={"password": brand.owner_password})).json()
    phone = Authenticator(begun["address"])
    codes = (await console.post(f"{STEP}/confirm", json={"code": phone.code()})).json()["codes"]
    async with database.raw(brand.id) as connection:
        rows = [
            tuple(row.values())
            for table in ("staff_second_steps", "staff_recovery_codes", "audit", "attempts")
            for row in await connection.fetch(f"select * from {table}")
        ]
    kept = repr(rows)
    assert begun["secret"] not in kept and repr(phone._secret)[2:-1] not in kept
    assert phone._secret not in next(value for row in rows for value in row if isinstance(value, bytes))  # fmt: skip
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)


async def test_after_the_houses_secret_changed_recovery_codes_still_open(
    runtime, api, console, brand, noon, monkeypatch
):
    phone, codes = await enrolled(console, brand.owner_password)
    monkeypatch.setattr(runtime, "secret", b"another secret of this house")
    who = (brand.owner_login, brand.owner_password)
    assert await attempt(api, *who, phone.code()) == (422, "staff.wrong_code")
    assert await attempt(api, *who, codes[0]) == (200, None)
