"""Carriers, tracking numbers and pick-up codes, whatever is typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.goods.fulfilment import rules
from siyu.goods.fulfilment.rules import BadTrackingNumber, UnknownCarrier

carriers = st.sampled_from(sorted(rules.CARRIERS))
numbers = st.text("ABCXYZabcxyz0123456789-", min_size=6, max_size=32)


@given(carriers, numbers, st.integers(0, 6))
def test_a_tracking_number_is_kept_in_one_form_however_it_was_typed(carrier, number, at):
    kept = rules.checked_parcel(carrier, number)
    assert kept == (carrier, number.upper())
    spaced = f"  {number[:at]} {number[at:].lower()} "
    assert rules.checked_parcel(carrier, spaced) == kept
    assert rules.checked_parcel(*kept) == kept


@given(carriers, st.text(max_size=40))
def test_any_text_is_a_tracking_number_or_refused(carrier, text):
    try:
        _, number = rules.checked_parcel(carrier, text)
    except BadTrackingNumber:
        return
    assert 6 <= len(number) <= 32 and number == number.upper() and number.isascii()
    assert all(character.isalnum() or character == "-" for character in number)


@given(st.text(max_size=20).filter(lambda text: text not in rules.CARRIERS), numbers)
def test_only_carriers_of_the_list_carry(carrier, number):
    with pytest.raises(UnknownCarrier):
        rules.checked_parcel(carrier, number)


@given(st.text(max_size=30))
def test_typing_a_code_twice_as_carefully_changes_nothing(text):
    once = rules.typed(text)
    assert rules.typed(once) == once
    assert "-" not in once and not any(character.isspace() for character in once)


@given(st.integers(1, 7), st.sampled_from([" ", "-", "  ", " - "]))
def test_a_drawn_code_is_found_in_what_somebody_types_of_it(at, between):
    code = rules.draw_code()
    assert len(code) == rules.CODE_DIGITS and code.isdigit()
    assert rules.typed(f" {code[:at]}{between}{code[at:]}\n") == code


def test_codes_are_not_drawn_in_a_row():
    drawn = {rules.draw_code() for _ in range(200)}
    assert len(drawn) > 195
    assert {code[0] for code in drawn} >= set("0123456789") or len({c[0] for c in drawn}) >= 8


def test_every_carrier_has_a_name_in_both_languages():
    assert all(name["zh-CN"] and name["en"] for name in rules.CARRIERS.values())
