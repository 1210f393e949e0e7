"""The folder of keys: made once by whoever is first, readable by nobody else, and missed in plain words."""

import stat
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from multiprocessing import get_context
from uuid import UUID

import pytest

from siyu.kernel import clock
from siyu.kernel.ids import new_id
from siyu.kernel.vault import Journal, KeyMissing, Keyring
from siyu.kernel.vault.journal import Shred


@contextmanager
def forty_days_later():
    clock.shift(timedelta(days=40))
    try:
        yield
    finally:
        clock.shift(timedelta(0))


def _token_key(folder):
    return Keyring(folder).token_key(UUID(int=1))


def test_processes_that_start_at_once_agree_on_the_keys(tmp_path):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        found = set(processes.map(_token_key, [tmp_path / "keys"] * 8))
    assert len(found) == 1
    files = list((tmp_path / "keys").iterdir())
    assert [file.name for file in files] == ["tokens.key"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_each_month_has_a_key_of_its_own_and_a_missing_one_is_named(tmp_path):
    ring = Keyring(tmp_path)
    before, _ = ring.current()
    with forty_days_later():
        after, _ = ring.current()
    assert ring.months() == sorted({before, after}) and before != after
    ring.drop(before)
    assert ring.months() == [after]
    with pytest.raises(KeyMissing) as missing:
        ring.of_month(before)
    assert missing.value.facts == {"month": before, "folder": str(tmp_path)}
    with pytest.raises(KeyMissing):
        ring.drop("../../etc/passwd")


def test_a_line_of_the_journal_that_was_cut_off_loses_no_other(tmp_path):
    journal = Journal(tmp_path / "keys" / "shredded.journal")
    assert list(journal.read()) == []
    first, second = (Shred(new_id(), new_id(), clock.now()) for _ in range(2))
    journal.append([first])
    with journal.path.open("ab") as file:
        file.write(b'{"brand":"')  # the power went
    journal.append([second])
    assert list(journal.read()) == [first, second]
    assert isinstance(second.at, datetime)
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_a_brand_from_another_house_keeps_its_token_key(tmp_path):
    here, there, brand = Keyring(tmp_path / "here"), Keyring(tmp_path / "there"), new_id()
    assert here.token_key(brand) != there.token_key(brand)
    there.keep_token_key(brand, here.token_key(brand))
    assert Keyring(tmp_path / "there").token_key(brand) == here.token_key(brand)
    assert there.token_key(new_id()) != here.token_key(brand) and there.months() == []


@pytest.mark.parametrize("harm", ["lost", "half", "not a key", "another"])
def test_a_brands_own_token_key_that_is_lost_or_broken_is_refused_by_name_until_it_is_back(
    tmp_path, harm
):
    here, there, brand = Keyring(tmp_path / "here"), Keyring(tmp_path / "there"), new_id()
    key = here.token_key(brand)
    assert there.keep_token_key(brand, there.token_key(brand)) is None, "ours needs no file"
    mark = there.keep_token_key(brand, key)
    assert mark and there.brought() == [brand]
    file = tmp_path / "there" / f"tokens-{brand}.key"
    whole = file.read_text()
    file.unlink()
    if harm != "lost":
        file.write_text({"half": whole[:30], "not a key": "?", "another": "00" * 32}[harm])
    ring = Keyring(tmp_path / "there")
    ring.expect(brand, mark)
    with pytest.raises(KeyMissing) as missing:
        ring.token_key(brand)
    assert missing.value.facts == {"month": f"tokens-{brand}", "folder": str(tmp_path / "there")}
    assert ring.has_lost(brand) and ring.token_key(new_id())
    file.write_text(whole)
    assert ring.token_key(brand) == key and not ring.has_lost(brand)


def test_what_was_derived_before_a_process_learned_of_a_brands_own_key_is_not_used_on(tmp_path):
    ring, brand = Keyring(tmp_path / "there"), new_id()
    ring.token_key(brand)
    mark = Keyring(tmp_path / "other").keep_token_key(brand, b"k" * 32)
    assert mark
    ring.expect(brand, mark)
    with pytest.raises(KeyMissing):
        ring.token_key(brand)
