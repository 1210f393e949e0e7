"""Backup folders of the run's own server are dumps; an engine of its own is backed up with its log."""

import secrets
import shutil
import tempfile
from pathlib import Path

import asyncpg
import msgspec
import pytest

from siyu.app import prepared
from siyu.app.runtime import Runtime
from siyu.kernel.settings import urls_of
from tests.conftest import on_database


@pytest.fixture
def place():
    """A folder that the database's account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="siyu-backup-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def elsewhere(runtime, server_url, place):
    """Another house: a database, files and a secret of its own."""
    name = f"elsewhere_{secrets.token_hex(4)}"
    server = await asyncpg.connect(server_url)
    await server.execute(f"create database {name}")
    url = on_database(server_url, name)
    await prepared.prepare(url)
    settings = msgspec.structs.replace(
        runtime.settings, home=place / "home", database_url=url, secret="another"
    )
    other = Runtime(settings, urls_of(settings), pool=4)
    await other.open()
    yield other
    await other.close()
    await server.execute(f"drop database {name} with (force)")
    await server.close()
