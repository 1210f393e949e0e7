"""Ids, money, the clock, search words and settings."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siyu.kernel import clock
from siyu.kernel.columns import once
from siyu.kernel.ids import new_id, new_ids
from siyu.kernel.money import at_rate, share, to_minor, to_text
from siyu.kernel.search import tokens, wanted
from siyu.kernel.settings import (
    SettingsRefused,
    check_serving,
    kept_secret,
    load,
    masked,
    role_password,
    role_url,
)

weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=30).filter(any)


def test_ids_made_later_sort_later_even_within_a_millisecond():
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {one.version for one in ids} == {7}
    assert {one.variant for one in ids} == {"specified in RFC 4122"}


@given(counts=st.lists(st.integers(0, 5000), max_size=12))
def test_ids_made_together_sort_after_all_that_were_made_before(counts):
    ids = [new_id()]
    for count in counts:
        made = new_ids(count)
        assert len(made) == count
        ids += [*made, new_id()]
    assert ids == sorted(ids) and len(set(ids)) == len(ids)
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}


@given(column=st.lists(st.integers(0, 2)))
def test_a_column_is_shortened_only_when_one_value_says_all_of_it(column):
    sent = once(column)
    assert sent == column or (len(sent) == 1 and set(column) == set(sent))
    assert len(sent) == (1 if len(set(column)) == 1 else len(column))


@given(total_minor=st.integers(-(10**12), 10**12), weights=weights)
def test_shares_add_up_and_each_is_less_than_one_fen_off(total_minor, weights):
    shares, whole = share(total_minor, weights), sum(weights)
    assert sum(shares) == total_minor
    assert all(
        abs(s * whole - total_minor * w) < whole for s, w in zip(shares, weights, strict=True)
    )


@given(st.integers(-(10**14), 10**14), st.sampled_from(["CNY", "JPY"]))
def test_an_amount_written_as_text_reads_back_exactly(amount, currency):
    assert to_minor(to_text(amount, currency), currency) == amount


@pytest.mark.parametrize(
    "text", ["", "abc", "1.234", "NaN", "Infinity", "1e400", "1,2.3.4", "9" * 30]
)
def test_amounts_that_are_no_amounts_are_refused_with_value_error(text):
    with pytest.raises(ValueError):
        to_minor(text)


def test_a_rate_rounds_half_away_from_zero_on_both_sides():
    assert at_rate(101, 5_000) == 51
    assert at_rate(-101, 5_000) == -51
    assert at_rate(100, 1) == 0


def test_today_depends_on_the_shops_time_zone():
    clock.freeze(datetime(2026, 11, 21, 17, 0, tzinfo=UTC))
    try:
        assert str(clock.today("Asia/Shanghai")) == "2026-11-22"
        assert str(clock.today("UTC")) == "2026-11-21"
        assert clock.start_of_day(clock.today("Asia/Shanghai"), "Asia/Shanghai") == datetime(
            2026, 11, 21, 16, tzinfo=UTC
        )
    finally:
        clock.freeze(None)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_chinese_is_found_by_any_part_of_a_word_and_latin_by_words():
    found = tokens("晴水冰透平安扣吊坠", "Icy jade disc-pendant LY-J001")
    for query in ("平安扣", "冰透", "扣", "jade", "ly-j001", "J001", "平安 jade"):
        assert set(wanted(query)) <= found, query
    for query in ("水冰晴", "jad", "安平"):
        assert not set(wanted(query)) <= found, query


@given(st.text(max_size=300))
def test_whatever_is_typed_its_own_text_is_found_by_it(text):
    assert set(wanted(text[:200])) <= tokens(text[:200]) or len(tokens(text)) >= 400


def test_environment_wins_over_file_and_the_origin_is_told(tmp_path: Path):
    (tmp_path / "siyu.toml").write_text('port = 9000\nlog_level = "debug"\n')
    loaded = load({"SIYU_HOME": str(tmp_path), "SIYU_PORT": "9100"})
    assert (loaded.settings.port, loaded.origin["port"]) == (9100, "environment")
    assert (loaded.settings.log_level, loaded.origin["log_level"]) == ("debug", "file")
    assert loaded.origin["host"] == "default"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"SIYU_PORT": "abc"}, "SIYU_PORT is 'abc'"),
        ({"SIYU_PORT": "99999"}, "between 1 and 65535"),
        (
            {"SIYU_DATABASE_URL": "mysql://x"},
            "SIYU_DATABASE_URL is not a URL of the form postgresql://",
        ),
        ({"SIYU_CLICKHOUSE_URL": "nonsense"}, "SIYU_CLICKHOUSE_URL"),
        ({"SIYU_PROFILE": "staging"}, "SIYU_PROFILE is 'staging'"),
        ({"SIYU_PROFILE": "demo", "SIYU_HOST": "0.0.0.0"}, "this machine only"),
        ({"SIYU_DATABASE_URL": "postgresql://boss@db/siyu"}, "has no password"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_in_one_sentence(tmp_path, environment, words):
    with pytest.raises(SettingsRefused, match=words):
        load({"SIYU_HOME": str(tmp_path), **environment})


def test_cheap_passwords_are_for_tests_and_are_never_served_in_production(tmp_path):
    settings = load({"SIYU_HOME": str(tmp_path)}).settings
    with pytest.raises(SettingsRefused, match="SIYU_TEST_FAST_HASH"):
        check_serving(settings, {"SIYU_TEST_FAST_HASH": "1"})
    check_serving(settings, {})
    demo = load({"SIYU_HOME": str(tmp_path), "SIYU_PROFILE": "demo"}).settings
    check_serving(demo, {"SIYU_TEST_FAST_HASH": "1"})


def test_an_unknown_setting_in_the_file_is_refused_by_name(tmp_path):
    (tmp_path / "siyu.toml").write_text("prot = 9000\n")
    with pytest.raises(SettingsRefused, match="'prot'"):
        load({"SIYU_HOME": str(tmp_path)})


def test_secrets_are_masked_and_kept_with_tight_rights(tmp_path):
    assert masked("database_url", "postgresql://me:hush@db/x") == "postgresql://me:***@db/x"
    assert masked("secret", "hush") == "***"
    first = kept_secret(tmp_path, "signing")
    assert kept_secret(tmp_path, "signing") == first
    assert (tmp_path / "secrets" / "signing").stat().st_mode & 0o777 == 0o600


def test_every_node_that_knows_the_owner_finds_the_same_role_password():
    url = "postgresql://boss:hush@db.example:5433/siyu"
    assert (
        role_url(url, "siyu_app")
        == f"postgresql://siyu_app:{role_password(url, 'siyu_app')}@db.example:5433/siyu"
    )
    assert role_password(url, "siyu_app") != role_password(url, "siyu_dispatcher")
    assert "hush" not in role_url(url, "siyu_app")
