"""Our own small supervisor of one PostgreSQL server, over the programs in a wheel."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import structlog

from siyu.kernel.engines import cluster as clusters
from siyu.kernel.engines import host
from siyu.kernel.engines.cluster import ARCHIVE_COMMAND, SUPERUSER, Cluster
from siyu.kernel.engines.host import EngineRefused, FolderLock, Stamp

log = structlog.get_logger("siyu.engines")

SETTINGS: dict[str, str] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "192MB",
    "max_connections": "120",
    "jit": "off",  # compiles for longer than our queries run
    "timezone": "UTC",
    "log_timezone": "UTC",
    "idle_in_transaction_session_timeout": "30s",  # an open transaction holds back every follower of the log
    "client_connection_check_interval": "10s",
    "max_wal_size": "2GB",
    "archive_mode": "on",
    "archive_command": ARCHIVE_COMMAND,
    "unix_socket_permissions": "0700",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
    "log_min_duration_statement": "2s",
    # Parameters, and DETAIL lines with whole rows, may hold personal data: they stay out of the log.
    "log_parameter_max_length": "0",
    "log_error_verbosity": "terse",
}
"""In force unless overridden; any may be overridden."""

TEST_SETTINGS: dict[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10min",
    "archive_mode": "off",
    "max_wal_size": "4GB",
    "log_min_duration_statement": "-1",
}

LOG_KEEPS = 20 * 1024 * 1024
SOCKET_PATH_MAX = 103
"""Bytes of a socket's path that all systems take (108 with the closing zero on Linux, 104 on macOS)."""


@dataclass(kw_only=True)
class Running:
    """A PostgreSQL server that accepts connections; leave its ``with`` block or call ``stop`` to end it."""

    data_dir: Path
    version: int
    port: int
    password: str = field(repr=False)
    socket_dir: Path
    """A folder for ``host=`` that reaches the unix socket; only we (and root) may enter it."""
    log_path: Path
    user: str = SUPERUSER
    _process: subprocess.Popen[bytes] = field(repr=False)
    _lock: FolderLock = field(repr=False)

    @property
    def pid(self) -> int:
        """The postmaster's process number."""
        return self._process.pid

    def url(
        self, database: str = "postgres", *, user: str | None = None, password: str | None = None
    ) -> str:
        """``postgresql://…`` over loopback TCP; the superuser unless another user is named with its password."""
        secret = self.password if user is None else password or ""
        return f"postgresql://{quote(user or self.user, safe='')}:{quote(secret, safe='')}@{host.LOOPBACK}:{self.port}/{quote(database, safe='')}"

    def poll(self) -> int | None:
        """None while it runs, else how it ended (negative: the signal)."""
        return self._process.poll()

    def stop(self, within_s: float = 30.0) -> None:
        """Fast shutdown: break off open transactions, write everything, leave. Again does nothing.

        Past the bound it becomes an immediate shutdown, which recovers from the log at the next start.
        """
        for number, patience_s in (
            (signal.SIGINT, within_s),
            (signal.SIGQUIT, 5.0),
            (signal.SIGKILL, 5.0),
        ):
            if self.poll() is None:
                self._process.send_signal(number)
                try:
                    self._process.wait(patience_s)
                except subprocess.TimeoutExpired:
                    continue
            break
        self._leave()

    def ask_to_stop(self) -> None:
        """Begin a fast shutdown and do not wait."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, without a checkpoint; acknowledged transactions are kept."""
        self.stop(within_s=0.0)

    def _leave(self) -> None:
        if self.socket_dir != self.data_dir:
            shutil.rmtree(self.socket_dir.parent, ignore_errors=True)
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_postgres(
    data_dir: Path | str,
    port: int = 0,
    version: int = 18,
    settings: Mapping[str, str] | None = None,
    *,
    test_mode: bool = False,
    ready_within_s: float = 300.0,
) -> Running:
    """Start PostgreSQL on this folder, making the cluster the first time, and answer when it accepts connections.

    ``port`` 0 takes a free one. ``settings`` override ``SETTINGS``. ``test_mode`` trades durability for speed
    (no fsync): never for data that matters. The bound is for recovery after a crash, which may take minutes.
    What an earlier, killed run left behind (processes, pid file) is cleared away first. Beside the data folder
    lie ``secrets/<name>.password`` (0600), ``logs/<name>.log`` and ``<name>.lock``.
    Raises ``EngineRefused``: folder in use, not writable or of another version; port taken; server did not start.
    """
    data_dir = Path(data_dir).absolute()
    data_dir = (
        data_dir.parent.resolve() / data_dir.name
        if not data_dir.is_symlink()
        else data_dir.resolve()
    )
    lock = FolderLock.take(
        data_dir.with_name(f"{data_dir.name}.lock"),
        f"The PostgreSQL data in {data_dir}",
        patience_s=host.LAST_BREATH_S,
    )
    try:
        _clear_away(data_dir, lock)
        if port:
            host.check_port(port, "PostgreSQL", patience_s=host.LAST_BREATH_S)
        cluster = clusters.prepare(data_dir, version, quick=test_mode)
        in_force = SETTINGS | (TEST_SETTINGS if test_mode else {}) | dict(settings or {})
        return _start(cluster, port, in_force, lock, ready_within_s)
    except BaseException:
        lock.release()
        raise


