"""People's keys in the database: one each, made in races too, wrapped anew, destroyed for good."""

import asyncio
from contextlib import contextmanager
from datetime import timedelta

import asyncpg
import pytest

import siyu.people.staff  # noqa: F401 – a brand is founded with an owner
from siyu.kernel import clock, vault
from siyu.kernel.checks import run_checks
from siyu.kernel.ids import new_id
from siyu.kernel.vault import Forgotten, Journal, KeyMissing, KeyNeeded, Keyring, use_keyring
from siyu.kernel.vault.rotation import drop_month

pytestmark = pytest.mark.kernel_db


@contextmanager
def days_ago(days):
    """Years ago, so that no other test's people hold on to the keys of these months."""
    clock.shift(timedelta(days=-days))
    try:
        yield
    finally:
        clock.shift(timedelta(0))


async def made(database, brand, count):
    people = [new_id() for _ in range(count)]
    async with database.raw(brand.id) as connection:
        keys = await vault.keys_for(connection, people)
    return people, {one: key.seal("name", f"人{at}") for at, (one, key) in enumerate(keys.items())}


async def opened(database, brand, sealed):
    async with database.raw(brand.id) as connection:
        keys = await vault.keys_of(connection, sealed)
    return {keys[one].open("name", what, str) for one, what in sealed.items() if one in keys}


async def test_many_who_meet_a_person_for_the_first_time_at_once_use_one_key(database, brand):
    person = new_id()

    async def seal(number):
        async with database.raw(brand.id) as connection:
            return (await vault.keys_for(connection, [person]))[person].seal("name", number)

    sealed = await asyncio.gather(*map(seal, range(12)))
    async with database.raw(brand.id) as connection:
        key = (await vault.keys_of(connection, [person]))[person]
        assert await connection.fetchval("select count(*) from vault_keys") == 1
    assert [key.open("name", one, int) for one in sealed] == list(range(12))


async def test_a_brand_does_not_see_another_brands_keys(database, brand, rival):
    people, _ = await made(database, brand, 3)
    async with database.raw(rival.id) as connection:
        assert await vault.keys_of(connection, people) == {}


async def test_wrapping_anew_lets_an_old_months_key_go_and_everything_still_opens(
    database, brand, tmp_path
):
    use_keyring(Keyring(tmp_path))
    with days_ago(1000):
        _, sealed = await made(database, brand, 7)
        old, _ = vault.keyring().current()
    with pytest.raises(KeyNeeded) as needed:
        await drop_month(database, old)
    assert needed.value.facts["people"] == 7
    with days_ago(960):
        present, _ = vault.keyring().current()
        with pytest.raises(KeyNeeded):
            await drop_month(database, old)
        told = []

        async def tell(count):
            told.append(count)

        assert await vault.rewrap(database, brand.id, tell) == 7 and told == [7]
        assert await vault.rewrap(database, brand.id) == 0
        assert [(one.month, one.people) for one in await vault.held_keys(database, brand.id)] == [
            (present, 7)
        ]
        await drop_month(database, old)
        use_keyring(Keyring(tmp_path))  # nothing remembered
        assert len(await opened(database, brand, sealed)) == 7


async def test_without_the_folder_of_keys_nothing_opens(database, brand, tmp_path):
    _, sealed = await made(database, brand, 1)
    use_keyring(Keyring(tmp_path / "elsewhere"))
    with pytest.raises(KeyMissing):
        await opened(database, brand, sealed)


async def test_who_was_forgotten_gets_no_key_again_and_a_restored_house_obeys_the_journal(
    database, brand, owner_url, tmp_path
):
    use_keyring(Keyring(tmp_path))
    (gone, stays), sealed = await made(database, brand, 2)
    async with database.raw(brand.id) as connection:
        backup = await connection.fetch("select * from vault_keys")
        assert await vault.forget(connection, [gone]) == 1
        assert await vault.forget(connection, [gone]) == 0
    with pytest.raises(Forgotten):
        async with database.raw(brand.id) as connection:
            await vault.keys_for(connection, [stays, gone])
    assert await opened(database, brand, sealed) == {"人1"}
    assert await vault.settle_journal(database) == 1
    assert await vault.settle_journal(database) == 0

    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute("delete from vault_shreds where brand_id = $1", brand.id)
        await owner.executemany(
            "insert into vault_keys (brand_id, person_id, month, wrapped) values ($1, $2, $3, $4) on conflict do nothing",
            [tuple(row) for row in backup],
        )
        assert len(await opened(database, brand, sealed)) == 2, "as a restored backup would"
        assert await vault.replay(owner, Journal(vault.keyring().journal)) == 1
        assert await vault.replay(owner, Journal(vault.keyring().journal)) == 0
    finally:
        await owner.close()
    assert await opened(database, brand, sealed) == {"人1"}
    with pytest.raises(Forgotten):
        async with database.raw(brand.id) as connection:
            await vault.keys_for(connection, [gone])


