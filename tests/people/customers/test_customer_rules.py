"""Laws of phones, names and lines of text, whatever is typed."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from siyu.kernel.errors import Invalid
from siyu.people.customers import rules

mainland = st.integers(13_000_000_000, 19_999_999_999).map(str)
foreign = st.integers(1_000_000, 999_999_999_999_999).map(lambda n: f"+{n}")
phones = st.one_of(mainland, foreign.filter(lambda phone: not phone.startswith("+86")))
fillers = st.sampled_from([" ", "-", "(", ")", "\t", "  ", " - "])


@given(phones, st.data())
def test_blanks_hyphens_and_brackets_anywhere_do_not_make_another_number(phone, data):
    typed = "".join(c + (data.draw(fillers) if data.draw(st.booleans()) else "") for c in phone)
    assert rules.normal_phone(typed) == phone
    assert rules.normal_phone(rules.normal_phone(typed)) == phone
    assert rules.is_phone(typed)


@given(phones, phones)
def test_two_numbers_never_become_one(first, second):
    assume(first != second)
    assert rules.normal_phone(first) != rules.normal_phone(second)


@given(phones)
def test_a_mask_hides_at_least_four_digits_and_shows_at_most_seven_characters(phone):
    masked = rules.masked_phone(phone)
    shown = masked.replace("*", "")
    assert len(shown) <= 7 and len(phone) - len(shown) >= 4
    head, tail = masked.split("****")
    assert phone.startswith(head) and phone.endswith(tail)
    assert set(rules.masked_phone(phone, hidden=True)) == {"*"}


@given(st.text(max_size=30))
def test_a_mask_of_anything_never_shows_it_whole(text):
    assert rules.masked_phone(text) != text or not text or set(text) == {"*"}
    assert rules.masked_phone(text, hidden=True) in ("", "*" * 11)


@given(st.text(max_size=30))
def test_a_masked_name_shows_its_first_character_and_nothing_of_the_rest(name):
    masked = rules.masked_name(name)
    assert masked.replace("*", "") in (name[:1], "") and len(masked) <= 3
    assert bool(masked) == bool(name)


@given(st.text(max_size=60), st.integers(1, 50))
def test_a_line_that_was_taken_is_taken_again_as_it_is(text, most):
    try:
        line = rules.check_line(text, "name", most)
    except Invalid:
        return
    assert 1 <= len(line) <= most and line == line.strip()
    assert not any(character < " " for character in line)
    assert rules.check_line(line, "name", most) == line


@given(st.text(max_size=20), st.sampled_from("\n\r\t\0\x1b"), st.text(max_size=20))
def test_a_line_with_a_control_character_inside_is_refused(before, control, after):
    assume(before.strip() and after.strip())
    with pytest.raises(Invalid):
        rules.check_line(f"x{before}{control}{after}x", "name", 100)
