"""What all engines need of the machine: processes that are who they claim to be, locks, ports, secret files."""

import contextlib
import errno
import fcntl
import json
import os
import queue
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

LOOPBACK = "127.0.0.1"
LEASH = Path(__file__).with_name("leash.py")
PROC = Path("/proc")
LOWEST_PORT = 20_000
LAST_BREATH_S = 2.0
"""How long a lock is waited for: a killed holder needs a moment to be gone."""


class EngineRefused(Exception):
    """An engine or the supervisor cannot do what was asked; the message says why and what to do.

    Print ``str(error)`` to the person and leave; a traceback helps nobody here.
    """


@dataclass(frozen=True)
class Account:
    """The user an engine runs as, when that is not ourselves."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True)
class Stamp:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    began: str
    """Boot and start time as the system writes them; only good for comparing."""


@cache
def _boot() -> str:
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return ""


def _linux_stat(pid: int) -> list[str] | None:
    """Fields of ``/proc/PID/stat`` from the state on (proc(5)); None when there is no such process."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return None


def stamp_of(pid: int) -> Stamp | None:
    """Who runs under this number now; None when nobody does. A zombie is nobody."""
    if sys.platform == "linux":
        fields = _linux_stat(pid)
        return (
            None if fields is None or fields[0] in "ZX" else Stamp(pid, f"{_boot()}:{fields[19]}")
        )
    told = subprocess.run(
        ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, began = told.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else Stamp(pid, began.strip())


def is_alive(stamp: Stamp) -> bool:
    """Whether exactly this process still runs."""
    return stamp_of(stamp.pid) == stamp


def group_lives(group: int) -> bool:
    """Whether any process of this process group still runs; zombies do not count."""
    if sys.platform != "linux":
        return signalled(group, 0, group=True)
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _linux_stat(int(entry.name))
            if fields and fields[2] == str(group) and fields[0] not in "ZX":
                return True
    return False


def signalled(pid: int, number: int, *, group: bool = False) -> bool:
    """Send a signal to a process or to its whole group; False when nobody is there any more."""
    try:
        (os.killpg if group else os.kill)(pid, number)
    except (
        ProcessLookupError,
        PermissionError,
    ):  # macOS says «not permitted» for a group of zombies
        return False
    return True


def wait_until(condition: Callable[[], bool], within_s: float, pause_s: float = 0.03) -> bool:
    """Whether the condition came true within the time; asks at least once."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(pause_s)
    return True


class _Spawner(threading.Thread):
    """The thread that starts all children.

    The parent-death signal follows the *thread* that forked (prctl(2)), so a child started from a short-lived
    worker thread would be stopped with it. This one lives as long as the process.
    """

    def __init__(self) -> None:
        super().__init__(name="siyu-spawner", daemon=True)
        self.pid = os.getpid()
        self.wanted: queue.SimpleQueue[
            tuple[Callable[[], subprocess.Popen[bytes]], queue.SimpleQueue[Any]]
        ] = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            start, answer = self.wanted.get()
            try:
                answer.put(start())
            except BaseException as error:  # noqa: BLE001 - without this thread every later child is waited for in vain
                answer.put(error)


_spawner: _Spawner | None = None
_spawner_guard = threading.Lock()


def spawn(
    program: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    output: IO[bytes] | None = None,
    account: Account | None = None,
    death_signal: int = signal.SIGTERM,
    umask: int = 0o077,
) -> subprocess.Popen[bytes]:
    """Start a program in its own session; when this process dies in any way, it gets ``death_signal`` (Linux).

    ``program[0]`` is an absolute path; ``output`` takes both streams (None = ours). Callable from any thread.
    """
    global _spawner
    with _spawner_guard:
        if _spawner is None or _spawner.pid != os.getpid():  # a forked copy has no threads
            _spawner = _Spawner()
            _spawner.start()
        spawner = _spawner
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    leash = [
        sys.executable,
        "-I",
        "-S",
        str(LEASH),
        *(str(n) for n in (os.getpid(), int(death_signal), uid, gid)),
    ]
    answer: queue.SimpleQueue[subprocess.Popen[bytes] | BaseException] = queue.SimpleQueue()

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*leash, *program], env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output,
            stderr=None if output is None else subprocess.STDOUT, start_new_session=True, umask=umask,
        )  # fmt: skip

    spawner.wanted.put((start, answer))
    process = answer.get()
    if isinstance(process, BaseException):
        raise process
    return process


def free_port() -> int:
    """A TCP port on loopback that nobody uses at this moment, and no outgoing connection takes later.

    Of the ports that the system gives to outgoing connections, one may be gone when its server starts again; and a
    client that knocks there meanwhile may be given the very same port, reach itself, and keep it.
    """
    for _ in range(100):
        port = LOWEST_PORT + secrets.randbelow(max(_first_outgoing() - LOWEST_PORT, 1))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _first_outgoing() -> int:
    """Where the ports of outgoing connections begin; 32768 is Linux's own choice, and others begin above it."""
    try:
        return int((PROC / "sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32768


def check_port(port: int, what: str, *, host: str = LOOPBACK, patience_s: float = 0.0) -> None:
    """Prove by binding that a port can be had; patience is for a predecessor that is still leaving.

    Raises ``EngineRefused`` in one sentence.
    """
    end = time.monotonic() + patience_s
    while True:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # connections in TIME_WAIT do no harm
            try:
                probe.bind((host, port))
                return
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    why = error.strerror or str(error)
                    raise EngineRefused(
                        f"{what} cannot listen on {host}:{port} ({why}): choose another address."
                    ) from error
        if time.monotonic() >= end:
            raise EngineRefused(
                f"Port {port} for {what} is taken by another program: stop that program or choose another port."
            )
        time.sleep(0.1)


class FolderLock:
    """A lock file held by one living process; the system frees it however that process dies.

    The file also carries a note of the holder (JSON), so that a successor knows what to clear away. It is never
    deleted: deleting lock files is a race.
    """

    def __init__(self, path: Path, file: int, previous: dict[str, Any]) -> None:
        self.path = path
        self.previous = previous
        """The note of the last holder, ``{}`` when there is none."""
        self._file = file

    @classmethod
    def take(cls, path: Path, what: str, *, patience_s: float = 0.0) -> "FolderLock":
        """Take the lock at ``path``, making its folder. ``what`` begins the sentence of the refusal.

        Raises ``EngineRefused`` when another process (or this one, a second time) holds it or the folder cannot
        be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise not_writable(path.parent, error) from error
        end = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return cls(path, file, _note_in(file))
            except BlockingIOError:
                if time.monotonic() < end:
                    time.sleep(0.05)
                    continue
                holder = _note_in(file).get("holder", "unknown")
                os.close(file)
                raise EngineRefused(
                    f"{what} is in use by a running siyu (process {holder}): stop it first, or choose another folder."
                ) from None
            except OSError as error:
                os.close(file)
                raise EngineRefused(
                    f"{path.parent} cannot be locked ({error.strerror}): put it on a local disk."
                ) from error

    def note(self, **facts: Any) -> None:
        """Leave these facts for a successor, replacing earlier ones; our process number is added."""
        text = json.dumps({"holder": os.getpid(), **facts}).encode()
        os.pwrite(self._file, text, 0)
        os.ftruncate(self._file, len(text))

    def release(self) -> None:
        """Give the lock back; again does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _note_in(file: int) -> dict[str, Any]:
    try:
        note = json.loads(os.pread(file, 1 << 20, 0) or b"{}")
    except ValueError:  # its writer was killed half-way
        return {}
    return note if isinstance(note, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def not_writable(folder: Path, error: OSError) -> EngineRefused:
    """The refusal for a folder that cannot be written, with the system's reason."""
    return EngineRefused(
        f"{folder} cannot be written ({error.strerror or error}): "
        "make it writable for this user, start siyu as its owner, or choose another folder."
    )


def secret_in(path: Path) -> str:
    """The secret kept in this file, made at random (256 bits) when there is none; the file is ours alone (0600).

    Raises ``EngineRefused`` when it cannot be read or written, or when others may read it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            if path.stat().st_mode & 0o077:
                raise EngineRefused(
                    f"The secret {path} can be read by others: run chmod 600 on it and start again."
                )
            kept = path.read_text().strip()
            if kept:
                return kept
        fresh = secrets.token_urlsafe(32)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(handle, fresh.encode() + b"\n")
        os.fsync(handle)
        os.close(handle)
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise not_writable(path.parent, error) from error
    return fresh


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
