"""A house that can be struck: ``siyu up`` with engines of its own, parts killed by ``kill -9``, started again on its home."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx

from bench.stack import Stack
from siyu.app.up import NOTE
from siyu.kernel.engines import free_port, host
from siyu.kernel.settings import Settings, urls_of

ROOT = Path(__file__).resolve().parents[2]
SOON_S = 180.0
"""Promised are 10 s on a quiet machine; the tests run beside others, and their machine may be overloaded."""
EVERYTHING = "everything"
PARTS = ("web", "worker", "postgres", "clickhouse")
_FRAME = re.compile(r" +(\d+: |at )")
TREES = ("web", "worker")
"""Parts that are struck with all their processes or by the first one alone, in turn."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a program on this home, without the settings of whoever runs the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIYU_")}
    return {**clean, "SIYU_HOME": str(home), "SIYU_LOG_LEVEL": "warning", **more}


def living_below(folder: Path) -> dict[int, str]:
    """Processes that have this folder in their command, working folder or environment; by number."""
    sign = os.fsencode(folder)
    found: dict[int, str] = {}
    for entry in host.PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            where = os.fsencode((entry / "cwd").readlink())
            told = (entry / "environ").read_bytes()
        except OSError:  # gone meanwhile, or another user's
            continue
        if sign in command or where.startswith(sign) or b"SIYU_HOME=" + sign in told:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")[:200]
    return {pid: told for pid, told in found.items() if host.stamp_of(pid)}


class House:
    """One home, one port, and the program that is running on it now."""

    def __init__(self, profile: str = "demo", log_level: str = "warning", **more: str) -> None:
        """``more``: settings by their names in the environment."""
        self.folder = Path(tempfile.mkdtemp(prefix="siyu-crash-"))
        self.folder.chmod(0o755)  # as root the database runs under another account
        self.home, self.log = self.folder / "home", self.folder / "up.log"
        self.port = free_port()
        self.profile, self._log_level, self._more = profile, log_level, more
        self.stack: Stack = None  # type: ignore[assignment]

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self.stack.process

    async def start(self, within_s: float = 180.0) -> float:
        """Start the program; the seconds until it was ready."""
        began = time.monotonic()
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "siyu", "up", "--port", str(self.port)], cwd=ROOT,
                env=environment(self.home, SIYU_PROFILE=self.profile, SIYU_LOG_LEVEL=self._log_level, **self._more), stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            while not await self._ready(client):
                assert process.poll() is None, self.last_words()
                assert time.monotonic() - began < within_s, self.last_words()
                await asyncio.sleep(0.1)
        await self.connect(process)
        while not set(PARTS) <= set(self.parts()):
            assert time.monotonic() - began < within_s, self.parts()
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def connect(self, process: subprocess.Popen[bytes] | None = None) -> None:
        """Take fresh connections: those from before a blow are broken."""
        process = process or self.process
        note = json.loads((self.home / NOTE).read_text())
        if self.stack:
            await self.stack.database.close()
        self.stack = Stack(process, self.port, urls_of(Settings(home=self.home), **note), self.home)
        await self.stack.database.open()

    @property
    def ports(self) -> list[int]:
        """Where the web processes answer."""
        return [self.port]

    async def _ready(self, client: httpx.AsyncClient) -> bool:
        try:
            answer = await client.get(f"http://127.0.0.1:{self.port}/health/ready")
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    async def mend(self, victim: str) -> None:
        """Start what nobody else starts again."""
        if victim == EVERYTHING:
            await self.start()

    async def whole(self, within_s: float = SOON_S) -> None:
        """Wait until all parts are there and the web answers: who asks once only must not come in the middle of a recovery."""
        end = time.monotonic() + within_s
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            while not (set(PARTS) <= set(self.parts()) and await self._ready(client)):
                assert time.monotonic() < end, self.last_words()
                await asyncio.sleep(0.1)

    def parts(self) -> dict[str, list[int]]:
        """Living processes by what they do, parents first."""
        while True:
            found: dict[str, list[int]] = {}
            with suppress(OSError):  # one of them ended while it was looked at
                for pid, role in self.stack._parts().items():
                    found.setdefault(role, []).append(pid)
                return found

    def strike(self, victim: str, *, whole: bool = True) -> list[int]:
        """``kill -9`` of a part's first process, with its children if ``whole``, or of everything; who was killed."""
        parts = self.parts()
        if victim == EVERYTHING:
            pids = [self.process.pid, *(pid for role in parts for pid in parts[role])]
        elif whole and victim in TREES:
            pids = parts[victim]
        else:
            pids = parts[victim][:1]
        for pid in dict.fromkeys(pids):
            host.signalled(pid, signal.SIGKILL)
        if victim == EVERYTHING:
            self.process.wait(20)
        return pids

    def last_words(self) -> str:
        """The end of what the program said, without the frames of native libraries."""
        said = self.log.read_text(errors="replace").splitlines()
        return "\n".join(line for line in said if not _FRAME.match(line))[-3000:]

    async def stop(self) -> None:
        """Ctrl-C; nobody may be left."""
        await self.stack.database.close()
        self.process.send_signal(signal.SIGINT)
        status = await asyncio.to_thread(self.process.wait, 60)
        assert status == 0, self.last_words()
        assert host.wait_until(lambda: not living_below(self.folder), 5), living_below(self.folder)

    def forget(self) -> None:
        """End whatever is left, by number, and remove the folder."""
        for pid in living_below(self.folder):
            host.signalled(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
