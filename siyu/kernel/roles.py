"""The three database roles and the fence around every brand's table: what the owner sets up before anybody is served."""

from collections.abc import Sequence

import asyncpg
from sqlalchemy import MetaData

from siyu.kernel.db import APP, CURRENT_BRAND, DISPATCHER, Base


def scope_statements(metadata: MetaData = Base.metadata) -> list[str]:
    """The SQL that grants the runtime roles their rights and fences every brand's table.

    Idempotent; run after each migration, so that a new table can never be left open.
    """
    out = [
        f"GRANT USAGE ON SCHEMA public TO {APP}, {DISPATCHER}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {APP}",
    ]
    for table in metadata.sorted_tables:
        name = f'"{table.name}"'
        if "brand_id" not in table.columns:
            raise AssertionError(f"table {table.name} has no brand_id")
        out += [
            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
            f"GRANT {table.info.get('app', 'SELECT, INSERT, UPDATE, DELETE')} ON {name} TO {APP}",
            f"DROP POLICY IF EXISTS brand_scope ON {name}",
            f"CREATE POLICY brand_scope ON {name} TO {APP} USING (brand_id = {CURRENT_BRAND}) WITH CHECK (brand_id = {CURRENT_BRAND})",
            f"REVOKE ALL ON {name} FROM {DISPATCHER}",
            f"DROP POLICY IF EXISTS dispatch ON {name}",
        ]
        if columns := table.info.get("dispatch"):
            out += [
                f"GRANT SELECT ({', '.join(columns)}) ON {name} TO {DISPATCHER}",
                f"CREATE POLICY dispatch ON {name} FOR SELECT TO {DISPATCHER} USING (true)",
            ]
    return out


async def bootstrap_roles(owner_url: str, passwords: dict[str, str]) -> None:
    """Make the runtime roles, or set their passwords again. Needs CREATEROLE on the owner's side."""
    connection = await asyncpg.connect(owner_url)
    try:
        for role, password in passwords.items():
            assert role in (APP, DISPATCHER) and password.isalnum()
            exists = await connection.fetchval("select 1 from pg_roles where rolname = $1", role)
            verb = "ALTER" if exists else "CREATE"
            await connection.execute(
                f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD '{password}'"
            )
    finally:
        await connection.close()


async def run_as_owner(owner_url: str, statements: Sequence[str]) -> None:
    """Run statements as the owner in one transaction (migrations only)."""
    connection = await asyncpg.connect(owner_url)
    try:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
    finally:
        await connection.close()
