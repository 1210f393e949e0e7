"""One PostgreSQL server per test run, a template clone per worker, a fresh brand per test.

Brands do not see each other, so a brand of its own is all the isolation a test needs.
"""

import asyncio
import faulthandler
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest

TEMPLATE = "siyu_template"
VERSION = int(os.environ.get("SIYU_TEST_PG", "18"))
os.environ.setdefault("SIYU_TEST_FAST_HASH", "1")


def pytest_configure(config: pytest.Config) -> None:
    """The controlling process starts the server; workers get its address."""
    if (
        hasattr(config, "workerinput")
        or config.option.collectonly
        or os.environ.get("SIYU_TEST_NO_DATABASE")
    ):
        return
    from siyu.kernel.engines import start_clickhouse, start_postgres

    folder = Path(tempfile.mkdtemp(prefix="siyu-test-"))
    folder.chmod(0o755)
    running = start_postgres(
        folder / "pg", version=VERSION, test_mode=True, settings={"max_connections": "200"}
    )
    config.stash[_SERVER] = (running, folder)
    asyncio.run(_make_template(running.url()))
    config.stash[_OWNER] = running.url()
    warehouse = start_clickhouse(folder / "ch")
    config.stash[_WAREHOUSE] = (warehouse, warehouse.url())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The long runs take their hours in one test: only the others are ended when they take too long."""
    if item.get_closest_marker("soak"):
        faulthandler.cancel_dump_traceback_later()


def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the server is."""
    if _OWNER in node.config.stash:
        node.workerinput["owner_url"] = node.config.stash[_OWNER]
        node.workerinput["clickhouse_url"] = node.config.stash[_WAREHOUSE][1]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and forget its folder."""
    if _WAREHOUSE in config.stash:
        config.stash[_WAREHOUSE][0].stop()
    if _SERVER in config.stash:
        running, folder = config.stash[_SERVER]
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


_SERVER: pytest.StashKey[Any] = pytest.StashKey()
_OWNER: pytest.StashKey[str] = pytest.StashKey()
_WAREHOUSE: pytest.StashKey[Any] = pytest.StashKey()


async def _make_template(owner_url: str) -> None:
    from siyu.app import schema
    from siyu.kernel.vault import Keyring, use_keyring

    use_keyring(Keyring(Path(tempfile.mkdtemp(prefix="siyu-keys-"))))
    connection = await asyncpg.connect(owner_url)
    await connection.execute(f"create database {TEMPLATE}")
    await connection.close()
    await schema.upgrade(on_database(owner_url, TEMPLATE))


def on_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> str:
    """URL of the superuser on the run's server."""
    worker = getattr(request.config, "workerinput", None)
    return worker["owner_url"] if worker else request.config.stash[_OWNER]


@pytest.fixture(scope="session")
def clickhouse_url(request: pytest.FixtureRequest) -> str:
    """URL of the run's ClickHouse endpoint; brands keep tests apart."""
    worker = getattr(request.config, "workerinput", None)
    return worker["clickhouse_url"] if worker else request.config.stash[_WAREHOUSE][1]


@pytest.fixture(scope="session")
async def owner_url(server_url: str) -> AsyncIterator[str]:
    """This worker's own database, cloned from the template; the URL of its owner."""
    name = f"siyu_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server_url)
    for attempt in range(50):
        try:
            await connection.execute(f"create database {name} template {TEMPLATE}")
            break
        except asyncpg.ObjectInUseError:
            if attempt == 49:
                raise
            await asyncio.sleep(0.1)
    yield on_database(server_url, name)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder for this worker."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The worker's keys of personal data."""
    from siyu.kernel.vault import Keyring

    return Keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture(autouse=True)
def keys(request: pytest.FixtureRequest, ring: Any) -> Iterator[Any]:
    """What a process has once is this worker's, also after a test that opened a house of its own."""
    from siyu.kernel.vault import use_keyring

    use_keyring(ring)
    if "app" in request.fixturenames:
        request.getfixturevalue("app").plug_in()
    yield ring
    use_keyring(ring)


