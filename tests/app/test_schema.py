"""The schema grows from nothing to what the program declares, and again changes nothing."""

import asyncio

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from siyu.app import schema
from siyu.kernel import effective
from siyu.kernel.db import APP, DISPATCHER, Base, Database, sqlalchemy_url
from siyu.kernel.ids import new_id
from siyu.kernel.roles import bootstrap_roles
from siyu.kernel.settings import role_password, role_url
from siyu.people.brands import UNPAID_TIMEOUT
from siyu.scenes.storefront.rules import SHOWN

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


_BRAND = """
insert into brands (brand_id, slug, name, currency, time_zone, locales, default_locale, is_demo, theme_color, privacy,
                    privacy_version, service_phone, unpaid_timeout_minutes, second_step_required, write_key, created_at)
values ($1, $2, '{}', 'CNY', 'Asia/Shanghai', '[]', 'zh-CN', false, '#17624F', '{}', 1, '', $3, false, $2, now())
"""


async def test_what_held_before_values_were_dated_holds_afterwards(empty):
    """Of two brands one had a time to pay of its own; of a page with two versions the first was shown again."""
    await bootstrap_roles(empty, {role: role_password(empty, role) for role in (APP, DISPATCHER)})
    await asyncio.to_thread(command.upgrade, schema.alembic_config(empty), "0013")
    owner, patient, usual, page = await asyncpg.connect(empty), new_id(), new_id(), new_id()
    await owner.execute(_BRAND, patient, "patient", 45)
    await owner.execute(_BRAND, usual, "usual", 15)
    await owner.execute(
        """insert into shop_pages (brand_id, id, key, title, draft, draft_version, draft_saved_at, published_number)
           values ($1, $2, 'home', '{}', '[]', 3, now(), 1)""",
        usual,
        page,
    )
    for number in (1, 2):
        await owner.execute(
            """insert into shop_page_versions (brand_id, page_id, number, blocks, published_at, published_by)
               values ($1, $2, $3, '[]', now(), '店长')""",
            usual,
            page,
            number,
        )
    await schema.upgrade(empty)
    await owner.close()
    house = Database(role_url(empty, APP), role_url(empty, DISPATCHER))
    await house.open()
    held = []
    for brand in (patient, usual):
        async with house.raw(brand) as connection:
            held += [
                await effective.value_on(connection, one) for one in (UNPAID_TIMEOUT, SHOWN["home"])
            ]
    await house.close()
    assert held == [45, None, 15, 1]
