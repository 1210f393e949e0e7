"""The whole house for the journeys: ``siyu demo`` as a newcomer starts it, on a free port, with few members."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.journeys.browser import chromium

ROOT = Path(__file__).resolve().parents[2]


class House(msgspec.Struct):
    """A running demo."""

    console: str
    shop: str
    login: str
    password: str
    home: Path


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The demo, started as a program and stopped by Ctrl-C; it leaves nobody behind.

    ``SIYU_JOURNEY_HOME`` and ``SIYU_PORT`` point at a demo that is running already (while writing journeys).
    """
    if running := os.environ.get("SIYU_JOURNEY_HOME"):
        port, known = (
            os.environ.get("SIYU_PORT", "8000"),
            Path(running) / "secrets" / "demo-password",
        )
        yield House(
            f"http://localhost:{port}",
            f"http://lanyu.localhost:{port}",
            "owner@lanyu",
            known.read_text().strip()[:10],
            Path(running),
        )
        return
    home = tmp_path_factory.mktemp("demo")
    home.parent.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "SIYU_HOME": str(home), "SIYU_PORT": str(port)}
    log = (home.parent / "demo.log").open("wb")
    program = subprocess.Popen(
        [sys.executable, "-m", "siyu", "demo", "--customers", "300"],
        cwd=ROOT,
        env=environment,
        stdout=log,
        stderr=log,
    )
    password = home / "secrets" / "demo-password"
    deadline = time.monotonic() + 240
    while not (password.exists() and b"Ctrl-C stops it" in (home.parent / "demo.log").read_bytes()):
        assert program.poll() is None, (home.parent / "demo.log").read_text()
        assert time.monotonic() < deadline, (home.parent / "demo.log").read_text()
        time.sleep(0.3)
    yield House(
        f"http://localhost:{port}",
        f"http://lanyu.localhost:{port}",
        "owner@lanyu",
        password.read_text().strip()[:10],
        home,
    )
    program.send_signal(signal.SIGINT)
    assert program.wait(60) == 0
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=2)


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    """A browser of this test's own."""
    async with chromium() as one:
        yield one
