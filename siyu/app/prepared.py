"""Whether a database is ready for exactly this program, found out without loading it; made ready if not.

A start that finds nothing to do must not pay for migrations, table definitions and thousands of grants.
"""

import asyncio
import hashlib
from functools import cache
from pathlib import Path

import asyncpg

import siyu
from siyu.app.keys import claim_keys, folder_of, open_keys
from siyu.kernel.settings import Settings, role_password, role_url

ROLES = ("siyu_app", "siyu_dispatcher")
_NOTED = "select obj_description(to_regclass('public.alembic_version'), 'pg_class')"
_SERVER = "select system_identifier::text from pg_control_system()"

_UNFENCED = """
select count(*) from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attname = 'brand_id' and not a.attisdropped
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and not (c.relrowsecurity and has_table_privilege('siyu_app', c.oid, 'select')
           and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'brand_scope'))
"""
"""Notes travel with dumps, and a dump may be restored in part: without the fences, or without the rights."""


async def prepare(owner_url: str, settings: Settings | None = None) -> None:
    """Bring the database to this version unless a note in it says that exactly this program did, on this server.

    ``settings`` say where the keys of personal data are; left out where this process has them already.

    The note is not believed when a table stands outside the brands' fence or one of the runtime roles cannot sign
    in. Raises what PostgreSQL raises, and ``OtherKeys`` when the keys are not those of this database.
    """
    if settings is not None:
        await claim_keys(owner_url, folder_of(settings))
    if await _noted(owner_url):
        return
    from siyu.app import schema

    if settings is not None:
        open_keys(settings)
    await schema.upgrade(owner_url)
    if settings is not None:
        await claim_keys(owner_url, folder_of(settings))
    await note(owner_url)


async def note(owner_url: str) -> None:
    """Write down in the database that this program has just made it ready."""
    connection = await asyncpg.connect(owner_url)
    try:
        mark = await _mark(connection, owner_url)
        await connection.execute(f"comment on table public.alembic_version is '{mark}'")
    finally:
        await connection.close()


async def _noted(owner_url: str) -> bool:
    connection = await asyncpg.connect(owner_url)
    try:
        if await connection.fetchval(_NOTED) != await _mark(connection, owner_url):
            return False
        if await connection.fetchval(_UNFENCED):
            return False
    except asyncpg.UndefinedObjectError:  # the role itself is gone
        return False
    finally:
        await connection.close()
    try:
        for role in ROLES:
            await (await asyncpg.connect(role_url(owner_url, role))).close()
    except asyncpg.PostgresError:
        return False
    return True


async def _mark(connection: asyncpg.Connection, owner_url: str) -> str:
    """Of this program, this server and the roles' passwords: any of them changed, and all is done again."""
    server: str = await connection.fetchval(_SERVER)
    program = await asyncio.to_thread(_program)
    parts = (program, server, *(role_password(owner_url, role) for role in ROLES))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def _program() -> str:
    """A number of every file that tables, rights and migrations may come from."""
    root = Path(siyu.__file__).parent
    sum_ = hashlib.sha256()
    for path in sorted((*root.rglob("*.py"), *root.rglob("*.sql"))):
        sum_.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return sum_.hexdigest()
