"""A start that finds nothing to do loads nothing and does nothing; one that finds anything else does everything."""

import subprocess
import sys

import asyncpg
import pytest

from siyu.app import prepared
from siyu.kernel.settings import role_password

pytestmark = pytest.mark.kernel_db
RIGHT = "select has_table_privilege('siyu_app', 'orders', 'insert')"
FENCE = "select count(*) from pg_policies where tablename = 'orders' and policyname = 'brand_scope'"


async def broken(empty: str, *statements: str) -> asyncpg.Connection:
    """A database that was made ready, and then lost a right: whoever makes it ready again gives it back."""
    await prepared.prepare(empty)
    connection = await asyncpg.connect(empty)
    assert await connection.fetchval(RIGHT)
    for statement in ("revoke insert on orders from siyu_app", *statements):
        await connection.execute(statement)
    return connection


async def test_a_database_that_this_very_program_made_ready_is_left_as_it_is(empty):
    connection = await broken(empty)
    await prepared.prepare(empty)
    assert not await connection.fetchval(RIGHT)
    await connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        "drop policy brand_scope on orders",
        "alter table orders disable row level security",
        "revoke all on orders from siyu_app",
    ],
)
async def test_a_note_is_not_believed_when_a_table_stands_outside_the_fence(empty, damage):
    """A note travels with a dump, which may have been restored in part."""
    connection = await broken(empty, damage)
    await prepared.prepare(empty)
    assert await connection.fetchval(RIGHT) and await connection.fetchval(FENCE) == 1
    assert await connection.fetchval("select relrowsecurity from pg_class where relname = 'orders'")
    await connection.close()


async def test_a_database_that_another_program_made_ready_is_made_ready_again(empty):
    connection = await broken(empty, "comment on table alembic_version is 'another'")
    await prepared.prepare(empty)
    assert await connection.fetchval(RIGHT)
    await connection.close()


async def test_a_note_is_not_believed_when_a_role_of_the_program_cannot_sign_in(empty):
    password = role_password(empty, "siyu_dispatcher")
    connection = await broken(empty)
    try:
        await connection.execute("alter role siyu_dispatcher password 'lost'")
        await prepared.prepare(empty)
        assert await connection.fetchval(RIGHT)
    finally:  # the roles are those of all other tests
        await connection.execute(f"alter role siyu_dispatcher password '{password}'")
        await connection.close()


def test_who_looks_after_the_house_does_not_load_it():
    heavy = "sqlalchemy|alembic|litestar|httpx|openpyxl|numpy|PIL|siyu.kernel.db|siyu.goods"
    code = f"import sys, siyu.app.cli; print(*({set(heavy.split('|'))!r} & sys.modules.keys()))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""


def test_the_web_and_the_worker_do_not_load_what_reads_spreadsheets():
    code = "import sys, siyu.app.serve, siyu.app.worker; print('openpyxl' in sys.modules, 'numpy' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]
