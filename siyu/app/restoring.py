"""Bringing a house back: the base, then the log up to the moment, then what lies beside, then the steps before doors open."""

import asyncio
import shutil
import subprocess
import tarfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import asyncpg
import msgspec

from siyu.app import prepared, up
from siyu.app.backup import archiving, content
from siyu.app.backup.folder import KEY, PIECE, Base, Damaged, Folder, NoBackups
from siyu.app.backup.taking import NotTaken, Say, door, dump_programs, keys_of, with_password
from siyu.app.opening import Restored, before_doors_open, shut
from siyu.insight.warehouse import Warehouse, prepare
from siyu.kernel.db import APP, DISPATCHER
from siyu.kernel.engines import EngineRefused, give_to_server, lock_home, start_postgres
from siyu.kernel.errors import Refusal
from siyu.kernel.roles import bootstrap_roles
from siyu.kernel.settings import Settings, Urls, role_password

AHEAD = 8
"""Segments that are unsealed before the server asks for them."""
_IN = "pg_wal/siyu_in"
_FETCH = (
    f"touch {_IN}/want.%f; until test -f {_IN}/%f -o -f {_IN}/none.%f; do sleep 0.02; done; "
    f"rm -f {_IN}/want.%f; test -f {_IN}/%f && mv {_IN}/%f %p"
)
"""PostgreSQL asks for a segment and waits; whoever restores, and alone has the key, lays it down."""
BROUGHT, PLACES = ("siyu.toml", "keys", "backups", "lock"), ("pg", "ch", "files", "secrets", "logs")
"""What may lie in a new folder beforehand: settings, keys, the backups themselves; and, empty, places for disks."""
_NOT_REACHED = "recovery ended before configured recovery target was reached"


class HomeInUse(Refusal):
    """The folder to restore into holds a house, or anything else; ``facts``: home, found."""

    code = "backup.home_in_use"
    detail = "This folder is not empty, and a restore overwrites nothing. Name a new or an empty folder with --into."


class TooEarly(Refusal):
    """No kept backup was finished by then; ``facts``: at, earliest."""

    code = "backup.too_early"
    status = 422
    detail = "The kept backups do not go back that far. Choose a later moment."


class NotCovered(Refusal):
    """The log in the backups does not reach the moment; ``facts``: at, covered_until."""

    code = "backup.not_covered"
    status = 422
    detail = "The backups do not reach that moment. Choose an earlier one, or leave --at out for the newest there is."


class Report(msgspec.Struct, frozen=True):
    """What was brought back, and how long that took in seconds."""

    home: str
    base: str
    at: datetime | None
    until: datetime | None
    """Every commit up to here is there; ``None`` when the newest was asked for and nobody said how new that is."""
    files: int
    steps: list[str]
    seconds: float
    spent: dict[str, float]
    """Seconds of each part, in order: base, log or dump, files, engines, schema, behaviour, sales, each step before doors open."""


class _Laps:
    """Seconds by part of the work, in the order in which the parts ended."""

    def __init__(self) -> None:
        self.began = self._last = time.monotonic()
        self.spent: dict[str, float] = {}

    def ends(self, part: str) -> None:
        now = time.monotonic()
        self.spent[part] = round(self.spent.get(part, 0.0) + now - self._last, 2)
        self._last = now

    def told(self, spent: dict[str, float]) -> None:
        """Parts that were timed by whoever did them, until now."""
        self.spent |= spent
        self._last = time.monotonic()


def chosen(bases: list[Base], at: datetime | None) -> Base:
    """The newest backup (of those oldest first) that was finished by then. Raises ``NoBackups``, ``TooEarly``."""
    if not bases:
        raise NoBackups
    fit = [base for base in bases if at is None or base.finished_at <= at]
    if not fit:
        raise TooEarly(at=str(at), earliest=str(bases[0].finished_at))
    return fit[-1]


def restore(
    settings: Settings, source: Path, keys: Path, at: datetime | None, say: Say = lambda *_: None
) -> Report:
    """Bring the house of ``source`` back into ``settings.home``, which holds none, as it was at a moment.

    ``at`` is aware; ``None`` means the newest there is. Raises ``HomeInUse``, ``NoBackups``, ``NoKey``, ``WrongKey``,
    ``Damaged``, ``TooEarly``, ``NotCovered`` and ``EngineRefused``; whatever is raised, nobody can start what is left.
    """
    laps, home = _Laps(), settings.home
    _refuse_anything_else(home)
    folder = Folder.open(source, keys)
    base = chosen(folder.bases(), at)
    if base.kind == "physical":
        settings = _with_engines_of_its_own(settings, base)
    until = _reach(folder, base, at)
    lock = lock_home(home)
    try:
        _refuse_anything_else(home)
        shut(home)
        _take_keys_along(keys, keys_of(home))
        _put_secrets_back(folder, base, home)
        if base.kind == "physical":
            _put_base_back(folder, base, home / "pg", say)
            laps.ends("base")
            _replay_log(folder, base, home / "pg", at)
            laps.ends("log")
    finally:
        lock.release()
    say("files", 0, None)
    state = content.state_at(folder, at)
    files = content.put_files_back(folder, state, home / "files")
    laps.ends("files")
    if base.kind == "dump":
        with up.engines(settings, restoring=True, bare=True) as urls:
            asyncio.run(_make_roles(urls.owner))
            _load_dump(folder, base, urls, say)
        laps.ends("dump")
    with up.engines(settings, restoring=True) as urls:
        laps.ends("engines")
        steps = asyncio.run(_last_steps(settings, urls, folder, state, at, say, laps))
    laps.ends("engines")
    seconds = round(time.monotonic() - laps.began, 1)
    return Report(str(home), base.id, at, until, files, steps, seconds, laps.spent)


