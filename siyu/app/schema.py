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
