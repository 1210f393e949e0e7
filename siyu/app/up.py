"""``siyu up``: both engines, the web process and the worker under one supervisor; and the engines alone for a command."""

import asyncio
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from siyu.app import prepared
from siyu.app.opening import check_open
from siyu.app.programs import Programs
from siyu.kernel.engines import (
    ChildSpec,
    EngineRefused,
    RunningClickHouse,
    Stamp,
    Started,
    Supervisor,
    begin_clickhouse,
    check_port,
    free_port,
    is_alive,
    lock_home,
    stamp_of,
    start_clickhouse,
    start_postgres,
)
from siyu.kernel.settings import Loaded, Settings, Urls, effective, urls_of

NOTE = "engines.json"
IN_FORCE = "in_force.json"


class InForce(msgspec.Struct, frozen=True):
    """What a running house uses, for ``siyu config`` beside it: values as they may be shown, and where they came from."""

    house: Stamp
    values: dict[str, str]
    origin: dict[str, str]


def in_force(home: Path) -> InForce | None:
    """What the house that runs on this folder uses; ``None`` when nobody runs there, or it was killed."""
    try:
        left = msgspec.json.decode((home / IN_FORCE).read_bytes(), type=InForce)
    except (OSError, msgspec.DecodeError):
        return None
    return left if is_alive(left.house) else None


def _leave_in_force(loaded: Loaded) -> Path:
    path = Path(loaded.settings.home) / IN_FORCE
    house = stamp_of(os.getpid())
    assert house is not None, "who asks is running"
    values = {name: effective(loaded.settings, name) for name in loaded.origin}
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(InForce(house, values, loaded.origin)))
    return path


def run(loaded: Loaded, *, announce: Any = None, when_ready: Any = None) -> int:
    """Run everything until Ctrl-C; the exit status. ``when_ready(urls)`` is called once all of it answers.

    Raises ``EngineRefused`` in one sentence: port taken, data folder in use or not writable, a URL that leads nowhere.
    """
    settings = loaded.settings
    # The folder first: a siyu that runs on it is told as such, and not as a program that took the port.
    lock = lock_home(Path(settings.home))
    try:
        check_open(Path(settings.home))
        check_port(settings.port, "siyu", host=settings.host, patience_s=2)
    except EngineRefused:
        lock.release()
        raise
    told, noted = _leave_in_force(loaded), Programs(Path(settings.home))
    try:
        plan = _Plan(settings)
        children = [*plan.engines(), *plan.programs(when_ready)]
        told_by = announce or structlog.get_logger("siyu.up").info

        def tell(event: str, **facts: Any) -> None:
            noted.hear(event, **facts)
            told_by(event, **facts)

        return Supervisor(children, lock=lock, announce=tell).run()
    finally:
        noted.forget()
        (Path(settings.home) / NOTE).unlink(missing_ok=True)
        told.unlink(missing_ok=True)
        lock.release()


@contextmanager
def engines(settings: Settings, *, restoring: bool = False, bare: bool = False) -> Iterator[Urls]:
    """The engines' URLs for one command: external, of the ``siyu up`` that is running, or started for as long as needed.

    The schema is brought up to date when the engines had to be started; ``bare`` leaves it. Only who is ``restoring``
    gets at a house whose restore has not come to its end. Raises ``EngineRefused``.
    """
    home = Path(settings.home)
    if not restoring:
        check_open(home)
    if settings.database_url and settings.clickhouse_url:
        _reach(settings.database_url)
        yield urls_of(settings)
        return
    try:
        lock = lock_home(home)
    except EngineRefused:
        note = _read_note(home)
        if note is None:
            raise
        yield urls_of(settings, **note)
        return
    started: list[Any] = []
    try:
        owner = clickhouse = ""
        if not settings.database_url:
            started.append(start_postgres(home / "pg", version=settings.embedded_postgres))
            asyncio.run(_make_database(started[-1].url()))
            owner = started[-1].url("siyu")
        if not settings.clickhouse_url:
            started.append(start_clickhouse(home / "ch"))
            clickhouse = started[-1].url()
        urls = urls_of(settings, owner=owner, clickhouse=clickhouse)
        if not bare:
            asyncio.run(prepared.prepare(urls.owner, settings))
        yield urls
    finally:
        for one in reversed(started):
            one.stop()
        lock.release()