def _reach(folder: Folder, base: Base, at: datetime | None) -> datetime | None:
    """Until when this base and its log go. Raises ``NotCovered`` when that is too early, ``Damaged`` for a gap."""
    if base.kind == "dump":
        return base.finished_at
    # For an earlier moment the end of the log may be missing: whether it was needed shows while it is replayed.
    archiving.segments(
        folder, base.chain, base.wal_from, "" if at else archiving.reach_of(folder, base)
    )
    covered = archiving.covered_until(folder, base.chain)
    covered = max(covered, base.finished_at) if covered else base.finished_at
    if at is None:
        return covered
    if at > covered:
        raise NotCovered(at=str(at), covered_until=str(covered))
    return at


def _with_engines_of_its_own(settings: Settings, base: Base) -> Settings:
    """A physical base is read by an embedded engine of its version only."""
    return msgspec.structs.replace(
        settings, embedded_postgres=base.postgres, database_url="", database_app_url="", database_dispatcher_url="",
        clickhouse_url="",
    )  # fmt: skip


def _refuse_anything_else(home: Path) -> None:
    """Only a new folder, or one that holds no more than what a restore goes by, or empty places for disks."""
    for place in sorted(home.iterdir()) if home.is_dir() else ():
        empty = place.is_dir() and not place.is_symlink() and not any(place.iterdir())
        if place.name not in BROUGHT and not (empty and place.name in PLACES):
            raise HomeInUse(home=str(home), found=place.name)


def _take_keys_along(keys: Path, target: Path) -> None:
    """The new house goes on with the old one's keys; those it has already stay."""
    if keys.resolve() == target.resolve():
        return
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in sorted(keys.iterdir()):
        if path.is_file() and not (target / path.name).exists():
            (target / path.name).touch(mode=0o600)
            (target / path.name).write_bytes(path.read_bytes())
    assert (target / KEY).exists(), "the backups were opened with it"


def _put_secrets_back(folder: Folder, base: Base, home: Path) -> None:
    (home / "secrets").mkdir(mode=0o700)
    name = f"bases/{base.id}/secrets"
    with folder.reading(name) as stream, _untarred(folder, name, stream) as tar:
        for member in tar:
            tar.extract(member, home / "secrets", filter="data")
    for path in (home / "secrets").iterdir():
        path.chmod(0o600)


def _put_base_back(folder: Folder, base: Base, data_dir: Path, say: Say) -> None:
    """Unpack the cluster as it was copied; it is not consistent yet."""
    name, done = f"bases/{base.id}/base", 0
    data_dir.mkdir(mode=0o700)
    with folder.reading(name) as stream, _untarred(folder, name, stream) as tar:
        for member in tar:
            tar.extract(member, data_dir, filter="data")
            done += member.size
            say("database", done, None)


def _replay_log(folder: Folder, base: Base, data_dir: Path, at: datetime | None) -> None:
    """Let PostgreSQL replay the log up to the moment; it is stopped again afterwards."""
    (data_dir / "recovery.signal").touch()
    handed = data_dir / _IN
    shutil.rmtree(handed, ignore_errors=True)
    handed.mkdir(parents=True)
    recovery = {
        "restore_command": _FETCH, "hot_standby": "off", "recovery_target_timeline": "current",
        "recovery_target_action": "promote", "archive_mode": "off",
    }  # fmt: skip
    target = {"recovery_target_time": at.astimezone(UTC).isoformat(sep=" ")} if at else {}
    with _Feeder(folder, base, data_dir) as feeder:
        try:
            _replay(data_dir, base, recovery | target)
        except EngineRefused as refused:
            if feeder.failure is None and _NOT_REACHED in str(refused):
                # Everything up to the moment is here, then: nothing was committed since.
                reach = archiving.reach_of(folder, base)
                archiving.segments(folder, base.chain, base.wal_from, reach)
                feeder.again()
                _replay(data_dir, base, recovery)
            elif feeder.failure is None:
                raise
        if feeder.failure is not None:
            raise feeder.failure
    shutil.rmtree(handed)