def _start(
    cluster: Cluster, port: int, settings: Mapping[str, str], lock: FolderLock, within_s: float
) -> Running:
    """Start until it runs: a dying predecessor or a port lost to somebody else is worth another attempt."""
    log_path = _log_file(cluster.data_dir)
    end = time.monotonic() + within_s
    attempt = 0
    while True:
        attempt += 1
        chosen = port or host.free_port()
        begins_at = log_path.stat().st_size if log_path.exists() else 0
        with log_path.open("ab") as output:
            process = host.spawn(
                _command(cluster, chosen, settings), env=clusters.ENVIRONMENT, cwd=cluster.data_dir, output=output,
                account=cluster.account, death_signal=signal.SIGINT,
            )  # fmt: skip
        stamp = host.stamp_of(process.pid)
        lock.note(postmaster=process.pid, began=stamp.began if stamp else "")
        with _ended_when_it_fails(process):
            if _becomes_ready(process, chosen, cluster, end):
                return Running(
                    data_dir=cluster.data_dir, version=cluster.version, port=chosen, password=cluster.password,
                    socket_dir=_socket_dir(cluster.data_dir), log_path=log_path, _process=process, _lock=lock,
                )  # fmt: skip
            why = _last_words(log_path, begins_at)
            if attempt >= 5 or time.monotonic() >= end or not _passing(why, any_port=not port):
                raise EngineRefused(
                    f"PostgreSQL did not start on {cluster.data_dir}: {why} (log: {log_path})"
                )
        log.warning("postgres_start_again", why=why, attempt=attempt)
        time.sleep(0.3 * attempt)
        _clear_away(cluster.data_dir, lock)


@contextmanager
def _ended_when_it_fails(process: subprocess.Popen[bytes]) -> Generator[None]:
    """Leave no server behind when the caller is not going to get it, Ctrl-C included."""
    try:
        yield
    except BaseException:
        process.send_signal(signal.SIGQUIT)
        process.wait(10)
        raise


def _passing(why: str, *, any_port: bool) -> bool:
    """Whether the reason for not starting goes away by itself or by another choice of port."""
    taken = "could not create any TCP/IP sockets" in why or "Address already in use" in why
    return "shared memory" in why or "lock file" in why or (any_port and taken)


def _command(cluster: Cluster, port: int, settings: Mapping[str, str]) -> list[str]:
    fixed = {
        "listen_addresses": host.LOOPBACK,
        "port": str(port),
        "unix_socket_directories": ".",
    }  # "." = data folder, of any length
    chosen = [
        part for name, value in {**settings, **fixed}.items() for part in ("-c", f"{name}={value}")
    ]
    return [str(cluster.programs / "postgres"), "-D", cluster.data_argument, *chosen]


def _becomes_ready(
    process: subprocess.Popen[bytes], port: int, cluster: Cluster, end: float
) -> bool:
    """Wait until the superuser can sign in over TCP; False when the server ended instead."""
    import psycopg  # noqa: PLC0415  # 10 MB that the other processes of this package do without

    while process.poll() is None:
        try:
            psycopg.connect(
                host=host.LOOPBACK, port=port, user=SUPERUSER, password=cluster.password, dbname="postgres",
                connect_timeout=5, sslmode="disable", gssencmode="disable",
            ).close()  # fmt: skip
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise EngineRefused(
                    f"The password in {cluster.password_file} is not that of the data in {cluster.data_dir}: "
                    "put the right file there, or delete it and a new password is set."
                ) from error
            if time.monotonic() > end:
                raise EngineRefused(
                    f"PostgreSQL on {cluster.data_dir} is not ready in time: {str(error).strip()}"
                ) from error
            time.sleep(0.02)
        else:
            return process.poll() is None
    return False


