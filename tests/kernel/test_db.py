"""Brands are held apart by the database itself."""

import re

import asyncpg
import pytest
from sqlalchemy import text

import siyu.app.tables  # noqa: F401 – fills the metadata
from siyu.kernel.db import APP, DISPATCHER, Base
from siyu.kernel.ids import new_id

pytestmark = pytest.mark.kernel_db

LED_BY_ANOTHER_KEY = {
    # table: why the brand does not lead its keys
    "directory": "it is read to learn the brand",
}
GLOBAL = {"alembic_version"}


@pytest.fixture
async def owner(owner_url):
    connection = await asyncpg.connect(owner_url)
    yield connection
    await connection.close()


async def tables(owner) -> list[str]:
    rows = await owner.fetch(
        "select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace"
    )
    return [row["relname"] for row in rows if row["relname"] not in GLOBAL]


async def test_every_table_of_the_database_is_one_we_declare(owner):
    assert set(await tables(owner)) == set(Base.metadata.tables)


async def test_the_brand_leads_every_primary_key_unique_index_and_foreign_key(owner):
    rows = await owner.fetch(
        """select c.relname as name, i.relname as index_name, a.attname as first
           from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
           join pg_attribute a on a.attrelid = c.oid and a.attnum = x.indkey[0]
           where c.relnamespace = 'public'::regnamespace and x.indisunique"""
    )
    wrong = [
        (r["name"], r["index_name"])
        for r in rows
        if r["first"] != "brand_id" and r["name"] not in {*GLOBAL, *LED_BY_ANOTHER_KEY}
    ]
    assert wrong == []
    assert {row["name"] for row in rows} >= set(Base.metadata.tables), "a table has no key"
    foreign = await owner.fetch(
        """select conrelid::regclass::text as name, conname, a.attname as first, f.attname as target
           from pg_constraint k join pg_attribute a on a.attrelid = conrelid and a.attnum = conkey[1]
           join pg_attribute f on f.attrelid = confrelid and f.attnum = confkey[1] where contype = 'f'"""
    )
    assert foreign, "there are foreign keys"
    assert [
        (r["name"], r["conname"])
        for r in foreign
        if (r["first"], r["target"]) != ("brand_id", "brand_id")
    ] == []


async def test_every_table_is_fenced_by_row_level_security_for_the_application(owner):
    rows = await owner.fetch(
        "select relname, relrowsecurity from pg_class where relname = any($1)", await tables(owner)
    )
    assert [row["relname"] for row in rows if not row["relrowsecurity"]] == []
    policies = await owner.fetch(
        "select tablename from pg_policies where policyname = 'brand_scope' and roles = $1", [APP]
    )
    assert {row["tablename"] for row in policies} == set(await tables(owner))


async def test_runtime_roles_own_nothing_and_bypass_nothing(owner):
    rows = await owner.fetch(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname = any($1)",
        [APP, DISPATCHER],
    )
    assert len(rows) == 2
    assert all(not any(list(row)[1:]) for row in rows)
    owned = await owner.fetchval(
        "select count(*) from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = any($1)",
        [APP, DISPATCHER],
    )
    assert owned == 0


async def test_no_function_runs_with_its_makers_rights(owner):
    assert (
        await owner.fetch(
            "select proname from pg_proc where prosecdef and pronamespace = 'public'::regnamespace"
        )
        == []
    )


async def test_searched_columns_are_of_types_whose_operators_are_leakproof(owner):
    rows = await owner.fetch(
        """select distinct c.relname as name, a.attname as column, format_type(a.atttypid, null) as type
           from pg_index x join pg_class c on c.oid = x.indrelid, unnest(x.indkey) k join pg_attribute a on true
           where a.attrelid = c.oid and a.attnum = k and c.relnamespace = 'public'::regnamespace"""
    )
    allowed = {
        "uuid",
        "text",
        "bigint",
        "date",
        "timestamp with time zone",
        "boolean",
        "xid8",
        "character varying",
    }
    assert [tuple(row) for row in rows if row["type"] not in allowed] == []
    kinds = await owner.fetch(
        "select typname from pg_type where typtype = 'e' and typnamespace = 'public'::regnamespace"
    )
    assert kinds == [], "PostgreSQL enums are not used"


async def test_without_a_brand_the_application_sees_and_writes_nothing(database, brand):
    async with database._pool.acquire() as connection:  # the raw pool, before any brand is set
        for table in Base.metadata.tables:
            assert await connection.fetchval(f'select count(*) from "{table}"') == 0, table
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "insert into directory (brand_id, kind, key) values ($1, 'slug', 'thief')", new_id()
            )


async def test_one_brand_never_sees_or_touches_a_row_of_another(database, brand, rival):
    async with database.brand(rival.id) as session:
        for name, table in Base.metadata.tables.items():
            foreign = await session.scalar(
                text(f'select count(*) from "{name}" where brand_id = :other'), {"other": brand.id}
            )
            assert foreign == 0, name
            grants = table.info.get("app", "UPDATE")
            if "UPDATE" in grants:
                some = re.search(r"UPDATE \((\w+)", grants)
                column = some.group(1) if some else "brand_id"
                moved = await session.execute(
                    text(f'update "{name}" set {column} = {column} where brand_id = :other'),
                    {"other": brand.id},
                )
                assert moved.rowcount == 0, name


async def test_the_dispatcher_reads_only_the_columns_it_was_offered(database, brand):
    async with database.dispatcher() as connection:
        assert (
            await connection.fetchval(
                "select count(*) from directory where brand_id = $1", brand.id
            )
            >= 2
        )
        for table, row in (
            (name, one.info.get("dispatch")) for name, one in Base.metadata.tables.items()
        ):
            if row:
                await connection.fetch(f'select {", ".join(row)} from "{table}" limit 1')
            else:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetch(f'select 1 from "{table}" limit 1')
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select data from events limit 1")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("delete from directory")


async def test_the_log_is_append_only_for_the_application(database, brand):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.raw(brand.id) as connection:
            await connection.execute("delete from events")


async def test_a_refusal_half_way_rolls_everything_back(database, brand):
    key = new_id().hex
    with pytest.raises(RuntimeError):
        async with database.brand(brand.id) as session:
            await session.execute(
                text("insert into directory (kind, key) values ('test', :key)"), {"key": key}
            )
            raise RuntimeError("half way")
    async with database.brand(brand.id) as session:
        assert (
            await session.scalar(
                text("select count(*) from directory where key = :key"), {"key": key}
            )
            == 0
        )
