"""Start the embedded ClickHouse endpoint as a process of its own and wait until it answers."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from siyu.kernel.engines import host
from siyu.kernel.engines.host import EngineRefused

ROOT = Path(__file__).resolve().parents[3]
"""The folder that holds the package, for ``python -m`` from anywhere."""
USER = "default"


@dataclass(kw_only=True)
class RunningClickHouse:
    """A ClickHouse endpoint that answers; leave its ``with`` block or call ``stop`` to end it."""

    data_dir: Path
    port: int
    key: str = field(repr=False)
    log_path: Path
    user: str = USER
    _process: subprocess.Popen[bytes] = field(repr=False)
    _begins_at: int = field(repr=False)

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def url(self, database: str = "default") -> str:
        """``http://user:key@host:port/database``, as ``SIYU_CLICKHOUSE_URL`` would say it."""
        return f"http://{self.user}:{quote(self.key, safe='')}@{host.LOOPBACK}:{self.port}/{quote(database, safe='')}"

    def poll(self) -> int | None:
        """None while it runs, else how it ended (negative: the signal)."""
        return self._process.poll()

    def is_ready(self) -> bool:
        """Whether it answers. Raises ``EngineRefused`` with the last line of its log when it has ended instead."""
        if self.poll() is None:
            return answers(self.port)
        with self.log_path.open("rb") as file:
            file.seek(self._begins_at)
            words = file.read().decode(errors="replace").strip().splitlines()
        last = words[-1] if words else "it said nothing"
        raise EngineRefused(f"The ClickHouse endpoint did not start: {last}")

    def ask_to_stop(self) -> None:
        """Let running statements end, then leave; do not wait for it."""
        self._process.send_signal(signal.SIGTERM)

    def stop(self, within_s: float = 15.0) -> None:
        """Let running statements end, then leave; killed past the bound. Again does nothing."""
        if self.poll() is None:
            self.ask_to_stop()
            try:
                self._process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it at once; acknowledged inserts are on disk."""
        self._process.kill()
        self._process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def clickhouse_command(data_dir: Path, port: int, key_file: Path) -> Sequence[str]:
    """The command line of the endpoint; needs ``PYTHONPATH`` to reach the package when it is not installed."""
    module = "siyu.kernel.engines.clickhouse_server"
    return [
        sys.executable,
        "-m",
        module,
        "--data",
        str(data_dir),
        "--port",
        str(port),
        "--key-file",
        str(key_file),
    ]


def start_clickhouse(
    data_dir: Path | str, port: int = 0, *, ready_within_s: float = 60.0
) -> RunningClickHouse:
    """Start the endpoint on this folder (made the first time) and answer when it does.

    Promises and refusals are those of ``begin_clickhouse``; it also refuses one that does not answer in time.
    """
    running = begin_clickhouse(data_dir, port)
    in_time = False
    try:
        in_time = host.wait_until(running.is_ready, ready_within_s)
    finally:
        if not in_time:
            running.stop(within_s=1.0)
    if not in_time:
        raise EngineRefused(
            f"The ClickHouse endpoint on {running.data_dir} does not answer in time: see {running.log_path}."
        )
    return running


def begin_clickhouse(data_dir: Path | str, port: int = 0) -> RunningClickHouse:
    """Start the endpoint on this folder and do not wait until it answers: ask ``is_ready``.

    ``port`` 0 takes a free one. Beside the data folder lie ``secrets/<name>.key`` (0600, made at random),
    ``logs/<name>.log`` and ``<name>.lock``. Raises ``EngineRefused`` when they cannot be written.
    """
    data_dir = Path(data_dir).absolute()
    key_file = data_dir.parent / "secrets" / f"{data_dir.name}.key"
    key = host.secret_in(key_file)
    log_path = data_dir.parent / "logs" / f"{data_dir.name}.log"
    chosen = port or host.free_port()
    try:
        log_path.parent.mkdir(mode=0o700, exist_ok=True)
        with log_path.open("ab") as output:
            begins_at = output.tell()
            process = host.spawn(
                clickhouse_command(data_dir, chosen, key_file),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))},
                output=output, umask=0o077,
            )  # fmt: skip
    except OSError as error:
        raise host.not_writable(log_path.parent, error) from error
    return RunningClickHouse(
        data_dir=data_dir, port=chosen, key=key, log_path=log_path, _process=process, _begins_at=begins_at
    )  # fmt: skip


def answers(port: int) -> bool:
    """Whether an endpoint on this loopback port answers ``/ping``; for use as readiness probe."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://{host.LOOPBACK}:{port}/ping", timeout=2) as answer:
            return answer.status == 200 and answer.read() == b"Ok.\n"
    except (OSError, urllib.error.URLError):
        return False
