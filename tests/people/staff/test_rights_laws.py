"""Laws of rights: more roles never mean less, and nobody hands on what they do not have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import siyu.app.wiring  # noqa: F401 – fills the register of permissions
from siyu.people.staff import rules
from siyu.people.staff.rules import (
    BUILT_IN,
    MASKS,
    BadLogin,
    BeyondYou,
    Rights,
    Role,
    WeakPassword,
    check_covers,
    check_login,
    check_password,
    permissions,
    rights_of,
)

keys = st.sampled_from(sorted(permissions))
patterns = st.one_of(
    keys,
    keys.map(lambda key: key.split(".")[0] + ".*"),
    st.sampled_from(["*", "*.view"]),
    keys.map(lambda key: f"!{key}"),
)
own_roles = st.builds(
    Role,
    st.sampled_from(["cashier", "buyer", "auditor"]),
    st.just({"zh-CN": "角色", "en": "Role"}),
    st.lists(patterns, max_size=5).map(tuple),
    st.lists(st.sampled_from(MASKS), unique=True).map(tuple),
)
roles = st.one_of(own_roles, st.sampled_from(sorted(BUILT_IN)).map(BUILT_IN.__getitem__))
somebody = st.lists(roles, max_size=4)


def covers(own: Rights, other: Rights) -> bool:
    try:
        check_covers(own, other)
    except BeyondYou:
        return False
    return True


@given(somebody, roles)
def test_one_more_role_never_takes_a_permission_nor_hides_a_field(held, more):
    before, after = rights_of(held), rights_of([*held, more])
    assert before.permissions <= after.permissions
    assert after.masks <= before.masks
    assert before.is_owner <= after.is_owner
    assert covers(after, before)


@given(somebody, st.randoms())
def test_neither_the_order_of_roles_nor_holding_one_twice_matters(held, chance):
    turned = [*held, *held]
    chance.shuffle(turned)
    assert rights_of(turned) == rights_of(held)


@given(own_roles, keys)
def test_granting_more_never_takes_away_and_taking_away_never_grants(role, key):
    grown = Role(role.code, role.name, (*role.grants, key))
    cut = Role(role.code, role.name, (*role.grants, f"!{key}"))
    assert grown.permissions() == role.permissions() | {key}
    assert cut.permissions() == role.permissions() - {key}
    assert role.permissions() <= permissions.keys()


@given(somebody)
def test_everybody_may_hand_on_exactly_what_they_have(held):
    assert covers(rights_of(held), rights_of(held))
    for one in held:
        assert covers(rights_of(held), rights_of([one]))


@given(somebody, somebody, somebody)
def test_what_goes_beyond_a_deputy_cannot_be_reached_through_the_deputy(first, second, third):
    a, b, c = rights_of(first), rights_of(second), rights_of(third)
    if covers(a, b) and covers(b, c):
        assert covers(a, c)


@given(somebody, somebody)
def test_covering_each_other_means_having_the_same(first, second):
    a, b = rights_of(first), rights_of(second)
    if covers(a, b) and covers(b, a):
        assert a == b


@given(somebody)
def test_the_owner_covers_everybody_and_only_an_owner_covers_the_owner(held):
    owner = rights_of([BUILT_IN["owner"]])
    assert covers(owner, rights_of(held))
    assert covers(rights_of(held), owner) == any(role.code == "owner" for role in held)


def test_somebody_without_a_role_may_nothing_and_sees_nothing():
    nobody = rights_of([])
    assert nobody == Rights(frozenset(), frozenset(MASKS), is_owner=False)


def test_only_the_owner_among_the_built_in_roles_changes_staff_settings_and_units():
    for code, role in BUILT_IN.items():
        held = role.permissions() & {"staff.edit", "settings.edit", "units.edit"}
        assert bool(held) == (code == "owner"), code


@given(st.text(max_size=70))
def test_a_login_that_is_taken_is_in_one_form_and_no_phone_number(text):
    try:
        check_login(text)
    except BadLogin:
        return
    assert text == text.strip().lower() and text.isascii() and 3 <= len(text) <= 64
    assert not text.removeprefix("+").isdigit() or len(text) < 7


@given(st.from_regex(r"\+?[0-9]{7,15}", fullmatch=True))
def test_a_phone_number_is_never_a_login(phone):
    with pytest.raises(BadLogin):
        check_login(phone)


@given(st.from_regex(r"[a-z][a-z0-9._@-]{7,40}", fullmatch=True), st.data())
def test_a_login_in_any_case_is_no_password_for_itself(login, data):
    turned = "".join(c.upper() if data.draw(st.booleans()) else c for c in login)
    with pytest.raises(WeakPassword):
        check_password(turned, login)
    check_password(turned + "!", login)


def test_every_permission_has_a_name_in_both_languages():
    assert permissions and all(name["zh-CN"] and name["en"] for name in rules.permissions.values())
