"""A person's key opens what it sealed, and nothing else: not another row's, not another field's, nothing changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.kernel import vault
from siyu.kernel.ids import new_id
from siyu.kernel.vault import PersonKey, Unopenable

WORDS = st.text(max_size=60)


@given(WORDS, WORDS)
def test_what_a_key_sealed_it_opens_and_says_nothing_of_it(field, text):
    key = PersonKey.new(new_id(), new_id())
    sealed = key.seal(field, text)
    assert key.open(field, sealed, str) == text
    assert key.seal(field, text) != sealed
    assert len(text) < 4 or text.encode() not in sealed


@given(WORDS, st.integers(0, 10_000), st.integers(1, 255))
def test_sealed_data_that_was_changed_does_not_open(text, at, by):
    key = PersonKey.new(new_id(), new_id())
    sealed = bytearray(key.seal("name", text))
    sealed[at % len(sealed)] ^= by
    with pytest.raises(Unopenable):
        key.open("name", bytes(sealed), str)
    with pytest.raises(Unopenable):
        key.open("name", bytes(sealed[:-1]), str)
    with pytest.raises(Unopenable):
        key.open("name", b"", str)


def test_sealed_data_does_not_open_in_another_place(keys):
    brand, person = new_id(), new_id()
    key = PersonKey.new(brand, person)
    sealed = key.seal("name", "王小明")
    _, cipher = keys.current()
    wrapped = key.wrap(cipher)
    assert PersonKey.unwrap(brand, person, wrapped, cipher).open("name", sealed, str) == "王小明"
    with pytest.raises(Unopenable):
        key.open("phone", sealed, str)
    with pytest.raises(Unopenable):
        PersonKey.unwrap(brand, new_id(), wrapped, cipher)
    with pytest.raises(Unopenable):
        PersonKey.unwrap(new_id(), person, wrapped, cipher)


def test_blind_tokens_are_equal_for_equal_people_of_one_brand_only(keys):
    brand, other = new_id(), new_id()
    assert vault.token(brand, "name", " Anna  SMITH ") == vault.token(brand, "name", "anna smith")
    told_apart = {
        vault.token(brand, "name", "13800138000"), vault.token(brand, "phone", "13800138000"),
        vault.token(other, "phone", "13800138000"), vault.token(brand, "phone", "13800138001"),
    }  # fmt: skip
    assert len(told_apart) == 4
    assert vault.token(brand, "name", " ") is None