def _log_file(data_dir: Path) -> Path:
    """The server's log; a large one is put aside at the start, so that at most two are kept."""
    path = data_dir.parent / "logs" / f"{data_dir.name}.log"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if path.exists() and path.stat().st_size > LOG_KEEPS:
            path.replace(path.with_suffix(".log.1"))
    except OSError as error:
        raise host.not_writable(path.parent, error) from error
    return path


def _last_words(log_path: Path, begins_at: int) -> str:
    """Why the server ended: its last fatal line, else its last line."""
    with log_path.open("rb") as file:
        file.seek(begins_at)
        lines = file.read().decode(errors="replace").strip().splitlines()
    lines = [
        line for line in lines if "the database system is" not in line
    ]  # answers to our own knocking
    telling = (
        [line for line in lines if re.search(r"(FATAL|PANIC|leash):", line)]
        or lines
        or ["it said nothing"]
    )
    return re.sub(r"^.*?(FATAL|PANIC):\s*", "", telling[-1])


def _socket_dir(data_dir: Path) -> Path:
    """The data folder, or a short private link to it where a socket's path would be too long for the system."""
    if len(os.fsencode(data_dir / ".s.PGSQL.65535")) <= SOCKET_PATH_MAX:
        return data_dir
    link = Path(tempfile.mkdtemp(prefix="siyu-pg-")) / "s"
    link.symlink_to(data_dir)
    return link


def _clear_away(data_dir: Path, lock: FolderLock) -> None:
    """End what is left of an earlier run in this folder. The lock proves that nobody looks after it any more.

    Raises ``EngineRefused`` for a living server that was not started by us.
    """
    at_work = _at_work(data_dir)
    if not at_work:
        _forget_traces(data_dir)
        return
    ours = Stamp(int(lock.previous.get("postmaster", 0)), str(lock.previous.get("began", "")))
    master = _postmaster(data_dir)
    foreign = master in at_work and not (host.is_alive(ours) and ours.pid == master)
    if foreign and not host.wait_until(
        lambda: master not in _at_work(data_dir), host.LAST_BREATH_S
    ):
        raise EngineRefused(
            f"The PostgreSQL data in {data_dir} is in use by a server that siyu did not start "
            f"(process {master}): stop that server first, or choose another folder."
        )
    log.info("postgres_clearing_away", data_dir=str(data_dir), processes=len(at_work))
    for number, patience_s in (
        (signal.SIGINT, 30.0),
        (signal.SIGQUIT, 5.0),
        (signal.SIGKILL, 10.0),
    ):
        left = _at_work(data_dir)
        if master in left:
            host.signalled(master, number)
        elif number != signal.SIGINT:  # back ends without a postmaster first get a moment to leave
            for pid in left:
                host.signalled(pid, number)
        if host.wait_until(lambda: not _at_work(data_dir), patience_s if master in left else 1.0):
            break
    if not _at_work(data_dir):
        _forget_traces(data_dir)


def _forget_traces(data_dir: Path) -> None:
    """Remove the pid file and sockets of a dead server: its number may be somebody else's by now.

    Elsewhere than on Linux nobody has looked at all processes, so PostgreSQL judges the files itself.
    """
    if sys.platform == "linux":
        (data_dir / "postmaster.pid").unlink(missing_ok=True)
        for trace in data_dir.glob(".s.PGSQL.*"):
            trace.unlink(missing_ok=True)


def _postmaster(data_dir: Path) -> int:
    """The number in ``postmaster.pid``; 0 when there is none."""
    try:
        return int((data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0


def _at_work(data_dir: Path) -> set[int]:
    """Living PostgreSQL processes whose working folder is this data folder (elsewhere than Linux: the postmaster)."""
    if sys.platform != "linux":
        master = _postmaster(data_dir)
        told = (
            subprocess.run(
                ["/bin/ps", "-o", "comm=", "-p", str(master)],
                capture_output=True,
                text=True,
                check=False,
            )
            if master
            else None
        )
        return {master} if told and "postgres" in told.stdout else set()
    found: set[int] = set()
    for entry in host.PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "cwd").readlink() == data_dir and (
                entry / "exe"
            ).readlink().name.startswith("postgres"):
                found.add(int(entry.name))
        except OSError:  # gone meanwhile, or another user's
            continue
    return {pid for pid in found if host.stamp_of(pid)}