async def waiting(database, brand, call, person):
    """``call`` in a transaction of its own: it, and whether it still waits for somebody after a while."""

    async def run():
        async with database.raw(brand.id) as connection:
            return await call(connection, [person])

    task = asyncio.create_task(run())
    done, _ = await asyncio.wait([task], timeout=0.3)
    return task, not done


async def checked(database, brand):
    return await run_checks(database, brand.id, {"vault.forgotten"})


async def test_who_is_being_forgotten_gets_no_key_from_whoever_starts_meanwhile(database, brand):
    person = new_id()
    async with database.raw(brand.id) as connection:
        assert await vault.forget(connection, [person]) == 1
        adding, waits = await waiting(database, brand, vault.keys_for, person)
        assert waits, "until it is known whether the person was forgotten"
    with pytest.raises(Forgotten):
        await adding
    assert await checked(database, brand) == []


async def test_forgetting_that_came_to_nothing_lets_whoever_waited_have_the_key(database, brand):
    person, tasks = new_id(), []
    with pytest.raises(InterruptedError):
        async with database.raw(brand.id) as connection:
            await vault.forget(connection, [person])
            adding, waits = await waiting(database, brand, vault.keys_for, person)
            tasks.append(adding)
            assert waits
            raise InterruptedError
    assert list(await tasks[0]) == [person]


async def test_forgetting_waits_for_a_key_that_is_being_made_and_destroys_it(database, brand):
    person = new_id()
    async with database.raw(brand.id) as connection:
        assert list(await vault.keys_for(connection, [person])) == [person]
        forgetting, waits = await waiting(database, brand, vault.forget, person)
        assert waits
    assert await forgetting == 1
    assert await checked(database, brand) == []


async def test_whoever_goes_on_without_the_key_of_a_forgotten_person_leaves_none_behind(
    database, brand
):
    async def unless_forgotten(connection, people):
        return await vault.key_unless_forgotten(connection, people[0])

    person = new_id()
    async with database.raw(brand.id) as connection:
        await vault.forget(connection, [person])
        going_on, _ = await waiting(database, brand, unless_forgotten, person)
    assert await going_on is None
    assert await checked(database, brand) == []


async def test_many_who_make_and_destroy_keys_of_the_same_people_at_once_leave_no_key_of_the_forgotten(
    database, brand
):
    people = [new_id() for _ in range(30)]

    async def one(call, some):
        async with database.raw(brand.id) as connection:
            try:
                await call(connection, some)
            except Forgotten:
                return True
        return False

    calls = [one(vault.keys_for if at % 3 else vault.forget, [person]) for person in people for at in range(6)]  # fmt: skip
    calls += [one(vault.keys_for, people), one(vault.forget, people[::2])]
    await asyncio.gather(*calls)
    async with database.raw(brand.id) as connection:
        assert await connection.fetchval("select count(*) from vault_shreds") == 30
        assert await connection.fetchval("select count(*) from vault_keys") == 0
    assert await checked(database, brand) == []


async def test_the_check_names_a_forgotten_person_who_has_a_key(database, brand):
    (person,), _ = await made(database, brand, 1)
    async with database.raw(brand.id) as connection:
        await connection.execute(
            "insert into vault_shreds (person_id, at) values ($1, now())", person
        )
    (broken,) = await checked(database, brand)
    assert [row["person_id"] for row in broken.rows] == [str(person)]
    async with database.raw(brand.id) as connection:
        await vault.forget(connection, [person])
    assert await checked(database, brand) == []
