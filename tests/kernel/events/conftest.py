"""A log of a test's own, in a database of its own, with stretches so short that they roll over while one looks."""

import asyncio
import secrets
from uuid import UUID

import asyncpg
import msgspec
import pytest

from siyu.kernel.db import APP, DISPATCHER, Database
from siyu.kernel.directory import enter
from siyu.kernel.files import Files
from siyu.kernel.ids import new_id
from siyu.kernel.settings import role_url
from tests.conftest import TEMPLATE, on_database


async def new_brand(database: Database) -> UUID:
    brand_id = new_id()
    async with database.brand(brand_id) as session:
        await enter(session, "brand", brand_id.hex)
    return brand_id


@pytest.fixture
async def brand_id(database) -> UUID:
    return await new_brand(database)


class OwnLog(msgspec.Struct):
    url: str
    database: Database
    owner: asyncpg.Connection
    files: Files
    brand_id: UUID

    async def shorten(self, span: int) -> None:
        """Let the first stretch end ``span`` transactions from now, and the next two be as long."""
        async with self.owner.transaction():
            await self.owner.execute("drop table event_log.events_stragglers")
            for row in await self.owner.fetch(
                "select name from event_log.stretches() where lo > 0"
            ):
                await self.owner.execute(f"drop table event_log.{row['name']}")
            await self.owner.execute("alter table events detach partition event_log.events_first")
            end = await self.owner.fetchval("select pg_current_xact_id()::text::bigint") + span
            await self.owner.execute(
                f"alter table events attach partition event_log.events_first for values from (minvalue) to ('{end}')"
            )
            await self.owner.execute(
                "create table event_log.events_stragglers partition of events default"
            )
            for lo in (end, end + span):
                await self.owner.fetchval("select event_log.make($1, $2)", lo, lo + span)

    async def pass_by(self, numbers: int) -> None:
        """Use up transaction numbers."""
        await self.owner.execute(
            f"do $$ begin for i in 1..{numbers} loop perform pg_current_xact_id(); commit; end loop; end $$"
        )

    async def rows(self) -> dict[str, int]:
        """Events by partition."""
        found = await self.owner.fetch(
            "select tableoid::regclass::text as name, count(*) as events from events group by 1 order by 1"
        )
        return {row["name"].removeprefix("event_log."): row["events"] for row in found}


@pytest.fixture
async def own_log(server_url, tmp_path):
    name = f"log_{secrets.token_hex(4)}"
    server = await asyncpg.connect(server_url)
    for _ in range(100):
        try:
            await server.execute(f"create database {name} template {TEMPLATE}")
            break
        except asyncpg.ObjectInUseError:
            await asyncio.sleep(0.1)
    url = on_database(server_url, name)
    database = Database(role_url(url, APP), role_url(url, DISPATCHER))
    await database.open()
    owner = await asyncpg.connect(url)
    yield OwnLog(url, database, owner, Files(tmp_path / "files"), await new_brand(database))
    await owner.close()
    await database.close()
    await server.execute(f"drop database {name} with (force)")
    await server.close()
