"""The schema's way up: roles, Alembic's steps, and the fence around every brand's table."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

import siyu.app.tables  # noqa: F401
from siyu.kernel.db import (
    APP,
    DISPATCHER,
    Base,
    bootstrap_roles,
    run_as_owner,
    scope_statements,
    sqlalchemy_url,
)
from siyu.kernel.settings import role_password

MIGRATIONS = Path(__file__).parent / "migrations"
# Until statistics are gathered, the planner takes a brand for one in two hundred. Then every index led by brand_id looks
# as good as the right one, foreign keys and key look-ups read all of a brand, and connections keep such plans. So each
# table without statistics starts with the opposite belief (PostgreSQL 18 can be told; ANALYZE replaces it).
_EVERY_ROW_IS_ONE_BRANDS = """
do $$
declare one record;
begin
    if to_regproc('pg_catalog.pg_restore_attribute_stats') is null then return; end if;
    for one in select c.relname::text as name from pg_class c
               join pg_attribute a on a.attrelid = c.oid and a.attname = 'brand_id' and not a.attisdropped
               where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
                 and not exists (select from pg_stats s where s.schemaname = 'public' and s.tablename = c.relname
                                 and s.attname = 'brand_id')
    loop
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

    Steps only add (expand), so the previous version keeps running meanwhile. Raises what PostgreSQL raises.
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
    await run_as_owner(owner_url, scope_statements(Base.metadata))
    await run_as_owner(owner_url, [_EVERY_ROW_IS_ONE_BRANDS])