async def _make_database(superuser_url: str) -> None:
    connection = await asyncpg.connect(superuser_url)
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = 'siyu'"):
            await connection.execute("create database siyu")
    finally:
        await connection.close()


def _reach(url: str) -> None:
    async def ask() -> None:
        connection = await asyncpg.connect(url, timeout=5)
        await connection.close()

    try:
        asyncio.run(ask())
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise EngineRefused(
            f"SIYU_DATABASE_URL leads to no usable PostgreSQL: {type(error).__name__}: {error}"
        ) from None


def owner_here(home: Path) -> str:
    """The owner's URL of the embedded database that runs on this folder; empty when none does."""
    return (_read_note(home) or {}).get("owner", "")


def _read_note(home: Path) -> dict[str, str] | None:
    try:
        return json.loads((home / NOTE).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


class _Plan:
    """The children of ``siyu up``; ports are chosen once, so that an engine that dies comes back at its address."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._home = Path(settings.home)
        self._pg_port, self._ch_port = free_port(), free_port()
        self._urls = {"owner": "", "clickhouse": ""}
        self._environment: dict[str, str] = {}
        self._warehouse: RunningClickHouse | None = None

    @property
    def urls(self) -> Urls:
        return urls_of(self._settings, **self._urls)

    def engines(self) -> list[ChildSpec]:
        """ClickHouse comes up beside the others: who is served by the database alone need not wait for it."""
        children: list[ChildSpec] = []
        if self._settings.clickhouse_url:
            self._tell()
        else:
            children.append(
                ChildSpec(
                    name="clickhouse",
                    start=self._clickhouse,
                    ready=self._clickhouse_is_ready,
                    beside=True,
                    stop_within_s=15,
                )
            )
        if self._settings.database_url:
            _reach(self._settings.database_url)
            asyncio.run(prepared.prepare(self._settings.database_url, self._settings))
        else:
            children.append(
                ChildSpec(
                    name="postgres",
                    start=self._postgres,
                    after_first_ready=self._prepare,
                    stop_within_s=30,
                )
            )
        return children

    def programs(self, when_ready: Any) -> list[ChildSpec]:
        module = [sys.executable, "-m", "siyu"]
        probe = f"http://{self._settings.host}:{self._settings.port}/health/ready"
        return [
            ChildSpec(
                name="web",
                argv=[*module, "serve", "--under-up"],
                env=self._environment,
                ready=lambda: _answers(probe),
                stop_within_s=15,
            ),
            ChildSpec(
                name="worker",
                argv=[*module, "work", "--under-up"],
                env=self._environment,
                stop_within_s=20,
                after_first_ready=(lambda: when_ready(self.urls)) if when_ready else None,
            ),
        ]

    def _tell(self) -> None:
        """Fill in what the programs get (never the owner's URL) and leave a note for other commands."""
        urls = self.urls
        self._environment.update(os.environ)
        self._environment.pop("SIYU_DATABASE_URL", None)
        self._environment.update(
            SIYU_HOME=str(self._home),
            SIYU_PORT=str(self._settings.port),
            SIYU_HOST=self._settings.host,
            SIYU_PROFILE=self._settings.profile,
            SIYU_DATABASE_APP_URL=urls.app,
            SIYU_DATABASE_DISPATCHER_URL=urls.dispatcher,
            SIYU_CLICKHOUSE_URL=urls.clickhouse,
        )
        if not ((self._settings.database_url or self._urls["owner"]) and urls.clickhouse):
            return
        note = self._home / NOTE
        note.touch(mode=0o600)
        note.write_text(json.dumps(self._urls))

    def _postgres(self) -> Started:
        running = start_postgres(
            self._home / "pg", self._pg_port, version=self._settings.embedded_postgres
        )
        self._urls["owner"] = running.url("siyu")
        return running

    def _prepare(self) -> None:
        asyncio.run(_make_database(self._urls["owner"].rsplit("/", 1)[0] + "/postgres"))
        asyncio.run(prepared.prepare(self._urls["owner"], self._settings))
        self._tell()

    def _clickhouse(self) -> Started:
        running = begin_clickhouse(self._home / "ch", self._ch_port)
        self._warehouse = running
        self._urls["clickhouse"] = running.url()
        self._tell()
        return running

    def _clickhouse_is_ready(self) -> bool:
        return self._warehouse is not None and self._warehouse.is_ready()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 – our own loopback address
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
