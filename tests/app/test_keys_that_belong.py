"""A house opens only with the keys its database was written with, and with nobody in it who was forgotten."""

import json
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import msgspec
import pytest

from siyu.app import prepared
from siyu.app.keys import OtherKeys, months_without_key
from siyu.app.runtime import Runtime
from siyu.kernel import clock
from siyu.kernel.settings import Settings, urls_of
from siyu.kernel.vault import KeyMissing, keyring, settle_journal
from siyu.people import customers
from siyu.people.customers.actions import forget_customer
from tests.conftest import make_brand


@pytest.fixture
async def own(empty, clickhouse_url, tmp_path):
    """The settings of a house with a database and keys of its own, made ready."""
    settings = Settings(
        home=tmp_path / "home", profile="demo", port=80, database_url=empty, clickhouse_url=clickhouse_url, secret="test",
        keys=str(tmp_path / "keys"),
    )  # fmt: skip
    await prepared.prepare(empty, settings)
    return settings


@asynccontextmanager
async def opened(settings):
    runtime = Runtime(settings, urls_of(settings), pool=3)
    try:
        await runtime.open()
        yield runtime
    finally:
        await runtime.close()


@pytest.fixture
def unfrozen():
    yield
    clock.freeze(None)


async def joined(runtime, brand, phone="13900001111"):
    async with runtime.database.brand(brand.id) as session:
        (one,) = await customers.join_customers(
            session, [customers.NewCustomer(phone=phone, name="林小满")]
        )
    return one


async def test_a_house_whose_folder_of_keys_is_not_mounted_stays_shut_and_makes_no_keys(
    own, tmp_path
):
    async with opened(own) as runtime:
        brand = await make_brand(runtime.database)
        one = await joined(runtime, brand)
    (tmp_path / "keys").rename(tmp_path / "elsewhere")
    with pytest.raises(OtherKeys, match="SIYU_KEYS"):
        async with opened(own):
            pass
    with pytest.raises(OtherKeys):
        await prepared.prepare(own.database_url, own)
    assert not (tmp_path / "keys").exists()
    (tmp_path / "elsewhere").rename(tmp_path / "keys")
    async with opened(own) as runtime:
        assert await joined(runtime, brand) == one, "the same phone is the same person"


async def test_another_houses_keys_are_refused_also_by_the_program(own, tmp_path):
    async with opened(own) as runtime:
        await joined(runtime, await make_brand(runtime.database))
    settings = msgspec.structs.replace(own, keys=str(tmp_path / "others"))
    other = Runtime(settings, urls_of(settings), pool=3)
    other.keys.house()
    with pytest.raises(OtherKeys):
        await prepared.prepare(own.database_url, settings)
    environment = {
        "PATH": "/usr/bin:/bin", "SIYU_HOME": str(own.home), "SIYU_PROFILE": "demo", "SIYU_SECRET": "test",
        "SIYU_DATABASE_URL": own.database_url, "SIYU_CLICKHOUSE_URL": own.clickhouse_url, "SIYU_KEYS": settings.keys,
    }  # fmt: skip
    said = subprocess.run(
        [sys.executable, "-m", "siyu", "vault", "keys"], env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert said.returncode == 2 and "SIYU_KEYS" in said.stderr and "Traceback" not in said.stderr
    await other.database.close()


async def test_a_new_months_key_is_not_made_where_the_folder_has_gone(own, tmp_path, unfrozen):
    async with opened(own) as runtime:
        brand = await make_brand(runtime.database)
        await joined(runtime, brand)
        shutil.move(tmp_path / "keys", tmp_path / "elsewhere")
        clock.freeze(clock.now() + timedelta(days=40))
        with pytest.raises(KeyMissing):
            await joined(runtime, brand, "13900002222")
        assert not (tmp_path / "keys").exists()


async def test_a_month_whose_key_is_missing_is_named(own, tmp_path):
    async with opened(own) as runtime:
        await joined(runtime, await make_brand(runtime.database))
        (month,) = keyring().months()
        async with runtime.database.dispatcher() as connection:
            assert await months_without_key(connection, keyring()) == []
            (tmp_path / "keys" / f"{month}.key").unlink()
            assert await months_without_key(connection, keyring()) == [month]


async def test_who_was_forgotten_stays_forgotten_after_a_snapshot_was_put_back(own):
    async with opened(own) as runtime:
        brand = await make_brand(runtime.database)
        one = await joined(runtime, brand)
        owner = await asyncpg.connect(own.database_url)
        kept = {
            table: await owner.fetchval(
                f"select json_agg(t) from {table} t where {column} = $1", one
            )
            for table, column in (("vault_keys", "person_id"), ("customers", "id"))
        }
        async with runtime.database.brand(brand.id) as session:
            await forget_customer(session, one)
        await settle_journal(runtime.database)
    await owner.execute("delete from vault_shreds")
    for table, rows in kept.items():  # the disk of the night before
        column = "id" if table == "customers" else "person_id"
        await owner.execute(f"delete from {table} where {column} = $1", one)
        await owner.execute(
            f"insert into {table} select * from json_populate_recordset(null::{table}, $1)", rows
        )
    assert json.loads(kept["customers"])[0]["sealed"]
    async with opened(own):
        pass
    assert await owner.fetchval("select count(*) from vault_keys where person_id = $1", one) == 0
    assert await owner.fetchval(
        "select sealed is null and forgotten_at is not null from customers where id = $1", one
    )
    await owner.close()
