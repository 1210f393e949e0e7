"""The schema grows from nothing to what the program declares, and again changes nothing."""

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from siyu.app import schema
from siyu.kernel.db import Base, sqlalchemy_url

pytestmark = pytest.mark.kernel_db


async def differences(url):
    engine = create_async_engine(sqlalchemy_url(url))
    async with engine.connect() as connection:
        found = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True}), Base.metadata
            )
        )
    await engine.dispose()
    return found


async def test_an_empty_database_becomes_what_the_program_declares(empty):
    await schema.upgrade(empty)
    assert await differences(empty) == []


async def test_upgrading_again_changes_nothing_and_keeps_the_rows(empty):
    await schema.upgrade(empty)
    connection = await asyncpg.connect(empty)
    await connection.execute(
        "insert into directory (brand_id, kind, key) values (gen_random_uuid(), 'slug', 'kept')"
    )
    await schema.upgrade(empty)
    assert await connection.fetchval("select count(*) from directory") == 1
    assert await connection.fetchval("select count(*) from alembic_version") == 1
    await connection.close()
