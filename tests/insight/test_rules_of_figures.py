"""Laws of figures and of what is kept of a visitor."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from siyu.insight.boards import rules as boards
from siyu.insight.boards.rules import BadPeriod
from siyu.insight.tracking import rules as tracking
from siyu.insight.tracking.rules import DECLARED, MAX_TEXT, OLDEST, Message

days = st.dates(date(2000, 1, 1), date(2100, 1, 1))
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
moments = st.datetimes(timezones=st.just(UTC))


@given(days, days)
def test_a_period_is_compared_with_one_of_the_same_length_that_touches_it(first, last):
    if first > last:
        first, last = last, first
    earlier_first, earlier_last = boards.before(first, last)
    assert earlier_last - earlier_first == last - first
    assert earlier_last + timedelta(days=1) == first


@given(days, st.integers(0, boards.MAX_DAYS - 1))
def test_a_period_has_each_of_its_days_once_and_in_order(first, length):
    last = first + timedelta(days=length)
    found = boards.days_of(first, last)
    assert found[0] == first and found[-1] == last and len(found) == length + 1
    assert found == sorted(set(found))


@given(st.none() | days, st.none() | days, days)
def test_whatever_is_asked_the_period_is_never_empty_upside_down_or_endless(first, last, today):
    try:
        asked = boards.period(first, last, today)
    except BadPeriod:
        return
    assert 0 <= (asked[1] - asked[0]).days < boards.MAX_DAYS
    assert asked == boards.period(*asked, today)
    if first is None and last is None:
        assert asked == (today - timedelta(days=29), today)


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_part_of_a_whole_is_between_nothing_and_all_and_no_whole_has_no_rate(part, rest):
    rate = boards.rate_bp(part, part + rest)
    assert (rate is None) == (part + rest == 0)
    assert rate is None or 0 <= rate <= 10_000
    if part + rest:
        other = boards.rate_bp(rest, part + rest)
        assert rate is not None and other is not None and abs(rate + other - 10_000) <= 1


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_a_funnel_that_only_narrows_has_no_step_over_a_hundred_percent(counts):
    narrowing = sorted(counts, reverse=True)
    rates = boards.step_rates(narrowing)
    assert len(rates) == len(counts) and rates[0] is None
    assert all(rate is None or 0 <= rate <= 10_000 for rate in rates)


def test_every_figure_is_explained_in_both_languages():
    assert all(words["zh-CN"] and words["en"] for words in boards.DEFINITIONS.values())


# ── What is kept of a visitor ─────────────────────────────────────────────────────────────────────


@given(moments, st.none() | moments)
@example(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
@example(datetime(9999, 12, 31, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC))
def test_nothing_happens_in_the_future_nor_before_memory(stamped, sent_at):
    at = tracking.moment(stamped.isoformat(), sent_at, NOW)
    assert NOW - OLDEST <= at <= NOW


@given(st.integers(0, 600), st.integers(-(10**9), 10**9))
def test_a_wrong_clock_does_not_move_what_happened(ago_s, wrong_s):
    """A client whose clock is wrong by any amount says the same as one whose clock is right."""
    wrong = timedelta(seconds=wrong_s)
    right = tracking.moment((NOW - timedelta(seconds=ago_s)).isoformat(), NOW, NOW)
    told = tracking.moment((NOW + wrong - timedelta(seconds=ago_s)).isoformat(), NOW + wrong, NOW)
    assert told == right == NOW - timedelta(seconds=ago_s)


@given(st.text(max_size=40))
def test_any_stamp_is_read_or_is_now(text):
    read = tracking.instant(text)
    assert read is None or read.tzinfo is not None
    assert tracking.moment(text, None, NOW) <= NOW


plain = st.one_of(st.text(max_size=200), st.integers(), st.booleans(), st.floats())
anything = st.one_of(plain, st.none(), st.lists(plain, max_size=2))
names = st.one_of(st.sampled_from(sorted(DECLARED)), st.text(max_size=12))


@given(st.dictionaries(names, anything, max_size=8))
def test_only_declared_plain_properties_are_kept_and_keeping_twice_changes_nothing(properties):
    kept = tracking.declared(properties)
    assert set(kept) <= set(properties) & DECLARED
    assert all(len(value) <= MAX_TEXT for value in kept.values() if isinstance(value, str))
    again = tracking.declared(kept)
    assert list(again) == list(kept) and all(
        a is b for a, b in zip(again.values(), kept.values(), strict=True)
    )


@given(st.text(min_size=1, max_size=40))
def test_a_name_phone_or_address_sent_as_an_id_is_never_kept_as_it_was(text):
    def kept(id: str, secret: bytes = b"ours") -> str:
        message = Message(type="track", anonymousId=id)
        return tracking.kept(
            message, fallback_type="", fallback_id="f", received=NOW, sent_at=None, secret=secret
        ).visitor

    if not text.strip():
        return
    visitor = kept(text)
    assert visitor == kept(f" {text} ")
    try:
        assert visitor == str(UUID(text.strip())) or len(visitor) == 32
    except ValueError:
        assert len(visitor) == 32 and visitor[0] == "h" and visitor != text
        assert visitor != kept(text, b"theirs"), "who has no secret can try no phone numbers"


@given(st.text(max_size=60), st.text(max_size=30), st.text(max_size=30))
def test_an_address_is_kept_without_host_query_and_fragment(path, query, fragment):
    whole = f"https://shop.example/{path}?q={query}#{fragment}"
    kept = tracking.path_only(whole)
    assert "?" not in kept and "#" not in kept and len(kept) <= MAX_TEXT
    assert kept == "" or kept.startswith("/")
