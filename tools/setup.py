"""Makes the Python environment and the web apps; what has not changed since last time is skipped.

Runs on Python >= 3.11 with nothing but the standard library. `--mini-program` builds that one too.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import debs

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
NODE_AT_LEAST = (20, 19)  # what Vite 8 asks for
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
NO_PIP = (
    "This Python can make an environment but has no pip to fill it: install its venv package "
    "(Debian, Ubuntu: apt install python3-venv), or name another (make PYTHON=/path/to/python3)."
)
BUILDS = {  # of web/*: what npm runs → what it makes
    "console": {"build": "dist/index.html"},
    "mobile": {"build:h5": "dist/build/h5/index.html"},
}
MINI_PROGRAM = {"build:mp-weixin": "dist/build/mp-weixin/app.json"}
SCRIPT = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
from siyu.app.cli import main
sys.exit(main())
"""


class Stopped(Exception):
    """Set-up cannot go on; the text says why and what to do."""


@dataclass(frozen=True)
class Step:
    """One piece of work, done again when its key changes or what it made is gone."""

    title: str
    key: str
    made: Path
    run: Callable[["Step"], None]

    @property
    def slug(self) -> str:
        return re.sub(r"\W+", "-", self.title.lower())

    @property
    def stamp(self) -> Path:
        return CACHE / self.slug

    @property
    def done(self) -> bool:
        return self.made.exists() and self.stamp.exists() and self.stamp.read_text() == self.key


def main() -> None:
    """Do what is due, with one line of progress for each step."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepare(mini_program="--mini-program" in sys.argv)


def prepare(*, mini_program: bool) -> None:
    """Do the steps that are due, in order."""
    steps = [environment(), packages(), *web(mini_program=mini_program), clients()]
    due = [step for step in steps if not step.done]
    for number, step in enumerate(due, 1):
        label, began = f"[{number}/{len(due)}] {step.title}", time.monotonic()
        print(f"{label} ...", end="", flush=True)
        step.stamp.unlink(missing_ok=True)
        log(step).unlink(missing_ok=True)
        step.run(step)
        step.stamp.write_text(step.key)
        print(f" {time.monotonic() - began:.0f} s", flush=True)


def log(step: Step) -> Path:
    """Where all that the step's programs say goes."""
    return CACHE / f"{step.slug}.log"


def call(
    step: Step, *command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT
) -> None:
    """Run a program silently; when it fails, stop with the end of what it said."""
    began = time.monotonic()
    with log(step).open("a") as out:
        running = subprocess.Popen(
            command,
            cwd=cwd,
            env=env or downloads(),
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
        )
        while (code := wait(running)) is None:
            if sys.stdout.isatty():
                print(f"\r{step.title} ... {time.monotonic() - began:.0f} s", end="", flush=True)
    if code != 0:
        tail = "\n".join(log(step).read_text(errors="replace").splitlines()[-25:])
        raise Stopped(f"\n{tail}\n\n{step.title}: failed; all of it is in {log(step)}")


def wait(running: subprocess.Popen[bytes]) -> int | None:
    """The exit code, or None when it still runs after a second."""
    try:
        return running.wait(1)
    except subprocess.TimeoutExpired:
        return None


def downloads() -> dict[str, str]:
    """The environment of pip, uv and npm.

    uv and Node bring their own list of authorities; they shall trust what this machine trusts.
    Caches go into the checkout when there is no home to write to.
    """
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    if trusted := next(filter(os.path.exists, AUTHORITIES), None):
        env = {"SSL_CERT_FILE": trusted, "NODE_EXTRA_CA_CERTS": trusted} | env
    if not os.access(Path.home(), os.W_OK):
        env |= {"UV_CACHE_DIR": str(CACHE / "uv"), "npm_config_cache": str(CACHE / "npm")}
    return env


def digest(*parts: object) -> str:
    """A key of values and files; a folder counts with all its files, without builds and packages."""
    sum_ = hashlib.sha256()
    for part in parts:
        for item in files(part) if isinstance(part, Path) else [part]:
            sum_.update(f"{item}\0".encode())
            if isinstance(item, Path):
                sum_.update(item.read_bytes())
    return sum_.hexdigest()


def files(path: Path) -> Iterator[Path]:
    """The files of a tree in a fixed order."""
    if path.is_file():
        yield path
    elif path.is_dir() and path.name not in {"node_modules", "dist", "unpackage"}:
        for inner in sorted(path.iterdir()):
            yield from files(inner)


# ── Python ────────────────────────────────────────────────────────────────────────────────────────


def environment() -> Step:
    """The venv with uv in it; made anew when its Python is gone or too old."""
    return Step("Python environment", digest(str(ROOT), uv_pin()), VENV / "bin" / "uv", make_venv)


def uv_pin() -> str:
    """The version and hashes of uv in the lock file."""
    found = re.search(r"^uv==(?:.*\\\n)*.*\n", LOCK.read_text(), re.MULTILINE)
    assert found, "requirements.lock names uv"
    return found.group()