@pytest.fixture(scope="session")
async def app(owner_url: str, clickhouse_url: str, home: Path, ring: Any) -> AsyncIterator[Any]:
    """The ASGI application of a demo-profile process, opened; its runtime is ``app.runtime``."""
    from siyu.app.runtime import Runtime
    from siyu.app.web import create_app
    from siyu.insight.warehouse import reactions
    from siyu.kernel.settings import Settings, urls_of
    from siyu.people.notices.ports import plugs

    settings = Settings(
        home=home,
        profile="demo",
        port=80,
        database_url=owner_url,
        clickhouse_url=clickhouse_url,
        secret="test",
        keys=str(ring.folder),
    )
    runtime = Runtime(settings, urls_of(settings), pool=12)
    asgi = create_app(runtime)
    asgi.runtime = runtime
    await runtime.open()
    channels = plugs.channels

    def plug_in() -> None:
        reactions.plug_in(runtime.parts["warehouse"])
        plugs.channels = channels

    asgi.plug_in = plug_in
    yield asgi
    await runtime.close()


@pytest.fixture(scope="session")
def runtime(app: Any) -> Any:
    """The process's runtime: database, files, settings."""
    return app.runtime


@pytest.fixture(scope="session")
async def database(owner_url: str) -> AsyncIterator[Any]:
    """The same database as the application's, through the same roles, with pools of its own."""
    from siyu.kernel.db import APP, DISPATCHER, Database
    from siyu.kernel.settings import role_url

    database = Database(role_url(owner_url, APP), role_url(owner_url, DISPATCHER))
    await database.open()
    yield database
    await database.close()


def client_for(app: Any, host: str, **headers: str) -> httpx.AsyncClient:
    """An HTTP client that reaches the application under a host name."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(
        transport=transport, base_url=f"http://{host}", headers=headers, timeout=30
    )


def searching(words: str) -> dict[str, str]:
    """The header of a search among people or their orders."""
    return {"X-Search": quote(words)}


@pytest.fixture
async def api(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody in particular, at the console's host."""
    async with client_for(app, "localhost") as client:
        yield client


class Brand(msgspec.Struct):
    """A brand made for one test."""

    id: UUID
    slug: str
    owner_login: str
    owner_password: str

    @property
    def host(self) -> str:
        """Its shop's host."""
        return f"{self.slug}.localhost"


async def make_brand(database: Any) -> Brand:
    """A fresh brand with its HQ and an owner."""
    from siyu.people.brands import create_brand

    slug = f"b{secrets.token_hex(5)}"
    made = await create_brand(
        database,
        slug=slug,
        name={"zh-CN": "试玉", "en": "Trial"},
        owner_login=f"owner@{slug}",
        owner_password="right horse 7",
    )
    return Brand(made.brand_id, slug, f"owner@{slug}", "right horse 7")


async def sign_in(app: Any, brand: Brand, login: str = "", password: str = "") -> httpx.AsyncClient:
    """A signed-in console client with its CSRF header; close it after use."""
    client = client_for(app, "localhost")
    answer = await client.post(
        "/api/console/session",
        json={"login": login or brand.owner_login, "password": password or brand.owner_password},
    )
    assert answer.status_code < 300, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return client


@pytest.fixture
async def brand(database: Any) -> Brand:
    """A fresh brand."""
    return await make_brand(database)


@pytest.fixture
async def rival(database: Any) -> Brand:
    """Another fresh brand, which must see and move nothing of the first."""
    return await make_brand(database)


@pytest.fixture
async def console(app: Any, brand: Brand) -> AsyncIterator[httpx.AsyncClient]:
    """The brand's owner, signed in at the console."""
    client = await sign_in(app, brand)
    yield client
    await client.aclose()


@pytest.fixture
async def shop(app: Any, brand: Brand) -> AsyncIterator[httpx.AsyncClient]:
    """An unknown visitor at the brand's shop."""
    async with client_for(app, brand.host) as client:
        yield client