def _replay(data_dir: Path, base: Base, settings: dict[str, str]) -> None:
    with start_postgres(
        data_dir, version=base.postgres, settings=settings, ready_within_s=24 * 3600
    ):
        pass  # it accepts connections once it has come to the target and opened for writing


class _Feeder(threading.Thread):
    """Lays segments down, unsealed, as the recovering server asks for them, a few ahead of it."""

    def __init__(self, folder: Folder, base: Base, data_dir: Path) -> None:
        super().__init__(name="siyu-feeder", daemon=True)
        self._folder, self._chain, self._data_dir = folder, base.chain, data_dir
        self._handed = data_dir / _IN
        self._all = archiving.segments(folder, base.chain, base.wal_from)
        self._over = threading.Event()
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        for path in (self._handed, self._data_dir):
            give_to_server(path, self._data_dir)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(30)

    def again(self) -> None:
        """Forget what was asked for: another server begins."""
        for path in self._handed.iterdir():
            path.unlink()

    def run(self) -> None:
        while not self._over.wait(0.01):
            for path in self._handed.glob("want.*"):
                wanted = path.name.removeprefix("want.")
                try:
                    self._hand(wanted)
                except (Refusal, OSError) as failure:
                    self.failure = failure
                    (self._handed / f"none.{wanted}").touch()

    def _hand(self, wanted: str) -> None:
        if wanted not in self._all:
            (self._handed / f"none.{wanted}").touch()
            return
        at = self._all.index(wanted)
        for name in self._all[at : at + AHEAD]:
            target = self._handed / name
            if target.exists() or (name != wanted and self._over.is_set()):
                continue
            draft = self._handed / f".{name}"
            draft.write_bytes(self._folder.get(f"wal/{self._chain}/{name}"))
            give_to_server(draft, self._data_dir)
            draft.rename(target)


async def _make_roles(owner: str) -> None:
    """The runtime roles are the server's and not the database's, so no dump brings them. Raises ``HomeInUse``."""
    connection = await asyncpg.connect(owner)
    try:
        if await connection.fetchval("select to_regclass('public.alembic_version')"):
            raise HomeInUse(home=urlsplit(owner).path.strip("/"))
    finally:
        await connection.close()
    await bootstrap_roles(owner, {role: role_password(owner, role) for role in (APP, DISPATCHER)})


async def _major(owner: str) -> int:
    connection = await asyncpg.connect(owner)
    try:
        return int(await connection.fetchval("show server_version_num")) // 10_000
    finally:
        await connection.close()


def _load_dump(folder: Folder, base: Base, urls: Urls, say: Say) -> None:
    """Load a dump into the empty database of engines that were started for it. Raises ``NotTaken``."""
    command = [
        str(dump_programs(asyncio.run(_major(urls.owner))) / "pg_restore"),
        *door(urls.owner),
        "--exit-on-error",
        "--no-owner",
    ]
    done = 0
    with (
        folder.reading(f"bases/{base.id}/dump") as source,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=with_password(urls.owner)
        ) as running,
    ):
        assert running.stdin is not None and running.stderr is not None
        try:
            while piece := source.read(PIECE):
                running.stdin.write(piece)
                done += len(piece)
                say("database", done, None)
            running.stdin.close()
        except BrokenPipeError:
            pass
        except BaseException:
            running.kill()
            raise
        words = running.stderr.read().decode(errors="replace")
    if running.returncode:
        raise NotTaken(says=words[-400:].strip())


async def _last_steps(
    settings: Settings, urls: Urls, folder: Folder, state: content.State, at: datetime | None, say: Say, laps: _Laps
) -> list[str]:  # fmt: skip
    """Behaviour and sales come back, then the steps before doors open; their names."""
    await prepared.prepare(urls.owner, settings)
    laps.ends("schema")
    say("behaviour", 0, None)
    warehouse = Warehouse(urls.clickhouse)
    try:
        await prepare(warehouse)
        await content.put_behaviour_back(folder, state, warehouse, at)
    finally:
        await warehouse.close()
    laps.ends("behaviour")
    say("sales", 0, None)
    await _project_sales(settings, urls)
    laps.ends("sales")
    steps = await before_doors_open(Restored(settings, urls, at))
    laps.told(steps)
    return list(steps)


async def _project_sales(settings: Settings, urls: Urls) -> None:
    """Sales of every brand anew from the log, archived stretches included."""
    from siyu.app.runtime import Runtime
    from siyu.insight.warehouse import rebuild

    runtime = Runtime(settings, urls, pool=4)
    await runtime.open()
    try:
        async with runtime.database.dispatcher() as connection:
            brands = await connection.fetch("select brand_id from directory where kind = 'slug'")
        for row in brands:
            await rebuild(
                runtime.database, runtime.parts["warehouse"], row["brand_id"], runtime.files
            )
    finally:
        await runtime.close()


def _untarred(folder: Folder, name: str, stream: object) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=stream, mode="r|")  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownVariableType]
    except tarfile.TarError:
        raise Damaged(file=str(folder.path / name)) from None
