"""Programs of siyu as an operator starts them by hand: ``siyu serve`` and ``siyu work`` on one pair of URLs."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench.stack import Stack
from siyu.kernel.engines import free_port, host
from siyu.kernel.settings import Urls
from tests.crash.house import ROOT, SOON_S, environment

SECONDS = 10.0
"""What is promised: within it somebody else carries on."""


class Program:
    """One process of siyu; killed, frozen and thawed by its number."""

    def __init__(self, what: str, home: Path, log: Path, *, port: int = 0, **settings: str) -> None:
        self.what, self.home, self.log, self.settings = what, home, log, settings
        self.port = (port or free_port()) if what == "serve" else 0
        self.process: subprocess.Popen[bytes] = None  # type: ignore[assignment]

    async def start(self) -> None:
        """Start it and wait until it is at work."""
        port = ["--port", str(self.port)] if self.port else []
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "siyu", self.what, "--under-up", *port], cwd=ROOT,
                env=environment(self.home, **self.settings), stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + SOON_S
        while not await self.is_ready():
            assert self.process.poll() is None and time.monotonic() < end, self.said()
            await asyncio.sleep(0.1)

    async def is_ready(self) -> bool:
        """Whether a web process answers; a worker is ready once it listens for news."""
        if not self.port:
            return bool(await self.backends("application_name = 'siyu news'"))
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{self.port}/health/ready")
            except httpx.HTTPError:
                return False
        return answer.status_code == 200

    async def backends(self, condition: str = "true") -> list[int]:
        """Processes of the database server that serve this program, its children included."""
        connection = await asyncpg.connect(self.settings["SIYU_DATABASE_URL"])
        try:
            rows = await connection.fetch(
                f"select pid, client_port from pg_stat_activity where datname = current_database() and {condition}"
            )
        finally:
            await connection.close()
        mine = self.sockets()
        return [row["pid"] for row in rows if row["client_port"] in mine]

    def sockets(self) -> set[int]:
        """Local ports of the connections that this program and its children hold."""
        inodes: set[str] = set()
        for pid in self._family():
            for entry in (host.PROC / str(pid) / "fd").iterdir():
                try:
                    inodes.add(entry.readlink().name)
                except OSError:
                    continue
        found: set[int] = set()
        for line in (host.PROC / "net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if f"socket:[{fields[9]}]" in inodes:
                found.add(int(fields[1].rpartition(":")[2], 16))
        return found

    def _family(self) -> list[int]:
        """The process and its children: all of its session."""
        found: list[int] = []
        for entry in host.PROC.iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(") ")[2].split()
                except OSError:
                    continue
                if int(fields[3]) == self.process.pid and fields[0] != "Z":
                    found.append(int(entry.name))
        return found

    def signal(self, number: int) -> None:
        """Send a signal to all its processes."""
        for pid in self._family():
            host.signalled(pid, number)

    def kill(self) -> None:
        """``kill -9`` of all its processes."""
        self.signal(signal.SIGKILL)
        self.process.wait(20)

    async def stop(self) -> int:
        """SIGTERM to the first process, as systemd does; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, 60)

    def said(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-3000:]


class TwoWebs(Stack):
    """What a bench knows of a house, with two web processes in front."""

    def __init__(self, webs: Sequence[Program], urls: Urls) -> None:
        super().__init__(webs[0].process, webs[0].port, urls)
        self.webs = webs

    @property
    def ports(self) -> list[int]:
        return [web.port for web in self.webs]


async def until(
    holds: Callable[[], Awaitable[Any]], within_s: float = SOON_S, pause_s: float = 0.05
) -> float:
    """Wait until ``await holds()``; how long it took in seconds. Raises ``AssertionError`` after ``within_s``."""
    began = time.monotonic()
    while not (found := await holds()):
        assert time.monotonic() - began < within_s, f"not within {within_s:g} s: {found}"
        await asyncio.sleep(pause_s)
    return time.monotonic() - began
