"""The schema's way up: roles, Alembic's steps, and the fence around every brand's table."""

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

import siyu.app.tables  # noqa: F401
from siyu.app import numbers
from siyu.kernel import vault
from siyu.kernel.db import (
    APP,
    DISPATCHER,
    Base,
    sqlalchemy_url,
)
from siyu.kernel.roles import bootstrap_roles, run_as_owner, scope_statements
from siyu.kernel.settings import role_password
from siyu.people import customers

MIGRATIONS = Path(__file__).parent / "migrations"
# Of a brand that the statistics do not know (a fresh one, or all while there are none) the planner expects hardly a row.
# Then every index led by brand_id looks as good as the right one, the smallest is taken, and foreign keys, key look-ups
# and updates read all of the brand's rows, again for each row that they are about. So it is told, for good, that every row
# may be of one brand: statistics of brand_id are set by hand and gathered no more (PostgreSQL 18 can be told).
_EVERY_ROW_IS_ONE_BRANDS = """
do $$
declare one record;
begin
    if to_regproc('pg_catalog.pg_restore_attribute_stats') is null then return; end if;
    for one in select c.relname::text as name from pg_class c
               join pg_attribute a on a.attrelid = c.oid and a.attname = 'brand_id' and not a.attisdropped
               where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and coalesce(a.attstattarget, -1) <> 0
    loop
        execute format('alter table %I alter column brand_id set statistics 0', one.name);
        perform pg_clear_attribute_stats('public', one.name, 'brand_id', false);
        perform pg_restore_attribute_stats(
            'schemaname', 'public', 'relname', one.name, 'attname', 'brand_id', 'inherited', false,
            'version', current_setting('server_version_num')::integer,
            'null_frac', 0::real, 'avg_width', 16, 'n_distinct', 1::real);
    end loop;
end $$
"""


def alembic_config(owner_url: str) -> Config:
    """Alembic's configuration for our migrations and this database."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", sqlalchemy_url(owner_url).replace("%", "%%"))
    return config


async def upgrade(owner_url: str) -> None:
    """Bring the database to this version; doing it again changes nothing.

    Steps only add (expand), so the previous version keeps running meanwhile. A database that was restored on another
    server is made to go on there (``numbers``). Raises what PostgreSQL raises, and ``EngineRefused``.
    """
    await bootstrap_roles(
        owner_url, {role: role_password(owner_url, role) for role in (APP, DISPATCHER)}
    )
    if any((MIGRATIONS / "versions").glob("*.py")):
        await asyncio.to_thread(command.upgrade, alembic_config(owner_url), "head")
    else:
        engine = create_async_engine(sqlalchemy_url(owner_url))
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await engine.dispose()
    await numbers.pass_by(owner_url)
    # What follows also writes: only then a server that crashes remembers the numbers that passed by.
    await run_as_owner(owner_url, scope_statements(Base.metadata))
    await run_as_owner(owner_url, [_EVERY_ROW_IS_ONE_BRANDS])
    await obey_journal(owner_url)


async def obey_journal(owner_url: str) -> int:
    """Forget again whoever a restored database still knows, although the journal says they were forgotten; how many.

    Belongs before any door opens. Again changes nothing.
    """
    connection = await asyncpg.connect(owner_url)
    try:
        async with connection.transaction():
            count = await vault.replay(connection, vault.Journal(vault.keyring().journal))
            await customers.erase_forgotten(connection)
    finally:
        await connection.close()
    return count
