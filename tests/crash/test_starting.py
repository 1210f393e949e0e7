"""Starting and stopping as a newcomer does it: Ctrl-C at once, refusals in one sentence, and without any rights."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from siyu.kernel.engines import free_port, host
from siyu.kernel.settings import kept_secret
from tests.crash.house import ROOT, SOON_S, environment, living_below

NOBODY = 65534
SECONDS = 20.0
"""How long an end may take here; alone on a quiet machine it takes one to three."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter; whoever is left in it at the end is ended by number."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("who is left is found in /proc")
    folder = Path(tempfile.mkdtemp(prefix="siyu-start-"))
    folder.chmod(0o755)
    yield folder
    for pid in living_below(folder):
        host.signalled(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path, *words: str, **settings: str) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "siyu", *words, "--port", str(free_port())], cwd=ROOT,
            env=environment(folder / "home", **settings), stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def said(folder: Path) -> str:
    return (folder / "log").read_text(errors="replace")


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "the database is being made": lambda folder: (folder / "home" / "pg").exists(),
    "the demo brand is being made": lambda folder: "worker: ready" in said(folder),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_in_a_first_demo_start_ends_it_within_seconds_while(folder, moment):
    program = start(folder, "demo", "--customers", "2000")
    end = time.monotonic() + SOON_S
    while not MOMENTS[moment](folder):
        assert program.poll() is None and time.monotonic() < end, said(folder)
        time.sleep(0.02)
    began = time.monotonic()
    os.killpg(program.pid, signal.SIGINT)  # the terminal sends it to its whole foreground group
    assert program.wait(SOON_S) == 0, said(folder)
    took_s = time.monotonic() - began
    assert host.wait_until(lambda: not living_below(folder), 5), living_below(folder)
    assert took_s < SECONDS, (took_s, said(folder))
    assert "Traceback" not in said(folder), said(folder)


def test_a_start_that_was_broken_off_is_simply_repeated(folder):
    program = start(folder, "up")
    end = time.monotonic() + SOON_S
    while not (folder / "home" / "pg").exists():
        assert program.poll() is None and time.monotonic() < end, said(folder)
        time.sleep(0.005)
    program.kill()
    program.wait(10)
    program = start(folder, "up")
    while "siyu is up" not in said(folder):
        assert program.poll() is None and time.monotonic() < end, said(folder)
        time.sleep(0.1)
    program.send_signal(signal.SIGTERM)
    assert program.wait(SOON_S) == 0, said(folder)
    assert host.wait_until(lambda: not living_below(folder), 5), living_below(folder)


def config(folder: Path, **settings: str) -> dict[str, dict[str, str]]:
    """What ``siyu config`` says in a terminal of its own."""
    told = subprocess.run(
        [sys.executable, "-m", "siyu", "config", "--json"], cwd=ROOT, check=True, capture_output=True,
        env=environment(folder / "home", **settings),
    )  # fmt: skip
    return json.loads(told.stdout)


def test_config_beside_a_running_house_says_what_that_one_uses_and_forgets_one_that_was_killed(
    folder,
):
    program = start(folder, "demo", SIYU_SECRET="hush-hush", SIYU_WORKERS="2")
    port, end = str(program.args[-1]), time.monotonic() + SOON_S  # type: ignore[index]
    while not (folder / "home" / "in_force.json").exists() or "postgres: ready" not in said(folder):
        assert program.poll() is None and time.monotonic() < end, said(folder)
        time.sleep(0.05)
    shown = config(folder, SIYU_WORKERS="3")
    assert shown["port"] == {
        "value": port, "from": "running siyu: command line", "new": "8000", "new_from": "default",
    }  # fmt: skip
    assert (shown["profile"]["value"], shown["profile"]["new"]) == ("demo", "production")
    assert (shown["workers"]["value"], shown["workers"]["new"]) == ("2", "3")
    assert shown["secret"]["value"] == "***"
    assert shown["host"] == {"value": "127.0.0.1", "from": "running siyu: default"}
    left = folder / "home" / "in_force.json"
    assert "hush-hush" not in left.read_text() and left.stat().st_mode & 0o077 == 0
    program.kill()
    program.wait(10)
    assert left.exists()
    assert config(folder)["port"] == {"value": "8000", "from": "default"}
    program = start(folder, "up")  # clears away what the killed one left running
    while "siyu is up" not in said(folder):
        assert program.poll() is None and time.monotonic() < end, said(folder)
        time.sleep(0.1)
    program.send_signal(signal.SIGTERM)
    assert program.wait(SOON_S) == 0, said(folder)
    assert not left.exists()


