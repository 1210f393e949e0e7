"""Laws of link codes: genuine to the letter, spread evenly, and leading somewhere."""

from collections import Counter
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from siyu.scenes.links import rules
from siyu.scenes.links.rules import ALPHABET, Target

SECRET = b"of this house"
drawn = st.binary(min_size=8, max_size=8)
brands = st.uuids()


@given(drawn, brands, st.integers(0, 15), st.sampled_from(ALPHABET))
def test_one_wrong_character_and_the_code_is_nobodys(bytes_, brand, at, other):
    code = rules.code_of(bytes_, SECRET, brand)
    assume(code[at] != other)
    assert not rules.is_genuine(code[:at] + other + code[at + 1 :], SECRET, brand)


@given(drawn, brands, st.integers(0, 14))
def test_two_swapped_characters_and_the_code_is_nobodys(bytes_, brand, at):
    code = rules.code_of(bytes_, SECRET, brand)
    assume(code[at] != code[at + 1])
    swapped = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    assert not rules.is_genuine(swapped, SECRET, brand)


@given(drawn, brands)
def test_a_code_is_made_of_letters_that_are_not_mixed_up(bytes_, brand):
    code = rules.code_of(bytes_, SECRET, brand)
    assert set(code) <= set(ALPHABET) and not set(code) & set("0O1Il")
    assert rules.code_of(bytes_, SECRET, brand) == code


@given(drawn, drawn, brands)
def test_other_bytes_make_another_code_and_brands_share_none(first, second, brand):
    number = [int.from_bytes(one) % len(ALPHABET) ** rules.DRAWN for one in (first, second)]
    codes = [rules.code_of(one, SECRET, brand) for one in (first, second)]
    assert (codes[0] == codes[1]) == (number[0] == number[1])


@given(st.text(max_size=24), brands)
def test_whatever_is_typed_is_answered_without_a_failure(text, brand):
    assert rules.is_genuine(text, SECRET, brand) in (True, False)


def test_proofs_use_the_whole_alphabet():
    proofs = Counter(
        rules.code_of(number.to_bytes(8), SECRET, UUID(int=7))[-1] for number in range(3000)
    )
    assert set(proofs) == set(ALPHABET) and max(proofs.values()) < 120


@given(st.sampled_from(["none", "product", "category", "page"]), st.text("abc0-", max_size=36))
def test_every_target_lies_in_the_shop(kind, id):
    path = rules.shop_path(Target(kind, id))
    assert path.startswith("/") and not path.startswith("//")
    if kind in ("product", "category"):
        assert path.endswith(f"?id={id}")
