"""A whole house in a temporary folder for the time of a bench: ``siyu up`` with its own engines, durable as ever."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

import siyu.app.wiring  # noqa: F401 - registers invariants and plugs modules into each other
from siyu.app.keys import open_keys
from siyu.app.up import NOTE
from siyu.kernel.db import Database
from siyu.kernel.engines import EngineRefused, free_port, host
from siyu.kernel.settings import Settings, Urls, urls_of

PROC = Path("/proc")
ROLES = (
    ("postgres", "postgres"),
    ("clickhouse_server", "clickhouse"),
    ("siyu serve", "web"),
    ("siyu work", "worker"),
)
_TICKS = os.sysconf("SC_CLK_TCK")


class Stack:
    """A running house: its address, doors to its engines, and what it uses."""

    def __init__(
        self, process: subprocess.Popen[bytes], port: int, urls: Urls, home: Path | None = None
    ) -> None:
        self.process, self.port, self.urls, self.home = process, port, urls, home
        self.database = Database(urls.app, urls.dispatcher)

    def use_keys(self) -> None:
        """Seal and open personal data with the house's own keys from now on, where its folder is known."""
        if self.home is not None:
            open_keys(Settings(home=self.home))

    def cpu(self) -> dict[str, float]:
        """CPU seconds used so far, by part of the house; empty elsewhere than on Linux."""
        used: dict[str, float] = {}
        for pid, role in self._parts().items():
            fields = (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
            used[role] = used.get(role, 0.0) + sum(int(ticks) for ticks in fields[11:15]) / _TICKS
        return used

    def memory_mb(self) -> dict[str, float]:
        """Proportional set size in MB by part of the house; pages that processes share count once."""
        sizes: dict[str, float] = {}
        for pid, role in self._parts().items():
            for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    sizes[role] = sizes.get(role, 0.0) + int(line.split()[1]) / 1024
        return sizes

    def kill(self) -> None:
        """``kill -9`` of every process of the house at once, and wait for the first one's end."""
        for pid in dict.fromkeys([self.process.pid, *self._parts()]):
            host.signalled(pid, signal.SIGKILL)
        self.process.wait(20)

    def _parts(self) -> dict[int, str]:
        """Living processes of the house by what they do, parents first."""
        if not PROC.exists():
            return {}
        parents: dict[int, int] = {}
        for entry in PROC.iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int(
                        (entry / "stat").read_text().rpartition(") ")[2].split()[1]
                    )
                except OSError:  # gone meanwhile
                    continue
        found = {self.process.pid: "supervisor"}
        fresh = [self.process.pid]
        while fresh:
            fresh = [pid for pid, parent in parents.items() if parent in fresh and pid not in found]
            for pid in fresh:
                told = (
                    (PROC / str(pid) / "cmdline")
                    .read_bytes()
                    .replace(b"\0", b" ")
                    .decode(errors="replace")
                )
                own = next((role for sign, role in ROLES if sign in told), "")
                found[pid] = own or found.get(parents[pid], "supervisor")
        return found

    async def settled(self, within_s: float = 60.0) -> bool:
        """Wait until the worker has heard everything; False when it did not in time."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            async with self.database.dispatcher() as connection:
                behind = await connection.fetchval(_BEHIND)
            if not behind:
                return True
            await asyncio.sleep(0.25)
        return False

    async def count(self, brand_id: UUID, sql: str, *values: Any) -> Any:
        """One value of a brand's rows."""
        async with self.database.raw(brand_id) as connection:
            return await connection.fetchval(sql, *values)

    async def get(self, host: str, path: str, **headers: str) -> httpx.Response:
        """One plain request, for preparing and checking."""
        return await self.ask("GET", host, path, **headers)

    async def ask(
        self, method: str, host: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        """One plain request with a JSON body."""
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            return await client.request(
                method,
                f"http://127.0.0.1:{self.port}{path}",
                json=body,
                headers={"host": host, **headers},
            )


_BEHIND = """
select exists (select from directory d where kind = 'brand'
               and not exists (select from event_cursors c where c.brand_id = d.brand_id))
    or exists (select from event_cursors c where lo < hi
               or exists (select from events e where e.brand_id = c.brand_id and e.seq > c.above and e.xid >= c.hi))
"""
"""A brand that the worker has never looked at, or events that a listener has not heard."""


@asynccontextmanager
async def house(profile: str = "production", home: Path | None = None) -> AsyncIterator[Stack]:
    """Start ``siyu up`` in a fresh folder on free ports, stop it and forget the folder at the end.

    A ``home`` that is given is opened as it is, and stays. Raises ``EngineRefused`` with its last words when it does not come up.
    """
    fresh = home is None
    folder = open_folder() if home is None else home.parent
    home, port, log = home or folder / "home", free_port(), folder / "up.log"
    environment = environment_of(home) | {"SIYU_PROFILE": profile}
    with log.open("wb") as output:
        process = host.spawn(  # a bench that is killed takes its house along
            [sys.executable, "-m", "siyu", "up", "--port", str(port)],
            env=environment,
            output=output,
        )
    try:
        await _until_ready(process, port, log)
        note = json.loads((home / NOTE).read_text())
        stack = Stack(process, port, urls_of(Settings(home=home), **note), home)
        await stack.database.open()
        try:
            yield stack
        finally:
            await stack.database.close()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.to_thread(process.wait, 60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)


def open_folder() -> Path:
    """A new temporary folder that the database's account may enter, too."""
    folder = Path(tempfile.mkdtemp(prefix="siyu-bench-"))
    folder.chmod(0o755)  # as root the database runs under another account
    return folder


def environment_of(home: Path) -> dict[str, str]:
    """The environment of a program on this home, without the settings of whoever measures."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIYU_")}
    return clean | {"SIYU_HOME": str(home), "SIYU_LOG_LEVEL": "warning"}


@asynccontextmanager
async def house_or(stack: Stack | None, profile: str = "production") -> AsyncIterator[Stack]:
    """The house that is given, or one of our own for as long as needed."""
    if stack is not None:
        yield stack
        return
    async with house(profile) as own:
        yield own


async def _until_ready(
    process: subprocess.Popen[bytes], port: int, log: Path, within_s: float = 180.0
) -> None:
    end = time.monotonic() + within_s
    async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
        while time.monotonic() < end:
            if process.poll() is not None:
                break
            try:
                if (await client.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)
    words = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise EngineRefused(
        f"The house for the bench did not come up: {' | '.join(words) or 'it said nothing'}"
    )
