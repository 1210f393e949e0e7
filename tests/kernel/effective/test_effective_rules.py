"""What holds at a moment, from any set of entries; which values a setting takes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.kernel.effective import rules
from siyu.kernel.effective.rules import Entry, Setting, holding, understood

WORDS = {"zh-CN": "试", "en": "Trial"}
NOON = datetime(2026, 11, 11, 12, tzinfo=UTC)
moments = st.integers(-50, 50).map(lambda n: NOON + timedelta(minutes=n))
plans = st.lists(
    st.builds(Entry, moments, st.integers(1, 9)), max_size=12, unique_by=lambda one: one.starts_at
)
MINUTES = Setting[int](
    code="t.minutes", kind="duration", default=15, least=1, most=60, label=WORDS, note=WORDS
)
SWITCH = Setting[bool](code="t.switch", kind="flag", default=True, label=WORDS, note=WORDS)
NAME = Setting[str](code="t.name", kind="text", default="茶", least=1, most=4, label=WORDS, note=WORDS)  # fmt: skip
WAY = Setting[str](
    code="t.way", kind="choice", default="a", choices=(("a", WORDS), ("b", WORDS)), label=WORDS, note=WORDS,
)  # fmt: skip


def one_by_one(entries: list[Entry], at: datetime) -> int:
    """The same, as somebody with a calendar would find it."""
    value = MINUTES.default
    for entry in sorted(entries, key=lambda one: one.starts_at):
        if entry.starts_at <= at:
            value = entry.value
    return value


@given(plans, moments)
def test_a_value_holds_from_its_start_until_the_next_ones(entries, at):
    assert understood(MINUTES, holding(entries, at)) == one_by_one(entries, at)


@given(plans, moments, st.integers(1, 9))
def test_planning_something_changes_nothing_before_its_start_nor_after_the_next(
    entries, start, value
):
    if any(one.starts_at == start for one in entries):
        return
    more = [*entries, Entry(start, value)]
    following = min((one.starts_at for one in entries if one.starts_at > start), default=None)
    for minute in range(-51, 52):
        at = NOON + timedelta(minutes=minute)
        if at >= start and (following is None or at < following):
            assert understood(MINUTES, holding(more, at)) == value
        else:
            assert holding(more, at) == holding(entries, at)


@given(plans)
def test_at_its_very_start_a_value_holds_and_just_before_it_does_not(entries):
    for entry in entries:
        assert holding(entries, entry.starts_at) == entry
        assert holding(entries, entry.starts_at - timedelta(microseconds=1)) != entry


@given(st.one_of(st.integers(), st.booleans(), st.text(max_size=6), st.none(), st.floats()))
def test_every_value_is_taken_by_settings_of_its_kind_and_size_only(value):
    for setting in (MINUTES, SWITCH, NAME, WAY):
        try:
            taken = rules.checked(setting, value)
        except (rules.WrongType, rules.OutOfBounds):
            continue
        assert taken == value and type(taken) is type(setting.default)
        assert understood(setting, Entry(NOON, value)) == value
        if setting is MINUTES:
            assert 1 <= value <= 60


def test_a_value_that_the_program_no_longer_understands_counts_as_the_default():
    assert understood(WAY, Entry(NOON, "gone")) == "a"
    assert understood(SWITCH, Entry(NOON, 1)) is True
    assert understood(MINUTES, Entry(NOON, True)) == 15


@given(st.integers(-10, 10))
def test_what_begins_within_seconds_is_not_withdrawn(seconds):
    start = NOON + timedelta(seconds=seconds)
    if seconds > rules.SETTLED.total_seconds():
        rules.check_withdrawal(start, NOON)
    else:
        with pytest.raises(rules.HoldsAlready):
            rules.check_withdrawal(start, NOON)


def test_a_default_outside_its_own_bounds_cannot_be_declared():
    wrong = Setting[int](
        code="t.wrong", kind="number", default=9, least=1, most=5, label=WORDS, note=WORDS
    )
    with pytest.raises(rules.OutOfBounds):
        rules.declare(wrong)
    assert "t.wrong" not in rules.settings