def make_venv(step: Step) -> None:
    sound = "import sys; sys.exit(sys.prefix == sys.base_prefix or sys.version_info < (3, 11))"
    if not PYTHON.exists() or subprocess.run([PYTHON, "-c", sound], check=False).returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        call(step, sys.executable, "-m", "venv", "--without-pip", VENV)
    pinned = CACHE / "uv.txt"
    pinned.write_text(uv_pin())
    call(step, *pip(step), "install", "--quiet", "--require-hashes", "--no-deps", "-r", pinned)


def pip(step: Step) -> list[str | Path]:
    """Some pip that fills the venv: its own, this Python's, or the one Debian keeps apart."""

    def works(*command: str | Path) -> bool:
        with log(step).open("a") as out:
            return subprocess.run(command, stdout=out, stderr=out, check=False).returncode == 0

    inside = [PYTHON, "-m", "pip"]
    outside = [sys.executable, "-m", "pip", "--python", PYTHON]
    if works(*inside, "--version") or works(PYTHON, "-m", "ensurepip"):
        return [*inside]
    if works(*outside, "--version"):
        return [*outside]
    if not (CACHE / "pip").exists():
        debs.unpack(CACHE / "pip", "python3-pip-whl")
    wheels = [*(CACHE / "pip").glob("usr/share/python-wheels/pip-*.whl")]
    if not wheels:
        raise Stopped(NO_PIP)
    return [PYTHON, wheels[0] / "pip"]


def packages() -> Step:
    """Exactly the packages of the lock file, and siyu itself from this folder."""
    return Step("Python packages", digest(str(ROOT), LOCK), VENV / "bin" / "siyu", sync)


def sync(step: Step) -> None:
    env = downloads() | {"VIRTUAL_ENV": str(VENV), "UV_PYTHON_DOWNLOADS": "never"}
    if not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & env.keys() and (mirror := pip_mirror(step)):
        env["UV_DEFAULT_INDEX"] = mirror
    call(
        step,
        VENV / "bin" / "uv",
        "pip",
        "sync",
        "--require-hashes",
        "--python",
        PYTHON,
        LOCK,
        env=env,
    )
    site = next((VENV / "lib").glob("python3.*/site-packages"))
    (site / "siyu.pth").write_text(f"{ROOT}\n")
    script = VENV / "bin" / "siyu"
    script.write_text(SCRIPT.format(python=PYTHON))
    script.chmod(0o755)


def pip_mirror(step: Step) -> str | None:
    """The package index that pip is set to use here; uv does not read pip's settings."""
    asked = subprocess.run(
        [*pip(step), "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
        check=False,
    )
    return os.environ.get("PIP_INDEX_URL") or asked.stdout.strip() or None


# ── Web ───────────────────────────────────────────────────────────────────────────────────────────


def web(*, mini_program: bool) -> list[Step]:
    """Packages and builds of each app; code that both share counts for both."""
    steps: list[Step] = []
    shared = [path for path in sorted((ROOT / "web").glob("*")) if path.name not in BUILDS]
    for app, builds in BUILDS.items():
        folder = ROOT / "web" / app
        if not (folder / "package-lock.json").exists():
            continue
        locked = digest(folder / "package-lock.json")
        modules = folder / "node_modules"
        steps.append(Step(f"Web packages of the {app}", locked, modules, npm_ci))
        wanted = builds | (MINI_PROGRAM if mini_program and app == "mobile" else {})
        steps += [
            Step(f"{app} {name}", digest(folder, *shared), folder / made, npm_run)
            for name, made in wanted.items()
        ]
    return steps


def clients() -> Step:
    """Stock clients of other makers, which the tests let talk to us."""
    folder = ROOT / "tests" / "clients" / "node"
    locked = digest(folder / "package-lock.json")
    return Step("Packages of the test clients", locked, folder / "node_modules", npm_ci)


def npm_ci(step: Step) -> None:
    call(step, "npm", "ci", "--no-audit", "--no-fund", env=node(), cwd=step.made.parent)


def npm_run(step: Step) -> None:
    app, script = step.title.split()
    call(step, "npm", "run", script, env=node(), cwd=ROOT / "web" / app)
    if not step.made.exists():
        raise Stopped(f"\n{step.title} went through but made no {step.made}")


def node() -> dict[str, str]:
    """The environment of npm: the machine's Node when it is new enough, else the one of the venv."""
    env = downloads() | {"npm_config_update_notifier": "false"}
    try:
        asked = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
        major, minor, _ = asked.stdout.strip().removeprefix("v").split(".")
    except (OSError, subprocess.CalledProcessError):
        major = minor = "0"
    if (int(major), int(minor)) < NODE_AT_LEAST or shutil.which("npm") is None:
        env["PATH"] = f"{VENV / 'bin'}:{env['PATH']}"
    return env


if __name__ == "__main__":
    try:
        main()
    except Stopped as why:
        sys.exit(f"\n{str(why).strip()}")
    except KeyboardInterrupt:
        sys.exit("\nStopped; `make setup` goes on from here.")
    except OSError as why:
        sys.exit(f"\nSet-up stopped: {why}")
