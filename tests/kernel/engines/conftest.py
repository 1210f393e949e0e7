"""Folders and users for tests that start real engines."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
NOBODY = 65534


@pytest.fixture
def home() -> Iterator[Path]:
    """A short folder that every user may enter, as ``SIYU_HOME`` usually is."""
    folder = Path(tempfile.mkdtemp(prefix="siyu-e-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def run() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a Python program of the given text with our package; ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(
        text: str, *arguments: object, python: str = sys.executable, **options: Any
    ) -> subprocess.Popen[str]:
        site = [path for path in sys.path if "site-packages" in path]
        process = subprocess.Popen(
            [python, "-c", text, *map(str, arguments)], text=True, stdout=subprocess.PIPE, cwd="/",
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *site]), "PYTHONUNBUFFERED": "1"}, **options,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def as_plain_user(run) -> Callable[..., subprocess.Popen[str]]:
    """Like ``run``, as a user without any rights; skips where no interpreter can be reached by one."""
    if os.geteuid() != 0:
        return run
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        probe = [
            python,
            "-c",
            f"import os; os.listdir({str(ROOT / 'siyu')!r}); import ctypes, hmac",
        ]
        try:
            if (
                subprocess.run(
                    probe,
                    check=False,
                    user=NOBODY,
                    group=NOBODY,
                    extra_groups=[],
                    cwd="/",
                    capture_output=True,
                ).returncode
                == 0
            ):
                return lambda text, *arguments: run(
                    text, *arguments, python=python, user=NOBODY, group=NOBODY, extra_groups=[]
                )
        except OSError:
            continue
    pytest.skip(f"no {version} that a plain user could run")


def eventually(condition: Callable[[], object], within_s: float = 10.0) -> bool:
    """Whether the condition comes true within the time."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., bool]:
    return eventually