def test_a_secret_whose_writer_was_killed_is_made_anew_and_all_who_ask_at_once_get_the_same(folder):
    (folder / "secrets").mkdir()
    (folder / "secrets" / "signing").touch(0o600)
    with ThreadPoolExecutor(8) as together:
        secrets = set(together.map(lambda _: kept_secret(folder, "other"), range(40)))
    assert len(kept_secret(folder, "signing")) > 40 and len(secrets) == 1
    assert sorted(path.name for path in (folder / "secrets").iterdir()) == ["other", "signing"]
    assert {path.stat().st_mode & 0o777 for path in (folder / "secrets").iterdir()} == {0o600}


async def told(*words: str, home: Path, **settings: str) -> tuple[int, str]:
    """What a command says and its exit status, once it has ended."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "siyu", *words, cwd=ROOT, env=environment(home, COLUMNS="300", **settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    text, _ = await asyncio.wait_for(program.communicate(), 2 * SOON_S)
    assert program.returncode is not None
    return program.returncode, text.decode()


async def test_what_cannot_be_started_is_refused_in_one_sentence(house, folder):
    (folder / "file").write_text("")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        free = str(free_port())
        nowhere = "postgresql://siyu:secret@127.0.0.1:9/siyu"
        home = folder / "home"
        answers = {
            f"Port {port} for siyu is taken by another program": told("up", "--port", port, home=home),
            f"is in use by a running siyu (process {house.process.pid})": told("up", "--port", free, home=house.home),
            "cannot be written (": told("up", "--port", free, home=folder / "file" / "home"),
            "SIYU_DATABASE_URL is not a URL of the form postgresql://": told("up", home=home, SIYU_DATABASE_URL="mysql://siyu:x@db/siyu"),
            "SIYU_DATABASE_URL leads to no usable PostgreSQL": told("up", "--port", free, home=home, SIYU_DATABASE_URL=nowhere),
            "Set SIYU_DATABASE_URL and SIYU_CLICKHOUSE_URL": told("serve", home=home),
            "use 'siyu demo'": told("serve", home=home, SIYU_PROFILE="demo", SIYU_DATABASE_URL=nowhere, SIYU_CLICKHOUSE_URL="http://127.0.0.1:9/default"),
        }  # fmt: skip
        for words, (status, text) in zip(
            answers, await asyncio.gather(*answers.values()), strict=True
        ):
            assert status == 2 and words.lower() in text.lower(), (words, status, text)
            assert text.startswith("siyu: ") and text.count("\n") == 1, text
            assert "secret" not in text
    assert not living_below(folder)


def plain_python() -> str:
    """An interpreter of our version that a user without rights can run, with the packages of the venv."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = next(path for path in sys.path if path.endswith("site-packages"))
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        probe = f"import os, sys, ctypes; sys.path += [{site!r}]; os.listdir({str(ROOT / 'siyu')!r}); import msgspec, asyncpg, granian"
        try:
            tried = subprocess.run(
                [python, "-c", probe], check=False, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
                capture_output=True,
            )  # fmt: skip
        except OSError:
            continue
        if tried.returncode == 0:
            return python
    pytest.skip(f"no {version} that a plain user could run")


@pytest.mark.skipif(os.geteuid() != 0, reason="all other tests run as a plain user already")
async def test_a_user_without_any_rights_starts_the_house_and_is_served(folder):
    python, port = plain_python(), free_port()
    home = folder / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    site = next(path for path in sys.path if path.endswith("site-packages"))
    settings = {"HOME": str(home), "PYTHONPATH": os.pathsep.join([str(ROOT), site])}
    with (folder / "log").open("ab") as log:
        program = subprocess.Popen(
            [python, "-m", "siyu", "up", "--port", str(port)], cwd="/", env=environment(home, **settings),
            stdout=log, stderr=log, user=NOBODY, group=NOBODY, extra_groups=[], start_new_session=True,
        )  # fmt: skip
    end = time.monotonic() + SOON_S
    while "siyu is up" not in said(folder):
        assert program.poll() is None and time.monotonic() < end, said(folder)
        await asyncio.sleep(0.1)
    owners = {(Path("/proc") / str(pid)).stat().st_uid for pid in living_below(folder)}
    assert owners == {NOBODY}, "nobody in the house has more rights than who started it"
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/health/ready")
    health = answer.json()
    assert (answer.status_code, health["status"], health["warehouse"]) == (200, "ok", "ok")
    program.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(program.wait, SOON_S) == 0, said(folder)
    assert host.wait_until(lambda: not living_below(folder), 5), living_below(folder)
